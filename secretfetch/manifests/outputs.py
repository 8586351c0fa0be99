"""`outputs` of a config -> volumes and Kubernetes Secrets.

What does not belong here: how names and values are written in a config (`entries`), where files lie (`places`), and
what is special about Secrets (`secrets`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from secretfetch.errors import ConfigError, meant
from secretfetch.manifests import schema, secrets
from secretfetch.manifests.decoding import at, decode, kind_of, name_of
from secretfetch.manifests.entries import Reader
from secretfetch.manifests.places import Place, format_of, place, volumes
from secretfetch.names import printable
from secretfetch.plan import DEFAULT_MODE, DataFile, Entries, Entry, Files, PathsTo, RawFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.manifests.catalog import Catalog
    from secretfetch.manifests.document import Document, Path
    from secretfetch.plan import FileOutput, Format, KubeSecret, Lasting

_LARGEST_ID = 2**32 - 2  # the next one means "leave it" to the kernel
_CONTENT = ("from", "keys", "defaults", "paths_to")
_TEMPLATES = ("template", "template_file")


@dataclass(frozen=True, slots=True)
class _Draft:
    """One entry of `outputs`, decoded and placed."""

    where: Place
    spec: schema.Output
    path: Path
    given: Mapping[str, Any]

    @property
    def layout(self) -> str:
        return self.spec.layout or ""


def read(document: Document, catalog: Catalog) -> tuple[Lasting, ...]:
    """Read every output.

    Raises:
        ConfigError: One is malformed, or two collide.
    """
    builder = _Builder(document, catalog)
    paths: list[Path] = [("outputs", index) for index in range(len(document.data["outputs"]))]
    drafts = {path: builder.draft(path) for path in paths if not _is_secret(document, path)}
    folders = {(draft.where.root, draft.where.path): draft for draft in drafts.values() if draft.where.directory}
    placed: list[tuple[Place, FileOutput, str]] = []
    applied: dict[str, KubeSecret] = {}
    for path in paths:
        if path in drafts:
            placed.append((drafts[path].where, builder.output(drafts[path], folders), drafts[path].layout))
            continue
        secret = builder.secret(path)
        if catalog.around.kube_secrets == "dir":
            placed.append((*secrets.as_files(secret, catalog.around.kube_dir or catalog.around.out), ""))
        elif secret.place in applied:
            raise ConfigError(
                f"two outputs make {secret.place}, another one at {applied[secret.place].origin}",
                ("fix", "put their keys into one, or give one another name"),
                where=str(secret.origin),
            )
        else:
            applied[secret.place] = replace(secret, sink=catalog.around.kube_secrets)
    return (*volumes(placed), *applied.values())


def _is_secret(document: Document, path: Path) -> bool:
    given = at(document, path)
    return isinstance(given, dict) and secrets.FIELD in given


class _Builder:
    def __init__(self, document: Document, catalog: Catalog) -> None:
        self._document = document
        self._around = catalog.around
        self._folder = catalog.folder
        self._files = catalog.files
        self._reader = Reader(document, catalog)

    def draft(self, path: Path) -> _Draft:
        given = at(self._document, path)
        spec = decode(self._document, path, schema.Output)
        return _Draft(place(spec.path, self._around, self._document.at(*path, "path")), spec, path, given)

    def secret(self, path: Path) -> KubeSecret:
        return secrets.read(self._document, path, self._reader)

    def output(self, draft: _Draft, folders: Mapping[tuple[str, str], _Draft]) -> FileOutput:
        path = draft.path
        common: dict[str, Any] = {
            "path": draft.where.path,
            "mode": self._reader.mode((*path, "mode")) if "mode" in draft.given else DEFAULT_MODE,
            "owner": self._owner(draft),
            "origin": self._document.at(*path, "path"),
            "allow_empty": draft.spec.allow_empty,
        }
        if any(name in draft.given for name in _TEMPLATES):
            return self._template(draft, common)
        kind = self._format(draft)
        if draft.where.directory:
            self._refuse(draft, "a directory", ("paths_to", "format"))
            return Files(**common, entries=self._entries(draft, folders, modes=True))
        if kind is None:
            return self._raw(draft, common)
        return DataFile(**common, format=kind, entries=self._entries(draft, folders, modes=False))

    def _owner(self, draft: _Draft) -> tuple[int, int] | None:
        if draft.spec.owner is None:
            return None
        user, group = (int(number) for number in draft.spec.owner.split(":"))
        if max(user, group) > _LARGEST_ID:
            raise self._document.error((*draft.path, "owner"), f"owner: a uid or gid is at most {_LARGEST_ID}")
        return user, group

    def _format(self, draft: _Draft) -> Format | None:
        name = draft.spec.format
        if name is None:
            return format_of(draft.where.path)
        if name not in schema.FORMATS:
            raise self._document.error(
                (*draft.path, "format"),
                f'unknown format "{name}"',
                *meant(name, schema.FORMATS),
                ("known", ", ".join(schema.FORMATS)),
            )
        return None if name == "raw" else cast("Format", name)

    def _refuse(self, draft: _Draft, what: str, fields: tuple[str, ...]) -> None:
        for name in fields:
            if name in draft.given:
                raise self._document.error((*draft.path, name), f"{name} does not go with {what} ({draft.spec.path})")

    def _template(self, draft: _Draft, common: dict[str, Any]) -> RawFile:
        self._refuse(draft, "a template", (*_CONTENT, "format"))
        if draft.where.directory:
            raise self._document.error(draft.path, f"a template makes a file, {draft.spec.path} is a directory")
        if draft.spec.template is not None and draft.spec.template_file is not None:
            raise self._document.error((*draft.path, "template_file"), "template and template_file exclude each other")
        text, origin = draft.spec.template, self._document.at(*draft.path, "template")
        if draft.spec.template_file is not None:
            origin = self._document.at(*draft.path, "template_file")
            text = self._read(draft.spec.template_file, str(origin))
        if text is None:
            field = next(name for name in _TEMPLATES if name in draft.given)
            raise self._document.error((*draft.path, field), f"{field} must be text, it is null")
        return RawFile(**common, entry=Entry(draft.spec.path, self._reader.template(draft.spec.path, text, origin)))

    def _read(self, name: str, where: str) -> str:
        path = os.path.join(self._folder, name)
        try:
            with open(path, encoding="utf-8", newline="") as stream:
                self._files.append(path)
                return stream.read()
        except UnicodeDecodeError:
            raise ConfigError(f"template_file {printable(name)} is not UTF-8", where=where) from None
        except (OSError, ValueError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "no name of a file"
            raise ConfigError(f"cannot read template_file {printable(name)}: {reason}", where=where) from None

    def _raw(self, draft: _Draft, common: dict[str, Any]) -> RawFile:
        where, name = (*draft.path, "from"), draft.spec.path
        fix = ("fix", "use from: with one secret or key; or choose a format that holds names and values")
        for field in ("keys", "defaults", "paths_to"):
            if field in draft.given:
                raise self._document.error(
                    (*draft.path, field), f'"{name}" is a raw file, which holds exactly one value: no {field}', fix
                )
        value = draft.spec.from_
        if value is None:
            raise self._document.error(draft.path, f'"{name}" has no content: from is missing', fix)
        if isinstance(value, list):
            if len(value) != 1 or not isinstance(value[0], str):
                raise self._document.error(where, f'"{name}" is a raw file, which holds exactly one value', fix)
            where = (*where, 0)
        if isinstance(value, dict) and "secret" in value:
            raise self._document.error(where, f'"{name}" is a raw file, which holds one value and no spread', fix)
        return RawFile(**common, entry=self._reader.entry(name, where))

    def _entries(self, draft: _Draft, folders: Mapping[tuple[str, str], _Draft], *, modes: bool) -> Entries:
        if not any(name in draft.given for name in _CONTENT):
            raise self._document.error(
                draft.path, f'"{draft.spec.path}" has no content', ("fix", "give it from: or keys:")
            )
        path = draft.path
        return Entries(
            self._reader.literals((*path, "defaults")) if "defaults" in draft.given else (),
            self._reader.spreads((*path, "from")) if "from" in draft.given else (),
            self._reader.keys((*path, "keys"), modes=modes) if "keys" in draft.given else (),
            self._paths_to(draft, folders) if "paths_to" in draft.given else None,
        )

    def _paths_to(self, draft: _Draft, folders: Mapping[tuple[str, str], _Draft]) -> PathsTo:
        path = (*draft.path, "paths_to")
        value = draft.spec.paths_to
        if isinstance(value, str):
            spec, where = schema.PathsTo(value), path
        elif isinstance(value, dict):
            spec, where = decode(self._document, path, schema.PathsTo), (*path, "output")
        else:
            raise self._document.error(path, f"{name_of(path)} must be text or a map, it is {kind_of(value)}")
        wanted = place(spec.output.rstrip("/") + "/", self._around, self._document.at(*where))
        folder = folders.get((wanted.root, wanted.path))
        if folder is None:
            known = [known.spec.path for known in folders.values()]
            raise self._document.error(
                where,
                f'"{spec.output}" is no directory output of this config',
                *meant(spec.output, known),
                ("known", ", ".join(known) or "none"),
            )
        seen_at = folder.where.seen if spec.seen_at is None else spec.seen_at
        if not seen_at.startswith("/") or not seen_at.isprintable():
            shown = printable(seen_at)
            raise self._document.error((*path, "seen_at"), f'seen_at must be an absolute path, it is "{shown}"')
        directory = os.path.join(seen_at, folder.where.path).rstrip("/")
        return PathsTo(self._entries(folder, folders, modes=True), directory, spec.suffix, spec.case or "")
