"""The provider `sqlite`: secrets in the table `secrets(name, value, version)` of an SQLite database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from secretfetch.provider import (
    ConfigError,
    DataError,
    NotFound,
    Outcome,
    SecretError,
    SecretRef,
    SecretValue,
    Unavailable,
    Unchanged,
    Version,
    decode_settings,
    meant,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """What `stores:` may say about an SQLite store."""

    path: str


def connect(settings: Mapping[str, Any], /) -> SqliteProvider:
    """Connect to a database: the function that the entry point names."""
    return SqliteProvider(decode_settings(settings, Settings))


class SqliteProvider:
    """One row a secret. The database is opened for each batch, so that nothing is held between two."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.path

    def fetch(self, wanted: Mapping[SecretRef, Version | None], /) -> dict[SecretRef, Outcome]:
        """Read all rows of a batch in one query."""
        try:
            with closing(self._open()) as database:
                rows = self._rows(database, {ref.key for ref in wanted})
                names = [name for (name,) in database.execute("SELECT name FROM secrets")]
        except sqlite3.Error as error:
            raise failure_of(error, self._path) from None
        return {ref: outcome_of(ref, held, rows, names) for ref, held in wanted.items()}

    def close(self) -> None:
        """Nothing is held open."""

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(self._path)}?mode=ro", uri=True, timeout=5)

    def _rows(self, database: sqlite3.Connection, keys: set[str]) -> dict[str, tuple[bytes, str]]:
        marks = ",".join("?" * len(keys))
        query = f"SELECT name, CAST(value AS BLOB), version FROM secrets WHERE name IN ({marks})"
        return {name: (value, str(version)) for name, value, version in database.execute(query, tuple(keys))}


def outcome_of(
    ref: SecretRef, held: Version | None, rows: Mapping[str, tuple[bytes, str]], names: list[str]
) -> Outcome:
    """Answer one ref. Trouble with one ref is returned, so that the others are not lost."""
    if ref.version or ref.params:
        return ConfigError(f'an SQLite secret has one version and takes no parameters: "{ref.key}"')
    if ref.key not in rows:
        return NotFound(f'no row "{ref.key}"', *meant(ref.key, names))
    data, version = rows[ref.key]
    return Unchanged() if version == held else SecretValue(data, Version(version))


def failure_of(error: sqlite3.Error, path: str) -> SecretError:
    """Map every error of the library to what secretfetch understands, in this one place."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_IOERR")):
        return Unavailable(f'the database "{path}" cannot be used now: {name}')
    return DataError(f'the database "{path}" has no usable table of secrets: {name}')
