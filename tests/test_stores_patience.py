"""Manners of a fleet: a start waits for a quota, a poll yields; a store that has failed is left alone, then probed."""

from __future__ import annotations

import gc
import random
import threading
import weakref
from math import inf

import pytest

from secretfetch.plan import Origin, Store
from secretfetch.provider import NotFound, SecretRef, SecretValue, Throttled, Unavailable, Version
from secretfetch.stores import POLL, START, Patience, Stores, full_jitter
from secretfetch.stores.breaker import Breaker
from secretfetch.testing import FakeClock, MemoryProvider

CANARY = "canary-71cc"
X, Y = SecretRef("a", "x"), SecretRef("a", "y")
DOWN = Unavailable("down")


def half():
    """Return a chance that is none."""
    return 0.5


@pytest.fixture
def clock():
    """Give a time that only moves when told to."""
    return FakeClock(1000.0)


@pytest.fixture
def a():
    """Give a store with two secrets."""
    return MemoryProvider({"x": b"1", "y": b"2"}, store="a")


@pytest.fixture
def open_stores(clock):
    """Give a function that opens stores by name, each with the provider given; random is always one half."""
    opened = []

    def open_(**providers):
        connects = {name: provider.connect for name, provider in providers.items()}
        plan = {name: Store(name, name, {}, Origin("config.yaml", 3)) for name in providers}
        opened.append(Stores(plan, find=connects.__getitem__, clock=clock, random=half))
        return opened[-1]

    yield open_
    for stores in opened:
        stores.close()


def poll(stores, clock, *refs):
    """Poll, and return the answers in the order of the refs."""
    return list(stores.fetch(dict.fromkeys(refs or (X, Y)), deadline=clock.now() + 30.0, patience=POLL).values())


def keys(provider):
    """Return the keys of every question since the last time."""
    asked = [[ref.key for ref in call] for call in provider.calls]
    provider.calls.clear()
    return asked


class TestPatience:
    def test_a_start_waits_for_a_quota(self, open_stores, clock, a):
        """Without its secrets a pod does not run, so throttling is retried until the deadline."""
        a.fail(Throttled("throttled", retry_after=3.0), times=5)
        answer = open_stores(a=a).fetch({X: None}, deadline=1300)
        assert answer == {X: SecretValue(b"1", Version("1"))}
        assert clock.sleeps == [3.0, 3.0, 3.0, 3.0, 4.0]

    def test_a_poll_yields_to_a_quota(self, open_stores, clock, a):
        """What it would have read is served already: one request, no wait."""
        a.fail(Throttled("throttled"), times=1)
        assert [str(one) for one in poll(open_stores(a=a), clock)] == ["throttled"] * 2
        assert (keys(a), clock.sleeps) == ([["x", "y"]], [])

    def test_a_poll_that_is_throttled_in_part_keeps_the_rest(self, open_stores, clock, a):
        """One secret beyond the quota is not asked for again, and spoils nothing."""
        a.fail(Throttled("throttled"), key="y")
        stores = open_stores(a=a)
        assert poll(stores, clock)[0] == SecretValue(b"1", Version("1"))
        assert (keys(a), clock.sleeps, stores.left_alone()) == ([["x", "y"]], [], set())

    def test_a_poll_tries_an_outage_three_times(self, open_stores, clock, a):
        """A short fault is waited out, a long one is not."""
        a.fail(DOWN)
        poll(open_stores(a=a), clock)
        assert (len(a.calls), clock.sleeps) == (3, [0.25, 0.5])

    def test_one_budget_for_all_stores_of_a_start(self, open_stores):
        """However many stores, and whatever they answer, one start tries a hundred times in all."""
        names = [f"s{number}" for number in range(7)]
        stores = {name: MemoryProvider(store=name) for name in names}
        for provider in stores.values():
            provider.fail(Unavailable("down"))
        open_stores(**stores).fetch({SecretRef(name, "x"): None for name in names}, deadline=1e9)
        tries = [len(provider.calls) for provider in stores.values()]
        assert sum(tries) == START.budget == 100
        assert min(tries) >= 1

    def test_the_first_try_of_each_store_is_always_made(self, open_stores, a):
        """A budget that is too small for the stores of a plan leaves none out."""
        b = MemoryProvider({"x": b"1"}, store="b")
        wanted = {X: None, SecretRef("b", "x"): None}
        answer = open_stores(a=a, b=b).fetch(wanted, deadline=1300, patience=Patience(3, 1, yields=True))
        assert [one.data for one in answer.values()] == [b"1", b"1"]

    def test_jitter_is_any_share_of_a_time_that_doubles(self):
        """The wait is uniform from nothing to the limit, which doubles to a cap, after any number of failures."""
        assert [full_jitter(failures, lambda: 1.0) for failures in (1, 2, 3, 6, 7, 10**6)] == [0.5, 1, 2, 16, 20, 20]
        assert full_jitter(3, lambda: 0.0) == 0.0
        assert full_jitter(9, lambda: 0.5, 1.0, 300.0) == 128.0


class TestBreaker:
    def test_pauses_grow_to_a_cap(self):
        """Full jitter from a second to five minutes, round by round."""
        breaker, pauses = Breaker(), []
        for _ in range(11):
            breaker = breaker.after([DOWN], 100.0, lambda: 1.0)
            pauses.append(breaker.until - 100.0)
        assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
        assert breaker.failures == 11

    def test_pauses_are_spread(self):
        """Sidecars that fail together do not come back together: any pause up to the limit is as likely."""
        chance = random.Random(1)
        state = Breaker(8, 0.0, error=DOWN)
        pauses = [state.after([DOWN], 0.0, chance.random).until for _ in range(2000)]
        assert 0.0 <= min(pauses) < 2.0
        assert 254.0 < max(pauses) <= 256.0
        assert 120.0 < sum(pauses) / len(pauses) < 136.0

    def test_the_server_is_obeyed_within_reason(self):
        """`retry_after` is the floor of the pause, the largest one counts; nobody is sent away for a day."""
        failures = [Unavailable("busy", retry_after=90.0), Unavailable("busier", retry_after=120.0)]
        assert Breaker().after(failures, 0.0, half).until == 120.0
        assert Breaker().after([Unavailable("away", retry_after=86400.0)], 0.0, half).until == 3600.0

    def test_only_the_failure_of_the_whole_counts(self):
        """One secret that fails, or one that is missing, says nothing of the store; an answer makes it good again."""
        failed = Breaker().after([DOWN], 0.0, half)
        assert failed.is_open(0.4)
        for answers in ([DOWN, SecretValue(b"", Version("1"))], [DOWN, NotFound("gone")], [NotFound("gone")]):
            assert failed.after(answers, 0.0, half) == Breaker()

    def test_a_quota_invites_nobody_before_the_next_poll(self):
        """After a throttled round there is no moment at which a try would help: it would use up the quota again."""
        assert Breaker().after([DOWN], 8.0, half).retry_at == 8.5
        assert Breaker().after([Throttled("throttled")], 8.0, half).retry_at == inf

    def test_values_are_not_kept(self):
        """The failure is remembered for long, and without the frames that it came through, which hold what was read."""

        class Value(str):
            """Text whose end can be seen."""

            __slots__ = ("__weakref__",)

        def read():
            value = Value(CANARY)
            seen.append(weakref.ref(value))
            raise Unavailable("cut short")

        seen = []
        try:
            read()
        except Unavailable as error:
            breaker = Breaker().after([error], 0.0, half)
        gc.collect()
        assert str(breaker.error) == "cut short"
        assert seen[0]() is None


class TestLeavingAlone:
    def test_it_is_answered_for_without_a_request(self, open_stores, clock, a):
        """While it is left alone its last failure is told, once for all of its secrets, and when it is tried again."""
        stores = open_stores(a=a)
        a.fail(Unavailable("down", ("fix", "mend it"), retry_after=9.0), times=3)
        poll(stores, clock)
        keys(a)
        assert (stores.left_alone(), stores.retry_at()) == ({"a"}, clock.now() + 9.0)
        clock.advance(4.5)
        told = poll(stores, clock)
        assert keys(a) == []
        assert (type(told[0]), str(told[0])) == (Unavailable, "down")
        notes = (("fix", "mend it"), ("tried", "3 times in 18 s"), ("note", "not asked: next try in 5 s"))
        assert told[0].notes == notes
        assert told[0] is told[1]

    def test_others_are_asked_meanwhile(self, open_stores, clock, a):
        """One store that is down keeps nobody from reading another."""
        b = MemoryProvider({"x": b"3"}, store="b")
        a.fail(DOWN)
        stores = open_stores(a=a, b=b)
        both = (X, SecretRef("b", "x"))
        poll(stores, clock, *both)
        keys(a)
        down, well = poll(stores, clock, *both)
        assert (str(down), well.data, keys(a)) == ("down", b"3", [])

    def test_a_start_asks_always(self, open_stores, clock, a):
        """What a poll has seen keeps no start waiting, and it probes nobody."""
        stores = open_stores(a=a)
        a.fail(Throttled("throttled", retry_after=600.0), times=1)
        poll(stores, clock)
        assert (keys(a), stores.left_alone(), stores.retry_at()) == ([["x", "y"]], {"a"}, inf)
        answer = stores.fetch({X: None, Y: None}, deadline=1300, patience=START)
        assert [one.data for one in answer.values()] == [b"1", b"2"]
        assert (keys(a), stores.left_alone()) == ([["x", "y"]], set())

    def test_one_secret_is_asked_for_first(self, open_stores, clock, a):
        """When its time has come one request finds out whether it is well; only then are the others asked for."""
        stores = open_stores(a=a)
        a.fail(DOWN, times=3)
        poll(stores, clock)
        keys(a)
        clock.advance(600)
        assert [one.data for one in poll(stores, clock)] == [b"1", b"2"]
        assert keys(a) == [["y"], ["x"]]
        assert (stores.left_alone(), stores.retry_at()) == (set(), inf)
        poll(stores, clock)
        assert keys(a) == [["x", "y"]]

    def test_a_probe_that_fails_is_the_only_request(self, open_stores, clock, a):
        """It is left alone again at once, for longer, and each probe asks for another secret."""
        stores = open_stores(a=a)
        a.fail(DOWN)
        pauses = []
        for _ in range(4):
            poll(stores, clock)
            pauses.append(stores.retry_at() - clock.now())
            clock.advance(600)
        assert keys(a)[3:] == [["y"], ["x"], ["y"]]
        assert pauses == [0.5, 1, 2, 4]

    def test_a_failure_of_the_probe_that_no_retry_cures_is_an_answer(self, open_stores, clock, a):
        """A store that says that a secret is missing is well."""
        stores = open_stores(a=a)
        a.fail(DOWN, times=3)
        poll(stores, clock)
        a.delete("y")
        clock.advance(600)
        x, y = poll(stores, clock)
        assert (x.data, type(y)) == (b"1", NotFound)

    def test_a_store_that_hangs_has_failed(self, open_stores, clock, a):
        """A poll that had to leave it behind does not ask it again at once, even if it had answered in part."""
        released = threading.Event()
        answer = a.fetch

        def hang(wanted):
            if a.calls:
                clock.advance(31)
                released.wait(60)
            return answer(wanted)

        a.fail(Unavailable("busy"), key="y")
        a.fetch = hang
        stores = open_stores(a=a)
        assert poll(stores, clock)[0].data == b"1"
        assert stores.left_alone() == {"a"}
        released.set()

    def test_a_moment_that_is_past_invites_nobody(self, open_stores, clock, a):
        """Whoever takes it for a due time would otherwise never rest."""
        stores = open_stores(a=a)
        a.fail(DOWN, times=3)
        poll(stores, clock)
        assert clock.now() < stores.retry_at() < inf
        clock.advance(600)
        assert stores.retry_at() == inf


class TestReplacing:
    def test_connections_that_stay_the_same_are_kept(self, open_stores, clock, a):
        """A config that was read anew closes only what has another definition, or none any more."""
        b, c = MemoryProvider(store="b"), MemoryProvider(store="c")
        stores = open_stores(a=a, b=b, c=c)
        stores.check()
        moved = Origin("other.yaml", 9)
        stores.replace({"a": Store("a", "a", {}, moved), "b": Store("b", "b", {"url": "u"}, moved)})
        assert (a.closed, b.closed, c.closed) == (0, 1, 1)
        poll(stores, clock)
        assert keys(a) == [["x", "y"]]

    def test_what_is_known_of_a_store_goes_with_its_definition(self, open_stores, clock, a):
        """Another one is not left alone for the failures of the old one, even if that one was left behind."""
        released = threading.Event()
        a.fetch = lambda _: (clock.advance(31), released.wait(60))
        stores = open_stores(a=a)
        poll(stores, clock)
        stores.replace({"a": Store("a", "a", {}, Origin("config.yaml", 4))})
        assert stores.left_alone() == {"a"}
        stores.replace({})
        assert (stores.left_alone(), stores.retry_at()) == (set(), inf)
        released.set()


class Heir(MemoryProvider):
    """Hands over what the test says."""

    def __init__(self, state):
        super().__init__()
        self.state = state
        self.taken = []

    def hand_over(self):
        if isinstance(self.state, BaseException):
            raise self.state
        return self.state

    def take_over(self, state, /):
        self.taken.append(state)
        if isinstance(self.state, BaseException):
            raise self.state


class TestHandover:
    def test_states_go_from_one_process_to_the_next(self, open_stores):
        """Each connected provider that has the capability, by store; one that has nothing to say is left out."""
        old = open_stores(a=Heir({"leases": ["id-1"]}), b=MemoryProvider(), c=Heir({}))
        assert old.hand_over() == {}
        old.check()
        states = old.hand_over()
        assert states == {"a": {"leases": ["id-1"]}}
        heir = Heir({})
        open_stores(a=heir, b=MemoryProvider()).take_over({**states, "b": {"x": 1}, "gone": {"x": 1}})
        assert heir.taken == [{"leases": ["id-1"]}]

    @pytest.mark.parametrize(
        "state", [KeyError(CANARY), None, [CANARY], {"a": object()}], ids=["raises", "none", "list", "object"]
    )
    def test_a_bug_in_it_fails_no_run(self, open_stores, caplog, state):
        """It costs a second fetch; it is told by its type, never by its text."""
        stores = open_stores(a=Heir(state), b=Heir({"lease": "id"}))
        stores.check()
        assert stores.hand_over() == {"b": {"lease": "id"}}
        stores.take_over({"a": {"x": 1}, "b": {}})
        assert 'provider "a" could not hand over: ' in caplog.text
        assert CANARY not in caplog.text
