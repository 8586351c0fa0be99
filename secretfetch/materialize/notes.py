"""The notes of a process in its volumes: taken from a predecessor, kept for a successor. What they say: `handover`.

What does not belong here: anything that a run depends on. A note that cannot be written or read costs a second fetch.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from secretfetch.errors import SecretError
from secretfetch.materialize import handover
from secretfetch.materialize.handover import Held, State
from secretfetch.plan import Volume
from secretfetch.sinks.volume import STATE, read_note

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from secretfetch.materialize.rounds import Kept, Rounds
    from secretfetch.provider import SecretRef


class Notes:
    """What is written beside the files of all volumes.

    Args:
        wall: Seconds since 1970.
        now: Seconds, by the clock of the rounds.

    Attributes:
        pending: Hooks have to be run that an earlier process has not run to their end, or this one not yet.
    """

    def __init__(self, wall: Callable[[], float], now: Callable[[], float]) -> None:
        self._wall = wall
        self._now = now
        self._known: dict[str, State] = {}
        self.pending = False

    def adopt(self, rounds: Rounds) -> float:
        """Go on where a predecessor ended: its versions count as held where its files are still as it left them.

        Returns:
            How old the oldest of what was taken is, in seconds; `inf` if a volume has to be made anew.
        """
        # What is no volume leaves nothing behind, and has to be made anew.
        oldest = 0.0 if all(isinstance(kept.target, Volume) for kept in rounds.targets) else inf
        for kept, volume in _volumes(rounds):
            state = None if volume.keep else handover.decode(read_note(volume.root, STATE))
            if state is None or state.plan != handover.digest_of_volume(volume, rounds.plan):
                oldest = inf
                continue
            self._known[volume.root] = state
            self.pending = self.pending or state.pending
            rounds.stores.take_over(state.stores)
            intact = rounds.writers.of(volume).seal(state.paths) == state.seal
            if not intact or not self._take(kept, state, rounds.held):
                oldest = inf
                continue
            kept.seal = state.seal
            # A clock that was set back makes it no younger.
            oldest = max(oldest, self._wall() - state.at if self._wall() >= state.at else inf)
        return oldest

    def _take(self, kept: Kept, state: State, held: dict[SecretRef, Held]) -> bool:
        """Take in versions; False where the note lacks one, or another volume has another one."""
        ahead = self._wall() - self._now()
        taken = {ref: handover.taken(state, ref, ahead) for ref in kept.refs}
        kept.paths = tuple(state.paths)
        found = {ref: one for ref, one in taken.items() if one is not None}
        if len(found) < len(taken) or any(held.get(ref, one).version != one.version for ref, one in found.items()):
            return False
        held.update({ref: one for ref, one in found.items() if ref not in held})
        return True

    def write(self, rounds: Rounds) -> None:
        """Note what has changed since the last time; where nothing has, nothing is touched."""
        stores = rounds.stores.hand_over()
        for kept, volume in _volumes(rounds):
            if kept.seal and not volume.keep:
                self._write(kept, volume, rounds, {name: stores[name] for name in stores if name in _stores_of(kept)})

    def _write(self, kept: Kept, volume: Volume, rounds: Rounds, stores: dict[str, dict[str, object]]) -> None:
        known = self._known.get(volume.root)
        state = State(
            handover.digest_of_volume(volume, rounds.plan) if known is None else known.plan,
            kept.seal,
            list(kept.paths),
            0.0,
            handover.written({ref: rounds.held[ref] for ref in kept.refs}, self._wall() - self._now()),
            stores,
            self.pending,
        )
        if known is None or not _alike(known, state):
            self._put(volume, rounds, state)

    def mark(self, rounds: Rounds, *, pending: bool) -> None:
        """Note that hooks have to be run, or have been."""
        self.pending = pending
        for _, volume in _volumes(rounds):
            known = self._known.get(volume.root)
            if known is not None and known.pending != pending:
                self._put(volume, rounds, known)

    def forget(self, rounds: Rounds, stores: Collection[str]) -> None:
        """Let the next process make anew what has leases of these stores in it: they have been revoked."""
        from msgspec.structs import replace  # noqa: PLC0415 - kept beside its only use

        for kept, volume in _volumes(rounds):
            leased = {ref.store for ref in kept.refs if ref in rounds.held and rounds.held[ref].due != inf}
            if leased & set(stores) and volume.root in self._known:
                self._put(volume, rounds, replace(self._known[volume.root], seal="", stores={}))

    def _put(self, volume: Volume, rounds: Rounds, state: State) -> None:
        from msgspec.structs import replace  # noqa: PLC0415 - kept beside its only use

        state = replace(state, at=self._wall(), pending=self.pending)
        self._known[volume.root] = state
        try:
            rounds.writers.of(volume).note(STATE, handover.encode(state))
        except SecretError as error:
            from secretfetch import log  # noqa: PLC0415 - start-up cost

            log.event("debug", "note_failed", str(error))


def _volumes(rounds: Rounds) -> Iterator[tuple[Kept, Volume]]:
    for kept in rounds.targets:
        if isinstance(kept.target, Volume):
            yield kept, kept.target


def _stores_of(kept: Kept) -> set[str]:
    return {ref.store for ref in kept.refs}


_SLACK = 2.0  # seconds by which a due time may differ and be the same: clocks drift


def _alike(one: State, other: State) -> bool:
    from msgspec.structs import replace  # noqa: PLC0415 - kept beside its only use

    if replace(one, at=0.0, held={}, stores={}) != replace(other, at=0.0, held={}, stores={}):
        return False
    return one.held.keys() == other.held.keys() and all(
        version == other.held[name][0] and abs((due or 0.0) - (other.held[name][1] or 0.0)) <= _SLACK
        for name, (version, due) in one.held.items()
    )
