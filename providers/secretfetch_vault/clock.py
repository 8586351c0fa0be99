"""Time and chance, as parameters. What does not belong here: what is decided by them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def _random() -> float:
    """Return a number in [0, 1); Python's own generator costs milliseconds to import."""
    return int.from_bytes(os.urandom(6), "big") / (1 << 48)


def _since_boot() -> float:
    """Return seconds that go on while the machine is suspended, as leases do."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Clock:
    """What a connection takes time and chance from.

    Attributes:
        now: Seconds since some moment, never going back.
        wall: Seconds since the epoch, for the expiry of certificates.
        random: Numbers in [0, 1).
    """

    now: Callable[[], float] = _since_boot
    wall: Callable[[], float] = time.time
    random: Callable[[], float] = _random

    def between(self, low: float, high: float) -> float:
        """Return a number between two, by chance."""
        return low + (high - low) * self.random()


SYSTEM = Clock()
