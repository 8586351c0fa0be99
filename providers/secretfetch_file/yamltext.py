"""YAML as JSON, keeping what was written.

Numbers keep their source text where JSON can hold it; `true`, `false` and `null` are what they are; everything else
that YAML 1.1 would turn into something (dates, `yes`, `0x1F`, `1_000`) stays text. It works on the parser's events:
the C library's own composer is recursive and dies of a deeply nested document. What does not belong here: files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 200
MAX_ALIASED_NODES = 20_000
MAX_ALIASED_TEXT = 8 * 1024 * 1024

_Tree: TypeAlias = "str | list[_Tree] | dict[str, _Tree]"
"""A string is a piece of JSON."""

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {"true", "True", "TRUE", "false", "False", "FALSE"}
_STANDARD = "tag:yaml.org,2002:"
_RESOLVED = {f"{_STANDARD}{name}" for name in ("null", "bool", "int", "float")}


class NotYamlError(Exception):
    """The text cannot be read. `line` is counted from 1; `why` holds nothing of the text."""

    def __init__(self, line: int, why: str = "") -> None:
        super().__init__(f"line {line}")
        self.line = line
        self.why = why


def yaml_to_json(text: str) -> bytes:
    """Return one YAML document as compact JSON; of a repeated key the last value wins, nothing at all is `null`.

    Raises:
        NotYamlError: A syntax error, a second document, a key that is no scalar, too deep, or too much by aliases.
    """
    import yaml  # noqa: PLC0415 - start-up cost

    try:
        tree = _Reader(_expanded(_events(text))).document()
        return _json(tree).encode()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        fault = NotYamlError(mark.line + 1 if mark else 1)
    except yaml.YAMLError:  # a character that YAML forbids; the error does not know the line
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        fault = NotYamlError(line, "a character that YAML forbids")
    except UnicodeEncodeError:  # the parser in Python lets an escaped half pass
        fault = NotYamlError(1, "half a surrogate pair")
    raise fault


def _events(text: str) -> Iterator[Any]:
    import yaml  # noqa: PLC0415 - start-up cost

    return yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _expanded(events: Iterator[Any]) -> Iterator[Any]:
    """Put the events of what an alias stands for in its place."""
    import yaml  # noqa: PLC0415 - start-up cost

    anchored: dict[str, list[Any]] = {}
    open_: list[tuple[str, int, list[Any]]] = []  # anchor, depth at which it ends, events so far
    budget = _Budget()
    depth = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            replayed = _known(anchored, open_, event)
            budget.spend(replayed, event)
        else:
            replayed = [event]
            if getattr(event, "anchor", None):
                anchored.pop(event.anchor, None)
                open_.append((event.anchor, depth, []))
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        for _, _, record in open_:
            record.extend(replayed)
        while open_ and open_[-1][1] == depth and open_[-1][2]:
            anchor, _, record = open_.pop()
            anchored[anchor] = record
        yield from replayed


def _known(anchored: dict[str, list[Any]], open_: list[tuple[str, int, list[Any]]], alias: Any) -> list[Any]:
    if alias.anchor in anchored:
        return anchored[alias.anchor]
    itself = any(anchor == alias.anchor for anchor, _, _ in open_)
    raise NotYamlError(_line(alias), "an alias of what it stands in" if itself else "an alias of nothing")


class _Budget:
    """How much aliases may add: a small document must not grow without bounds."""

    def __init__(self) -> None:
        self._nodes = MAX_ALIASED_NODES
        self._text = MAX_ALIASED_TEXT

    def spend(self, events: list[Any], alias: Any) -> None:
        self._nodes -= len(events)
        self._text -= sum(len(getattr(event, "value", "")) for event in events)
        if self._nodes < 0 or self._text < 0:
            raise NotYamlError(_line(alias), f"aliases make more than {MAX_ALIASED_NODES} nodes or 8 MiB of it")


class _Reader:
    """Builds the tree of one document from events."""

    def __init__(self, events: Iterator[Any]) -> None:
        import yaml  # noqa: PLC0415 - start-up cost

        self._yaml = yaml
        self._events = events

    def document(self) -> _Tree:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), self._yaml.StreamEndEvent):
            return "null"
        tree = self._node(next(self._events), 0)
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, self._yaml.StreamEndEvent):
            raise NotYamlError(_line(after), "a second document")
        return tree

    def _node(self, event: Any, depth: int) -> _Tree:
        if isinstance(event, self._yaml.ScalarEvent):
            return _scalar(event)
        if depth == MAX_DEPTH:
            raise NotYamlError(_line(event), f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, self._yaml.SequenceStartEvent):
            return self._sequence(depth)
        return self._mapping(depth)

    def _sequence(self, depth: int) -> list[_Tree]:
        items: list[_Tree] = []
        while not isinstance(event := next(self._events), self._yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, _Tree]:
        own: dict[str, _Tree] = {}
        merged: dict[str, _Tree] = {}
        while not isinstance(key := next(self._events), self._yaml.MappingEndEvent):
            if not isinstance(key, self._yaml.ScalarEvent):
                raise NotYamlError(_line(key), "a key that is a list or a map")
            value = self._node(next(self._events), depth + 1)
            if key.value == "<<" and key.implicit[0]:
                _merge(merged, value, _line(key))
            else:
                own[key.value] = value
        return {**merged, **own}


def _merge(into: dict[str, _Tree], value: _Tree, line: int) -> None:
    for source in value if isinstance(value, list) else [value]:
        if not isinstance(source, dict):
            raise NotYamlError(line, "a merge of what is no map")
        for name, member in source.items():
            into.setdefault(name, member)


def _scalar(event: Any) -> str:
    text: str = event.value
    if event.tag in _RESOLVED or (event.implicit[0] and event.tag != "!"):
        if text in _NULL:
            return "null"
        if text in _BOOLEAN:
            return text.lower()
        if _NUMBER.fullmatch(text):
            return text
    return _string(text)


def _string(text: str) -> str:
    import json  # noqa: PLC0415 - start-up cost

    return json.dumps(text, ensure_ascii=False)


def _json(tree: _Tree) -> str:
    if isinstance(tree, str):
        return tree
    if isinstance(tree, list):
        return "[" + ",".join(map(_json, tree)) + "]"
    return "{" + ",".join(f"{_string(name)}:{_json(value)}" for name, value in tree.items()) + "}"


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
