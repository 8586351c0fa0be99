"""Volumes: directories of files that are published as a whole, or stay as they were.

Writing is in two steps, so that a run can prepare all of its volumes before it publishes the first: `stage` writes and
syncs everything under private names, `publish` makes it visible. What does not belong here: where the bytes come from,
and telling anybody of a change.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, Self

from secretfetch.bundle import File
from secretfetch.sinks import flat, fsio, notes, swap
from secretfetch.sinks.hold import Hold
from secretfetch.sinks.layout import STATE, STATUS, Layout
from secretfetch.sinks.notes import read as read_note
from secretfetch.sinks.outside import Outside
from secretfetch.sinks.seal import seal, weight
from secretfetch.sinks.survey import survey
from secretfetch.sinks.tree import Tree, check
from secretfetch.sinks.trouble import told
from secretfetch.sinks.writer import Change

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import TracebackType

    from secretfetch.sinks.survey import Survey

__all__ = [
    "STATE",
    "STATUS",
    "Change",
    "File",
    "Layout",
    "Outside",
    "Staged",
    "Tree",
    "VolumeWriter",
    "compare",
    "read_note",
]

DEFAULT_GRACE = 2.0
_OUTSIDE = Outside()


def compare(root: str, tree: Tree, *, keep: bool = False) -> Change:
    """Tell what publishing a tree would change for the readers of a volume. Nothing is touched, no lock is needed.

    The layout makes no difference: the same files seen through other links are the same.

    Args:
        root: The volume; it need not exist.
        tree: What it would hold.
        keep: Whether files of earlier runs would stay.

    Raises:
        DataError: No volume can hold this tree.
        OutputError: The directory cannot be read.
    """
    check(tree)
    with told(root, "read"):
        found = _look(root, tree, keep=keep)
    return Change(added=frozenset(tree)) if found is None else found.change


def _look(root: str, tree: Tree, *, keep: bool) -> Survey | None:
    try:
        fd = os.open(root, fsio.ROOT)
    except FileNotFoundError:
        return None
    try:
        return survey(fd, tree, keep=keep)
    finally:
        os.close(fd)


class Work(Protocol):
    """A publication in one of the layouts."""

    def prepare(self) -> None:
        """Write everything, publish nothing."""

    def commit(self) -> None:
        """Publish."""

    def rollback(self) -> None:
        """Remove what is not published."""


class VolumeWriter:
    """The one writer of a volume, for one run or for the life of a sidecar. A context manager: leaving it closes it.

    Not for several threads at once.

    Args:
        root: Absolute path of the volume. It may lead through links; below it no link is followed.
        layout: `swap` publishes a set through one link, `flat` replaces plain files one by one.
        keep: Leave files of earlier runs alone, and no trace beside the files; only for `flat`.
        grace: Seconds that the set before is left for those who still read it.
        outside: Clocks, waiting, chance.
    """

    def __init__(
        self,
        root: str,
        *,
        layout: Layout = "swap",
        keep: bool = False,
        grace: float = DEFAULT_GRACE,
        outside: Outside = _OUTSIDE,
    ) -> None:
        if keep and layout != "flat":
            raise ValueError("only a flat volume can keep files of others")
        self.root = os.path.abspath(root)
        self.layout = layout
        self.keep = keep
        self._grace = grace
        self._outside = outside
        self._hold: Hold | None = None
        self._staged: Staged | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def stage(self, tree: Tree) -> Staged:
        """Write a set completely, and publish nothing of it.

        The volume is locked from the first set that needs anything written, until `close`. A set that is there
        already touches nothing at all. One that was staged before and not published is given up.

        Returns:
            What to publish or to abort. When publishing several volumes fails, abort in reverse order.

        Raises:
            DataError: No volume can hold this tree.
            OutputError: The volume cannot be written; it is as it was, and nothing is left behind.
        """
        check(tree)
        if self._staged is not None:
            self._staged.abort()
        with told(self.root):
            self._staged = self._untouched(tree) or self._prepare(tree)
        return self._staged

    def _untouched(self, tree: Tree) -> Staged | None:
        """Look without lock and without writing: most rounds of a sidecar, and of a restarted one, end here."""
        if self._hold is not None:
            return None
        try:
            found = _look(self.root, tree, keep=self.keep)
        except OSError:
            return None  # what is wrong shows when writing is tried
        if found is None:
            return None if tree else Staged(self, Change(), None, first=True)
        return Staged(self, found.change, None, first=not found.owned) if self._is_settled(found) else None

    def _is_settled(self, found: Survey) -> bool:
        return swap.is_settled(found) if self.layout == "swap" else flat.is_settled(found)

    def _prepare(self, tree: Tree) -> Staged:
        hold = self._hold = self._hold or Hold(self.root, self._grace, self._outside, exclusive=not self.keep)
        work: Work | None = None
        try:
            found = survey(hold.fd, tree, keep=self.keep)
            hold.sweep(found)
            if not self._is_settled(found):
                work = swap.SwapWork(hold, found) if self.layout == "swap" else flat.FlatWork(hold, found)
                work.prepare()
        except BaseException:
            self._give_up(work)
            raise
        return Staged(self, found.change, work, first=not found.owned)

    def take(self) -> None:
        """Lock the volume now, making it if it is not there: nobody else writes to it until `close`.

        Raises:
            OutputError: Another secretfetch has it, or it cannot be written.
        """
        with told(self.root):
            self._hold = self._hold or Hold(self.root, self._grace, self._outside, exclusive=not self.keep)

    def tidy(self) -> None:
        """Remove what a dead writer has left behind: for whoever takes the set as it is, and stages nothing.

        Old generations go when their grace is over, at the latest in `close`. If nothing is left, nothing is touched.

        Raises:
            OutputError: Something is left, and another secretfetch has the volume or it cannot be written.
        """
        with told(self.root):
            found = _look(self.root, {}, keep=self.keep)
            if found is None or not found.leftovers:
                return
            self.take()
            assert self._hold is not None  # noqa: S101 - it has just been taken
            self._hold.sweep(survey(self._hold.fd, {}, keep=self.keep))

    def seal(self, paths: Collection[str]) -> str:
        """Return what changes if any of the files at `paths` does, in whatever way; empty if one is not there."""
        if self._hold is not None:
            return seal(self._hold.fd, paths)
        try:
            fd = os.open(self.root, fsio.ROOT)
        except OSError:
            return ""
        try:
            return seal(fd, paths)
        finally:
            os.close(fd)

    def compare(self, tree: Tree) -> Change:
        """Tell what publishing a tree would change; see the function of that name."""
        return compare(self.root, tree, keep=self.keep)

    def is_full(self, path: str) -> bool:
        """Tell whether there is a file with content, or a directory with files, at `path` (empty: the volume)."""
        return weight(self.root, path) > 0

    def note(self, name: str, content: bytes) -> None:
        """Put a private note into the volume, in place of an older one: mode 0600, for the next secretfetch.

        Raises:
            OutputError: It cannot be written; the older one stays.
        """
        self.take()
        with told(self.root):
            assert self._hold is not None  # noqa: S101 - it has just been taken
            notes.write(self._hold, name, content)

    def _publish(self, work: Work) -> None:
        self._staged = None
        try:
            with told(self.root):
                work.commit()
        except BaseException:
            self._give_up(work)
            raise
        if self._hold is not None:
            self._hold.settle()

    def _give_up(self, work: Work | None) -> None:
        self._staged = None
        if work is not None:
            work.rollback()
        if self._hold is not None and self._hold.is_unused:
            self._hold.give_back()
            self._hold = None

    def close(self, *, wait: bool = True) -> None:
        """Unlock the volume, after the grace of old generations is over and they are gone. May be called twice.

        Args:
            wait: False: do not wait for the grace (the process is told to stop); the next writer removes them.
        """
        if self._staged is not None:
            self._staged.abort()
        hold, self._hold = self._hold, None
        if hold is not None:
            hold.close(wait=wait)


class Staged:
    """A set that is written and not yet published.

    Attributes:
        change: What publishing changes for a reader. It may be empty while there is something to repair: publish
            anyway.
        first: There is no set before this one in the volume.
    """

    def __init__(self, writer: VolumeWriter, change: Change, work: Work | None, *, first: bool) -> None:
        self.change = change
        self.first = first
        self._writer = writer
        self._work = work

    def publish(self) -> Change:
        """Make the set visible; a second call does nothing.

        Returns:
            What is different for a reader.

        Raises:
            OutputError: The set could not be published, or not be put on disk. Readers see the old set or the new one.
        """
        work, self._work = self._work, None
        if work is not None:
            self._writer._publish(work)  # noqa: SLF001 - the two are one machine with two handles
        return self.change

    def abort(self) -> None:
        """Remove what was written, and give the space back; after `publish` this does nothing."""
        work, self._work = self._work, None
        if work is not None:
            self._writer._give_up(work)  # noqa: SLF001 - the two are one machine with two handles
