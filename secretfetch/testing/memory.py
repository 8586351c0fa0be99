"""A store that lives in memory, for tests of programs that use providers. It keeps every rule of a real one."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

from secretfetch.provider import (
    ConfigError,
    NotFound,
    Outcome,
    Query,
    SecretError,
    SecretRef,
    SecretValue,
    Unchanged,
    Version,
    meant,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class MemoryProvider:
    """A provider whose secrets and failures are set by a test. Its versions are `1`, `2`, ... for each key.

    Args:
        secrets: The first version of each secret, by key.
        store: The store's name in the refs that `find` returns.

    Attributes:
        calls: What each call of `fetch` wanted, in order.
        closed: How often `close` was called.
        state: What `hand_over` gives; a test sets it.
        taken: What `take_over` was given, in order.
    """

    def __init__(self, secrets: Mapping[str, bytes] | None = None, *, store: str = "memory") -> None:
        self._store = store
        self._history: dict[str, list[bytes | None]] = {}
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()
        self.calls: list[dict[SecretRef, Version | None]] = []
        self.closed = 0
        self.state: dict[str, Any] = {}
        self.taken: list[dict[str, Any]] = []
        for key, data in (secrets or {}).items():
            self.set(key, data)

    def connect(self, settings: Mapping[str, Any], /) -> MemoryProvider:
        """Return this provider: what a test gives where a `Connect` is wanted. There are no settings.

        Raises:
            ConfigError: There is a setting.
        """
        for name in settings:
            raise ConfigError(f'unknown setting "{name}"', ("known", "none at all"))
        return self

    def set(self, key: str, data: bytes) -> SecretRef:
        """Store a new version, and return the ref of the current one."""
        with self._lock:
            self._history.setdefault(key, []).append(data)
        return SecretRef(self._store, key)

    def delete(self, key: str) -> None:
        """Remove the current version; versions that are asked for by number stay."""
        with self._lock:
            self._history[key].append(None)

    def fail(self, error: SecretError, *, key: str | None = None, times: int | None = None) -> None:
        """Let something go wrong from now on.

        Args:
            error: Returned for the key, or raised if no key is given.
            key: The secret that fails; None is the store as a whole.
            times: How often; None is for good.
        """
        with self._lock:
            self._faults.append(_Fault(error, key, times))

    def fetch(self, wanted: Mapping[SecretRef, Version | None], /) -> dict[SecretRef, Outcome]:
        """Answer as a real store would."""
        with self._lock:
            self.calls.append(dict(wanted))
            if (error := self._fault(None)) is not None:
                raise error
            return {ref: self._fault(ref.key) or self._read(ref, held) for ref, held in wanted.items()}

    def find(self, query: Query, /) -> list[SecretRef]:
        """Return the refs of what is stored, by key; there are no tags, so a query for tags finds nothing."""
        with self._lock:
            if (error := self._fault(None)) is not None:
                raise error
            return [
                SecretRef(self._store, key)
                for key, values in sorted(self._history.items())
                if values[-1] is not None
                and key.startswith(query.path)
                and re.search(query.name, key)
                and not query.tags
            ]

    def hand_over(self) -> dict[str, Any]:
        """Return `state`."""
        return dict(self.state)

    def take_over(self, state: Mapping[str, Any], /) -> None:
        """Keep it in `taken`; the answers stay the same, as versions here are those of the predecessor anyway."""
        with self._lock:
            self.taken.append(dict(state))

    def close(self) -> None:
        """Count that it was closed; it goes on answering."""
        with self._lock:
            self.closed += 1

    def _fault(self, key: str | None) -> SecretError | None:
        error = next((fault.error for fault in self._faults if fault.key == key and fault.strikes()), None)
        # A new one each time, as a real store's: one that is raised again and again keeps every frame it came through.
        return None if error is None else error.with_notes()

    def _read(self, ref: SecretRef, held: Version | None) -> Outcome:
        values = self._history.get(ref.key, [])
        number = ref.version or str(len(values))
        data = values[int(number) - 1] if number.isdecimal() and 1 <= int(number) <= len(values) else None
        if data is None:
            what = f'no version "{ref.version}" of "{ref.key}"' if ref.version else f'no secret "{ref.key}"'
            return NotFound(what, *meant(ref.key, self._history.keys() - {ref.key}))
        return Unchanged() if held == number else SecretValue(data, Version(number))


class _Fault:
    def __init__(self, error: SecretError, key: str | None, times: int | None) -> None:
        self.error = error
        self.key = key
        self._left = times

    def strikes(self) -> bool:
        if self._left is None:
            return True
        self._left -= 1
        return self._left >= 0
