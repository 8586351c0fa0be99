"""What a process that holds secrets does about itself and its children. What does not belong here: which children."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PR_SET_DUMPABLE = 4
# With these one reads secrets, and nothing else: the application gets what it needs of those by name.
_LOGS_IN = frozenset(
    f"{vault}_{name}" for vault in ("VAULT", "BAO") for name in ("TOKEN", "ROLE_ID", "SECRET_ID", "PASSWORD")
)
_CHILDREN_SEE = frozenset({"PATH", "HOME", "HOSTNAME", "LANG", "LANGUAGE", "TERM", "TMPDIR", "TZ", "USER"})


def harden() -> Callable[[], None]:
    """Let no core dump be written, and no other process of the same user read our memory, files or environment.

    What a system does not offer is left out: it is a second line of defence. A program that is run in our place or
    as our child can be read again once it runs.

    Returns:
        Lets core dumps be written as before: for a program of the user's, which is no part of us.
    """
    undo: Callable[[], None] = _nothing
    with suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - start-up cost

        before = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, before[1]))
        undo = partial(resource.setrlimit, resource.RLIMIT_CORE, before)
    with suppress(ImportError, AttributeError, OSError):
        import ctypes  # noqa: PLC0415 - start-up cost

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return undo


def _nothing() -> None:
    """Undo nothing."""


def scrubbed(environ: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child: what every program needs, `more`, and nothing that logs in anywhere."""
    kept = {name: value for name, value in environ.items() if name in _CHILDREN_SEE or name.startswith("LC_")}
    return {**kept, **more}


def as_started(environ: Mapping[str, str], proc: str = "/proc/self/environ") -> dict[str, str]:
    """Return the environment that this process was started with: Python sets LC_CTYPE where there is no locale.

    To be asked before `harden`, which closes `proc` to ourselves too.
    """
    with suppress(OSError), open(proc, "rb") as stream:
        names = {part.partition(b"=")[0] for part in stream.read().split(b"\0")}
        if b"LC_CTYPE" not in names:
            return {name: value for name, value in environ.items() if name != "LC_CTYPE"}
    return dict(environ)


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program of the user's: ours, less what is about us and what logs in to a Vault.

    A cloud's own variables stay: applications log in with them too.
    """
    return {name: value for name, value in environ.items() if not (name.startswith("SECRETFETCH_") or name in _LOGS_IN)}


class Orphans:
    """The children of others that have come to us as process 1, and that nobody else buries.

    A child of ours is buried by whoever has started it, libraries included, and within moments: only what is still a
    zombie at a second look is nobody's.
    """

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._seen: frozenset[int] = frozenset()

    def bury(self) -> int:
        """Bury those that the last look has seen too, and return how many; looks are to be seconds apart."""
        zombies = frozenset(self._zombies())
        old = zombies & self._seen
        for pid in old:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._seen = zombies - old
        return len(old)

    def _zombies(self) -> Iterator[int]:
        ours = str(os.getpid()).encode()
        for name in os.listdir(self._proc):
            if name.isdigit():
                with suppress(OSError, IndexError), open(f"{self._proc}/{name}/stat", "rb") as stream:
                    state, parent = stream.read().rpartition(b")")[2].split()[:2]
                    if (state, parent) == (b"Z", ours):
                        yield int(name)
