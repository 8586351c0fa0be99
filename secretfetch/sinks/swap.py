"""The swap layout: a set is written into a directory of its own and published by renaming one link.

::

    ROOT/..2026_02_03_04_05_06.9f1c/app.env    a generation: the files of one set, complete before anybody sees them
    ROOT/..data -> ..2026_02_03_04_05_06.9f1c  renamed over the old link: the commit point
    ROOT/app.env -> ..data/app.env             what readers open

Everything that can fail for want of space is done by `prepare`: `commit` renames and removes. What does not belong
here: the lock, the comparison.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from secretfetch.sinks import fsio, layout, listing
from secretfetch.sinks.listing import Listing
from secretfetch.sinks.reaper import discard
from secretfetch.sinks.tree import branches, top
from secretfetch.sinks.trouble import about, in_the_way

if TYPE_CHECKING:
    from secretfetch.sinks.hold import Hold
    from secretfetch.sinks.survey import Survey

_TRIES = 10


def is_settled(survey: Survey) -> bool:
    """Whether the volume is already exactly as the tree says, with nothing to repair and nothing to remove."""
    return not (
        _wants_generation(survey)
        or _missing_links(survey)
        or survey.stale_links
        or survey.leftovers
        or survey.listing is not None
    )


def _wants_generation(survey: Survey) -> bool:
    if not survey.live:
        return bool(survey.tree)
    return survey.held.keys() != survey.tree.keys() or not all(survey.held.values())


def _missing_links(survey: Survey) -> list[str]:
    tops = sorted({top(path) for path in survey.tree})
    return [name for name in tops if survey.links.get(name) != layout.target(name)]


class SwapWork:
    """One publication. `prepare` may fail and leave nothing; after `commit` has renamed the link there is no way back.

    Args:
        hold: The volume.
        survey: What it holds, seen under the lock, and what it is to hold.
    """

    def __init__(self, hold: Hold, survey: Survey) -> None:
        self._hold = hold
        self._survey = survey
        self._generation = ""
        self._data_link = ""
        self._links: list[tuple[str, str]] = []
        self._committed = False

    def prepare(self) -> None:
        """Write the new generation and every link that will be needed; none of it can be seen yet."""
        missing = _missing_links(self._survey)
        self._refuse_obstacles(missing)
        if _wants_generation(self._survey):
            self._write_generation()
            self._data_link = self._hold.spare()
            os.symlink(self._generation, self._data_link, dir_fd=self._hold.fd)
        for name in missing:
            temporary = self._hold.spare()
            self._links.append((temporary, name))
            os.symlink(layout.target(name), temporary, dir_fd=self._hold.fd)
        if self._generation or self._links:
            fsio.sync(self._hold.fd)

    def _refuse_obstacles(self, missing: list[str]) -> None:
        if layout.DATA in self._survey.directories:
            raise in_the_way(self._hold.path, layout.DATA, "a directory")
        for name in missing:
            self._refuse_obstacle(name)

    def _refuse_obstacle(self, name: str) -> None:
        """Refuse to replace what holds files of others, or is a file where our link leads to a directory."""
        root, survey = self._hold.fd, self._survey
        if name in survey.directories:
            if not only_ours(root, name, survey.present):
                raise in_the_way(self._hold.path, name, "a directory with files of others")
        elif (what := fsio.special(root, name, links=False)) is not None:
            raise in_the_way(self._hold.path, name, what)
        elif name not in {*survey.tree, *survey.links, *survey.present.files} and fsio.status(root, name) is not None:
            raise in_the_way(self._hold.path, name, "something that is no directory")

    def _write_generation(self) -> None:
        for attempt in range(_TRIES):
            self._generation = layout.generation(self._hold.outside.wall(), self._hold.outside.token())
            try:
                fsio.make_directory(self._hold.fd, self._generation, branches(self._survey.tree))
            except FileExistsError:
                self._generation = ""  # not ours to remove
                if attempt == _TRIES - 1:
                    raise
            else:
                return

    def rollback(self) -> None:
        """Remove whatever `prepare` has made. After the commit point: only what was not put into place."""
        for name in (self._data_link, *(temporary for temporary, _ in self._links)):
            if name:
                discard(self._hold.fd, name)
        if self._generation and not self._committed:
            discard(self._hold.fd, self._generation)

    def commit(self) -> None:
        """Publish the generation, then make the links in the root agree with it."""
        root = self._hold.fd
        if self._generation:
            os.rename(self._data_link, layout.DATA, src_dir_fd=root, dst_dir_fd=root)
            self._committed = True
            if self._survey.live:
                self._hold.reaper.later(self._survey.live)
            fsio.sync(root)
        for temporary, name in self._links:
            with about(name):
                fsio.put(root, temporary, name, self._hold.spare)
        for name in self._survey.stale_links:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=root)
        self._drop_flat_files()
        if self._links or self._survey.stale_links:
            fsio.sync(root)

    def _drop_flat_files(self) -> None:
        """Finish a change from the flat layout; the list goes last, so that a second try knows what is left."""
        if self._survey.listing is None:
            return
        tops = {top(path) for path in self._survey.tree}
        gone, present = [path for path in self._survey.present.files if top(path) not in tops], self._survey.present
        listing.drop(self._hold.fd, Listing(frozenset(gone), present.directories))
        listing.write(self._hold.fd, Listing(), "")
        fsio.sync(self._hold.fd)


def only_ours(root: int, path: str, listed: Listing) -> bool:
    """Whether a directory may go: it is listed or holds something, and every file in it is listed."""
    with fsio.directory(root, path) as fd:
        names = fsio.names(fd)
    if not names:
        return path in listed.directories
    return all(_is_ours(root, f"{path}/{name}", listed) for name in names)


def _is_ours(root: int, path: str, listed: Listing) -> bool:
    if fsio.is_directory(root, path):
        return only_ours(root, path, listed)
    return path in listed.files
