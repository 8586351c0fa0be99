"""Outages of Azure as a user meets them: the program's exit code and words, and files that stay as they were."""

import pytest
from in_process import Place, clean_environment
from servers.keyvault_faults import Fault
from servers.shared_keyvault import lead

pytest_plugins = ["servers.keyvault_fixtures"]

CONFIG = """
secrets:
  db: azure-kv://contoso/db
  other: {ref: azure-kv://contoso/other, optional: true}
outputs:
  - {path: db, keys: {db: db, other: other}, format: json}
"""
VALUES = ("canary-first", "canary-second")


@pytest.fixture
def place(azure, tmp_path, capfdbinary, monkeypatch):
    """Give a place where the secrets were written once, and have changed since."""
    folder = tmp_path / "place"
    folder.mkdir()
    made = Place(folder, capfdbinary)
    clean_environment(monkeypatch, made)
    lead(monkeypatch, azure.env())
    made.write({"config.yaml": CONFIG})
    for name in ("db", "other"):
        azure.vault("contoso").secret(name, VALUES[0])
    assert 0 == fetch(made, "--timeout", "60s")[0]
    for name in ("db", "other"):
        azure.vault("contoso").secret(name, VALUES[1])
    azure.forget()
    return made


def fetch(place, *words):
    code, out, err = place.run("fetch", "-c", "{dir}/config.yaml", "--out", "{out}", "--timeout", "400ms", *words)
    assert not any(value in out + err for value in VALUES)
    return code, err


def down(azure, monkeypatch):
    azure.vaults.clear()


def refused_by(**fault):
    return lambda azure, monkeypatch: azure.faults.append(Fault("contoso", **fault))


def denied_by(by):
    return lambda azure, monkeypatch: azure.deny("contoso", "secrets/get", by=by)


def expired_tls(azure, monkeypatch):
    azure.authority.expired.add("contoso.vault.azure.net")


def silent(azure, monkeypatch):
    from secretfetch_azure import http

    monkeypatch.setattr(http, "_TIMEOUTS", (5.0, 0.05))
    azure.faults.append(Fault("contoso", hang=True))


def no_names(azure, monkeypatch):
    import socket

    real = socket.getaddrinfo

    def only_here(host, *more, **others):
        if host.startswith("contoso"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *more, **others)

    lead(monkeypatch, {name: value for name, value in azure.env().items() if "HTTPS" not in name.upper()})
    monkeypatch.setattr(socket, "getaddrinfo", only_here)


def nobody(azure, monkeypatch):
    lead(monkeypatch, azure.way() | {"AZURE_TOKEN_CREDENTIALS": "WorkloadIdentityCredential"})


def unknown_identity(azure, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_ID", "unknown")
    azure.login.identities = []


def disabled(azure, monkeypatch):
    azure.vault("contoso").current("secrets", "db").attributes["enabled"] = False


def deleted(azure, monkeypatch):
    azure.vault("contoso").delete("secrets", "db")


OUTAGES = {
    "down": (down, 75, "cannot reach contoso.vault.azure.net"),
    "503": (refused_by(status=503, code="ServiceUnavailable"), 75, "ServiceUnavailable (HTTP 503)"),
    "429": (refused_by(status=429, code="Throttled", headers={"Retry-After": "30"}), 75, "throttles"),
    "reset": (refused_by(reset=True), 75, "closed the connection without an answer"),
    "silent": (silent, 75, "does not answer in time"),
    "truncated": (refused_by(cut=30), 75, "ended early"),
    "huge": (refused_by(huge=100_000_000), 65, "is larger than 8388608 bytes"),
    "tls": (expired_tls, 75, "no trusted TLS connection to contoso.vault.azure.net"),
    "dns": (no_names, 75, "the name does not resolve"),
    "login out": (lambda azure, monkeypatch: azure.faults.append(Fault("identity", status=503)), 75, "the login at"),
    "token refused": (refused_by(status=401, code="Unauthorized", message="AKV10046: no."), 77, "refuses the token"),
    "token expired": (refused_by(status=401, code="Unauthorized", message="[TokenExpired]"), 77, "it has expired"),
    "no login": (nobody, 77, "no login by workload identity"),
    "no identity": (unknown_identity, 77, "no such managed identity"),
    "role": (denied_by("role"), 77, "Microsoft.KeyVault/vaults/secrets/getSecret/action"),
    "policy": (denied_by("policy"), 77, '"get" of secrets in the access policy'),
    "firewall": (denied_by("firewall"), 77, "the firewall of vault"),
    "disabled": (disabled, 65, "is disabled"),
    "deleted": (deleted, 66, "is deleted"),
    "not a vault": (refused_by(status=404, body=b"<html>canary</html>"), 78, "is not Key Vault"),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_outage(azure, place, monkeypatch, outage):
    """Each ends with its own code and words, shows no value, and changes no file."""
    befall, code, words = OUTAGES[outage]
    before = place.state()
    befall(azure, monkeypatch)
    ended, said = fetch(place)
    assert (code, True) == (ended, words in said), said
    assert "canary" not in said
    assert before == place.state()


def test_end_of_an_outage(azure, place):
    """A short one is waited out within the time that there is."""
    azure.faults.append(Fault("contoso", status=503, code="ServiceUnavailable", times=1))
    code, _ = fetch(place, "--timeout", "60s")
    assert 0 == code
    assert VALUES[1] in (place.root / "out" / "db").read_text()


def test_optional_forgives_what_is_not_there(azure, place):
    """And nothing else: deleted is not there, disabled and denied are."""
    vault = azure.vault("contoso")
    vault.current("secrets", "other").attributes["enabled"] = False
    assert 65 == fetch(place)[0]
    vault.delete("secrets", "other")
    assert 0 == fetch(place)[0]
    azure.deny("contoso", "secrets/get", "other")
    assert 77 == fetch(place)[0]


def test_an_outage_is_told_once(azure, place):
    """Two secrets of one vault make one failure of the store, not two."""
    azure.faults.append(Fault("contoso", status=503, code="ServiceUnavailable"))
    _, said = fetch(place)
    assert 1 == said.count("error:")
