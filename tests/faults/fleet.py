"""A thousand sidecars against one quota, in time that is computed: a queue of events instead of threads.

When a pod asks again is said by the program's own code: `full_jitter`, `Patience`, `Breaker` and `sidecar.after`. What
does not belong here: what is expected of them (`test_fleet`).
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from secretfetch.materialize import Round
from secretfetch.provider import Throttled, Unchanged
from secretfetch.sidecar import Policy, Wake, after, begin, order
from secretfetch.stores import POLL, START, Patience, full_jitter
from secretfetch.stores.breaker import Breaker

if TYPE_CHECKING:
    from collections.abc import Callable

START_TIME = 300.0  # seconds that a start has
_THROTTLED = Throttled("throttled")


class Quota:
    """A token bucket that holds one second's worth.

    Attributes:
        rate: Requests a second.
        asked: Requests by the second in which they came, granted or not.
        refused: How many were not granted.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.asked: Counter[int] = Counter()
        self.refused = 0
        self._tokens = rate
        self._at = 0.0

    def grant(self, now: float) -> bool:
        """Take a token if there is one."""
        self._tokens = min(self.rate, self._tokens + (now - self._at) * self.rate)
        self._at = now
        self.asked[int(now)] += 1
        if self._tokens < 1:
            self.refused += 1
            return False
        self._tokens -= 1
        return True

    def peak(self, since: float = 0.0) -> float:
        """Return the most requests of any second, as a multiple of the quota."""
        return max((count for second, count in self.asked.items() if second >= since), default=0) / self.rate


@dataclass
class Fleet:
    """Pods and their store.

    Attributes:
        quota: Of the store.
        calls: Requests that a start or a poll of one pod takes.
        period: Between polls, seconds.
        polling: How patient polls are.
        chance: Numbers in [0, 1).
        seconds: How long each start took that came to its end.
        failed: Starts that did not.
        rounds: After starts: those that were whole, and those that the quota spoilt in part or whole.
    """

    quota: Quota
    calls: int
    period: float = 300.0
    polling: Patience = POLL
    chance: Callable[[], float] = field(default_factory=lambda: random.Random(7).random)
    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    rounds: Counter[str] = field(default_factory=Counter)
    now: float = 0.0
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Plan something."""
        heapq.heappush(self._events, (moment, next(self._numbers), action))

    def run(self, until: float = inf) -> None:
        """Let time pass, until then or until nothing is planned any more."""
        while self._events and self._events[0][0] <= until:
            self.now, _, action = heapq.heappop(self._events)
            action()

    def percentile(self, percent: int) -> float:
        """Return how many seconds so many of a hundred starts took at most."""
        return sorted(self.seconds)[max(0, round(len(self.seconds) * percent / 100) - 1)]


class Pod:
    """One sidecar.

    Args:
        fleet: That it is one of.
        begins: When.

    Attributes:
        gone: It is stopped.
    """

    def __init__(self, fleet: Fleet, begins: float) -> None:
        self.fleet = fleet
        self.gone = False
        self._begins = begins
        self._state = begin(begins)
        self._policy = Policy(begins + START_TIME, period=fleet.period)
        self._breaker = Breaker()
        self._left = fleet.calls
        fleet.at(begins, self._round)

    def _round(self) -> None:
        """Do what is due: a start, a poll, or another try of what has failed."""
        if self.gone:
            return
        now = self.fleet.now
        asked = order(self._state, Wake.DUE, now, self._policy)
        patience = asked.patience if asked.patience is START else self.fleet.polling
        self._polled = asked.poll
        wanted = self.fleet.calls if asked.poll else self._left
        if patience.yields and self._breaker.is_open(now):
            self._ended(wanted)
        else:
            self._try(wanted, wanted, 1, patience, asked.deadline)

    def _try(self, wanted: int, left: int, tries: int, patience: Patience, deadline: float) -> None:
        """Ask for what is left, and again as an errand does."""
        if self.gone:
            return
        fleet, now = self.fleet, self.fleet.now
        probing = patience.yields and tries == 1 and self._breaker.failures > 0
        if not probing or self._granted(1):
            left -= self._granted(left - probing) + probing
        pause = full_jitter(tries, fleet.chance)
        if left and not probing and not patience.gives_up(tries, [_THROTTLED]) and now + pause < deadline:
            fleet.at(now + pause, lambda: self._try(wanted, left, tries + 1, patience, deadline))
            return
        outcomes = [_THROTTLED] * left + [Unchanged()] * (wanted - left)
        self._breaker = self._breaker.after(outcomes, now, fleet.chance)
        self._ended(left)

    def _granted(self, calls: int) -> int:
        return sum(self.fleet.quota.grant(self.fleet.now) for _ in range(calls))

    def _ended(self, left: int) -> None:
        fleet, now = self.fleet, self.fleet.now
        if self._state.is_ready:
            fleet.rounds["throttled" if left else "whole"] += 1
        elif left:
            fleet.failed += 1
            return
        else:
            fleet.seconds.append(now - self._begins)
        self._left = left
        again = left > 0 and not self._breaker.is_open(now)
        due = self._breaker.retry_at if self._breaker.is_open(now) else inf
        round_ = Round(error=_THROTTLED if left else None, due=due, again=again, polled=self._polled)
        self._state = after(self._state, round_, now, self._policy, fleet.chance)
        fleet.at(self._state.due, self._round)
