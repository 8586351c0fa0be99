"""The file operations of a volume: everything relative to an open directory, following no link, synced to disk.

They raise `OSError`; `trouble` makes it a message. What does not belong here: the names and the layout of a volume.

A directory that is passed around is an open file descriptor, so that nobody can put another one in its place. Paths
have been checked: they are relative, and no part is `..`.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from secretfetch.bundle import File
from secretfetch.sinks.tree import DIRECTORY_MODE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretfetch.sinks.tree import Branch

ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
"""How the root of a volume is opened: it is the one path that may lead through links."""
_BELOW = ROOT | os.O_NOFOLLOW
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_DIRECTORY = (errno.ENOTDIR, errno.ELOOP)


class OwnerRefusedError(OSError):
    """A file cannot be given away: only root may, and in a user namespace only to an id that is mapped (EINVAL)."""

    def __init__(self, number: int, owner: tuple[int, int]) -> None:
        super().__init__(number, os.strerror(number))
        self.owner = owner


@contextmanager
def directory(parent: int, path: str = "") -> Iterator[int]:
    """Open a directory below another one, part by part; the parent itself under an empty path."""
    fd = os.dup(parent)
    try:
        for part in path.split("/") if path else ():
            below = os.open(part, _BELOW, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def is_directory(parent: int, path: str) -> bool:
    """Whether there is a real directory, and no link on the way to it."""
    try:
        with directory(parent, path):
            return True
    except OSError:
        return False


def names(fd: int) -> list[str]:
    """Return the names in a directory."""
    with os.scandir(fd) as entries:
        return [entry.name for entry in entries]


def status(parent: int, name: str) -> os.stat_result | None:
    """Return what stands under a name, a link being a link; None: nothing."""
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None


def status_at(parent: int, path: str) -> os.stat_result | None:
    """Return what stands under a path; None: nothing, or no directory on the way to it."""
    above, _, name = path.rpartition("/")
    try:
        with directory(parent, above) as fd:
            return status(fd, name)
    except OSError:
        return None


def write_file(parent: int, name: str, file: File) -> None:
    """Create a file that is complete, with its final owner and mode, and on disk, before anybody knows its name."""
    fd = os.open(name, _CREATE, 0o600, dir_fd=parent)
    try:
        _write(fd, file.data)
        if file.owner is not None:
            _give(fd, file.owner)
        os.fchmod(fd, file.mode)
        os.fsync(fd)
    finally:
        os.close(fd)


def _give(fd: int, owner: tuple[int, int]) -> None:
    try:
        os.fchown(fd, *owner)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.EINVAL):
            raise
        raise OwnerRefusedError(error.errno, owner) from None


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def make_directory(parent: int, name: str, content: Branch) -> None:
    """Create a directory with all that it holds; closed to others until it is complete."""
    os.mkdir(name, 0o700, dir_fd=parent)
    with directory(parent, name) as fd:
        for below, node in content.items():
            if isinstance(node, File):
                write_file(fd, below, node)
            else:
                make_directory(fd, below, node)
        open_up(fd)
        sync(fd)


def special(root: int, path: str, *, links: bool) -> str | None:
    """Say what stands under a path that no file may replace: a device, pipe or socket; with `links` a link too."""
    found = status_at(root, path)
    if found is None or stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
        return None
    if stat.S_ISLNK(found.st_mode):
        return "a link" if links else None
    return "a device, pipe or socket"


def open_up(fd: int) -> None:
    """Give a directory its final mode. The setgid bit is inherited from the volume (`fsGroup`) and stays."""
    os.fchmod(fd, DIRECTORY_MODE | (os.fstat(fd).st_mode & stat.S_ISGID))


def sync(fd: int) -> None:
    """Put a directory on disk, where its file system can do that."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def put(parent: int, prepared: str, name: str, spare: Callable[[], str]) -> None:
    """Rename what is prepared over what stands under `name`: atomically, unless one is a directory and the other not.

    Args:
        parent: Where both names are.
        prepared: What is to be seen from now on.
        name: Where it is to be seen.
        spare: Makes a private name, for a directory that has to step aside first.
    """
    try:
        os.rename(prepared, name, src_dir_fd=parent, dst_dir_fd=parent)
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY):
            raise
        aside = spare()
        os.rename(name, aside, src_dir_fd=parent, dst_dir_fd=parent)
        try:
            os.rename(prepared, name, src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            with suppress(OSError):
                os.rename(aside, name, src_dir_fd=parent, dst_dir_fd=parent)
            raise
        remove(parent, aside)


def remove(parent: int, name: str) -> None:
    """Remove what stands under a name, if anything: a directory with all that is in it, a link and not its target."""
    try:
        with directory(parent, name) as fd:
            for below in names(fd):
                remove(fd, below)
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in _NO_DIRECTORY:
            raise
        os.unlink(name, dir_fd=parent)


def matches(parent: int, name: str, file: File, owner: tuple[int, int] | None) -> bool | None:
    """Compare a file with what it is to be.

    Args:
        parent: Where it is.
        name: What it is called there.
        file: What it is to be.
        owner: What `file` leaves open; None: it does not count.

    Returns:
        None if there is nothing under that name; False for whatever else is not the same, readable or not.
    """
    try:
        fd = os.open(name, _READ, dir_fd=parent)
    except FileNotFoundError:
        return None
    except OSError:
        return False
    try:
        return _same(fd, file, file.owner or owner)
    finally:
        os.close(fd)


def _same(fd: int, file: File, owner: tuple[int, int] | None) -> bool:
    found = os.fstat(fd)
    return (
        stat.S_ISREG(found.st_mode)
        and stat.S_IMODE(found.st_mode) == file.mode
        and owner in (None, (found.st_uid, found.st_gid))
        and found.st_size == len(file.data)
        and _read(fd, found.st_size) == file.data
    )


def _read(fd: int, size: int) -> bytes:
    parts = []
    while size > 0 and (part := os.read(fd, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_small(parent: int, name: str, most: int) -> bytes | None:
    """Return the content of a regular file, or None where there is no such file or it is larger than `most` bytes."""
    try:
        fd = os.open(name, _READ, dir_fd=parent)
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        return _read(fd, found.st_size) if stat.S_ISREG(found.st_mode) and found.st_size <= most else None
    finally:
        os.close(fd)
