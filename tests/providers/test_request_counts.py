"""Each request to a store is told once, to whoever counts them: what kind it was and how it ended, and no name."""

from __future__ import annotations

from collections import Counter

import pytest
from azure.keyvault.secrets._shared import http_challenge_cache
from servers import aws_server, keyvault_faults, vault_server

from secretfetch import provider as api
from secretfetch.provider import SecretError, SecretRef

pytest_plugins = ["servers.keyvault_fixtures"]


@pytest.fixture
def told(monkeypatch):
    """Give what has been told."""
    counts = Counter()
    monkeypatch.setattr(api, "_observers", [lambda *said: counts.update([said])])
    return counts


def fetch(provider, *refs):
    """Ask once, whatever comes of it."""
    try:
        provider.fetch(dict.fromkeys(refs))
    except SecretError as error:
        return error
    return None


def test_twenty_secrets_of_aws_are_one_request(aws, secrets_manager, told):
    """A batch is one request, as the server counts it too."""
    client = aws.client("secretsmanager")
    for number in range(20):
        client.create_secret(Name=f"prod/{number}", SecretString="s")

    fetch(secrets_manager(), *(SecretRef("aws-sm", f"prod/{number}") for number in range(20)))

    assert aws.counts == {"BatchGetSecretValue": 1}
    assert told == {("aws", "BatchGetSecretValue", "200"): 1}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"code": "ThrottlingException"}, "ThrottlingException"),
        ({"code": "com.amazonaws.secretsmanager#ResourceNotFoundException"}, "ResourceNotFoundException"),
        ({"status": 503, "body": b"<html>"}, "503"),
        ({"code": "x y"}, "400"),
        ({"reset": True}, "ConnectionClosedError"),
        ({"status": 200, "body": b'{"VersionId":"v"}', "cut": 5}, "Unavailable"),
        ({"huge": 1 << 25}, "DataError"),
    ],
)
def test_failures_of_aws_are_told_by_their_code(aws, secrets_manager, told, fault, code):
    """AWS's own code, else the status, else the name of the error: never a text."""
    aws.faults.append(aws_server.Fault("GetSecretValue", **fault))

    fetch(secrets_manager(), SecretRef("aws-sm", "prod/db"))

    assert told["aws", "GetSecretValue", code] == aws.counts["GetSecretValue"] == 1


def test_parameters_are_told_by_operation(aws, parameter_store, told):
    """Ten names a request."""
    fetch(parameter_store(), *(SecretRef("aws-ssm", f"/prod/{number}") for number in range(11)))

    assert told["aws", "GetParameters", "200"] == aws.counts["GetParameters"] == 2


def test_reads_logins_and_lists_of_vault(vault, vault_store, told):
    """A login, what finds the engine, the read and the search for a near name: as many as the server has seen."""
    vault.policy("all", ("secret/*", "read,list"), ("sys/internal/ui/mounts/*", "read"))
    vault.api("POST", "secret/data/app", {"data": {"a": "canary"}})
    auth = {"auth": {"client_token": vault.new_token("all"), "lease_duration": 3600, "policies": ["all"]}}
    vault.faults.append(vault_server.Fault("auth/userpass/login/bob", json=auth))

    provider = vault_store(auth={"userpass": {"username": "bob", "password": "p"}})
    fetch(provider, SecretRef("vault", "secret/app"), SecretRef("vault", "secret/apq"))

    assert sum(told.values()) == len(vault.requests)
    assert told["vault", "login", "200"] == 1
    assert told["vault", "read", "200"] == 1
    assert told["vault", "read", "404"] == 1
    assert {operation for _, operation, _ in told} <= {"login", "token", "mount", "read", "list", "lease"}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"status": 429}, "429"),
        ({"reset": True}, "ProtocolError"),
        ({"cut": 5}, "ProtocolError"),
        ({"huge": 1 << 25}, "DataError"),
        ({"body": b"{}", "headers": {"Content-Encoding": "gzip"}}, "Unavailable"),
    ],
)
def test_failures_of_vault_are_told_by_their_code(vault, vault_store, told, fault, code):
    """The status, or the name of the error; an answer that is given up counts too."""
    vault.api("POST", "secret/data/app", {"data": {"a": "b"}})
    vault.faults.append(vault_server.Fault("secret/data/app", **fault))

    fetch(vault_store(), SecretRef("vault", "secret/app"))

    assert told["vault", "read", code] == 1


def test_key_vault_and_its_login(azure, key_vault, told):
    """Challenges and logins are requests too."""
    http_challenge_cache.clear()  # the SDK's own, of the whole process
    azure.vault("contoso").secret("db", "s")

    fetch(key_vault().provider, SecretRef("azure-kv", "contoso/db"))

    assert told == {("azure", "vault", "401"): 1, ("azure", "identity", "200"): 1, ("azure", "vault", "200"): 1}
    assert sum(told.values()) == len(azure.requests)


@pytest.mark.parametrize(
    ("fault", "code"), [({"status": 429, "code": "Throttled"}, "429"), ({"reset": True}, "ProxyError")]
)
def test_failures_of_key_vault_are_told_by_their_code(azure, key_vault, told, fault, code):
    """The status, or the name of the error."""
    azure.vault("contoso").secret("db", "s")
    azure.faults.append(keyvault_faults.Fault("contoso", **fault))

    fetch(key_vault().provider, SecretRef("azure-kv", "contoso/db"))

    assert told["azure", "vault", code] == 1
