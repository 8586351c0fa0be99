"""The duties of process 1 of a container: bury whoever is left to us, pass signals on, end with the program's status.

The first process forks before it knows any secret, and that is all that it does. What does not belong here: what the
other one does.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from secretfetch.errors import StartFailed

if TYPE_CHECKING:
    from collections.abc import Callable

_SIGNALED = 128
# What a fault of the process itself raises, and what a terminal asks of those in the background.
_OWN = {
    signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS,
    signal.SIGTTIN, signal.SIGTTOU, signal.SIGKILL, signal.SIGSTOP,
}  # fmt: skip
HANDED_ON = frozenset(signal.valid_signals()) - _OWN - {signal.SIGCHLD}
"""Signals that are passed on."""


def split(before: Callable[[], object] = lambda: None) -> int | None:
    """Fork. The child returns at once with None; the parent returns when it has ended, with its exit status.

    The child has a process group of its own, and the terminal if there is one, so that a key there is one signal.

    Args:
        before: Called in the parent, before it waits.

    Raises:
        StartFailed: There are too many processes, or too little memory.
    """
    waited = HANDED_ON | {signal.SIGCHLD}
    # To take the terminal from the background is answered with SIGTTOU.
    held = signal.pthread_sigmask(signal.SIG_BLOCK, waited | {signal.SIGTTOU})
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        child = os.fork()
    except OSError as error:
        raise StartFailed(f"cannot start a process: {os.strerror(error.errno or 0)}") from None
    if child == 0:
        _lead()
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        return None
    before()
    while True:
        number = signal.sigwaitinfo(waited).si_signo
        if number != signal.SIGCHLD:
            with suppress(ProcessLookupError):
                os.kill(child, number)
        elif (status := _bury(child)) is not None:
            return status


def _lead() -> None:
    before = os.getpgrp()
    with suppress(OSError):
        os.setpgid(0, 0)
        if os.tcgetpgrp(0) == before:
            os.tcsetpgrp(0, os.getpid())


def _bury(child: int) -> int | None:
    """Bury all that have ended; return the child's status once it is one of them."""
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            if found[0] == child:
                return status_of(found[1])
    return None


def status_of(waited: int) -> int:
    """Return an exit status as shells have it: 128 and the number of a signal."""
    code = os.waitstatus_to_exitcode(waited)
    return code if code >= 0 else _SIGNALED - code
