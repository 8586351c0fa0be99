"""The files that a plan is read from, and whether they have changed since.

What does not belong here: what they say (`manifests`), and what follows a change (`watching`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretfetch.cli.options import DEFAULT_CONFIG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from secretfetch.cli.options import Globals
    from secretfetch.plan import Plan


class Inputs:
    """The config of a process that lives on while it is edited.

    A mounted ConfigMap changes by a link that is renamed, an editor writes in place or renames: whatever it is, inode,
    size or time of a file changes.

    Args:
        flags: Name the config.
        read: Reads it.
    """

    def __init__(self, flags: Globals, read: Callable[[Globals], Plan]) -> None:
        self._flags = flags
        self._read = read
        self._paths: tuple[str, ...] = flags.config or (DEFAULT_CONFIG,)
        self._files: tuple[str, ...] = ()
        self._seen: list[object] = []

    def read(self) -> Plan:
        """Read the config. What is there now is what `changed` compares with, also where it is wrong.

        Raises:
            ConfigError: It is wrong, or cannot be read.
        """
        self._seen = self._marks()
        plan = self._read(self._flags)
        self._files = plan.files
        self._seen = self._marks()
        return plan

    def changed(self) -> bool:
        """Tell whether any file is another one than when it was last read."""
        return self._marks() != self._seen

    def _marks(self) -> list[object]:
        return [_mark(path) for path in sorted({*_below(self._paths), *self._files})]


def _below(paths: Iterable[str]) -> Iterable[str]:
    for path in paths:
        yield path
        if os.path.isdir(path):
            yield from (entry.path for entry in os.scandir(path) if entry.name.endswith((".yaml", ".yml")))


def _mark(path: str) -> tuple[object, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return (path,)
    return path, found.st_ino, found.st_size, found.st_mtime_ns
