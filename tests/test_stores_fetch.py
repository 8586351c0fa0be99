"""Asking stores: in parallel, again where it helps, never beyond the deadline, and no plugin believed unseen."""

from __future__ import annotations

import logging
import threading
import traceback

import pytest

from secretfetch.errors import Several
from secretfetch.plan import Origin, Store
from secretfetch.provider import (
    AccessDenied,
    AuthFailed,
    ConfigError,
    NotFound,
    SecretRef,
    SecretValue,
    Unavailable,
    Unchanged,
    Version,
)
from secretfetch.stores import Stores
from secretfetch.testing import FakeClock, MemoryProvider

CANARY = "canary-9d2e"


@pytest.fixture
def clock():
    """Give a time that only moves when told to."""
    return FakeClock(1000.0)


@pytest.fixture
def open_stores(clock):
    """Give a function that opens stores by name, each with the provider given; random is always one half."""
    opened = []

    def open_(on_retry=lambda *_: None, **providers):
        plan = {name: Store(name, f"p-{name}", {}, Origin("config.yaml", 3)) for name in providers}
        connects = {f"p-{name}": provider.connect for name, provider in providers.items()}
        stores = Stores(plan, find=connects.__getitem__, clock=clock, random=lambda: 0.5, on_retry=on_retry)
        opened.append(stores)
        return stores

    yield open_
    for stores in opened:
        stores.close()


class Custom(MemoryProvider):
    """Its `fetch` is a function of the test."""

    def __init__(self, fetch):
        super().__init__()
        self._fetch = fetch

    def fetch(self, wanted, /):
        self.calls.append(dict(wanted))
        return self._fetch(wanted)


def ref(key, store="a", version=""):
    return SecretRef(store, key, version)


class TestAsking:
    def test_each_store_gets_its_share_in_one_batch(self, open_stores):
        """One call a store, with the versions held; answers come in the order of the question."""
        a, b = MemoryProvider({"x": b"1", "y": b"2"}, store="a"), MemoryProvider({"x": b"3"}, store="b")
        wanted = {ref("x"): None, ref("x", "b"): Version("1"), ref("y"): None}
        answer = open_stores(a=a, b=b).fetch(wanted, deadline=1300)
        assert list(answer.items()) == [
            (ref("x"), SecretValue(b"1", Version("1"))),
            (ref("x", "b"), Unchanged()),
            (ref("y"), SecretValue(b"2", Version("1"))),
        ]
        assert (a.calls, b.calls) == ([{ref("x"): None, ref("y"): None}], [{ref("x", "b"): "1"}])

    def test_stores_are_asked_at_the_same_time(self, open_stores):
        """A store that waits for another one to be asked is not asked in vain."""
        meeting = threading.Barrier(2, timeout=30)

        def fetch(wanted):
            meeting.wait()
            return dict.fromkeys(wanted, NotFound("met"))

        answer = open_stores(a=Custom(fetch), b=Custom(fetch)).fetch(
            {ref("x"): None, ref("x", "b"): None}, deadline=1300
        )
        assert [str(outcome) for outcome in answer.values()] == ["met", "met"]

    def test_nothing_wanted_asks_nobody(self, open_stores):
        """An empty round connects nothing."""
        a = MemoryProvider()
        assert open_stores(a=a).fetch({}, deadline=1300) == {}
        assert a.calls == []

    def test_a_failure_of_the_store_counts_for_every_ref(self, open_stores):
        """A login that fails fails all that was asked for, with one and the same error."""
        a = MemoryProvider({"x": b"1"})
        a.fail(AuthFailed("login failed"))
        answer = open_stores(a=a).fetch({ref("x"): None, ref("y"): None}, deadline=1300)
        assert [str(outcome) for outcome in answer.values()] == ["login failed"] * 2
        assert answer[ref("x")] is answer[ref("y")]

    def test_a_store_is_connected_once(self, open_stores):
        """The second round uses the connection of the first."""
        a = MemoryProvider({"x": b"1"})
        connected = []
        connect = a.connect
        a.connect = lambda settings: (connected.append(settings), connect(settings))[1]
        stores = open_stores(a=a)
        stores.check()
        stores.fetch({ref("x"): None}, deadline=1300)
        stores.fetch({ref("x"): None}, deadline=1300)
        assert connected == [{}]


class TestRetries:
    def test_only_what_failed_is_asked_again(self, open_stores, clock):
        """A ref that is throttled once is asked for once more, alone, after a jittered wait."""
        a = MemoryProvider({"x": b"1", "y": b"2"})
        a.fail(Unavailable("throttled"), key="x", times=1)
        told = []
        stores = open_stores(a=a, on_retry=lambda *said: told.append(said))
        answer = stores.fetch({ref("x"): None, ref("y"): Version("old")}, deadline=1300)
        assert [outcome.data for outcome in answer.values()] == [b"1", b"2"]
        assert a.calls == [{ref("x"): None, ref("y"): "old"}, {ref("x"): None}]
        assert clock.sleeps == [0.25]
        assert [(store, str(error), wait, attempt) for store, error, wait, attempt in told] == [
            ("a", "throttled", 0.25, 1)
        ]

    def test_waits_grow_to_a_cap(self, open_stores, clock):
        """The range of the jitter doubles from half a second to twenty, and no try is made that cannot fit."""
        a = MemoryProvider({"x": b"1"})
        a.fail(Unavailable("down"))
        answer = open_stores(a=a).fetch({ref("x"): None}, deadline=1060)
        assert clock.sleeps == [0.25, 0.5, 1, 2, 4, 8, 10, 10, 10, 10]
        assert answer[ref("x")].notes == (("tried", "11 times in 56 s"),)
        assert isinstance(answer[ref("x")], Unavailable)

    def test_a_store_may_ask_for_a_longer_wait(self, open_stores, clock):
        """`retry_after` is the floor of the wait, the largest one counts."""
        a = MemoryProvider({"x": b"1", "y": b"1"})
        a.fail(Unavailable("busy", retry_after=7), key="x", times=1)
        a.fail(Unavailable("busier", retry_after=9), key="y", times=1)
        open_stores(a=a).fetch({ref("x"): None, ref("y"): None}, deadline=1300)
        assert clock.sleeps == [9]

    def test_a_wait_that_passes_the_deadline_is_not_begun(self, open_stores, clock):
        """What cannot succeed in time fails at once."""
        a = MemoryProvider({"x": b"1"})
        a.fail(Unavailable("come back tomorrow", retry_after=86400))
        answer = open_stores(a=a).fetch({ref("x"): None}, deadline=1300)
        assert str(answer[ref("x")]) == "come back tomorrow"
        assert (clock.sleeps, answer[ref("x")].notes) == ([], ())

    def test_permanent_failures_are_not_retried(self, open_stores):
        """Denied today is denied in a second."""
        a = MemoryProvider({"x": b"1"})
        a.fail(AccessDenied("no"), key="x")
        open_stores(a=a).fetch({ref("x"): None}, deadline=1300)
        assert len(a.calls) == 1

    def test_a_lost_round_stops_the_retries_of_all_stores(self, open_stores, clock):
        """After a failure that no retry cures nobody starts another try, and both failures are reported."""
        a, b = MemoryProvider({"x": b"1"}), MemoryProvider(store="b")
        asked, tried = threading.Event(), threading.Event()
        b.fetch = lambda wanted: (asked.set(), tried.wait(30), dict.fromkeys(wanted, NotFound("gone")))[-1]
        a.fail(Unavailable("down"))
        stores = open_stores(a=a, b=b, on_retry=lambda *_: (asked.wait(30), tried.set(), thread("b").join(30)))
        answer = stores.fetch({ref("x"): None, ref("x", "b"): None}, deadline=1300)
        assert [str(outcome) for outcome in answer.values()] == ["down", "gone"]
        assert (len(a.calls), clock.sleeps) == (1, [])

    def test_a_permanent_failure_beside_a_retryable_one_stops_its_own_store(self, open_stores):
        """The rule holds within one batch too."""
        a = MemoryProvider({"x": b"1"})
        a.fail(Unavailable("down"), key="x")
        open_stores(a=a).fetch({ref("x"): None, ref("gone"): None}, deadline=1300)
        assert len(a.calls) == 1

    def test_a_forgiven_secret_stops_nobody(self, open_stores):
        """An optional secret that is missing is no failure; denied it is one."""
        a = MemoryProvider({"x": b"1"})
        a.fail(Unavailable("down"), key="x", times=2)
        wanted = {ref("x"): None, ref("gone"): None}
        answer = open_stores(a=a).fetch(wanted, deadline=1300, forgiven=[ref("gone")])
        assert answer[ref("x")] == SecretValue(b"1", Version("1"))
        a.fail(Unavailable("down"), key="x")
        a.fail(AccessDenied("no"), key="gone")
        a.calls.clear()
        open_stores(a=a).fetch(wanted, deadline=1300, forgiven=[ref("gone")])
        assert len(a.calls) == 1

    def test_one_failure_of_the_store_stays_one_after_retries(self, open_stores):
        """Refs that failed together still share one error, so that it can be told once."""
        a = MemoryProvider()
        a.fail(Unavailable("down"))
        answer = open_stores(a=a).fetch({ref("x"): None, ref("y"): None}, deadline=1001)
        assert answer[ref("x")] is answer[ref("y")]
        assert answer[ref("x")].notes == (("tried", "3 times in 1 s"),)


class TestDeadline:
    def test_a_store_that_hangs_is_left_behind(self, open_stores, clock):
        """At the deadline the round ends: what is there counts, what is not is unavailable."""
        released = threading.Event()

        def hang(_):
            thread("a").join(30)
            clock.advance(31)
            released.wait(60)
            return {}

        stores = open_stores(a=MemoryProvider({"x": b"1"}), slow=Custom(hang))
        answer = stores.fetch({ref("x"): None, ref("y", "slow"): None}, deadline=1030)
        assert answer[ref("x")] == SecretValue(b"1", Version("1"))
        assert isinstance(answer[ref("y", "slow")], Unavailable)
        assert str(answer[ref("y", "slow")]) == 'no answer from store "slow" within 30 s'
        released.set()

    def test_a_store_that_hangs_in_a_retry_tells_of_its_first_failure(self, open_stores, clock):
        """What it said before it fell silent is worth more than its silence; what it gave is kept."""
        released = threading.Event()
        a = MemoryProvider({"x": b"1", "y": b"2"})
        a.fail(Unavailable("throttled"), key="x")

        def hang_the_second_time(wanted):
            if len(slow.calls) > 1:
                clock.advance(301)
                released.wait(60)
            return a.fetch(wanted)

        slow = Custom(hang_the_second_time)
        answer = open_stores(a=slow).fetch({ref("x"): None, ref("y"): None}, deadline=1300)
        assert str(answer[ref("x")]) == "throttled"
        assert answer[ref("y")] == SecretValue(b"2", Version("1"))
        released.set()

    def test_who_was_left_behind_closes_its_connection_and_is_connected_anew(self, open_stores, clock):
        """A provider is never asked by two threads at once, and its connection is not lost."""
        released = threading.Event()
        connected = []

        def hang_once(wanted):
            if len(connected) == 1:
                clock.advance(31)
                released.wait(60)
            return dict.fromkeys(wanted, SecretValue(b"late", Version("1")))

        slow = Custom(hang_once)
        slow.connect = lambda _: (connected.append(1), slow)[1]
        stores = open_stores(a=slow)
        stores.fetch({ref("x"): None}, deadline=1030)
        hanging = thread("a")
        assert slow.closed == 0
        released.set()
        hanging.join(30)
        assert slow.closed == 1
        assert stores.fetch({ref("x"): None}, deadline=1300)[ref("x")] == SecretValue(b"late", Version("1"))
        assert len(connected) == 2

    def test_a_past_deadline_still_ends(self, open_stores, clock):
        """A round that begins too late does not wait."""
        released = threading.Event()
        answer = open_stores(a=Custom(lambda _: released.wait(60))).fetch({ref("x"): None}, deadline=900)
        assert isinstance(answer[ref("x")], Unavailable)
        released.set()


def broken(**how):
    """Give a provider with a bug."""

    def fetch(wanted):
        if "raises" in how:
            raise how["raises"]
        return how["answers"](wanted)

    return Custom(fetch)


class TestBugs:
    @pytest.mark.parametrize(
        "error", [KeyError(CANARY), SystemExit(CANARY), UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, CANARY)]
    )
    def test_an_unexpected_error_is_told_by_type_and_place_only(self, open_stores, error):
        """Neither the message nor the traceback shows the text of a stranger's exception."""
        with pytest.raises(RuntimeError, match="p-a") as caught:
            open_stores(a=broken(raises=error)).fetch({ref("x"): None}, deadline=1300)
        assert f'provider "p-a" raised {type(error).__name__} in fetch ({__name__}, line ' in str(caught.value)
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
        assert CANARY not in "".join(traceback.format_exception(caught.value))

    @pytest.mark.parametrize(
        ("answers", "message"),
        [
            (lambda _: None, 'provider "p-a" answered with NoneType instead of a mapping'),
            (lambda _: {ref("x"): Unchanged()}, 'provider "p-a" did not answer "y", "z"'),
            (lambda wanted: {**dict.fromkeys(wanted, NotFound("n")), ref("w"): NotFound("n")}, "nobody asked for"),
            (lambda wanted: dict.fromkeys(wanted, CANARY), 'answered "x" with str instead of an outcome'),
            (lambda wanted: dict.fromkeys(wanted, Unchanged()), '"y" with Unchanged, though nothing was held'),
        ],
    )
    def test_an_answer_that_does_not_fit_is_a_bug(self, open_stores, answers, message):
        """Every ref must be answered, no other, and with an outcome that makes sense."""
        wanted = {ref("x"): Version("1"), ref("y"): None, ref("z"): None}
        with pytest.raises(RuntimeError) as caught:
            open_stores(a=broken(answers=answers)).fetch(wanted, deadline=1300)
        assert message in str(caught.value)
        assert CANARY not in str(caught.value)

    def test_a_bug_in_one_store_stops_the_retries_of_others(self, open_stores):
        """The run fails anyway, so it fails soon."""
        a, asked = MemoryProvider(), threading.Event()
        a.fail(Unavailable("down"))
        b = broken(answers=lambda _: asked.set())
        stores = open_stores(a=a, b=b, on_retry=lambda *_: (asked.wait(30), thread("b").join(30)))
        with pytest.raises(RuntimeError, match="p-b"):
            stores.fetch({ref("x"): None, ref("x", "b"): None}, deadline=1300)
        assert len(a.calls) == 1

    def test_a_missing_module_is_no_bug(self, open_stores):
        """An SDK that is imported late and is not there is told as what it is."""
        answer = open_stores(a=broken(raises=ModuleNotFoundError(name="hvac"))).fetch({ref("x"): None}, deadline=1300)
        assert str(answer[ref("x")]) == 'the provider "p-a" cannot be loaded: hvac cannot be imported'


class TestConnecting:
    def test_all_stores_are_checked_at_once(self):
        """Every wrong setting of a config is told in one run, with the store and the line, before any fetch."""
        plan = {
            "db": Store("db", "memory", {"regoin": CANARY}, Origin("config.yaml", 3)),
            "good": Store("good", "memory"),
            "kv": Store("kv", "file", {"x": 1}, Origin("config.yaml", 9)),
        }
        with pytest.raises(Several) as caught:
            Stores(plan, find=lambda _: MemoryProvider().connect).check()
        assert [str(error) for error in caught.value.errors] == [
            'config.yaml:3: store "db": unknown setting "regoin"',
            'config.yaml:9: store "kv": unknown setting "x"',
        ]
        assert all(isinstance(error, ConfigError) for error in caught.value.errors)
        assert CANARY not in str(caught.value)

    def test_an_unknown_provider_is_told_where_it_is_written(self):
        """The error of the search gets the store's place in the file."""
        with pytest.raises(ConfigError) as caught:
            Stores({"kv": Store("kv", "fil", {}, Origin("c.yaml", 2))}).check()
        assert str(caught.value) == 'c.yaml:2: store "kv": unknown provider "fil"'

    def test_a_bug_in_connect_is_told_as_one(self):
        """Its text could hold a setting, which may be a token."""

        def connect(_):
            raise ValueError(CANARY)

        with pytest.raises(RuntimeError, match='provider "p" raised ValueError in connect') as caught:
            Stores({"s": Store("s", "p", {"token": CANARY})}, find=lambda _: connect).check()
        assert CANARY not in "".join(traceback.format_exception(caught.value))

    def test_a_missing_sdk_in_connect_names_the_extra(self):
        """A provider of ours imports its SDK when it connects; the fix is the command to type."""

        def connect(_):
            raise ModuleNotFoundError("No module named 'botocore'", name="botocore")

        with pytest.raises(ConfigError) as caught:
            Stores({"s": Store("s", "aws-sm")}, find=lambda _: connect).check()
        assert str(caught.value) == 'store "s": the provider "aws-sm" cannot be loaded: botocore cannot be imported'
        assert caught.value.notes == (("fix", "pip install 'secretfetch[aws]'"),)


class TestClosing:
    def test_leaving_closes_every_store_once(self, open_stores):
        """Connections end with the block, and closing again does nothing."""
        a, b = MemoryProvider(), MemoryProvider()
        with open_stores(a=a, b=b) as stores:
            stores.check()
        stores.close()
        assert (a.closed, b.closed) == (1, 1)

    def test_trouble_in_one_close_keeps_no_other_open(self, open_stores, caplog):
        """The values have been read: a failing close is logged by its type, not its text, and the rest is closed."""
        a, b, c = MemoryProvider(), MemoryProvider(), MemoryProvider()

        def fail():
            raise ValueError(CANARY)

        b.close = fail
        with caplog.at_level(logging.WARNING), open_stores(a=a, b=b, c=c) as stores:
            stores.check()
        assert (a.closed, c.closed) == (1, 1)
        assert caplog.messages == ['provider "p-b" could not be closed: ValueError']


def test_the_time_of_the_machine_is_used_by_default():
    """Without a clock of its own a round ends by the machine's: a deadline in the past gives no time at all."""
    released = threading.Event()
    slow = Custom(lambda _: released.wait(60))
    with Stores({"a": Store("a", "p")}, find=lambda _: slow.connect) as stores:
        assert isinstance(stores.fetch({ref("x"): None}, deadline=0)[ref("x")], Unavailable)
    released.set()


def thread(store):
    """Give the thread of a store, or one that has ended."""
    ended = threading.Thread(target=int)
    ended.start()
    return next((one for one in threading.enumerate() if one.name == f"store {store}"), ended)


class _Stop(BaseException):
    """What the program's own handler of a signal throws, in the middle of whatever runs."""


def test_a_signal_is_no_bug_of_a_provider():
    """A process that is told to stop while a provider connects stops; it does not report a bug."""

    def connect(_):
        raise _Stop

    with pytest.raises(_Stop):
        Stores({"a": Store("a", "p")}, find=lambda _: connect).check()
