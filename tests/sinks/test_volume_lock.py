"""One writer at a time."""

from __future__ import annotations

import errno
import fcntl
import os

import pytest
from sinks.volumes import Time, leftovers, tree, visible, wanted, write

from secretfetch.errors import OutputError
from secretfetch.sinks import lock
from secretfetch.sinks.volume import VolumeWriter

ONE, TWO = tree(a="1", one="1"), tree(a="2", two="2")


@pytest.mark.parametrize("layout", ["swap", "flat"])
def test_a_second_writer_waits_and_then_gives_up(tmp_path, layout):
    """It waits for the documented ten seconds, then says who has the volume; it has written nothing."""
    with VolumeWriter(str(tmp_path), layout=layout) as writer:
        writer.stage(ONE).publish()
        before = sorted(os.listdir(tmp_path))
        clock = Time()
        other = VolumeWriter(str(tmp_path), layout=layout, outside=clock.outside())
        with pytest.raises(OutputError, match=f"cannot write to {tmp_path}: another secretfetch is writing to it"):
            other.stage(TWO)
        assert clock.passed == pytest.approx(10, abs=0.1)
        assert sorted(os.listdir(tmp_path)) == before
        assert visible(tmp_path) == wanted(ONE)


def test_the_lock_is_handed_over(tmp_path):
    """The sidecar that starts while the init container still closes gets the volume as soon as that is done."""
    init = VolumeWriter(str(tmp_path))
    init.stage(ONE).publish()
    clock = Time()
    clock.on_sleep = lambda: clock.passed > 1 and init.close()
    with VolumeWriter(str(tmp_path), outside=clock.outside()) as sidecar:
        sidecar.stage(TWO).publish()
        assert visible(tmp_path) == wanted(TWO)
    assert leftovers(tmp_path) == []


def test_the_lock_is_held_between_rounds(tmp_path):
    """From the first set that is written until `close`."""
    writer = VolumeWriter(str(tmp_path))
    writer.stage(ONE).publish()
    for expected in (BlockingIOError, None):
        with open(tmp_path / "..lock") as same:
            if expected:
                with pytest.raises(expected):
                    fcntl.flock(same, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                fcntl.flock(same, fcntl.LOCK_EX | fcntl.LOCK_NB)
        writer.close()


def test_a_lock_on_a_file_without_a_name_is_no_lock(tmp_path, monkeypatch):
    """A writer that gives up removes its new lock file; whoever has opened that one does not take it for the lock."""
    first = VolumeWriter(str(tmp_path))
    staged = first.stage(ONE)
    third = VolumeWriter(str(tmp_path))
    flock = fcntl.flock

    def overtaken(fd, kind):
        monkeypatch.undo()
        staged.abort()
        third.stage(TWO)
        flock(fd, kind)

    second = VolumeWriter(str(tmp_path), outside=Time().outside(lock_timeout=0))
    monkeypatch.setattr(lock.fcntl, "flock", overtaken)
    with pytest.raises(OutputError, match="another secretfetch"):
        second.stage(ONE)
    third.close()
    assert os.listdir(tmp_path) == []


def test_two_writers_in_turn_lose_nothing(tmp_path):
    """Sets of two writers follow one another; each sees what the other has left."""
    for number in range(5):
        assert write(tmp_path, ONE if number % 2 else TWO, grace=0.0)
        assert visible(tmp_path) == wanted(ONE if number % 2 else TWO)
    assert leftovers(tmp_path) == []


def test_a_file_system_without_locks_on_directories_will_do(tmp_path, monkeypatch):
    """Where the root directory cannot be locked, nothing is swept, and writing works."""
    flock = fcntl.flock

    def refuse(fd, kind):
        if os.path.isdir(f"/proc/self/fd/{fd}"):
            raise OSError(errno.EBADF, "no")
        flock(fd, kind)

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    (tmp_path / "..tmp-00").touch()
    write(tmp_path, ONE)
    assert visible(tmp_path) == wanted(ONE)
    assert leftovers(tmp_path) == ["..tmp-00"]
