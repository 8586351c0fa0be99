"""What follows a publication: hooks, and the end of a process that is to be started anew with what has changed.

What does not belong here: how a hook is run (`notify`), and when a set is published (`materialize`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from secretfetch.plan import ExitHook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretfetch.materialize import Rendered, Written
    from secretfetch.notify import Notifier
    from secretfetch.plan import Hook
    from secretfetch.sinks.writer import Writer


class Habits(NamedTuple):
    """What is done after a change.

    Attributes:
        exits: `watch` ends when other content than it first published is published.
        replays: Hooks that a process did not run to their end are run by the next one.
        program: Writes the environment of a program, which is started anew.
    """

    exits: bool = False
    replays: bool = False
    program: Writer | None = None


class Aftermath:
    """The changes of one process.

    Args:
        habits: See there.
        make: Makes a notifier for hooks.
    """

    def __init__(self, habits: Habits, make: Callable[[Sequence[Hook]], Notifier]) -> None:
        self._habits = habits
        self._make = make
        self._hooks: tuple[Hook, ...] = ()
        self._exit_code = 0
        self._notifier: Notifier | None = None
        self._key = os.urandom(16)
        self._first: dict[str, bytes] = {}
        self._paths: set[str] = set()
        self._exits = False

    def use(self, hooks: Sequence[Hook]) -> None:
        """Take other hooks from now on; those that are under way are given up."""
        codes = [hook.code for hook in hooks if isinstance(hook, ExitHook)]
        self._exit_code = codes[0] if codes else 80 if self._habits.exits else 0
        others = tuple(hook for hook in hooks if not isinstance(hook, ExitHook))
        if others != self._hooks:
            self.close()
            self._hooks, self._notifier = others, None

    @property
    def has_hooks(self) -> bool:
        """Whether there is anything to be run."""
        return bool(self._hooks)

    def adopted(self, place: str) -> None:
        """Note that a target is served as an earlier process left it."""
        self._first.setdefault(place, b"")

    def published(self, written: Sequence[Written], rendered: Sequence[Rendered]) -> None:
        """Note what was published. The content is compared, not kept."""
        digests = {item.place: self._digest(item) for item in rendered}
        for one in written:
            place = one.target.place
            first = self._first.setdefault(place, digests[place])
            if one.change and not one.first:
                changed = one.change.added | one.change.updated | one.change.removed
                self._paths |= {os.path.join(place, path) for path in changed}
                self._exits = self._exits or first != digests[place]

    def _digest(self, item: Rendered) -> bytes:
        from _blake2 import blake2b  # noqa: PLC0415 - hashlib costs more

        digest = blake2b(key=self._key)
        for path, file in sorted(item.files.items()):
            for part in (path.encode(), repr((file.mode, file.owner)).encode(), file.data):
                digest.update(len(part).to_bytes(8, "big") + part)
        return digest.digest()

    def begin(self, *, replay: bool = False) -> bool:
        """Start the hooks for what has changed since the last time. Returns whether there are any."""
        paths, self._paths = tuple(sorted(self._paths)), set()
        if not self._hooks or not (paths or replay):
            return False
        from secretfetch.notify import News  # noqa: PLC0415 - most runs change nothing

        self._notifier = self._notifier or self._make(self._hooks)
        self._notifier.tell(News(paths))
        return True

    def verdict(self, seconds: float) -> int:
        """Return the status to end with, after the hooks have been run; 0: go on."""
        if not (self._exits and self._exit_code):
            return 0
        self.finish(seconds)
        return self._exit_code

    def finish(self, seconds: float) -> bool:
        """Wait for the hooks. Returns whether all of them have been run."""
        return self._notifier is None or self._notifier.finish(seconds)

    @property
    def pending(self) -> bool:
        """Whether hooks have not been run to their end."""
        return bool(self._paths) or (self._notifier is not None and self._notifier.pending)

    def close(self) -> None:
        """Stop the hooks at once."""
        if self._notifier is not None:
            self._notifier.close()
