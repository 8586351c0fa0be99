"""Fixtures around the Key Vault of tests; a test module names this one in `pytest_plugins`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from servers.shared_keyvault import lead, shared_keyvault

from secretfetch.provider import SecretError, SecretRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from servers.keyvault_server import KeyVaultServer

    from secretfetch.provider import Outcome, Provider

    Open = Callable[..., "Connection"]


class Connection:
    """A provider, and short ways to ask it."""

    def __init__(self, provider: Any) -> None:
        self.provider = provider

    def outcome(self, key: str, version: str = "", held: Any = None, **params: str) -> Outcome:
        """Return what comes out for one ref, raised or returned."""
        ref = SecretRef("azure-kv", key, version, tuple(sorted(params.items())))
        try:
            return self.provider.fetch({ref: held})[ref]
        except SecretError as error:
            return error

    def data(self, key: str, version: str = "", **params: str) -> bytes:
        """Return a value."""
        outcome = self.outcome(key, version, **params)
        if isinstance(outcome, SecretError):
            raise outcome
        return outcome.data  # type: ignore[union-attr]


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[KeyVaultServer]:
    """Give an empty Azure; the environment is that of a machine there with an identity, and of no other."""
    server = shared_keyvault()
    server.reset()
    lead(monkeypatch, server.env())
    monkeypatch.setenv("HOME", str(tmp_path))
    yield server
    server.released.set()


@pytest.fixture
def key_vault(azure: KeyVaultServer) -> Iterator[Open]:
    """Give a way to connect; what it gives is closed at the end."""
    from secretfetch_azure import connect

    opened: list[Provider] = []

    def open_one(**settings: Any) -> Connection:
        opened.append(connect(settings))
        return Connection(opened[-1])

    yield open_one
    for provider in opened:
        provider.close()
