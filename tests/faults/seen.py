"""What a reader finds after a fault, and what a volume takes up. What does not belong here: making the fault."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sinks.volumes import visible, wanted

if TYPE_CHECKING:
    from pathlib import Path


def is_whole(root: Path, old: dict, new: dict, layout: str) -> bool:
    """Whether readers have what was promised: in a swapped volume one set, in a flat one files of one or the other."""
    sets = [wanted(old), wanted(new)]
    found = {path: _read(root / path) for path in old.keys() | new.keys()}
    found = {path: content for path, content in found.items() if content is not None}
    if not found.keys() >= old.keys() & new.keys():
        return False
    if layout == "flat":
        allowed = {path: {one[path][0] for one in sets if path in one} for path in found}
        return all(content in allowed[path] for path, content in found.items())
    data = root / "..data"
    pinned = visible(data) if data.exists() else {}
    # Links for new names are made after the swap, those of dropped ones removed after it: a name may be missing.
    return pinned in sets and all(content == pinned[path][0] for path, content in found.items())


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def state(above: Path) -> dict[str, tuple]:
    """Return every entry below a directory with its inode, mode and content: what a failed run may not change."""
    found: dict[str, tuple] = {}
    for folder, directories, names in os.walk(above):
        for path in (os.path.join(folder, name) for name in (*directories, *names)):
            status = os.lstat(path)
            content = os.readlink(path) if os.path.islink(path) else b""
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as source:
                    content = source.read()
            # The list of a flat volume may have been written and put back: the same content in another inode.
            inode = 0 if path.endswith("..files") else status.st_ino
            found[path] = (inode, status.st_mode, content)
    return found


def space(above: Path) -> tuple[int, int]:
    """Return the bytes and the inodes that everything below a directory takes up."""
    entries = [os.path.join(folder, name) for folder, *below in os.walk(above) for names in below for name in names]
    status = [os.lstat(path) for path in entries]
    return sum(one.st_blocks * 512 for one in status), len({one.st_ino for one in status})
