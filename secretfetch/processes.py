"""What a process that holds secrets does about itself and its children. What does not belong here: which children."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

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


def reap(known: Collection[int] = ()) -> int:
    """Bury the children of others that have come to us as process 1, and return how many.

    Args:
        known: Children of ours: whoever started them waits for them.
    """
    if os.getpid() != 1:
        return 0
    return bury(known)


def bury(known: Collection[int]) -> int:
    """Collect ended children that nobody waits for; as `reap`, whatever process this is."""
    count = 0
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if ended.si_pid in known:
                break  # it stands before the others until its own parent has seen it
            os.waitpid(ended.si_pid, os.WNOHANG)
            count += 1
    return count
