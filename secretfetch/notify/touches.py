"""A file that gets a new time. What does not belong here: who looks at it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from secretfetch.errors import HookFailed

if TYPE_CHECKING:
    from secretfetch.plan import TouchHook

_MODE = 0o644
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def touch(hook: TouchHook) -> None:
    """Set the time of a file to now, making it, but not the directories above it, where it is missing.

    Raises:
        HookFailed: It cannot be done, or a link, device or directory has that name.
    """
    folder, name = os.path.split(hook.path)
    try:
        place = os.open(folder, _DIRECTORY)
        try:
            _touch(place, name)
        finally:
            os.close(place)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise HookFailed(
            f"cannot touch {hook.path}: {reason}", ("fix", "give the path of a plain file in a directory that exists")
        ) from None


def _touch(place: int, name: str) -> None:
    try:
        fd = os.open(name, _FILE, dir_fd=place)
    except FileNotFoundError:
        fd = os.open(name, _FILE | os.O_CREAT | os.O_EXCL, _MODE, dir_fd=place)
        os.fchmod(fd, _MODE)  # whatever the umask is
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(22, os.strerror(22))
        os.utime(fd)
    finally:
        os.close(fd)
