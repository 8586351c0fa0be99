"""What a provider hands over to a next process. A provider may be anybody's code: its trouble costs a second fetch.

What does not belong here: where it is kept (`materialize`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.provider import Handover


def handed_over(name: str, provider: Handover) -> dict[str, Any]:
    """Return what a provider hands over, as JSON types; nothing where it fails or gives anything else."""
    import msgspec  # noqa: PLC0415 - only where something is handed over

    try:
        return msgspec.json.decode(msgspec.json.encode(provider.hand_over()), type=dict[str, Any])
    except Exception as error:  # noqa: BLE001 - told by its type, as its text may hold a value
        _tell(name, "hand over", error)
        return {}


def take_over(name: str, provider: Handover, state: Mapping[str, Any]) -> None:
    """Let a provider take over; it has the refs read anew where it fails."""
    try:
        provider.take_over(state)
    except Exception as error:  # noqa: BLE001 - as above
        _tell(name, "take over", error)


def _tell(name: str, action: str, error: Exception) -> None:
    import logging  # noqa: PLC0415 - start-up cost

    logging.getLogger("secretfetch.stores").warning(
        'provider "%s" could not %s: %s', name, action, type(error).__name__
    )
