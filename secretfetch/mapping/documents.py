"""What was fetched, parsed once per secret, and selecting from it.

What does not belong here: names of outputs; this answers one question: what does a `Source` hold?
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from secretfetch import expressions, jsontext
from secretfetch.bundle import MISSING, Missing
from secretfetch.errors import DataError, KeyNotFound, NotFound, SecretError, meant
from secretfetch.names import printable
from secretfetch.provider import SecretValue

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from secretfetch.jsontext import Json
    from secretfetch.plan import Select, Source
    from secretfetch.provider import SecretRef

Outcomes: TypeAlias = "Mapping[SecretRef, SecretValue | SecretError]"

_SHOWN_KEYS = 20
_SHOWN_PARAMS = ("stage", "label", "recursive")  # not what is written to a store, which may be a secret
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


class Documents:
    """The outcomes of one fetch. Errors of a secret are made once, so that whoever collects them sees each once."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        self._parsed: dict[tuple[SecretRef, str], Json | SecretError] = {}

    def value(self, source: Source) -> SecretValue | None:
        """Return what was fetched for a source; None: the secret does not exist and need not.

        Raises:
            SecretError: What the fetch ended with.
        """
        outcome = self._outcomes[source.ref]
        if isinstance(outcome, SecretValue):
            return outcome
        if source.optional and isinstance(outcome, NotFound):
            return None
        raise outcome

    def node(self, source: Source, *, as_document: bool = False) -> Json | Missing:
        """Return what a source selects; `MISSING`: it is null or not there, or an optional secret is not.

        A source that selects nothing is the whole document. `as_document`: keys of it are wanted, so that a secret
        that is a text inside of another is read as JSON.

        Raises:
            SecretError: The fetch failed, the value is no JSON, or an expression does not suit it.
        """
        value = self.value(source)
        if value is None:
            return MISSING
        node = self._document(source, value)
        for count, step in enumerate(source.select, 1):
            node = _select(node, step, source)
            if step.whole and isinstance(node, str) and (as_document or count < len(source.select)):
                node = _inner(node, source)
        return MISSING if node is None else node

    def missing_key(self, source: Source) -> KeyNotFound | NotFound:
        """Make the error of a source that selects nothing and has to."""
        value = self.value(source)
        if value is None:
            return NotFound(f"{shown(source)} does not exist and is optional; what is asked of it has no default")
        return _missing(source, self._document(source, value))

    def _document(self, source: Source, value: SecretValue) -> Json:
        key = (source.ref, source.name)
        if key not in self._parsed:
            self._parsed[key] = _parse(source, value)
        found = self._parsed[key]
        if isinstance(found, SecretError):
            raise found
        return found


def shown(source: Source) -> str:
    """Name a secret for people: `"db" (aws-sm://prod/db)`."""
    ref = source.ref
    given = (("version", ref.version), *((name, ref.param(name)) for name in _SHOWN_PARAMS))
    params = "&".join(f"{name}={value}" for name, value in given if value)
    address = f"{ref.store}://{ref.key}" + (f"?{params}" if params else "")
    return (
        f'"{source.name}"'
        if ":" in source.name and source.name in (address, ref.key)
        else f'"{source.name}" ({address})'
    )


def _inner(text: str, source: Source) -> Json:
    try:
        return jsontext.parse(text.encode())
    except jsontext.Fault as fault:
        raise _no_json(source, fault) from None


def _parse(source: Source, value: SecretValue) -> Json | SecretError:
    try:
        return jsontext.parse(value.data if value.view is None else value.view)
    except jsontext.Fault as fault:
        return _no_json(source, fault)


def _no_json(source: Source, fault: jsontext.Fault) -> DataError:
    return DataError(
        f"{shown(source)} is not JSON: {fault}",
        ("fix", "correct the secret; or use it whole, without #KEY, in a raw file or as one value"),
        ("note", "the secret was read: this is not a permission problem"),
        where=str(source.origin),
    )


def _select(node: Json, step: Select, source: Source) -> Json:
    if isinstance(node, dict) and step.expression in node:
        return node[step.expression]
    if step.syntax == "key":
        return None
    try:
        return expressions.select(node, step.expression)
    except expressions.Unfit as unfit:
        raise DataError(f'"{source.text}" does not suit {shown(source)}: {unfit}', where=str(source.origin)) from None


def _missing(source: Source, document: Json) -> KeyNotFound:
    node: Json = document
    wanted = ""
    for step in source.select:
        wanted = step.expression
        below = _select(node, step, source)
        if below is None:
            break
        node = (
            _inner(below, source) if step.whole and isinstance(below, str) and step is not source.select[-1] else below
        )
    held, name = _innermost(node, wanted)
    is_null = isinstance(held, dict) and name in held
    notes = [*(meant(name, held) if isinstance(held, dict) else ()), ("holds", _holds(held))]
    headline = f'key "{wanted}" is {"null" if is_null else "not"} in {shown(source)}'
    return KeyNotFound(
        headline,
        *notes,
        ("fix", f"correct {str(source.origin) or 'the reference'}, or give the key `optional: true` or `default:`"),
        ("note", "the secret was read: this is not a permission problem"),
        where=str(source.origin),
    )


def _innermost(node: Json, expression: str) -> tuple[Json, str]:
    """Follow a dotted path as far as it goes: the value where it ends, and the name that is not in it."""
    if not _PATH.fullmatch(expression):
        return node, expression
    *path, last = expression.split(".")
    for name in path:
        below = node.get(name) if isinstance(node, dict) else None
        if below is None:
            return node, name
        node = below
    return node, last


def listed(keys: Collection[str]) -> str:
    """Name the keys of an object, or some of them, for people."""
    names = [printable(name, 40) for name in sorted(keys)]
    more = f", and {len(names) - _SHOWN_KEYS} more" if len(names) > _SHOWN_KEYS else ""
    return f"{len(names)} keys: {', '.join(names[:_SHOWN_KEYS])}{more}" if names else "no keys at all"


def _holds(node: Json) -> str:
    if isinstance(node, dict):
        return listed(node)
    kinds = {list: "a list", str: "a text", bool: "true or false"}
    return f"{kinds.get(type(node), 'a number')} and no keys"
