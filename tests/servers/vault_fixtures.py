"""Fixtures of the tests of Vault: one server a session, with empty KV mounts for every test."""

from __future__ import annotations

import os

import pytest
from servers.vault_server import ROOT, VaultServer

ALIEN = ("VAULT_", "BAO_", "AWS_", "AZURE_", "IDENTITY_", "REQUESTS_CA", "CURL_CA", "SSL_CERT")


def clean_environment(monkeypatch, home):
    """Let nothing of how the machine is configured show."""
    for name in list(os.environ):
        if name.startswith(ALIEN) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture(scope="session")
def vault_running():
    """Give the running server; tests want `vault`."""
    server = VaultServer().start()
    server.mount("secret")
    server.mount("legacy", version=1)
    yield server
    server.stop()


@pytest.fixture
def vault(vault_running, monkeypatch, tmp_path):
    """Give a server with KV v2 at `secret` and KV v1 at `legacy`, both empty; the environment leads to it, as root."""
    vault_running.forget()
    vault_running.empty("secret")
    vault_running.empty("legacy", version=1)
    clean_environment(monkeypatch, tmp_path)
    monkeypatch.setenv("VAULT_ADDR", vault_running.url)
    monkeypatch.setenv("VAULT_TOKEN", ROOT)
    yield vault_running
    vault_running.released.set()


@pytest.fixture
def vault_store(vault):
    """Give a way to connect to the server; what it gives is closed at the end."""
    from secretfetch_vault.clock import SYSTEM
    from secretfetch_vault.places import locate
    from secretfetch_vault.settings import decode
    from secretfetch_vault.transport import Timeouts, Transport
    from secretfetch_vault.vault import Vault

    opened = []

    def open_one(*, clock=SYSTEM, timeouts=Timeouts(), **settings):  # noqa: B008 - it is frozen
        decoded = decode(settings)
        opened.append(Vault(decoded, Transport(locate(decoded, os.environ), timeouts), clock))
        return opened[-1]

    yield open_one
    for provider in opened:
        provider.close()


class FakeTime:
    """A clock of the provider that moves when it is told to; chance is the middle of what may be."""

    def __init__(self):
        self.seconds = 1000.0

    @property
    def clock(self):
        """What a connection is given."""
        from secretfetch_vault.clock import Clock

        return Clock(now=lambda: self.seconds, wall=lambda: 1_800_000_000.0 + self.seconds, random=lambda: 0.5)


@pytest.fixture
def fake_time():
    """Give a clock that stands still."""
    return FakeTime()
