"""One writer per volume. What does not belong here: what is written while the lock is held.

Two locks, both of `flock`, so that the kernel drops them when a process dies. The lock file is held by the one writer
of a volume. The root directory itself is shared by whoever has prepared files in it, and taken alone for the moment in
which abandoned ones are removed: single files are written into a directory of the user without leaving a lock file.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from secretfetch.errors import OutputError
from secretfetch.names import printable
from secretfetch.sinks import fsio
from secretfetch.sinks.layout import LOCK

if TYPE_CHECKING:
    from secretfetch.sinks.outside import Outside

_PAUSE = 0.05
_SHARE_TRIES = 100
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def acquire(root: int, path: str, outside: Outside) -> tuple[int, bool]:
    """Take the lock file of a volume, waiting for another writer.

    Returns:
        The lock, to be closed, and whether the file is new.

    Raises:
        OutputError: The other writer did not finish within `outside.lock_timeout`.
        OSError: The lock file cannot be opened.
    """
    deadline = outside.monotonic() + outside.lock_timeout
    while True:
        fd, new = _open(root, path)
        try:
            if _take(fd, fcntl.LOCK_EX) and _is_current(root, fd):
                return fd, new
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        if outside.monotonic() >= deadline:
            raise OutputError(
                f"cannot write to {printable(path, 400)}: another secretfetch is writing to it",
                ("waited", f"{outside.lock_timeout:g} seconds for {LOCK}"),
                ("fix", "let one secretfetch at a time write to a volume: its init container, then its sidecar"),
            )
        outside.sleep(_PAUSE)


def _open(root: int, path: str) -> tuple[int, bool]:
    try:
        return os.open(LOCK, _FLAGS, dir_fd=root), False
    except FileNotFoundError:
        pass
    except PermissionError:
        _refuse_foreign(root, path)
        raise
    try:
        fd = os.open(LOCK, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=root)
    except FileExistsError:  # another writer was faster
        return os.open(LOCK, _FLAGS, dir_fd=root), False
    try:
        os.fchmod(fd, 0o600)
    except BaseException:
        os.unlink(LOCK, dir_fd=root)
        os.close(fd)
        raise
    return fd, True


def _refuse_foreign(root: int, path: str) -> None:
    """Say so where only the lock is in the way: another user could not remove old generations either."""
    found = fsio.status(root, LOCK)
    if found is not None and found.st_uid != os.geteuid():
        raise OutputError(
            f"cannot write to {printable(path, 400)}: it was written by another user",
            ("process", f"uid {os.geteuid()}, gid {os.getegid()}"),
            (LOCK, f"uid {found.st_uid}, gid {found.st_gid}"),
            ("fix", "run every secretfetch that writes to a volume as the same user (securityContext.runAsUser)"),
        ) from None


def _take(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_current(root: int, fd: int) -> bool:
    """Whether the file that is locked is still the one of that name: a writer that gives up removes its new one."""
    try:
        named = os.stat(LOCK, dir_fd=root, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(named, os.fstat(fd))


def alone(root: int) -> bool:
    """Take the root directory for oneself, if nobody else has prepared files in it. `share` must follow."""
    try:
        return _take(root, fcntl.LOCK_EX)
    except OSError:  # a network file system may not know locks on directories: leave things alone then
        return False


def share(root: int, outside: Outside) -> None:
    """Tell others that files are being prepared in the root directory. They hold it alone for moments only."""
    try:
        for _ in range(_SHARE_TRIES):
            if _take(root, fcntl.LOCK_SH):
                return
            outside.sleep(_PAUSE)
    except OSError:
        return
