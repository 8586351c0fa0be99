"""A call that fails: the old set stays, what was written is given back, and the message says what to do."""

from __future__ import annotations

import errno
import itertools
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from sinks.volumes import Calls, Time, file, fingerprint, leftovers, tree, visible, wanted, write

from secretfetch.errors import OutputError
from secretfetch.sinks.trouble import output_error
from secretfetch.sinks.volume import VolumeWriter

OLD = tree(app_env="A='1'", tls__tls_crt="cert", gone="g")
NEW = tree(app_env="A='2'", tls__tls_crt="cert2", new__deep="n")
NUMBERS = [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EMFILE]
LAYOUTS = ["swap", "flat"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("number", NUMBERS, ids=errno.errorcode.get)
@pytest.mark.parametrize("before", [{}, OLD], ids=["first", "update"])
def test_a_call_that_fails_while_staging_leaves_no_trace(memory_path, layout, number, before):
    """Whichever call fails: the error is an `OutputError`, the directory holds what it held, and a later try works."""
    root = memory_path / "v" / "w"
    if before:
        write(root, before, layout=layout)
    state = _names(memory_path)
    for at in itertools.count(1):
        writer = VolumeWriter(str(root), layout=layout, outside=Time().outside())
        with pytest.MonkeyPatch.context() as monkeypatch, Calls(at, number).watched(monkeypatch) as calls:
            try:
                staged = writer.stage(NEW)
            except OutputError as error:
                assert f"cannot write to {memory_path}/v" in str(error)  # noqa: PT017 - the last round has no error
                staged = None
        if staged is not None:
            staged.abort()
        assert _names(memory_path) == state, (at, calls.seen)
        writer.close()
        if calls.count < at:
            break
    assert at > 10
    write(root, NEW, layout=layout)
    assert (visible(root), leftovers(root)) == (wanted(NEW), [])


def _names(above: Path) -> dict:
    """Return what a volume holds, and which inodes; of a list, which may have been put back, the content."""
    found = {path: entry[0] for path, entry in fingerprint(above).items() if not path.endswith("..files")}
    return found | {str(path): path.read_bytes() for path in above.rglob("..files")}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
def test_a_call_that_fails_while_publishing_is_repaired_by_the_next_round(memory_path, layout, number):
    """Readers have one set or the other (in a flat volume: files of both); the same writer's next round converges."""
    root = memory_path / "v"
    for at in itertools.count(1):
        write(root, OLD, layout=layout)
        clock = Time()
        writer = VolumeWriter(str(root), layout=layout, outside=clock.outside())
        staged = writer.stage(NEW)
        with pytest.MonkeyPatch.context() as monkeypatch, Calls(at, number).watched(monkeypatch) as calls:
            try:
                staged.publish()
            except OutputError:
                failed = True
            else:
                failed = False
        if layout == "swap":
            assert visible(root / "..data") in (wanted(OLD), wanted(NEW)), (at, calls.seen)
        assert set(wanted(OLD)) & set(wanted(NEW)) <= set(visible_now(root)), at
        writer.stage(NEW).publish()
        writer.close()
        assert (visible(root), leftovers(root)) == (wanted(NEW), []), (at, calls.seen)
        if calls.count < at:
            break
    assert not failed
    assert at > 4


def test_a_first_flat_file_that_cannot_be_put_into_place_leaves_no_trace(memory_path, monkeypatch):
    """The rename that would be the first of a new volume fails: no list, no lock and no directory is left."""
    rename = os.rename

    def fail(source, target, **options):
        if not target.startswith(".."):
            raise OSError(errno.EIO, "no")
        rename(source, target, **options)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OutputError), VolumeWriter(str(memory_path / "v"), layout="flat") as writer:
        writer.stage(NEW).publish()
    assert os.listdir(memory_path) == []


@pytest.mark.parametrize(("first", "second"), [("swap", "flat"), ("flat", "swap")])
def test_a_directory_that_cannot_be_replaced_comes_back(memory_path, monkeypatch, first, second):
    """What stepped aside for another layout is put back where the second rename fails: no name is missing."""
    root, rename, failed = memory_path / "v", os.rename, []
    write(root, OLD, layout=first)

    def fail(source, target, **options):
        if target == "tls" and aside:
            failed.append(aside.pop())
            raise OSError(errno.EIO, "no")
        if source == "tls":
            aside.append(target)
        rename(source, target, **options)

    aside: list[str] = []
    writer = VolumeWriter(str(root), layout=second, outside=Time().outside())
    staged = writer.stage(NEW)
    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OutputError):
        staged.publish()
    monkeypatch.undo()
    writer.close()
    assert failed
    assert (root / "tls/tls.crt").read_bytes() in (b"cert", b"cert2")
    write(root, NEW, layout=second)
    assert (visible(root), leftovers(root)) == (wanted(NEW), [])


def visible_now(root: Path) -> list[str]:
    return [path for path in (*OLD, *NEW) if (root / path).is_file()]


def test_a_full_volume_gets_its_space_back(memory_path):
    """After sets that did not fit, another one of the old size does: nothing of the failed ones is left."""
    write(memory_path, OLD)
    with VolumeWriter(str(memory_path), outside=Time().outside()) as writer:
        for at in range(5, 9):
            with (
                pytest.MonkeyPatch.context() as monkeypatch,
                Calls(at, errno.ENOSPC).watched(monkeypatch),
                pytest.raises(OutputError, match="no space left") as caught,
            ):
                writer.stage(NEW)
            assert any("sizeLimit" in text for _, text in caught.value.notes)
        assert leftovers(memory_path) == []
        writer.stage(NEW).publish()


def test_the_lock_stays_when_a_later_round_fails(memory_path):
    """A sidecar that cannot write once does not hand its volume to somebody else."""
    with VolumeWriter(str(memory_path), outside=Time().outside()) as writer:
        writer.stage(OLD).publish()
        with (
            pytest.MonkeyPatch.context() as monkeypatch,
            Calls(2, errno.ENOSPC).watched(monkeypatch),
            pytest.raises(OutputError),
        ):
            writer.stage(NEW)
        other = VolumeWriter(str(memory_path), outside=Time().outside(lock_timeout=0))
        with pytest.raises(OutputError, match="another secretfetch"):
            other.stage(NEW)
        assert visible(memory_path) == wanted(OLD)


@pytest.mark.parametrize("below", ["", "/out", "/out/deeper"])
def test_a_file_where_a_directory_has_to_be_is_named(tmp_path, below):
    """The message is about the file in the way, wherever above the volume it is; nothing is made."""
    (tmp_path / "blocker").touch()
    with pytest.raises(OutputError, match=f"cannot write to {tmp_path}/blocker: it is not a directory") as caught:
        VolumeWriter(f"{tmp_path}/blocker{below}").stage(OLD)
    assert ("fix", "move it away, or choose another path") in caught.value.notes
    assert os.listdir(tmp_path) == ["blocker"]


def test_a_dead_link_in_the_way_is_an_error(tmp_path):
    """The volume's path may lead through links, but not through one that leads nowhere."""
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match=f"{tmp_path}/dead"):
        VolumeWriter(str(tmp_path / "dead/out")).stage(OLD)
    assert os.listdir(tmp_path) == ["dead"]


def test_the_volume_itself_may_be_a_link(tmp_path):
    """Below the root no link is followed; the root's own path may be one."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link", OLD)
    assert visible(tmp_path / "real") == wanted(OLD)


@contextmanager
def _nobody():
    """Be a user without rights, in a directory that everybody can reach."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o755)
        if os.geteuid() != 0:
            os.chmod(path, 0o555)
            yield Path(path)
            os.chmod(path, 0o755)
            return
        os.setegid(65532)
        os.seteuid(65532)
        try:
            yield Path(path)
        finally:
            os.seteuid(0)
            os.setegid(0)


def test_permission_denied_says_who_and_what_helps():
    """The message has the process, the directory and the fix for Kubernetes and for Docker."""
    with _nobody() as root:
        for path in (root, root / "below"):
            with pytest.raises(OutputError) as caught:
                VolumeWriter(str(path)).stage(OLD)
            error = caught.value
            assert str(error) == f"cannot write to {path}: permission denied"
            status = root.stat()
            assert error.notes == (
                ("process", f"uid {os.geteuid()}, gid {os.getegid()}"),
                ("directory", f"{root}: uid {status.st_uid}, gid {status.st_gid}, mode {status.st_mode & 0o777:04o}"),
                ("fix", f"Kubernetes: pod securityContext.fsGroup: {os.getegid()}"),
                ("fix", f'Docker: add -u "$(id -u):$(id -g)", or chown {os.geteuid()} the host directory'),
            )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_a_volume_of_another_user_is_told_from_a_closed_directory():
    """Where the directory is open and only the lock is somebody else's, that is what the message says."""
    with _nobody() as root:
        os.seteuid(0)
        os.chmod(root, 0o777)
        write(root, OLD)
        os.seteuid(65532)
        with pytest.raises(OutputError, match="it was written by another user") as caught:
            VolumeWriter(str(root)).stage(NEW)
        assert ("..lock", "uid 0, gid 65532") in caught.value.notes
        assert not VolumeWriter(str(root)).stage({path: file(item.data) for path, item in OLD.items()}).change.added


def test_an_owner_without_root_is_refused_with_a_fix():
    """`owner` needs root; the message says so, and the volume is as it was."""
    with _nobody() as root:
        volume = root / "v"
        if os.geteuid() == 65532:
            os.seteuid(0)
            os.chown(root, 65532, 65532)
            os.seteuid(65532)
        else:
            os.chmod(root, 0o755)
        with pytest.raises(
            OutputError, match=r"to uid 1, gid 2: (operation not permitted|there is no such id)"
        ) as caught:
            VolumeWriter(str(volume)).stage({"a": file("1", owner=(1, 2))})
        assert any("owner" in text for _, text in caught.value.notes)
        assert not volume.exists()


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_system_error_has_words(number, tmp_path):
    """Whatever the system says, the message is one line that names the volume."""
    error = output_error(OSError(number, os.strerror(number), "..tmp-1"), str(tmp_path))
    assert str(error).startswith(f"cannot write to {tmp_path}: ")
    assert len(str(error).splitlines()) == 1
    assert error.exit_code == 73


def test_a_directory_that_cannot_be_synced_is_good_enough(tmp_path, monkeypatch):
    """Some network file systems refuse to sync a directory; a file that cannot be synced is an error everywhere."""
    sync = os.fsync

    def refuse(fd):
        if os.path.isdir(f"/proc/self/fd/{fd}"):
            raise OSError(errno.EINVAL, "no")
        sync(fd)

    monkeypatch.setattr(os, "fsync", refuse)
    write(tmp_path, OLD)
    assert visible(tmp_path) == wanted(OLD)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EINVAL, "no")))
    with pytest.raises(OutputError):
        write(tmp_path, NEW)
    assert visible(tmp_path) == wanted(OLD)


def test_an_old_generation_that_cannot_be_removed_is_a_warning(tmp_path, caplog, monkeypatch):
    """The new set is published; what is left of the old one is reported by name, and tried again by the next writer."""
    write(tmp_path, OLD)
    monkeypatch.setattr(os, "rmdir", lambda *_, **__: (_ for _ in ()).throw(PermissionError(errno.EACCES, "Denied")))
    write(tmp_path, NEW)
    monkeypatch.undo()
    assert visible(tmp_path) == wanted(NEW)
    assert "may hold old secrets: Denied" in caplog.text
    assert len(leftovers(tmp_path)) == 1
    write(tmp_path, NEW)
    assert leftovers(tmp_path) == []
