"""What was fetched + the entries of an output -> its names and values. Pure.

What does not belong here: fetching, and how a format writes a value (`rendering`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from secretfetch import jsontext
from secretfetch.bundle import MISSING, Bundle, Item, Missing
from secretfetch.errors import ConfigError, DataError, KeyNotFound, SecretError, meant, one_or_several
from secretfetch.mapping.decoding import decode
from secretfetch.mapping.documents import Documents, listed, shown
from secretfetch.mapping.rewriting import cased, rewritten
from secretfetch.names import printable
from secretfetch.plan import Literal, RawFile, Source, Template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from secretfetch import templates
    from secretfetch.jsontext import Json
    from secretfetch.plan import Entries, Entry, Output, PathsTo, Spread

__all__ = ["Documents", "project", "shown"]

_T = TypeVar("_T")


def project(output: Output, documents: Documents) -> Bundle:
    """Return the values of one output by name; a raw file's one value has the empty name, and may be missing.

    Raises:
        SecretError: Every failure of the output, as one error.
    """
    if not isinstance(output, RawFile):
        return _Projection(documents).entries(output.entries)
    item = _entry(output.entry, documents)
    return {} if item is None else {"": item}


class _Projection:
    """Collects failures, so that one run names them all."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._errors: list[SecretError] = []

    def entries(self, entries: Entries) -> Bundle:
        names: dict[str, Item] = {}
        names |= self._each(entries.defaults)
        names |= self._spreads(entries)
        names |= self._each(entries.keys)
        if self._errors:
            raise one_or_several(self._errors)
        return names

    def _each(self, entries: Iterable[Entry]) -> dict[str, Item]:
        found = {}
        for entry in entries:
            item = self._collected(lambda entry=entry: _entry(entry, self._documents))  # type: ignore[misc]
            if item is not None:
                found[entry.name] = item
        return found

    def _spreads(self, entries: Entries) -> dict[str, Item]:
        found: dict[str, Item] = {}
        for spread in entries.spreads:
            self._add(found, lambda spread=spread: list(_spread(spread, self._documents)))  # type: ignore[misc]
        if entries.paths is not None:
            paths = entries.paths
            self._add(found, lambda: list(_paths(paths, self._documents)))
        return found

    def _add(self, found: dict[str, Item], make: Callable[[], list[tuple[str, Item]]]) -> None:
        for name, item in self._collected(make) or []:
            if name in found:
                self._errors.append(_collision(name, found[name], item))
            else:
                found[name] = item

    def _collected(self, make: Callable[[], _T]) -> _T | None:
        try:
            return make()
        except SecretError as error:
            self._errors.append(error)
            return None


def _collision(name: str, one: Item, other: Item) -> DataError:
    return DataError(
        f'two sources give the name "{printable(name)}": {one.origin} and {other.origin}',
        ("fix", "leave one out with include or exclude, rename with prefix, or name it under keys:"),
    )


def _entry(entry: Entry, documents: Documents) -> Item | None:
    """Return one value; None: it is missing and may be."""
    forgiven = entry.optional or entry.default is not None
    data, node = _read(entry, documents, forgiven=forgiven)
    if data is None:
        return None if entry.default is None else Item(entry.default, mode=entry.mode, origin=_from(entry))
    if entry.decode is not None:
        data, node = _decoded(data, entry), MISSING
    return Item(data, node, entry.mode, _from(entry))


def _read(entry: Entry, documents: Documents, *, forgiven: bool) -> tuple[bytes | None, Json | Missing]:
    what = entry.what
    if isinstance(what, Literal):
        return what.text, MISSING
    if isinstance(what, Template):
        return _filled(entry.name, what, documents, forgiven=forgiven), MISSING
    data, node = _selected(what, documents)
    if data is None and not forgiven and documents.value(what) is not None:
        raise documents.missing_key(what)
    return data, node


def _decoded(data: bytes, entry: Entry) -> bytes:
    try:
        return decode(data, entry.decode or "base64")
    except ValueError as error:
        place = entry.what.origin if not isinstance(entry.what, Literal) else ""
        what = f"the value of {entry.what.text}" if isinstance(entry.what, Source) else "its text"
        fix = ("fix", "correct the secret, or leave decode out")
        raise DataError(f'"{entry.name}": {what} is {error}', fix, where=str(place)) from None


def _from(entry: Entry) -> str:
    if isinstance(entry.what, Source):
        return _origin(entry.what)
    return "a literal of the config" if isinstance(entry.what, Literal) else f"a template ({entry.what.origin})"


def _selected(source: Source, documents: Documents) -> tuple[bytes | None, Json | Missing]:
    """Return the bytes of what a source selects (None: missing), and the JSON where it selects from JSON."""
    if not source.select:
        value = documents.value(source)
        return (None if value is None else value.data), MISSING
    node = documents.node(source)
    return (None if isinstance(node, Missing) else _bytes(node, source)), node


def _bytes(node: Json, source: Source) -> bytes:
    try:
        return jsontext.scalar_text(node).encode()
    except jsontext.TooLarge as error:
        raise DataError(f'what "{source.text}" selects: {error}', where=str(source.origin)) from None


def _origin(source: Source) -> str:
    return f"{source.text} ({source.origin})" if source.origin.file else source.text


def _spread(spread: Spread, documents: Documents) -> Iterator[tuple[str, Item]]:
    source = spread.source
    node = documents.node(source, as_document=True)
    if isinstance(node, Missing):
        if documents.value(source) is not None:
            raise documents.missing_key(source) if source.select else _no_object(source, "null")
        return
    if not isinstance(node, dict):
        kinds = {list: "a list", str: "a text", bool: "true or false"}
        raise _no_object(source, kinds.get(type(node), "a number"))
    taken: dict[str, str] = {}
    for old, name in rewritten(node, spread.rewrite):
        if (value := node[old]) is None:
            continue
        if name in taken:
            raise DataError(
                f'two keys of {shown(source)} give the name "{printable(name)}": '
                f'"{printable(taken[name])}" and "{printable(old)}"',
                ("fix", "leave one out with include or exclude, or name it under keys:"),
                where=str(source.origin),
            )
        taken[name] = old
        yield name, Item(_bytes(value, source), value, origin=_origin(source))


def _no_object(source: Source, kind: str) -> DataError:
    what = shown(source) if not source.select else f'what "{source.text}" selects'
    return DataError(
        f"{what} is {kind}, and only an object has keys to spread",
        ("fix", "use it as one value: under keys:, in a raw file, or as NAME=REF of exec"),
        where=str(source.origin),
    )


def _paths(paths: PathsTo, documents: Documents) -> Iterator[tuple[str, Item]]:
    for name in sorted(_Projection(documents).entries(paths.entries)):
        shown_name = cased(name, paths.case) + paths.suffix
        yield shown_name, Item(f"{paths.directory}/{name}".encode(), origin=f'the path of "{name}"')


def _filled(name: str, template: Template, documents: Documents, *, forgiven: bool) -> bytes | None:
    from secretfetch import templates  # noqa: PLC0415 - start-up cost

    what = f"the template for {name}" if name else "the template"
    where = str(template.origin)
    try:
        values = {secret: _template_value(source, documents) for secret, source in template.sources}
        return templates.render(template.text, values).encode()
    except templates.Undefined as error:
        if forgiven:
            return None
        raise _undefined(what, error, template) from None
    except templates.Unfit as error:
        raise DataError(f"{what}: {error}", where=where) from None
    except templates.Fault as error:
        raise ConfigError(f"{what}: {error}", where=where) from None


def _undefined(what: str, error: templates.Undefined, template: Template) -> KeyNotFound:
    line = f" (its line {error.line})" if error.line else ""
    # A name that the template computes may be a secret's value: only what it spells out is shown.
    spelled = error.path in template.text
    name = f'"{printable(error.path)}"' if spelled else "a computed key"
    return KeyNotFound(
        f"{what} uses {name}, which is not there{line}",
        *(meant(error.path, error.keys) if spelled else ()),
        *((("holds", listed(error.keys)),) if error.keys else ()),
        ("fix", 'correct the template, or write {{ ... | default("VALUE") }}'),
        where=str(template.origin),
    )


def _template_value(source: Source, documents: Documents) -> object:
    from secretfetch import templates  # noqa: PLC0415 - start-up cost

    value = documents.value(source)
    if value is None:
        return templates.Absent()
    if not source.select and value.view is None:
        return templates.value_of(value.data)
    node = documents.node(source)
    if isinstance(node, str):
        return templates.value_of(node.encode())
    return templates.Absent() if isinstance(node, Missing) else templates.wrap(node)
