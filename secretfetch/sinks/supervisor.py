"""A program that is started with an environment, and started anew with another one.

What does not belong here: when the environment changes, and running a program in the place of this process (`process`).
"""

from __future__ import annotations

import signal
import threading
from enum import Enum
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from secretfetch import log
from secretfetch.errors import SecretError
from secretfetch.sinks.children import System

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Environ: TypeAlias = "Mapping[bytes, bytes]"


class Manners(NamedTuple):
    """How a program is treated.

    Attributes:
        stop_signal: Asks it to end.
        stop_timeout: Seconds until it is killed, with all of its process group.
        change_signal: Tells it of a change, in the place of a new start; 0: it is started anew.
    """

    stop_signal: int = signal.SIGTERM
    stop_timeout: float = 30.0
    change_signal: int = 0


class _Told(Enum):
    STOP = "stop"
    DIED = "died"


class Supervisor:
    """Keeps a program running with the latest environment; ends when the program does.

    What the outside asks for never waits: it is put into a queue that a thread of ours works off. Each environment is
    kept until the program has it, and no longer.

    Args:
        argv: The program and its arguments.
        manners: See there.
        on_end: Called by the thread when all is over.
        system: Clock and processes, for tests.
    """

    def __init__(
        self,
        argv: Sequence[str],
        manners: Manners,
        on_end: Callable[[], object] = lambda: None,
        system: System | None = None,
    ) -> None:
        self.status: int | None = None
        self.error: SecretError | None = None
        self._argv = tuple(argv)
        self._manners = manners
        self._on_end = on_end
        self._system = system or System(self.died)
        self._inbox: SimpleQueue[Environ | int | _Told] = SimpleQueue()
        self._over = threading.Event()
        self._next: Environ | None = None
        self._pid = 0
        self._kill_at: float | None = None
        self._stopping = False
        self._ending = False

    @property
    def has_ended(self) -> bool:
        """Whether the program has ended for good, or could not be started: `status` or `error` tells how."""
        return self.status is not None or self.error is not None

    def begin(self) -> None:
        """Start to work off what is asked for."""
        threading.Thread(target=self._work, name="supervisor", daemon=True).start()

    def join(self) -> None:
        """Wait for the end of the program; it has been asked to stop, or ends by itself."""
        self._over.wait()

    def use(self, environ: Environ) -> None:
        """Run the program with this environment: start it, start it anew, or tell it by a signal."""
        self._inbox.put(environ)

    def forward(self, number: int) -> None:
        """Send a signal to the program."""
        self._inbox.put(number)

    def stop(self) -> None:
        """End the program, politely first, and do not start it again."""
        self._inbox.put(_Told.STOP)

    def died(self) -> None:
        """Note that the program has ended; it is not yet buried."""
        self._inbox.put(_Told.DIED)

    def _work(self) -> None:
        while not self.has_ended:
            self.step()
        self._over.set()
        self._on_end()

    def step(self) -> None:
        """Wait for one event, or for the moment when patience ends, and act on it."""
        wait = None if self._kill_at is None else max(0.0, self._kill_at - self._system.now())
        try:
            self._act(self._inbox.get(timeout=wait))
        except Empty:
            self._kill_at = None
            log.event("warning", "killed", f"the program has not ended within {self._manners.stop_timeout:g} s: killed")
            self._system.kill(self._pid)

    def _act(self, event: Environ | int | _Told) -> None:
        if event is _Told.STOP:
            self._ending = True
            if self._pid:
                self._stop()
            else:
                self.status = 0
        elif event is _Told.DIED:
            self._bury()
        elif isinstance(event, int):
            if self._pid:
                self._system.signal(self._pid, event)
        elif not isinstance(event, _Told):
            self._change(event)

    def _change(self, environ: Environ) -> None:
        if not self._pid:
            self._start(environ)
        elif self._manners.change_signal:
            log.event("info", "signal", "a secret has changed: the program is told by a signal")
            self._system.signal(self._pid, self._manners.change_signal)
        elif not self._ending:
            self._next = environ  # the latest wins
            if not self._stopping:
                log.event("info", "restart", "a secret has changed: the program is started anew")
            self._stop()

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._kill_at = self._system.now() + self._manners.stop_timeout
            self._system.signal(self._pid, self._manners.stop_signal)

    def _bury(self) -> None:
        environ, self._next = self._next, None
        again = environ is not None and not self._ending
        status = self._system.bury(self._pid, whole_group=again)
        self._pid, self._kill_at, self._stopping = 0, None, False
        if environ is not None and again:
            self._start(environ)
        else:
            self.status = status

    def _start(self, environ: Environ) -> None:
        try:
            self._pid = self._system.start(self._argv, environ)
        except SecretError as error:
            self.error = error
