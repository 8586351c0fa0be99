"""Rules of one round."""

import os

import pytest
from materialize.worlds import env, plan_of, source, volume

from secretfetch import materialize
from secretfetch.errors import NotFound, OutputError, Several, Unavailable, exit_code_of
from secretfetch.plan import (
    DataFile,
    Entries,
    Entry,
    Files,
    PathsTo,
    RawFile,
    Stream,
)
from secretfetch.stores import Stores
from secretfetch.testing import FakeClock, MemoryProvider


class World:
    """A memory store behind real `Stores`."""

    def __init__(self, secrets):
        self.clock = FakeClock()
        self.provider = MemoryProvider(secrets)

    def fetch(self, plan):
        stores = Stores(plan.stores, find=lambda _: lambda _: self.provider, clock=self.clock)
        return materialize.fetch(plan, stores, deadline=self.clock.now() + 10)

    def run(self, plan):
        with materialize.Writers() as writers:
            return writers.write(materialize.build(plan, self.fetch(plan)))


def test_a_secret_is_fetched_once_whoever_uses_it(tmp_path):
    """Many outputs, one question per secret."""
    world = World({"a": b'{"A":"1"}'})
    outputs = [env(f"{n}.env", source("a")) for n in range(5)]
    world.run(plan_of(volume(tmp_path, *outputs)))
    assert [1] == [len(call) for call in world.provider.calls]


def test_a_missing_secret_names_every_place_that_needs_it(tmp_path):
    """One error per secret, with the lines that use it."""
    world = World({})
    with pytest.raises(NotFound) as caught:
        world.run(plan_of(volume(tmp_path, env("a.env", source("x", line=3)), env("b.env", source("x", line=7)))))
    assert "c.yaml:3, c.yaml:7" in dict(caught.value.notes)["needed"]


def test_an_optional_use_does_not_forgive_a_required_one(tmp_path):
    """A secret that one place needs is an error, and names that place only."""
    world = World({})
    uses = (env("a.env", source("x", optional=True, line=3)), env("b.env", source("x", line=7)))
    with pytest.raises(NotFound) as caught:
        world.run(plan_of(volume(tmp_path, *uses)))
    assert "c.yaml:3" not in dict(caught.value.notes)["needed"]


def test_every_failure_is_told_once(tmp_path):
    """Several secrets that fail are one error with all of them, in plan order."""
    world = World({"a": b"no json", "b": b"{}"})
    outputs = (env("1.env", source("a")), env("2.env", source("a")), env("3.env", source("b", "k")))
    with pytest.raises(Several) as caught:
        world.run(plan_of(volume(tmp_path, *outputs)))
    assert ["DATA_INVALID", "KEY_NOT_FOUND"] == [error.code for error in caught.value.errors]


def test_paths_of_a_directory_do_not_repeat_its_failures(tmp_path):
    """A directory that lacks a key and the env file of its paths are one failure; another key is another."""
    world = World({"a": b"{}"})
    folder = Entries(keys=(Entry("x", source("a", "x")), Entry("y", source("a", "y"))))
    paths = Entries(paths=PathsTo(folder, "/mnt"), keys=(Entry("Z", source("a", "z")),))
    outputs = (Files(path="d", entries=folder), DataFile(path="p.env", entries=paths))
    with pytest.raises(Several) as caught:
        world.run(plan_of(volume(tmp_path, *outputs)))
    assert ["x", "y", "z"] == [error.headline.split('"')[1] for error in caught.value.errors]
    assert 66 == exit_code_of(caught.value)


def test_all_volumes_or_none(tmp_path):
    """A volume that cannot be written keeps the others from being published."""
    world = World({"a": b'{"A":"1"}'})
    (tmp_path / "blocker").write_text("a file")
    good, bad = (
        volume(tmp_path / "good", env("a.env", source("a"))),
        volume(tmp_path / "blocker" / "x", env("b.env", source("a"))),
    )
    with pytest.raises(OutputError):
        world.run(plan_of(good, bad))
    assert ["blocker"] == os.listdir(tmp_path)


def test_a_second_run_changes_nothing(tmp_path):
    """Equal content: no change, and `changes` says so beforehand."""
    world = World({"a": b'{"A":"1"}'})
    plan = plan_of(volume(tmp_path / "v", env("a.env", source("a"))))
    rendered = materialize.build(plan, world.fetch(plan))
    assert [frozenset({"a.env"})] == [done.change.added for done in materialize.changes(rendered)]
    assert [True] == [bool(done.change) for done in world.run(plan)]
    assert [False] == [bool(done.change) for done in materialize.changes(rendered)]
    assert [False] == [bool(done.change) for done in world.run(plan)]


def test_an_absent_optional_raw_file_is_not_written(tmp_path):
    """The raw file of an optional secret that does not exist is left out; one of an earlier run goes."""
    world = World({"a": b"1", "x": b"2"})
    outputs = (
        RawFile(path="a", entry=Entry("a", source("a"))),
        RawFile(path="x", entry=Entry("x", source("x", optional=True))),
    )
    plan = plan_of(volume(tmp_path, *outputs))
    world.run(plan)
    world.provider.delete("x")
    (done,) = world.run(plan)
    assert frozenset({"x"}) == done.change.removed


def test_names_are_known_for_files_that_hold_some(tmp_path):
    """`plan` can show the names of an env file."""
    world = World({"a": b'{"B":"1","A":"2"}'})
    plan = plan_of(volume(tmp_path, env("a.env", source("a"))))
    (rendered,) = materialize.build(plan, world.fetch(plan))
    assert {"a.env": ("A", "B")} == dict(rendered.names)


def test_standard_output_takes_one_file():
    """A stream gets the bytes and no volume is written."""
    world = World({"a": b'{"A":"1"}'})
    plan = plan_of(Stream(env("-", source("a"))))
    rendered = materialize.build(plan, world.fetch(plan))
    assert b"A='1'\n" == materialize.stream(rendered)
    assert [] == materialize.changes(rendered)


def test_a_store_that_is_down_is_not_missing():
    """`optional` forgives nothing but not found."""
    world = World({})
    world.provider.fail(Unavailable("down"), key="x")
    with pytest.raises(Unavailable):
        world.run(plan_of(Stream(env("-", source("x", optional=True)))))


def test_failures_of_stores_and_of_keys_are_told_together(tmp_path):
    """A secret that is not there does not hide a wrong key of another, and the order is the plan's."""
    world = World({"a": b"{}"})
    outputs = (env("1.env", source("a", "k")), env("2.env", source("x")), env("3.env", source("x")))
    with pytest.raises(Several) as caught:
        world.run(plan_of(volume(tmp_path, *outputs)))
    assert ["KEY_NOT_FOUND", "SECRET_NOT_FOUND"] == [error.code for error in caught.value.errors]
