"""Private notes in a volume, from one secretfetch to the next. What does not belong here: what they say.

Others may be able to write to the volume: a note counts only if it is a regular file of ours, closed to
all others.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from secretfetch.bundle import File
from secretfetch.sinks import fsio

if TYPE_CHECKING:
    from secretfetch.sinks.hold import Hold

_MODE = 0o600
_MAX_BYTES = 4 * 1024 * 1024


def read(root: str, name: str) -> bytes | None:
    """Return a note of the volume at `root`; None: there is none, or it is not ours. No lock is needed."""
    try:
        fd = os.open(root, fsio.ROOT)
    except OSError:
        return None
    try:
        found = fsio.status(fd, name)
        if found is None or found.st_uid != os.geteuid() or found.st_mode & 0o777 != _MODE:
            return None
        return fsio.read_small(fd, name, _MAX_BYTES)
    finally:
        os.close(fd)


def write(hold: Hold, name: str, content: bytes) -> None:
    """Replace a note.

    Raises:
        OSError: It cannot be written. Nothing is left of the attempt.
    """
    temporary = hold.spare()
    try:
        fsio.write_file(hold.fd, temporary, File(content, _MODE))
        os.rename(temporary, name, src_dir_fd=hold.fd, dst_dir_fd=hold.fd)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=hold.fd)
        raise
