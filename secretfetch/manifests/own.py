"""The own config language -> `Plan`, and references of the command line -> `Plan`.

What does not belong here: other tools' manifests. The language is described in `docs/config.md`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from secretfetch.errors import ConfigError
from secretfetch.manifests import durations, hooks, outputs, schema
from secretfetch.manifests.catalog import Catalog, Surroundings
from secretfetch.manifests.decoding import decode
from secretfetch.manifests.places import format_of, place
from secretfetch.plan import (
    DataFile,
    Entries,
    Entry,
    Files,
    Origin,
    Plan,
    RawFile,
    Refresh,
    Source,
    Spread,
    Stream,
    Target,
    Volume,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretfetch.manifests.document import Document
    from secretfetch.plan import Format, Hook

COMMAND_LINE = Origin()
STANDARD_OUTPUT = "-"


def catalog(document: Document | None, around: Surroundings) -> Catalog:
    """Read what references may name. Without a config: providers only, files relative to the working directory.

    Raises:
        ConfigError: The head of the config is malformed.
    """
    if document is None:
        return Catalog(around, ".")
    made = Catalog(around, os.path.dirname(document.file) or ".")
    if document.data is None:
        raise ConfigError("the config is empty", ("fix", "it needs outputs:"), where=document.file)
    decode(document, (), schema.Config)
    made.read(document)
    return made


def plan(document: Document, around: Surroundings) -> Plan:
    """Read a config.

    Raises:
        ConfigError: Anything that can be wrong without asking a store.
    """
    made = catalog(document, around)
    if not document.data.get("outputs"):
        raise ConfigError("the config has no outputs", ("fix", "say what to write under outputs:"), where=document.file)
    refresh = _refresh(document)
    made.files.append(document.file)
    return _plan(made, outputs.read(document, made), refresh, hooks.read(document, around))


def sources(references: Sequence[str], made: Catalog) -> list[Source]:
    """Read references of the command line. They may name secrets; files are relative to the working directory.

    Raises:
        ConfigError: As in a config.
    """
    made.folder = os.path.abspath(".")
    return [made.source(text, COMMAND_LINE) for text in references]


def target_plan(references: Sequence[str], target: str, kind: str | None, made: Catalog) -> Plan:
    """Plan `fetch REF... -o TARGET`: one file (left alone what else lies there), one directory, or `-`.

    Raises:
        ConfigError: As in a config.
    """
    found = sources(references, made)
    spreads = Entries(spreads=tuple(Spread(source) for source in found))
    if not target.startswith("/") and target != STANDARD_OUTPUT:
        place(target, made.around, COMMAND_LINE)
    if target.endswith("/"):
        root = os.path.abspath(os.path.join(made.around.out, target))
        return _plan(made, (Volume(root, (Files(path="", origin=COMMAND_LINE, entries=spreads),)),))
    path = os.path.abspath(os.path.join(made.around.out, target))
    chosen = kind or format_of(target) or "raw"
    name = os.path.basename(path)
    output: RawFile | DataFile
    if chosen == "raw":
        if len(found) != 1:
            raise ConfigError(
                f"a raw file holds exactly one value, {len(found)} references are given",
                ("fix", "choose another --format, a name such as app.env, or a directory DIR/"),
            )
        wanted = replace(found[0], optional=False) if target == STANDARD_OUTPUT else found[0]
        output = RawFile(path=name, origin=COMMAND_LINE, entry=Entry(target, wanted))
    else:
        output = DataFile(path=name, origin=COMMAND_LINE, format=cast("Format", chosen), entries=spreads)
    if target == STANDARD_OUTPUT:
        return _plan(made, (Stream(output),))
    return _plan(made, (Volume(os.path.dirname(path), (output,), "flat", keep=True),))


def _plan(
    made: Catalog, targets: tuple[Target, ...], refresh: Refresh | None = None, on_change: tuple[Hook, ...] = ()
) -> Plan:
    draft = Plan({}, targets, refresh, on_change)
    used = {source.ref.store for source in draft.sources()}
    stores = {name: store for name, store in made.stores.items() if name in used}
    return Plan(stores, targets, refresh, on_change, tuple(made.files))


def _refresh(document: Document) -> Refresh | None:
    if document.data.get("refresh") is None:
        return None
    spec = decode(document, ("refresh",), schema.Refresh)
    stale = None if spec.max_stale is None else _seconds(document, ("refresh", "max_stale"), spec.max_stale)
    period = _seconds(document, ("refresh", "period"), spec.period)
    if period <= 0:
        raise document.error(("refresh", "period"), "refresh.period must be more than nothing")
    return Refresh(period, float(spec.jitter.removesuffix("%")) / 100, spec.on_error, stale)


def _seconds(document: Document, path: tuple[str | int, ...], text: str) -> float:
    try:
        return durations.parse(text)
    except ValueError as error:
        raise document.error(path, f'"{text}" is {error}') from None
