"""The rules that every provider keeps, for Key Vault."""

import socket

import pytest
from secretfetch_azure import connect

from secretfetch.provider import SecretRef
from secretfetch.testing import ProviderContract

pytest_plugins = ["servers.keyvault_fixtures"]


class TestKeyVault(ProviderContract):
    """`azure-kv`, by names of vaults."""

    holds = "text"

    @pytest.fixture(autouse=True)
    def server(self, azure):
        self.azure = azure

    def connect(self, settings):
        return connect(settings)

    def settings(self):
        return {"cloud": "public", "client_id": "canary-of-an-id", "auth": {"managed_identity": {}}}

    def put(self, name, data):
        self.azure.vault("contoso").secret(name, data.decode())
        return SecretRef("azure-kv", f"contoso/{name}")

    def denied(self):
        self.azure.deny("contoso", "secrets/get", "contract-denied")
        return self.put("contract-denied", b"{}")


class TestOneVault(TestKeyVault):
    """`azure-kv`, with a vault in the settings."""

    def settings(self):
        return {"vault_url": "https://contoso.vault.azure.net", "expired": "refuse"}

    def put(self, name, data):
        super().put(name, data)
        return SecretRef("azure-kv", name)

    def unreachable(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            return {"vault_url": f"https://127.0.0.1:{taken.getsockname()[1]}"}
