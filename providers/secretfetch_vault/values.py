"""A good answer -> the value in it, its version, and how long it holds. What does not belong here: refusals.

Objects are compact JSON in the server's order; numbers keep the server's text.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from secretfetch.provider import DataError, NotFound, SecretError, Unavailable, Version, compact_json
from secretfetch_vault import answers

if TYPE_CHECKING:
    from secretfetch_vault.answers import Envelope, Versioned
    from secretfetch_vault.asks import Read

_KEY = os.urandom(32)  # of this process: a version tells nothing about the value it is made from


@dataclass(frozen=True, slots=True)
class Found:
    """What an answer holds.

    Attributes:
        data: The value.
        version: Of KV v2; a lease's id; else a keyed hash.
        lease: Seconds that it holds by a lease, or None.
        renewable: Whether the lease may be renewed.
        fresh_in: Seconds after which a static role has another value, or None.
        expires_at: Seconds since the epoch at which a certificate ends, or None.
    """

    data: bytes = field(repr=False)
    version: Version
    lease: float | None = None
    renewable: bool = False
    fresh_in: float | None = None
    expires_at: float | None = None

    @property
    def is_kept(self) -> bool:
        """Whether it holds for a time that it says itself; else it is polled."""
        return not (self.lease is None and self.fresh_in is None and self.expires_at is None)


def value_in(envelope: Envelope, read: Read) -> Found:
    """Return what a good answer holds.

    Raises:
        SecretError: It holds nothing, or something that is no JSON.
    """
    if bytes(envelope.data) == answers.NOTHING:
        raise DataError(
            f'the answer for "{read.key}" is empty',
            ("path", read.path),
            ("note", "it is one that gives no data, or a write that was missing: such paths need `params`"),
        )
    if read.is_secret:
        versioned = answers.part(envelope.data, answers.Versioned)
        if versioned is not None and versioned.metadata is not None and versioned.metadata.version is not None:
            return _of_kv2(versioned, read)
        if read.kv is not None:
            raise Unavailable(f'the answer for "{read.key}" cannot be read', ("path", read.path))
    return _of_any(envelope, read)


def _of_kv2(versioned: Versioned, read: Read) -> Found:
    if bytes(versioned.data) == answers.NOTHING:
        raise gone(versioned, read)
    metadata = versioned.metadata or answers.Metadata()
    # A secret that is deleted and made anew counts from 1 again.
    return Found(_compact(versioned.data, read), Version(f"{metadata.version}@{metadata.created_time}"))


def _of_any(envelope: Envelope, read: Read) -> Found:
    data = _compact(envelope.data, read)
    if envelope.lease_id:
        lease = envelope.lease_duration or 0.0
        return Found(data, Version(envelope.lease_id), lease if lease > 0 else None, bool(envelope.renewable))
    if read.kv:
        return Found(data, fingerprint(data))
    terms = answers.part(envelope.data, answers.Terms) or answers.Terms()
    if terms.ttl is not None and any(
        bytes(rule) != answers.NOTHING for rule in (terms.rotation_period, terms.rotation_schedule)
    ):
        return Found(data, fingerprint(_without_ttl(envelope.data)), fresh_in=max(terms.ttl, 0.0) + 1)
    if terms.expiration is not None and terms.expiration > 0 and bytes(terms.certificate) != answers.NOTHING:
        return Found(data, fingerprint(data), expires_at=terms.expiration)
    return Found(data, fingerprint(data))


def _without_ttl(data: msgspec.Raw) -> bytes:
    """A static role counts its time down in the answer; that is no change of it."""
    members = answers.part(data, dict[str, msgspec.Raw]) or {}
    return b"\0".join(f"{name}=".encode() + bytes(value) for name, value in members.items() if name != "ttl")


def gone(versioned: Versioned, read: Read) -> SecretError:
    """Return that a version of KV v2 was deleted or destroyed."""
    metadata = versioned.metadata or answers.Metadata()
    number = metadata.version or read.version or "?"
    name = f"{read.mount}{read.below}"
    if metadata.destroyed:
        return NotFound(
            f'version {number} of secret "{read.key}" is destroyed',
            ("fix", "write a new version; nobody can read this one"),
        )
    return NotFound(
        f'version {number} of secret "{read.key}" is deleted',
        ("since", metadata.deletion_time or "?"),
        ("fix", f"bao kv undelete -versions={number} {name} (or vault kv undelete ...), or write a new version"),
    )


def fingerprint(data: bytes) -> Version:
    """Return a version for a value that has none: a keyed hash that is the same as long as the process lives."""
    from hashlib import blake2b  # noqa: PLC0415 - start-up cost

    return Version(blake2b(data, key=_KEY, digest_size=16).hexdigest())


def _compact(text: msgspec.Raw, read: Read) -> bytes:
    try:
        return compact_json(bytes(text))
    except ValueError as error:
        where = str(error)
    # Outside of `except`: its context would hold the value.
    raise DataError(f'what "{read.key}" holds is not JSON that can be used: {where}', ("path", read.path))
