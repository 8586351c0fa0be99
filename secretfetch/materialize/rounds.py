"""One round after the other: ask for what is due, map, render, publish, and remember versions instead of values.

A round asks only for what may have changed: what has no lease at every poll, a lease when it is due, what failed at
every try. The values live as long as the round; what has to be known of them later are versions and seals. If one of
several secrets of a target has changed, the others are asked for once more. What does not belong here: when the next
round is (`sidecar`).
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from secretfetch import redaction
from secretfetch.errors import NotFound, SecretError, Several, Throttled, one_or_several
from secretfetch.materialize.blanks import blanked
from secretfetch.materialize.building import build_each
from secretfetch.materialize.fetching import Question, Uses, is_forgiven
from secretfetch.materialize.handover import Held
from secretfetch.plan import Stream, sources_of
from secretfetch.provider import SecretValue, Unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretfetch.materialize.building import Rendered
    from secretfetch.materialize.writing import Writers, Written
    from secretfetch.plan import Lasting, Plan, Source
    from secretfetch.provider import Outcome, SecretRef, Version
    from secretfetch.stores import Patience, Stores


class Order(NamedTuple):
    """What a round is to do.

    Attributes:
        now: Time, by the clock of the stores.
        deadline: When to be back.
        patience: How often to ask again.
        poll: Ask for everything that has no lease, not only for what is due.
        whole: Publish nothing if anything is wrong: a start.
    """

    now: float
    deadline: float
    patience: Patience
    poll: bool = True
    whole: bool = False


class Round(NamedTuple):
    """How a round ended.

    Attributes:
        written: Targets that were published or looked at by their writers.
        error: What is wrong now: of this round, or of an earlier one and not cured.
        due: When the first lease wants to be looked at, or a store that is left alone may be tried again.
        again: Trying again may help before the next poll: a store or a target has failed, not what a secret holds.
        polled: It was a poll.
        read: Source name -> whether it could be read, of what was asked for.
    """

    written: tuple[Written, ...] = ()
    error: SecretError | None = None
    due: float = inf
    again: bool = False
    polled: bool = False
    read: Mapping[str, bool] = {}


class Kept:
    """What is known of one target between rounds.

    Attributes:
        target: Which.
        sources: Every use of a secret in it.
        paths: Of the files that are published; the keys of a Kubernetes Secret.
        seal: Of them; empty: it has to be written anew.
        fault: Why what the stores hold cannot be written; only another version cures it.
    """

    def __init__(self, target: Lasting) -> None:
        self.target = target
        self.sources: list[Source] = [source for output in target.outputs for source in sources_of(output)]
        self.refs = {source.ref for source in self.sources}
        self.paths: tuple[str, ...] = ()
        self.seal = ""
        self.fault: SecretError | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is to be written."""
        return not self.seal and self.fault is None

    def reopen(self) -> None:
        """Note that something of it has changed."""
        self.seal, self.fault = "", None


class Rounds:
    """The rounds of one plan.

    Args:
        plan: Without standard output.
        stores: Of the plan.
        writers: Of the process.
        tell: Told of what was published, while the values are still there.
        before: Called before the first publication of a round that replaces another set.
    """

    def __init__(
        self,
        plan: Plan,
        stores: Stores,
        writers: Writers,
        *,
        tell: Callable[[list[Written], list[Rendered]], object] = lambda *_: None,
        before: Callable[[], object] = lambda: None,
    ) -> None:
        self.plan = plan
        self.stores = stores
        self.writers = writers
        self.held: dict[SecretRef, Held] = {}
        self.targets = [Kept(target) for target in plan.targets if not isinstance(target, Stream)]
        self._tell = tell
        self._before = before
        self._uses = Uses(plan)
        self._failed: dict[SecretRef, SecretError] = {}

    def inherit(self, old: Rounds) -> None:
        """Go on from the rounds of an earlier plan with what has stayed the same."""
        same = {name for name, store in self.plan.stores.items() if store.is_like(old.plan.stores.get(name))}
        self.held = {ref: old.held[ref] for ref in self._uses.by_ref if ref in old.held and ref.store in same}
        known = {kept.target: kept for kept in old.targets}
        for kept in self.targets:
            if kept.target in known and all(ref.store in same for ref in kept.refs):
                kept.paths, kept.seal = known[kept.target].paths, known[kept.target].seal
                kept.fault = known[kept.target].fault

    def play(self, order: Order) -> Round:
        """Do one round. What was published before stays wherever something is wrong."""
        for kept in self.targets:
            if kept.seal and kept.seal != self.writers.of(kept.target).seal(kept.paths):
                kept.seal = ""
        outcomes = self._uses.ask(self.stores, Question(self._wanted(order), order.deadline, order.patience))
        changed = {ref for ref, outcome in outcomes.items() if self._is_changed(ref, outcome)}
        gone = {ref for ref, outcome in outcomes.items() if self._is_gone(ref, outcome)}
        self._remember(outcomes, order)
        for kept in self.targets:
            if kept.refs & changed or (kept.refs & gone and not self._lacks(kept)):
                kept.reopen()
        with redaction.known(outcome.data for outcome in outcomes.values() if isinstance(outcome, SecretValue)):
            made, errors = self._build(outcomes, order)
            written: list[Written] = []
            refused: dict[str, SecretError] = {}
            if not (order.whole and (errors or self._failed)):
                written, refused = self._write(made, order)
        ended = self._ended(outcomes, written, errors | refused, order)
        # A target may be away for a moment, as a store may be: nobody has waited for it yet.
        return ended._replace(again=ended.again or any(error.retryable for error in refused.values()))

    def at_rest(self, *, polled: bool) -> Round:
        """Return a round in which nothing was to be done."""
        return self._ended({}, [], {}, Order(0.0, 0.0, None, polled))  # type: ignore[arg-type]

    def _wanted(self, order: Order) -> dict[SecretRef, Version | None]:
        """Return what is to be asked for; with no version where the value is needed whatever it is."""
        anew = {ref for kept in self.targets if kept.is_open for ref in kept.refs}
        wanted: dict[SecretRef, Version | None] = {}
        for ref in self._uses.by_ref:
            held = self.held.get(ref)
            if held is None or ref in anew:
                wanted[ref] = None
            elif ref in self._failed or held.due <= order.now or (order.poll and held.due == inf):
                wanted[ref] = held.version
        return wanted

    def _is_changed(self, ref: SecretRef, outcome: Outcome) -> bool:
        held = self.held.get(ref)
        return isinstance(outcome, SecretValue) and (held is None or held.version != outcome.version)

    def _is_gone(self, ref: SecretRef, outcome: Outcome) -> bool:
        return isinstance(outcome, NotFound) and self.held.get(ref) != Held(None)

    def _remember(self, outcomes: Mapping[SecretRef, Outcome], order: Order) -> None:
        for ref, outcome in outcomes.items():
            if not isinstance(outcome, SecretError):
                due = inf if outcome.refresh_after is None else order.now + outcome.refresh_after
                version = outcome.version if isinstance(outcome, SecretValue) else self.held[ref].version
                self.held[ref] = Held(version, due)
            elif all(is_forgiven(source, outcome) for source in self._uses.by_ref[ref]):
                self.held[ref] = Held(None)
            else:
                self._failed[ref] = bare(outcome)
                continue
            self._failed.pop(ref, None)

    def _lacks(self, kept: Kept) -> bool:
        return any(
            source.ref in self._failed and not is_forgiven(source, self._failed[source.ref]) for source in kept.sources
        )

    def _build(self, outcomes: dict[SecretRef, Outcome], order: Order) -> tuple[list[Rendered], dict[str, SecretError]]:
        """Map and render what is to be written and can be; what of it was not asked for is asked for now.

        A start does so with all volumes, those that lack a secret too: one run tells everything that is wrong.
        """
        ready = [kept for kept in self.targets if kept.is_open and (order.whole or not self._lacks(kept))]
        lacking = {ref: None for kept in ready for ref in kept.refs if isinstance(outcomes.get(ref), Unchanged | None)}
        more = self._uses.ask(self.stores, Question(lacking, order.deadline, order.patience))
        self._remember(more, order)
        outcomes |= more
        ready = [kept for kept in ready if order.whole or not self._lacks(kept)]
        values = {ref: outcome for ref, outcome in outcomes.items() if not isinstance(outcome, Unchanged)}
        made, failed = build_each([kept.target for kept in ready], values)
        errors = {target.place: error for target, error in failed}
        for item in made:
            if not isinstance(item.target, Stream) and (blank := self._blanked(item, item.target, outcomes)):
                errors[item.place] = blank
        for kept in ready:
            if not order.whole and kept.target.place in errors:
                kept.fault = bare(errors.pop(kept.target.place))
        faulty = {*errors, *(kept.target.place for kept in ready if kept.fault is not None)}
        return [item for item in made if item.place not in faulty], errors

    def _blanked(self, item: Rendered, target: Lasting, outcomes: Mapping[SecretRef, Outcome]) -> SecretError | None:
        try:
            blank = blanked(item, self.writers.of(target), outcomes)
        except SecretError as error:  # nobody can say what is there now
            return error
        return one_or_several(blank) if blank else None

    def _write(self, made: list[Rendered], order: Order) -> tuple[list[Written], dict[str, SecretError]]:
        try:
            written, refused = self.writers.write_each(made, whole=order.whole, before=self._before)
        except SecretError as error:  # of a start: nothing counts as written
            return [], {"": error}
        paths = {item.place: tuple(item.files) for item in made}
        done = {one.target.place for one in written}
        for kept in self.targets:
            if kept.target.place in done:
                kept.paths = paths[kept.target.place]
                kept.seal = self.writers.of(kept.target).seal(kept.paths)
        if written:
            self._tell(written, made)
        return written, refused

    def _ended(
        self,
        outcomes: Mapping[SecretRef, Outcome],
        written: list[Written],
        errors: Mapping[str, SecretError],
        order: Order,
    ) -> Round:
        faults = (kept.fault for kept in self.targets if kept.fault is not None and not self._lacks(kept))
        wrong = [*(bare(error) for error in errors.values()), *faults, *self._failed.values()]
        due = min((held.due for ref, held in self.held.items() if ref not in self._failed), default=inf)
        read = {source.name: ref not in self._failed for ref in outcomes for source in self._uses.by_ref[ref]}
        error = one_or_several(wrong) if wrong else None
        alone = self.stores.left_alone()
        worth = [ref for ref, failure in self._failed.items() if not isinstance(failure, Throttled)]
        # A start has tried until its deadline: one more round would only be shorter.
        again = not order.whole and (bool(errors) or any(ref.store not in alone for ref in worth))
        return Round(tuple(written), error, min(due, self.stores.retry_at()), again, order.poll, read)


def bare(error: SecretError) -> SecretError:
    """Return an error without the frames that it came through: their variables hold values."""
    for part in error.errors if isinstance(error, Several) else ():
        bare(part)
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)
