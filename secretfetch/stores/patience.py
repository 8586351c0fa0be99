"""How often one round asks again, and how long it waits in between. What does not belong here: asking.

A start waits until its deadline, also for a quota: without it a pod does not run. A poll yields: what it would have
read is served already, and the quota is better spent on starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from secretfetch.errors import Throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from secretfetch.errors import SecretError

BASE = 0.5
CAP = 20.0


class Patience(NamedTuple):
    """How a round bears failures.

    Attributes:
        tries: Of one store.
        budget: Of all stores together; the first try of each is always made.
        yields: A quota that is used up is not waited for, and a store that has failed is left alone for a time.
    """

    tries: int
    budget: int
    yields: bool

    def gives_up(self, tries: int, errors: Iterable[SecretError]) -> bool:
        """Tell whether a store that has been asked so often is not asked again in this round."""
        return tries >= self.tries or (self.yields and any(isinstance(error, Throttled) for error in errors))


START = Patience(100, 100, yields=False)
POLL = Patience(3, 30, yields=True)


def full_jitter(failures: int, random: Callable[[], float], base: float = BASE, cap: float = CAP) -> float:
    """Return the seconds to wait after so many failures, one after the other: any share of a time that doubles."""
    return random() * min(cap, base * 2.0 ** min(failures - 1, 32))
