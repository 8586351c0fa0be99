"""What a process says of itself while it lives: log records, and `health` where somebody listens.

What does not belong here: deciding anything, and the last word (`report`).
"""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING

from secretfetch import log
from secretfetch.errors import SecretError, Several
from secretfetch.health import Status, differs, write_status
from secretfetch.materialize import Round
from secretfetch.sidecar import Phase
from secretfetch.stores import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretfetch.health import Health
    from secretfetch.materialize import Order, Rendered, Written
    from secretfetch.notify import Told
    from secretfetch.plan import Plan
    from secretfetch.sidecar import State


_SLACK = 30.0  # seconds that the loop may be late before it counts as dead


def retry(store: str, error: SecretError, wait: float, attempt: int) -> None:
    """Say that a store is asked again."""
    log.event("warning", "retry", str(error), store=store, attempt=attempt, retry_in_s=round(wait, 2))


class Teller:
    """Says nothing but what hooks have come to: for a process that ends at once and prints its result."""

    def begins(self, order: Order) -> None:
        """A round begins."""

    def told(self, state: State, round_: Round) -> None:
        """A round has ended."""

    def published(self, written: Sequence[Written], _rendered: Sequence[Rendered], /) -> None:
        """Targets were published. The values are gone after this."""

    def refused(self, error: SecretError) -> None:
        """Another config is wrong."""

    def reread(self, plan: Plan) -> None:
        """Another config is in use."""

    def hook(self, told: Told) -> None:
        """A hook was run, or tried."""
        if told.error is not None:
            again = {} if told.retry_in is None else {"retry_in_s": round(told.retry_in, 2)}
            _failure("hook_failed", told.error, attempt=told.attempt, **again)
        else:
            log.event("info", "hook", f"{told.kind} hook of {told.hook.origin} has run", seconds=round(told.seconds, 3))


class Log(Teller):
    """Log records of a sidecar, and its health.

    Args:
        health: Is told of everything.
        status_file: Where the status is kept; empty: nowhere.
    """

    def __init__(self, health: Health, status_file: str) -> None:
        self._health = health
        self._status_file = status_file
        self._status: Status | None = None
        self._phase = Phase.STARTING
        self._said = ""
        self._began = 0.0
        self._published = False

    def begins(self, order: Order) -> None:
        """Promise to be heard of soon after the deadline."""
        self._began, self._published = order.now, False
        self._health.promise(order.deadline + _SLACK)

    def _tell_health(self, state: State, round_: Round) -> None:
        now = SystemClock().now()
        result = "error" if round_.error is not None else "changed" if self._published else "unchanged"
        if self._began:
            self._health.round(result, now - self._began, round_.read)
        ahead = time.time() - now
        fresh_at = None if state.fresh_at is None else state.fresh_at + ahead
        alive_until = (now if state.due == inf else state.due) + _SLACK
        phase = state.phase.value
        status = Status(phase, state.is_ready, state.since + ahead, fresh_at, alive_until, state.failures, state.error)
        self._health.status(status)
        # Before the first full set the volume may be given up, and nothing is to be left in it.
        if self._status_file and status.ready and differs(self._status, status):
            write_status(self._status_file, status)
            self._status = status

    def ended(self, state: State) -> None:
        """Say that nobody looks after the files any more."""
        self._began = 0.0
        self._tell_health(state._replace(phase=Phase.STOPPED), Round(error=state.error))

    def hook(self, told: Told) -> None:
        """Count it too."""
        super().hook(told)
        self._health.hook(told.kind, "ok" if told.error is None else "error")

    def told(self, state: State, round_: Round) -> None:
        """Say what is new: a phase, or another failure; the same failure at each poll, not at each try."""
        self._tell_health(state, round_)
        if round_.error is not None and state.phase is not Phase.STOPPED:
            if round_.polled or str(round_.error) != self._said:
                told = {"phase": state.phase.value, "failures": state.failures, "retry_in_s": _ahead(state)}
                _failure("round_failed", round_.error, **told)
            self._said = str(round_.error)
        elif state.phase is Phase.FRESH and self._phase is not Phase.FRESH:
            log.event("info", "fresh", "everything is as the stores say", next_poll_in_s=_ahead(state))
        elif state.phase is not Phase.STOPPED:
            log.event("debug", "unchanged", "nothing has changed", next_in_s=_ahead(state))
        self._phase = state.phase

    def published(self, written: Sequence[Written], _rendered: Sequence[Rendered], /) -> None:
        """Say what was published; counts and places, no names of keys."""
        self._published = any(one.change for one in written)
        for one in written:
            if one.change:
                counts = {word: len(getattr(one.change, word)) for word in ("added", "updated", "removed")}
                log.event("info", "published", f"published {one.target.place}", files=one.files, **counts)

    def refused(self, error: SecretError) -> None:
        """Say so, with what is wrong."""
        _failure("config_refused", error, note="the config before is still in use")

    def reread(self, plan: Plan) -> None:
        """Say so."""
        log.event("info", "config_read", "the config has changed and is in use", targets=len(plan.targets))


def _ahead(state: State) -> float:
    return round(max(0.0, state.due - SystemClock().now()), 1)


def _failure(name: str, error: SecretError, **fields: object) -> None:
    """Log a failure; several, one record each."""
    for part in error.errors if isinstance(error, Several) else (error,):
        notes = {label.replace(" ", "_"): text for label, text in part.notes}
        log.event("warning", name, str(part), error_code=part.code, **{**notes, **fields})
