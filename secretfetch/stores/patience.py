"""How often a round asks again. What does not belong here: asking."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Patience(NamedTuple):
    """How a round bears failures."""

    name: str


START = Patience("start")
POLL = Patience("poll")


def full_jitter(failures: int, random: Callable[[], float], base: float, cap: float) -> float:
    """Return the seconds to wait after so many failures one after the other."""
    return random() * min(cap, base * 2.0 ** (failures - 1))
