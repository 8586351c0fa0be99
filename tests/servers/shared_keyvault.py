"""One Key Vault for all tests of a process: it is started when the first of them asks.

What does not belong here: the server itself (`keyvault_server`), and what a test puts into it.
"""

from __future__ import annotations

import atexit
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from servers.keyvault_server import KeyVaultServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest
    from servers.keyvault_content import Vault

_LEFT = ("AZURE_", "IDENTITY_", "MSI_", "IMDS_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@lru_cache(maxsize=1)
def shared_keyvault() -> KeyVaultServer:
    """Return the server of this process; whoever takes it empties it with `reset` first. It ends with the process."""
    server = KeyVaultServer().start()
    atexit.register(server.stop)
    return server


def foreign(name: str) -> bool:
    """Tell whether a variable of the environment would lead a program elsewhere."""
    return name.startswith(_LEFT) or name.upper().endswith("_PROXY")


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with these variables in the place of all that leads to Azure."""
    return {**{name: value for name, value in os.environ.items() if not foreign(name)}, **variables}


def seed(vault: Vault, seeds: Mapping[str, Any]) -> None:
    """Fill a vault as a conformance case says it.

    Args:
        vault: To fill.
        seeds: `secrets` {name: value, or a mapping with `value` and more, or a list of these, the oldest first};
            `secret_versions` {name: such a list}; `certificate_secrets` {name: {content_type, value}};
            `keys` {name: JSON web key}.
    """
    for name, given in {**seeds.get("secrets", {}), **seeds.get("secret_versions", {})}.items():
        for version in given if isinstance(given, list) else [given]:
            more = dict(version) if isinstance(version, dict) else {"value": version}
            vault.secret(name, more.pop("value"), **more)
    for name, given in seeds.get("certificate_secrets", {}).items():
        vault.certificate(name, given["value"], given["content_type"])
    for name, jwk in seeds.get("keys", {}).items():
        vault.key(name, jwk)


def lead(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    """Let the environment say this about Azure, and nothing else."""
    for name in list(os.environ):
        if foreign(name):
            monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def shown(error: Any) -> str:
    """Return all that a person sees of an error."""
    return "\n".join([str(error), *(f"{label}: {text}" for label, text in error.notes)])
