"""The public API as a plugin's author uses it: checked by mypy, never run."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from secretfetch.provider import (
    Connect,
    Finder,
    NotFound,
    Outcome,
    Provider,
    Query,
    SecretRef,
    SecretValue,
    Version,
    decode_settings,
    fetch_each,
)


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """Settings of a store."""

    path: str = ""


class Mine:
    """A provider with the optional capability to list."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def fetch(self, wanted: Mapping[SecretRef, Version | None], /) -> Mapping[SecretRef, Outcome]:
        return fetch_each(wanted, self._one, workers=2)

    def find(self, query: Query, /) -> Collection[SecretRef]:
        return [SecretRef("mine", query.name)]

    def close(self) -> None:
        pass

    def _one(self, ref: SecretRef, _held: Version | None) -> Outcome:
        if ref.key != "known":
            return NotFound(f'no secret "{ref.key}"', ("fix", "make it"))
        return SecretValue(b"{}", Version("1"), refresh_after=60.0)


def connect(settings: Mapping[str, Any]) -> Provider:
    return Mine(decode_settings(settings, Settings))


entry_point: Connect = connect
finder: Finder = Mine(Settings())
