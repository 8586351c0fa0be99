"""Which engine answers at a path: one question per mount, remembered. What does not belong here: reading secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretfetch_vault import answers
from secretfetch_vault.outages import is_outage, outage

if TYPE_CHECKING:
    from secretfetch_vault.session import Session

_KINDS = {"kv", "generic"}


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount.

    Attributes:
        path: With a slash at its end: `secret/`, `team/kv/`.
        kv: 1 or 2; 0 for any other engine.
    """

    path: str
    kv: int


class Mounts:
    """What is known of mounts. Paths that share their first part are to be asked about by one thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: list[Mount] = []
        self._untold: set[str] = set()

    def of(self, path: str) -> Mount | None:
        """Return the mount of a path; None where the server does not tell.

        A mount that refuses is asked about once per folder: what is true of one secret is true of its neighbours.

        Raises:
            SecretError: The server cannot be used.
        """
        folder = path.rpartition("/")[0]
        for mount in self._known:
            if f"{path}/".startswith(mount.path):
                return mount
        if folder in self._untold:
            return None
        found = self._ask(path)
        if found is None:
            self._untold.add(folder)
        else:
            self._known.append(found)
        return found

    def ask_again(self, path: str) -> None:
        """Forget that the mount of a path was not told: the caller may be allowed more by the next time."""
        self._untold.discard(path.rpartition("/")[0])

    def names(self) -> list[str]:
        """Return the mounts that the caller may see, for hints; empty where that is refused."""
        answer = self._session.call("GET", "sys/internal/ui/mounts")
        envelope = answers.read(answer, self._session.place.host)
        found = answers.part(envelope.data, answers.Listed) if answer.status == answers.OK else None
        return sorted(found.secret) if found else []

    def _ask(self, path: str) -> Mount | None:
        answer = self._session.call("GET", f"sys/internal/ui/mounts/{path}")
        host = self._session.place.host
        if is_outage(answer):
            raise outage(answer, host)
        found = answers.part(answers.read(answer, host).data, answers.Mounted)
        if answer.status != answers.OK or found is None or not f"{path}/".startswith(found.path) or not found.path:
            return None
        version = (found.options or {}).get("version")
        kv = 0 if found.type not in _KINDS else 2 if str(version) == "2" else 1
        return Mount(found.path, kv)
