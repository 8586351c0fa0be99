"""Leak tests of runs: whatever becomes of one, no value is shown where it is not asked for."""

import base64
import json
import sys
import types

import pytest
from canaries import DOCUMENT, MARKS, VALUES, leaks
from in_process import Place, clean_environment
from servers.aws_server import Fault, denied
from servers.shared_aws import shared_aws

from secretfetch import provider
from secretfetch.materialize import building
from secretfetch.stores import discovery

_TEXT = json.dumps(DOCUMENT)
_DATA = _TEXT.encode()
_VALUE = provider.SecretValue(_DATA, provider.Version("1"))


@pytest.fixture
def place(tmp_path, capfdbinary, monkeypatch):
    """Give a place with the canaries as a file, a directory, variables, and broken files of every notation."""
    made = Place(tmp_path, capfdbinary)
    clean_environment(monkeypatch, made)
    lines = "".join(f"{name}={json.dumps(value)}\n" for name, value in DOCUMENT.items())
    made.write(
        {
            "db.json": _TEXT,
            "cut.json": _TEXT[:-20],
            "list.json": json.dumps(list(VALUES)),
            "text.txt": "\n".join(VALUES),
            "bad.yaml": "\n".join(f"{name}: {json.dumps(value)}" for name, value in DOCUMENT.items()) + "\n{",
            "bad.env": lines + f"X='{MARKS[0]}\n",
            "bad.properties": lines + f"y = {MARKS[1]}\\u00zz\n",
            "binary/x": MARKS[0].encode() + b"\xff",
            "b64.json": json.dumps(
                {name: base64.b64encode(value.encode()).decode() for name, value in DOCUMENT.items()}
            ),
            **{f"d/{name}": value for name, value in DOCUMENT.items()},
        }
    )
    (tmp_path / "root" / "file").write_text("in the way of a directory")
    for name, value in DOCUMENT.items():
        monkeypatch.setenv(f"CANARY_{name}", value)
    monkeypatch.setenv("CANARY_DOC", _TEXT)
    return made


_HEAD = "secrets: {db: file://db.json}\noutputs:\n"
_KEYS = ", ".join(f"K{number:02}: db#K{number:02}" for number in range(50))
_RUNS = {
    "every-format": (
        0,
        _HEAD
        + "".join(
            f"  - {{path: a.{kind}, format: {kind}, from: db}}\n"
            for kind in ("compose", "shell", "systemd", "json", "yaml")
        )
        + "  - {path: a.properties, from: db}\n  - {path: d/, from: db}\n  - {path: raw, from: db}\n"
        + "  - {path: p.env, paths_to: d/}\n  - {path: t, template: '{{ db }}{{ db.K00 | b64encode }}'}\n",
    ),
    "decoded": (0, "outputs:\n  - path: d/\n    keys: {X: {from: file://b64.json#K00, decode: base64}}\n"),
    "variables": (0, "outputs:\n  - path: d/\n    keys: {X: env://CANARY_K03, Y: env://CANARY_DOC#K04}\n"),
    "directory": (0, "outputs:\n  - {path: a.json, from: file://d}\n"),
    "missing-key": (66, _HEAD + "  - {path: a, from: db#K0}\n"),
    "missing-below": (66, _HEAD + "  - {path: a, from: db#K00.x}\n"),
    "missing-in-template": (66, _HEAD + "  - {path: a, template: '{{ db.K00 }}{{ db.K }}'}\n"),
    "docker": (65, _HEAD + "  - {path: a, format: docker, from: db}\n"),
    "dotenv": (65, _HEAD + "  - {path: a.env, from: db}\n"),
    "kubelet": (65, _HEAD + "  - {path: a, format: kubelet, from: db}\n"),
    "decode": (
        65,
        _HEAD + "  - path: a.json\n    keys: {X: {from: db#K00, decode: base64}, Y: {from: db#K01, decode: hex}}\n",
    ),
    "type": (65, _HEAD + "  - {path: a, from: 'db#abs(K00)'}\n"),
    "spread-text": (65, _HEAD + "  - {path: a.env, from: db#K00}\n"),
    "spread-list": (65, "outputs:\n  - {path: a.env, from: file://list.json}\n"),
    "collision": (65, "outputs:\n  - {path: a.json, from: [file://db.json, file://d]}\n"),
    "template-type": (65, _HEAD + "  - {path: a, template: '{{ db.K00 + 1 }}'}\n"),
    "cut-json": (65, "outputs:\n  - {path: a.json, from: file://cut.json}\n"),
    "no-json": (65, "outputs:\n  - {path: a.json, from: file://text.txt}\n"),
    "bad-yaml": (65, "outputs:\n  - {path: a.json, from: file://bad.yaml}\n"),
    "bad-dotenv": (65, "outputs:\n  - {path: a.json, from: file://bad.env}\n"),
    "bad-properties": (65, "outputs:\n  - {path: a.json, from: file://bad.properties}\n"),
    "binary-in-directory": (65, "outputs:\n  - {path: a.json, from: file://binary}\n"),
    "config": (78, _HEAD + "  - {path: a, from: 'db#abs('}\n"),
    "literal-in-a-bad-place": (78, f"outputs:\n  - {{path: a, keys: {{X: {{value: {MARKS[0]}}}}}}}\n"),
    "cannot-write": (73, _HEAD + "  - {path: /file/x, from: db}\n"),
    "several": (
        66,
        _HEAD + "  - {path: a, from: db#K0}\n  - {path: b.env, from: db}\n  - {path: c, from: file://cut.json#x}\n",
    ),
}


def _loud(style):
    return ("--log-level", "debug", "--log-format", style)


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("name", _RUNS)
def test_fetch_and_plan_show_no_value(place, name, style):
    """Whatever becomes of a run, at the loudest log level, neither stream shows any of 50 values in any form."""
    code, config = _RUNS[name]
    place.write({"config.yaml": config})

    for command in ("plan", "fetch"):
        found, out, err = place.run(command, "-c", "{dir}/config.yaml", "--out", "{out}", *_loud(style))
        assert code == found or (command, code) == ("plan", 73), err
        assert [] == leaks(out + err)[:3]


@pytest.mark.parametrize("style", ["text", "json"])
def test_get_shows_what_is_asked_for_and_no_more(place, style):
    """`get` prints the one value to standard output; standard error has nothing of it."""
    code, out, err = place.run("get", "file://{dir}/db.json#K07", *_loud(style))

    assert (0, VALUES[7]) == (code, out)
    assert [] == leaks(err)


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("ref", ["env://CANARY_DOC#K0", "env://CANARY_K00#x", "file://{dir}/cut.json#K00"])
def test_get_that_fails_shows_nothing(place, ref, style):
    """`get` of what is not there prints no other value."""
    code, out, err = place.run("get", ref, *_loud(style))

    assert code in {65, 66}
    assert [] == leaks(out + err)


_AWS_RUNS = {
    "success": (0, [], ()),
    "denied": (77, [denied("GetSecretValue", "db"), denied("BatchGetSecretValue", "db")], ()),
    "expired": (77, [Fault(code="ExpiredTokenException", message=f"expired {MARKS[3]}")], ()),
    "odd-refusal": (78, [Fault("GetSecretValue", code="OddException", message=f"{VALUES[0]}")], ()),
    "cut": (75, [Fault("GetSecretValue", cut=400)], ("--timeout", "1s")),
    "half-an-answer": (75, [Fault(status=200, body=f'{{"SecretString":"{MARKS[0]}'.encode())], ("--timeout", "1s")),
    "no-json": (75, [Fault(status=200, body="\n".join(VALUES).encode())], ("--timeout", "1s")),
    "outage": (75, [Fault(status=503, body=f"<html>{MARKS[5]}".encode())], ("--timeout", "1s")),
}


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("name", _AWS_RUNS)
def test_aws_shows_no_value(place, monkeypatch, name, style):
    """Neither the SDK's own log nor an answer's text comes through, and no credential."""
    code, faults, more = _AWS_RUNS[name]
    server = shared_aws()
    server.reset()
    server.client("secretsmanager").create_secret(Name="db", SecretString=_TEXT)
    server.faults[:] = [Fault(**vars(fault)) for fault in faults]
    for variable, value in server.env().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AWS_SESSION_TOKEN", MARKS[9])
    place.write({"config.yaml": "outputs:\n  - {path: a.json, from: aws-sm://db}\n"})

    found, out, err = place.run("fetch", "-c", "{dir}/config.yaml", "--out", "{out}", *_loud(style), *more)
    server.released.set()

    assert code == found, err
    assert [] == leaks(out + err)[:3]
    assert server.env()["AWS_SECRET_ACCESS_KEY"] not in out + err


class _Leaky:
    """A provider of somebody else's that does everything wrong with a value in its hands."""

    def __init__(self, act):
        self._act = act

    def fetch(self, wanted, /):
        return self._act(wanted)

    def close(self):
        raise RuntimeError(VALUES[0])


def _raise(error):
    raise error


_LEAKY = {
    "raises": lambda _: _raise(ValueError(VALUES)),
    "exits": lambda _: _raise(SystemExit(VALUES[0])),
    "raises-from": lambda _: json.loads(_TEXT[:-9]),
    "decodes": lambda _: (_DATA + b"\xff").decode(),
    "answers-text": lambda wanted: dict.fromkeys(wanted, _TEXT),
    "answers-none": lambda _: None,
    "answers-other": lambda _: {provider.SecretRef("x", "y"): _VALUE},
    "imports": lambda _: _raise(ImportError(VALUES[0])),
}


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("name", _LEAKY)
def test_bug_of_a_provider_shows_no_value(place, monkeypatch, name, style):
    """A provider's bug, also in its `close`, is told by its type and place; never by a text that may hold a value."""
    module = types.ModuleType("leaky_provider")
    module.connect = lambda _: _Leaky(_LEAKY[name])
    monkeypatch.setitem(sys.modules, "leaky_provider", module)
    monkeypatch.setitem(discovery.BUILT_IN, "leaky", "leaky_provider:connect")
    place.write({"config.yaml": "outputs:\n  - {path: a.json, from: leaky://db}\n"})

    code, out, err = place.run("fetch", "-c", "{dir}/config.yaml", "--out", "{out}", *_loud(style))

    assert code == (78 if name == "imports" else 70)
    assert "leaky" in err
    assert [] == leaks(out + err)[:3]


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("function", ["render", "project", "merge"])
def test_bug_of_the_program_shows_no_value(place, monkeypatch, function, style):
    """An error that nobody expected is told by its type and places."""
    monkeypatch.setattr(building, function, lambda *_: _raise(KeyError(_TEXT)))
    place.write({"config.yaml": "outputs:\n  - {path: a.json, from: file://db.json}\n"})

    code, out, err = place.run("fetch", "-c", "{dir}/config.yaml", "--out", "{out}", *_loud(style))

    assert 70 == code
    assert "KeyError" in err
    assert [] == leaks(out + err)[:3]
