"""How time passes for the threads of one round; tests put `secretfetch.testing.FakeClock` in its place."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading


# Unlike that of `time.monotonic` it goes on while the machine is suspended, as leases do.
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Monotonic seconds, and two ways to let them pass."""

    def now(self) -> float:
        """Return the seconds since some moment."""
        ...

    def pause(self, until: threading.Event, seconds: float, /) -> bool:
        """Let time pass between two tries, cut short by the event. Returns whether it is set."""
        ...

    def wait(self, until: threading.Event, seconds: float, /) -> bool:
        """Wait for the work of other threads, so long at most. Returns whether the event is set."""
        ...


class SystemClock:
    """The time of the machine."""

    def now(self) -> float:
        """Return the seconds since some moment."""
        return time.clock_gettime(_BOOTTIME)

    def pause(self, until: threading.Event, seconds: float, /) -> bool:
        """Sleep until the event is set."""
        return until.wait(seconds)

    def wait(self, until: threading.Event, seconds: float, /) -> bool:
        """Block until the event is set."""
        return until.wait(seconds)
