"""JSON documents whose numbers keep the text they were written in: `1.50` stays `1.50`, 20 digits stay exact.

Parsed documents are plain Python data, so that JMESPath can work on them; only the numbers are of classes of their own.
What does not belong here: selecting from a document (`expressions`), and errors with an exit code: a caller that knows
the secret's name makes them.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import TYPE_CHECKING, NoReturn, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 8 * 1024 * 1024
"""The largest text that `dump` makes, in bytes of UTF-8: what a provider may read is as much."""

MAX_DEPTH = 500
"""How many objects and lists may lie in one another. Fixed, so that it does not depend on how deep the caller is."""

Json: TypeAlias = "str | bool | int | float | list[Json] | dict[str, Json] | None"
"""A node of a document. A number that was read is an `Int` or a `Float`, a computed one a plain int or float."""


class Fault(ValueError):
    """A text is not JSON. Says where and why, and holds nothing of the text.

    Attributes:
        line: Counted from 1.
        column: Counted from 1, in characters; a byte order mark does not count.
        problem: What is wrong there, in a few words.
    """

    def __init__(self, line: int, column: int, problem: str) -> None:
        super().__init__(line, column, problem)
        self.line = line
        self.column = column
        self.problem = problem

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.problem}"


class TooLarge(ValueError):
    """What should become JSON is longer than the limit, or holds a computed number that is beyond a double's range."""


class Int(int):
    """A whole number. `text` is its source text, and what `str` gives."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Make a number of its source text."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


class Float(float):
    """Any other number: with a fraction or an exponent, or too long for an int. `text` is its source text.

    The number may be infinite where the text is not (`1e999`); computing with it is then of little use, writing it
    is exact.
    """

    text: str

    def __new__(cls, text: str) -> Self:
        """Make a number of its source text."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


# jmespath tells types apart by the name of the class and would refuse `length` or `abs` of an "Int".
Int.__name__ = "int"
Float.__name__ = "float"


class _NoNumber(Exception):
    pass


def _whole(text: str) -> Int | Float:
    try:
        return Int(text)
    except ValueError:  # Python converts at most 4,300 digits
        return Float(text)


def _refuse(_: str) -> NoReturn:
    raise _NoNumber


_DECODER = json.JSONDecoder(parse_int=_whole, parse_float=Float, parse_constant=_refuse)

# Python's words, which may quote the text, and ours.
_PROBLEMS = (
    ("Expecting value", "a value is expected"),
    ("Expecting property name", "a key in double quotes is expected"),
    ("Expecting ':'", "a colon is expected"),
    ("Expecting ','", "a comma or a closing bracket is expected"),
    ("Illegal trailing comma", "a comma before a closing bracket"),
    ("Unterminated string", "a string that does not end"),
    ("Invalid control character", "a control character in a string"),
    ("Invalid \\", "an escape that JSON does not have"),
    ("Extra data", "more text after the end of the document"),
)
_STRING = r'"(?:[^"\\]+|\\.)*+"?'
_CONSTANT = re.compile(rf"{_STRING}|(-?Infinity|NaN)", re.DOTALL)
_BRACKET = re.compile(rf"{_STRING}|([\[{{])|[\]}}]", re.DOTALL)
_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rf"{_HIGH}{_LOW}|({_HIGH}|{_LOW})|\\.")


def parse(data: bytes) -> Json:
    """Read one JSON document (RFC 8259) in UTF-8. One byte order mark is skipped; of a repeated key the last wins.

    Raises:
        Fault: It is not JSON, is nested deeper than `MAX_DEPTH`, or holds half a surrogate pair (text that no encoding
            can write).
    """
    # The fault is raised outside of every `except`: the exceptions caught inside hold the document.
    node, fault = _parse(data.removeprefix(b"\xef\xbb\xbf"))
    if fault is not None:
        raise fault
    return node


def _parse(data: bytes) -> tuple[Json, Fault | None]:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return None, _fault(data[: error.start].decode(), error.start, "this is not UTF-8")
    if not text.strip(" \t\r\n"):
        return None, Fault(1, 1, "it is empty")
    if text.count("[") + text.count("{") > MAX_DEPTH and (deep := _too_deep(text)) is not None:
        return None, _fault(text, deep, f"objects and lists nested more than {MAX_DEPTH} deep")
    try:
        node: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        ours = (mine for theirs, mine in _PROBLEMS if error.msg.startswith(theirs))
        return None, _fault(text, error.pos, next(ours, "this is not JSON"))
    except _NoNumber:
        constant = next(found.start() for found in _CONSTANT.finditer(text) if found[1])
        return None, _fault(text, constant, "NaN and Infinity are not JSON")
    except RecursionError:
        return None, Fault(1, 1, "objects and lists nested too deep")
    if "\\u" in text:
        lone = next((found.start() for found in _ESCAPE.finditer(text) if found[1]), None)
        if lone is not None:
            return None, _fault(text, lone, "half a surrogate pair, which is no character")
    return node, None


def _fault(text: str, position: int, problem: str) -> Fault:
    before = text[:position]
    return Fault(before.count("\n") + 1, len(before) - before.rfind("\n"), problem)


def _too_deep(text: str) -> int | None:
    depth = 0
    for found in _BRACKET.finditer(text):
        if found[1]:
            depth += 1
            if depth > MAX_DEPTH:
                return found.start()
        elif not found[0].startswith('"'):
            depth -= 1
    return None


_quote = json.JSONEncoder(ensure_ascii=False).encode
_WEIGH_AFTER = 256 * 1024  # bytes; less is written faster than weighed


def dump(node: Json, *, indent: int = 0, limit: int = LIMIT) -> str:
    """Write a node in source order, numbers by their source text, non-ASCII unescaped.

    Args:
        node: What `parse` gave, or a part of it, or what was computed from it.
        indent: 0 is compact, without any blank; else blanks per level, one member a line.
        limit: Bytes of UTF-8 that the text may have.

    Raises:
        TooLarge: The text would be longer, or a computed number is infinite or not a number.
    """
    parts: list[str] = []
    size = 0
    weighed = False
    for part in _parts(node, indent):
        size += len(part) if part.isascii() else len(part.encode())
        if size > _WEIGH_AFTER and not weighed:
            # A few lists that hold each other twice are small in memory and endless on paper.
            size += max(0, _weight(node) - limit)
            weighed = True
        if size > limit:
            raise TooLarge(f"it is larger than {limit} bytes")
        parts.append(part)
    return "".join(parts)


def scalar_text(node: Json) -> str:
    """Return what a text format writes for a node: a string as it is, a number or boolean by its source text.

    An object or list becomes compact JSON.

    Raises:
        ValueError: The node is null, which is no value.
        TooLarge: As `dump`.
    """
    if node is None:
        raise ValueError("null has no text")
    return node if isinstance(node, str) else dump(node)


def _parts(root: Json, indent: int) -> Iterator[str]:
    open_nodes = [(iter([("", root)]), "")]  # of each open node: the members not yet written, and what closes it
    while open_nodes:
        members, close = open_nodes[-1]
        for lead, node in members:
            if isinstance(node, (dict, list)) and node:
                brackets = "{}" if isinstance(node, dict) else "[]"
                depth = len(open_nodes)
                yield lead + brackets[0]
                end = "\n" + " " * indent * (depth - 1) if indent else ""
                open_nodes.append((_members(node, indent, depth), end + brackets[1]))
                break
            yield lead + _leaf(node)
        else:
            yield close
            open_nodes.pop()


def _members(node: dict[str, Json] | list[Json], indent: int, depth: int) -> Iterator[tuple[str, Json]]:
    lead = "\n" + " " * indent * depth if indent else ""
    comma = ""
    if isinstance(node, list):
        for member in node:
            yield comma + lead, member
            comma = ","
        return
    colon = ": " if indent else ":"
    for key, member in node.items():
        yield comma + lead + _quote(key) + colon, member
        comma = ","


def _leaf(node: Json) -> str:
    if isinstance(node, (Int, Float)):
        return node.text
    if isinstance(node, float) and not isfinite(node):
        raise TooLarge("a computed number is beyond the range of a double")
    try:
        return _quote(node)
    except ValueError:  # Python writes at most 4,300 digits
        raise TooLarge("a computed number has too many digits") from None


def _weight(root: Json) -> int:
    """Return a lower bound of the bytes that a node takes, in time of its size in memory."""
    weights: dict[int, int] = {}
    waiting: list[Json] = [root]
    while waiting:
        node = waiting[-1]
        members = _inside(node)
        inner = [member for member in members if isinstance(member, (dict, list)) and member]
        missing = [member for member in inner if id(member) not in weights]
        if missing:
            waiting += missing
            continue
        weights[id(node)] = 2 * len(members) + 1 + sum(weights[id(member)] - 1 for member in inner)
        waiting.pop()
    return weights[id(root)]


def _inside(node: Json) -> list[Json]:
    if isinstance(node, dict):
        return [*node.values()]
    return node if isinstance(node, list) else []
