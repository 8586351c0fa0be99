"""`fetch` and `watch`: the loop of `sidecar` on the real world.

What does not belong here: flags (`app`), deciding when the next round is (`sidecar`), what is said of a state
(`telling`).
"""

from __future__ import annotations

import gc
import os
import threading
import time
from math import inf
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from secretfetch import materialize, sidecar
from secretfetch.cli import Terminated, heed, telling
from secretfetch.cli.aftermath import Aftermath, Habits
from secretfetch.errors import SecretError
from secretfetch.plan import Volume
from secretfetch.processes import Orphans
from secretfetch.sidecar import Phase, Wake
from secretfetch.stores import Stores, SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretfetch.cli.inputs import Inputs
    from secretfetch.cli.telling import Teller
    from secretfetch.materialize import Order, Rendered, Round, Rounds, Written
    from secretfetch.notify import Notifier
    from secretfetch.plan import Hook, Lasting, Plan
    from secretfetch.sidecar import Policy, State

_HEED = 0.5  # seconds after which a signal is seen at the latest
_LOOK = 5.0  # seconds between two looks at the files of the config
_HOOK_TIME = 60.0  # seconds that hooks have before a process ends that has nothing else to do
_CLOSING = 0.5  # seconds that the stores have to close
_REVOKING = 5.0  # the same where there are leases, which a store may be told to revoke


class Life:
    """One process: its plan, its stores, its targets, and its time.

    Args:
        plan: Without standard output.
        policy: When rounds are; of a plan, as another config may say something else.
        teller: Is told of everything.
        habits: What is done after a change.
        inputs: Where the plan is from; None: it stays as it is.
    """

    def __init__(
        self,
        plan: Plan,
        policy: Callable[[Plan], Policy],
        teller: Teller,
        habits: Habits,
        inputs: Inputs | None = None,
    ) -> None:
        self.inbox: SimpleQueue[Wake | None] = SimpleQueue()
        self.state = sidecar.begin(self.now())
        self.policy = policy(plan)
        self._policy_of = policy
        self._teller = teller
        self._habits = habits
        self._inputs = inputs
        self._writers = materialize.Writers(program=habits.program)
        self._notes = materialize.Notes(time.time, self.now)
        self._aftermath = Aftermath(habits, self._notifier)
        self._stores = Stores(plan.stores, clock=SystemClock(), on_retry=telling.retry)
        self._is_frozen = False
        self._looked = self.now()
        self._orphans = Orphans()
        self._stores.check()
        self._rounds = self._rounds_of(plan)
        self._aftermath.use(plan.on_change)

    def _rounds_of(self, plan: Plan) -> Rounds:
        return materialize.Rounds(plan, self._stores, self._writers, tell=self._published, before=self._promise)

    def lock(self) -> None:
        """Take all targets now: nobody else is to write to them as long as this process lives.

        Raises:
            OutputError: Another secretfetch has one, or it cannot be written.
        """
        for kept in self._rounds.targets:
            self._writers.of(kept.target).take()

    def take_over(self) -> None:
        """Lock the targets, and go on where an earlier process ended.

        Raises:
            OutputError: As `lock`.
        """
        self.lock()
        self.adopt(rest=True)

    def adopt(self, *, rest: bool) -> None:
        """Go on where an earlier process ended.

        Args:
            rest: What it has asked for within a period need not be asked for again.
        """
        age = self._notes.adopt(self._rounds)
        for kept in self._rounds.targets:
            if kept.seal and isinstance(kept.target, Volume):
                # It may have been killed while it removed old secrets; a set that is adopted is not staged again.
                self._writers.of(kept.target).tidy()
                self._aftermath.adopted(kept.target.place)
        if self._notes.pending and self._habits.replays:
            self._aftermath.begin(replay=True)
        if rest and age < self.policy.period:
            idle = self._rounds.at_rest(polled=True)
            self.state = self.told(sidecar.after(self.state, idle, self.now(), self.policy, self.random), idle)

    def targets(self) -> list[tuple[Lasting, int]]:
        """Return the targets, and how many files each has, or keys."""
        return [(kept.target, len(kept.paths)) for kept in self._rounds.targets]

    def live(self, *, begin: Callable[[], object]) -> State:
        """Begin, do rounds until the end, and return the last state; a signal at any moment is an end."""
        try:
            begin()
            return sidecar.run(self, self.policy, self.state)
        except Terminated:
            self.state = sidecar.stopped(self.state, self.now())
            return self.state

    # What the loop asks for.

    def now(self) -> float:
        """Return the time, by the clock of the stores."""
        return SystemClock().now()

    def random(self) -> float:
        """Return a number in [0, 1)."""
        import random  # noqa: PLC0415 - start-up cost, paid by those that wait

        return random.random()  # noqa: S311 - spreads polls, guards nothing

    def round(self, order: Order, /) -> Round:
        """Do one round."""
        heed()
        self._teller.begins(order)
        result = self._rounds.play(order)
        self._notes.write(self._rounds)
        if not self.policy.once:
            self._forget()
        return result

    def _forget(self) -> None:
        """Collect what the round has left in circles now, values may be in it; what stays is not looked at again."""
        gc.collect()
        if not self._is_frozen:
            gc.freeze()
            self._is_frozen = True

    def told(self, state: State, round_: Round, /) -> State:
        """Let everybody know, and see whether this is the end."""
        self._aftermath.begin()
        if code := self._aftermath.verdict(_HOOK_TIME):
            state = state._replace(phase=Phase.STOPPED, exit_code=code, error=None)
        self.state = state
        self._teller.told(state, round_)
        return state

    def wait(self, until: float, /) -> Wake:
        """Wait for a moment, a signal, a request, or another config."""
        while (left := until - self.now()) > 0:
            heed()
            try:
                wake = self.inbox.get(timeout=min(left, _HEED))
                if wake is not None:
                    return wake
                self._settle()
            except Empty:
                if self.now() < self._looked + _LOOK:
                    continue
                self._looked = self.now()
                if os.getpid() == 1:
                    self._orphans.bury()
                if self._inputs is not None and self._inputs.changed() and self._reread(self._inputs):
                    return Wake.DUE
        return Wake.DUE

    def _reread(self, inputs: Inputs) -> bool:
        """Take another config; one that is wrong is told, and the old one stays."""
        try:
            plan = inputs.read()
            self._stores.replace(plan.stores)
            self._stores.check()
        except SecretError as error:
            self._stores.replace(self._rounds.plan.stores)
            self._teller.refused(error)
            return False
        rounds = self._rounds_of(plan)
        rounds.inherit(self._rounds)
        self._writers.keep_only([kept.target for kept in rounds.targets])
        self._rounds = rounds
        self.policy = self._policy_of(plan)
        self._aftermath.use(plan.on_change)
        self._teller.reread(plan)
        return True

    def _published(self, written: list[Written], rendered: list[Rendered]) -> None:
        self._aftermath.published(written, rendered)
        self._teller.published(written, rendered)

    def _promise(self) -> None:
        if self._habits.replays and self._aftermath.has_hooks:
            self._notes.mark(self._rounds, pending=True)

    def _notifier(self, hooks: Sequence[Hook]) -> Notifier:
        from secretfetch.notify import Notifier, World  # noqa: PLC0415 - most runs change nothing

        return Notifier(hooks, World(SystemClock()), on_told=self._teller.hook, on_done=self._kept)

    def _kept(self) -> None:
        """Called by the thread of the hooks, which must not write to a volume."""
        self.inbox.put(None)

    def _settle(self) -> None:
        # Something newer may have changed since the hooks were done: the mark is for that then.
        if self._notes.pending and not self._aftermath.pending:
            self._notes.mark(self._rounds, pending=False)

    def end(self) -> None:
        """Let go of everything: hooks that have time have it, the stores are told."""
        if self.policy.once:
            if self._aftermath.finish(_HOOK_TIME):
                self._settle()
            self._aftermath.close()
            self._writers.close()
            return
        self._aftermath.close()
        # A provider that hangs, or has to revoke, must not keep the process: what it has not said counts as revoked.
        revoked = {held.store for held, one in self._rounds.held.items() if one.due != inf}
        said: list[set[str]] = []
        closing = threading.Thread(target=lambda: said.append(self._stores.close()), daemon=True)
        closing.start()
        closing.join(_REVOKING if revoked else _CLOSING)
        self._notes.forget(self._rounds, said[0] if said else revoked)
        self._writers.close(wait=False)
