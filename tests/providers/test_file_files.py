"""Files and directories as secrets, and what is said when they cannot be."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from secretfetch_file import connect_file, files

from secretfetch.provider import (
    MAX_VALUE_BYTES,
    AccessDenied,
    ConfigError,
    DataError,
    NotFound,
    SecretRef,
    SecretValue,
    Unavailable,
    Unchanged,
)


def fetch(path, held=None, **more):
    ref = SecretRef("file", str(path), **more)
    return connect_file({}).fetch({ref: held})[ref]


@pytest.fixture
def as_nobody():
    """Give a context in which permissions count, whoever runs the tests."""

    class Nobody:
        uid = 65534 if os.geteuid() == 0 else os.geteuid()

        def __enter__(self):
            os.seteuid(self.uid)

        def __exit__(self, *_):
            os.seteuid(os.getuid())

    return Nobody()


@pytest.fixture
def open_folder(tmp_path):
    """Give a directory that everybody can reach."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            mode = folder.stat().st_mode & 0o7777
            folder.chmod(mode | 0o055)
    return tmp_path


class TestFile:
    def test_any_bytes_are_read(self, tmp_path):
        """A file is its bytes."""
        (tmp_path / "key.bin").write_bytes(b"\x00\xff\n")
        assert fetch(tmp_path / "key.bin").data == b"\x00\xff\n"

    def test_a_relative_path_is_below_the_working_directory(self, tmp_path, monkeypatch):
        """What the core leaves relative means what it means to every program."""
        (tmp_path / "note").write_bytes(b"x")
        monkeypatch.chdir(tmp_path)
        assert fetch("note").data == b"x"

    def test_an_unchanged_file_is_not_opened(self, tmp_path, monkeypatch):
        """Its times tell enough."""
        (tmp_path / "note").write_bytes(b"x")
        held = fetch(tmp_path / "note").version
        monkeypatch.setattr(files, "_open", lambda *_: pytest.fail("it was opened"))
        assert fetch(tmp_path / "note", held) == Unchanged()

    def test_a_replaced_file_of_the_same_size_and_time_is_changed(self, tmp_path):
        """A rename over it gives another inode."""
        path, other = tmp_path / "note", tmp_path / "other"
        path.write_bytes(b"old")
        held = fetch(path).version
        other.write_bytes(b"new")
        os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
        other.rename(path)
        assert fetch(path, held).data == b"new"

    def test_a_version_does_not_show_the_size(self, tmp_path):
        """A version may be shown; the length of a password should not be."""
        path = tmp_path / "note"
        path.write_bytes(b"x" * 123457)
        version = fetch(path).version
        assert len(version) == 16
        assert "123457" not in version
        assert f"{123457:x}" not in version

    def test_a_link_is_followed(self, tmp_path):
        """A mounted Secret is made of links; a swap of what they lead to is a change."""
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "key").write_bytes(name.encode())
        (tmp_path / "..data").symlink_to("one")
        (tmp_path / "key").symlink_to("..data/key")
        first = fetch(tmp_path / "key")
        (tmp_path / "..tmp").symlink_to("two")
        (tmp_path / "..tmp").rename(tmp_path / "..data")
        assert (first.data, fetch(tmp_path / "key", first.version).data) == (b"one", b"two")

    def test_a_file_that_is_replaced_while_it_is_read_is_read_again(self, tmp_path, monkeypatch):
        """The version always belongs to the content."""
        path = tmp_path / "note"
        path.write_bytes(b"old")
        opened = files._open

        def replace_once(name, flags):
            monkeypatch.setattr(files, "_open", opened)
            (tmp_path / "new").write_bytes(b"newer")
            (tmp_path / "new").rename(path)
            return opened(name, flags)

        monkeypatch.setattr(files, "_open", replace_once)
        value = fetch(path)
        assert value.data == b"newer"
        assert fetch(path, value.version) == Unchanged()

    def test_a_file_that_never_rests_is_unavailable(self, tmp_path, monkeypatch):
        """After some tries it is left to the retries of the core."""
        path = tmp_path / "log"
        path.write_bytes(b"")
        opened = files._open

        def grow(name, flags):
            path.write_bytes(path.read_bytes() + b"x")
            return opened(name, flags)

        monkeypatch.setattr(files, "_open", grow)
        assert isinstance(fetch(path), Unavailable)


class TestDirectory:
    def test_it_is_an_object_of_its_files(self, tmp_path):
        """Compact JSON, names sorted, contents verbatim; directories and what is no file are left out."""
        (tmp_path / "b").write_text("2\n")
        (tmp_path / "a").write_text('ä"')
        (tmp_path / ".hidden").write_text("")
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "c").write_text("3")
        os.mkfifo(tmp_path / "pipe")
        assert fetch(tmp_path).data.decode() == '{".hidden":"","a":"ä\\"","b":"2\\n"}'

    def test_an_empty_one_is_an_empty_object(self, tmp_path):
        """It is there, with nothing in it."""
        assert fetch(f"{tmp_path}/").data == b"{}"

    def test_a_mounted_secret_shows_no_machinery(self, tmp_path):
        """Names that begin with two dots are how the kubelet swaps, not what it holds."""
        (tmp_path / "..2024").mkdir()
        (tmp_path / "..2024" / "user").write_text("me")
        (tmp_path / "..data").symlink_to("..2024")
        (tmp_path / "..note").write_text("x")
        (tmp_path / "user").symlink_to("..data/user")
        assert fetch(tmp_path).data == b'{"user":"me"}'

    @pytest.mark.parametrize("change", ["add", "remove", "write", "rename"])
    def test_any_change_below_is_a_change(self, tmp_path, change):
        """Added, removed, rewritten or renamed: the version is another one."""
        for name in ("a", "b"):
            (tmp_path / name).write_text("same")
        value = fetch(tmp_path)
        assert fetch(tmp_path, value.version) == Unchanged()
        {
            "add": lambda: (tmp_path / "c").write_text(""),
            "remove": (tmp_path / "b").unlink,
            "write": lambda: (tmp_path / "b").write_text("other"),
            "rename": lambda: (tmp_path / "b").rename(tmp_path / "c"),
        }[change]()
        after = fetch(tmp_path, value.version)
        assert isinstance(after, SecretValue)
        assert (after.version, after.data) != (value.version, value.data)

    def test_a_change_while_it_is_read_is_read_again(self, tmp_path, monkeypatch):
        """An object never mixes two states."""
        (tmp_path / "a").write_text("1")
        opened = files._open

        def add_once(name, flags):
            monkeypatch.setattr(files, "_open", opened)
            (tmp_path / "b").write_text("2")
            return opened(name, flags)

        monkeypatch.setattr(files, "_open", add_once)
        assert fetch(tmp_path).data == b'{"a":"1","b":"2"}'

    def test_binary_content_is_told_with_its_file(self, tmp_path):
        """JSON holds text; the file itself can still be referred to."""
        (tmp_path / "a").write_text("1")
        (tmp_path / "key.p12").write_bytes(b"\xffcanary")
        outcome = fetch(tmp_path)
        assert isinstance(outcome, DataError)
        assert f'"{tmp_path}/key.p12" is not UTF-8 text' in str(outcome)
        assert (outcome.__cause__, outcome.__context__) == (None, None)

    def test_a_dead_link_is_told(self, tmp_path):
        """A key that vanished from under its link is a fault of the directory, not a missing secret."""
        (tmp_path / "a").symlink_to("nowhere")
        outcome = fetch(tmp_path)
        assert isinstance(outcome, DataError)
        assert f'"{tmp_path}/a" is a link that leads nowhere' in str(outcome)

    def test_a_name_that_is_not_text_is_told(self, tmp_path):
        """It cannot be a key of JSON."""
        with open(os.fsencode(tmp_path) + b"/\xff", "w"):
            pass
        outcome = fetch(tmp_path)
        assert isinstance(outcome, DataError)
        assert str(outcome) == f'"{tmp_path}" holds a file whose name is not UTF-8'


class TestFailures:
    def test_a_missing_file_is_told_with_near_names(self, tmp_path):
        """Names from the same directory."""
        (tmp_path / "app.json").write_text("{}")
        outcome = fetch(tmp_path / "ap.json")
        assert isinstance(outcome, NotFound)
        assert str(outcome) == f'there is no file "{tmp_path}/ap.json"'
        assert outcome.notes == (("meant", '"app.json"?'),)

    @pytest.mark.parametrize("below", ["x", "x/y/z"])
    def test_a_missing_directory_is_told(self, tmp_path, below):
        """The first directory that is not there, however deep the path."""
        outcome = fetch(tmp_path / "lost" / below)
        assert isinstance(outcome, NotFound)
        assert outcome.notes == (("note", f'there is no directory "{tmp_path}/lost" either'),)

    def test_a_dead_link_is_told_with_its_target(self, tmp_path):
        """The file is not there; the link is."""
        (tmp_path / "key").symlink_to("../elsewhere")
        outcome = fetch(tmp_path / "key")
        assert isinstance(outcome, NotFound)
        assert outcome.notes == (("note", 'it is a link to "../elsewhere", which is not there'),)

    @pytest.mark.parametrize("what", ["file", "directory", "in a directory", "behind a directory"])
    def test_a_denied_file_is_told_with_both_sides(self, open_folder, as_nobody, what):
        """Who asks, and whose permissions are in the way: the file's or a directory's."""
        folder = open_folder / "folder"
        folder.mkdir(mode=0o755)
        path = folder / "key"
        path.write_bytes(b"x")
        path.chmod(0o644)
        closed = path if what in ("file", "in a directory") else folder
        asked = folder if what in ("directory", "in a directory") else path
        if os.getuid() != 0:
            closed.chmod(0o000)
        else:
            closed.chmod(0o700 if closed == folder else 0o600)
        try:
            with as_nobody:
                outcome = fetch(asked)
        finally:
            mode = closed.stat().st_mode & 0o777
            folder.chmod(0o755)
        assert isinstance(outcome, AccessDenied)
        assert outcome.notes[0] == ("you are", f"uid {as_nobody.uid}, gid {os.getegid()}")
        label = "the file" if closed == path else "the directory"
        assert outcome.notes[1] == (label, f'"{closed}" has mode {mode:04o}, uid {os.getuid()}, gid {os.getgid()}')

    def test_a_path_through_a_file_is_told(self, tmp_path):
        """It is not there, and the message says why it cannot be."""
        (tmp_path / "app.json").write_text("{}")
        outcome = fetch(tmp_path / "app.json" / "user")
        assert isinstance(outcome, NotFound)
        assert "goes through something that is no directory" in str(outcome)

    def test_a_circle_of_links_is_told(self, tmp_path):
        """And not followed for ever."""
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        outcome = fetch(tmp_path / "a")
        assert isinstance(outcome, DataError)
        assert "in a circle" in str(outcome)

    def test_what_is_no_file_is_never_opened(self, tmp_path, monkeypatch):
        """A named pipe would hang, a device may act on it."""
        monkeypatch.setattr(files, "_open", lambda *_: pytest.fail("it was opened"))
        os.mkfifo(tmp_path / "pipe")
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("sock")
            outcomes = [fetch(path) for path in ("pipe", "sock", "/dev/zero")]
        assert [type(outcome) for outcome in outcomes] == [DataError] * 3
        assert [str(outcome).split(", ")[0] for outcome in outcomes] == [
            '"pipe" is a named pipe',
            '"sock" is a socket',
            '"/dev/zero" is a device',
        ]

    def test_a_pipe_that_takes_a_files_place_does_not_hang(self, tmp_path, monkeypatch):
        """Its kind is looked at again after it was opened."""
        path = tmp_path / "note"
        path.write_bytes(b"x")
        opened = files._open

        def swap(name, flags):
            path.unlink()
            os.mkfifo(path)
            return opened(name, flags)

        monkeypatch.setattr(files, "_open", swap)
        assert isinstance(fetch(path), DataError)

    @pytest.mark.parametrize("spread", [False, True])
    def test_a_value_has_a_largest_size(self, tmp_path, spread):
        """8 MiB in one file, or in all files of a directory together."""
        half = MAX_VALUE_BYTES // 2 + 1
        for name in ("a", "b") if spread else ("a",):
            with (tmp_path / name).open("wb") as file:
                file.truncate(half if spread else MAX_VALUE_BYTES + 1)
        outcome = fetch(tmp_path if spread else tmp_path / "a")
        assert isinstance(outcome, DataError)
        assert "is larger than 8 MiB" in str(outcome)

    def test_a_broken_disk_may_heal(self, tmp_path, monkeypatch):
        """An error that says nothing about the file is worth a retry."""
        (tmp_path / "note").write_bytes(b"x")

        def fail(path, _):
            raise OSError(5, "Input/output error", path)

        monkeypatch.setattr(files, "_open", fail)
        outcome = fetch(tmp_path / "note")
        assert isinstance(outcome, Unavailable)
        assert str(outcome) == f'"{tmp_path}/note" cannot be read: Input/output error'

    @pytest.mark.parametrize("path", ["", "a\0b", "\ud800"])
    def test_a_path_that_cannot_be_is_an_error_of_the_config(self, path):
        """No file system has such a name."""
        assert isinstance(fetch(path), ConfigError)

    @pytest.mark.parametrize(
        ("more", "named"), [({"version": "3"}, "version"), ({"params": (("recursive", "true"),)}, "recursive")]
    )
    def test_a_file_has_no_versions_and_takes_no_parameters(self, tmp_path, more, named):
        """What cannot be meant is an error of the config that names it."""
        outcome = fetch(tmp_path, **more)
        assert isinstance(outcome, ConfigError)
        assert f'takes no "{named}"' in str(outcome)
