"""The rules of `secretfetch.provider` as tests that the author of a provider inherits.

What it proves is behaviour that every store shares. What does not belong here: what one store does beyond that.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest

from secretfetch.provider import (
    AccessDenied,
    ConfigError,
    Handover,
    NotFound,
    Outcome,
    Provider,
    SecretError,
    SecretRef,
    SecretValue,
    Unavailable,
    Unchanged,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CANARY = "canary-5f1b7a"
_FIRST = b'{"password":"canary-5f1b7a-1"}'
_SECOND = b'{"password":"canary-5f1b7a-22"}'
_VERBATIM = {
    "bytes": b"\x00\xff\xfe canary-5f1b7a \r\n",
    "text": "  canary-5f1b7a = \u20ac\U0001f511\n\n".encode(),
    "objects": b'{"canary-5f1b7a":"2","a":"1"}',
}


def must(rule: str, holds: bool) -> None:
    """Fail the test, with the rule as the message, unless it holds."""
    if not holds:
        pytest.fail(rule, pytrace=False)


class ProviderContract:
    """Tests that every provider passes.

    Inherit, call the class `Test...`, and say how the store is reached::

        class TestShelf(ProviderContract):
            @pytest.fixture(autouse=True)
            def shelf(self, tmp_path):
                self.path = tmp_path

            def connect(self, settings):
                return connect_shelf(settings)

            def settings(self):
                return {"path": str(self.path)}

            def put(self, name, data):
                (self.path / name).write_bytes(data)
                return SecretRef("shelf", name)

    `connect` and `put` are required. Each test gets a fresh instance and calls `settings` and `put` only after the
    autouse fixtures have run.

    Attributes:
        holds: What the store can keep: any `bytes`, UTF-8 `text`, or JSON `objects` only. A store of objects gives
            compact JSON; if it sorts the keys, override `verbatim`.
    """

    holds: ClassVar[Literal["bytes", "text", "objects"]] = "bytes"

    def connect(self, settings: Mapping[str, Any]) -> Provider:
        """Call the function that the entry point names."""
        raise NotImplementedError

    def put(self, name: str, data: bytes) -> SecretRef:
        """Store a value in the real store, or a new version of it, and return the ref of the current version.

        Args:
            name: Lower-case letters and hyphens; to be adapted to what the store allows.
            data: The value; JSON of one flat object, except in the test of `verbatim`.
        """
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Return the settings that reach the store; none unless overridden."""
        return {}

    def missing(self) -> SecretRef:
        """Return the ref of a secret that is not there; what `put` gives, with another key, unless overridden."""
        there = self.put("contract-first", _FIRST)
        return SecretRef(there.store, f"{there.key}-is-missing", params=there.params)

    def denied(self) -> SecretRef | None:
        """Return the ref of a secret that the caller may not read, or None to leave out that rule."""
        return None

    def unreachable(self) -> dict[str, Any] | None:
        """Return settings that lead to a server that does not answer, or None to leave out that rule."""
        return None

    def verbatim(self) -> bytes:
        """Return a value that is hard to keep: it must come back byte for byte."""
        return _VERBATIM[self.holds]

    @pytest.fixture
    def provider(self) -> Iterator[Provider]:
        """Give a connected provider, and close it."""
        provider = self.connect(self.settings())
        yield provider
        provider.close()

    # Rule 1: connect

    def test_connect_touches_no_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A plan can be checked offline."""
        tried = _no_network(monkeypatch)
        self.connect(self.settings()).close()
        must("connect does no I/O, but it used the network", not tried)

    def test_an_unknown_setting_is_an_error_that_names_it(self) -> None:
        """A typing error in a config is found, and the value of a setting is never shown."""
        try:
            self.connect({**self.settings(), "no-such-setting": CANARY})
        except ConfigError as error:
            must("the ConfigError names the unknown setting", "no-such-setting" in str(error))
            must("a message never shows the value of a setting", CANARY not in _shown(error))
        else:
            must("an unknown setting raises ConfigError", holds=False)

    def test_settings_do_not_show(self, provider: Provider) -> None:
        """A provider may be printed: by a log, a traceback, a debugger."""
        text = f"{provider!r} {provider}"
        for value in _texts(self.settings()):
            must("repr and str of a provider show no setting", value not in text)

    # Rule 2: every wanted ref is answered

    def test_nothing_wanted_nothing_answered(self, provider: Provider) -> None:
        """An empty batch is no error."""
        must("an empty batch gets an empty answer", dict(provider.fetch({})) == {})

    def test_a_value_is_read(self, provider: Provider) -> None:
        """What is in the store comes back, with a version."""
        value = _value(provider, self.put("contract-first", _FIRST), None)
        must("data is the value", value.data == _FIRST)
        must("a version is a text that is not empty", isinstance(value.version, str) and value.version != "")

    def test_a_value_is_verbatim(self, provider: Provider) -> None:
        """Nothing is trimmed, decoded or converted."""
        data = self.verbatim()
        must("data is the value byte for byte", _value(provider, self.put("contract-exact", data), None).data == data)

    def test_a_batch_is_answered(self, provider: Provider) -> None:
        """Two refs in one call: each has its own value."""
        first, second = self.put("contract-first", _FIRST), self.put("contract-second", _SECOND)
        answer = _ask(provider, {first: None, second: None})
        must("each ref has its own value", [_data(answer[first]), _data(answer[second])] == [_FIRST, _SECOND])

    def test_a_missing_secret_is_returned_as_not_found(self, provider: Provider) -> None:
        """Trouble with one ref is an outcome; the message names the key."""
        ref = self.missing()
        outcome = _ask(provider, {ref: None})[ref]
        must(f"a missing secret is NotFound, not {type(outcome).__name__}", isinstance(outcome, NotFound))
        must("the message names the key", ref.key in str(outcome))

    def test_a_missing_secret_does_not_spoil_the_batch(self, provider: Provider) -> None:
        """The other refs are answered as if it were not there."""
        missing, there = self.missing(), self.put("contract-first", _FIRST)
        answer = _ask(provider, {missing: None, there: None})
        must("the missing one is NotFound", isinstance(answer[missing], NotFound))
        must("the other one has its value", _data(answer[there]) == _FIRST)

    def test_a_denied_secret_does_not_spoil_the_batch(self, provider: Provider) -> None:
        """Denied is told from missing, and the other refs are answered."""
        denied = self.denied()
        if denied is None:
            pytest.skip("denied() gives no ref")
        there = self.put("contract-first", _FIRST)
        answer = _ask(provider, {denied: None, there: None})
        must("the denied one is AccessDenied", isinstance(answer[denied], AccessDenied))
        must("the message names the key", denied.key in str(answer[denied]))
        must("the other one has its value", _data(answer[there]) == _FIRST)

    def test_a_silent_server_is_unavailable(self) -> None:
        """What a retry can cure says so."""
        settings = self.unreachable()
        if settings is None:
            pytest.skip("unreachable() gives no settings")
        ref = self.put("contract-first", _FIRST)
        provider = self.connect(settings)
        try:
            outcome: Outcome = _ask(provider, {ref: None})[ref]
        except SecretError as error:
            outcome = error
        finally:
            provider.close()
        must("a server that does not answer is Unavailable", isinstance(outcome, Unavailable))

    # Rule 3: versions

    def test_the_held_version_is_unchanged(self, provider: Provider) -> None:
        """Asked again with the version it gave, a store sends nothing new."""
        ref = self.put("contract-first", _FIRST)
        value = _value(provider, ref, None)
        again = _ask(provider, {ref: value.version})[ref]
        same = isinstance(again, SecretValue) and (again.data, again.version) == (value.data, value.version)
        must("the held version gives Unchanged or an equal value", isinstance(again, Unchanged) or same)

    def test_a_change_has_a_new_version(self, provider: Provider) -> None:
        """Asked again after a change, a store sends the new value, under another version."""
        ref = self.put("contract-first", _FIRST)
        old = _value(provider, ref, None)
        self.put("contract-first", _SECOND)
        new = _value(provider, ref, old.version)
        must("the new value is sent", new.data == _SECOND)
        must("the new value has a new version", new.version != old.version)

    def test_a_foreign_version_is_never_unchanged(self, provider: Provider) -> None:
        """A version is opaque: one that the store has never given is not the current one."""
        ref = self.put("contract-first", _FIRST)
        must("an unknown version gets the value", _value(provider, ref, Version("never-given")).data == _FIRST)

    # Rule 5: nothing leaks

    def test_values_do_not_show(self, provider: Provider) -> None:
        """Outcomes and the provider itself may be printed."""
        answer = _ask(provider, {self.put("contract-first", _FIRST): None, self.missing(): None})
        text = f"{provider!r} {provider} {answer!r}" + "".join(map(_shown, answer.values()))
        must("repr and str show no value", CANARY not in text)

    # Handover, for providers that have it

    def test_what_is_handed_over_is_json_without_values(self, provider: Provider) -> None:
        """It is written to a file: plain types, and nothing that anybody could use."""
        _ask(provider, {self.put("contract-first", _FIRST): None})
        state = _handing(provider).hand_over()
        must("hand_over gives a mapping of JSON types", isinstance(state, Mapping) and _from_json(state) == dict(state))
        must("hand_over holds no value of a secret", CANARY not in json.dumps(_from_json(state)))
        for text in _texts(self.settings().get("token", "")):
            must("hand_over holds no token", text not in json.dumps(_from_json(state)))

    def test_a_successor_goes_on(self, provider: Provider) -> None:
        """It knows the version that its predecessor had, and reads what it has no version of."""
        ref = self.put("contract-first", _FIRST)
        value = _value(provider, ref, None)
        state = _from_json(_handing(provider).hand_over())
        successor = self.connect(self.settings())
        _handing(successor).take_over(state)
        try:
            again = _ask(successor, {ref: value.version})[ref]
            same = isinstance(again, SecretValue) and again.data == value.data
            must("the version handed over gives Unchanged or an equal value", isinstance(again, Unchanged) or same)
            must("with no version held the value is read", _value(successor, ref, None).data == _FIRST)
        finally:
            successor.close()

    def test_neither_handing_over_nor_taking_over_touches_the_network(
        self, provider: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They come first and last in a process, which waits for no store then."""
        _ask(provider, {self.put("contract-first", _FIRST): None})
        handing, successor = _handing(provider), self.connect(self.settings())
        with monkeypatch.context() as patch:
            tried = _no_network(patch)
            _handing(successor).take_over(_from_json(handing.hand_over()))
        successor.close()
        must("hand_over and take_over do no I/O, but they used the network", not tried)

    @pytest.mark.parametrize("how", ["unknown", "emptied", "mistyped", "nested"])
    def test_garbage_is_not_taken_over(self, how: str) -> None:
        """What was handed over lay in a file: whatever is in it, nothing is raised and secrets are read."""
        ref, first = self.put("contract-first", _FIRST), self.connect(self.settings())
        second = self.connect(self.settings())
        try:
            _ask(first, {ref: None})
            _handing(second).take_over(_garbled(_from_json(_handing(first).hand_over()), how))
            must("after garbage a secret is read as ever", _value(second, ref, None).data == _FIRST)
        finally:
            first.close()
            second.close()

    # Rule 7: close

    def test_close_may_be_called_twice(self) -> None:
        """And by another thread than the one that fetched."""
        provider = self.connect(self.settings())
        _ask(provider, {self.put("contract-first", _FIRST): None})
        failures = [failure for failure in (_in_a_thread(provider.close), _in_a_thread(provider.close)) if failure]
        must(f"close may be called twice, from any thread; it raised {failures}", not failures)


def _ask(provider: Provider, wanted: Mapping[SecretRef, Version | None]) -> Mapping[SecretRef, Outcome]:
    answer = provider.fetch(MappingProxyType(dict(wanted)))
    must("every wanted ref is answered, and no other", set(answer) == set(wanted))
    for outcome in answer.values():
        must("an outcome is a value, Unchanged or an error", isinstance(outcome, SecretValue | Unchanged | SecretError))
    return answer


def _value(provider: Provider, ref: SecretRef, held: Version | None) -> SecretValue:
    outcome = _ask(provider, {ref: held})[ref]
    if not isinstance(outcome, SecretValue):
        pytest.fail(f"a value was expected, the outcome is {outcome!r}", pytrace=False)
    return outcome


def _data(outcome: Outcome) -> bytes | None:
    return outcome.data if isinstance(outcome, SecretValue) else None


def _shown(outcome: object) -> str:
    notes = getattr(outcome, "notes", ())
    return f"{outcome!r} {outcome} {notes!r}"


def _handing(provider: Provider) -> Handover:
    if not isinstance(provider, Handover):
        pytest.skip("the provider hands nothing over")
    return provider


def _from_json(state: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return dict(json.loads(json.dumps(dict(state), allow_nan=False)))
    except (TypeError, ValueError) as error:
        pytest.fail(f"hand_over gives JSON types only; {type(error).__name__}", pytrace=False)


def _garbled(state: dict[str, Any], how: str) -> dict[str, Any]:
    wrong: dict[str, Any] = {
        "unknown": {"no-such-thing": [1, {"a": None}], "": True},
        "emptied": {name: type(part)() if part is not None else None for name, part in state.items()},
        "mistyped": dict.fromkeys([*state, "leases", "version"], -1.5),
        "nested": {name: [{"id": None, "path": 7}, [], "x", part] for name, part in [*state.items(), ("leases", {})]},
    }
    return dict(wrong[how])


def _texts(settings: object) -> Iterator[str]:
    if isinstance(settings, dict):
        for value in settings.values():
            yield from _texts(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from _texts(value)
    elif isinstance(settings, str) and settings:
        yield settings


def _no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    import socket  # noqa: PLC0415 - only this rule needs it

    tried: list[str] = []

    def refuse(*_: object, **__: object) -> None:
        tried.append("network")
        raise OSError("the network is switched off in this test")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tried


def _in_a_thread(call: Callable[[], None]) -> str:
    failures: list[str] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is reported by the test's own thread
            failures.append(type(error).__name__)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(30)
    return "nothing, it hangs" if thread.is_alive() else "".join(failures)
