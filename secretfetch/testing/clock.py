"""A clock for tests: time that moves only when it is told to. What does not belong here: the clock of the program."""

from __future__ import annotations

import threading


class FakeClock:
    """Monotonic seconds under the control of a test; may be shared between threads.

    It keeps the interface of `secretfetch.stores.Clock` (`now`, `pause`, `wait`), and `now` and `sleep` stand in for
    `time.monotonic` and `time.sleep`.

    Args:
        start: What `now` says at first.

    Attributes:
        sleeps: How long each `sleep` and each `pause` was, in order.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._lock = threading.Lock()
        self.sleeps: list[float] = []

    def now(self) -> float:
        """Return the seconds since some moment."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Move the time on."""
        with self._lock:
            self._now += seconds

    def sleep(self, seconds: float) -> None:
        """Return at once, so many seconds later."""
        self.sleeps.append(seconds)
        self.advance(seconds)

    def pause(self, until: threading.Event, seconds: float) -> bool:
        """Sleep, unless the event is set already. Returns whether it is set."""
        if not until.is_set():
            self.sleep(seconds)
        return until.is_set()

    def wait(self, until: threading.Event, seconds: float) -> bool:
        """Block until another thread sets the event, or has moved the time on by so many seconds.

        Returns:
            Whether the event is set.
        """
        end = self.now() + seconds
        while not until.wait(0.001):
            if self.now() >= end:
                return until.is_set()
        return True
