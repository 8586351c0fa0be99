"""The stores of a plan: connected once, asked in parallel, closed. What does not belong here: what one store does."""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING, Any, Self

from secretfetch.errors import ConfigError, SecretError, one_or_several
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


_LONGEST_SILENCE = 300.0  # seconds that a connection is kept for whose answer does not come


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
        self._late: dict[str, Errand] = {}

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

        A store that has not answered at the deadline is left behind: its refs are `Unavailable`. After a start it is
        connected anew if it is asked again; after a poll its connection, which may know of leases, is kept, and not
        asked before the late answer has come, for minutes. A start gives up with the first failure that no retry can
        cure; a poll leaves a store alone for a time that has failed as a whole, and answers for it with that failure.

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
        self._let_go(patience)
        silent = self.left_alone() | self._late.keys()
        left_alone = {name: self._told(name) for name in silent} if patience.yields else {}
        found: dict[SecretRef, Outcome] = {ref: left_alone[ref.store] for ref in wanted if ref.store in left_alone}
        errands = self._errands({ref: held for ref, held in wanted.items() if ref not in found}, patience)
        for _ in errands:
            shared.take()  # the first try of each, before one of them uses up the budget
        for errand in errands:
            errand.begin(shared)
        for errand in errands:
            found.update(self._bring_home(errand, deadline, patience))
        for errand in errands:
            if errand.bug is not None:
                raise errand.bug
        return {ref: found[ref] for ref in wanted}

    def left_alone(self) -> set[str]:
        """Return the stores that a poll does not ask now, as they have failed."""
        now = self._clock.now()
        return {name for name, breaker in self._breakers.items() if breaker.is_open(now)}

    def retry_at(self) -> float:
        """Return when the first store that is left alone, other than for a quota, may be asked; `inf`: none is."""
        return min((self._breakers[name].retry_at for name in self.left_alone()), default=inf)

    def replace(self, stores: Mapping[str, Store]) -> None:
        """Take other definitions, of a config that was read anew; what is known of those that stay the same is kept."""
        for name, store in self._stores.items():
            if store.is_like(stores.get(name)):
                continue
            self._breakers.pop(name, None)
            self._late.pop(name, None)
            if name in self._connected:
                close(store.provider, self._connected.pop(name))
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

    def close(self) -> set[str]:
        """Close every connection. May be called twice.

        Returns:
            The stores that have revoked what they would have handed over before.
        """
        revoked = set()
        while self._connected:
            name, provider = self._connected.popitem()
            had = isinstance(provider, Handover) and handed_over(self._stores[name].provider, provider)
            close(self._stores[name].provider, provider)
            if had and isinstance(provider, Handover) and not handed_over(self._stores[name].provider, provider):
                revoked.add(name)
        return revoked

    def _errands(self, wanted: Mapping[SecretRef, Version | None], patience: Patience) -> list[Errand]:
        shares: dict[str, dict[SecretRef, Version | None]] = {}
        for ref, held in wanted.items():
            shares.setdefault(ref.store, {})[ref] = held
        errands = []
        for name, share in shares.items():
            failures = self._breakers[name].failures if patience.yields and name in self._breakers else 0
            provider = self._provider(name)
            errands.append(Errand(name, self._stores[name].provider, provider, share, failures=failures))
        return errands

    def _let_go(self, patience: Patience) -> None:
        """Give up connections that have been silent for too long, or that a start cannot wait for."""
        for name, errand in list(self._late.items()):
            if errand.done.is_set():
                del self._late[name]
            elif not patience.yields or errand.age() > _LONGEST_SILENCE:
                del self._late[name]
                if errand.abandon():
                    self._connected.pop(name, None)

    def _bring_home(self, errand: Errand, deadline: float, patience: Patience) -> dict[SecretRef, Outcome]:
        self._clock.wait(errand.done, max(0.0, deadline - self._clock.now()))
        late = not errand.done.is_set() if patience.yields else errand.abandon()
        if late and patience.yields:
            self._late[errand.store] = errand
        elif late:
            del self._connected[errand.store]
        answer = errand.outcomes()
        known = self._breakers.get(errand.store, Breaker())
        self._breakers[errand.store] = known.after(answer.values(), self._clock.now(), self._random, hangs=late)
        return answer

    def _told(self, name: str) -> SecretError:
        error = self._breakers[name].error
        assert error is not None  # noqa: S101 - it has failed
        seconds = max(0.0, self._breakers[name].until - self._clock.now())
        return error.with_notes(("note", f"not asked: next try in {ceil(seconds)} s"))

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
