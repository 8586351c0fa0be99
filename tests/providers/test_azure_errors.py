"""What Key Vault refuses or does not answer: which error, and what a person reads."""

import datetime as dt
import socket
from email.utils import format_datetime

import pytest
from servers.keyvault_authority import TENANT, object_id
from servers.keyvault_faults import Fault
from servers.shared_keyvault import shown

from secretfetch.provider import (
    MAX_VALUE_BYTES,
    AccessDenied,
    ConfigError,
    DataError,
    NotFound,
    SecretRef,
    Throttled,
    Unavailable,
)

pytest_plugins = ["servers.keyvault_fixtures"]

DB = "contoso/db"
OLD = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def vault(azure):
    """Give the vault called contoso, with one secret."""
    made = azure.vault("contoso")
    made.secret("db", "canary-value")
    return made


# Denied


def test_denied_by_a_role(azure, vault, key_vault):
    """Who is refused which action on what, and the role that would allow it."""
    azure.deny("contoso", "secrets/get")
    error = key_vault().outcome(DB)
    assert AccessDenied is type(error)
    assert [
        'access denied to secret "contoso/db"',
        f"you are: application system-assigned, object id {object_id('system-assigned')}",
        "missing: Microsoft.KeyVault/vaults/secrets/getSecret/action",
        f"on: /subscriptions/{TENANT}/resourcegroups/shop/providers/microsoft.keyvault/vaults/contoso/secrets/db",
        'fix: give it the role "Key Vault Secrets User" on the vault; a new role takes minutes to be known',
    ] == shown(error).splitlines()


def test_denied_by_an_access_policy(azure, vault, key_vault):
    """The other model of permissions has other words, and another remedy."""
    azure.deny("contoso", "secrets/get", by="policy")
    error = key_vault().outcome(DB)
    assert AccessDenied is type(error)
    assert ("missing", '"get" of secrets in the access policy of vault "contoso"') in error.notes
    command = (
        f"az keyvault set-policy --name contoso --object-id {object_id('system-assigned')} --secret-permissions get"
    )
    assert ("fix", command) in error.notes


@pytest.mark.parametrize(
    ("by", "words"), [("firewall", "your address: 127.0.0.1"), ("private-link", "private endpoint")]
)
def test_denied_by_the_network(azure, vault, key_vault, by, words):
    """No role helps against a firewall, so none is named."""
    azure.deny("contoso", by=by)
    error = key_vault().outcome(DB)
    assert AccessDenied is type(error)
    assert 'the firewall of vault "contoso" refuses this machine' == str(error)
    assert words in shown(error)
    assert "role" not in shown(error)


def test_private_side_of_a_certificate_needs_secrets(azure, vault, key_vault):
    """Who may read certificates may not read their keys: what is missing is told of the secret."""
    azure.deny("contoso", "secrets/get")
    error = key_vault().outcome("contoso/certificates/db", **{"as": "chain"})
    assert "secrets/getSecret/action" in shown(error)
    assert "is a secret" in shown(error)


def test_denial_by_assignment(azure, vault, key_vault):
    """A deny assignment is not cured by a role."""
    message = (
        "Caller is not authorized.\r\nAction: 'Microsoft.KeyVault/vaults/keys/read'\r\nDenyAssignmentId: 'a1b2'\r\n"
    )
    azure.faults = [Fault("contoso", status=403, code="Forbidden", inner="ForbiddenByRbac", message=message)]
    assert "another role does not help" in shown(key_vault().outcome(DB))


def test_denied_without_a_known_word(azure, vault, key_vault):
    """A refusal in unknown words stays a refusal; the words are not repeated."""
    azure.faults = [Fault("contoso", status=403, code="Forbidden", inner="Odd", message="canary words")]
    error = key_vault().outcome(DB)
    assert AccessDenied is type(error)
    assert "Key Vault says: Odd" in shown(error)
    assert "canary" not in shown(error)


def test_denied_secret_spoils_no_other(azure, vault, key_vault):
    """Roles may be given for single secrets."""
    vault.secret("open", "v")
    azure.deny("contoso", "secrets/get", "db")
    wanted = [SecretRef("azure-kv", DB), SecretRef("azure-kv", "contoso/open")]
    denied, given = key_vault().provider.fetch(dict.fromkeys(wanted)).values()
    assert AccessDenied is type(denied)
    assert b"v" == given.data


# Not there


def test_unknown_name_with_near_ones(azure, vault, key_vault):
    """Where the caller may list, near names are told; a page of them is fetched once."""
    vault.secret("db-password", "v")
    store = key_vault()
    error = store.outcome("contoso/db-pasword")
    assert NotFound is type(error)
    assert ['no secret "contoso/db-pasword"', 'meant: "db-password"?'] == shown(error).splitlines()
    store.outcome("contoso/other")
    store.outcome("contoso/db-pasword")
    assert 1 == azure.counts["secrets/list"]
    assert 2 == azure.counts["deletedsecrets/get"]


def test_unknown_name_without_the_right_to_list(azure, vault, key_vault):
    """Hints are not worth an error: what is not allowed is left out, and not tried again."""
    for operation in ("secrets/list", "deletedsecrets/get"):
        azure.deny("contoso", operation)
    store = key_vault()
    for name in ("absent", "absent-as-well"):
        error = store.outcome(f"contoso/{name}")
        assert NotFound is type(error)
        assert f'no secret "contoso/{name}"' == shown(error)
    assert 1 == azure.counts["secrets/list"]
    assert 1 == azure.counts["deletedsecrets/get"]


@pytest.mark.parametrize("kind", ["secret", "key"])
def test_deleted_is_told_from_unknown(vault, key_vault, kind):
    """The service answers both with 404; what can be recovered is told with the command."""
    getattr(vault, kind)("gone", {"kty": "oct"} if kind == "key" else "v")
    vault.delete(f"{kind}s", "gone")
    error = key_vault().outcome(f"contoso/{kind}s/gone")
    assert NotFound is type(error)
    assert f'{kind} "contoso/{kind}s/gone" is deleted' == str(error)
    assert ("fix", f"az keyvault {kind} recover --vault-name contoso --name gone") in error.notes


def test_unknown_version(vault, key_vault):
    """The secret is there: what is missing is its version."""
    error = key_vault().outcome(DB, OLD)
    assert NotFound is type(error)
    assert f'secret "contoso/db" has no version {OLD}' == str(error)


def test_unknown_version_of_an_unknown_name(vault, key_vault):
    """Then both are told."""
    error = key_vault().outcome("contoso/absent", OLD)
    assert f'no version {OLD} of secret "contoso/absent"' == str(error)


# Answers that are none


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(status=429, code="Throttled"), Throttled, "throttles"),
        (Fault(status=500, code="InternalServerError"), Unavailable, "InternalServerError (HTTP 500)"),
        (Fault(status=503, body=b"<html>canary</html>"), Unavailable, "HTTP 503"),
        (Fault(status=408, code="RequestTimeout"), Unavailable, "fails"),
        (Fault(status=400, code="BadParameter", message="The version is odd."), ConfigError, "The version is odd."),
        (Fault(status=404, body=b"<html>canary</html>"), ConfigError, "is not Key Vault"),
        (Fault(status=302, body=b"", headers={"Location": "https://evil.example/"}), ConfigError, "is not Key Vault"),
        (Fault(status=403, body=b"<html>canary</html>"), AccessDenied, "HTTP 403"),
        (Fault(body=b"<html>canary</html>"), Unavailable, "cannot be read"),
        (Fault(body=b'["canary"]'), Unavailable, "cannot be read"),
        (Fault(body=b'{"value": "canary"}'), Unavailable, "cannot be read"),
        (Fault(body=b'{"id": "https://v/secrets/db/1", "value": 3}'), DataError, "no text"),
        (Fault(cut=20), Unavailable, "ended early"),
        (Fault(reset=True), Unavailable, "closed the connection"),
    ],
)
def test_each_answer_has_a_meaning(azure, vault, key_vault, fault, kind, words):
    """One try each; what an unknown server says is not repeated."""
    fault.target = "contoso"
    azure.faults = [fault]
    error = key_vault().outcome(DB)
    assert kind is type(error)
    assert words in shown(error)
    assert "canary" not in shown(error)
    assert "proxy" not in str(error)
    assert 1 == azure.counts["secrets/get"]


@pytest.mark.parametrize("status", [429, 503])
def test_pause_is_passed_on(azure, vault, key_vault, status):
    """`Retry-After`, in seconds or as a date, is the least that is waited."""
    azure.faults = [Fault("contoso", status=status, code="Throttled", headers={"Retry-After": "7"})]
    assert 7 == key_vault().outcome(DB).retry_after
    later = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60), usegmt=True)
    azure.faults = [Fault("contoso", status=status, code="Throttled", headers={"Retry-After": later})]
    assert 50 < key_vault().outcome(DB).retry_after <= 60


def test_endless_answer_is_refused_early(azure, vault, key_vault):
    """No more is read than a value may have."""
    azure.faults = [Fault("contoso", huge=100_000_000)]
    error = key_vault().outcome(DB)
    assert DataError is type(error)
    assert f"larger than {MAX_VALUE_BYTES} bytes" in str(error)
    assert azure.sent < 3 * MAX_VALUE_BYTES


def test_silence_is_unavailable(azure, vault, monkeypatch):
    """A server that takes the request and says nothing is given up."""
    from secretfetch_azure import connect, http

    monkeypatch.setattr(http, "_TIMEOUTS", (5.0, 0.2))
    azure.faults = [Fault("contoso", hang=True)]
    provider = connect({})
    with pytest.raises(Unavailable, match=r"contoso\.vault\.azure\.net does not answer in time"):
        provider.fetch({SecretRef("azure-kv", DB): None})
    azure.released.set()
    provider.close()


def test_timeouts_are_five_and_ten_seconds():
    """Every request is given up in time."""
    from secretfetch_azure import http

    used = http.transport(http.CappedAdapter("vault"))
    assert (5.0, 10.0) == (used.connection_config.timeout, used.connection_config.read_timeout)
    used.close()


# The way


def test_unknown_vault_behind_a_proxy(azure, key_vault):
    """The proxy cannot tell an unknown name from a forbidden one; the SDK would call the proxy unreachable."""
    error = key_vault().outcome("no-such-vault/db")
    assert Unavailable is type(error)
    assert f"cannot reach no-such-vault.vault.azure.net: the proxy 127.0.0.1:{azure.port} answers 502" == str(error)
    assert "a vault that is not there" in shown(error)


def test_unknown_vault(azure, key_vault, monkeypatch):
    """A name that does not resolve is told with where it may be wrong."""
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.delenv("https_proxy")

    def fail(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    error = key_vault().outcome("no-such-vault/db")
    assert Unavailable is type(error)
    assert "cannot reach no-such-vault.vault.azure.net: the name does not resolve" == str(error)
    assert "see the vault's name" in shown(error)


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_unreachable_proxy(azure, vault, key_vault, monkeypatch):
    """The proxy is told as the one that is out, without its password."""
    port = closed_port()
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://me:canary@127.0.0.1:{port}")
    error = key_vault().outcome(DB)
    assert f"cannot reach the proxy 127.0.0.1:{port}" == str(error)
    assert "canary" not in shown(error)


def test_refused_connection(azure, key_vault):
    """A host where nobody listens is named."""
    port = closed_port()
    error = key_vault(vault_url=f"https://127.0.0.1:{port}").outcome("db")
    assert Unavailable is type(error)
    assert f"cannot reach 127.0.0.1:{port}" == str(error)


def test_expired_certificate_of_the_server(azure, vault, key_vault):
    """TLS that has run out is told as that."""
    azure.authority.expired.add("contoso.vault.azure.net")
    error = key_vault().outcome(DB)
    assert Unavailable is type(error)
    assert "no trusted TLS connection to contoso.vault.azure.net" == str(error)
    assert ("why", "certificate has expired") in error.notes


def test_unknown_authority(azure, vault, key_vault, monkeypatch):
    """Without REQUESTS_CA_BUNDLE the connection is not trusted; SSL_CERT_FILE does not help, and that is told."""
    monkeypatch.setenv("SSL_CERT_FILE", azure.authority.file)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    error = key_vault().outcome(DB)
    assert Unavailable is type(error)
    assert "REQUESTS_CA_BUNDLE" in shown(error)
    assert [] == [one for one in azure.requests if one.target == "contoso"]


def test_file_of_authorities_that_is_not_there(azure, vault, key_vault, monkeypatch):
    """A wrong path in REQUESTS_CA_BUNDLE is this machine's configuration."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    error = key_vault().outcome(DB)
    assert ConfigError is type(error)
    assert "REQUESTS_CA_BUNDLE" in shown(error)


def test_certificate_of_another_host(azure, vault, key_vault, monkeypatch):
    """A name that the certificate does not have is no trusted connection."""
    real = azure.authority.context
    monkeypatch.setattr(azure.authority, "context", lambda _: real("other.vault.azure.net"))
    assert "no trusted TLS connection" in str(key_vault().outcome(DB))
