"""A set that is there already touches nothing; what is not quite as it has to be is repaired; `compare` only reads."""

from __future__ import annotations

import os
import stat

import pytest
from sinks.volumes import Calls, Time, file, fingerprint, leftovers, tree, visible, wanted, write

from secretfetch.errors import OutputError
from secretfetch.sinks.volume import Change, File, VolumeWriter, compare

FILES = tree(app_env="A='1'", tls__tls_crt="cert", tls__tls_key="key")


@pytest.mark.parametrize("layout", ["swap", "flat"])
@pytest.mark.parametrize("running", [True, False])
def test_an_equal_set_touches_nothing(tmp_path, layout, running, monkeypatch):
    """No call that changes a disk is made, by the writer that wrote the set or by a new one; no time stamp moves."""
    writer = VolumeWriter(str(tmp_path), layout=layout, outside=Time().outside())
    writer.stage(FILES).publish()
    if not running:
        writer.close()
        writer = VolumeWriter(str(tmp_path), layout=layout, outside=Time().outside())
    before = fingerprint(tmp_path)
    with Calls().watched(monkeypatch) as calls:
        staged = writer.stage(dict(FILES))
        assert not staged.publish()
    assert (calls.seen, fingerprint(tmp_path)) == ([], before)
    writer.close()
    assert fingerprint(tmp_path) == before


def test_an_equal_set_needs_no_right_to_write(tmp_path):
    """A restart on a volume that holds the set already does not even ask for the lock."""
    write(tmp_path, FILES)
    other = VolumeWriter(str(tmp_path))
    other.stage(tree(app_env="2"))
    with VolumeWriter(str(tmp_path), outside=Time().outside(lock_timeout=0)) as writer:
        other.close()
        holder = VolumeWriter(str(tmp_path))
        holder.stage(tree(a="3")).abort()
        assert not writer.stage(FILES).publish()


def test_no_files_on_no_directory(tmp_path):
    """Nothing to write into a volume that is not there: it is not made."""
    with VolumeWriter(str(tmp_path / "v")) as writer:
        staged = writer.stage({})
        assert (bool(staged.publish()), staged.first) == (False, True)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("layout", ["swap", "flat"])
def test_a_mode_alone_is_a_change(tmp_path, layout):
    """Equal bytes under another mode are written again, and only a mode that is different."""
    write(tmp_path, FILES, layout=layout)
    files = FILES | {"app.env": file("A='1'", 0o400)}
    assert write(tmp_path, files, layout=layout) == Change(updated=frozenset({"app.env"}))
    assert stat.S_IMODE((tmp_path / "app.env").stat().st_mode) == 0o400


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize("layout", ["swap", "flat"])
def test_an_owner_alone_is_a_change(tmp_path, layout):
    """Equal bytes under another owner are written again."""
    write(tmp_path, FILES, layout=layout)
    files = FILES | {"app.env": file("A='1'", owner=(1234, 1235))}
    assert write(tmp_path, files, layout=layout) == Change(updated=frozenset({"app.env"}))
    assert (tmp_path / "app.env").stat().st_gid == 1235
    assert not write(tmp_path, files, layout=layout)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_an_owner_that_is_no_longer_asked_for_is_taken_back(tmp_path):
    """In a swapped volume a file without `owner` belongs to whoever wrote the set."""
    write(tmp_path, FILES | {"app.env": file("A='1'", owner=(1234, 1235))})
    assert write(tmp_path, FILES) == Change(updated=frozenset({"app.env"}))
    assert (tmp_path / "app.env").stat().st_uid == 0


@pytest.mark.parametrize("damage", ["missing", "elsewhere", "plain", "stale"])
def test_links_are_repaired_without_a_new_generation(tmp_path, damage):
    """The links are compared with the directory itself, whoever has damaged them; the set stays where it is."""
    write(tmp_path, FILES)
    live = os.readlink(tmp_path / "..data")
    link = tmp_path / "app.env"
    if damage == "stale":
        (tmp_path / "gone").symlink_to("..data/gone")
    else:
        link.unlink()
        if damage == "elsewhere":
            link.symlink_to("..data/tls/tls.crt")
        elif damage == "plain":
            link.write_text("A='1'")
            link.chmod(0o440)
    change = write(tmp_path, FILES)
    expected = {
        "missing": Change(added=frozenset({"app.env"})),
        "elsewhere": Change(updated=frozenset({"app.env"})),
        "plain": Change(),
        "stale": Change(),
    }
    assert change == expected[damage]
    assert os.readlink(tmp_path / "..data") == live
    assert (visible(tmp_path), leftovers(tmp_path)) == (wanted(FILES), [])


@pytest.mark.parametrize(
    "damage", ["extra file", "extra directory", "directory mode", "file mode", "content", "link", "fifo"]
)
def test_a_damaged_generation_is_replaced(tmp_path, damage):
    """Whatever is not as it was written makes the whole set be written again."""
    write(tmp_path, FILES)
    live = tmp_path / os.readlink(tmp_path / "..data")
    target = live / "tls/tls.crt"
    if damage in ("link", "fifo"):
        target.unlink()
    {
        "extra file": lambda: (live / "extra").write_text("x"),
        "extra directory": (live / "tls/extra").mkdir,
        "directory mode": lambda: (live / "tls").chmod(0o777),
        "file mode": lambda: target.chmod(0o444),
        "content": lambda: (target.chmod(0o640), target.write_text("CERT"), target.chmod(0o440)),
        "link": lambda: target.symlink_to("tls.key"),
        "fifo": lambda: os.mkfifo(target),
    }[damage]()
    write(tmp_path, FILES)
    assert os.readlink(tmp_path / "..data") != live.name
    assert not live.exists()
    assert visible(tmp_path) == wanted(FILES)
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o755


@pytest.mark.parametrize("layout", ["swap", "flat"])
def test_compare_says_what_publishing_would_change(tmp_path, layout):
    """The same answer before publishing as publishing gives, in either layout, and nothing is touched."""
    write(tmp_path, FILES, layout=layout)
    other = tree(app_env="A='2'", tls__tls_crt="cert", new="n")
    before = fingerprint(tmp_path)
    said = compare(str(tmp_path), other)
    assert (fingerprint(tmp_path), bool(compare(str(tmp_path), FILES))) == (before, False)
    assert said == write(tmp_path, other, layout=layout)
    assert said == Change(frozenset({"new"}), frozenset({"app.env"}), frozenset({"tls/tls.key"}))


def test_compare_without_a_volume_makes_none(tmp_path):
    """Everything would be added, and the directory is still not there."""
    assert compare(str(tmp_path / "a/b"), FILES) == Change(added=frozenset(FILES))
    assert os.listdir(tmp_path) == []


def test_compare_names_what_cannot_be_a_directory(tmp_path):
    """A file where the volume or a directory above it has to be is an error that names the file."""
    (tmp_path / "blocker").touch()
    for root in ("blocker", "blocker/out", "blocker/out/deeper"):
        with pytest.raises(OutputError, match=f"cannot read {tmp_path}/blocker: it is not a directory"):
            compare(str(tmp_path / root), FILES)


def test_compare_keeps_what_is_kept(tmp_path):
    """Where earlier files stay, none counts as removed."""
    write(tmp_path, FILES, layout="flat")
    assert compare(str(tmp_path), tree(b="1"), keep=True) == Change(added=frozenset({"b"}))
    assert compare(str(tmp_path), tree(b="1")).removed == frozenset(FILES)


def test_a_file_shows_no_secret():
    """Neither a file nor a tree shows its content when printed."""
    canary = b"c4n4ry-s3cr3t"
    shown = f"{File(canary, 0o440)} {[File(canary, 0o440)]!r} {compare('/nonexistent', {'a': File(canary, 0o440)})}"
    assert canary.decode() not in shown
