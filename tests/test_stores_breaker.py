"""Rules of a store that fails as a whole: left alone, longer each time, then asked for one secret first."""

import threading
from math import inf

import pytest

from secretfetch.errors import AccessDenied, Throttled, Unavailable
from secretfetch.plan import Store
from secretfetch.provider import SecretValue, Version
from secretfetch.stores import POLL, START, Stores
from secretfetch.stores.breaker import Breaker
from secretfetch.testing import FakeClock, MemoryProvider

DOWN = Unavailable("down")
VALUE = SecretValue(b"1", Version("1"))


def half():
    return 0.5


def test_the_pauses_double():
    """Full jitter over 1, 2, 4 ... 300 seconds, from the end of each failed round."""
    breaker, pauses = Breaker(), []
    for _ in range(11):
        breaker = breaker.after([DOWN, DOWN], 100.0, half)
        pauses.append(breaker.until - 100.0)
    assert [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 150, 150] == pauses


def test_a_store_that_answers_anything_works():
    """One value, or a refusal of one secret, and it has not failed as a whole."""
    failing = Breaker().after([DOWN], 0.0, half)
    for outcomes in ([DOWN, VALUE], [AccessDenied("no")], [VALUE]):
        assert Breaker() == failing.after(outcomes, 1.0, half)


@pytest.mark.parametrize(("asked_for", "pause"), [(0.1, 0.5), (30.0, 30.0), (86400.0, 3600.0)])
def test_what_a_store_asks_for_is_a_floor_within_reason(asked_for, pause):
    """`Retry-After` is kept, up to an hour."""
    assert pause == Breaker().after([Unavailable("down", retry_after=asked_for)], 0.0, half).until


def test_a_used_up_quota_invites_no_early_try():
    """An outage may be over before the next poll; a quota is left to those that start."""
    assert 0.5 == Breaker().after([DOWN], 0.0, half).retry_at
    assert inf == Breaker().after([Throttled("much")], 0.0, half).retry_at


class World:
    """Three secrets of one store, polled."""

    def __init__(self):
        self.clock = FakeClock()
        self.provider = MemoryProvider({"x": b"1", "y": b"1", "z": b"1"})
        self.refs = [self.provider.set(key, b"2") for key in "xyz"]
        self.stores = Stores(
            {"memory": Store("memory", "memory")}, find=lambda _: lambda _: self.provider, clock=self.clock, random=half
        )

    def poll(self, patience=POLL):
        self.provider.calls.clear()
        wanted = dict.fromkeys(self.refs)
        return self.stores.fetch(wanted, deadline=self.clock.now() + 30, patience=patience)

    def asked(self):
        return ["".join(ref.key for ref in call) for call in self.provider.calls]


def test_a_poll_tries_three_times_and_then_leaves_the_store_alone():
    """While it is left alone its last failure stands for all of its secrets: one object, so it is told once."""
    world = World()
    world.provider.fail(DOWN)
    world.poll()
    assert ["xyz"] * 3 == world.asked()
    assert {"memory"} == world.stores.left_alone()
    outcomes = world.poll()
    assert ([], 1) == (world.asked(), len({id(outcome) for outcome in outcomes.values()}))
    assert "not asked" in dict(outcomes[world.refs[0]].notes)["note"]


def test_after_a_pause_one_secret_is_asked_for_first():
    """The others follow when it is answered, in the same round."""
    world = World()
    world.provider.fail(DOWN, times=3)
    world.poll()
    world.clock.advance(1.0)
    outcomes = world.poll()
    assert ["y", "xz"] == world.asked()
    assert all(isinstance(outcome, SecretValue) for outcome in outcomes.values())


def test_one_secret_that_is_ill_does_not_stand_for_all():
    """Each time another secret is asked for first."""
    world = World()
    world.provider.fail(DOWN, times=3)
    world.poll()
    world.provider.fail(DOWN, key="y")
    for _ in range(2):
        world.clock.advance(400.0)
        outcomes = world.poll()
    assert [SecretValue, Unavailable, SecretValue] == [type(outcome) for outcome in outcomes.values()]


def test_a_start_asks_all_the_same():
    """Whoever has nothing yet does not wait for a breaker."""
    world = World()
    world.provider.fail(DOWN, times=3)
    world.poll()
    world.poll(START)
    assert ["xyz"] == world.asked()
    assert set() == world.stores.left_alone()


def test_a_poll_does_not_wait_for_a_quota():
    """One try; the next one is the next poll's."""
    world = World()
    world.provider.fail(Throttled("much"))
    world.poll()
    assert (["xyz"], inf) == (world.asked(), world.stores.retry_at())


class Hanging(World):
    """Its store does not answer until it is told to; the clock is past the deadline by then."""

    def __init__(self):
        super().__init__()
        self.released = threading.Event()
        self.entered = []
        answer = self.provider.fetch

        def fetch(wanted):
            self.entered.append(len(wanted))
            released = self.released
            if not released.is_set():
                self.clock.advance(31)
                released.wait(60)
            return answer(wanted)

        self.provider.fetch = fetch

    def home(self):
        """Wait for the late answer."""
        (errand,) = self.stores._late.values()
        assert errand.done.wait(10)


def test_a_connection_that_is_late_is_kept_by_polls():
    """What it knows of leases would be lost: it is not asked while it is late, and asked again after that."""
    world = Hanging()
    assert all(isinstance(outcome, Unavailable) for outcome in world.poll().values())
    world.clock.advance(100.0)
    assert all(isinstance(outcome, Unavailable) for outcome in world.poll().values())
    assert [3] == world.entered
    world.released.set()
    world.home()
    world.clock.advance(100.0)
    assert all(isinstance(outcome, SecretValue) for outcome in world.poll().values())
    assert 0 == world.provider.closed


def test_a_connection_that_never_answers_is_given_up():
    """After five minutes of silence the store is connected anew, and the late one closed when it comes home."""
    world = Hanging()
    world.poll()
    (errand,) = world.stores._late.values()
    world.clock.advance(400.0)
    held = world.released
    world.released = threading.Event()
    world.released.set()  # the new connection answers
    assert all(isinstance(outcome, SecretValue) for outcome in world.poll().values())
    held.set()
    errand.join(10)
    assert (1, {}) == (world.provider.closed, world.stores._late)
