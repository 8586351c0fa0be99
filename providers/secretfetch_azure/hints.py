"""Hints about what is not found: whether it was deleted, and near names. Never an error of its own.

Each is asked for once per connection; after a refusal not again. What does not belong here: fetching.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from secretfetch.provider import SecretError, meant
from secretfetch_azure.refusal import Refusal
from secretfetch_azure.vault import PAGE

if TYPE_CHECKING:
    from secretfetch_azure.asks import Ask
    from secretfetch_azure.vault import Vault


class Hints:
    """Looks things up in one vault, and remembers them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._lock = threading.Lock()
        self._names: dict[str, list[str]] = {}
        self._deleted: dict[tuple[str, str], bool] = {}
        self._may_see_deleted = True

    def is_deleted(self, ask: Ask) -> bool:
        """Tell whether it is kept for recovery; False also where that cannot be learnt."""
        key = (ask.asked_kind, ask.name.lower())
        with self._lock:
            if key not in self._deleted:
                self._deleted[key] = self._may_see_deleted and self._look_up(*key)
            return self._deleted[key]

    def has(self, ask: Ask) -> bool:
        """Tell whether a name is listed; False also where that cannot be learnt."""
        return ask.name.lower() in (name.lower() for name in self._listed(ask.asked_kind))

    def near(self, ask: Ask) -> tuple[tuple[str, str], ...]:
        """Return the note `meant "db-password"?`, or none."""
        return meant(ask.name, [name for name in self._listed(ask.asked_kind) if name.lower() != ask.name.lower()])

    def _look_up(self, kind: str, name: str) -> bool:
        try:
            self._vault.get(f"/deleted{kind}/{name}")
        except (Refusal, SecretError) as error:
            self._may_see_deleted = isinstance(error, Refusal) and error.status == 404  # noqa: PLR2004 - HTTP
            return False
        return True

    def _listed(self, kind: str) -> list[str]:
        with self._lock:
            if kind not in self._names:
                self._names[kind] = self._list(kind)
            return self._names[kind]

    def _list(self, kind: str) -> list[str]:
        try:
            answer = self._vault.get(f"/{kind}", maxresults=str(PAGE))
        except (Refusal, SecretError):
            return []
        items = [item for item in answer.get("value") or [] if isinstance(item, dict)]
        return [name for item in items if (name := name_in(item))]


def name_in(item: dict[str, object]) -> str:
    """Return the name in the id of a listed item: `https://HOST/secrets/NAME`."""
    parts = str(item.get("id") or item.get("kid") or "").split("/")
    return parts[4] if len(parts) > 4 else ""  # noqa: PLR2004 - scheme, nothing, host, kind, name
