"""Which files of a flat volume are secretfetch's own, so that they can go when they are dropped.

The list is a file in the volume, and others may be able to write there: whatever it says is checked like any name.
What does not belong here: publishing files.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretfetch.bundle import File
from secretfetch.names import path_fault
from secretfetch.sinks import fsio
from secretfetch.sinks.layout import LISTING
from secretfetch.sinks.tree import parents

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Listing:
    """What secretfetch has made in a flat volume, by relative path."""

    files: frozenset[str] = frozenset()
    directories: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.files or self.directories)

    def __or__(self, other: Listing) -> Listing:
        return Listing(self.files | other.files, self.directories | other.directories)

    def all_directories(self) -> frozenset[str]:
        """Return every directory that a listed file is in, whoever made it."""
        return self.directories.union(*(parents(path) for path in self.files))


def read(root: int) -> Listing | None:
    """Return the list of a volume; None: it has none, or not a sound one."""
    data = fsio.read_small(root, LISTING, _MAX_BYTES)
    if data is None:
        return None
    import json  # noqa: PLC0415 - only flat volumes have a list

    try:
        content = json.loads(data)
        return Listing(_paths(content["files"]), _paths(content["directories"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _paths(names: Iterable[object]) -> frozenset[str]:
    return frozenset(name for name in names if isinstance(name, str) and not path_fault(name))


def write(root: int, listing: Listing, temporary: str) -> None:
    """Put another list in place of the old one; an empty one is no file at all."""
    if not listing:
        with suppress(FileNotFoundError):
            os.unlink(LISTING, dir_fd=root)
        return
    import json  # noqa: PLC0415 - only flat volumes have a list

    content = {"files": sorted(listing.files), "directories": sorted(listing.directories)}
    try:
        fsio.write_file(root, temporary, File(json.dumps(content, indent=0).encode(), 0o600))
        os.rename(temporary, LISTING, src_dir_fd=root, dst_dir_fd=root)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=root)
        raise


def drop(root: int, dropped: Listing) -> None:
    """Remove files, and those of the directories that are empty then. What is something else by now is left."""
    for path in sorted(dropped.files):
        parent, _, name = path.rpartition("/")
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError), fsio.directory(root, parent) as fd:
            os.unlink(name, dir_fd=fd)
            fsio.sync(fd)
    for path in sorted(dropped.directories, reverse=True):
        parent, _, name = path.rpartition("/")
        # Not empty: somebody else's files are in it, and it stays.
        with suppress(OSError), fsio.directory(root, parent) as fd:
            os.rmdir(name, dir_fd=fd)
