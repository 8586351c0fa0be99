"""What a volume's writer takes from outside: clocks, waiting, chance. What does not belong here: the file system."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Timer(Protocol):
    """A call to come."""

    def cancel(self) -> None:
        """Do not call, if it has not happened yet."""


def _random() -> str:
    return os.urandom(8).hex()


def _later(seconds: float, function: Callable[[], None]) -> Timer:
    timer = threading.Timer(seconds, function)
    timer.daemon = True  # what it would do, the next start does too
    timer.start()
    return timer


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that a test wants to hold in its hand.

    Attributes:
        wall: Seconds since 1970: for names, and to compare with the times of files.
        monotonic: Seconds: for every wait.
        sleep: Waits for so many seconds.
        later: Calls a function in a thread of its own after so many seconds.
        token: Hexadecimal digits nobody can guess, new ones at each call.
        lock_timeout: Seconds to wait for another writer of the volume.
    """

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    later: Callable[[float, Callable[[], None]], Timer] = _later
    token: Callable[[], str] = _random
    lock_timeout: float = 10.0
