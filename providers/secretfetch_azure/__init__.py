"""Azure Key Vault (`azure-kv`): secrets, and the public side of keys and certificates.

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
    """Return a connection to the vaults that refs name, or to the one of the settings; nothing is asked of Azure yet.

    Raises:
        ConfigError: An unknown or wrong setting.
    """
    from secretfetch_azure.key_vault import KeyVault  # noqa: PLC0415 - start-up cost
    from secretfetch_azure.settings import decode  # noqa: PLC0415 - start-up cost

    return KeyVault(decode(settings))
