"""The test kit itself: its doubles behave like the real thing, and its contract finds what it is there to find."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from secretfetch.provider import (
    AccessDenied,
    ConfigError,
    DataError,
    Finder,
    NotFound,
    Query,
    SecretRef,
    SecretValue,
    Unavailable,
    Unchanged,
    Version,
)
from secretfetch.testing import FakeClock, MemoryProvider, ProviderContract

if TYPE_CHECKING:
    from collections.abc import Mapping


class TestMemoryProvider(ProviderContract):
    """The double keeps the contract, with every optional rule."""

    @pytest.fixture(autouse=True)
    def memory(self):
        self.kept = MemoryProvider()

    def connect(self, settings):
        if settings.get("silent"):
            self.kept.fail(Unavailable("no answer"))
            settings = {}
        return self.kept.connect(settings)

    def put(self, name, data):
        return self.kept.set(name, data)

    def denied(self):
        ref = self.put("contract-denied", b"canary-5f1b7a")
        self.kept.fail(AccessDenied(f'may not read "{ref.key}"'), key=ref.key)
        return ref

    def unreachable(self):
        return {"silent": True}


class TestClock:
    def test_sleeping_moves_the_time_and_is_recorded(self):
        """`sleep` returns at once, so many seconds later."""
        clock = FakeClock(100.0)
        clock.sleep(2.5)
        clock.advance(1)
        assert (clock.now(), clock.sleeps) == (103.5, [2.5])

    def test_a_pause_is_cut_short_by_its_event(self):
        """No time passes in a pause whose event is set."""
        clock, event = FakeClock(), threading.Event()
        assert clock.pause(event, 3) is False
        event.set()
        assert clock.pause(event, 3) is True
        assert clock.now() == 3

    def test_a_wait_ends_when_others_have_moved_the_time_on(self):
        """Waiting takes as long as others let it: until the time has come, not before."""
        clock, event = FakeClock(), threading.Event()
        said = []
        waiter = threading.Thread(target=lambda: said.append(clock.wait(event, 5)))
        waiter.start()
        clock.advance(4)
        assert not said
        clock.advance(1)
        waiter.join(10)
        assert said == [False]

    def test_a_wait_ends_with_its_event(self):
        """The event that is waited for ends the wait without any time passing."""
        clock, event = FakeClock(), threading.Event()
        threading.Thread(target=event.set).start()
        assert clock.wait(event, 5) is True
        assert clock.now() == 0

    def test_threads_may_share_it(self):
        """No tick is lost between threads."""
        clock = FakeClock()
        threads = [threading.Thread(target=lambda: [clock.advance(1) for _ in range(500)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert clock.now() == 2000


class TestMemory:
    def test_a_failure_may_pass(self):
        """A fault that was given a number of times is gone after them."""
        memory = MemoryProvider({"db": b"v"})
        memory.fail(Unavailable("busy"), key="db", times=1)
        ref = SecretRef("memory", "db")
        assert isinstance(memory.fetch({ref: None})[ref], Unavailable)
        assert memory.fetch({ref: None})[ref] == SecretValue(b"v", Version("1"))

    def test_the_store_as_a_whole_may_fail(self):
        """A fault without a key is raised, from `fetch` and from `find`, for good unless told otherwise."""
        memory = MemoryProvider()
        memory.fail(Unavailable("down"))
        for call in (lambda: memory.fetch({}), lambda: memory.find(Query()), lambda: memory.fetch({})):
            with pytest.raises(Unavailable, match="down"):
                call()

    def test_calls_are_recorded_with_the_versions_held(self):
        """A test can see what was asked for."""
        memory = MemoryProvider({"db": b"v"})
        ref = SecretRef("memory", "db")
        memory.fetch({ref: None})
        assert isinstance(memory.fetch({ref: Version("1")})[ref], Unchanged)
        assert memory.calls == [{ref: None}, {ref: "1"}]

    def test_earlier_versions_stay(self):
        """Versions count up for each key; a deleted secret is missing, its pinned versions are not."""
        memory = MemoryProvider({"db": b"old"})
        memory.set("db", b"new")
        memory.delete("db")
        current, first = SecretRef("memory", "db"), SecretRef("memory", "db", "1")
        answer = memory.fetch({current: None, first: None, SecretRef("memory", "db", "9"): None})
        assert [type(outcome) for outcome in answer.values()] == [NotFound, SecretValue, NotFound]
        assert answer[first] == SecretValue(b"old", Version("1"))

    def test_it_finds_by_path_and_name(self):
        """It has the optional capability of listing; a query for tags finds nothing, for there are none."""
        memory = MemoryProvider({"app/db": b"1", "app/tls": b"2", "other": b"3", "app/gone": b"4"}, store="m")
        memory.delete("app/gone")
        assert isinstance(memory, Finder)
        assert memory.find(Query(path="app/")) == [SecretRef("m", "app/db"), SecretRef("m", "app/tls")]
        assert memory.find(Query(name="^o")) == [SecretRef("m", "other")]
        assert memory.find(Query(tags=(("a", "b"),))) == []

    def test_it_has_no_settings(self):
        """As strict as a real provider."""
        with pytest.raises(ConfigError, match="region"):
            MemoryProvider().connect({"region": "x"})


class Broken(MemoryProvider):
    """Keeps the rules; each subclass breaks one."""


class RaisesForOne(Broken):
    def fetch(self, wanted, /):
        answer = super().fetch(wanted)
        for outcome in answer.values():
            if isinstance(outcome, NotFound):
                raise outcome
        return answer


class LeavesOut(Broken):
    def fetch(self, wanted, /):
        return dict(list(super().fetch(wanted).items())[:1])


class SaysTooMuch(Broken):
    def fetch(self, wanted, /):
        return {**super().fetch(wanted), SecretRef("memory", "uninvited"): Unchanged()}


class HasOneVersion(Broken):
    def fetch(self, wanted, /):
        answer = super().fetch(dict.fromkeys(wanted))
        return {ref: SecretValue(out.data, Version("1")) for ref, out in answer.items()}


class NeverReadsAgain(Broken):
    def fetch(self, wanted, /):
        return {
            ref: Unchanged() if held is not None else super(NeverReadsAgain, self).fetch({ref: None})[ref]
            for ref, held in wanted.items()
        }


class Trims(Broken):
    def fetch(self, wanted, /):
        return {ref: SecretValue(out.data.strip(), out.version) for ref, out in super().fetch(wanted).items()}


class ShowsItsValues(Broken):
    def __repr__(self):
        return f"<{self._history}>"


class ShowsItsSettings(Broken):
    def connect(self, settings, /):
        self.given = dict(settings)
        return self

    def __repr__(self):
        return f"<{self.given}>"


class TakesAnySetting(Broken):
    def connect(self, settings, /):
        return self


class ShowsTheSetting(Broken):
    def connect(self, settings, /):
        raise ConfigError(f"what is no-such-setting={settings['no-such-setting']}?")


class LooksUpItsServer(Broken):
    def connect(self, settings, /):
        import socket

        with contextlib.suppress(OSError):
            socket.create_connection(("localhost", 9), timeout=0.1)
        return self


class ClosesOnce(Broken):
    def close(self):
        super().close()
        if self.closed > 1:
            raise ValueError("closed already")


class DeniesWhatIsMissing(Broken):
    def fetch(self, wanted, /):
        answer = super().fetch(wanted)
        return {ref: AccessDenied(ref.key) if isinstance(out, NotFound) else out for ref, out in answer.items()}


class NamesNoKey(Broken):
    def fetch(self, wanted, /):
        answer = super().fetch(wanted)
        return {ref: NotFound("it is not there") if isinstance(out, NotFound) else out for ref, out in answer.items()}


class HandsOverItsValues(Broken):
    def hand_over(self):
        return {"known": {ref: data[-1].decode() for ref, data in self._history.items()}}


class HandsOverObjects(Broken):
    def hand_over(self):
        return {"known": set(self._history)}


class HandsOverByNetwork(LooksUpItsServer):
    def connect(self, settings, /):
        return self

    def hand_over(self):
        super().connect({})
        return {}


class BelievesItsFile(Broken):
    def take_over(self, state, /):
        for lease in state["leases"]:
            lease["id"].upper()


class KnowsBetterThanItsStore(Broken):
    def take_over(self, state, /):
        self.fetch = lambda wanted: dict.fromkeys(wanted, Unchanged())


def contract_of(memory: Broken, settings: Mapping[str, str] | None = None) -> ProviderContract:
    class Contract(ProviderContract):
        def connect(self, settings):
            return memory.connect(settings)

        def put(self, name, data):
            return memory.set(name, data)

        def settings(self):
            return dict(settings or {})

    return Contract()


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (RaisesForOne, "a_missing_secret_is_returned_as_not_found"),
        (RaisesForOne, "a_missing_secret_does_not_spoil_the_batch"),
        (LeavesOut, "a_batch_is_answered"),
        (SaysTooMuch, "a_value_is_read"),
        (SaysTooMuch, "nothing_wanted_nothing_answered"),
        (HasOneVersion, "a_change_has_a_new_version"),
        (NeverReadsAgain, "a_change_has_a_new_version"),
        (NeverReadsAgain, "a_foreign_version_is_never_unchanged"),
        (Trims, "a_value_is_verbatim"),
        (ShowsItsValues, "values_do_not_show"),
        (DeniesWhatIsMissing, "a_missing_secret_is_returned_as_not_found"),
        (NamesNoKey, "a_missing_secret_is_returned_as_not_found"),
    ],
)
def test_the_contract_finds_a_broken_provider(broken, test):
    """A provider that breaks a rule fails the test of that rule."""
    memory = broken()
    with pytest.raises((pytest.fail.Exception, NotFound)):
        getattr(contract_of(memory), f"test_{test}")(memory)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (HandsOverItsValues, "what_is_handed_over_is_json_without_values"),
        (HandsOverObjects, "what_is_handed_over_is_json_without_values"),
        (KnowsBetterThanItsStore, "a_successor_goes_on"),
    ],
)
def test_the_contract_finds_a_broken_handover(broken, test):
    """A value or an object in what is handed over, and a successor that reads nothing, fail the test of that rule."""
    memory = broken()
    with pytest.raises(pytest.fail.Exception):
        getattr(contract_of(memory), f"test_{test}")(memory)


def test_the_contract_finds_a_handover_that_asks_the_store(monkeypatch):
    """It must not wait for anybody."""
    memory = HandsOverByNetwork()
    with pytest.raises(pytest.fail.Exception):
        contract_of(memory).test_neither_handing_over_nor_taking_over_touches_the_network(memory, monkeypatch)


@pytest.mark.parametrize("how", ["unknown", "emptied", "mistyped", "nested"])
def test_the_contract_finds_a_provider_that_believes_its_file(how):
    """Each kind of garbage makes a careless provider raise."""
    with pytest.raises((LookupError, TypeError, AttributeError)):
        contract_of(BelievesItsFile()).test_garbage_is_not_taken_over(how)


@pytest.mark.parametrize("broken", [TakesAnySetting, ShowsTheSetting])
def test_the_contract_finds_lax_settings(broken):
    """Accepting an unknown setting, or showing its value, fails the test of settings."""
    with pytest.raises(pytest.fail.Exception):
        contract_of(broken()).test_an_unknown_setting_is_an_error_that_names_it()


def test_the_contract_finds_shown_settings():
    """A setting in the provider's repr fails, however deep it is nested."""
    memory = ShowsItsSettings().connect({"auth": {"tokens": ["t-1234"]}})
    with pytest.raises(pytest.fail.Exception):
        contract_of(memory, {"auth": {"tokens": ["t-1234"]}}).test_settings_do_not_show(memory)


def test_the_contract_finds_io_in_connect(monkeypatch):
    """A provider that looks for its server while it connects fails."""
    with pytest.raises(pytest.fail.Exception):
        contract_of(LooksUpItsServer()).test_connect_touches_no_network(monkeypatch)


def test_the_contract_finds_a_close_that_works_once():
    """Closing a second time must be harmless."""
    with pytest.raises(pytest.fail.Exception, match="ValueError"):
        contract_of(ClosesOnce()).test_close_may_be_called_twice()


def test_the_contract_wants_a_retryable_error_from_a_silent_server():
    """An outage that looks permanent fails."""
    memory = Broken()
    contract = contract_of(memory)
    contract.unreachable = dict
    memory.fail(DataError("no answer"))
    with pytest.raises(pytest.fail.Exception):
        contract.test_a_silent_server_is_unavailable()


def test_the_doubles_need_no_pytest():
    """A program's own test double may be used where pytest is not installed."""
    code = (
        "import sys, secretfetch.testing as kit; kit.FakeClock(), kit.MemoryProvider(); print('pytest' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
