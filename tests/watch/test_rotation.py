"""A value that changes in a real server reaches the file and the hook, by a real process."""

import json
import os
import time

import pytest
from servers.shared_aws import shared_aws
from servers.shared_keyvault import seed, shared_keyvault
from servers.shared_vault import empty, shared_vault
from servers.vault_server import ROOT
from watch.processes import Sidecar

PERIOD = 1.0


def _secrets_manager():
    server = shared_aws()
    server.reset()
    client = server.client("secretsmanager")
    client.create_secret(Name="db", SecretString='{"A":"1"}')
    return "aws-sm://db", server.env(), lambda: client.put_secret_value(SecretId="db", SecretString='{"A":"2"}')


def _parameter_store():
    server = shared_aws()
    server.reset()
    client = server.client("ssm")
    client.put_parameter(Name="db", Type="SecureString", Value='{"A":"1"}')
    change = lambda: client.put_parameter(Name="db", Type="SecureString", Value='{"A":"2"}', Overwrite=True)  # noqa: E731
    return "aws-ssm://db", server.env(), change


def _vault():
    server = shared_vault()
    empty(server)
    server.mount("secret")
    server.api("POST", "secret/data/db", {"data": {"A": "1"}})
    env = {"VAULT_ADDR": server.url, "VAULT_TOKEN": ROOT}
    return "vault://secret/db", env, lambda: server.api("POST", "secret/data/db", {"data": {"A": "2"}})


def _key_vault():
    server = shared_keyvault()
    server.reset()
    server.login.identities = [""]
    vault = server.vault("contoso")
    seed(vault, {"secrets": {"db": '{"A":"1"}'}})
    return "azure-kv://contoso/db", server.env(), lambda: seed(vault, {"secrets": {"db": '{"A":"2"}'}})


@pytest.mark.parametrize("store", [_secrets_manager, _parameter_store, _vault, _key_vault])
def test_a_rotation_is_seen_within_a_period(tmp_path, store):
    """From the change in the server to the file and the hook: at most a period and a second; at once on SIGHUP."""
    ref, env, rotate = store()
    touched = tmp_path / "touched"
    (tmp_path / "config.yaml").write_text(
        f"secrets: {{db: '{ref}'}}\noutputs: [{{path: db.env, from: db}}]\non_change: [{{touch: {touched}}}]\n"
    )
    period = json.dumps(PERIOD) + "s"
    with Sidecar(tmp_path, "--period", period, "--jitter", "0%", env=env) as sidecar:
        sidecar.until("fresh")
        rotate()
        began = time.monotonic()
        sidecar.until("published", updated=1)
        seen = time.monotonic() - began
        assert "A='2'\n" == sidecar.read("db.env")
        sidecar.until("hook")
        assert touched.exists()
        assert seen <= PERIOD + 1.0
        assert os.readlink(sidecar.out / "..data").startswith("..20")
