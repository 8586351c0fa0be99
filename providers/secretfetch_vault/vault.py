"""The provider `vault`: one request per path, side by side, and what holds for a time not asked for before it is due.

What does not belong here: HTTP (`transport`), logins (`session`), the meaning of refusals (`trouble`).
"""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from secretfetch.provider import (
    AuthFailed,
    Outcome,
    SecretError,
    SecretRef,
    SecretValue,
    Unavailable,
    Unchanged,
    Version,
    in_parallel,
)
from secretfetch_vault import answers, asks, values
from secretfetch_vault.asks import Read
from secretfetch_vault.clock import SYSTEM
from secretfetch_vault.earlier import EarlierTokens
from secretfetch_vault.leases import Lease, Leases
from secretfetch_vault.mounts import Mount, Mounts
from secretfetch_vault.session import Session
from secretfetch_vault.transport import WORKERS
from secretfetch_vault.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from secretfetch.provider import Query
    from secretfetch_vault.clock import Clock
    from secretfetch_vault.settings import Settings
    from secretfetch_vault.transport import Transport
    from secretfetch_vault.values import Found

Outcomes = dict[SecretRef, Outcome]
_Told = Mount | SecretError | None


class Vault:
    """A connection to a server."""

    def __init__(self, settings: Settings, transport: Transport, clock: Clock = SYSTEM) -> None:
        self._kv_version = settings.kv_version
        self._revokes = settings.revoke_on_shutdown
        self._transport = transport
        self._session = Session(settings, transport, clock)
        self._mounts = Mounts(self._session)
        self._trouble = Trouble(self._session, self._mounts)
        self._earlier = EarlierTokens(self._session, clock)
        self._leases = Leases(self._session, self._earlier, clock)
        self._clock = clock
        self._is_revoked = False
        self._lock = threading.Lock()

    def fetch(self, wanted: Mapping[SecretRef, Version | None], /) -> Outcomes:
        """Read secrets; see `secretfetch.provider.Provider`."""
        outcomes: Outcomes = {}
        paths: dict[SecretRef, str] = {}
        for ref in wanted:
            try:
                paths[ref] = asks.check(ref)
            except SecretError as error:
                outcomes[ref] = error
        with self._lock:
            outcomes |= self._waiting(paths, wanted)
            paths = {ref: path for ref, path in paths.items() if ref not in outcomes}
            if paths:
                self._session.begin()
                reads = self._resolved(paths, outcomes)
                outcomes |= self._read_all(reads, wanted)
        _raise_if_all_alike(outcomes)
        return {ref: outcomes[ref] for ref in wanted}

    def find(self, query: Query, /) -> Collection[SecretRef]:
        """Return the secrets below a path, which begins with a mount; see `secretfetch.provider.Finder`.

        The refs name no store: a provider does not know what its store is called.
        """
        from secretfetch_vault.finding import find  # noqa: PLC0415 - only for this

        with self._lock:
            self._session.begin()
            return find(query, self._session, self._mounts, self._trouble)

    def hand_over(self) -> dict[str, Any]:
        """Return what holds, for the next process of the pod; see `secretfetch.provider.Handover`."""
        from secretfetch_vault.handover import state_of  # noqa: PLC0415 - start-up cost

        if self._is_revoked:
            return {}
        tokens = [*self._earlier.tokens, self._session.open_token] if self._revokes else []
        minted = [token for token in tokens if token is not None and token.minted and token.accessor]
        return state_of(self._session.identity, self._leases.kept(), minted, self._clock)

    def take_over(self, state: Mapping[str, Any], /) -> None:
        """Take in what an earlier process handed over; see `secretfetch.provider.Handover`."""
        from secretfetch_vault.handover import taken  # noqa: PLC0415 - start-up cost

        tokens, leases = taken(state, self._session.identity, self._clock)
        self._earlier.take_in(tokens)
        self._leases.take_in(leases)

    def close(self) -> None:
        """Revoke what was minted, if so configured, and let go of connections."""
        if self._revokes:
            self._revokes, self._is_revoked = False, True
            self._revoke()
        self._transport.close()

    def _revoke(self) -> None:
        with suppress(SecretError):  # what is left ends by itself
            self._earlier.revoke()
            for lease in self._leases.ids():
                if self._session.ask_once("PUT", "sys/leases/revoke", {"lease_id": lease}).status == answers.FORBIDDEN:
                    break
        self._session.log_out()

    def _waiting(self, paths: Mapping[SecretRef, str], wanted: Mapping[SecretRef, Version | None]) -> Outcomes:
        """Answer all that holds and is not due; the server is not needed for it."""
        groups: dict[Read, list[SecretRef]] = {}
        for ref, path in paths.items():
            groups.setdefault(Read(path, ref.version, ref.params), []).append(ref)
        outcomes: Outcomes = {}
        for read, refs in groups.items():
            lease = self._leases.waiting(read)
            if lease is not None and lease.answers(wanted[ref] for ref in refs):
                told = self._told(lease)
                outcomes |= {ref: _compared(told, wanted[ref]) for ref in refs}
        return outcomes

    def _told(self, lease: Lease) -> SecretValue | Unchanged:
        refresh_after = self._leases.refresh_after(lease)
        if lease.data is None:
            return Unchanged(refresh_after)
        return SecretValue(lease.data, lease.version, refresh_after)

    def _resolved(self, paths: Mapping[SecretRef, str], outcomes: Outcomes) -> dict[SecretRef, Read]:
        """Return the request of each ref; what has none gets its error into `outcomes`."""
        told = self._look_up(set(paths.values()))
        reads = {}
        for ref, path in paths.items():
            mount = told[path]
            try:
                if isinstance(mount, SecretError):
                    raise mount
                reads[ref] = asks.resolve(ref, path, mount, self._kv_version)
            except SecretError as error:
                outcomes[ref] = error
        return reads

    def _look_up(self, paths: set[str]) -> dict[str, _Told]:
        """Find the mounts of paths; those that begin alike are asked about one after the other, as one answer does."""
        heads: dict[str, list[str]] = {}
        for path in sorted(paths):
            heads.setdefault(path.partition("/")[0], []).append(path)
        parts = in_parallel([partial(self._look_up_alike, alike) for alike in heads.values()], workers=WORKERS)
        return {path: mount for part in parts for path, mount in part.items()}

    def _look_up_alike(self, paths: Sequence[str]) -> dict[str, _Told]:
        told: dict[str, _Told] = {}
        for index, path in enumerate(paths):
            try:
                told[path] = self._mounts.of(path)
            except SecretError as error:
                return told | dict.fromkeys(paths[index:], error)
        return told

    def _read_all(self, reads: Mapping[SecretRef, Read], wanted: Mapping[SecretRef, Version | None]) -> Outcomes:
        groups: dict[Read, list[SecretRef]] = {}
        for ref, read in reads.items():
            groups.setdefault(read, []).append(ref)
        jobs = [partial(self._read_one, read, [wanted[ref] for ref in refs]) for read, refs in groups.items()]
        answered = dict(zip(groups, in_parallel(jobs, workers=WORKERS), strict=True))
        return {ref: _compared(answered[read], wanted[ref]) for ref, read in reads.items()}

    def _read_one(self, read: Read, held: Sequence[Version | None]) -> SecretValue | Unchanged | SecretError:
        """Answer one path for all who ask for it."""
        try:
            lease = self._leases.held(read) or self._resumed(read, held)
            if lease is None or not lease.answers(held):
                found = self._ask(read)
                if not found.is_kept:
                    return SecretValue(found.data, found.version)
                lease = self._leases.keep(read, found)
        except SecretError as error:
            return error
        return self._told(lease)

    def _resumed(self, read: Read, held: Sequence[Version | None]) -> Lease | None:
        """Take over the lease of an earlier process, which has all that ask for this path."""
        versions = set(held)
        version = versions.pop() if len(versions) == 1 else None
        return self._leases.resume(read, version) if version else None

    def _ask(self, read: Read) -> Found:
        if read.params:
            answer = self._session.call("PUT", read.path, body=dict(read.params))
        else:
            query = {"version": read.version} if read.version else {}
            answer = self._session.call("GET", read.path, query=query)
        if answer.status in {answers.OK, answers.NO_CONTENT}:
            return values.value_in(answers.read(answer, self._session.place.host), read)
        if answer.status == answers.FORBIDDEN and read.kv is None:
            self._mounts.ask_again(read.path)
        raise self._trouble.explain(answer, read)


def _compared(outcome: Outcome, held: Version | None) -> Outcome:
    if isinstance(outcome, SecretValue) and held is not None and outcome.version == held:
        return Unchanged(outcome.refresh_after)
    return outcome


def _raise_if_all_alike(outcomes: Mapping[SecretRef, Outcome]) -> None:
    """Raise the failure of a login or a server where it is the only thing that has come out: the store is at fault."""
    first = next(iter(outcomes.values()), None)
    if not isinstance(first, AuthFailed | Unavailable):
        return
    if all(type(other) is type(first) and str(other) == str(first) for other in outcomes.values()):
        raise first


__all__ = ["Vault"]
