"""A store that has failed as a whole is left alone for a time, longer each time, and then asked for one secret first.

Pure: time and chance are given. What does not belong here: asking.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from secretfetch.errors import SecretError, Throttled, Unavailable
from secretfetch.stores.patience import full_jitter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from secretfetch.provider import Outcome

_BASE = 1.0
_CAP = 300.0
_LONGEST = 3600.0  # whatever a server, or something between here and there, asks for


class Breaker(NamedTuple):
    """What is known of a store's failures.

    Attributes:
        failures: Rounds in which it failed as a whole, one after the other; 0: it works.
        until: When it may be asked again.
        invites: A try before the next poll may help; after a quota was used up it only uses it up again.
        error: How it failed last.
    """

    failures: int = 0
    until: float = 0.0
    invites: bool = True
    error: SecretError | None = None

    def is_open(self, now: float) -> bool:
        """Tell whether the store is to be left alone."""
        return self.failures > 0 and now < self.until

    @property
    def retry_at(self) -> float:
        """When a try may help."""
        return self.until if self.failures and self.invites else inf

    def after(
        self, outcomes: Collection[Outcome], now: float, random: Callable[[], float], *, hangs: bool = False
    ) -> Breaker:
        """Return what is known after a round that asked the store.

        Args:
            outcomes: What came of it.
            now: When.
            random: Numbers in [0, 1).
            hangs: It did not come to an end: that counts as a failure of the whole, whatever it has answered before.
        """
        failed = [outcome for outcome in outcomes if isinstance(outcome, Unavailable)]
        if not failed or (len(failed) < len(outcomes) and not hangs):
            return Breaker()
        asked_for = min(_LONGEST, max(error.retry_after for error in failed))
        pause = max(full_jitter(self.failures + 1, random, _BASE, _CAP), asked_for)
        throttled = any(isinstance(error, Throttled) for error in failed)
        # A copy: it is kept for long, and the frames that the error came through hold what was read.
        return Breaker(self.failures + 1, now + pause, not throttled, failed[0].with_notes())
