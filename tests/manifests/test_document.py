"""Rules of reading YAML."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretfetch.errors import ConfigError
from secretfetch.manifests.document import MAX_BYTES, parse


def one(text):
    (document,) = parse(text if isinstance(text, bytes) else text.encode(), "c.yaml")
    return document


def test_values_know_their_lines_and_spelling():
    """Each value has the line of its key and, if it is a scalar, its source text."""
    document = one("a: 1.50\nlist:\n  - yes\n  - {x: 0400}\n")
    assert {"a": 1.5, "list": [True, {"x": 256}]} == document.data
    assert ["c.yaml:1", "c.yaml:3", "c.yaml:4"] == [
        str(document.at(*path)) for path in (("a",), ("list", 0), ("list", 1, "x"))
    ]
    assert ["1.50", "yes", "0400"] == [document.text(*path) for path in (("a",), ("list", 0), ("list", 1, "x"))]


def test_an_unknown_path_is_where_the_nearest_value_is():
    """An error about something that is missing points at what it is missing from."""
    assert "c.yaml:2" == str(one("\na: {b: 1}\n").at("a", "missing", "deeper"))


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("d: 2024-01-02", {"d": "2024-01-02"}),
        ("o: 0o17", {"o": "0o17"}),
        ("1: a\nyes: b\n1.50: c", {"1": "a", "yes": "b", "1.50": "c"}),
        ("\ufeffa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("base: &b {x: 1, y: 2}\nall: {<<: *b, y: 3}", {"base": {"x": 1, "y": 2}, "all": {"y": 3, "x": 1}}),
        ("all: {<<: [{x: 1}, {x: 2, z: 3}]}", {"all": {"x": 1, "z": 3}}),
        ("n: ~", {"n": None}),
        ("i: 123456789012345678901234567890", {"i": 123456789012345678901234567890}),
    ],
)
def test_values(text, data):
    """Dates and octal numbers of YAML 1.2 are text, keys are their text, merge keys and a byte order mark work."""
    assert data == one(text).data


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3", 3, '"a" is there twice'),
        ("a: [1, 2", 2, "YAML syntax"),
        ("a:\n\t- x", 2, "YAML syntax"),
        ("a: b: c", 1, "YAML syntax"),
        ("a: !!python/object:os.system x", 1, "tag"),
        ("a: !mine [x]", 1, "tag"),
        ("x: 1\na: &a [*a]", 2, "alias"),
        ("a: *nobody", 1, "alias"),
        (b"a: 1\nb: \xff", 2, "UTF-8"),
        ("a: 1\nb: \x00", 2, "does not allow"),
        ("? [x]\n: 1", 1, "must be text"),
        ("~: 1\n? \n: 2", 2, "key is missing"),
        ("[" * 1000, 1, "64 levels"),
        ("- " * 1000 + "x", 1, "64 levels"),
        ("a: {<<: 3}", 1, "<<"),
    ],
)
def test_faults_name_the_line(text, line, says):
    """What is no YAML, or YAML that people regret, is refused with its line."""
    with pytest.raises(ConfigError, match=says) as caught:
        one(text)
    assert f"c.yaml:{line}" == caught.value.where


def test_large_files_are_refused():
    """A config of more than a mebibyte is a mistake."""
    with pytest.raises(ConfigError, match="larger than"):
        one("#" * (MAX_BYTES + 1))


def test_alias_bombs_end_quickly():
    """Aliases that stand for billions of values are refused after 20,000; as many as that are fine."""
    levels = "".join(f"l{n}: &l{n} [{','.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 10))
    begun = time.process_time()
    with pytest.raises(ConfigError, match="20000"):
        one("l0: &l0 [x]\n" + levels)
    assert time.process_time() - begun < 2
    assert 10_000 == sum(map(len, one("l: &l [" + "x," * 100 + "]\nall: [" + "*l," * 100 + "]").data["all"]))


def test_merge_bombs_end_quickly():
    """Merge keys count as aliases do."""
    rows = "a0: &a0 {x: 1}\n" + "".join(
        f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 10)}], k{n}: 1}}\n" for n in range(1, 12)
    )
    with pytest.raises(ConfigError, match="20000"):
        one(rows)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    """Whatever is in the file, the answer is a document or one clear error."""
    try:
        documents = parse(text.encode("utf-8", "surrogatepass"), "c.yaml")
    except ConfigError as error:
        told = [error.where]
    else:
        told = [document.file for document in documents]
    assert all(where.startswith("c.yaml") for where in told)
