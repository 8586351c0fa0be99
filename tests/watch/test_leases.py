"""An init container and a sidecar over a real Vault: one login, one lease, and nothing minted twice."""

import json
import subprocess

import pytest
from servers.shared_vault import empty, shared_vault
from watch.processes import PROGRAM, Sidecar

CONFIG = """\
stores:
  vault: {address: "${VAULT_ADDR}", auth: {userpass: {username: bob, password: pw}}%s}
secrets:
  web: {ref: 'vault://pki/issue/web', params: {common_name: web.example.com, ttl: 50m}}
  app: vault://secret/app
outputs:
  - {path: tls.crt, from: web#certificate}
  - {path: app.env, from: app}
"""
MINTED = "PUT pki/issue/web"


@pytest.fixture
def vault():
    """Give a Vault with an engine that gives leases, a KV mount and a user who may use both."""
    server = shared_vault()
    empty(server)
    server.mount("secret")
    server.api("POST", "secret/data/app", {"data": {"A": "1"}})
    server.mount("pki", "pki")
    server.api("POST", "pki/root/generate/internal", {"common_name": "example.com", "ttl": "24h"})
    server.api("POST", "pki/roles/web", {"allow_any_name": True, "max_ttl": "1h", "generate_lease": True})
    server.api("DELETE", "sys/auth/userpass")
    server.api("POST", "sys/auth/userpass", {"type": "userpass"})
    server.policy("web", ("pki/issue/web", "update"), ("secret/data/app", "read"))
    user = {"password": "pw", "token_policies": "web", "token_ttl": "10m", "token_max_ttl": "2h"}
    server.api("POST", "auth/userpass/users/bob", user)
    server.forget()
    yield server
    server.api("DELETE", "sys/auth/userpass")


def env(server):
    return {"VAULT_ADDR": server.url, "PATH": "/usr/bin:/bin"}


def start(folder, server, more=""):
    (folder / "config.yaml").write_text(CONFIG % more)
    argv = [PROGRAM, "fetch", "-c", "config.yaml", "--out", "out"]
    subprocess.run(argv, cwd=folder, env={**env(server), "HOME": str(folder)}, check=True, capture_output=True)


def test_a_sidecar_goes_on_with_the_lease_of_its_init_container(tmp_path, vault):
    """It asks nobody at first; a rotation of another secret of the volume mints once, as no value is handed over."""
    start(tmp_path, vault)
    assert 1 == vault.counts[MINTED]
    vault.forget()
    with Sidecar(tmp_path, "--period", "24h", env=env(vault)) as sidecar:
        sidecar.until("fresh")
        assert {} == dict(vault.counts)
        certificate = sidecar.read("tls.crt")
        vault.api("POST", "secret/data/app", {"data": {"A": "2"}})
        vault.forget()
        sidecar.refresh()
        sidecar.until("published", updated=2)
        assert (1, "A='2'\n") == (vault.counts[MINTED], sidecar.read("app.env"))
        assert certificate != sidecar.read("tls.crt")
        for value in ("3", "4"):
            vault.api("POST", "secret/data/app", {"data": {"A": value}})
            sidecar.refresh()
            sidecar.until("published", updated=1)
        assert 1 == vault.counts[MINTED]
        assert 0 == sidecar.end()[0]
    lease = json.loads((tmp_path / "out" / "..state").read_text())["stores"]["vault"]
    assert "hvs." not in json.dumps(lease)


def test_what_a_sidecar_revokes_is_made_anew_by_the_next_one(tmp_path, vault):
    """`revoke_on_shutdown`: after the end nothing of it is believed, and the next process mints."""
    start(tmp_path, vault, ", revoke_on_shutdown: true")
    with Sidecar(tmp_path, "--period", "24h", env=env(vault)) as sidecar:
        sidecar.until("fresh")
        assert 0 == sidecar.end()[0]
    vault.forget()
    with Sidecar(tmp_path, "--period", "24h", env=env(vault)) as sidecar:
        sidecar.until("published", updated=1)
        assert 1 == vault.counts[MINTED]
