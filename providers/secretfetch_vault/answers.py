"""Answers of the API, read as JSON whose values keep the text they came in.

What does not belong here: what is asked, and which answer is an error (`trouble`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from secretfetch.provider import Unavailable
from secretfetch_vault.quiet import Quiet

if TYPE_CHECKING:
    from secretfetch_vault.transport import Answer

NOTHING = b"null"
OK, NO_CONTENT = 200, 204
BAD_REQUEST, FORBIDDEN, MISSING, TOO_MANY, SERVER_FAULT = 400, 403, 404, 429, 500


class Auth(Quiet, frozen=True):
    """What a login gives."""

    client_token: str = ""
    accessor: str | None = None
    policies: list[str] | None = None
    metadata: dict[str, Any] | None = None
    lease_duration: float | None = None
    renewable: bool | None = None


class Envelope(Quiet, frozen=True):
    """What is around every answer. `data` is source text; `null` where there is none."""

    lease_id: str | None = None
    renewable: bool | None = None
    lease_duration: float | None = None
    data: msgspec.Raw = msgspec.Raw(NOTHING)
    auth: Auth | None = None
    warnings: list[str] | None = None
    errors: list[str] | None = None


class Versioned(Quiet, frozen=True):
    """`data` of KV v2."""

    data: msgspec.Raw = msgspec.Raw(NOTHING)
    metadata: Metadata | None = None


class Metadata(msgspec.Struct):
    """Of one version of a KV v2 secret."""

    version: int | None = None
    created_time: str | None = None
    deletion_time: str | None = None
    destroyed: bool | None = None


class Mounted(msgspec.Struct):
    """What the server tells of a mount."""

    path: str
    type: str
    options: dict[str, Any] | None = None


class Listed(msgspec.Struct):
    """The mounts that a token may see."""

    secret: dict[str, Any] = {}


class Keys(msgspec.Struct):
    """A listing."""

    keys: list[str]


class Terms(Quiet, frozen=True):
    """What an answer without a lease may say about its own end: of a static role, of a certificate."""

    ttl: float | None = None
    rotation_period: msgspec.Raw = msgspec.Raw(NOTHING)
    rotation_schedule: msgspec.Raw = msgspec.Raw(NOTHING)
    certificate: msgspec.Raw = msgspec.Raw(NOTHING)
    expiration: float | None = None


_T = TypeVar("_T")


def read(answer: Answer, host: str) -> Envelope:
    """Read the JSON around an answer; that of 204, or of one without a body, is empty.

    Raises:
        Unavailable: It is no JSON of this API: a proxy, a login page, half an answer.
    """
    if not answer.body.strip():
        return Envelope()
    found = part(answer.body, Envelope)
    if found is None:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip() or "no type"
        raise Unavailable(
            f"what answers at {host} is not Vault or OpenBao",
            (
                "answer",
                f"HTTP {answer.status}, {kind if kind.isprintable() else 'an odd type'}, which is not JSON of its API",
            ),
            ("fix", "see the address and the proxy"),
        )
    return found


def part(text: bytes | msgspec.Raw, into: type[_T]) -> _T | None:
    """Read a part of an answer; None where it is something else."""
    try:
        return msgspec.json.decode(text, type=into)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
