"""Leak tests of types: none shows the value it holds, and no error carries one."""

import ast
import base64
import importlib
import inspect
import json
import logging
import pkgutil
import pprint
import reprlib
import traceback
import types
from pathlib import Path

import pytest
from canaries import DOCUMENT, MARKS, VALUES, leaks

import secretfetch
from secretfetch import bundle, errors, expressions, jsontext, log, materialize, plan, provider, stores, templates
from secretfetch.mapping import Documents, project
from secretfetch.materialize import fetching, handover, notes, rounds
from secretfetch.sinks import (
    children,
    flat,
    hold,
    listing,
    outside,
    program,
    reaper,
    supervisor,
    survey,
    swap,
    volume,
    writer,
)  # fmt: skip
from secretfetch.sinks.kubernetes import applying, cluster, contents, manifest, refusals
from secretfetch.stores import breaker, clock, discovery, errand, patience
from secretfetch.templates import values

# ---- types ----

_TEXT = json.dumps(DOCUMENT)
_DATA = _TEXT.encode()
_REF = provider.SecretRef("memory", "db")
_VALUE = provider.SecretValue(_DATA, provider.Version("1"), view=_DATA)
_SOURCE = plan.Source(_REF, "db")
_LITERAL = plan.Literal(_DATA)
_TEMPLATE = plan.Template(_TEXT, (("db", _SOURCE),), plan.Origin("c.yaml", 3))
_FIXED = plan.Entry("K", _LITERAL)
_PICK = plan.Entry("K", _SOURCE, default=_DATA)
_TEMPLATED = plan.Entry("K", _TEMPLATE, default=_DATA)
_ENTRIES = plan.Entries(defaults=(_FIXED,), spreads=(plan.Spread(_SOURCE),), keys=(_PICK, _TEMPLATED, _FIXED))
_OUTPUTS = (
    plan.RawFile("r", entry=_PICK),
    plan.RawFile("l", entry=_FIXED),
    plan.RawFile("t", entry=_TEMPLATED),
    plan.DataFile("d.env", entries=_ENTRIES),
    plan.Files("f", entries=_ENTRIES),
)
_STORE = plan.Store("memory", "memory", {"token": VALUES[0], "nested": {"list": list(VALUES)}})
_VOLUME = plan.Volume("/secrets", _OUTPUTS)
_SECRET = plan.KubeSecret("db", _ENTRIES)
_FILE = bundle.File(_DATA, 0o440)
_ITEM = bundle.Item(_DATA, DOCUMENT, origin="db#K")
_CHANGE = writer.Change(added=frozenset({"a"}))
_RENDERED = materialize.Rendered(_VOLUME, {"a": _FILE}, {"a": ("K",)})
_CLUSTER = types.SimpleNamespace(get=lambda _: None, apply=lambda *_, **__: None, owners=lambda _: [])
_PATHS = plan.PathsTo(_ENTRIES, "/secrets/f")


def _written_volume(root):
    """Return what a writer has in hands between staging and publishing, and after it."""
    writer = volume.VolumeWriter(str(root / "swap"), grace=0.0)
    first = writer.stage({"a": _FILE, "d/b": _FILE})
    flatwriter = volume.VolumeWriter(str(root / "flat"), layout="flat", grace=0.0)
    second = flatwriter.stage({"a": _FILE})
    held = [writer, flatwriter, first, second, writer._hold, flatwriter._hold]
    held += [part for staged in (first, second) for part in _parts(staged)]
    return held, (writer, flatwriter, first, second)


def _parts(thing):
    names = [*getattr(thing, "__dict__", {}), *getattr(type(thing), "__slots__", ())]
    return [getattr(thing, name) for name in names if type(getattr(thing, name)).__module__.startswith("secretfetch")]


def _errand():
    provider_ = types.SimpleNamespace(fetch=lambda wanted, /: dict.fromkeys(wanted, _VALUE), close=lambda: None)
    made = errand.Errand("memory", "memory", provider_, {_REF: None})
    made.begin(errand.Round(clock.SystemClock(), 1e12, (), lambda: 0.0, lambda *_: None))
    made.done.wait(5)
    return made


def _program():
    made = program.ProgramWriter(("app",), {"INHERITED": VALUES[0]}, lambda _: None)
    made.stage({"A": _FILE}).publish()
    return made, made.stage({"A": _FILE, "B": _FILE})


def _supervisor():
    made = supervisor.Supervisor(("app",), supervisor.Manners())
    made._next = {b"A": _DATA}
    made.use({b"A": _DATA})
    return made


_SAMPLES = {
    provider.SecretValue: [_VALUE],
    plan.Store: [_STORE],
    plan.Source: [_SOURCE],
    plan.Literal: [_LITERAL],
    plan.Template: [_TEMPLATE],
    plan.Entry: [_PICK, _FIXED, _TEMPLATED],
    plan.Spread: [plan.Spread(_SOURCE)],
    plan.PathsTo: [_PATHS],
    plan.Entries: [_ENTRIES, plan.Entries(paths=_PATHS)],
    plan.RawFile: _OUTPUTS[:3],
    plan.DataFile: [_OUTPUTS[3]],
    plan.Files: [_OUTPUTS[4]],
    plan.Volume: [_VOLUME],
    plan.KubeSecret: [_SECRET],
    plan.Stream: [plan.Stream(_OUTPUTS[0])],
    plan.Process: [plan.Process((_OUTPUTS[3],))],
    plan.CommandHook: [plan.CommandHook(("run", *VALUES))],
    plan.WebhookHook: [plan.WebhookHook(f"https://user:{MARKS[0]}@host/?token={MARKS[1]}")],
    plan.Plan: [plan.Plan({"memory": _STORE}, (_VOLUME,))],
    bundle.Item: [_ITEM, bundle.Item(_DATA, VALUES[0])],
    bundle.File: [_FILE],
    materialize.Rendered: [_RENDERED],
    materialize.Written: [materialize.Written(_VOLUME, _CHANGE)],
    materialize.Writers: [materialize.Writers()],
    Documents: [Documents({_REF: _VALUE})],
    stores.Stores: [stores.Stores({"memory": _STORE})],
    errand.Errand: [_errand()],
    survey.Survey: [],  # made by a writer, below
    volume.VolumeWriter: [],
    volume.Staged: [],
    swap.SwapWork: [],
    flat.FlatWork: [],
    hold.Hold: [],
    program.ProgramWriter: [_program()[0]],
    program.Variables: [_program()[1]],
    supervisor.Supervisor: [_supervisor()],
    contents.Found: [contents.found(manifest.body(_SECRET, {"a": _FILE}))],
    manifest.ManifestWriter: [manifest.ManifestWriter(_SECRET)],
    manifest._Manifest: [manifest.ManifestWriter(_SECRET).stage({"a": _FILE})],
    applying.SecretWriter: [applying.SecretWriter(_SECRET, _CLUSTER)],
    applying._Staged: [applying.SecretWriter(_SECRET, _CLUSTER).stage({"a": _FILE})],
}
# Types that no value ever reaches, each with what it holds instead.
_EMPTY = {
    bundle.Missing: "a mark",
    log._Text: "nothing",
    log._Json: "nothing",
    log._Handler: "a stream",
    plan.Origin: "a file's name and a line",
    plan.Select: "an expression of the config",
    plan.Rewrite: "globs of the config",
    plan._Output: "the base of the outputs",
    plan._Quiet: "the base of types that hide fields",
    plan.Refresh: "durations",
    plan.SignalHook: "a name and a number",
    plan.TouchHook: "a path",
    plan.ExitHook: "a number",
    fetching.Question: "refs and versions",
    fetching.Uses: "refs",
    handover.Held: "a version",
    handover.State: "versions and digests",
    notes.Notes: "versions and digests",
    rounds.Kept: "refs and a seal",
    rounds.Order: "times",
    rounds.Round: "an error, and names",
    rounds.Rounds: "versions and seals; that no value stays is a test of its own",
    breaker.Breaker: "an error and times",
    patience.Patience: "numbers",
    provider.SecretRef: "names",
    provider.Unchanged: "a duration",
    provider.Query: "names",
    flat._Put: "names",
    listing.Listing: "names",
    outside.Outside: "functions",
    reaper.Reaper: "names",
    writer.Change: "names",
    refusals.Asked: "names",
    supervisor.Manners: "numbers",
    supervisor._Told: "a mark",
    children.System: "process numbers",
    cluster.Cluster: "a client",
    clock.SystemClock: "nothing",
    discovery.Installed: "names",
    errand.Round: "a clock, a deadline and refs",
    templates.Absent: "nothing",
}
# Values themselves, not holders of values: what they print is what a template asked to be printed. They live inside of
# `templates.render` and `mapping` only; that no failure there carries one out is a test of its own, below.
_ARE_VALUES = {values.Object, values.Array, values.Boolean, values.Binary, jsontext.Int, jsontext.Float}
_MODULES = ("provider", "plan", "bundle", "sinks", "materialize", "mapping", "templates", "stores", "jsontext", "log")


def _classes():
    for found in pkgutil.walk_packages(secretfetch.__path__, "secretfetch."):
        if found.name.split(".")[1] in _MODULES:
            module = importlib.import_module(found.name)
            for one in vars(module).values():
                if inspect.isclass(one) and one.__module__ == found.name and not issubclass(one, BaseException):
                    yield one


def test_every_type_is_looked_at():
    """A new type needs a decision: it may hold a value and is formatted below, or it says what it holds instead."""
    protocols = {one for one in _classes() if getattr(one, "_is_protocol", False)}
    internal = {one for one in _classes() if one.__name__ == "_Projection"}  # lives for one call, holds Documents

    undecided = set(_classes()) - _SAMPLES.keys() - _EMPTY.keys() - _ARE_VALUES - protocols - internal

    assert set() == undecided


def test_canaries_are_found_in_every_form():
    """The detector sees a value raw, quoted, escaped, encoded and in encoded text; and nothing in plain words."""
    for value, mark in zip(VALUES, MARKS, strict=True):
        data = value.encode()
        for form in (value, repr(value), repr(data), json.dumps(value), data.hex(), value[::-1]):
            assert leaks(f"said {form} here"), form
        for lead in ("", "x", "xy"):
            assert leaks(base64.b64encode(f"{lead}{value}".encode()).decode()), (lead, value)
        assert leaks(f"{mark[:9]}\n  {mark[9:]}")
    assert leaks(str(list(_DATA)))
    assert [] == leaks(Path(__file__).read_text())


def _formats(thing):
    """Every way in which a thing may come to be printed."""
    yield from (repr(thing), str(thing), f"{thing}", f"{thing!r}", f"{thing!s}", format(thing), ascii(thing))
    yield "%r %s" % (thing, thing) if not isinstance(thing, tuple) else "%r" % (thing,)  # noqa: UP031 - that is the way
    yield repr([thing]) + repr({"key": thing}) + repr((thing,)) + reprlib.repr(thing)
    yield pprint.pformat(thing)
    yield json.dumps({"thing": thing}, default=str) + json.dumps({"thing": thing}, default=repr)
    yield from _tracebacks(thing)
    yield from _records(thing)


def _tracebacks(thing):
    def raising(held):
        raise RuntimeError(held)

    try:
        raising(thing)
    except RuntimeError as error:
        yield "".join(traceback.format_exception(error))
        yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        yield repr(error) + str(error)


def _records(thing):
    for formatter in (log._Text(), log._Json(), logging.Formatter()):
        given = (thing,) if not isinstance(thing, tuple) else ((thing,),)
        record = logging.LogRecord("secretfetch", logging.ERROR, __file__, 1, "said %s", given, None)
        record.fields = {"event": "x", "thing": thing}
        yield formatter.format(record)


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.__name__) for kind in _SAMPLES])
def test_type_does_not_show_its_value(kind):
    """However a type that may hold a value is formatted, raised or logged, the value is not shown."""
    for thing in _SAMPLES[kind]:
        for text in _formats(thing):
            assert [] == leaks(text)[:3]


def test_writers_at_work_do_not_show_values(tmp_path):
    """What a writer has in hands between staging and publishing shows no content of files."""
    held, (*_, first, second) = _written_volume(tmp_path)
    kinds = {type(thing) for thing in held}
    texts = [text for thing in held for text in _formats(thing)]
    first.publish()
    second.publish()
    texts += [text for thing in held for text in _formats(thing)]
    held[0].close()
    held[1].close()

    assert {volume.VolumeWriter, volume.Staged, hold.Hold} <= kinds
    assert [] == [leak for text in texts for leak in leaks(text)][:3]


def test_survey_does_not_show_values(tmp_path):
    """What is known of a volume before it is written holds the files to come, and does not show them."""
    import os

    fd = os.open(tmp_path, os.O_RDONLY)
    found = survey.survey(fd, {"a": _FILE}, keep=False)
    os.close(fd)

    assert [] == [leak for text in _formats(found) for leak in leaks(text)][:3]


def test_nothing_is_made_of_a_type_that_would_show_it():
    """The program itself never makes plain data of its types, and prints no traceback."""
    # `asdict` is asked for the value, and a dictionary cannot hide what is in it: that it holds one is right. Printing
    # it is what must not be, and that nobody calls it is the surest way.
    folder = Path(secretfetch.__file__).parent
    calls = {
        f"{path.relative_to(folder)}:{node.lineno}"
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in _PLAIN_MAKERS
    }

    assert set() == calls


_PLAIN_MAKERS = {"asdict", "astuple", "to_builtins", "print_exc", "format_exc", "print_exception", "pprint", "pformat"}


# ---- errors that are made while a value is at hand ----

_BROKEN = [
    pytest.param((_TEXT[:at] + sign + _TEXT[at:]).encode(), id=f"{name}-at-{at}")
    for name, sign in (("brace", "}"), ("nan", "NaN"), ("quote", '"'), ("backslash", "\\x"), ("control", "\x01"))
    for at in (1, _TEXT.index('"K25"'), len(_TEXT) - 1)
]


def _shown(error):
    """Everything that an exception carries: itself, what caused it, and what it was raised in the context of."""
    texts = []
    while error is not None:
        texts += [str(error), repr(error), repr(error.args), repr(vars(error))]
        texts += [repr(getattr(error, name)) for name in ("doc", "object", "filename", "notes") if hasattr(error, name)]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "".join(texts)


@pytest.mark.parametrize(
    "data", [*_BROKEN, pytest.param(_DATA[:-9], id="cut"), pytest.param(_DATA + b"\xff", id="bytes")]
)
def test_fault_of_json_carries_no_text(data):
    """An error about JSON holds nothing of the text, in no attribute, cause or context."""
    with pytest.raises(jsontext.Fault) as caught:
        jsontext.parse(data)

    assert [] == leaks(_shown(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "expression",
    ["abs(K00)", "length(`1`)", "join(',', K00)", "sum(values(@))", "sort_by(values(@), &abs(@))", "max([K00, `1`])"],
)
def test_unfit_expression_carries_no_value(expression):
    """An expression that does not suit the data says so by types."""
    with pytest.raises(expressions.Unfit) as caught:
        expressions.select(DOCUMENT, expression)

    assert [] == leaks(_shown(caught.value))


@pytest.mark.parametrize(
    "text",
    [
        "{{ db.K00 + 1 }}",
        "{{ db.K00.none }}",
        "{{ db[db.K01] }}",
        "{{ db.K00 | int(db.K01) / 0 }}",
        "{{ '%d' % db.K02 }}",
        "{{ db.K03() }}",
        "{{ db.K04 | b64decode }}",
        "{{ db.K05 | sum }}",
        "{{ db.K06 | round }}",
        "{{ db | dictsort(false, db.K07) }}",
        "{{ db.K08.format(db) + db.K09.encode() }}",
        "{{ db | map(attribute=db.K10) | list }}",
        "{{ db.K00 | attr(db.K11) }}",
        "{% for a, b in db.values() %}{{ a }}{% endfor %}",
        "{% if db.K00 > 1 %}{% endif %}",
    ],
)
def test_failed_template_carries_no_value(text):
    """A template that fails on the data says where, and nothing of the data."""
    template = plan.Template(text, (("db", _SOURCE),), plan.Origin("c.yaml", 3))
    entry = plan.RawFile("t", entry=plan.Entry("t", template))

    with pytest.raises(errors.SecretError) as caught:
        project(entry, Documents({_REF: _VALUE}))

    assert [] == leaks(_shown(caught.value))
