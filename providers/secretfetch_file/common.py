"""What both providers refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretfetch.provider import ConfigError

if TYPE_CHECKING:
    from secretfetch.provider import SecretRef


def refused(ref: SecretRef, what: str) -> ConfigError | None:
    """Return the error of a ref that asks for more than a name.

    Args:
        ref: As it was written.
        what: `a file`, `an environment variable`.
    """
    asked_for = ["version"] if ref.version else []
    asked_for += [name for name, _ in ref.params]
    if not asked_for:
        return None
    return ConfigError(
        f'{what} takes no "{asked_for[0]}": "{ref.key}"', ("fix", "leave it out of the reference: there is only one")
    )
