"""The rules that every provider keeps, for Vault."""

import json
import socket

import pytest
from secretfetch_vault import connect

from secretfetch.provider import SecretRef
from secretfetch.testing import ProviderContract


class _Contract(ProviderContract):
    holds = "objects"

    @pytest.fixture(autouse=True)
    def server(self, vault):
        self.vault = vault
        vault.policy(
            "contract", ("+/*", "read,list"), ("+/contract-denied", "deny"), ("+/data/contract-denied", "deny")
        )
        self.token = vault.new_token("contract")

    def connect(self, settings):
        return connect(settings)

    def settings(self):
        return {"address": self.vault.url, "auth": {"token": {"token": self.token}}}

    def denied(self):
        self.put("contract-denied", b'{"a":"b"}')
        return self.put("contract-denied", b'{"a":"b"}')

    def unreachable(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            return {"address": f"http://127.0.0.1:{taken.getsockname()[1]}"}

    def verbatim(self):
        # The server sorts the members of an object.
        return json.dumps(json.loads(super().verbatim()), sort_keys=True, separators=(",", ":")).encode()


class TestKv2(_Contract):
    """KV v2."""

    def put(self, name, data):
        self.vault.api("POST", f"secret/data/{name}", {"data": json.loads(data)})
        return SecretRef("vault", f"secret/{name}")


class TestKv1(_Contract):
    """KV v1."""

    def put(self, name, data):
        self.vault.api("POST", f"legacy/{name}", json.loads(data))
        return SecretRef("vault", f"legacy/{name}")
