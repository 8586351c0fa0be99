"""JSON that keeps the source text of numbers."""

from __future__ import annotations

import json
import math
import sys

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretfetch.jsontext import LIMIT, MAX_DEPTH, Fault, Float, Int, TooLarge, dump, parse, scalar_text

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = (
    NUMBERS | TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False)) | st.sampled_from(["true", "false", "null"])
)

AT_COMMA = sys.version_info >= (3, 13)  # Python points at a surplus comma from then on, at what follows it before


def _object(members):
    return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{text}" for key, text in members.items()) + "}"


COMPACT = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda members: "[" + ",".join(members) + "]")
        | st.dictionaries(TEXTS, inner, max_size=4).map(_object)
    ),
    max_leaves=12,
)

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


def fault_of(data):
    with pytest.raises(Fault) as raised:
        parse(data)
    return raised.value


@given(COMPACT)
def test_compact_text_survives(text):
    """What is compact already comes out as it went in, every number in its own spelling."""
    assert dump(parse(text.encode())) == text


@given(COMPACT)
def test_values_are_those_of_json(text):
    """Values equal those of Python's json, and so do classes as far as JMESPath looks at them."""
    ours, theirs = parse(text.encode()), json.loads(text)
    assert ours == theirs
    assert type(ours).__name__ == type(theirs).__name__


@given(PLAIN, st.sampled_from([0, 2, 3]))
def test_computed_nodes_are_written_as_json_does(node, indent):
    """Plain Python data, as a computation gives it, is written as json.dumps writes it, compact and indented."""
    separators = None if indent else (",", ":")
    theirs = json.dumps(node, indent=indent or None, separators=separators, ensure_ascii=False)
    assert dump(node, indent=indent) == theirs


@pytest.mark.parametrize("text", ["1.50", "-0", "-0.0", "1E-7", "1e5", "12345678901234567890", "1e400", "9" * 5000])
def test_a_number_keeps_its_text(text):
    """A number is written, and printed by str and format, in its source text, at any size."""
    node = parse(f"[{text}]".encode())
    assert isinstance(node, list)
    assert dump(node) == f"[{text}]"
    assert scalar_text(node[0]) == str(node[0]) == f"{node[0]}" == text


def test_whole_numbers_are_exact():
    """An integer beyond a double's precision compares and computes exactly."""
    assert parse(b"12345678901234567891") == 12345678901234567891
    assert isinstance(parse(b"1"), Int)
    assert isinstance(parse(b"1.0"), Float)
    assert parse(b"9" * 5000) == math.inf


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a[?@ > `1`] | length(@)", 2),
        ("sum(a)", 5.5),
        ("abs(a[2])", 1.5),
        ("max(a)", 3),
        ("type(a[0])", "number"),
        ("sort(a)[0]", 1),
        ("a[?@ == `1.5`] | [0]", 1.5),
        ("ceil(a[2])", 2),
        ("a[?@]", [1, 3, 1.5]),
    ],
)
def test_jmespath_computes_with_them(expression, expected):
    """JMESPath takes the numbers for numbers: comparisons, functions, types."""
    assert jmespath.search(expression, parse(b'{"a": [1, 3, 1.50]}')) == expected


def test_the_last_of_a_repeated_key_wins():
    """Of a repeated key the last value counts."""
    assert parse(b'{"a":1,"b":2,"a":3}') == {"a": 3, "b": 2}


def test_one_byte_order_mark_is_skipped():
    """One byte order mark is no part of the document and of no column; a second one is a fault."""
    assert parse(b"\xef\xbb\xbf[1]") == [1]
    assert fault_of(b"\xef\xbb\xbf[x]").column == 2
    assert fault_of(b"\xef\xbb\xbf\xef\xbb\xbf[1]").column == 1


@pytest.mark.parametrize(
    ("data", "line", "column", "word"),
    [
        (b"", 1, 1, "empty"),
        (b" \n\t", 1, 1, "empty"),
        (b'{"a": NaN}', 1, 7, "NaN"),
        (b'["NaN -Infinity",\n "\\"", -Infinity]', 2, 8, "Infinity"),
        (b'["Infinity", Infinity]', 1, 14, "Infinity"),
        ('{"grüß":\n"ü"'.encode() + b"\xff}", 2, 4, "UTF-8"),
        (b"\xff\xfe[\x00]\x00", 1, 1, "UTF-8"),
        (b'["\xed\xa0\x80"]', 1, 3, "UTF-8"),
        ('["ü", "\\ud800"]'.encode(), 1, 8, "surrogate"),
        (b'{"\\udc00":1}', 1, 3, "surrogate"),
        (b'"\\ud83d\\ud83d\\ude00"', 1, 2, "surrogate"),
        (b'"\\ude00\\ud83d"', 1, 2, "surrogate"),
        (b'"\\\\\\uD800\\\\uDC00"', 1, 4, "surrogate"),
        (b'{"a":1,}', 1, 8 - AT_COMMA, ""),
        (b"[1,]", 1, 4 - AT_COMMA, ""),
        (b'{"a" 1}', 1, 6, "colon"),
        (b"{a:1}", 1, 2, "key"),
        (b"[1 2]", 1, 4, "comma"),
        (b'[\n"abc', 2, 1, "end"),
        (b'["a\tb"]', 1, 4, "control"),
        (b'["\\x41"]', 1, 3, "escape"),
        (b'["\\u12"]', 1, 4, "escape"),
        (b'{"a":1}\n s3cr3t', 2, 2, "more text"),
        (b"01", 1, 2, ""),
        (b"1.", 1, 2, ""),
        (b".5", 1, 1, "value"),
        (b"+1", 1, 1, "value"),
        (b"0x10", 1, 2, ""),
        ("\u0661".encode(), 1, 1, "value"),
        (b"\x0c1", 1, 1, "value"),
        ("\u00a01".encode(), 1, 1, "value"),
        (b"tru", 1, 1, "value"),
        (b"'a'", 1, 1, "value"),
        (b"[", 1, 2, "value"),
    ],
)
def test_a_fault_has_a_place(data, line, column, word):
    """Whatever is not JSON is refused with its line and column, counted from 1, and with its kind."""
    fault = fault_of(data)
    assert (fault.line, fault.column) == (line, column)
    assert word in fault.problem


def test_pairs_of_surrogates_are_characters():
    """An escaped pair is one character, and an escaped backslash before `ud800` is no escape of it."""
    assert parse(b'["\\ud83d\\ude00", "\\\\ud800", "\\uD83D\\uDE00"]') == ["😀", "\\ud800", "😀"]


@pytest.mark.parametrize("opening", [b"[", b'{"[[{":'])
def test_depth_has_a_limit(opening):
    """Nesting is accepted up to a fixed depth and refused beyond it at the bracket, however deep; never a crash."""
    closing = b"]" if opening == b"[" else b"}"
    deepest = opening * (MAX_DEPTH - 1) + closing.join([b"[]", *[b""] * (MAX_DEPTH - 1)])
    assert dump(parse(deepest)).encode() == deepest
    fault = fault_of(opening * 100_000)
    assert (fault.line, fault.column) == (1, len(opening) * MAX_DEPTH + 1)
    assert "nested" in fault.problem


def test_many_brackets_are_no_depth():
    """Lists beside one another, and brackets inside strings, do not count as nesting."""
    text = b'["' + b"[{" * 1000 + b'","\\"[",' + b",".join([b"[]"] * 1000) + b"]"
    assert dump(parse(text)).encode() == text


MARK = "s3cr3t"


@pytest.mark.parametrize(
    "data",
    [
        b'{"s3cr3t": s3cr3t}',
        b'"s3cr3t',
        b'["s3cr3t", NaN]',
        b'["s3cr3t\xff"]',
        b'["s3cr3t\\ud800"]',
        b'["s3cr3t\\s"]',
        b"[" * 501 + b's3cr3t"',
        b'"s3cr3t" s3cr3t',
    ],
)
def test_a_fault_holds_nothing_of_the_text(data):
    """Neither the fault nor any exception that it is chained to shows or keeps the document."""
    fault = fault_of(data)
    shown = [str(fault), repr(fault), repr(fault.args), repr(vars(fault))]
    assert MARK not in "".join(shown)
    assert fault.__cause__ is None
    assert fault.__context__ is None


@given(st.binary(max_size=40) | st.text('[]{}",:\\ud8c0 truefalsn1.-eE\n', max_size=20).map(str.encode))
def test_agrees_with_json_on_what_is_json(data):
    """Any bytes are either refused with a place inside them, or read as Python's json reads them."""
    node, fault = None, None
    try:
        node = parse(data)
    except Fault as caught:
        fault = caught
    if fault is None:
        assert node == json.loads(data.removeprefix(b"\xef\xbb\xbf"))
    else:
        assert 1 <= fault.line <= data.count(b"\n") + 1
        assert 1 <= fault.column <= len(data) + 1


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("a b", "a b"),
        ("", ""),
        (True, "true"),
        (False, "false"),
        ([1, {"a": "ü"}], '[1,{"a":"ü"}]'),
        ({}, "{}"),
        (7, "7"),
    ],
)
def test_text_of_a_node(node, expected):
    """A string is its own text, a boolean JSON's word, an object or list compact JSON."""
    assert scalar_text(node) == expected


def test_null_has_no_text():
    """Null is no value: asking for its text is a mistake of the caller."""
    with pytest.raises(ValueError, match="null"):
        scalar_text(None)


@pytest.mark.parametrize("indent", [0, 2])
def test_shared_lists_do_not_explode(indent):
    """Twenty-four lists that hold each other twice are refused by the limit, not written for minutes."""
    node: list = ["x"]
    for _ in range(24):
        node = [node, node]
    with pytest.raises(TooLarge, match=str(LIMIT)):
        dump(node, indent=indent)


def test_shared_lists_are_weighed_not_walked():
    """A text that no machine could write is refused by its weight, whatever the limit: walking it would never end."""
    node: list = []
    for _ in range(200):
        node = [node, node]
    with pytest.raises(TooLarge):
        dump(node, limit=2**60)


def test_the_limit_counts_bytes():
    """The limit is one of bytes of UTF-8, quotes and brackets included, and is itself allowed."""
    assert dump(["üü"], limit=8) == '["üü"]'
    with pytest.raises(TooLarge):
        dump(["üü"], limit=7)


def test_a_weighty_but_small_document_is_written():
    """A long document of shared parts is written where it fits."""
    part = [{"a": "x" * 50}] * 1000
    node = [part] * 20
    assert json.loads(dump(node)) == node


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, pytest.param(10**4300, id="4301 digits")])
def test_no_number_beyond_json(number):
    """A computed number that JSON cannot write is refused instead of written as something else."""
    with pytest.raises(TooLarge, match="computed number"):
        dump([number])


def test_writing_does_not_recurse():
    """A computed node deeper than any stack is written."""
    node: list = []
    for _ in range(20_000):
        node = [node]
    assert dump(node) == "[" * 20_001 + "]" * 20_001
