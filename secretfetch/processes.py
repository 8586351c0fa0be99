"""What a process that holds secrets does about itself and its children. What does not belong here: which children."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PR_SET_DUMPABLE = 4
_CHILDREN_SEE = frozenset({"PATH", "HOME", "HOSTNAME", "LANG", "LANGUAGE", "TERM", "TMPDIR", "TZ", "USER"})


def harden() -> None:
    """Let no core dump be written, and no other process of the same user read our memory, files or environment.

    What a system does not offer is left out: it is a second line of defence.
    """
    with suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - start-up cost

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ImportError, AttributeError, OSError):
        import ctypes  # noqa: PLC0415 - start-up cost

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def scrubbed(environ: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child: what every program needs, `more`, and nothing that logs in anywhere."""
    kept = {name: value for name, value in environ.items() if name in _CHILDREN_SEE or name.startswith("LC_")}
    return {**kept, **more}


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
