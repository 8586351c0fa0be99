"""What a store's entry may set. What does not belong here: acting on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from secretfetch.provider import ConfigError, decode_settings

if TYPE_CHECKING:
    from collections.abc import Mapping


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of both stores; empty is the same as absent.

    Attributes:
        region: Before the environment's and the profile's; an ARN's own region is before this.
        profile: Of the shared configuration files.
        role_arn: Assumed with the credentials found first.
        external_id: For the role.
        session_name: For the role.
        endpoint_url: Of the store itself; logins use their own endpoints.
    """

    region: str = ""
    profile: str = ""
    role_arn: str = ""
    external_id: str = ""
    session_name: str = ""
    endpoint_url: str = ""


class SecretsManagerSettings(Settings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of Secrets Manager.

    Attributes:
        failover_region: Asked for secrets that are named without an ARN when their region is out.
    """

    failover_region: str = ""


_S = TypeVar("_S", bound=Settings)

_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/\S+")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_REGION = re.compile(r"[a-z0-9-]+")


def decode(settings: Mapping[str, Any], into: type[_S]) -> _S:
    """Decode and check.

    Raises:
        ConfigError: A setting that is unknown, has the wrong type, or cannot work.
    """
    decoded = decode_settings(settings, into)
    _check_role(decoded)
    _check_regions(decoded)
    if decoded.endpoint_url and not re.match(r"https?://[^/?#]", decoded.endpoint_url):
        raise ConfigError('the setting "endpoint_url" is no http(s) URL')
    return decoded


def _check_role(settings: Settings) -> None:
    if settings.role_arn and not _ROLE.fullmatch(settings.role_arn):
        raise ConfigError(
            f'the setting "role_arn" is no ARN of a role: "{settings.role_arn}"',
            ("form", "arn:aws:iam::111122223333:role/NAME"),
        )
    if not settings.role_arn:
        for name in ("external_id", "session_name"):
            if getattr(settings, name):
                raise ConfigError(f'the setting "{name}" belongs to a role', ("fix", 'set "role_arn" as well'))
    if settings.session_name and not _SESSION_NAME.fullmatch(settings.session_name):
        raise ConfigError('the setting "session_name" needs 2 to 64 letters, digits or _+=,.@-')


def _check_regions(settings: Settings) -> None:
    failover = getattr(settings, "failover_region", "")
    for name, region in (("region", settings.region), ("failover_region", failover)):
        if region and not _REGION.fullmatch(region):
            raise ConfigError(f'the setting "{name}" is no region: "{region}"', ("form", "eu-west-1"))
    if failover and failover == settings.region:
        raise ConfigError('"failover_region" is the same as "region"')
