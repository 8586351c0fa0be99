"""The stores of a plan: connected once, asked in parallel, closed. What does not belong here: what one store does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from secretfetch.errors import ConfigError, SecretError, one_or_several
from secretfetch.stores.asking import guarded
from secretfetch.stores.clock import SystemClock
from secretfetch.stores.discovery import find
from secretfetch.stores.errand import Errand, OnRetry, Round, close

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import TracebackType

    from secretfetch.plan import Store
    from secretfetch.provider import Connect, Outcome, Provider, SecretRef, Version
    from secretfetch.stores.clock import Clock


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
        patience: object = None,
    ) -> dict[SecretRef, Outcome]:
        """Ask all stores at once, one thread each, and ask again for what a retry can cure.

        A store that has not answered at the deadline is left behind: its refs are `Unavailable`, and it is connected
        anew if it is asked again. After a failure that no retry can cure nobody starts another try.

        Args:
            wanted: Refs of any stores, each with the version held.
            deadline: When to be back, by the clock.
            forgiven: Refs whose `NotFound` is no failure.

        Returns:
            An outcome for every wanted ref, in the order of `wanted`.

        Raises:
            ConfigError: A store cannot be connected.
            RuntimeError: A provider has a bug.
        """
        shared = Round(self._clock, deadline, frozenset(forgiven), self._random, self._on_retry)
        errands = self._errands(wanted)
        for errand in errands:
            errand.begin(shared)
        found: dict[SecretRef, Outcome] = {}
        for errand in errands:
            found.update(self._bring_home(errand, deadline))
        for errand in errands:
            if errand.bug is not None:
                raise errand.bug
        return {ref: found[ref] for ref in wanted}

    def retry_at(self) -> float:
        return float("inf")

    def hand_over(self) -> dict:
        return {}

    def take_over(self, states) -> None:
        pass

    def replace(self, stores) -> None:
        self._stores = stores

    def close(self) -> None:
        """Close every connection. May be called twice."""
        while self._connected:
            name, provider = self._connected.popitem()
            close(self._stores[name].provider, provider)

    def _errands(self, wanted: Mapping[SecretRef, Version | None]) -> list[Errand]:
        shares: dict[str, dict[SecretRef, Version | None]] = {}
        for ref, held in wanted.items():
            shares.setdefault(ref.store, {})[ref] = held
        return [
            Errand(name, self._stores[name].provider, self._provider(name), share) for name, share in shares.items()
        ]

    def _bring_home(self, errand: Errand, deadline: float) -> dict[SecretRef, Outcome]:
        self._clock.wait(errand.done, max(0.0, deadline - self._clock.now()))
        if errand.abandon():
            del self._connected[errand.store]
        return errand.outcomes()

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
