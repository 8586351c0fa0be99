"""Whether a volume is still as it was published, told without reading a file and without keeping a value.

A seal is a digest of what the kernel notes of each entry: a change of content, mode, owner or name changes a time, a
size or an inode of one of them. What does not belong here: repairing.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from secretfetch.sinks import fsio, layout
from secretfetch.sinks.tree import parents, top

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def seal(root: int, paths: Collection[str]) -> str:
    """Return the seal of the files at `paths` in the volume that is open as `root`; empty if one is not there."""
    from hashlib import sha256  # noqa: PLC0415 - start-up cost

    try:
        return sha256(repr(list(_marks(root, sorted(paths)))).encode()).hexdigest()
    except OSError:
        return ""


def _marks(root: int, paths: list[str]) -> Iterator[tuple[object, ...]]:
    swapped = fsio.status(root, layout.DATA) is not None
    if swapped:
        yield layout.DATA, os.readlink(layout.DATA, dir_fd=root)
    for name in sorted({top(path) for path in paths}):
        found = os.stat(name, dir_fd=root, follow_symlinks=False)
        yield name, found.st_ino, os.readlink(name, dir_fd=root) if stat.S_ISLNK(found.st_mode) else ""
    # Nobody but us puts anything into a generation; into a flat volume's directories others may.
    places = {layout.DATA} if swapped else set()
    for place in sorted(places.union(*(parents(path) for path in paths))):
        found = os.stat(place, dir_fd=root)
        yield place, found.st_mode, *((found.st_ino, found.st_mtime_ns) if swapped else ())
    for path in paths:
        found = os.stat(path, dir_fd=root)
        owner, times = (found.st_uid, found.st_gid), (found.st_mtime_ns, found.st_ctime_ns)
        yield path, found.st_ino, found.st_mode, *owner, found.st_size, *times


def weight(root: str, path: str) -> int:
    """Return how much a reader finds at a path: the bytes of a file, the names in a directory; 0 is nothing."""
    place = os.path.join(root, path)
    try:
        found = os.stat(place)
        if stat.S_ISDIR(found.st_mode):
            return len([name for name in os.listdir(place) if not name.startswith("..")])
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
