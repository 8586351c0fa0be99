"""When the next round is, and when there is none: one pure transition, and the loop that drives it.

An init container is the sidecar that stops at its first fresh state. Time and chance are parameters. What does not
belong here: what a round does (`materialize`), and who is told of it (`cli`, `health`, `notify`).

::

    phase      round ok                    retryable failure                permanent failure    told to stop
    STARTING   FRESH; once: STOPPED 0      again; past the deadline STOPPED  STOPPED, its code    STOPPED 143
    FRESH      FRESH                       STALE                             STALE                STOPPED 0
    STALE      FRESH                       STALE; too often, too old: STOPPED, its code           STOPPED 0
"""

from __future__ import annotations

from enum import Enum
from math import inf
from typing import TYPE_CHECKING, NamedTuple, Protocol

from secretfetch.errors import SecretError, exit_code_of
from secretfetch.materialize import Order, Round
from secretfetch.stores import POLL, START, full_jitter

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_TIME = 30.0  # seconds that one poll may take: longer than any single timeout, whatever the period is
_BACKOFF = (1.0, 300.0)  # seconds: base and cap of the wait after a failed round
_TERMINATED = 143


class Phase(Enum):
    """Where a process stands."""

    STARTING = "starting"
    FRESH = "fresh"
    STALE = "stale"
    STOPPED = "stopped"


class Wake(Enum):
    """Why a wait has ended."""

    DUE = "due"
    REFRESH = "refresh"
    """Somebody wants to see what the stores hold now."""


class Policy(NamedTuple):
    """What a config and its flags say about rounds; seconds.

    Attributes:
        start_by: When a start has to be over, by the clock.
        once: Stop at the first fresh state.
        period: Between two polls.
        jitter: The share by which that varies.
        max_failures: Failed rounds one after the other that are borne; -1: any number.
        max_stale: How long the last good files are served; None: for ever.
        exits: Stop at the first failure after the start.
    """

    start_by: float
    once: bool = False
    period: float = 300.0
    jitter: float = 0.1
    max_failures: int = -1
    max_stale: float | None = None
    exits: bool = False


class State(NamedTuple):
    """Where a process stands; times by the clock.

    Attributes:
        phase: See `Phase`.
        due: When the next round is.
        poll: When the next poll is: a round that asks for everything that has no lease.
        since: When the phase began.
        fresh_at: When everything was last as the stores say.
        failures: Failed rounds, one after the other.
        error: Of the last round.
        exit_code: Once it is stopped.
    """

    phase: Phase
    due: float
    poll: float
    since: float
    fresh_at: float | None = None
    failures: int = 0
    error: SecretError | None = None
    exit_code: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether a first full set is published."""
        return self.fresh_at is not None


def begin(now: float) -> State:
    """Return the state of a process that begins."""
    return State(Phase.STARTING, now, now, now)


def after(state: State, round_: Round, now: float, policy: Policy, random: Callable[[], float]) -> State:
    """Return the state after a round that ended at `now`. Pure, but for the chance that it is given."""
    poll = _next_poll(state, now, policy, random) if round_.polled or not state.is_ready else state.poll
    if round_.error is not None:
        return _after_failure(state._replace(poll=poll), round_, now, policy, random)
    phase = Phase.STOPPED if policy.once else Phase.FRESH
    since = state.since if state.phase is phase else now
    return State(phase, max(now, min(poll, round_.due)), poll, since, now)


def _next_poll(state: State, now: float, policy: Policy, random: Callable[[], float]) -> float:
    """The first poll is at any moment of a period, so that pods that start together do not poll together."""
    if not state.is_ready:
        return now + policy.period * random()
    return now + policy.period * (1 + policy.jitter * (2 * random() - 1))


def _after_failure(state: State, round_: Round, now: float, policy: Policy, random: Callable[[], float]) -> State:
    error, failures = round_.error, state.failures + 1
    assert error is not None  # noqa: S101 - the caller has looked
    retryable = _is_retryable(error)
    stopped = state._replace(phase=Phase.STOPPED, error=error, since=now, exit_code=exit_code_of(error))
    pause = full_jitter(failures, random, *_BACKOFF) if round_.again else inf
    if not state.is_ready:
        if not retryable or now + pause >= policy.start_by:
            return stopped
        return state._replace(due=now + pause, failures=failures, error=error)
    stale_at = inf if policy.max_stale is None else (state.fresh_at or 0.0) + policy.max_stale
    if policy.exits or 0 <= policy.max_failures < failures or now >= stale_at:
        return stopped._replace(failures=failures)
    since = state.since if state.phase is Phase.STALE else now
    due = min(state.poll, round_.due, now + pause, stale_at)
    return state._replace(phase=Phase.STALE, due=max(due, now), since=since, failures=failures, error=error)


def _is_retryable(error: SecretError) -> bool:
    parts = getattr(error, "errors", (error,))
    return all(part.retryable for part in parts)


def stopped(state: State, now: float) -> State:
    """Return the state of a process that is told to stop."""
    code = 0 if state.is_ready else _TERMINATED
    return state._replace(phase=Phase.STOPPED, since=now, exit_code=code)


def order(state: State, wake: Wake, now: float, policy: Policy) -> Order:
    """Return what the next round is to do."""
    if not state.is_ready:
        return Order(now, policy.start_by, START, whole=True)
    poll = wake is Wake.REFRESH or now >= state.poll
    return Order(now, now + _POLL_TIME, POLL, poll=poll)


class World(Protocol):
    """What the loop acts on."""

    def now(self) -> float:
        """Return the time, by the clock."""
        ...

    def random(self) -> float:
        """Return a number in [0, 1)."""
        ...

    def round(self, order: Order, /) -> Round:
        """Do one round. What is thrown here ends the loop."""
        ...

    def told(self, state: State, round_: Round, /) -> State:
        """Take note of a state, and return it; or another one, where something else decides."""
        ...

    def wait(self, until: float, /) -> Wake:
        """Wait for a moment, or for somebody who wants a round before it."""
        ...


def run(world: World, policy: Policy, state: State) -> State:
    """Do rounds until there is nothing more to do, and return the last state."""
    wake = Wake.DUE
    while state.phase is not Phase.STOPPED:
        result = world.round(order(state, wake, world.now(), policy))
        state = world.told(after(state, result, world.now(), policy, world.random), result)
        if state.phase is not Phase.STOPPED:
            wake = world.wait(state.due)
    return state
