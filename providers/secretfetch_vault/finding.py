"""Listing the secrets of a KV engine. What does not belong here: reading them."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from secretfetch.provider import ConfigError, NotFound, SecretRef, in_parallel
from secretfetch_vault import answers, asks
from secretfetch_vault.outages import is_outage, outage
from secretfetch_vault.transport import WORKERS

if TYPE_CHECKING:
    from collections.abc import Collection

    from secretfetch.provider import Query
    from secretfetch_vault.mounts import Mount, Mounts
    from secretfetch_vault.session import Session
    from secretfetch_vault.trouble import Trouble

_DEPTH = 64


class _Version(msgspec.Struct):
    deletion_time: str = ""
    destroyed: bool = False


class _Secret(msgspec.Struct):
    """Metadata of a KV v2 secret."""

    current_version: int = 0
    custom_metadata: dict[str, Any] | None = None
    versions: dict[str, _Version] = {}

    @property
    def is_gone(self) -> bool:
        """Its current version cannot be read."""
        version = self.versions.get(str(self.current_version))
        return version is None or version.destroyed or bool(version.deletion_time)


def find(query: Query, session: Session, mounts: Mounts, trouble: Trouble) -> Collection[SecretRef]:
    """Return the refs below a path, sorted by key.

    Raises:
        SecretError: The path is wrong, nothing lies below it, or something may not be listed.
    """
    path = asks.path_of(query.path, "path")
    try:
        pattern = re.compile(query.name)
    except re.error as error:
        raise ConfigError(f'"{query.name}" is no regular expression: {error.msg}') from None
    mount = mounts.of(path)
    if mount is None or not mount.kv:
        raise ConfigError(f'"{query.path}" does not lie in a KV engine that this token may see')
    if query.tags and mount.kv == 1:
        raise ConfigError(f'secrets of KV v1, such as those below "{query.path}", have no metadata to look for')
    return _Finder(query, mount, session, trouble).find(f"{path}/".removeprefix(mount.path), pattern)


class _Finder:
    def __init__(self, query: Query, mount: Mount, session: Session, trouble: Trouble) -> None:
        self._query = query
        self._mount = mount
        self._session = session
        self._trouble = trouble
        self._root = mount.path if mount.kv == 1 else f"{mount.path}metadata/"

    def find(self, start: str, pattern: re.Pattern[str]) -> list[SecretRef]:
        names = self._walk(start)
        if not names:
            raise NotFound(f'nothing lies below "{self._query.path}" at {self._session.place.title}')
        names = [name for name in names if pattern.search(name.removeprefix(start))]
        if self._mount.kv != 1:
            kept = in_parallel([partial(self._fits, name) for name in names], workers=WORKERS)
            names = [name for name, fits in zip(names, kept, strict=True) if fits]
        return [SecretRef("", f"{self._mount.path}{name}") for name in sorted(names)]

    def _walk(self, start: str) -> list[str]:
        """Return all names, level by level."""
        names: list[str] = []
        folders = [start]
        for _ in range(_DEPTH):
            found = [f"{folder}{key}" for folder, keys in self._listed(folders) for key in keys]
            names += [name for name in found if not name.endswith("/")]
            folders = [name for name in found if name.endswith("/")]
            if not folders:
                break
        return names

    def _listed(self, folders: list[str]) -> list[tuple[str, list[str]]]:
        return list(
            zip(folders, in_parallel([partial(self._list, folder) for folder in folders], workers=WORKERS), strict=True)
        )

    def _list(self, folder: str) -> list[str]:
        found = self._ask(f"{self._root}{folder}".rstrip("/"), {"list": "true"}, answers.Keys)
        return found.keys if found else []

    def _fits(self, name: str) -> bool:
        """Tell whether a secret of KV v2 is there and has the tags that are looked for."""
        secret = self._ask(f"{self._root}{name}", {}, _Secret, needed=bool(self._query.tags))
        if secret is None:
            return not self._query.tags
        custom = secret.custom_metadata or {}
        return not secret.is_gone and all(custom.get(tag) == value for tag, value in self._query.tags)

    def _ask(self, path: str, query: dict[str, str], into: Any, *, needed: bool = True) -> Any:
        """Return a part of an answer; None where there is nothing, or where it is refused and not needed."""
        answer = self._session.call("GET", path, query=query)
        if is_outage(answer):
            raise outage(answer, self._session.place.host)
        if answer.status == answers.OK:
            return answers.part(answers.read(answer, self._session.place.host).data, into)
        if answer.status == answers.FORBIDDEN and needed:
            what = f'the list of "{path}"' if query else f'the metadata of "{path}"'
            raise self._trouble.denied(what, f"{path}/" if query else path, "list" if query else "read")
        return None
