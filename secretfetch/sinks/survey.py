"""What a volume holds, next to what it is to hold. It only reads. What does not belong here: deciding what to do."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretfetch.sinks import fsio, layout, listing
from secretfetch.sinks.listing import Listing
from secretfetch.sinks.tree import DIRECTORY_MODE, Tree, parents, top
from secretfetch.sinks.writer import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.bundle import File


@dataclass(frozen=True, slots=True)
class Survey:
    """A volume at one moment.

    Attributes:
        tree: What it is to hold.
        keep: Whether files of earlier runs stay.
        live: Name of the generation that `..data` names, if that is one and is there; else empty.
        live_since: When `..data` was made, in seconds since 1970; None: there is no such link.
        held: Every file of the live generation: whether it is as the tree says. A directory that is not as it has to
            be is in it too, with a `/` behind its name.
        states: Every path of the tree, as seen by a reader: as it is to be, different, or None: not there.
        links: Every link in the root, and what it says.
        directories: Every real directory in the root.
        leftovers: Paths of generations that are not live, and of files that were prepared and given up.
        listing: The list of a flat volume's files, if there is one.
        present: What of it is still there.
    """

    tree: Tree
    keep: bool
    live: str
    live_since: float | None
    held: Mapping[str, bool]
    states: Mapping[str, bool | None]
    links: Mapping[str, str]
    directories: frozenset[str]
    leftovers: tuple[str, ...]
    listing: Listing | None
    present: Listing

    @property
    def owned(self) -> frozenset[str]:
        """What secretfetch has put here before: files of the live generation and of the list."""
        held = frozenset(path for path in self.held if not path.endswith("/"))
        return held | self.present.files

    @property
    def change(self) -> Change:
        """What publishing the tree would change for a reader."""
        added = frozenset(path for path, state in self.states.items() if state is None)
        updated = frozenset(path for path, state in self.states.items() if state is False)
        removed = frozenset() if self.keep else self.owned - self.tree.keys()
        return Change(added, updated, removed)

    @property
    def stale_links(self) -> list[str]:
        """Links into the live generation that nothing of the tree stands behind."""
        tops = {top(path) for path in self.tree}
        return [name for name, text in self.links.items() if layout.into_data(text) and name not in tops]

    def linked(self, path: str) -> bool:
        """Whether a path is seen through its link into the live generation."""
        name = top(path)
        return self.links.get(name) == layout.target(name)


def survey(root: int, tree: Tree, *, keep: bool = False) -> Survey:
    """Look at the volume whose root directory is open as `root`.

    Raises:
        OSError: The root directory cannot be read. Whatever below it cannot be read counts as different.
    """
    links, directories = _entries(root)
    live, since = _live(root, links.get(layout.DATA, ""))
    held = _held(root, live, tree) if live else {}
    listed = None if keep else listing.read(root)
    present = _present(root, listed or Listing())
    states = {path: _state(root, path, tree[path], links, held) for path in tree}
    leftovers = (*_temporary(root, tree, listed), *(() if keep else _generations(root, live)))
    return Survey(tree, keep, live, since, held, states, links, directories, leftovers, listed, present)


def _entries(root: int) -> tuple[dict[str, str], frozenset[str]]:
    links, directories = {}, set()
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.is_symlink():
                links[entry.name] = os.readlink(entry.name, dir_fd=root)
            elif entry.is_dir(follow_symlinks=False):
                directories.add(entry.name)
    return links, frozenset(directories)


def _live(root: int, text: str) -> tuple[str, float | None]:
    link = fsio.status(root, layout.DATA)
    since = link.st_mtime if link is not None and stat.S_ISLNK(link.st_mode) else None
    return (text if layout.is_generation(text) and fsio.is_directory(root, text) else ""), since


def _held(root: int, live: str, tree: Tree) -> dict[str, bool]:
    with fsio.directory(root, live) as fd:
        made_by = os.fstat(fd)
        # What a file's owner is where none is asked for: whatever the generation's own directory got.
        return _compare(fd, "", tree, (made_by.st_uid, made_by.st_gid))


def _compare(fd: int, prefix: str, tree: Tree, owner: tuple[int, int]) -> dict[str, bool]:
    found: dict[str, bool] = {}
    if stat.S_IMODE(os.fstat(fd).st_mode) & 0o777 != DIRECTORY_MODE:
        found[prefix or "/"] = False
    for name in fsio.names(fd):
        path = prefix + name
        below = _compare_below(fd, path, tree, owner)
        if below is None:
            found[path] = path in tree and fsio.matches(fd, name, tree[path], owner) is True
        else:
            found.update(below or {f"{path}/": False})
    return found


def _compare_below(fd: int, path: str, tree: Tree, owner: tuple[int, int]) -> dict[str, bool] | None:
    try:
        with fsio.directory(fd, path.rpartition("/")[2]) as below:
            return _compare(below, f"{path}/", tree, owner)
    except NotADirectoryError:
        return None
    except (OSError, RecursionError):
        return {f"{path}/": False}


def _state(root: int, path: str, file: File, links: Mapping[str, str], held: Mapping[str, bool]) -> bool | None:
    name = top(path)
    if links.get(name) == layout.target(name):
        return held.get(path)
    parent, _, base = path.rpartition("/")
    try:
        with fsio.directory(root, parent) as fd:
            return fsio.matches(fd, base, file, None)
    except OSError:  # nothing there, or something in the way: publishing will tell
        return None


def _present(root: int, listed: Listing) -> Listing:
    return Listing(
        frozenset(path for path in listed.files if _is_file(root, path)),
        frozenset(path for path in listed.directories if fsio.is_directory(root, path)),
    )


def _is_file(root: int, path: str) -> bool:
    found = fsio.status_at(root, path)
    return found is not None and stat.S_ISREG(found.st_mode)


def _generations(root: int, live: str) -> list[str]:
    return [name for name in fsio.names(root) if name != live and layout.is_generation(name)]


def _temporary(root: int, tree: Tree, listed: Listing | None) -> list[str]:
    """Find what was prepared in the root, and in every directory that files are or were to be put into."""
    places = {"", *(listed.all_directories() if listed else ())}.union(*(parents(path) for path in tree))
    found = []
    for place in sorted(places):
        try:
            with fsio.directory(root, place) as fd:
                names = [name for name in fsio.names(fd) if layout.is_temporary(name)]
        except OSError:
            continue
        found += [f"{place}/{name}" if place else name for name in names]
    return found
