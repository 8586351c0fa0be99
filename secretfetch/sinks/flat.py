"""The flat layout: real files in real directories, each replaced by a rename of its own.

For places that follow no links: `subPath` directories and the kubelet's `fileKeyRef`. A file is never torn; a set of
files is not replaced as one. A list in the volume says which files are secretfetch's, and is ahead of the files: a
writer that dies leaves nothing that the next one does not know. Volumes that are kept (single files in a directory of
the user) have no list and lose nothing. What does not belong here: the lock, the comparison.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from secretfetch.bundle import File
from secretfetch.sinks import fsio, layout, listing
from secretfetch.sinks.listing import Listing
from secretfetch.sinks.reaper import discard
from secretfetch.sinks.swap import only_ours
from secretfetch.sinks.tree import branches, parents
from secretfetch.sinks.trouble import about, in_the_way

if TYPE_CHECKING:
    from secretfetch.sinks.hold import Hold
    from secretfetch.sinks.survey import Survey
    from secretfetch.sinks.tree import Branch


def is_settled(survey: Survey) -> bool:
    """Whether the volume is already exactly as the tree says, with nothing to repair and nothing to remove."""
    if any(_wants_file(survey, path) for path in survey.tree) or survey.leftovers:
        return False
    return survey.keep or not (
        survey.stale_links or layout.DATA in survey.links or _listed_after(survey) != (survey.listing or Listing())
    )


def _wants_file(survey: Survey, path: str) -> bool:
    return survey.states[path] is not True or survey.linked(path)


def _listed_after(survey: Survey, made: frozenset[str] = frozenset()) -> Listing:
    used = frozenset(above for path in survey.tree for above in parents(path))
    return Listing(frozenset(survey.tree), (survey.present.directories | made) & used)


class _Put(NamedTuple):
    """Something prepared, the name that it will be seen under, and the directory that both are in."""

    directory: str
    prepared: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.directory}/{self.name}" if self.directory else self.name

    @property
    def prepared_path(self) -> str:
        return f"{self.directory}/{self.prepared}" if self.directory else self.prepared


class FlatWork:
    """One publication. `prepare` may fail and leave nothing; `commit` replaces file by file.

    Args:
        hold: The volume.
        survey: What it holds, seen under the lock, and what it is to hold.
    """

    def __init__(self, hold: Hold, survey: Survey) -> None:
        self._hold = hold
        self._survey = survey
        self._puts: list[_Put] = []
        self._listed = survey.listing or Listing()
        self._started = False

    def prepare(self) -> None:
        """Write every file that differs, beside the one that it will replace."""
        if not self._survey.keep:
            self._announce()
        self._prepare_below("", branches(self._survey.tree))

    def _announce(self) -> None:
        """List what will be new before it is there. A file of somebody else's is not listed before it is replaced."""
        fd, survey = self._hold.fd, self._survey
        new = (path for path in survey.tree if survey.linked(path) or not self._is_file(path))
        above = {above for path in survey.tree for above in parents(path)}
        made = (path for path in above if not fsio.is_directory(fd, path))
        self._list(self._listed | Listing(frozenset(new), frozenset(made)))

    def _is_file(self, path: str) -> bool:
        found = fsio.status_at(self._hold.fd, path)
        return found is not None and not stat.S_ISDIR(found.st_mode)

    def _list(self, wanted: Listing) -> None:
        if wanted != self._listed:
            listing.write(self._hold.fd, wanted, self._hold.spare())
            self._listed = wanted
            fsio.sync(self._hold.fd)

    def _prepare_below(self, place: str, branch: Branch) -> None:
        for name, node in branch.items():
            path = f"{place}/{name}" if place else name
            if isinstance(node, File):
                if _wants_file(self._survey, path):
                    self._prepare(place, name, node)
            elif fsio.is_directory(self._hold.fd, path):
                self._prepare_below(path, node)
            else:
                self._prepare(place, name, node)
        if any(put.directory == place for put in self._puts):
            with fsio.directory(self._hold.fd, place) as fd:
                fsio.sync(fd)

    def _prepare(self, place: str, name: str, node: File | Branch) -> None:
        put = _Put(place, self._hold.spare(), name)
        self._refuse_obstacle(put.path, node)
        self._puts.append(put)
        with about(put.path), fsio.directory(self._hold.fd, place) as fd:
            if isinstance(node, File):
                fsio.write_file(fd, put.prepared, node)
            else:
                fsio.make_directory(fd, put.prepared, node)

    def _refuse_obstacle(self, path: str, node: File | Branch) -> None:
        """Refuse to put a file over a directory, or a directory over a file, that is not secretfetch's own."""
        root, survey = self._hold.fd, self._survey
        if isinstance(node, File):
            if fsio.is_directory(root, path) and not only_ours(root, path, survey.present):
                raise in_the_way(self._hold.path, path, "a directory with files of others")
            if (what := fsio.special(root, path, links=survey.keep and not survey.linked(path))) is not None:
                raise in_the_way(self._hold.path, path, what)
        elif fsio.status_at(root, path) is not None and not survey.linked(path) and path not in survey.present.files:
            raise in_the_way(self._hold.path, path, "something that is no directory")

    def rollback(self) -> None:
        """Remove what was prepared and not put into place; before the first replacement the list goes back too."""
        for put in self._puts:
            discard(self._hold.fd, put.prepared_path)
        if not self._started and not self._survey.keep:
            with suppress(OSError):  # it names files that are not there: harmless
                self._list(self._survey.listing or Listing())

    def commit(self) -> None:
        """Put the files into place, then remove what is dropped, then say so in the list."""
        for put in self._puts:
            with about(put.path), fsio.directory(self._hold.fd, put.directory) as fd:
                fsio.put(fd, put.prepared, put.name, self._hold.spare)
            self._started = True
        self._started = True
        for place in {put.directory for put in self._puts}:
            with fsio.directory(self._hold.fd, place) as fd:
                fsio.sync(fd)
        if not self._survey.keep:
            self._remove_dropped()

    def _remove_dropped(self) -> None:
        made = self._listed.directories
        after = _listed_after(self._survey, made)
        dropped = Listing(
            self._survey.present.files - after.files, self._survey.present.directories - after.directories
        )
        listing.drop(self._hold.fd, dropped)
        self._leave_swap_layout()
        self._list(after)

    def _leave_swap_layout(self) -> None:
        """Remove the links that are left of a swapped volume; its generation goes when the grace is over."""
        root, survey = self._hold.fd, self._survey
        data = [layout.DATA] if layout.DATA in survey.links else []
        for name in (*survey.stale_links, *data):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=root)
        if data:
            fsio.sync(root)
        if survey.live:
            self._hold.reaper.later(survey.live)
