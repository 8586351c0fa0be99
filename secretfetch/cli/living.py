"""`fetch` and `watch` from their flags to their end: what is put together, and how the end is told.

What does not belong here: the loop (`sidecar`) and its world (`watching`).
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Protocol

from secretfetch.cli import report, telling
from secretfetch.cli.aftermath import Habits
from secretfetch.cli.inputs import Inputs
from secretfetch.cli.session import plan_of_config, progress
from secretfetch.cli.telling import Log
from secretfetch.cli.watching import Life
from secretfetch.errors import ConfigError
from secretfetch.health import Health
from secretfetch.plan import Refresh, Volume
from secretfetch.processes import harden
from secretfetch.provider import observe_requests
from secretfetch.sidecar import Policy, Wake
from secretfetch.sinks.volume import STATUS
from secretfetch.stores import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretfetch.cli.options import Globals
    from secretfetch.cli.wishes import Wishes
    from secretfetch.materialize import Rendered, Written
    from secretfetch.plan import Lasting, Plan
    from secretfetch.sidecar import State
    from secretfetch.sinks.writer import Writer


class _Result(telling.Teller):
    """What `fetch` has done, told at the end."""

    def __init__(self, quiet: Callable[[], object]) -> None:
        self._quiet = quiet
        self.was_told = False

    def published(self, written: Sequence[Written], rendered: Sequence[Rendered], /) -> None:
        """Print it now: the names are gone after this."""
        self._quiet()
        report.written(written, rendered)
        self.was_told = True

    def unchanged(self, targets: Sequence[tuple[Lasting, int]]) -> None:
        """Nothing was published."""
        self._quiet()
        report.unchanged(targets)


def fetch(plan: Plan, flags: Globals, *, replays: bool = False) -> int:
    """Write all outputs once, and return the exit code.

    Raises:
        SecretError: Whatever went wrong.
    """
    harden()
    policy = Policy(SystemClock().now() + flags.timeout, once=True)
    with progress(plan) as quiet:
        result = _Result(quiet)
        life = Life(plan, lambda _: policy, result, Habits(replays=replays))
        try:
            state = life.live(begin=lambda: life.adopt(rest=False))
            if state.exit_code == 0 and not result.was_told:
                result.unchanged(life.targets())
        finally:
            life.end()
    return _ended(state)


class Attended(Protocol):
    """A program that is the target, and whose end is ours."""

    writer: Writer

    def attend(self, wake: Callable[[], object], /) -> None:
        """Take what wakes the loop, once `ask` was called."""

    def end(self) -> None:
        """End it, before the stores are closed: they may revoke what it uses."""


def watch(
    flags: Globals,
    wishes: Wishes,
    read: Callable[[Globals], Plan] = plan_of_config,
    program: Attended | None = None,
) -> int:
    """Write all outputs, and again whenever they change, until told to stop; return the exit code.

    Args:
        flags: Of the run.
        wishes: About rounds.
        read: Reads what is to be written.
        program: Is written to, where the plan is that of a process.

    Raises:
        SecretError: Whatever it could not go on with.
    """
    import gc  # noqa: PLC0415 - kept beside its only use

    gc.enable()  # a process that lives on has to
    undo = harden()
    inputs = Inputs(flags, read)
    plan = inputs.read()
    health = Health(clock=SystemClock().now)
    teller = Log(health, _status_file(plan, wishes))
    life = Life(plan, lambda plan: _policy(plan, flags, wishes), teller, _habits(wishes, program), inputs)
    if program is None:
        signal.signal(signal.SIGHUP, lambda *_: life.inbox.put(Wake.REFRESH))
    else:
        undo()  # a limit would be inherited; that we cannot be read keeps us from being dumped too
        program.attend(lambda: life.inbox.put(None))
    server = None
    try:
        if wishes.http_bind:
            observe_requests(health.request)
            server = health.serve(wishes.http_bind, lambda: life.inbox.put(Wake.REFRESH))
        state = life.live(begin=life.take_over)
        teller.ended(state)
    finally:
        if program is not None:
            program.end()
        if server is not None:
            server.close()
        life.end()
    return _ended(state)


def _status_file(plan: Plan, wishes: Wishes) -> str:
    if wishes.status_file is not None:
        return wishes.status_file
    roots = [target.root for target in plan.targets if isinstance(target, Volume)]
    return os.path.join(roots[0], STATUS) if roots else ""


def _habits(wishes: Wishes, program: Attended | None) -> Habits:
    writer = None if program is None else program.writer
    return Habits(exits=wishes.exit_on_change, replays=wishes.replay_hooks, program=writer)


def _policy(plan: Plan, flags: Globals, wishes: Wishes) -> Policy:
    said = plan.refresh or Refresh()
    period = said.period if wishes.period is None else wishes.period
    if period <= 0:
        raise ConfigError("--period must be more than nothing")
    return Policy(
        SystemClock().now() + flags.timeout,
        period=period,
        jitter=said.jitter if wishes.jitter is None else wishes.jitter,
        max_failures=wishes.max_failures,
        max_stale=said.max_stale if wishes.max_stale is None else wishes.max_stale,
        exits=said.on_error == "exit",
    )


def _ended(state: State) -> int:
    if state.error is not None and state.exit_code:
        raise state.error
    return state.exit_code
