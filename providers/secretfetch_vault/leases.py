"""What holds for a time: when it is renewed, when it is read anew, and never in a storm.

A lease is renewed at about two thirds of its time; one that cannot be renewed, a certificate and a static role are read
anew shortly before, or after, their end. What does not belong here: asking the server, except to renew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from secretfetch_vault import answers
from secretfetch_vault.outages import is_outage, outage
from secretfetch_vault.tokens import EARLY, RENEW, SOON, Token

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from secretfetch.provider import Version
    from secretfetch_vault.asks import Read
    from secretfetch_vault.clock import Clock
    from secretfetch_vault.earlier import EarlierTokens
    from secretfetch_vault.session import Session
    from secretfetch_vault.values import Found

_PAUSE = 10.0  # seconds between two readings of a path of which the first has not held
_LONGEST_PAUSE = 300.0
_LEAST = 1.0  # seconds until the next question, whatever the lease says
_SHRUNK = 0.5  # a renewal that gives less than this share of the first time has met the maximum


@dataclass(slots=True)
class Lease:
    """One value that holds for a time.

    Attributes:
        data: The value; None where only its version is known, since an earlier process has read it.
        version: The lease's id, if it has one.
        id: The same, or nothing for what is no lease.
        token: That it hangs on; None for what outlives its token.
        lifetime: Seconds that it was given at first.
        ends: When it ends.
        due: When to renew it or to read it anew.
        renewable: Whether renewing may help.
        read_at: When it was read.
    """

    data: bytes | None = field(repr=False)
    version: Version
    id: str
    token: Token | None
    lifetime: float
    ends: float
    due: float
    renewable: bool
    read_at: float

    def answers(self, held: Iterable[Version | None]) -> bool:
        """Tell whether it is an answer for all who ask: without the value only for those who have it."""
        return self.data is not None or all(version == self.version for version in held)


class Leases:
    """Everything of one connection that holds for a time. One path is worked on by one thread at a time."""

    def __init__(self, session: Session, earlier: EarlierTokens, clock: Clock) -> None:
        self._session = session
        self._earlier = earlier
        self._clock = clock
        self._leases: dict[Read, Lease] = {}
        self._refusals: dict[Read, int] = {}
        self._taken: dict[str, Lease] = {}

    def take_in(self, leases: Mapping[str, Lease]) -> None:
        """Take over what an earlier process has read, by the digest of each read."""
        self._taken.update(leases)

    def kept(self) -> dict[str, Lease]:
        """Return all that holds, by the digest of each read; what was taken over and not asked for as well."""
        return self._taken | {read.digest: lease for read, lease in list(self._leases.items())}

    def waiting(self, read: Read) -> Lease | None:
        """Return what holds and needs nothing from the server yet, not even a token."""
        lease = self._of(read)
        return lease if lease is not None and self._clock.now() < self._next(lease) - EARLY else None

    def held(self, read: Read) -> Lease | None:
        """Return what holds still, renewed if that was due; None where the path is to be read.

        Raises:
            SecretError: The server cannot be used.
        """
        lease = self._of(read)
        if lease is None:
            return None
        if lease.token is not None:
            lease.token = self._earlier.kept_alive(lease.token)
        now = self._clock.now()
        if now < self._due(lease) - EARLY:
            return lease
        if lease.renewable and self._hangs_on_a_live_one(lease):
            return lease if self._renewed(read, lease) else None
        if lease.token is not None and lease.token.ends < now:
            # It ended before its time.
            return self._paused(read, lease)
        return None

    def keep(self, read: Read, found: Found) -> Lease:
        """Take in what was read."""
        now = self._clock.now()
        token = self._session.token if found.lease is not None else None
        if token is not None:
            self._session.learn()
        lease = Lease(found.data, found.version, "", token, 0.0, inf, inf, renewable=False, read_at=now)
        if found.lease is not None:
            lease.id, lease.lifetime, lease.renewable = found.version, found.lease, found.renewable
            self._lives(lease, found.lease)
        elif found.fresh_in is not None:
            lease.due = now + found.fresh_in
        elif found.expires_at is not None:
            self._lives(lease, found.expires_at - self._clock.wall())
        if not lease.id and read in self._leases:
            # Not again and again where a clock is wrong, or a rotation late.
            lease.due = max(lease.due, now + _PAUSE)
        self._leases[read] = lease
        return lease

    def resume(self, read: Read, version: Version) -> Lease | None:
        """Take over a lease of another process by its id; None where it is none of this path or does not hold."""
        if read in self._leases or read.kv or read.params or not version.startswith(f"{read.path}/"):
            return None
        self._session.learn()
        # A token that was given to us was so to the earlier process, too; that of its own login we do not know.
        token = self._session.token
        if token.minted:
            token = Token("", "an earlier process", minted=False, round=-1)
        lease = Lease(None, version, version, token, 0.0, inf, self._clock.now(), renewable=True, read_at=-inf)
        if not self._renewed(read, lease) or not lease.lifetime:
            return None
        self._leases[read] = lease
        return lease

    def refresh_after(self, lease: Lease) -> float:
        """Return in how many seconds to ask again: the lease may hang on a token that has to be renewed before."""
        return max(self._next(lease) - self._clock.now(), _LEAST)

    def ids(self) -> Iterator[str]:
        """Yield the ids of leases that do not end with the token in use, nor have ended with another."""
        for lease in [*self._leases.values(), *self._taken.values()]:
            token = lease.token
            ends = token is not None and (token.ends == -inf or (token.minted and self._is_current(lease)))
            if lease.id and not ends:
                yield lease.id

    def _of(self, read: Read) -> Lease | None:
        if self._taken and (taken := self._taken.pop(read.digest, None)) is not None:
            self._leases.setdefault(read, taken)
        return self._leases.get(read)

    def _next(self, lease: Lease) -> float:
        return lease.due if lease.token is None else min(lease.due, lease.token.due)

    def _hangs_on_a_live_one(self, lease: Lease) -> bool:
        token = lease.token
        return token is not None and (self._is_current(lease) or self._clock.now() < token.due - EARLY)

    def _is_current(self, lease: Lease) -> bool:
        return lease.token is not None and self._session.is_current(lease.token)

    def _due(self, lease: Lease) -> float:
        """A lease ends with its token; one whose token has been replaced is read anew before that."""
        if lease.token is None or self._is_current(lease):
            return lease.due
        return min(lease.due, lease.token.due)

    def _lives(self, lease: Lease, ttl: float) -> None:
        now = self._clock.now()
        ttl = max(ttl, 0.0)
        lease.renewable = lease.renewable and ttl >= _SHRUNK * lease.lifetime
        lease.ends = now + ttl
        lease.due = now + ttl * self._clock.between(*(RENEW if lease.renewable else SOON))

    def _renewed(self, read: Read, lease: Lease) -> bool:
        """Renew; where that is refused, tell whether the lease is to be kept for now."""
        answer = self._session.call("PUT", "sys/leases/renew", body={"lease_id": lease.id})
        host = self._session.place.host
        if is_outage(answer):
            raise outage(answer, host)
        if answer.status == answers.OK:
            envelope = answers.read(answer, host)
            ttl = envelope.lease_duration or 0.0
            lease.lifetime = lease.lifetime or ttl
            lease.renewable = bool(envelope.renewable)
            self._lives(lease, ttl)
            self._refusals.pop(read, None)
            return True
        if answer.status == answers.FORBIDDEN and self._clock.now() < lease.ends < inf:
            # A policy forbids to renew: the lease itself is as good as before.
            lease.renewable = False
            lease.due = self._clock.now() + (lease.ends - self._clock.now()) * self._clock.between(*SOON)
            return True
        self._refusals[read] = self._refusals.get(read, 0) + 1
        return self._paused(read, lease) is not None

    def _paused(self, read: Read, lease: Lease) -> Lease | None:
        """Return the lease if it is too early to read its path anew, else None.

        A lease that ended before its time may do so again, at once and for ever.
        """
        refusals = max(self._refusals.get(read, 1), 1)
        pause = min(_PAUSE * 2.0 ** min(refusals - 1, 10), _LONGEST_PAUSE)
        # A live lease must not end while a long pause lasts.
        until = lease.read_at + max(_PAUSE, min(pause, (lease.ends - lease.read_at) * SOON[0]))
        if self._clock.now() >= until:
            return None
        lease.due, lease.renewable = until, False
        lease.token = None
        return lease
