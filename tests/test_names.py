"""Which names are accepted."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secretfetch import names

PARTS = st.sampled_from(["..", ".", "", "/", "a", "..a", "a..", "x" * 255, "ü", "\0", "\n", "\u202e", " ", "-", "~"])
HOSTILE = st.lists(PARTS | st.text(max_size=4), max_size=6).map("/".join)


@pytest.mark.parametrize(
    "path",
    [
        "app.env",
        "tls/tls.crt",
        ".hidden",
        "a/.b",
        "a..b",
        "name with blanks",
        "größe",
        "x" * 255,
        "ü" * 127,
        "~",
        "-rf",
    ],
)
def test_ordinary_paths_are_fine(path):
    """A relative path of ordinary names is accepted, whatever its script."""
    assert names.path_fault(path) == ""


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("", "is empty"),
        ("/etc/passwd", "is absolute"),
        ("a//b", "has an empty part"),
        ("a/", "has an empty part"),
        ("./a", 'has a part "."'),
        ("a/./b", 'has a part "."'),
        ("..", "leads out of the volume"),
        ("a/../../b", "leads out of the volume"),
        ("..data", "has a part that begins with two dots"),
        ("a/..b", "has a part that begins with two dots"),
        ("...", "has a part that begins with two dots"),
        ("a\0b", "has a NUL character"),
        ("a\nb", "has a line break"),
        ("a\u2028b", "has a line break"),
        ("a\x1bb", "has a control character"),
        ("a\x7f", "has a control character"),
        ("a\x9b", "has a control character"),
        ("a\u202eb", "has a character that changes the direction of text"),
        ("\ud800", "is not valid Unicode text"),
        ("x" * 256, "has a part longer than 255 bytes"),
        ("ü" * 128, "has a part longer than 255 bytes"),
        ("/".join(["x" * 200] * 21), "is longer than 4,096 bytes"),
        ("/".join(["x"] * 101), "has more than 100 parts"),
    ],
)
def test_a_path_that_no_volume_can_hold_is_told_why(path, fault):
    """Each kind of bad path has a reason of its own."""
    assert names.path_fault(path) == fault


@given(HOSTILE)
@example("a/b/../../../etc")
@example("....//....//etc")
def test_no_accepted_path_leaves_the_root(path):
    """What is accepted stays below any root, is its own normal form and fits on one line."""
    if names.path_fault(path) == "":
        root = "/root/of/volume"
        assert posixpath.normpath(posixpath.join(root, path)) == f"{root}/{path}"
        assert len(path.splitlines()) == 1
        assert not any(part.startswith("..") or len(part.encode()) > 255 for part in path.split("/"))


@pytest.mark.parametrize("name", ["A", "_", "a1", "DB_USER", "_9"])
def test_ordinary_variables_are_fine(name):
    """Letters, digits and the underscore, no digit first."""
    assert names.variable_fault(name) == ""


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "is empty"),
        ("1A", "begins with a digit"),
        ("db-host", 'has "-" where only letters, digits and "_" can be'),
        ("a b", 'has " " where only letters, digits and "_" can be'),
        ("A\n", r'has "\n" where only letters, digits and "_" can be'),
        ("größe", 'has "ö" where only letters, digits and "_" can be'),
        ("a٣", 'has "\u0663" where only letters, digits and "_" can be'),
    ],
)
def test_a_bad_variable_is_told_why(name, fault):
    """The message shows the first sign that cannot be."""
    assert names.variable_fault(name) == fault


@pytest.mark.parametrize("name", ["tls.crt", ".dockerconfigjson", "a", "A-_.9", "x" * 253, "a..b"])
def test_keys_that_kubernetes_takes_are_fine(name):
    """Letters, digits, `-`, `_` and `.`, at most 253 of them."""
    assert names.secret_key_fault(name) == ""


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "is empty"),
        ("a/b", 'has "/" where only letters, digits, "-", "_" and "." can be'),
        ("é", 'has "é" where only letters, digits, "-", "_" and "." can be'),
        ("x" * 254, "is longer than 253 characters"),
        (".", 'is "."'),
        ("..", "begins with two dots"),
        ("..data", "begins with two dots"),
    ],
)
def test_keys_that_kubernetes_refuses_are_told_why(name, fault):
    """What the API server refuses is found before it is asked."""
    assert names.secret_key_fault(name) == fault


@pytest.mark.parametrize(
    ("paths", "pair"),
    [
        (["a", "b", "a.b", "a-b"], None),
        (["a/b", "a/c", "ab"], None),
        (["a", "a"], ("a", "a")),
        (["a/b", "c", "a"], ("a", "a/b")),
        (["a/b/c/d", "a!", "a/b"], ("a/b", "a/b/c/d")),
        ([], None),
    ],
)
def test_conflicts_are_found_in_any_order(paths, pair):
    """One path twice, or a file where another path needs a directory; names that sort in between do not hide it."""
    assert names.path_conflicts(iter(paths)) == pair


@given(st.lists(st.lists(st.sampled_from(["a", "b", "a!", "a0"]), min_size=1, max_size=3).map("/".join), max_size=5))
def test_conflicts_are_those_of_every_pair(paths):
    """The quick search finds a conflict exactly where comparing all pairs does."""
    slow = any(
        (two + "/").startswith(one + "/")
        for at, one in enumerate(paths)
        for other, two in enumerate(paths)
        if at != other
    )
    assert (names.path_conflicts(paths) is not None) == slow


@given(st.text(alphabet=st.characters(), max_size=120))
def test_a_printable_name_is_one_harmless_line(name):
    """Whatever a store calls its keys, a message stays on its line, in its direction, and of bounded length."""
    shown = names.printable(name)
    assert shown.isprintable()
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200f")
    assert len(shown) <= 80 * 10 + 30


def test_a_long_name_is_cut():
    """A name of megabytes does not fill the log; its length is told."""
    assert names.printable("k" * 5000, 5) == "kkkkk... (5,000 characters)"
    assert names.printable("größe of\tit") == r"größe of\tit"
