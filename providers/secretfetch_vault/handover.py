"""What one process tells the next: which leases there are, on which tokens they hang, and until when.

No token, no value and no argument is in it. Times are seconds since 1970, since each process has a monotonic clock of
its own. What does not belong here: what becomes of the leases (`leases`) and of the tokens (`earlier`).
"""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from secretfetch.provider import Version
from secretfetch_vault.leases import Lease
from secretfetch_vault.tokens import Token

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretfetch_vault.clock import Clock


class _Token(msgspec.Struct):
    """A token; None is no end, or none that is known."""

    accessor: str
    minted: bool
    renewable: bool
    lifetime: float | None
    due: float | None
    ends: float | None


class _Lease(msgspec.Struct):
    """A lease. `read` is the digest of what is read, `token` a place in the list of tokens, None for no token."""

    read: str
    version: str
    id: str
    token: int | None
    renewable: bool
    lifetime: float
    due: float | None
    ends: float | None


class _State(msgspec.Struct):
    """All of it. `server` is a digest of whose it is, `at` the time of writing."""

    server: str
    at: float
    tokens: list[Any]
    leases: list[Any]


_S = TypeVar("_S", _Token, _Lease, _State)


def state_of(server: str, leases: Mapping[str, Lease], tokens: Iterable[Token], clock: Clock) -> dict[str, Any]:
    """Return what a successor has to know, as JSON types; empty where nothing holds any more.

    Args:
        server: The digest of server and login.
        leases: By the digest of what is read.
        tokens: To be revoked one day, although no lease may hang on them.
        clock: For the times.
    """
    now = clock.now()
    live = {read: lease for read, lease in leases.items() if lease.ends > now and _is_live(lease.token, now)}
    hung_on = [lease.token for lease in live.values() if lease.token is not None]
    known = {id(token): token for token in [*hung_on, *tokens] if _is_live(token, now)}
    places = {name: place for place, name in enumerate(known)}
    if not known and not live:
        return {}
    state = _State(
        server,
        clock.wall(),
        [_told_token(token, clock) for token in known.values()],
        [_told_lease(read, lease, places, clock) for read, lease in live.items()],
    )
    told: dict[str, Any] = msgspec.to_builtins(state)
    return told


def taken(state: Mapping[str, Any], server: str, clock: Clock) -> tuple[list[Token], dict[str, Lease]]:
    """Return the tokens and the leases of a state; what is malformed, of another server or over is left out."""
    found = _part(state, _State)
    if found is None or found.server != server or not isfinite(found.at):
        return [], {}
    # A wall clock that was set back since makes nothing hold for longer.
    offset = clock.now() - max(clock.wall(), found.at)
    tokens = [_live_token(told, offset, clock.now()) for told in found.tokens]
    leases: dict[str, Lease] = {}
    for item in found.leases:
        told = _part(item, _Lease)
        if told is not None and (lease := _lease(told, tokens, offset)) is not None and lease.ends > clock.now():
            leases[told.read] = lease
    return [token for token in tokens if token is not None], leases


def _is_live(token: Token | None, now: float) -> bool:
    return token is None or token.ends > now


def _told_token(token: Token, clock: Clock) -> _Token:
    lifetime = token.lifetime if isfinite(token.lifetime) else None
    return _Token(
        token.accessor, token.minted, token.renewable, lifetime, _wall(token.due, clock), _wall(token.ends, clock)
    )


def _told_lease(read: str, lease: Lease, places: Mapping[int, int], clock: Clock) -> _Lease:
    token = None if lease.token is None else places[id(lease.token)]
    due, ends = _wall(lease.due, clock), _wall(lease.ends, clock)
    return _Lease(read, lease.version, lease.id, token, lease.renewable, lease.lifetime, due, ends)


def _live_token(item: Any, offset: float, now: float) -> Token | None:
    told = _part(item, _Token)
    if told is None:
        return None
    token = Token("", "an earlier process", minted=told.minted, round=-1, accessor=told.accessor)
    token.lifetime = inf if told.lifetime is None else told.lifetime
    token.due, token.ends = _monotonic(told.due, offset), _monotonic(told.ends, offset)
    token.renewable = told.renewable and bool(told.accessor)
    return token if _is_live(token, now) else None


def _lease(told: _Lease, tokens: list[Token | None], offset: float) -> Lease | None:
    """Return a lease; None where it hangs on a token that is not told or is over."""
    token = None
    if told.token is not None:
        token = tokens[told.token] if 0 <= told.token < len(tokens) else None
        if token is None:
            return None
    due, ends = _monotonic(told.due, offset), _monotonic(told.ends, offset)
    return Lease(
        None, Version(told.version), told.id, token, told.lifetime, ends, min(due, ends), told.renewable, read_at=-inf
    )


def _wall(time: float, clock: Clock) -> float | None:
    return clock.wall() + (time - clock.now()) if isfinite(time) else None


def _monotonic(time: float | None, offset: float) -> float:
    return inf if time is None or not isfinite(time) else time + offset


def _part(item: Any, into: type[_S]) -> _S | None:
    try:
        return msgspec.convert(item, into)
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        return None
