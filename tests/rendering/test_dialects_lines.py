"""The line of each dialect: its bytes, what it refuses, and that its readers get the value back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendering import readers
from rendering.values import NASTY, PARTS, WHOLE

from secretfetch.rendering.dialects import DOCKER_LINE, LINES, CannotHold

TEXT_ONLY = sorted(LINES.keys() - {"shell"})


def line(form, value):
    """Write a line, or return None where the dialect refuses."""
    try:
        return LINES[form]("K", value.encode() if isinstance(value, str) else value)
    except CannotHold:
        return None


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        ("docker", '  $HOME `id` it\'s "q" \\ # \t ', 'K=  $HOME `id` it\'s "q" \\ # \t \n'),
        ("docker", "a\rb", "K=a\rb\n"),
        ("docker", "", "K=\n"),
        ("compose", "\\ \" $ \n \r \t ` ' # \x01", 'K="\\\\ \\" \\$ \\n \\r \\t ` \' # \x01"\n'),
        ("shell", "it's\n$(id) \\ \r", "export K='it'\\''s\n$(id) \\ \r'\n"),
        ("shell", b"\xff\x81", b"export K='\xff\x81'\n"),
        ("systemd", "\" \\ $ ` ' \n \r \t #", 'K="\\" \\\\ \\$ \\` \' \n \r \t #"\n'),
        ("dotenv", '$HOME "q" \\n `id` #\n', "K='$HOME \"q\" \\n `id` #\n'\n"),
        ("dotenv", "it's #\n", 'K="it\'s #\n"\n'),
        ("dotenv", "", "K=''\n"),
        ("kubelet", '"$HOME" `id` \\ \\\\ ${X}\n#\r', "K='\"$HOME\" `id` \\ \\\\ ${X}\n#\r'\n"),
        ("properties", "  a = b : c # d ! \\", "K=\\  a = b : c # d ! \\\\\n"),
        ("properties", "\n\r\t\f\v\0\x7e\x7f", "K=\\n\\r\\t\\f\\u000B\\u0000~\\u007F\n"),
        ("properties", "é\u2013😀\ufeff", "K=\\u00E9\\u2013\\uD83D\\uDE00\\uFEFF\n"),
    ],
)
def test_bytes_of_a_line(form, value, expected):
    """A value is written byte for byte as its dialect has it."""
    assert line(form, value) == (expected if isinstance(expected, bytes) else expected.encode())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a b", b"a\\ b="),
        ("\\=:#!", b"\\\\\\=\\:\\#\\!="),
        ("tab\tnl\ncr\rff\f", b"tab\\tnl\\ncr\\rff\\f="),
        ("größe.😀", b"gr\\u00F6\\u00DFe.\\uD83D\\uDE00="),
        ("", b"="),
    ],
)
def test_names_of_properties(name, expected):
    """Properties hold any name: what would end one, begin a comment or be blank is escaped."""
    assert LINES["properties"](name, b"v") == expected + b"v\n"


@pytest.mark.parametrize(
    ("form", "value", "why"),
    [
        ("docker", "a\nb", "line feed"),
        ("docker", "a\r", "carriage return"),
        ("docker", "x" * (DOCKER_LINE - 2), "65,536 bytes"),
        ("systemd", "\uffff", "noncharacter"),
        ("systemd", "\U0001fffe", "noncharacter"),
        ("systemd", "\ufdd0", "noncharacter"),
        ("dotenv", "a\rb", "carriage return"),
        ("dotenv", "it's $5", "single quote"),
        ("dotenv", "it's \\", "single quote"),
        ("dotenv", "it's `", "single quote"),
        ("dotenv", "it's \"", "single quote"),
        ("dotenv", "${HOME}", r"\$\{"),
        ("dotenv", "a\\\\b", "backslash"),
        ("dotenv", "a\\", "backslash"),
        ("kubelet", "it's", "single quote"),
        ("kubelet", "a\r\nb", "carriage return"),
        *[(form, "a\0b", "NUL") for form in LINES if form != "properties"],
        *[(form, b"a\xffb", "UTF-8") for form in TEXT_ONLY],
        *[(form, b"\xed\xa0\x80", "UTF-8") for form in TEXT_ONLY],
    ],
)
def test_what_a_dialect_cannot_hold(form, value, why):
    """A value without a faithful spelling is refused, and the reason names the kind of trouble, not the value."""
    with pytest.raises(CannotHold, match=why) as refused:
        LINES[form]("K", value.encode() if isinstance(value, str) else value)
    assert refused.value.__cause__ is None


def test_the_longest_line_of_docker():
    """A line of 65,535 bytes is the longest that docker reads, and is written."""
    value = b"x" * (DOCKER_LINE - 3)
    assert readers.docker(LINES["docker"]("K", value)) == {"K": value}


@given(NASTY)
def test_portable_rule(value):
    """Portable dotenv writes exactly the values of the rule, in single quotes wherever those will do."""
    single = not re.search(r"'|\r|\\\\|\$\{", value) and not value.endswith("\\")
    double = not re.search(r'["\\$`\r]', value)
    expected = f"K='{value}'\n".encode() if single else f'K="{value}"\n'.encode() if double else None
    assert line("dotenv", value) == expected


READERS = [
    ("docker", readers.docker),
    ("compose", readers.compose),
    ("systemd", readers.systemd),
    ("kubelet", readers.kubelet),
    ("dotenv", readers.compose),
    ("dotenv", readers.systemd),
    ("dotenv", readers.python_dotenv),
]


def unfit_for_systemd(read, value):
    """Portable dotenv lets noncharacters pass, which systemd alone refuses."""
    return read is readers.systemd and line("systemd", value) is None


@pytest.mark.parametrize(("form", "read"), READERS)
@given(values=st.lists(NASTY, min_size=1, max_size=6))
def test_readers_get_the_values_back(form, read, values):
    """A file of any values that a dialect holds is read as those values, however they stand beside one another."""
    held = {
        f"V{place}": value
        for place, value in enumerate(values)
        if line(form, value) and not unfit_for_systemd(read, value)
    }
    data = b"".join(LINES[form](name, value.encode()) for name, value in held.items())
    assert read(data) == {name: value.encode() for name, value in held.items()}


@pytest.mark.parametrize("value", [*WHOLE, *PARTS])
def test_some_dialect_holds_any_text(value):
    """Shell and compose hold every text without NUL; the stricter dialects hold no more than they do."""
    assert line("shell", value) is not None
    assert line("compose", value) is not None
    assert line("properties", value) is not None


@given(st.binary(max_size=30))
def test_only_shell_holds_bytes(value):
    """Bytes that are no text are held by shell alone; no dialect but properties holds NUL."""
    text = True
    try:
        value.decode()
    except UnicodeDecodeError:
        text = False
    holders = {form for form in LINES if line(form, value)}
    if not text:
        assert holders <= {"shell"}
    if b"\0" in value:
        assert holders <= {"properties"}
    assert ("shell" in holders) == (b"\0" not in value)
