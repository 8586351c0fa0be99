"""The deploy examples of Vault, run as a user runs them: a process, an OpenBao, a service account, every byte."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from servers import service_accounts, shared_vault

EXAMPLES = Path(__file__).parents[1] / "deploy-examples"
LITERALS = yaml.safe_load((EXAMPLES / "portkey-gateway-vault/partial.yaml").read_text())["outputs"][0]["defaults"]
GATEWAY = "kv/data/portkey/gateway/config"
FULL = {
    **dict.fromkeys(LITERALS, ""),
    "PORT": "8787",
    "PORTKEY_CLIENT_AUTH": "pk-$1",
    "ANALYTICS_STORE_PASSWORD": "it's",
    "REDIS_URL": "redis://redis:6379",
}


@pytest.fixture
def vault():
    """Give an OpenBao with the mounts of the guides and a login for service accounts."""
    server = shared_vault.shared_vault()
    shared_vault.empty(server)
    server.mount("kv")
    server.mount("secret")
    service_accounts.trust(server)
    return server


@pytest.fixture
def fetch(vault, tmp_path):
    """Give a way to run an example as a pod of a role that may read one path; it returns the volume's files."""

    def run(config, role, path):
        out, token, given = tmp_path / "out", tmp_path / "token", tmp_path / "config.yaml"
        vault.policy(role, (path, "read"))
        service_accounts.role(vault, role, role)
        token.write_text(service_accounts.token())
        # In a pod the token is where the kubelet mounts it; nothing else differs from the example.
        given.write_text((EXAMPLES / config).read_text().replace(f"role: {role}", f"role: {role}, token_path: {token}"))
        done = subprocess.run(
            [Path(sys.executable).with_name("secretfetch"), "fetch", "-c", given, "--out", out],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "VAULT_ADDR": vault.url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (0, "") == (done.returncode, done.stdout), done.stderr
        return {name: (out / name).read_text() for name in os.listdir(out) if not name.startswith("..")}

    return run


def lines(values):
    """Write an env file by hand: double quotes where a single quote is in the value."""
    quoted = {name: f'"{value}"' if "'" in value else f"'{value}'" for name, value in values.items()}
    return "".join(f"{name}={quoted[name]}\n" for name in sorted(quoted))


def seed(vault, values):
    """Put the gateway's secret into the store."""
    vault.api("POST", GATEWAY, {"data": values})


def test_gateway_full(vault, fetch):
    """Every key is a variable: one login, one look at the mount, one read for 33 keys."""
    seed(vault, FULL)
    assert {"gateway.env": lines(FULL)} == fetch("portkey-gateway-vault/full.yaml", "portkey-gateway", GATEWAY)
    assert 1 == vault.counts[f"GET {GATEWAY}"]
    assert 1 == vault.counts["POST auth/kubernetes/login"] + vault.counts["PUT auth/kubernetes/login"]


def test_gateway_partial(vault, fetch):
    """The secret wins, the literal fills in."""
    held = {"PORTKEY_CLIENT_AUTH": "pk-$1", "REDIS_URL": ""}
    seed(vault, held)
    literal = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in LITERALS.items()}
    files = fetch("portkey-gateway-vault/partial.yaml", "portkey-gateway", GATEWAY)
    assert {"gateway.env": lines(literal | held)} == files


def test_gateway_mount_only(vault, fetch):
    """What is secret is a file, its variable the path where the application mounts it."""
    seed(vault, FULL)
    files = fetch("portkey-gateway-vault/mount-only.yaml", "portkey-gateway", GATEWAY)
    env = files.pop("gateway.env")
    names = ["ANALYTICS_STORE_PASSWORD", "ANALYTICS_STORE_USER", "PORTKEY_CLIENT_AUTH", "REDIS_URL"]
    assert {name: FULL[name] for name in names} == files
    assert all(f"{name}='/vault/secrets/{name}'\n" in env for name in names)
    assert "PORT='8787'\n" in env


def test_aeterna(vault, fetch):
    """Two references to one path are one read."""
    vault.api("POST", "secret/data/aeterna", {"data": {"postgres-password": "p w", "llm-api-key": "sk-1"}})
    files = fetch("aeterna-vault/config.yaml", "aeterna", "secret/data/aeterna")
    assert {"aeterna.env": "LLM_API_KEY='sk-1'\nPOSTGRES_PASSWORD='p w'\n"} == files
    assert 1 == vault.counts["GET secret/data/aeterna"]
