"""What a volume is to hold: the frozen types of the volume sink. What does not belong here: any look at a disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from secretfetch.bundle import File
from secretfetch.errors import DataError
from secretfetch.names import path_conflicts, path_fault, printable

DIRECTORY_MODE = 0o755

Tree: TypeAlias = Mapping[str, File]
"""Every file of a volume by its relative path, `/` between the parts. Directories are those that files need."""

Branch: TypeAlias = dict[str, "File | Branch"]
"""The same tree, one dictionary per directory."""


def check(tree: Tree) -> None:
    """Refuse a tree that no volume can hold, whoever made it.

    Raises:
        DataError: A path is no path below the root, or two paths are in each other's way.
    """
    for path in tree:
        if (fault := path_fault(path)) != "":
            raise DataError(f'the file name "{printable(path)}" {fault}')
    if (pair := path_conflicts(tree)) is not None:
        raise DataError(f'"{printable(pair[0])}" cannot be a file and the directory of "{printable(pair[1])}"')


def branches(tree: Tree) -> Branch:
    """Return the tree as nested dictionaries, each in the order of its names."""
    root: Branch = {}
    for path, file in sorted(tree.items()):
        *parents, name = path.split("/")
        branch = root
        for parent in parents:
            below = branch.setdefault(parent, {})
            assert isinstance(below, dict), path  # noqa: S101 - `check` has refused it
            branch = below
        branch[name] = file
    return root


def top(path: str) -> str:
    """Return the first part of a path: what is seen of it in the root of the volume."""
    return path.partition("/")[0]


def parents(path: str) -> list[str]:
    """Return the directories above a path, the outermost first, the root left out."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
