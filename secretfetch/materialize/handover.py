"""What one secretfetch leaves in a volume for the next one: which versions it holds, and until when. No values.

An init container and a sidecar share their volume; the sidecar goes on where the init container ended: it neither reads
nor mints again. What does not belong here: what a lease is (`provider.Handover`).
"""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from secretfetch import __version__
from secretfetch.plan import sources_of
from secretfetch.provider import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.plan import Plan, Volume
    from secretfetch.provider import SecretRef


class Held(NamedTuple):
    """What is known of a secret whose value is published, and not kept.

    Attributes:
        version: The version; None: the store says that it does not exist, and that is forgiven.
        due: When to ask again, by the clock (a lease); `inf`: at every poll.
    """

    version: Version | None
    due: float = inf


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """The content of a volume's note.

    Attributes:
        plan: Digest of what the volume was made of: another config makes the rest worthless.
        seal: Of the files.
        paths: The files.
        at: When the stores were last asked, seconds since 1970.
        held: By digest of the ref: version (None: it does not exist), due time (since 1970; None: at every poll).
        stores: What the connections hand over, by name.
        pending: Hooks have not been run to their end.
    """

    plan: str
    seal: str
    paths: list[str]
    at: float
    held: dict[str, tuple[str | None, float | None]]
    stores: dict[str, dict[str, Any]] = {}
    pending: bool = False


def digest_of_ref(ref: SecretRef) -> str:
    """Return what stands for a ref in a note: its arguments may be secrets."""
    return _digest((ref.store, ref.key, ref.version, ref.params))


def digest_of_volume(volume: Volume, plan: Plan) -> str:
    """Return what is different when anything that a volume is made of is: outputs, stores, the program's version."""
    names = sorted({source.ref.store for output in volume.outputs for source in sources_of(output)})
    return _digest((__version__, volume, [plan.stores[name] for name in names]))


def _digest(content: Any) -> str:
    from hashlib import sha256  # noqa: PLC0415 - start-up cost

    return sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:32]


def encode(state: State) -> bytes:
    """Return the note's text."""
    return msgspec.json.encode(state) + b"\n"


def decode(text: bytes | None) -> State | None:
    """Return a note's content; None where it is not a sound one."""
    if text is None:
        return None
    try:
        state = msgspec.json.decode(text, type=State)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    times = (state.at, *(due for _, due in state.held.values() if due is not None))
    return state if all(map(isfinite, times)) else None


def written(held: Mapping[SecretRef, Held], ahead: float) -> dict[str, tuple[str | None, float | None]]:
    """Return what is held as a note has it. `ahead`: the seconds since 1970 less those of the clock."""
    return {
        digest_of_ref(ref): (one.version, None if one.due == inf else round(one.due + ahead, 1))
        for ref, one in held.items()
    }


def taken(state: State, ref: SecretRef, ahead: float) -> Held | None:
    """Return what a note knows of a ref."""
    found = state.held.get(digest_of_ref(ref))
    if found is None:
        return None
    version, due = found
    return Held(None if version is None else Version(version), inf if due is None else due - ahead)
