"""Where outputs lie: their paths, the volumes that hold them, and what collides.

What does not belong here: what the outputs contain.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretfetch.errors import ConfigError
from secretfetch.names import path_fault, printable
from secretfetch.plan import Files, Volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from secretfetch.manifests.catalog import Surroundings
    from secretfetch.plan import FileOutput, Format, Origin

_SUFFIXES: dict[str, Format] = {
    ".env": "dotenv",
    ".sh": "shell",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".properties": "properties",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one output lies.

    Attributes:
        root: Absolute path of its volume.
        path: Below the volume; empty for the volume itself.
        directory: It is a directory of files.
        seen: Absolute path of the volume as an application sees it: without `--root`.
    """

    root: str
    path: str
    directory: bool
    seen: str


def format_of(path: str) -> Format | None:
    """Return the format that a file's name asks for; None is a raw file."""
    return next((kind for suffix, kind in _SUFFIXES.items() if path.endswith(suffix)), None)


def place(text: str, around: Surroundings, origin: Origin) -> Place:
    """Find the place of an output's `path`.

    Raises:
        ConfigError: The path leads out of the volume or holds what no name may hold.
    """
    directory = text.endswith("/")
    absolute = text.startswith("/")
    inner = text.strip("/") if absolute else text.rstrip("/")
    while inner.startswith("./"):
        inner = inner[2:]
    if inner == "." and directory:
        inner = ""
    if (fault := path_fault(inner)) and (inner or not directory):
        raise ConfigError(f'path "{printable(text)}" {fault}', where=str(origin))
    if not absolute:
        return Place(around.out, inner, directory, around.out)
    folder, name = ("/" + inner, "") if directory else ("/" + os.path.dirname(inner), os.path.basename(inner))
    return Place(os.path.normpath(around.root + folder) if around.root else folder, name, directory, folder)


def volumes(placed: Iterable[tuple[Place, FileOutput, str]]) -> Iterator[Volume]:
    """Group outputs by volume, in the order of their first output. The third of each is its layout, or nothing.

    Raises:
        ConfigError: Two outputs of one volume collide, or one volume lies where another has an output.
    """
    groups: dict[str, list[tuple[FileOutput, str]]] = {}
    for where, output, layout in placed:
        groups.setdefault(where.root, []).append((output, layout))
    for root, group in groups.items():
        outputs = tuple(output for output, _ in group)
        _check_collisions(outputs)
        _check_nesting(root, outputs, groups)
        flat = any(layout == "flat" for _, layout in group)
        yield Volume(root, outputs, "flat" if flat else "swap")


def _check_collisions(outputs: Sequence[FileOutput]) -> None:
    taken: dict[str, Origin] = {}
    for path, origin in (pair for output in outputs for pair in _paths(output)):
        other = _collision(path, taken)
        if other is not None:
            raise ConfigError(
                f'"{printable(path)}" collides with "{printable(other)}" of {taken[other]}',
                ("fix", "give one of them another path"),
                where=str(origin),
            )
        taken[path] = origin


def _collision(path: str, taken: dict[str, Origin]) -> str | None:
    """Return what a path collides with; a directory output is taken as its path and `/`."""
    if path in taken:
        return path
    for other in taken:
        if path.startswith(other + "/") or (other.startswith(path + "/")):
            return other
    return None


def _paths(output: FileOutput) -> Iterator[tuple[str, Origin]]:
    """Yield the paths that the config shows."""
    if not isinstance(output, Files):
        yield output.path, output.origin
        return
    yield f"{output.path}/", output.origin
    names = {entry.name for entry in (*output.entries.defaults, *output.entries.keys)}
    for name in sorted(names):
        yield f"{output.path}/{name}".removeprefix("/"), output.origin


def _check_nesting(root: str, outputs: Sequence[FileOutput], roots: Iterable[str]) -> None:
    for other in roots:
        below = os.path.relpath(other, root)
        if other == root or below.startswith(".."):
            continue
        top = below.split("/")[0]
        for output in outputs:
            if output.path.split("/")[0] == top:
                raise ConfigError(
                    f'the volume {other} lies inside of "{output.path}"',
                    ("fix", "give one of them another path, or a path relative to the same volume"),
                    where=str(output.origin),
                )
