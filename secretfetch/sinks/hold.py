"""A volume in the hands of its writer: the root directory made and open, locked, swept, and given back.

What does not belong here: what the volume holds.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from secretfetch.sinks import fsio, lock
from secretfetch.sinks.layout import LOCK, is_generation, temporary
from secretfetch.sinks.reaper import Reaper, discard
from secretfetch.sinks.tree import DIRECTORY_MODE

if TYPE_CHECKING:
    from secretfetch.sinks.outside import Outside
    from secretfetch.sinks.survey import Survey


class Hold:
    """An open volume that nobody else writes to.

    Args:
        path: The root of the volume; missing directories are made.
        grace: Seconds that an old generation is left for those who still read it.
        exclusive: Take the lock file; without it only abandoned files of dead writers are kept apart from ours.
        outside: Clocks, waiting, chance.

    Raises:
        OutputError: Another writer has the volume.
        OSError: The directory cannot be made or opened, or the lock not be taken. What was made is gone again.
    """

    def __init__(self, path: str, grace: float, outside: Outside, *, exclusive: bool) -> None:
        self.path = path
        self.outside = outside
        self.grace = grace
        self._lock: int | None = None
        self._new_lock = False
        self._used = False
        self.fd, self._made = _open_root(path)
        self.reaper = Reaper(self.fd, grace, outside)
        try:
            if exclusive:
                self._lock, self._new_lock = lock.acquire(self.fd, path, outside)
            lock.share(self.fd, outside)
        except BaseException:
            self.give_back()
            raise

    def spare(self) -> str:
        """Return a private name for what will be renamed."""
        return temporary(self.outside.token())

    def sweep(self, survey: Survey) -> None:
        """Remove what dead writers left behind; generations that somebody may still read when the grace is over."""
        safe = survey.live_since is None or self.outside.wall() - survey.live_since > self.grace
        generations = [path for path in survey.leftovers if is_generation(path)]
        for path in generations:
            if path in self.reaper:
                continue
            if safe:
                discard(self.fd, path)
            else:
                self.reaper.later(path)
        if len(generations) < len(survey.leftovers):
            self._sweep_prepared([path for path in survey.leftovers if not is_generation(path)])

    def _sweep_prepared(self, paths: list[str]) -> None:
        # What others have prepared and are about to publish looks the same; they share the directory then.
        if lock.alone(self.fd):
            for path in paths:
                discard(self.fd, path)
        lock.share(self.fd, self.outside)

    def settle(self) -> None:
        """Remember that something has been published: the directories and the lock are there to stay."""
        self._made = []
        self._new_lock = False
        self._used = True

    @property
    def is_unused(self) -> bool:
        """Whether nothing was published: it can be given back at once, and leave no trace."""
        return not self._used and not self.reaper

    def give_back(self) -> None:
        """Let go, and remove the directories and the lock that were made for nothing."""
        if self._new_lock:
            with suppress(OSError):
                os.unlink(LOCK, dir_fd=self.fd)
        self._close()
        _unmake(self._made)
        self._made = []

    def close(self, *, wait: bool) -> None:
        """Let go, after old generations have gone."""
        try:
            self.reaper.finish(wait=wait)
        finally:
            self.give_back()

    def _close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _open_root(path: str) -> tuple[int, list[str]]:
    """Open a directory, making it and those above it where they are missing; return it and what was made."""
    above, missing = path, list[str]()
    while True:
        try:
            fd = os.open(above, fsio.ROOT)
            break
        except FileNotFoundError:
            above, _, name = above.rpartition("/")
            missing.insert(0, name)
            above = above or "/"
    made: list[str] = []
    try:
        for name in missing:
            above = f"{above.rstrip('/')}/{name}"
            fd = _make_below(fd, name, above, made)
    except BaseException:
        os.close(fd)
        _unmake(made)
        raise
    return fd, made


def _unmake(made: list[str]) -> None:
    for path in reversed(made):
        with suppress(OSError):  # others have put something in
            os.rmdir(path)


def _make_below(fd: int, name: str, path: str, made: list[str]) -> int:
    """Make and open one directory in place of the one above it."""
    try:
        os.mkdir(name, DIRECTORY_MODE, dir_fd=fd)
        made.append(path)
        fsio.sync(fd)
    except FileExistsError:  # another process was faster; or something else is in the way, as the next call tells
        pass
    except OSError as error:
        error.filename = path
        raise
    try:
        below = os.open(name, fsio.ROOT | os.O_NOFOLLOW, dir_fd=fd)
    except OSError as error:
        error.filename = path
        raise
    try:
        if path in made:
            fsio.open_up(below)
    except BaseException:
        os.close(below)
        raise
    os.close(fd)
    return below
