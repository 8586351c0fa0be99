"""Old generations go after a grace, for the readers that still hold them. What does not belong here: what is old."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from secretfetch.sinks import fsio

if TYPE_CHECKING:
    from secretfetch.sinks.outside import Outside, Timer


class Reaper:
    """Removes entries of one directory, each some seconds after it was given up.

    Args:
        root: The directory; it must stay open until `finish` has returned.
        grace: Seconds between giving up and removing.
        outside: Clock and timer.
    """

    def __init__(self, root: int, grace: float, outside: Outside) -> None:
        self._root = root
        self._grace = grace
        self._outside = outside
        self._due: dict[str, float] = {}
        self._timer: Timer | None = None
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._due

    def __bool__(self) -> bool:
        return bool(self._due)

    def later(self, name: str) -> None:
        """Remove an entry when the grace is over."""
        with self._lock:
            self._due.setdefault(name, self._outside.monotonic() + self._grace)
            self._arm()

    def _arm(self) -> None:
        if self._timer is None and self._due:
            wait = min(self._due.values()) - self._outside.monotonic()
            self._timer = self._outside.later(max(0.0, wait), self._fire)

    def _fire(self) -> None:
        with self._lock:
            self._timer = None
            self._remove_due()
            self._arm()

    def _remove_due(self) -> None:
        now = self._outside.monotonic()
        for name in [name for name, due in self._due.items() if due <= now]:
            del self._due[name]
            discard(self._root, name)

    def finish(self, *, wait: bool) -> None:
        """Stop the timer and remove what is left, after its grace; without `wait` leave it to the next writer."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            left = max(self._due.values(), default=0.0) - self._outside.monotonic() if wait else 0.0
            if left > 0:
                self._outside.sleep(left)
            for name in self._due if wait else ():
                discard(self._root, name)
            self._due.clear()


def discard(root: int, path: str) -> None:
    """Remove an entry below a directory. What cannot be removed is reported and left: the next writer tries again."""
    parent, _, name = path.rpartition("/")
    try:
        with fsio.directory(root, parent) as fd:
            fsio.remove(fd, name)
    except (OSError, RecursionError) as error:
        import logging  # noqa: PLC0415 - 10 ms, needed only when something is wrong already

        reason = error.strerror if isinstance(error, OSError) else "too deep"
        logging.getLogger(__name__).warning('cannot remove "%s", which may hold old secrets: %s', path, reason)
