"""What the system says, in words that help: `OSError` to `OutputError`. What does not belong here: handling it."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from secretfetch.errors import OutputError
from secretfetch.names import printable
from secretfetch.sinks.fsio import OwnerRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_REASONS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "operation not permitted",
    errno.EROFS: "read-only file system",
    errno.ENOSPC: "no space left",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENOTDIR: "a file is in the way of a directory",
    errno.EEXIST: "something of that name is in the way",
    errno.EISDIR: "a directory is in the way",
    errno.ENOTEMPTY: "a directory is in the way",
    errno.ELOOP: "a symbolic link is in the way",
    errno.EBUSY: "it is a mount point",
    errno.EXDEV: "a part of it is another file system",
    errno.EMFILE: "too many open files",
    errno.EIO: "input/output error",
}
_MOVE = (("fix", "move it away, or choose another path"),)
_ROOM = (
    ("fix", "Kubernetes: raise the volume's sizeLimit; for `medium: Memory` the container's memory limit counts too"),
    ("fix", "elsewhere: free some space"),
)
_FIXES = {
    errno.EROFS: (
        ("fix", "Kubernetes: mount the volume without `readOnly: true` in this container (others may have it)"),
        ("fix", 'Docker: mount without ":ro"; under --read-only give the directory a volume or --tmpfs'),
    ),
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.ENOTDIR: _MOVE,
    errno.EEXIST: _MOVE,
    errno.EISDIR: _MOVE,
    errno.ENOTEMPTY: _MOVE,
    errno.ELOOP: _MOVE,
    errno.EPERM: (("fix", "a file system without links or modes cannot be swapped: try `layout: flat`"),),
    errno.EBUSY: (("fix", "mount the volume as a directory: a single file that is mounted cannot be replaced"),),
    errno.EMFILE: (("fix", "raise the limit of open files (`ulimit -n`): 64 is enough, more with many stores"),),
    errno.EXDEV: (("fix", "give what lies on the other file system an output with an absolute path"),),
}


@contextmanager
def told(root: str, verb: str = "write to") -> Iterator[None]:
    """Turn every `OSError` inside into an `OutputError` about the volume at `root`."""
    try:
        yield
    except OSError as error:
        raise output_error(error, root, verb) from None


@contextmanager
def about(path: str) -> Iterator[None]:
    """Let every `OSError` inside be about `path`, relative to the volume, whatever private name the call was given."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = path, None
        raise


def output_error(error: OSError, root: str, verb: str = "write to") -> OutputError:
    """Describe a failed call: what, why, who we are, whose the directory is, and what helps."""
    if isinstance(error, OwnerRefusedError):
        return _owner_refused(error, root)
    path = _path(error, root)
    reason = _REASONS.get(error.errno or 0) or (error.strerror or "unknown error").lower()
    if error.errno == errno.ENOTDIR and (blocker := _blocker(path)):
        path, reason = blocker, "it is not a directory"
    return OutputError(
        f"cannot {verb} {printable(path, 400)}: {reason}",
        ("process", f"uid {os.geteuid()}, gid {os.getegid()}"),
        *_directory(path),
        *_fixes(error.errno),
    )


def _owner_refused(error: OwnerRefusedError, root: str) -> OutputError:
    uid, gid = error.owner
    reason = "there is no such id in this user namespace" if error.errno == errno.EINVAL else _REASONS[errno.EPERM]
    return OutputError(
        f"cannot give files in {printable(root, 400)} to uid {uid}, gid {gid}: {reason}",
        ("process", f"uid {os.geteuid()}, gid {os.getegid()}"),
        (
            "fix",
            "run as root with CAP_CHOWN; or leave `owner` out: with fsGroup the mode 0440 lets the application read",
        ),
    )


def in_the_way(root: str, path: str, what: str) -> OutputError:
    """Describe something that is not secretfetch's to replace."""
    return OutputError(f"cannot write {printable(_join(root, path), 400)}: {what} is in the way", *_MOVE)


def _path(error: OSError, root: str) -> str:
    named = error.filename
    if not isinstance(named, str) or named.startswith(".."):
        return root  # no name, or a private one that tells nobody anything
    return named if named.startswith("/") else _join(root, named)


def _join(root: str, path: str) -> str:
    return f"{root.rstrip('/')}/{path}"


def _fixes(number: int | None) -> tuple[tuple[str, str], ...]:
    if number == errno.EACCES:
        return (
            ("fix", f"Kubernetes: pod securityContext.fsGroup: {os.getegid()}"),
            ("fix", f'Docker: add -u "$(id -u):$(id -g)", or chown {os.geteuid()} the host directory'),
        )
    return _FIXES.get(number or 0, ())


def _directory(path: str) -> tuple[tuple[str, str], ...]:
    """Tell whose the nearest directory is that exists."""
    from pathlib import Path  # noqa: PLC0415 - 5 ms, needed only when something is wrong already

    for above in (Path(path), *Path(path).parents):
        with suppress(OSError):
            found = above.stat()
            if stat.S_ISDIR(found.st_mode):
                shown = f"uid {found.st_uid}, gid {found.st_gid}, mode {stat.S_IMODE(found.st_mode):04o}"
                return (("directory", f"{printable(str(above), 400)}: {shown}"),)
    return ()


def _blocker(path: str) -> str:
    """Return the outermost part of a path that is there and no directory."""
    from pathlib import Path  # noqa: PLC0415 - 5 ms, needed only when something is wrong already

    with suppress(OSError):
        for part in (*reversed(Path(path).parents), Path(path)):
            if (part.is_symlink() or part.exists()) and not part.is_dir():
                return str(part)
    return ""
