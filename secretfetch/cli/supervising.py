"""`exec --watch`: the sidecar's loop beside a program that is its only target.

What does not belong here: the loop (`living`, `watching`), and what becomes of the program (`sinks.supervisor`).
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from secretfetch.cli import ask, ignored_before, living
from secretfetch.errors import exit_code_of
from secretfetch.sinks import init
from secretfetch.sinks.program import ProgramWriter
from secretfetch.sinks.supervisor import Manners, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretfetch.cli.command_line import ProgramWishes
    from secretfetch.cli.options import Globals
    from secretfetch.cli.wishes import Wishes
    from secretfetch.plan import Plan

_LATEST = 8.0  # seconds that a store may keep us when the program has ended: closing takes 5 at most
_PYTHONS_OWN = {signal.SIGPIPE, signal.SIGXFSZ}  # ignored by Python: nothing that we write must reach the program


class Program(living.Attended):
    """The program of one process.

    Args:
        argv: It, and its arguments.
        inherited: What it gets beside the secrets.
        wishes: How it is treated.
    """

    def __init__(self, argv: tuple[str, ...], inherited: Mapping[str, str], wishes: ProgramWishes) -> None:
        manners = Manners(wishes.stop_signal, wishes.stop_timeout, wishes.change_signal)
        self.supervisor = Supervisor(argv, manners, self._ended)
        self.writer = ProgramWriter(argv, inherited, self._use)
        self._wake: Callable[[], object] = lambda: None
        self._begun = False

    def attend(self, wake: Callable[[], object]) -> None:
        """Call this when it has ended."""
        self._wake = wake

    def _use(self, environ: Mapping[bytes, bytes]) -> None:
        """Give it an environment; at the first time, in the main thread, signals become the program's."""
        if not self._begun:
            self._begun = True
            self._pass_signals()
            self.supervisor.begin()
        self.supervisor.use(environ)

    def _pass_signals(self) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in ignored_before:
            signal.signal(number, signal.SIG_IGN)
        for number in init.HANDED_ON - _PYTHONS_OWN:
            if signal.getsignal(number) is not signal.SIG_IGN:
                with suppress(OSError):
                    signal.signal(number, lambda number, _: self.supervisor.forward(number))
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
            signal.signal(signal.SIGTERM, lambda *_: self.supervisor.stop())

    def _ended(self) -> None:
        """Let the main thread end; where a store keeps it, end without it."""
        ask(signal.SIGCHLD)
        self._wake()
        time.sleep(_LATEST)
        error, status = self.supervisor.error, self.supervisor.status
        os._exit(exit_code_of(error) if error is not None else status or 0)

    def end(self) -> None:
        """End the program, if it runs, and wait for its end."""
        if self._begun:
            self.supervisor.stop()
            self.supervisor.join()


def watch(program: Program, flags: Globals, wishes: Wishes, read: Callable[[Globals], Plan]) -> int:
    """Run a program, and anew whenever its environment changes, until it ends; return its status.

    Raises:
        SecretError: It was not started, or what `watch` could not go on with; the program has been ended then.
    """
    code = living.watch(flags, wishes, read, program)
    if program.supervisor.error is not None:
        raise program.supervisor.error
    return code if program.supervisor.status is None else program.supervisor.status
