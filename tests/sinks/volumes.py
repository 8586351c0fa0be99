"""What the tests of volumes share: time in the hand, faults at any system call, and what a reader sees."""

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from secretfetch.sinks.layout import DATA, LISTING, LOCK, STATE, STATUS
from secretfetch.sinks.volume import File, Outside, VolumeWriter

MUTATING = (
    "chmod", "fchmod", "fchown", "fsync", "mkdir", "rename", "replace", "rmdir", "symlink", "unlink", "write",
)  # fmt: skip
"""Every function of `os` by which a volume is changed; creating a file is told by its flags."""


def file(data: str | bytes, mode: int = 0o440, owner: tuple[int, int] | None = None) -> File:
    return File(data.encode() if isinstance(data, str) else data, mode, owner)


def tree(**files: str) -> dict[str, File]:
    """Make a tree of texts; `__` stands for `/` and `_` for `.` in the names."""
    return {name.replace("__", "/").replace("_", "."): file(text) for name, text in files.items()}


class _Handle:
    def __init__(self, entry: list) -> None:
        self.entry = entry

    def cancel(self) -> None:
        self.entry[1] = lambda: None


class Time:
    """A clock that only moves when told, and timers that only fire then."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.timers: list[tuple[float, object]] = []
        self.on_sleep = lambda: None

    def outside(self, **more) -> Outside:
        return Outside(
            wall=lambda: time.time() + self.passed,
            monotonic=lambda: self.passed,
            sleep=self.sleep,
            later=self.later,
            **more,
        )

    def later(self, seconds, function):
        entry = [self.passed + seconds, function]
        self.timers.append(entry)

        return _Handle(entry)

    def sleep(self, seconds: float) -> None:
        self.passed += seconds
        self.on_sleep()

    def advance(self, seconds: float) -> None:
        self.passed += seconds
        due = [entry for entry in self.timers if entry[0] <= self.passed]
        self.timers = [entry for entry in self.timers if entry[0] > self.passed]
        for _, function in due:
            function()


def write(root, files, **options) -> object:
    """Publish a tree the way a run does, from opening to closing, in no time; return the change."""
    clock = Time()
    clock.passed = 1000.0  # whatever an earlier writer left is old by now
    with VolumeWriter(str(root), outside=clock.outside(), **options) as writer:
        return writer.stage(files).publish()


def visible(root) -> dict[str, tuple[bytes, int]]:
    """Return what a reader finds: every file, through links, whose name does not begin with two dots."""
    found = {}
    for above, directories, names in os.walk(root, followlinks=True):
        directories[:] = [name for name in directories if not name.startswith("..")]
        for name in names:
            if not name.startswith(".."):
                path = Path(above) / name
                found[str(path.relative_to(root))] = (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
    return found


def wanted(files) -> dict[str, tuple[bytes, int]]:
    """Return what a reader is to find of a tree."""
    return {path: (item.data, item.mode) for path, item in files.items()}


def leftovers(root) -> list[str]:
    """Return every private name that is neither live nor part of the layout, at any depth, and dead links."""
    root = Path(root)
    live = os.readlink(root / DATA) if (root / DATA).is_symlink() else ""
    found = []
    for above, directories, names in os.walk(root):
        for name in (*directories, *names):
            path = Path(above) / name
            known = name in (DATA, LOCK, LISTING, STATE, STATUS, live) and above == str(root)
            if (name.startswith("..") and not known) or not path.exists():
                found.append(str(path.relative_to(root)))
    return found


def fingerprint(root) -> dict[str, tuple]:
    """Return everything that touching a volume would change, of every entry down to the root itself."""
    found = {}
    for above, directories, names in os.walk(root):
        for path in (above, *(os.path.join(above, name) for name in (*directories, *names))):
            status = os.lstat(path)
            text = os.readlink(path) if stat.S_ISLNK(status.st_mode) else None
            found[path] = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_mode, status.st_size, text)
    return found


class Killed(BaseException):
    """The process is dead: no handler may do anything more to the disk."""


class Calls:
    """Counts the calls that change a disk, and has one of them go wrong."""

    def __init__(self, at: int = 0, number: int = 0) -> None:
        self.at = at
        self.number = number
        self.count = 0
        self.seen: list[str] = []

    def before(self, name: str) -> None:
        self.count += 1
        self.seen.append(name)
        if self.number:
            if self.count == self.at:
                raise OSError(self.number, os.strerror(self.number))
        elif self.at and self.count >= self.at:
            raise Killed(name)

    @contextmanager
    def watched(self, monkeypatch):
        """Watch every call inside: fail one (`number` is an errno), or die at one (no `number`)."""
        with monkeypatch.context() as patch:
            for name in MUTATING:
                patch.setattr(os, name, self._wrap(name, getattr(os, name)))
            patch.setattr(os, "open", self._wrap_open(os.open))
            yield self

    def _wrap(self, name, call):
        def wrapped(*args, **kwargs):
            self.before(name)
            return call(*args, **kwargs)

        return wrapped

    def _wrap_open(self, call):
        def wrapped(path, flags, *args, **kwargs):
            if flags & os.O_CREAT:
                self.before("create")
            return call(path, flags, *args, **kwargs)

        return wrapped


def dies(at: int, action) -> bool:
    """Run something that writes a volume, and kill it before its `at`-th call that changes the disk.

    Returns:
        Whether it died; its open files are closed, and so its locks gone, as a dead process's are.
    """
    before = _open_files()
    try:
        with pytest.MonkeyPatch.context() as monkeypatch, Calls(at).watched(monkeypatch):
            action()
    except Killed:
        for fd in _open_files() - before:
            os.close(fd)
        return True
    return False


def _open_files() -> set[int]:
    # The listing has a file open itself, so the list is checked after it is closed.
    return {int(name) for name in (os.listdir("/proc/self/fd")) if Path(f"/proc/self/fd/{name}").is_symlink()}


def publish(root, files, **options) -> None:
    """Publish a tree like `write`, from within a process that may die: nothing is cleaned up by leaving a block."""
    writer = VolumeWriter(str(root), outside=Time().outside(), **options)
    writer.stage(files).publish()
    writer.close()
