"""What the operating system's errors mean for a reader of secrets. What does not belong here: reading."""

from __future__ import annotations

import errno
import os
import stat

from secretfetch.provider import AccessDenied, DataError, NotFound, SecretError, Unavailable, meant

_UNUSABLE = {
    errno.ELOOP: "is a link that leads in a circle",
}


def failure_of(path: str, error: OSError) -> SecretError:
    """Return what to tell about a path that could not be read.

    Args:
        path: As it was asked for.
        error: What happened to it, or to a file below it.
    """
    at = error.filename if isinstance(error.filename, str) else path
    if isinstance(error, FileNotFoundError):
        return NotFound(f'there is no file "{at}"', *_hints(at))
    if isinstance(error, NotADirectoryError):
        return NotFound(f'there is no file "{at}": the path goes through something that is no directory')
    if error.errno == errno.ENAMETOOLONG:
        return NotFound(f'there is no file "{at}": no name can be as long')
    if isinstance(error, PermissionError):
        return AccessDenied(
            f'no permission to read "{at}"',
            ("you are", f"uid {os.geteuid()}, gid {os.getegid()}"),
            *_barrier(at),
        )
    if error.errno in _UNUSABLE:
        return DataError(f'"{at}" {_UNUSABLE[error.errno]}')
    return Unavailable(f'"{at}" cannot be read: {os.strerror(error.errno or errno.EIO)}')


def _hints(path: str) -> tuple[tuple[str, str], ...]:
    """Say what is nearly there: the end of a link, the last directory that exists, files of a similar name."""
    if os.path.islink(path):
        return (("note", f'it is a link to "{os.readlink(path)}", which is not there'),)
    above, name = os.path.split(path.rstrip("/"))
    if not os.path.isdir(above or "."):
        while (further := os.path.dirname(above)) and not os.path.isdir(further):
            above = further
        return (("note", f'there is no directory "{above}" either'),)
    try:
        return meant(name, os.listdir(above or "."))
    except OSError:
        return ()


def _barrier(path: str) -> tuple[tuple[str, str], ...]:
    """Say whose permissions are in the way: those of the file, or of the first directory that cannot be entered."""
    inner = path
    while True:
        try:
            status = os.stat(inner)
        except OSError:
            outer = os.path.dirname(inner)
            if outer in ("", inner):
                return ()
            inner = outer
            continue
        what = "the directory" if stat.S_ISDIR(status.st_mode) else "the file"
        mode = stat.S_IMODE(status.st_mode)
        return ((what, f'"{inner}" has mode {mode:04o}, uid {status.st_uid}, gid {status.st_gid}'),)
