"""Names of vaults -> hosts, and the clouds that hosts belong to. What does not belong here: asking them."""

from __future__ import annotations

import re
from typing import NamedTuple

from secretfetch.provider import ConfigError

_NAME = re.compile(r"[a-zA-Z0-9-]{3,24}")
_HOST = re.compile(r"[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+(:\d{1,5})?")


class Cloud(NamedTuple):
    """One of Azure's separate clouds: what vaults' and HSMs' names end in, and where one logs in."""

    vaults: str
    hsms: str
    authority: str


CLOUDS = {
    "public": Cloud("vault.azure.net", "managedhsm.azure.net", "login.microsoftonline.com"),
    "china": Cloud("vault.azure.cn", "managedhsm.azure.cn", "login.chinacloudapi.cn"),
    "usgov": Cloud("vault.usgovcloudapi.net", "managedhsm.usgovcloudapi.net", "login.microsoftonline.us"),
}


def cloud_of(host: str) -> str:
    """Return the name of the cloud that a host belongs to, or nothing."""
    return next((name for name, cloud in CLOUDS.items() if host.endswith((f".{cloud.vaults}", f".{cloud.hsms}"))), "")


def cloud_of_login(authority: str) -> str:
    """Return the name of the cloud that one logs in to at a host or URL, or nothing."""
    host = authority.removeprefix("https://").strip("/").lower()
    return next((name for name, cloud in CLOUDS.items() if cloud.authority == host), "")


def is_host(text: str) -> bool:
    """Tell a host from the name of a vault or secret, which has no dot."""
    return "." in text


def is_hsm(host: str) -> bool:
    """Tell a managed HSM, which holds keys and nothing else."""
    return ".managedhsm." in host


def host_of(vault: str, cloud: str) -> str:
    """Return the host of a vault that a ref names.

    Args:
        vault: A name or a host.
        cloud: Where a name is looked for.

    Raises:
        ConfigError: It is neither.
    """
    if is_host(vault):
        if not _HOST.fullmatch(vault):
            raise ConfigError(f'"{vault}" is no host of a vault', ("form", f"NAME.{CLOUDS[cloud].vaults}"))
        return vault.lower()
    if not _NAME.fullmatch(vault):
        raise ConfigError(
            f'"{vault}" is no name of a vault', ("form", "3 to 24 letters, digits and hyphens, or a host name")
        )
    return f"{vault.lower()}.{CLOUDS[cloud].vaults}"


def host_of_url(url: str) -> str:
    """Return the host of the setting `vault_url`.

    Raises:
        ConfigError: It is no https URL of a host alone.
    """
    scheme, _, rest = url.partition("://")
    host = rest.removesuffix("/")
    if scheme.lower() != "https" or not (_HOST.fullmatch(host) or re.fullmatch(r"localhost(:\d{1,5})?", host)):
        raise ConfigError(
            'the setting "vault_url" is no https URL of a vault', ("form", "https://NAME.vault.azure.net")
        )
    return host.lower()


def name_of(host: str) -> str:
    """Return what people call a vault: its name, or the host where that is not one of Azure's."""
    return host.partition(".")[0] if cloud_of(host) else host
