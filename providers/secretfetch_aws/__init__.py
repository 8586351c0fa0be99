"""AWS: Secrets Manager (`aws-sm`) and Parameter Store (`aws-ssm`).

Only the two `Connect` functions: nothing of the SDK is imported before the first fetch. What does not belong here:
everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.provider import Provider

__all__ = ["connect_parameter_store", "connect_secrets_manager"]


def connect_secrets_manager(settings: Mapping[str, Any]) -> Provider:
    """Return a connection to Secrets Manager; nothing is asked of AWS yet.

    Raises:
        ConfigError: An unknown or wrong setting.
    """
    from secretfetch_aws.secrets_manager import SecretsManager  # noqa: PLC0415 - start-up cost
    from secretfetch_aws.settings import SecretsManagerSettings, decode  # noqa: PLC0415 - start-up cost
    from secretfetch_aws.transport import Transport  # noqa: PLC0415 - start-up cost

    decoded = decode(settings, SecretsManagerSettings)
    return SecretsManager(Transport(decoded), failover_region=decoded.failover_region)


def connect_parameter_store(settings: Mapping[str, Any]) -> Provider:
    """Return a connection to Parameter Store; nothing is asked of AWS yet.

    Raises:
        ConfigError: An unknown or wrong setting.
    """
    from secretfetch_aws.parameter_store import ParameterStore  # noqa: PLC0415 - start-up cost
    from secretfetch_aws.settings import Settings, decode  # noqa: PLC0415 - start-up cost
    from secretfetch_aws.transport import Transport  # noqa: PLC0415 - start-up cost

    return ParameterStore(Transport(decode(settings, Settings)))
