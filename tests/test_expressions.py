"""Rules of guarded JMESPath."""

import time

import pytest

from secretfetch import expressions, jsontext

DOCUMENT = jsontext.parse(
    b'{"a.b": 1, "rate": 1.50, "big": 12345678901234567890, "on": true, "text": "x",'
    b' "list": [1, 2.50, 3], "nested": {"deep": {"key": "v"}}, "mixed": [1, "a"]}'
)


@pytest.mark.parametrize("text", ["user", "tls.crt", "a-b", "with blank", "ünïcode", "a:b", "1st", "?", "#", "a,b"])
def test_what_may_be_a_plain_key_is_never_refused(text):
    """A text without any sign that only JMESPath has may be a key, whatever JMESPath thinks of it."""
    expressions.check(text)


@pytest.mark.parametrize(
    ("text", "position"),
    [("replicas[0.host", 11), ("a[", 3), ("[?x", 4), ("`1", 1), ("'a", 1), ("a | ", 5), ("foo(", 5), ("@@", 2)],
)
def test_syntax_errors_have_a_position(text, position):
    """What can be no plain key and is no JMESPath is refused, with the place of the fault."""
    with pytest.raises(expressions.Fault) as caught:
        expressions.check(text)
    assert position == caught.value.position


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("foo(@)", r"unknown function foo\(\); meant floor\(\)\?"),
        ("lenght(@)", r"unknown function lenght\(\); meant length\(\)\?"),
        ("length(@, @)", "takes 1 arguments, 2 given"),
        ("merge()", "takes at least 1 arguments, 0 given"),
        ("a[?contains(@)]", "takes 2 arguments, 1 given"),
    ],
)
def test_calls_are_checked_without_data(text, says):
    """An unknown function and a wrong number of arguments are seen before anything is fetched."""
    with pytest.raises(expressions.Fault, match=says):
        expressions.check(text)


@pytest.mark.parametrize("text", ["", "a" * 1025, "(" * 500, "[" + ",".join("@" * 300) + "]"])
def test_oversized_expressions_are_refused(text):
    """Empty, longer than 1 KiB, nested deeply or of more than 200 parts: refused without being evaluated."""
    with pytest.raises(expressions.Fault):
        expressions.check(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rate", "1.50"),
        ("big", "12345678901234567890"),
        ("list", "[1,2.50,3]"),
        ("list[?@ > `1`]", "[2.50,3]"),
        ("max(list)", "3"),
        ("sum(list)", "6.5"),
        ("length(list)", "3"),
        ("to_string(rate)", "1.50"),
        ("to_string(list)", "[1,2.50,3]"),
        ("type(rate)", "number"),
        ("type(big)", "number"),
        ("to_number(text)", None),
        ("to_number('nan')", None),
        ("to_number('inf')", None),
        ("nested.deep.key", "v"),
        ("nested.none.key", None),
        ('"a.b"', "1"),
        ("sort_by(list, &@)[-1]", "3"),
        ("not_null(nope, text)", "x"),
        ("{r: rate, t: text}", '{"r":1.50,"t":"x"}'),
        ("not jmespath", None),
    ],
)
def test_answers_are_those_of_jmespath_with_source_numbers(text, expected):
    """Selecting is JMESPath; numbers that were only moved keep their text."""
    result = expressions.select(DOCUMENT, text)
    assert expected == (None if result is None else jsontext.scalar_text(result))


def test_a_wrong_type_is_told_without_the_value():
    """A function on a value that it does not take: the message has both types and not the value."""
    with pytest.raises(expressions.Unfit, match=r"join\(\) got number, it takes array-string") as caught:
        expressions.select(jsontext.parse(b'{"l": [53317, "s3cr3t"]}'), "join(',', l)")
    assert "53317" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "text",
    [
        "|".join(["[@,@]"] * 24) + "|to_string(@)",
        "|".join(["[@,@][]"] * 24),
        "|".join(["join('', [@,@])"] * 24),
        "list[].[" + ",".join(["@"] * 150) + "]|[]|[*].[@,@,@,@,@,@,@,@,@,@]|[]",
    ],
)
def test_bombs_end_quickly(text):
    """An expression that asks for an exponential answer ends in an error, or small, within a second."""
    begun = time.process_time()
    try:
        result = expressions.select("x" if "join" in text else DOCUMENT, text)
    except expressions.Unfit:
        pass
    else:
        assert len(jsontext.dump(result)) < 100_000
    assert time.process_time() - begun < 5  # seconds; unguarded it is minutes
