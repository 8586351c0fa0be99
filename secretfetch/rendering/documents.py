"""Whole documents: JSON and YAML, whose values keep their JSON types. What does not belong here: formats of lines."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from secretfetch.bundle import MISSING
from secretfetch.jsontext import LIMIT, Json, TooLarge, dump
from secretfetch.rendering.dialects import decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretfetch.bundle import Item

MAX_DOCUMENT = 8 * LIMIT
"""The largest document that is written, in bytes; one value is at most `LIMIT`."""


def node_of(item: Item) -> Json:
    """Return what a document holds for an item: the node it came from, else its text.

    Raises:
        CannotHold: It is not text.
    """
    return decoded(item.data) if item.node is MISSING else item.node


def json_document(members: dict[str, Json]) -> str:
    """Write one object, a member a line, two blanks per level, numbers by source text.

    Raises:
        TooLarge: It would be larger than `MAX_DOCUMENT`.
    """
    return dump(members, indent=2, limit=MAX_DOCUMENT) + "\n"


def yaml_document(members: dict[str, Json]) -> str:
    """Write one mapping that YAML 1.1 and 1.2 read alike, two blanks per level.

    Text stands bare only where no version could take it for anything else, and else in double quotes. A number keeps
    its source text unless YAML 1.1 would take that for text: `1e5` becomes `1.0e+5`.

    Raises:
        TooLarge: It would be larger than `MAX_DOCUMENT`.
    """
    if not members:
        return "{}\n"
    size = 0
    lines: list[str] = []
    for line in _lines(members):
        size += len(line)
        if size > MAX_DOCUMENT:
            raise TooLarge(f"it is larger than {MAX_DOCUMENT} bytes")
        lines.append(line)
    return "".join(lines)


DOCUMENTS: Final[dict[str, Callable[[dict[str, Json]], str]]] = {"json": json_document, "yaml": yaml_document}


def _lines(root: Json) -> Iterator[str]:
    open_nodes = [_members(root, 0, inline=False)]  # what is not yet written of each open node, outermost first
    while open_nodes:
        for lead, node, in_list in open_nodes[-1]:
            if isinstance(node, (dict, list)) and node:
                yield lead + (" " if in_list else "\n")
                open_nodes.append(_members(node, len(open_nodes), inline=in_list))
                break
            yield f"{lead} {_leaf(node)}\n"
        else:
            open_nodes.pop()


def _members(node: Json, depth: int, *, inline: bool) -> Iterator[tuple[str, Json, bool]]:
    """Yield lead, member and whether the member's own members may begin on the same line; `inline`: the first does."""
    indent = "  " * depth
    lead = "" if inline else indent
    if isinstance(node, list):
        for member in node:
            yield lead + "-", member, True
            lead = indent
    elif isinstance(node, dict):
        for key, member in node.items():
            written = _text(key)
            # A reader looks 1,024 characters ahead for the colon, unless a question mark announces a key.
            yield lead + (f"{written}:" if len(written) < _LONG_KEY else f"? {written}\n{indent}:"), member, False
            lead = indent


_LONG_KEY = 1000
_WORD = r"[A-Za-z0-9_./@+=-]+"
# Some readers of YAML 1.1 take even `e3` and `_1` for numbers.
_BARE = re.compile(rf"(?![eE_.+-]*[0-9][eE0-9_.+-]*\Z)[A-Za-z_](?:{_WORD})?(?: {_WORD})*")
_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
# Line breaks of YAML 1.1, and what a reader refuses or a terminal obeys.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_quote = json.JSONEncoder(ensure_ascii=False).encode


def _leaf(node: Json) -> str:
    if isinstance(node, str):
        return _text(node)
    written = dump(node)
    return _number(written) if isinstance(node, (int, float)) and not isinstance(node, bool) else written


def _text(text: str) -> str:
    if _BARE.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", _quote(text))


def _number(written: str) -> str:
    """Spell a JSON number so that YAML 1.1 sees a number too: an exponent needs a fraction before it, and a sign."""
    signed = re.sub(r"([eE])(\d)", r"\1+\2", written)
    return re.sub(r"\A(-?\d+)([eE])", r"\1.0\2", signed)
