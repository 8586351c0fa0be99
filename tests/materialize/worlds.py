"""A memory store behind real `Stores`, and rounds over it in time that only moves when told."""

from __future__ import annotations

from secretfetch import materialize
from secretfetch.plan import DataFile, Entries, Origin, Plan, Select, Source, Spread, Store, Volume
from secretfetch.provider import SecretRef, SecretValue, Unchanged
from secretfetch.stores import POLL, START, Stores
from secretfetch.testing import FakeClock, MemoryProvider


def source(key, *expressions, optional=False, line=1):
    select = tuple(Select(text) for text in expressions)
    return Source(SecretRef("mem", key), key, select, optional, Origin("c.yaml", line))


def volume(root, *outputs):
    return Volume(str(root), outputs)


def env(path, *sources):
    return DataFile(path=path, entries=Entries(spreads=tuple(Spread(one) for one in sources)))


def plan_of(*targets):
    return Plan({"mem": Store("mem", "mem")}, targets)


class Leasing(MemoryProvider):
    """A memory store whose keys that begin with `lease` hold for a time: what it has made it gives again until then."""

    def __init__(self, secrets, **more):
        super().__init__(secrets, **more)
        self.made = 0
        self.current = {}

    def fetch(self, wanted, /):
        found = super().fetch({ref: held for ref, held in wanted.items() if not ref.key.startswith("lease")})
        for ref, held in wanted.items():
            if ref.key.startswith("lease"):
                found[ref] = self._lease(ref, held)
                for call in self.calls[-1:]:
                    call[ref] = held
        return {ref: found[ref] for ref in wanted}

    def _lease(self, ref, held):
        if (error := self._fault(ref.key)) is not None:
            return error
        if held is not None and held == self.current.get(ref.key):
            return Unchanged(refresh_after=600.0)
        if ref.key not in self.current:
            self.made += 1
            self.current[ref.key] = f"lease-{self.made}"
        return SecretValue(b'{"LOGIN":"%d"}' % self.made, self.current[ref.key], refresh_after=600.0)


class World:
    """Rounds of a plan.

    Attributes:
        written: What was published, round by round.
    """

    def __init__(self, provider, plan, writers, **more):
        self.clock = more.pop("clock", None) or FakeClock(1000.0)
        self.provider = provider
        self.written = []
        self.stores = Stores(plan.stores, find=lambda _: lambda _: provider, clock=self.clock, random=lambda: 0.5)
        self.rounds = materialize.Rounds(plan, self.stores, writers, tell=self._tell, **more)

    def _tell(self, written, _):
        self.written.append(written)

    def play(self, **more):
        """Do one round."""
        order = materialize.Order(self.clock.now(), self.clock.now() + 10, POLL)
        return self.rounds.play(order._replace(**more))

    def start(self):
        """Do a first round: all or nothing."""
        return self.play(whole=True, patience=START)

    def asked(self):
        """Return what the last question wanted, as key -> held version, and forget all questions."""
        calls = [{ref.key: held for ref, held in call.items()} for call in self.provider.calls]
        self.provider.calls.clear()
        return calls
