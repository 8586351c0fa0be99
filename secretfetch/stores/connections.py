"""The stores of a plan: connected once, asked in parallel, closed. What does not belong here: what one store does."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Self

from secretfetch.errors import ConfigError, SecretError, Unavailable, one_or_several
from secretfetch.provider import Handover
from secretfetch.stores.asking import guarded
from secretfetch.stores.breaker import Breaker
from secretfetch.stores.clock import SystemClock
from secretfetch.stores.discovery import find
from secretfetch.stores.errand import Errand, OnRetry, Round, close
from secretfetch.stores.handing import handed_over, take_over
from secretfetch.stores.patience import START

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import TracebackType

    from secretfetch.plan import Store
    from secretfetch.provider import Connect, Outcome, Provider, SecretRef, Version
    from secretfetch.stores.clock import Clock
    from secretfetch.stores.patience import Patience


def _random() -> float:
    import random  # noqa: PLC0415 - start-up cost, paid at the first retry

    return random.random()  # noqa: S311 - spreads retries, guards nothing


def _tell_nobody(*_: object) -> None:
    pass


class Stores:
    """The connections of one run. A context manager: leaving it closes them.

    Args:
        stores: By name.
        find: Gives the connect function of a provider's name.
        clock: How time passes.
        random: Numbers in [0, 1) for the jitter.
        on_retry: Told of every wait, from the thread of the store.
    """

    def __init__(
        self,
        stores: Mapping[str, Store],
        *,
        find: Callable[[str], Connect] = find,
        clock: Clock | None = None,
        random: Callable[[], float] = _random,
        on_retry: OnRetry = _tell_nobody,
    ) -> None:
        self._stores = stores
        self._find = find
        self._clock: Clock = clock or SystemClock()
        self._random = random
        self._on_retry = on_retry
        self._connected: dict[str, Provider] = {}
        self._breakers: dict[str, Breaker] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def check(self) -> None:
        """Connect every store, which does no I/O, so that all settings are checked before anything is fetched.

        Raises:
            ConfigError: A store cannot be connected; `Several` if it is more than one.
            RuntimeError: A provider has a bug.
        """
        errors: list[SecretError] = []
        for name in self._stores:
            try:
                self._provider(name)
            except SecretError as error:
                errors.append(error)
        if errors:
            raise one_or_several(errors)

    def fetch(
        self,
        wanted: Mapping[SecretRef, Version | None],
        *,
        deadline: float,
        forgiven: Collection[SecretRef] = (),
        patience: Patience = START,
    ) -> dict[SecretRef, Outcome]:
        """Ask all stores at once, one thread each, and ask again for what a retry can cure.

        A store that has not answered at the deadline is left behind: its refs are `Unavailable`, and it is connected
        anew if it is asked again. A start gives up with the first failure that no retry can cure; a poll leaves a store
        alone for a time that has failed as a whole, and answers for it with that failure.

        Args:
            wanted: Refs of any stores, each with the version held.
            deadline: When to be back, by the clock.
            forgiven: Refs whose `NotFound` is no failure.
            patience: How failures are borne.

        Returns:
            An outcome for every wanted ref, in the order of `wanted`.

        Raises:
            ConfigError: A store cannot be connected.
            RuntimeError: A provider has a bug.
        """
        shared = Round(self._clock, deadline, frozenset(forgiven), self._random, self._on_retry, patience)
        shares: dict[str, dict[SecretRef, Version | None]] = {}
        found: dict[SecretRef, Outcome] = {}
        # One failure of a store is one and the same object for all of its secrets: it is told once.
        alone = {name: self._told(name) for name in self.left_alone()} if patience.yields else {}
        for ref, held in wanted.items():
            if ref.store in alone:
                found[ref] = alone[ref.store]
            else:
                shares.setdefault(ref.store, {})[ref] = held
        errands = [self._errand(name, share, patience) for name, share in shares.items()]
        for errand in errands:
            errand.begin(shared)
        for errand in errands:
            answer, is_late = self._bring_home(errand, deadline)
            known = self._breakers.get(errand.store, Breaker())
            # One that is left behind has failed, whatever it has answered before that.
            told = [one for one in answer.values() if isinstance(one, Unavailable) or not is_late]
            self._breakers[errand.store] = known.after(told, self._clock.now(), self._random)
            found.update(answer)
        for errand in errands:
            if errand.bug is not None:
                raise errand.bug
        return {ref: found[ref] for ref in wanted}

    def left_alone(self) -> set[str]:
        """Return the stores that a poll does not ask now, as they have failed."""
        now = self._clock.now()
        return {name for name, breaker in self._breakers.items() if breaker.failures and now < breaker.until}

    def retry_at(self) -> float:
        """Return when a store that has failed may be asked before the next poll, by the clock; `inf`: none."""
        return min((breaker.retry_at for breaker in self._breakers.values()), default=inf)

    def _told(self, name: str) -> SecretError:
        breaker = self._breakers[name]
        assert breaker.error is not None  # noqa: S101 - it has failed
        seconds = max(0.0, breaker.until - self._clock.now())
        return breaker.error.with_notes(("note", f"not asked again for another {seconds:.0f} s"))

    def replace(self, stores: Mapping[str, Store]) -> None:
        """Take other definitions, of a config that was read anew; connections that stay the same are kept."""
        for name in [name for name in self._connected if not self._stores[name].is_like(stores.get(name))]:
            close(self._stores[name].provider, self._connected.pop(name))
            self._breakers.pop(name, None)
        self._stores = stores

    def hand_over(self) -> dict[str, dict[str, Any]]:
        """Return what the connections leave to a next process, by store; only those that have anything."""
        states = {}
        for name, provider in self._connected.items():
            if isinstance(provider, Handover):
                state = handed_over(self._stores[name].provider, provider)
                if state:
                    states[name] = state
        return states

    def take_over(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Let the connections go on where those of an earlier process ended."""
        for name, state in states.items():
            if name in self._stores and isinstance(provider := self._provider(name), Handover):
                take_over(self._stores[name].provider, provider, state)

    def close(self) -> None:
        """Close every connection. May be called twice."""
        while self._connected:
            name, provider = self._connected.popitem()
            close(self._stores[name].provider, provider)

    def _errand(self, name: str, share: Mapping[SecretRef, Version | None], patience: Patience) -> Errand:
        failures = self._breakers.get(name, Breaker()).failures if patience.yields else 0
        return Errand(name, self._stores[name].provider, self._provider(name), share, failures=failures)

    def _bring_home(self, errand: Errand, deadline: float) -> tuple[dict[SecretRef, Outcome], bool]:
        """Return the outcomes, and whether the store was left behind."""
        self._clock.wait(errand.done, max(0.0, deadline - self._clock.now()))
        is_late = errand.abandon()
        if is_late:
            del self._connected[errand.store]
        return errand.outcomes(), is_late

    def _provider(self, name: str) -> Provider:
        if name not in self._connected:
            self._connected[name] = self._connect(self._stores[name])
        return self._connected[name]

    def _connect(self, store: Store) -> Provider:
        try:
            connect = self._find(store.provider)
            return guarded(store.provider, "connect", lambda: connect(store.settings))
        except ConfigError as error:
            headline = f'store "{store.name}": {error.headline}'
            raise ConfigError(headline, *error.notes, where=error.where or str(store.origin)) from None
