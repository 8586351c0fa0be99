"""JSON and YAML documents: types and number texts are kept, and every reader agrees on them."""

from __future__ import annotations

import json
import math
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rendering.values import NASTY, PARTS, WHOLE

from secretfetch.bundle import Item
from secretfetch.jsontext import TooLarge, parse
from secretfetch.rendering.dialects import CannotHold
from secretfetch.rendering.documents import json_document, node_of, yaml_document


class CoreLoader(yaml.SafeLoader):
    """The core schema of YAML 1.2, on PyYAML's scanner."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012 - how PyYAML keeps them


for tag, expression in {
    "null": r"null|Null|NULL|~|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN",
}.items():
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{expression})$"), None)


def _core_int(loader, node):
    return int(node.value, 0 if node.value[:2] in {"0x", "0o"} else 10)


CoreLoader.add_constructor("tag:yaml.org,2002:int", _core_int)
CoreLoader.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value.replace(".inf", "inf")))

READERS = {"1.1": yaml.SafeLoader, "1.1 in C": yaml.CSafeLoader, "1.2 core": CoreLoader}

AMBIGUOUS = [
    "y",
    "n",
    "yes",
    "no",
    "on",
    "off",
    "true",
    "false",
    "null",
    "~",
    "Yes",
    "NO",
    "On",
    "OFF",
    "True",
    "FALSE",
    "Null",
    "NULL",
    "nan",
    "NaN",
    "inf",
    ".inf",
    "-.inf",
    ".NaN",
    "+.INF",
    "0",
    "00",
    "017",
    "0o17",
    "0x1F",
    "0b11",
    "1_000",
    "1:30",
    "190:20:30.15",
    "1e3",
    "1E-7",
    "1.5e3",
    "1.",
    ".5",
    "-0",
    "+1",
    "685_230.15",
    "2024-01-02",
    "2001-12-14t21:59:43.10-05:00",
    "=",
    "<<",
    "-",
    "?",
    ":",
    "[]",
    "{}",
    "[a]",
    "{a:",
    "&a",
    "*a",
    "!a",
    "|a",
    ">a",
    "%a",
    "@a",
    "`a",
    "a:",
    "a:b",
    "a#",
    "#a",
    "---",
    "...",
    "-a",
    "--a",
    "?a",
    ":a",
    ",a",
    "12345678901234567890",
    "0.1",
    "1.50",
    "e3",
    "E5",
    "0_",
    "_1",
    "0e",
    "08",
    "1e",
    "1e+",
    "true:",
    "NO:",
]


def same(left, right):
    """Compare values and their classes, so that 1, 1.0 and true differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return (
        isinstance(left, bool) == isinstance(right, bool)
        and isinstance(left, str) == isinstance(right, str)
        and left == right
    )


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
TEXTS = NASTY | st.sampled_from(AMBIGUOUS) | st.text("eEyYnN0_1.+-xoafItru ", max_size=5) | st.just("a\0b")
NODES = st.recursive(
    st.none() | st.booleans() | NUMBERS.map(lambda text: parse(text.encode())) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.dictionaries(TEXTS, NODES, max_size=4)


@pytest.mark.parametrize("version", READERS)
@given(members=MEMBERS)
def test_yaml_is_read_back(version, members):
    """Whatever YAML is read with, names, order, values and types are those of the JSON they came from."""
    assert same(yaml.load(yaml_document(members), READERS[version]), members)


@pytest.mark.parametrize("version", READERS)
def test_ambiguous_text_stays_text(version):
    """Text that some YAML reads as another type is text again, as a value, in a list and as a name."""
    texts = [
        *AMBIGUOUS,
        *WHOLE,
        *PARTS,
        "\0",
        "\x80\x9f",
        "x" * 2000,
        " x",
        "x ",
        "a  b",
        "a\tb",
        "a - b",
        "a ? b",
        "two words",
    ]
    members = {
        "texts": dict.fromkeys(texts, 1),
        "list": texts,
        **{f"k{place}": text for place, text in enumerate(texts)},
    }
    assert same(yaml.load(yaml_document(members), READERS[version]), members)


@given(MEMBERS)
def test_json_is_read_back(members):
    """The JSON document holds the same values in the same order, and is Python's own indentation."""
    written = json_document(members)
    assert same(json.loads(written), members)
    numbers_as_python = json.dumps(json.loads(written), indent=2, ensure_ascii=False)
    assert len(written.splitlines()) == len((numbers_as_python + "\n").splitlines())


@given(NUMBERS)
def test_numbers_keep_their_text(text):
    """JSON has a number's source text; YAML too, unless YAML 1.1 would not see a number in it."""
    members = {"k": parse(text.encode())}
    assert json_document(members) == f'{{\n  "k": {text}\n}}\n'
    written = yaml_document(members)
    if "e" not in text.lower() or re.search(r"\..*[eE][+-]", text):
        assert written == f"k: {text}\n"
    for loader in READERS.values():
        assert math.isclose(yaml.load(written, loader)["k"], float(text), rel_tol=1e-15)


@pytest.mark.parametrize(
    ("text", "expected"), [("1e5", "1.0e+5"), ("1E-7", "1.0E-7"), ("-2.5e3", "-2.5e+3"), ("1.5e-3", "1.5e-3")]
)
def test_exponents_in_yaml(text, expected):
    """An exponent is spelled so that YAML 1.1 reads a number, with as little change as possible."""
    assert yaml_document({"k": parse(text.encode())}) == f"k: {expected}\n"


def test_layout_of_json():
    """One object, two blanks per level, empty containers closed at once, non-ASCII as it is."""
    document = parse('{"b":{"z":1.50,"a":[true,null,"grüß"]},"e":{},"l":[],"t":"a\\"b"}'.encode())
    assert isinstance(document, dict)
    assert json_document(document) == (
        '{\n  "b": {\n    "z": 1.50,\n    "a": [\n      true,\n      null,\n      "grüß"\n    ]\n  },\n'
        '  "e": {},\n  "l": [],\n  "t": "a\\"b"\n}\n'
    )


def test_layout_of_yaml():
    """Block style, two blanks per level; bare only where it is safe; one document without a marker."""
    document = parse(
        '{"b":{"z":1.50,"a":[true,null,"grüß",[1,[2]],{"x":1,"in":{"k":[]}}]},'
        '"e":{},"no":"no","w":"two words","u":"a: b"}'.encode()
    )
    assert isinstance(document, dict)
    assert yaml_document(document) == (
        'b:\n  z: 1.50\n  a:\n    - true\n    - null\n    - "grüß"\n'
        "    - - 1\n      - - 2\n    - x: 1\n      in:\n        k: []\n"
        'e: {}\n"no": "no"\nw: two words\nu: "a: b"\n'
    )


@pytest.mark.parametrize("text", ["e3", "E5", "_1", "e.5", "e1_", "y", "N", "nan", "Inf"])
def test_text_that_only_some_readers_misread(text):
    """Text that a lenient reader might take for a number or a boolean is in quotes too."""
    assert yaml_document({text: text}) == f'"{text}": "{text}"\n'


def test_empty_documents():
    """Without any name both are an empty object."""
    assert json_document({}) == "{}\n"
    assert yaml_document({}) == "{}\n"


def test_no_raw_control_characters_in_yaml():
    """What breaks lines in YAML 1.1, is not printable or hides is escaped; other non-ASCII is not."""
    text = "".join(map(chr, [*range(1, 32), *range(0x7F, 0xA1), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF, 0xE9, 0x1F600]))
    written = yaml_document({"k": text})
    assert re.fullmatch(r"[ -~\n\xa0é😀]*", written)
    assert "é😀" in written


def test_deep_documents():
    """Nesting as deep as is read is written without recursion, in both formats."""
    node = parse(b"[" * 400 + b'{"a":' * 100 + b"1" + b"}" * 100 + b"]" * 400)
    assert json_document({"k": node}).count("[") == 400
    assert yaml_document({"k": node}).count("- ") == 400


@pytest.mark.parametrize("write", [json_document, yaml_document])
def test_documents_have_a_limit(write):
    """Lists that hold each other twice thirty times are refused by size, not written for minutes."""
    node: list = ["x" * 1000]
    for _ in range(30):
        node = [node, node]
    with pytest.raises(TooLarge):
        write({"k": node})


def test_items_without_json_are_text():
    """A value that came from no JSON is text, even if it looks like a number; bytes that are no text are refused."""
    assert node_of(Item(b"1.50")) == "1.50"
    assert node_of(Item(b"true", node=True)) is True
    assert node_of(Item(b"null", node=None)) is None
    with pytest.raises(CannotHold, match="UTF-8"):
        node_of(Item(b"\xff"))
