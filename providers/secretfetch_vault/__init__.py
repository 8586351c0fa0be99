"""HashiCorp Vault and OpenBao (`vault`).

Only the `Connect` function: nothing of the SDK is imported before the first fetch. What does not belong here:
everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.provider import Provider

__all__ = ["connect"]


def connect(settings: Mapping[str, Any]) -> Provider:
    """Return a connection to a server; nothing is asked of it yet.

    Raises:
        ConfigError: An unknown or wrong setting, or no address.
    """
    import os  # noqa: PLC0415 - kept beside its only use

    from secretfetch_vault.places import locate  # noqa: PLC0415 - start-up cost
    from secretfetch_vault.settings import decode  # noqa: PLC0415 - start-up cost
    from secretfetch_vault.transport import Transport  # noqa: PLC0415 - start-up cost
    from secretfetch_vault.vault import Vault  # noqa: PLC0415 - start-up cost

    decoded = decode(settings)
    return Vault(decoded, Transport(locate(decoded, os.environ)))
