"""The swap layout: what is in the directory, and in which order it comes and goes."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import re
import stat
import struct
import time

import pytest
from sinks.volumes import Calls, Time, file, leftovers, tree, visible, wanted, write

from secretfetch.errors import DataError, OutputError
from secretfetch.sinks.volume import Change, VolumeWriter

OLD = tree(app_env="A='1'", tls__tls_crt="cert", tls__tls_key="key")
NEW = tree(app_env="A='2'", tls__tls_crt="cert2", tls__ca="ca", new="n")


def test_the_layout_is_that_of_the_kubelet(tmp_path):
    """`..data` names a directory with the time in its name; each visible name is a link through `..data`."""
    write(tmp_path, OLD)
    live = os.readlink(tmp_path / "..data")
    assert re.fullmatch(r"\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\w+", live)
    assert sorted(os.listdir(tmp_path)) == sorted([live, "..data", "..lock", "app.env", "tls"])
    assert os.readlink(tmp_path / "app.env") == "..data/app.env"
    assert os.readlink(tmp_path / "tls") == "..data/tls"
    assert visible(tmp_path) == wanted(OLD)


def test_everything_is_on_disk_before_it_is_published(tmp_path, monkeypatch):
    """Each file, each directory and the root are synced before `..data` is renamed, and the root once more after."""
    with Calls().watched(monkeypatch) as calls, VolumeWriter(str(tmp_path)) as writer:
        writer.stage(OLD).publish()
    before, after = calls.seen[: calls.seen.index("rename")], calls.seen[calls.seen.index("rename") :]
    assert before.count("fsync") == len(OLD) + len(["generation", "tls", "root"])
    assert after[:2] == ["rename", "fsync"]
    assert after[-1] == "fsync"


def test_modes_are_exact_under_any_umask(tmp_path):
    """Files have their mode, directories 0755, the lock 0600; the umask plays no part, neither does it change."""
    old = os.umask(0o077)
    try:
        write(tmp_path / "a/b", {"x/y": file("1", 0o604), "z": file("2", 0o777)})
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(old)
    modes = {
        name: stat.S_IMODE((tmp_path / "a/b" / name).stat().st_mode) for name in ("x/y", "z", "x", "..data", "..lock")
    }
    assert modes == {"x/y": 0o604, "z": 0o777, "x": 0o755, "..data": 0o755, "..lock": 0o600}
    assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o755


def test_a_second_set_replaces_the_first_wholly(tmp_path):
    """Names come and go, and the change says which."""
    assert write(tmp_path, OLD) == Change(added=frozenset(OLD))
    change = write(tmp_path, NEW)
    expected = Change(frozenset({"new", "tls/ca"}), frozenset({"app.env", "tls/tls.crt"}), frozenset({"tls/tls.key"}))
    assert change == expected
    assert visible(tmp_path) == wanted(NEW)
    assert leftovers(tmp_path) == []


def test_an_empty_set_removes_everything_visible(tmp_path):
    """Publishing nothing leaves nothing to read."""
    write(tmp_path, OLD)
    assert write(tmp_path, {}).removed == frozenset(OLD)
    assert (visible(tmp_path), leftovers(tmp_path)) == ({}, [])


def test_staging_publishes_nothing(tmp_path):
    """Between `stage` and `publish` a reader sees the old set; after `abort` there is no trace of the new one."""
    write(tmp_path, OLD)
    before = sorted(os.listdir(tmp_path))
    with VolumeWriter(str(tmp_path)) as writer:
        staged = writer.stage(NEW)
        assert visible(tmp_path) == wanted(OLD)
        staged.abort()
        staged.abort()
        assert sorted(os.listdir(tmp_path)) == before
    assert visible(tmp_path) == wanted(OLD)


def test_an_aborted_first_set_takes_its_directories_along(tmp_path):
    """Directories that were made for a set that never came are gone again; those of others stay."""
    (tmp_path / "there").mkdir()
    writer = VolumeWriter(str(tmp_path / "there/a/b"))
    writer.stage(OLD).abort()
    assert os.listdir(tmp_path / "there") == []
    writer.stage(OLD).publish()
    writer.close()
    assert visible(tmp_path / "there/a/b") == wanted(OLD)


def test_staging_again_gives_up_what_was_staged(tmp_path):
    """There is one staged set per writer, the last; closing gives it up too."""
    with VolumeWriter(str(tmp_path / "v")) as writer:
        first = writer.stage(OLD)
        second = writer.stage(NEW)
        first.publish()
        assert visible(tmp_path / "v") == {}
        second.publish()
        second.publish()
        writer.stage(OLD)
    assert visible(tmp_path / "v") == wanted(NEW)
    assert leftovers(tmp_path / "v") == []


def test_first_tells_whether_there_was_a_set_before(tmp_path):
    """Hooks are not run for the first publication of a volume."""
    seen = []
    for files in (OLD, OLD, NEW):
        with VolumeWriter(str(tmp_path), outside=Time().outside()) as writer:
            staged = writer.stage(files)
            seen.append(staged.first)
            staged.publish()
    assert seen == [True, False, False]


def test_the_set_before_stays_for_the_grace(tmp_path):
    """A reader that holds the old generation can read it until the grace is over; then a timer removes it."""
    clock = Time()
    writer = VolumeWriter(str(tmp_path), grace=2.0, outside=clock.outside())
    writer.stage(OLD).publish()
    old = os.readlink(tmp_path / "..data")
    writer.stage(NEW).publish()
    clock.advance(1.9)
    assert (tmp_path / old / "app.env").read_bytes() == b"A='1'"
    clock.advance(0.2)
    assert not (tmp_path / old).exists()
    assert clock.passed < 3
    writer.close()


def test_the_next_set_does_not_cut_the_grace_short(tmp_path):
    """Two sets in quick succession: each old generation has a grace of its own."""
    clock = Time()
    writer = VolumeWriter(str(tmp_path), grace=2.0, outside=clock.outside())
    generations = []
    for number in range(3):
        writer.stage(tree(a=str(number))).publish()
        generations.append(os.readlink(tmp_path / "..data"))
        clock.advance(0.5)
    assert [(tmp_path / name).exists() for name in generations] == [True, True, True]
    clock.advance(1.0)
    assert [(tmp_path / name).exists() for name in generations] == [False, True, True]
    clock.advance(0.5)
    assert [(tmp_path / name).exists() for name in generations] == [False, False, True]
    writer.close()


def test_closing_waits_for_the_rest_of_the_grace_only(tmp_path):
    """`close` removes the old generation itself after what is left of the grace; a second `close` does nothing."""
    clock = Time()
    writer = VolumeWriter(str(tmp_path), grace=2.0, outside=clock.outside())
    writer.stage(OLD).publish()
    writer.stage(NEW).publish()
    clock.passed = 1.5
    writer.close()
    writer.close()
    assert clock.passed == pytest.approx(2.0)
    assert leftovers(tmp_path) == []


def test_closing_in_a_hurry_leaves_the_old_set_to_the_next_writer(tmp_path):
    """A process that is told to stop does not wait; what it leaves goes with the next write."""
    clock = Time()
    writer = VolumeWriter(str(tmp_path), outside=clock.outside())
    writer.stage(OLD).publish()
    writer.stage(NEW).publish()
    writer.close(wait=False)
    assert clock.passed == 0
    assert len(leftovers(tmp_path)) == 1
    assert not write(tmp_path, NEW)
    assert leftovers(tmp_path) == []


def test_a_generation_that_was_live_a_moment_ago_is_not_swept(tmp_path):
    """A writer that starts just after another one died leaves its readers the grace."""
    with VolumeWriter(str(tmp_path)) as writer:
        writer.stage(OLD).publish()
    old = os.readlink(tmp_path / "..data")
    dead = VolumeWriter(str(tmp_path), outside=Time().outside())
    dead.stage(NEW).publish()
    dead.close(wait=False)
    clock = Time()
    writer = VolumeWriter(str(tmp_path), outside=clock.outside())
    writer.stage(NEW).publish()
    assert (tmp_path / old / "app.env").exists()
    writer.close()
    assert not (tmp_path / old).exists()


def test_what_a_dead_writer_left_is_gone_before_anything_is_written(tmp_path):
    """A full volume is made room in first: generations and prepared names of the dead go before the new set comes."""
    write(tmp_path, OLD)
    (tmp_path / "..2020_01_01_01_01_01.1/d").mkdir(parents=True)
    (tmp_path / "..tmp-01").symlink_to("..data/gone")
    clock = Time()
    clock.passed = 60.0
    writer = VolumeWriter(str(tmp_path), outside=clock.outside())
    with pytest.MonkeyPatch.context() as monkeypatch, Calls().watched(monkeypatch) as calls:
        writer.stage(NEW)
    assert sorted(calls.seen[:3]) == ["rmdir", "rmdir", "unlink"]
    writer.close()
    assert leftovers(tmp_path) == []


def test_a_clock_that_is_set_does_not_cut_the_grace_short(tmp_path):
    """Only the monotonic clock counts for the generations of this process."""
    clock = Time()
    hour = iter([0.0] * 3 + [3600.0] * 10)
    outside = dataclasses.replace(clock.outside(), wall=lambda: time.time() + next(hour))
    writer = VolumeWriter(str(tmp_path), outside=outside)
    writer.stage(OLD).publish()
    old = os.readlink(tmp_path / "..data")
    writer.stage(NEW).publish()
    writer.stage(OLD).publish()
    assert next(hour) == 3600.0
    assert (tmp_path / old / "app.env").exists()
    writer.close()


def test_a_generation_name_that_is_taken_is_not_used(tmp_path):
    """Time and chance may repeat themselves: what has that name stays as it is, and another name is found."""
    tokens = iter(["11", "aa", "ab", "11", "22", "ac"])
    outside = dataclasses.replace(Time().outside(), wall=lambda: 1e9, token=lambda: next(tokens))
    writer = VolumeWriter(str(tmp_path), outside=outside)
    writer.stage(tree(a="1")).publish()
    writer.stage(tree(a="2")).publish()
    assert os.readlink(tmp_path / "..data") == "..2001_09_09_01_46_40.22"
    assert (tmp_path / "..2001_09_09_01_46_40.11/a").read_bytes() == b"1"
    writer.close()


def test_files_of_others_are_left_alone(tmp_path):
    """Whatever is in the directory besides ours stays: files, directories, links, and private names we do not know."""
    (tmp_path / "theirs").write_text("t")
    (tmp_path / "dir/sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to("theirs")
    (tmp_path / "..theirs").write_text("d")
    write(tmp_path, OLD)
    write(tmp_path, {})
    assert sorted(name for name in os.listdir(tmp_path) if not name.startswith("..20")) == sorted(
        ["theirs", "dir", "link", "..theirs", "..lock", "..data"]
    )


def test_a_file_under_a_visible_name_is_replaced(tmp_path):
    """A plain file or a foreign link where one of our names belongs gives way to our link."""
    (tmp_path / "app.env").write_text("by hand")
    (tmp_path / "other").write_text("kept")
    (tmp_path / "tls").symlink_to("other")
    write(tmp_path, OLD)
    assert visible(tmp_path) == wanted(OLD) | {"other": (b"kept", stat.S_IMODE((tmp_path / "other").stat().st_mode))}


@pytest.mark.parametrize("name", ["app.env", "tls", "..data"])
def test_a_directory_in_the_way_is_an_error(tmp_path, name):
    """A real directory of somebody else's is never replaced; the message names it, and nothing was written."""
    (tmp_path / name).mkdir()
    with VolumeWriter(str(tmp_path)) as writer, pytest.raises(OutputError, match=rf"{tmp_path}/{name}: a directory"):
        writer.stage(OLD)
    assert os.listdir(tmp_path) == [name]


def test_a_file_where_a_directory_belongs_is_an_error(tmp_path):
    """A file of somebody else's is replaced by a file of the same name only."""
    (tmp_path / "tls").write_text("theirs")
    with pytest.raises(OutputError, match=f"{tmp_path}/tls: something that is no directory is in the way"):
        write(tmp_path, OLD)
    assert os.listdir(tmp_path) == ["tls"]


@pytest.mark.parametrize(
    "files",
    [
        {"../x": file("1")},
        {"/x": file("1")},
        {"..data": file("1")},
        {"a\nb": file("1")},
        {"a": file("1"), "a/b": file("2")},
    ],
)
def test_names_are_checked_here_too(tmp_path, files):
    """Whoever made the tree, no name leaves the volume and nothing is made before the names are checked."""
    with pytest.raises(DataError):
        VolumeWriter(str(tmp_path / "v")).stage(files)
    assert os.listdir(tmp_path) == []


def test_a_deep_name_is_written_and_removed(tmp_path):
    """As many parts as a path may have."""
    path = "/".join(["d"] * 100)
    write(tmp_path, {path: file("deep")})
    assert visible(tmp_path) == {path: (b"deep", 0o440)}
    write(tmp_path, {})
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize("layout", ["swap", "flat"])
def test_owner_and_setgid(tmp_path, layout):
    """`owner` is applied; without one a setgid volume (`fsGroup`) hands its group down, to later files too."""
    os.chown(tmp_path, 0, 4321)
    os.chmod(tmp_path, 0o2775)
    files = {"d/mine": file("1", owner=(1234, 1235)), "d/e/ours": file("2")}
    write(tmp_path, files, layout=layout)
    assert not write(tmp_path, files, layout=layout)
    files |= {"d/e/later": file("3")}
    write(tmp_path, files, layout=layout)
    owners = {path: ((tmp_path / path).stat().st_uid, (tmp_path / path).stat().st_gid) for path in files}
    assert owners == {"d/mine": (1234, 1235), "d/e/ours": (0, 4321), "d/e/later": (0, 4321)}


def test_watchers_of_the_directory_hear_each_swap(tmp_path):
    """A watch on the directory gets `MOVED_TO ..data` exactly once for each set, as from the kubelet."""
    libc = ctypes.CDLL(None, use_errno=True)
    write(tmp_path, OLD)
    fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert libc.inotify_add_watch(fd, os.fsencode(tmp_path), 0x80) >= 0
    with VolumeWriter(str(tmp_path), grace=0, outside=Time().outside()) as writer:
        for number in range(20):
            writer.stage(tree(app_env=str(number))).publish()
            assert _moved(os.read(fd, 4096)) == ["..data"]
            writer.stage(tree(app_env=str(number))).publish()
            with pytest.raises(BlockingIOError):
                os.read(fd, 4096)
    os.close(fd)


def _moved(data: bytes) -> list[str]:
    found = []
    while data:
        _, _, _, length = struct.unpack_from("iIII", data)
        found.append(data[16 : 16 + length].rstrip(b"\0").decode())
        data = data[16 + length :]
    return found
