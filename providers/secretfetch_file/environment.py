"""Environment variables of this process. What does not belong here: expanding them in configs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretfetch.provider import NotFound, Outcome, SecretRef, SecretValue, Unchanged, Version, meant
from secretfetch_file.common import refused

if TYPE_CHECKING:
    from collections.abc import Mapping


class EnvironmentProvider:
    """One variable a ref. A variable that is set and empty is an empty value."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[bytes, Version]] = {}

    def fetch(self, wanted: Mapping[SecretRef, Version | None], /) -> dict[SecretRef, Outcome]:
        """Read variables."""
        return {ref: refused(ref, "an environment variable") or self._read(ref.key, wanted[ref]) for ref in wanted}

    def close(self) -> None:
        """Forget the values."""
        self._seen.clear()

    def _read(self, name: str, held: Version | None) -> Outcome:
        try:
            data = os.environb.get(os.fsencode(name))
        except UnicodeEncodeError:  # lone surrogates: no variable has such a name
            data = None
        if data is None:
            return NotFound(f'the environment variable "{name}" is not set', *meant(name, os.environ))
        version = self._version(name, data)
        return Unchanged() if held == version else SecretValue(data, version)

    def _version(self, name: str, data: bytes) -> Version:
        """Return a random token for each new value.

        A version may be shown, and a hash would give a short value away.
        """
        seen = self._seen.get(name)
        if seen is None or seen[0] != data:
            seen = (data, Version(os.urandom(8).hex()))
            self._seen[name] = seen
        return seen[1]
