"""What the two steps of writing look like for any target: stage everything, then publish.

What does not belong here: any target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from secretfetch.bundle import File


@dataclass(frozen=True, slots=True)
class Change:
    """What a reader finds different, as names within the target: content, mode or owner. False where nothing is."""

    added: frozenset[str] = frozenset()
    updated: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.removed)


class Prepared(Protocol):
    """A set that can be published. `first`: there is none before it. `change`: what publishing changes."""

    @property
    def change(self) -> Change:
        """See there."""
        ...

    @property
    def first(self) -> bool:
        """See there."""
        ...

    def publish(self) -> Change:
        """Make it visible; a second call does nothing."""
        ...

    def abort(self) -> None:
        """Give it up; after `publish` this does nothing."""
        ...


class Writer(Protocol):
    """The one writer of a target, for one run or for the life of a sidecar."""

    def take(self) -> None:
        """Let nobody else of ours write from now on, where the target has a lock."""
        ...

    def stage(self, files: Mapping[str, File], /) -> Prepared:
        """Prepare a set, and publish nothing of it."""
        ...

    def compare(self, files: Mapping[str, File], /) -> Change:
        """Tell what publishing would change; nothing is touched."""
        ...

    def seal(self, names: Collection[str], /) -> str:
        """Return what changes if anybody changes what was published; empty if something is not there."""
        ...

    def is_full(self, name: str, /) -> bool:
        """Tell whether an output has content now."""
        ...

    def close(self, *, wait: bool = True) -> None:
        """Let go of it."""
        ...
