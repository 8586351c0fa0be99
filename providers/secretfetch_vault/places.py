"""Where the server is and how its connection is secured: settings, then the environment of the `bao` and `vault` CLIs.

What does not belong here: credentials, and reading the files that are named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretfetch.provider import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch_vault.settings import Settings

_ADDRESS = re.compile(r"(?P<scheme>https?)://(?P<host>[^/?#@\s]+)(?P<prefix>/[^?#\s]*)?", re.IGNORECASE)
_TRUE = {"1", "t", "true"}
_FALSE = {"", "0", "f", "false"}


@dataclass(frozen=True, slots=True)
class Place:
    """One server.

    Attributes:
        address: `https://HOST:PORT`, perhaps with a path, without a slash at its end.
        namespace: Of reads; empty is the root.
        ca_file: Authorities; empty is those of the system.
        ca_dir: A directory of such files, where no file is named.
        client_cert: Path; empty is none.
        client_key: Path; empty is the certificate's own file.
        server_name: That the certificate must have, if that is not the host's.
        verify: Whether the certificate is verified.
        named_by: What has named the address: the setting, or a variable.
    """

    address: str
    namespace: str = ""
    ca_file: str = ""
    ca_dir: str = ""
    client_cert: str = ""
    client_key: str = ""
    server_name: str = ""
    verify: bool = True
    named_by: str = field(default="the setting address", compare=False)

    @property
    def host(self) -> str:
        """Host and port."""
        return self.address.partition("://")[2].partition("/")[0]

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{self.address} (namespace {self.namespace})" if self.namespace else self.address


def locate(settings: Settings, environ: Mapping[str, str]) -> Place:
    """Put settings and environment together.

    Raises:
        ConfigError: No address, or one that is no URL; a variable that is neither true nor false.
    """
    address, named_by = settings.address, "the setting address"
    if not address:
        address, named_by = _variable(environ, "ADDR")
    if not address:
        fix = 'set "address" of the store, or VAULT_ADDR or BAO_ADDR'
        raise ConfigError("no address of a Vault or OpenBao server", ("fix", fix))
    cert = settings.client_cert or _variable(environ, "CLIENT_CERT")[0]
    key = settings.client_key if settings.client_cert else _variable(environ, "CLIENT_KEY")[0]
    ca_file = settings.ca_file or _variable(environ, "CACERT")[0]
    return Place(
        address=_checked(address, named_by),
        namespace=checked_namespace(settings.namespace or _variable(environ, "NAMESPACE")[0]),
        ca_file=ca_file,
        ca_dir="" if ca_file else _variable(environ, "CAPATH")[0],
        client_cert=cert,
        client_key=key if cert else "",
        server_name=settings.tls_server_name or _variable(environ, "TLS_SERVER_NAME")[0],
        verify=not _skips(settings, environ),
        named_by=named_by,
    )


def _variable(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """Return a variable's value and name; OpenBao's own is before Vault's."""
    for prefix in ("BAO_", "VAULT_"):
        if value := environ.get(prefix + name, "").strip():
            return value, prefix + name
    return "", ""


def _checked(address: str, named_by: str) -> str:
    found = _ADDRESS.fullmatch(address)
    if found is None or not address.isascii():
        # Not shown: it may hold a password.
        raise ConfigError(f"{named_by} is no http(s) URL of a server", ("form", "https://vault.example:8200"))
    return f"{found['scheme'].lower()}://{found['host']}{(found['prefix'] or '').rstrip('/')}"


def checked_namespace(name: str) -> str:
    """Return a namespace that can be sent.

    Raises:
        ConfigError: It has blanks or signs that no namespace has.
    """
    if name and (not name.isascii() or not name.isprintable() or " " in name):
        raise ConfigError("the namespace has signs that no namespace has", ("form", "team/app"))
    return name.strip("/")


def _skips(settings: Settings, environ: Mapping[str, str]) -> bool:
    if settings.tls_skip_verify is not None:
        return settings.tls_skip_verify
    text, name = _variable(environ, "SKIP_VERIFY")
    if text.lower() not in _TRUE | _FALSE:
        raise ConfigError(f"{name} is neither true nor false")
    return text.lower() in _TRUE
