"""The flat layout, files that are kept, and changing from one layout to the other."""

from __future__ import annotations

import itertools
import json
import os
import stat

import pytest
from sinks.volumes import Time, dies, file, fingerprint, leftovers, publish, tree, visible, wanted, write

from secretfetch.errors import OutputError
from secretfetch.sinks.volume import Change, VolumeWriter

OLD = tree(app_env="A='1'", tls__tls_crt="cert", tls__tls_key="key")
NEW = tree(app_env="A='2'", tls__tls_crt="cert", new__deep__er="n")


def test_flat_files_are_plain_files(tmp_path):
    """No links anywhere: real files in real directories of mode 0755, and one list."""
    write(tmp_path, OLD, layout="flat")
    assert sorted(os.listdir(tmp_path)) == ["..files", "..lock", "app.env", "tls"]
    assert not any(os.path.islink(path) for path in (tmp_path / "app.env", tmp_path / "tls", tmp_path / "tls/tls.crt"))
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o755
    assert visible(tmp_path) == wanted(OLD)


def test_only_what_differs_is_replaced(tmp_path):
    """A file that is as it has to be keeps its inode and its times; another one is replaced, never rewritten."""
    write(tmp_path, OLD, layout="flat")
    before = {name: os.stat(tmp_path / name) for name in OLD}
    change = write(tmp_path, NEW, layout="flat")
    assert change == Change(frozenset({"new/deep/er"}), frozenset({"app.env"}), frozenset({"tls/tls.key"}))
    after = os.stat(tmp_path / "tls/tls.crt")
    assert (after.st_ino, after.st_ctime_ns) == (before["tls/tls.crt"].st_ino, before["tls/tls.crt"].st_ctime_ns)
    assert os.stat(tmp_path / "app.env").st_ino != before["app.env"].st_ino
    assert visible(tmp_path) == wanted(NEW)
    assert leftovers(tmp_path) == []


def test_the_list_names_files_and_holds_no_value(tmp_path):
    """The list is for the owner only, and has names in it, nothing else."""
    write(tmp_path, OLD, layout="flat")
    assert stat.S_IMODE((tmp_path / "..files").stat().st_mode) == 0o600
    assert json.loads((tmp_path / "..files").read_text()) == {"files": sorted(OLD), "directories": ["tls"]}


def test_dropped_names_go_and_directories_with_them(tmp_path):
    """What is no longer asked for goes; a directory goes if we made it and nobody has put anything in."""
    (tmp_path / "users").mkdir()
    write(tmp_path, tree(users__a="1", ours__a="1", shared__a="1"), layout="flat")
    (tmp_path / "shared/theirs").write_text("t")
    write(tmp_path, {}, layout="flat")
    assert sorted(os.listdir(tmp_path)) == ["..lock", "shared", "users"]
    assert os.listdir(tmp_path / "shared") == ["theirs"]


def test_a_name_that_was_listed_once_is_not_ours_for_ever(tmp_path):
    """A file that was removed by hand and dropped since is not removed when somebody makes it anew."""
    write(tmp_path, tree(a="1", b="2"), layout="flat")
    (tmp_path / "b").unlink()
    write(tmp_path, tree(a="1"), layout="flat")
    (tmp_path / "b").write_text("theirs")
    write(tmp_path, tree(a="2"), layout="flat")
    assert (tmp_path / "b").read_text() == "theirs"


@pytest.mark.parametrize(("before", "after"), [(tree(a="1"), tree(a__b="2")), (tree(a__b="1"), tree(a="2"))])
def test_our_file_becomes_a_directory_and_back(tmp_path, before, after):
    """Between two sets a name of ours may change its kind."""
    write(tmp_path, before, layout="flat")
    write(tmp_path, after, layout="flat")
    assert visible(tmp_path) == wanted(after)
    assert leftovers(tmp_path) == []
    assert write(tmp_path, {}, layout="flat").removed == frozenset(after)
    assert os.listdir(tmp_path) == ["..lock"]


@pytest.mark.parametrize(
    ("make", "files", "named"),
    [
        (lambda root: (root / "a").mkdir(), tree(a="1"), "a: a directory"),
        (lambda root: (root / "a").write_text(""), tree(a__b="1"), "a: something that is no directory"),
        (lambda root: (root / "a").symlink_to("/"), tree(a__b="1"), "a: something that is no directory"),
    ],
)
def test_what_others_have_put_in_the_way_is_an_error(tmp_path, make, files, named):
    """A directory, or a file where a directory has to be, is not ours to remove; nothing is written."""
    make(tmp_path)
    before = fingerprint(tmp_path)
    with VolumeWriter(str(tmp_path), layout="flat") as writer, pytest.raises(OutputError, match=f"{tmp_path}/{named}"):
        writer.stage(tree(other="1") | files)
    assert before.keys() == fingerprint(tmp_path).keys()


def test_staging_flat_publishes_nothing(tmp_path):
    """Between `stage` and `publish` nothing visible is different, and after `abort` nothing at all is left."""
    write(tmp_path, OLD, layout="flat")
    names = set(fingerprint(tmp_path))
    list_before = (tmp_path / "..files").read_bytes()
    with VolumeWriter(str(tmp_path), layout="flat") as writer:
        staged = writer.stage(NEW)
        assert visible(tmp_path) == wanted(OLD)
        staged.abort()
        assert set(fingerprint(tmp_path)) == names
    assert (tmp_path / "..files").read_bytes() == list_before


def test_a_dead_writer_leaves_nothing_even_if_its_names_are_dropped(memory_path):
    """The list is ahead of the files: whatever a killed run had prepared goes, also under another config."""
    for at in itertools.count(1):
        root = memory_path / str(at)
        root.mkdir()
        died = dies(at, lambda root=root: publish(root, OLD, layout="flat"))
        write(root, tree(other="1"), layout="flat")
        assert (leftovers(root), visible(root)) == ([], wanted(tree(other="1")))
        assert sorted(os.listdir(root)) == ["..files", "..lock", "other"]
        if not died:
            break
    assert at > 20


@pytest.mark.parametrize(("first", "second"), [("swap", "flat"), ("flat", "swap")])
def test_changing_the_layout_changes_nothing_for_readers(tmp_path, first, second):
    """The same set in the other layout is no change, and nothing of the first layout is left."""
    (tmp_path / "theirs").write_text("t")
    theirs = {"theirs": visible(tmp_path)["theirs"]}
    write(tmp_path, OLD, layout=first)
    clock = Time()
    writer = VolumeWriter(str(tmp_path), layout=second, outside=clock.outside())
    assert not writer.stage(OLD).publish()
    assert visible(tmp_path) == wanted(OLD) | theirs
    writer.close()
    assert leftovers(tmp_path) == []
    other = tmp_path.parent / "other"
    write(other, OLD, layout=second)
    private = [sorted(name[:4] for name in os.listdir(root) if name.startswith("..")) for root in (tmp_path, other)]
    assert private[0] == private[1]


@pytest.mark.parametrize(("first", "second"), [("swap", "flat"), ("flat", "swap")])
def test_changing_the_layout_and_the_set_converges(tmp_path, first, second):
    """Names that are dropped together with the layout go too."""
    write(tmp_path, OLD, layout=first)
    assert write(tmp_path, NEW, layout=second).removed == {"tls/tls.key"}
    assert visible(tmp_path) == wanted(NEW)
    assert leftovers(tmp_path) == []
    write(tmp_path, {}, layout=second)
    assert visible(tmp_path) == {}


def test_a_flat_directory_with_files_of_others_does_not_become_a_link(tmp_path):
    """Leaving the flat layout never costs anybody a file: it is an error that names the directory."""
    write(tmp_path, OLD, layout="flat")
    (tmp_path / "tls/theirs").write_text("t")
    with pytest.raises(OutputError, match="tls: a directory with files of others"):
        write(tmp_path, OLD)
    assert (tmp_path / "tls/theirs").exists()
    assert visible(tmp_path).items() >= wanted(OLD).items()


def test_a_kept_file_leaves_no_trace_beside_it(tmp_path):
    """A single file in a directory of the user: no lock, no list; earlier files and those of others stay."""
    (tmp_path / "theirs").write_text("t")
    write(tmp_path, tree(a_env="1"), layout="flat", keep=True)
    change = write(tmp_path, tree(b_env="2"), layout="flat", keep=True)
    assert change == Change(added=frozenset({"b.env"}))
    assert sorted(os.listdir(tmp_path)) == ["a.env", "b.env", "theirs"]


def test_a_kept_file_can_live_in_a_swapped_volume(tmp_path):
    """It harms neither the set nor the links; a name of the set becomes a plain file until the set is written again."""
    write(tmp_path, OLD)
    write(tmp_path, tree(extra="x", app_env="by hand"), layout="flat", keep=True)
    assert visible(tmp_path) == wanted(OLD) | wanted(tree(extra="x", app_env="by hand"))
    assert write(tmp_path, OLD).updated == {"app.env"}
    assert visible(tmp_path) == wanted(OLD) | wanted(tree(extra="x"))


def test_two_kept_files_at_once_do_not_disturb_each_other(tmp_path):
    """Two runs may write into one directory at the same time; neither takes the other's file for an abandoned one."""
    one = VolumeWriter(str(tmp_path), layout="flat", keep=True)
    two = VolumeWriter(str(tmp_path), layout="flat", keep=True)
    staged = [one.stage(tree(a="1")), two.stage(tree(b="2"))]
    with VolumeWriter(str(tmp_path), layout="flat") as three:
        three.stage(tree(c="3")).publish()
    for each in staged:
        each.publish()
    one.close()
    two.close()
    assert visible(tmp_path) == wanted(tree(a="1", b="2", c="3"))
    assert leftovers(tmp_path) == []


def test_an_abandoned_kept_file_goes_with_the_next_one(tmp_path):
    """What a killed run had prepared in the directory is removed by the next run there, whatever it writes."""
    abandoned = tmp_path / "..tmp-0123456789abcdef"
    abandoned.write_text("secret")
    write(tmp_path, tree(b="2"), layout="flat", keep=True)
    assert sorted(os.listdir(tmp_path)) == ["b"]


def test_only_flat_volumes_can_be_kept(tmp_path):
    """In a swapped volume the set is all there is."""
    with pytest.raises(ValueError, match="flat"):
        VolumeWriter(str(tmp_path), keep=True)


def test_a_large_and_an_empty_file(tmp_path):
    """Sizes from nothing to megabytes, bytes of every value."""
    files = {"large": file(bytes(range(256)) * 20_000), "empty": file(b"")}
    for layout in ("flat", "swap"):
        write(tmp_path / layout, files, layout=layout)
        assert visible(tmp_path / layout) == wanted(files)
        assert not write(tmp_path / layout, files, layout=layout)
