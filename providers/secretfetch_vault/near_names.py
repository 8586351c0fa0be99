"""Hints: names near to one that does not exist, where the caller may list. Never an error of its own.

One request per folder and connection. What does not belong here: fetching.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from secretfetch.provider import SecretError, meant
from secretfetch_vault import answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretfetch_vault.asks import Read
    from secretfetch_vault.mounts import Mounts
    from secretfetch_vault.session import Session

Notes = tuple[tuple[str, str], ...]


class NearNames:
    """Looks names up and remembers them."""

    def __init__(self, session: Session, mounts: Mounts) -> None:
        self._session = session
        self._mounts = mounts
        self._lock = threading.Lock()
        self._known: dict[str, list[str]] = {}

    def of_secret(self, read: Read) -> Notes:
        """Return the note `meant "secret/app"?`, or none."""
        if not read.listing:
            return ()
        folder, _, name = read.below.rpartition("/")
        prefix = f"{read.mount}{folder}/" if folder else read.mount
        names = self._remembered(read.listing, lambda: self._list(read.listing))
        return meant(
            f"{prefix}{name}", [prefix + known for known in names if not known.endswith("/") and known != name]
        )

    def of_mount(self, read: Read) -> Notes:
        """Return the note for a path whose mount does not exist."""
        first = read.path.partition("/")[0]
        names = self._remembered("", self._mounts.names)
        return meant(f"{first}/", [known for known in names if known != f"{first}/"])

    def _remembered(self, folder: str, look_up: Callable[[], list[str]]) -> list[str]:
        with self._lock:
            if folder not in self._known:
                try:
                    self._known[folder] = look_up()
                except SecretError:
                    self._known[folder] = []
            return self._known[folder]

    def _list(self, folder: str) -> list[str]:
        answer = self._session.call("GET", folder, query={"list": "true"})
        found = answers.part(answers.read(answer, self._session.place.host).data, answers.Keys)
        return found.keys if answer.status == answers.OK and found else []
