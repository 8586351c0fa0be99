"""One store's share of a round: ask, and ask again for what a retry can cure, until the deadline or a lost cause.

What does not belong here: other stores. An errand knows of them only through its `Round`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from secretfetch.provider import NotFound, Outcome, Provider, SecretError, SecretRef, Unavailable, Version
from secretfetch.stores.asking import ask
from secretfetch.stores.patience import START, Patience, full_jitter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenacity import RetryCallState

    from secretfetch.stores.clock import Clock

OnRetry: TypeAlias = Callable[[str, SecretError, float, int], object]
"""Told before each wait: name of the store, the failure, seconds until the next try, number of the try that failed."""


@dataclass(frozen=True, slots=True)
class Round:
    """What the errands of one round share.

    Attributes:
        clock: Its time.
        deadline: When it ends, by that clock.
        forgiven: Refs that may be missing: their `NotFound` is no reason to give up.
        random: Numbers in [0, 1) for the jitter.
        on_retry: Told of every wait.
        patience: How often stores are asked again.
        lost: Set when no retry can save the round any more: nobody starts another one.
    """

    clock: Clock
    deadline: float
    forgiven: Collection[SecretRef]
    random: Callable[[], float]
    on_retry: OnRetry
    patience: Patience = START
    lost: threading.Event = field(default_factory=threading.Event)
    _tries: list[int] = field(default_factory=list)

    @property
    def spent(self) -> bool:
        """Whether the stores have been asked as often as one round may."""
        return len(self._tries) >= self.patience.budget

    def take(self) -> bool:
        """Take one try from the budget, for any store. Returns whether there was one left; safe for threads."""
        self._tries.append(1)
        return len(self._tries) <= self.patience.budget

    def hurt_by(self, ref: SecretRef, outcome: Outcome) -> bool:
        """Tell whether an outcome means that a start has failed for good; other rounds go on for what they can get."""
        if self.patience.yields or not isinstance(outcome, SecretError) or outcome.retryable:
            return False
        return not (isinstance(outcome, NotFound) and ref in self.forgiven)


class Errand(threading.Thread):
    """A daemon thread that brings the outcomes of one store, and that nobody has to wait for.

    Args:
        store: The store's name.
        name: The provider's.
        provider: Connected.
        wanted: Refs, each with the version held.
        failures: Rounds in which the store has failed: if any, one secret is asked for first, and the others only if
            that is answered. It is another one each time, as that one may be what fails.

    Attributes:
        store: The store's name.
        done: Set when there is nothing more to come.
        bug: What the provider did that it must not do.
    """

    def __init__(
        self,
        store: str,
        name: str,
        provider: Provider,
        wanted: Mapping[SecretRef, Version | None],
        *,
        failures: int = 0,
    ) -> None:
        super().__init__(name=f"store {store}", daemon=True)
        self.store = store
        self.done = threading.Event()
        self.bug: BaseException | None = None
        self._provider_name = name
        self._provider = provider
        self._wanted = dict(wanted)
        self._outcomes: dict[SecretRef, Outcome] = {}
        self._failures = failures
        self._probing = failures > 0
        self._tries = 0
        self._round: Round
        self._began = 0.0
        self._lock = threading.Lock()
        self._abandoned = False

    def begin(self, round_: Round) -> None:
        """Set out."""
        self._round = round_
        self._began = round_.clock.now()
        self.start()

    def run(self) -> None:
        """Do it; called by the thread itself."""
        try:
            self._ask()
            if self._curable():
                self._ask_again()
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for the answer
            self.bug = error
            self._round.lost.set()
        finally:
            with self._lock:
                self.done.set()
                abandoned = self._abandoned
            if abandoned:
                close(self._provider_name, self._provider)

    def age(self) -> float:
        """Return the seconds since it set out."""
        return self._round.clock.now() - self._began

    def abandon(self) -> bool:
        """Let go of an errand that is late: it closes its provider when it comes home. Returns whether it is late."""
        with self._lock:
            self._abandoned = not self.done.is_set()
            return self._abandoned

    def outcomes(self) -> dict[SecretRef, Outcome]:
        """Return an outcome for every wanted ref, as far as it is known now."""
        known = dict(self._outcomes)
        seconds = round(self._round.deadline - self._began, 1)
        silence = Unavailable(f'no answer from store "{self.store}" within {seconds:g} s')
        told: dict[int, SecretError] = {}
        return {ref: self._told(known.get(ref, silence), told) for ref in self._wanted}

    def _ask(self) -> None:
        left = {ref: self._wanted[ref] for ref in self._curable()} or self._wanted
        answer = self._probed(left) if self._probing else ask(self._provider_name, self._provider, left)
        self._tries += 1
        self._outcomes = {**self._outcomes, **answer}
        if any(self._round.hurt_by(ref, outcome) for ref, outcome in answer.items()):
            self._round.lost.set()

    def _probed(self, left: Mapping[SecretRef, Version | None]) -> dict[SecretRef, Outcome]:
        first = list(left)[self._failures % len(left)]
        answer = ask(self._provider_name, self._provider, {first: left[first]})
        outcome = answer[first]
        if isinstance(outcome, SecretError) and outcome.retryable:
            return dict.fromkeys(left, outcome)
        self._probing = False
        rest = {ref: held for ref, held in left.items() if ref != first}
        return answer | (ask(self._provider_name, self._provider, rest) if rest else {})

    def _ask_again(self) -> None:
        import tenacity  # noqa: PLC0415 - start-up cost, paid at the first failure

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_result(bool),
            wait=self._delay,
            stop=self._hopeless,
            before_sleep=self._announce,
            sleep=self._pause,
            retry_error_callback=lambda _: None,
        )
        for attempt in retrying:
            if attempt.retry_state.attempt_number > 1 and not self._round.lost.is_set() and self._round.take():
                self._ask()
            attempt.retry_state.set_result(self._curable())

    def _curable(self) -> dict[SecretRef, SecretError]:
        return {
            ref: outcome
            for ref, outcome in self._outcomes.items()
            if isinstance(outcome, SecretError) and outcome.retryable
        }

    def _delay(self, state: RetryCallState) -> float:
        asked_for = [error.retry_after for error in self._curable().values() if isinstance(error, Unavailable)]
        return max(full_jitter(state.attempt_number, self._round.random), *asked_for, 0.0)

    def _hopeless(self, state: RetryCallState) -> bool:
        round_ = self._round
        enough = self._probing or round_.patience.gives_up(self._tries, self._curable().values())
        late = round_.clock.now() + state.upcoming_sleep >= round_.deadline
        return enough or late or round_.spent or round_.lost.is_set()

    def _pause(self, seconds: float) -> None:
        self._round.clock.pause(self._round.lost, seconds)

    def _announce(self, state: RetryCallState) -> None:
        error = next(iter(self._curable().values()))
        self._round.on_retry(self.store, error, state.upcoming_sleep, state.attempt_number)

    def _told(self, outcome: Outcome, told: dict[int, SecretError]) -> Outcome:
        if not isinstance(outcome, SecretError) or not outcome.retryable or self._tries < 2:  # noqa: PLR2004 - "once" tells nothing
            return outcome
        if id(outcome) not in told:
            seconds = self._round.clock.now() - self._began
            told[id(outcome)] = outcome.with_notes(("tried", f"{self._tries} times in {seconds:.0f} s"))
        return told[id(outcome)]


def close(name: str, provider: Provider) -> None:
    """Close a provider; trouble is logged by its type and goes no further, the values have been read."""
    try:
        provider.close()
    except Exception as error:  # noqa: BLE001 - one provider's trouble must not keep the others from being closed
        import logging  # noqa: PLC0415 - start-up cost

        what = str(error) if isinstance(error, SecretError) else type(error).__name__
        logging.getLogger("secretfetch.stores").warning('provider "%s" could not be closed: %s', name, what)
