"""Rules of handing over: what a process leaves in its volumes, and what the next one makes of it."""

import json
import os
from pathlib import Path

import pytest
from materialize.worlds import Leasing, World, env, plan_of, source, volume

from secretfetch import materialize
from secretfetch.materialize import handover
from secretfetch.testing import FakeClock, MemoryProvider

START = 1_800_000_000.0


class Process:
    """One process that writes a volume; its own clock begins anywhere, the time since 1970 is everybody's."""

    def __init__(self, provider, plan, wall, begins=50.0, **more):
        self.clock = FakeClock(begins)
        self.notes = materialize.Notes(wall, self.clock.now)
        self.writers = materialize.Writers()
        self.world = World(provider, plan, self.writers, clock=self.clock, **more)
        self.age = self.notes.adopt(self.world.rounds)

    def play(self, **more):
        result = self.world.play(**more)
        self.notes.write(self.world.rounds)
        return result

    def end(self):
        self.writers.close(wait=False)


@pytest.fixture
def plan(tmp_path):
    """Give a plan with a plain secret and a leased one."""
    return plan_of(volume(tmp_path / "v", env("a.env", source("a"), source("lease"))))


@pytest.fixture
def provider():
    """Give a store."""
    return Leasing({"a": b'{"A":"1"}'})


def run(provider, plan, at, **more):
    process = Process(provider, plan, lambda: at, **more)
    result = process.play()
    process.end()
    return result


def note_of(plan):
    return os.path.join(plan.targets[0].root, "..state")


def test_a_successor_knows_versions_and_due_times(plan, provider):
    """What is held, and for how long, goes over although the clocks differ; no question is asked for it."""
    run(provider, plan, START)
    provider.calls.clear()
    process = Process(provider, plan, lambda: START + 60.0, begins=9000.0)
    assert 60.0 == process.age
    assert {"1": None, "lease-1": pytest.approx(9540.0)} == {
        held.version: None if held.due == float("inf") else held.due for held in process.world.rounds.held.values()
    }
    process.play(poll=False)
    assert [] == provider.calls
    process.end()


def test_a_successor_neither_mints_nor_reads_values(plan, provider):
    """A poll after the handover asks with versions, and the lease is asked for with its own."""
    run(provider, plan, START)
    process = Process(provider, plan, lambda: START + 700.0)
    process.play()
    assert [{"a": "1"}, {"lease": "lease-1"}] == [
        {ref.key: held} for call in provider.calls[-1:] for ref, held in call.items()
    ]
    assert 1 == provider.made
    process.end()


def test_a_note_holds_no_value_and_is_closed_to_others(plan, provider):
    """Versions, digests, times and names of files; mode 0600."""
    run(provider, plan, START)
    content = json.loads(Path(note_of(plan)).read_text())
    assert {"plan", "seal", "paths", "at", "held"} == content.keys()
    assert 0o600 == os.stat(note_of(plan)).st_mode & 0o777
    assert ["a.env"] == content["paths"]


def test_nothing_new_writes_no_note(plan, provider):
    """A poll without news touches neither the files nor the note."""
    run(provider, plan, START)
    before = os.stat(note_of(plan)).st_ino
    run(provider, plan, START + 30.0)
    assert before == os.stat(note_of(plan)).st_ino


def _say(text):
    return lambda path: Path(path).write_text(text)


def _endless(path):
    Path(path).write_text(Path(path).read_text().replace('"at":18', '"at":1e999,"x":18'))


@pytest.mark.parametrize(
    "spoil",
    [
        os.unlink,
        _say("{"),
        _say('{"plan":"x","seal":"y","paths":[],"at":1,"held":{}}'),
        _endless,
        lambda path: os.chmod(path, 0o644),
        lambda path: os.chown(path, 12345, 12345),
        lambda path: (os.rename(path, path + "2"), os.symlink(path + "2", path)),
        lambda path: (os.unlink(path), os.mkdir(path)),
        lambda path: os.unlink(os.path.dirname(path) + "/a.env"),
    ],
)
def test_a_note_that_cannot_be_trusted_is_no_note(plan, provider, spoil):
    """Missing, broken, of others, or no longer fitting the files: everything is fetched, and made right."""
    if os.geteuid():
        pytest.skip("needs root to give a file away")
    run(provider, plan, START)
    spoil(note_of(plan))
    process = Process(provider, plan, lambda: START + 1.0)
    assert float("inf") == process.age
    assert {} == process.world.rounds.held
    assert None is process.play().error
    process.end()


def test_another_plan_takes_nothing_over(tmp_path, provider, plan):
    """What was made of another config does not count."""
    run(provider, plan, START)
    other = plan_of(volume(tmp_path / "v", env("b.env", source("a"))))
    assert float("inf") == Process(provider, other, lambda: START).age


def test_a_clock_that_was_set_back_makes_nothing_young(plan, provider):
    """A note from the future is as good as an old one: it is looked at anew."""
    run(provider, plan, START)
    process = Process(provider, plan, lambda: START - 1000.0)
    assert float("inf") == process.age
    process.end()


def test_two_volumes_that_differ_are_not_both_believed(tmp_path):
    """One secret in two volumes with two versions: one of them is made anew."""
    provider = MemoryProvider({"a": b'{"A":"1"}'})
    both = plan_of(volume(tmp_path / "x", env("a.env", source("a"))), volume(tmp_path / "y", env("a.env", source("a"))))
    run(provider, plan_of(both.targets[0]), START)
    provider.set("a", b'{"A":"2"}')
    run(provider, plan_of(both.targets[1]), START)
    process = Process(provider, both, lambda: START)
    assert float("inf") == process.age
    process.play()
    assert ["A='2'\n"] * 2 == [(tmp_path / name / "a.env").read_text() for name in "xy"]
    process.end()


def test_a_flat_file_of_the_command_line_leaves_no_note(tmp_path):
    """A file that is written into a directory of the user has nothing beside it."""
    from msgspec.structs import replace

    target = replace(volume(tmp_path, env("a.env", source("a"))), layout="flat", keep=True)
    run(MemoryProvider({"a": b'{"A":"1"}'}), plan_of(target), START)
    assert ["a.env"] == os.listdir(tmp_path)


def test_the_mark_of_hooks_stays_until_it_is_taken_back(plan, provider):
    """Hooks that were not run to their end are the next process's."""
    run(provider, plan, START)
    process = Process(provider, plan, lambda: START)
    process.notes.mark(process.world.rounds, pending=True)
    process.end()
    process = Process(provider, plan, lambda: START)
    assert process.notes.pending
    process.notes.mark(process.world.rounds, pending=False)
    process.end()
    assert not Process(provider, plan, lambda: START).notes.pending


def test_the_digest_of_a_ref_shows_none_of_it():
    """What is written to a store may be a secret: refs stand in a note as digests."""
    ref = source("a").ref
    assert 32 == len(handover.digest_of_ref(ref))
    assert handover.digest_of_ref(ref) != handover.digest_of_ref(source("b").ref)


def test_what_was_revoked_is_not_believed(plan, provider):
    """A volume with leases that have been revoked is made anew by the next process; others are not."""
    run(provider, plan, START)
    process = Process(provider, plan, lambda: START)
    process.notes.forget(process.world.rounds, {"other"})
    assert 0.0 == Process(provider, plan, lambda: START).age
    process.notes.forget(process.world.rounds, {"mem"})
    process.end()
    assert float("inf") == Process(provider, plan, lambda: START).age
