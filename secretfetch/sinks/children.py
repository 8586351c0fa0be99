"""Starting, signalling and burying a program that is a child of this process, in a process group of its own.

What does not belong here: when any of that is done (`supervisor`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from secretfetch.sinks.init import status_of
from secretfetch.sinks.process import trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TERMINAL = 0  # standard input


class System:
    """The operating system, as a supervisor of one child sees it.

    Args:
        died: Called by a thread when the child has ended; it stays a zombie until it is buried.
    """

    def __init__(self, died: Callable[[], object]) -> None:
        self._died = died
        self._last = os.getpgrp()

    def now(self) -> float:
        """Return a time in seconds."""
        return time.monotonic()

    def start(self, argv: Sequence[str], environ: Mapping[bytes, bytes]) -> int:
        """Start a program; return its process number.

        It inherits standard streams and open files, and the terminal if we have it.

        Raises:
            SecretError: It cannot be started.
        """
        try:
            child = subprocess.Popen(argv, env=environ, close_fds=False, process_group=0)  # noqa: S603 - as `process`
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            failure = trouble(error if isinstance(error, OSError) else ValueError(), argv, environ)
        else:
            child.returncode = 0  # we wait for it ourselves
            self._give_terminal(child.pid)
            threading.Thread(target=self._watch, args=(child.pid,), name="child", daemon=True).start()
            return child.pid
        raise failure

    def _watch(self, pid: int) -> None:
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        self._died()

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to the program alone."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def kill(self, pid: int) -> None:
        """Kill the program and whatever of its process group is left."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)

    def bury(self, pid: int, *, whole_group: bool) -> int:
        """Return the exit status of a program that has ended. `whole_group`: what it has left in its group is killed.

        The number of the group is not given to others as long as the program is not buried.
        """
        if whole_group:
            self.kill(pid)
        try:
            return status_of(os.waitpid(pid, 0)[1])
        except ChildProcessError:  # somebody ignores SIGCHLD
            return 0

    def _give_terminal(self, pid: int) -> None:
        """Put the program into the foreground, as a shell does, if we are there, or our last program has been."""
        last, self._last = self._last, pid
        held = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
        with suppress(OSError):
            if os.tcgetpgrp(_TERMINAL) == last:
                os.tcsetpgrp(_TERMINAL, pid)
                os.killpg(pid, signal.SIGCONT)  # it may have read too early, and been stopped
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
