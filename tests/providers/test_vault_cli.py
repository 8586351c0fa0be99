"""The program and Vault together: what must outlive a process that only fetches."""

from __future__ import annotations

import pytest
from servers.vault_server import Fault, leased

from secretfetch.cli import main

CONFIG = """
stores: {vault: {auth: {userpass: {username: shop, password: pw}}, revoke_on_shutdown: true}}
outputs: [{path: db.env, from: vault://database/creds/shop}]
"""


@pytest.mark.parametrize(
    ("words", "revoked"), [(["fetch"], 0), (["get", "vault://database/creds/shop#password"], 0), (["plan"], 1)]
)
def test_what_is_used_afterwards_is_not_revoked(vault, tmp_path, words, revoked):
    """Credentials that were written or printed outlive the process; those that were only looked at do not."""
    login = {"auth": {"client_token": "t", "lease_duration": 3600, "renewable": True, "policies": []}}
    vault.faults += [
        Fault("auth/userpass/login/shop", json=login),
        Fault("sys/internal/ui/mounts/.*", status=403, json={"errors": ["permission denied"]}),
        Fault("database/creds/shop", json=leased("database/creds/shop", "1", 3600, password="pw-9")),
        Fault("auth/token/revoke-self", status=204, body=b""),
    ]
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)

    assert main([*words, "-c", str(config), "--out", str(tmp_path / "out")]) == 0

    assert sum(count for name, count in vault.counts.items() if name.endswith("revoke-self")) == revoked
