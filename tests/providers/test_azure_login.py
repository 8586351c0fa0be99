"""Logins to Azure: every way to log in, once for all; and what is said when one fails."""

import datetime as dt
import os
import socket
import stat
import subprocess
import sys

import pytest
from secretfetch_azure import connect
from servers.keyvault_authority import TENANT
from servers.keyvault_faults import Fault
from servers.keyvault_login import App, service_account_token
from servers.shared_keyvault import lead, shown

from secretfetch.provider import AccessDenied, AuthFailed, ConfigError, SecretRef, SecretValue, Throttled, Unavailable

pytest_plugins = ["servers.keyvault_fixtures"]

PRINCIPAL = {"client_id": "app", "tenant_id": TENANT}
DB = "contoso/db"


@pytest.fixture(autouse=True)
def db(azure):
    """Make one secret."""
    azure.vault("contoso").secret("db", "canary-value")


@pytest.fixture(scope="module")
def certificate():
    """Give a client certificate: PEM of it, of its key, and both as PKCS 12 with a password."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import pkcs12

    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "app")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    signed = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    pfx = pkcs12.serialize_key_and_certificates(b"a", key, signed, None, form.BestAvailableEncryption(b"canary-pfx"))
    return signed.public_bytes(form.Encoding.PEM), private, pfx


@pytest.fixture
def az(monkeypatch, tmp_path):
    """Give a way to put a program called az on the PATH, and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(script):
        (folder / "az").write_text(f"#!{sys.executable}\n{script}")
        (folder / "az").chmod(stat.S_IRWXU)

    return put


def write(folder, name, text):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def who(azure):
    """Return by whom the last login was."""
    return [(one.target, one.name) for one in azure.requests if one.operation == "token"]


# Every way to log in


def test_identity_of_the_machine_by_app_service(azure, key_vault):
    """The system-assigned one unless a client id is set, which may also come from AZURE_CLIENT_ID."""
    assert b"canary-value" == key_vault(auth="managed_identity").data(DB)
    assert b"canary-value" == key_vault(auth={"managed_identity": {"client_id": "user-1"}}).data(DB)
    assert b"canary-value" == key_vault(auth="managed_identity", client_id="user-2").data(DB)
    assert [("identity", name) for name in ("system-assigned", "user-1", "user-2")] == who(azure)


def test_identity_of_the_machine_by_its_metadata_service(azure, key_vault, monkeypatch):
    """A virtual machine, a node: the other endpoint, the same identities."""
    lead(monkeypatch, azure.env_imds() | {"AZURE_CLIENT_ID": "user-3"})
    assert b"canary-value" == key_vault(auth="managed_identity").data(DB)
    assert b"canary-value" == key_vault(auth={"managed_identity": {"client_id": "user-1"}}).data(DB)
    assert [("identity", "user-3"), ("identity", "user-1")] == who(azure)


def test_machine_identity_is_not_asked_for_through_a_proxy(azure, key_vault, monkeypatch):
    """The metadata service is of this machine: a proxy would hand out its own identity, or none."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        assert b"canary-value" == key_vault(auth="managed_identity").data(DB)


def test_machine_identity_stays_one_beside_workload_identity(azure, key_vault, monkeypatch, tmp_path):
    """Who asks for the identity of the machine gets no other, also where the AKS webhook has set its variables."""
    lead(monkeypatch, azure.env_pod(str(tmp_path)) | azure.env_imds())
    assert b"canary-value" == key_vault(auth="managed_identity").data(DB)
    assert "identity" == who(azure)[0][0]


def test_workload_identity_by_the_webhook(azure, key_vault, monkeypatch, tmp_path):
    """What the AKS webhook sets is enough."""
    lead(monkeypatch, azure.env_pod(str(tmp_path)))
    azure.login.apps["app"] = App(subject="system:serviceaccount:shop:web")
    assert b"canary-value" == key_vault(auth="workload_identity").data(DB)
    assert [("login", "app")] == who(azure)


def test_workload_identity_by_settings(azure, key_vault, monkeypatch, tmp_path):
    """A projected token and two ids are enough without any webhook; the token is read at each login."""
    lead(monkeypatch, azure.way())
    azure.login.apps["app"] = App(subject="system:serviceaccount:shop:web")
    path = write(tmp_path, "token", service_account_token("system:serviceaccount:other:one"))
    store = key_vault(auth={"workload_identity": {**PRINCIPAL, "token_file": path}})
    assert "AADSTS700213" in shown(store.outcome(DB))
    write(tmp_path, "token", service_account_token("system:serviceaccount:shop:web") + "\n")
    assert b"canary-value" == store.data(DB)


def test_service_principal_with_a_secret(azure, key_vault, monkeypatch, tmp_path):
    """In the settings, or in a file as Kubernetes mounts it; a last line end is no part of it."""
    lead(monkeypatch, azure.way())
    azure.login.apps["app"] = App(secret="canary-secret")
    path = write(tmp_path, "client-secret", "canary-secret\n")
    for secret in ({"client_secret": "canary-secret"}, {"client_secret_file": path}):
        assert b"canary-value" == key_vault(auth={"service_principal": {**PRINCIPAL, **secret}}).data(DB)


def test_ids_may_stand_beside_auth(azure, key_vault, monkeypatch):
    """`client_id` and `tenant_id` of the store are those of its login, unless that has its own."""
    lead(monkeypatch, azure.way())
    principal = {"client_secret": "canary-secret", "client_id": "own"}
    store = key_vault(tenant_id=TENANT, client_id="app", auth={"service_principal": principal})
    assert b"canary-value" == store.data(DB)
    assert [("login", "own")] == who(azure)


def test_service_principal_with_a_certificate(azure, key_vault, monkeypatch, tmp_path, certificate):
    """PEM, or PKCS 12 with its password in a file; Entra ID checks the signature."""
    lead(monkeypatch, azure.way())
    public, private, pfx = certificate
    azure.login.apps["app"] = App(certificate=public)
    pem = {"certificate_file": write(tmp_path, "tls.pem", private + public)}
    password = write(tmp_path, "password", "canary-pfx")
    pkcs12 = {"certificate_file": write(tmp_path, "tls.pfx", pfx), "certificate_password_file": password}
    for given in (pem, pkcs12):
        assert b"canary-value" == key_vault(auth={"service_principal": {**PRINCIPAL, **given}}).data(DB)


def test_azure_cli(azure, key_vault, monkeypatch, az):
    """Whoever is logged in to az; it is run once for all secrets."""
    lead(monkeypatch, azure.way())
    token = azure.tokens.issue("https://vault.azure.net", "somebody")
    log = os.path.join(os.environ["PATH"], "log")
    az(
        "import json, sys\n"
        f"open({log!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        f"print(json.dumps({{'accessToken': {token!r}, 'expires_on': 4102444800}}))\n"
    )
    for name in "abcdef":
        azure.vault("contoso").secret(name, name)
    refs = [SecretRef("azure-kv", f"contoso/{name}") for name in "abcdef"]
    store = key_vault(auth="azure_cli").provider
    store.fetch(dict.fromkeys(refs))
    assert all(isinstance(one, SecretValue) for one in store.fetch(dict.fromkeys(refs)).values())
    with open(log) as lines:
        assert [f"account get-access-token --output json --resource https://vault.azure.net --tenant {TENANT}"] == (
            lines.read().splitlines()
        )


# Without settings


@pytest.mark.parametrize(
    ("variables", "by"),
    [
        ("principal workload machine", ("login", "env-app")),
        ("workload machine", ("login", "app")),
        ("machine", ("identity", "system-assigned")),
    ],
)
def test_order_of_the_ambient_login(azure, key_vault, monkeypatch, tmp_path, variables, by):
    """The environment's own application, then workload identity, then the machine's identity."""
    offered = {
        "machine": azure.env(),
        "workload": azure.env_pod(str(tmp_path)),
        "principal": {"AZURE_CLIENT_ID": "env-app", "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_SECRET": "canary-s"},
    }
    chosen = {}
    for name in reversed(variables.split()):
        chosen |= offered[name]
    lead(monkeypatch, chosen)
    assert b"canary-value" == key_vault().data(DB)
    assert [by] == who(azure)


def test_ambient_certificate(azure, key_vault, monkeypatch, tmp_path, certificate):
    """AZURE_CLIENT_CERTIFICATE_PATH and its password, as the SDK's own tools read them."""
    public, _, pfx = certificate
    azure.login.apps["app"] = App(certificate=public)
    ids = {"AZURE_CLIENT_ID": "app", "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_CERTIFICATE_PASSWORD": "canary-pfx"}
    lead(monkeypatch, azure.way() | ids | {"AZURE_CLIENT_CERTIFICATE_PATH": write(tmp_path, "c.pfx", pfx)})
    assert b"canary-value" == key_vault().data(DB)


def nobody_at_home(monkeypatch):
    """Let the metadata service be an address where nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)
    return url.removeprefix("http://")


def test_nobody_to_log_in_as(azure, key_vault, monkeypatch, az):
    """Each source is told with the reason why it gave nothing, and what to do about it."""
    lead(monkeypatch, azure.way())
    host = nobody_at_home(monkeypatch)
    error = key_vault().outcome(DB)
    assert AuthFailed is type(error)
    assert [
        "no Azure credentials",
        "tried: environment: AZURE_CLIENT_ID is not set",
        "tried: workload identity: AZURE_FEDERATED_TOKEN_FILE is not set",
        f"tried: managed identity: cannot reach {host}",
        "tried: az: there is no az on the PATH",
        'fix: give the pod or machine an identity, or set "auth", or run az login',
    ] == shown(error).splitlines()


def test_the_chain_ends_with_az(azure, key_vault, monkeypatch, az):
    """On a laptop nothing is set, nobody answers for the machine, and az is logged in."""
    lead(monkeypatch, azure.way())
    nobody_at_home(monkeypatch)
    token = azure.tokens.issue("https://vault.azure.net", "somebody")
    az(f'print(\'{{"accessToken": "{token}", "expires_on": 4102444800}}\')')
    assert b"canary-value" == key_vault().data(DB)


@pytest.mark.parametrize("choice", ["AzureCliCredential", "dev"])
def test_chain_can_be_narrowed(azure, key_vault, monkeypatch, az, choice):
    """AZURE_TOKEN_CREDENTIALS says which ways are tried."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", choice)
    assert "no login by az: there is no az on the PATH" in shown(key_vault().outcome(DB))
    assert [] == who(azure)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "prod")
    assert b"canary-value" == key_vault().data(DB)


def test_unknown_choice_of_the_chain(azure, key_vault, monkeypatch):
    """A word that AZURE_TOKEN_CREDENTIALS does not know is told with those it does."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "production")
    error = key_vault().outcome(DB)
    assert ConfigError is type(error)
    assert "prod, dev" in shown(error)


# What is said when one fails


def entra_says(azure, number):
    azure.faults.append(
        Fault(
            "login",
            "token",
            body=f'{{"error":"invalid_client","error_description":"AADSTS{number}: text with canary-text"}}'.encode(),
            status=401,
        )
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (7000215, "secret is wrong"),
        (7000222, "secret has expired"),
        (700016, "no such application"),
        (90002, "no such tenant"),
        (70021, "no federated credential"),
        (700212, "api://AzureADTokenExchange"),
        (700024, "service account token has expired"),
        (500011, "does not know Key Vault"),
        (99, "the login is refused"),
    ],
)
@pytest.mark.parametrize("way", ["service_principal", "workload_identity"])
def test_codes_of_entra_id_are_translated(azure, key_vault, monkeypatch, tmp_path, way, number, words):
    """Each code is told by what it means; Entra ID's text, which may hold anything, is not."""
    lead(monkeypatch, azure.env_pod(str(tmp_path)))
    entra_says(azure, number)
    auth = {"service_principal": {"client_secret": "canary-secret"}, "workload_identity": {}}
    error = key_vault(auth={way: auth[way]}).outcome(DB)
    assert AuthFailed is type(error)
    assert words in shown(error)
    assert f"AADSTS{number}" in shown(error)
    assert "canary" not in shown(error)


@pytest.mark.parametrize(
    ("app", "words"),
    [
        (App(secret="another"), "AADSTS7000215"),
        (App(secret="canary-secret", secret_expired=True), "AADSTS7000222"),
    ],
)
def test_refused_secrets(azure, key_vault, monkeypatch, app, words):
    """A wrong secret and an expired one are told apart, and neither is shown."""
    lead(monkeypatch, azure.way())
    azure.login.apps["app"] = app
    error = key_vault(auth={"service_principal": {**PRINCIPAL, "client_secret": "canary-secret"}}).outcome(DB)
    assert words in shown(error)
    assert "canary" not in shown(error)


def test_unknown_application_and_tenant(azure, key_vault, monkeypatch):
    """Both are failed logins, which no retry cures."""
    lead(monkeypatch, azure.way())
    azure.login.apps["other"] = App()
    secret = {"client_secret": "canary-secret"}
    unknown = key_vault(auth={"service_principal": {**PRINCIPAL, **secret}}).outcome(DB)
    assert "AADSTS700016" in shown(unknown)
    azure.login.tenants = {"some-other.example"}
    nowhere = key_vault(auth={"service_principal": {**PRINCIPAL, **secret}}).outcome(DB)
    assert "AADSTS90002" in shown(nowhere)


def test_wrong_service_account(azure, key_vault, monkeypatch, tmp_path):
    """The subject that Entra ID saw is told, as it is what has to be entered there."""
    lead(monkeypatch, azure.env_pod(str(tmp_path), subject="system:serviceaccount:shop:default"))
    azure.login.apps["app"] = App(subject="system:serviceaccount:shop:web")
    error = key_vault().outcome(DB)
    assert "no federated credential has this service account" in str(error)
    assert ("subject", "system:serviceaccount:shop:default") in error.notes


@pytest.mark.parametrize("env", ["env", "env_imds"])
def test_unknown_identity_of_the_machine(azure, key_vault, monkeypatch, env):
    """The SDK blames the environment for it, and we the client id."""
    lead(monkeypatch, getattr(azure, env)())
    azure.login.identities = ["user-1"]
    error = key_vault(auth={"managed_identity": {"client_id": "user-2"}}).outcome(DB)
    assert AuthFailed is type(error)
    assert "this machine has no such managed identity" == str(error)
    assert "client_id" in shown(error)


def test_wrong_identity_header(azure, key_vault, monkeypatch):
    """A refused request for an identity is told from an identity that is not there."""
    monkeypatch.setenv("IDENTITY_HEADER", "canary-wrong")
    error = key_vault().outcome(DB)
    assert AuthFailed is type(error)
    assert "IDENTITY_HEADER" in shown(error)
    assert "canary" not in shown(error)


def test_machine_without_identities(azure, key_vault, monkeypatch):
    """Who asks for the machine's identity where there is none is told so; a node may also just be slow."""
    lead(monkeypatch, azure.way())
    host = nobody_at_home(monkeypatch)
    error = key_vault(auth="managed_identity").outcome(DB)
    assert Unavailable is type(error)
    assert f"cannot reach {host}" == str(error)
    assert "on Azure only" in shown(error)


def test_announced_identity_that_is_out(azure, key_vault, monkeypatch):
    """Where the platform says that it gives out identities, silence is an outage and no reason to look elsewhere."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}/msi/token")
    assert Unavailable is type(key_vault().outcome(DB))


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        (None, AuthFailed, "there is no az on the PATH"),
        ("import sys; sys.exit('Please run \\'az login\\' to setup account.')", AuthFailed, "nobody is logged in"),
        ("import sys; sys.exit('AADSTS700082: The refresh token canary has expired')", AuthFailed, "AADSTS700082"),
        ("import sys; sys.exit('AADSTS53003: Access has been blocked')", AccessDenied, "conditional access"),
        ("import sys; sys.exit('canary-crash')", AuthFailed, "az gives no token"),
        ("print('canary-garbage')", AuthFailed, "az gives no token"),
    ],
)
def test_az_that_does_not_help(azure, key_vault, az, script, kind, words):
    """Not there, not logged in, expired, broken: each is told, and nothing of what az printed."""
    if script:
        az(script)
    error = key_vault(auth="azure_cli").outcome(DB)
    assert kind is type(error)
    assert words in shown(error)
    assert "canary" not in shown(error)


@pytest.mark.parametrize("target", ["login", "identity"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(status=503), "fails (HTTP 503)"),
        (Fault(status=429, headers={"Retry-After": "7"}), "throttles"),
        (Fault(reset=True), "closed the connection"),
        (Fault(status=200, body=b"x" * 100, cut=10), "ended early"),
    ],
)
def test_login_that_fails_is_unavailable(azure, key_vault, monkeypatch, target, fault, words):
    """An outage of the login is one that a retry can cure, with the pause that was asked for, after one try."""
    if target == "login":
        lead(monkeypatch, azure.way())
    auth = {"login": {"service_principal": {**PRINCIPAL, "client_secret": "canary-secret"}}, "identity": {}}
    fault.target, fault.operation = target, "token"
    azure.faults = [fault]
    fault.times = None
    error = key_vault(auth=auth[target] or "managed_identity").outcome(DB)
    assert (Throttled if words == "throttles" else Unavailable) is type(error), shown(error)
    assert words in str(error)
    assert 1 == len(who(azure))
    if fault.headers:
        assert 7 == error.retry_after


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({"service_principal": {"client_secret": "s"}}, "no client_id"),
        ({"service_principal": {**PRINCIPAL, "client_secret_file": "/nowhere"}}, "/nowhere"),
        ({"service_principal": {**PRINCIPAL, "certificate_file": "/nowhere"}}, "/nowhere"),
        ({"service_principal": {**PRINCIPAL, "certificate_file": "{garbage}"}}, "cannot be used"),
        ({"workload_identity": PRINCIPAL}, "no token file"),
        ({"workload_identity": {**PRINCIPAL, "token_file": "/nowhere"}}, "/nowhere"),
    ],
)
def test_what_a_login_lacks(azure, key_vault, monkeypatch, tmp_path, auth, words):
    """A file that is not there or does not fit is a failed login that names it."""
    lead(monkeypatch, azure.way())
    garbage = write(tmp_path, "garbage", "canary-no-certificate")
    filled = {way: {key: value.replace("{garbage}", garbage) for key, value in of.items()} for way, of in auth.items()}
    error = key_vault(auth=filled).outcome(DB)
    assert AuthFailed is type(error)
    assert words in shown(error)
    assert "canary" not in shown(error)


def test_vault_of_another_tenant(azure, key_vault, monkeypatch):
    """The vault says in which tenant it is; a login for another one is told both what it is and what to set."""
    lead(monkeypatch, azure.way())
    principal = {"client_id": "app", "tenant_id": "other.example", "client_secret": "canary-secret"}
    error = key_vault(auth={"service_principal": principal}).outcome(DB)
    assert AuthFailed is type(error)
    assert f"the vault is in the tenant {TENANT}, the login is for another" == str(error)
    assert "tenant_id" in shown(error)


def test_the_sdk_logs_nothing(azure):
    """What it would print about a failed login is told once, by us."""
    azure.login.identities = []
    code = (
        "import logging, secretfetch_azure; from secretfetch.provider import SecretRef, SecretError\n"
        "logging.basicConfig(level=logging.WARNING)\n"
        "auth = {'managed_identity': {'client_id': 'x'}}\n"
        "try: secretfetch_azure.connect({'auth': auth}).fetch({SecretRef('s', 'contoso/db'): None})\n"
        "except SecretError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ("this machine has no such managed identity\n", "") == (done.stdout, done.stderr)


# One login for all


def test_fifty_secrets_take_one_login_and_one_challenge(azure, key_vault):
    """Fifty reads are fifty requests, whatever the threads."""
    vault = azure.vault("fifty-secrets")
    refs = [SecretRef("azure-kv", f"fifty-secrets/s{number}") for number in range(50)]
    for number in range(50):
        vault.secret(f"s{number}", str(number))
    outcomes = key_vault().provider.fetch(dict.fromkeys(refs))
    assert [str(number).encode() for number in range(50)] == [outcomes[ref].data for ref in refs]
    assert {"secrets/get": 50, "token": 1} == azure.counts
    assert 1 == azure.challenges


def test_a_failed_login_is_tried_once(azure, key_vault):
    """Fifty secrets do not make fifty attempts, and the failure is told once for the store."""
    azure.login.identities = []
    refs = [SecretRef("azure-kv", f"contoso/s{number}") for number in range(50)]
    store = key_vault(auth={"managed_identity": {"client_id": "x"}}).provider
    with pytest.raises(AuthFailed):
        store.fetch(dict.fromkeys(refs))
    assert 1 == len(who(azure))


def test_a_login_lasts(azure, key_vault):
    """The next fetch uses the same token."""
    store = key_vault()
    store.data(DB)
    store.data(DB)
    assert 1 == len(who(azure))


def test_a_token_is_renewed_before_its_end(azure, key_vault, monkeypatch):
    """Within its last five minutes a new one is fetched, once."""
    azure.login.apps["app"] = App()
    azure.tokens.lifetime = 3600
    store = key_vault()
    store.data(DB)
    import secretfetch_azure.login as module

    real = module.time.time
    monkeypatch.setattr(module.time, "time", lambda: real() + 3400)
    store.data(DB)
    assert 2 == len(who(azure))


def test_a_rotated_secret_is_read_at_the_next_login(azure, key_vault, monkeypatch, tmp_path):
    """Who keeps running follows the file."""
    lead(monkeypatch, azure.way())
    path = write(tmp_path, "client-secret", "canary-old")
    azure.login.apps["app"] = App(secret="canary-old")
    store = key_vault(auth={"service_principal": {**PRINCIPAL, "client_secret_file": path}})
    store.data(DB)
    azure.login.apps["app"] = App(secret="canary-new")
    write(tmp_path, "client-secret", "canary-new")
    azure.tokens.revoke()
    assert b"canary-value" == store.data(DB)


def test_short_lived_tokens_are_used_for_half_their_life(azure, key_vault):
    """A token that is due for renewal from its first second on would mean a login for each read."""
    azure.tokens.lifetime = 200
    store = key_vault()
    for _ in range(3):
        store.data(DB)
    assert 1 == len(who(azure))


def test_a_token_that_still_lasts_survives_an_outage_of_the_login(azure, key_vault, monkeypatch):
    """If renewing fails, the old token is used to its end."""
    store = key_vault()
    store.data(DB)
    azure.faults = [Fault("identity", status=503)]
    import secretfetch_azure.login as module

    real = module.time.time
    monkeypatch.setattr(module.time, "time", lambda: real() + 3400)
    assert b"canary-value" == store.data(DB)


def test_a_revoked_token_is_replaced(azure, key_vault):
    """A token that once worked and is refused is asked for anew, once, within the same fetch."""
    store = key_vault()
    store.data(DB)
    azure.tokens.revoke()
    assert b"canary-value" == store.data(DB)
    assert 2 == len(who(azure))


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("AKV10046: Unable to resolve the key.", "AKV10046"),
        ("[TokenExpired] Error validating token: 'S2S12086'.", "it has expired"),
        (
            "AKV10022: Invalid audience. Expected https://vault.azure.net, found: https://x.example.",
            "https://x.example",
        ),
        ("AKV10032: Invalid issuer. Expected one of https://sts.windows.net/a/, found https://b/.", "another tenant"),
    ],
)
def test_refused_tokens(azure, key_vault, message, words):
    """Why a vault refuses a token is told; a new one that is refused as well is not asked for again and again."""
    azure.faults = [Fault("contoso", status=401, code="Unauthorized", message=message)]
    error = key_vault().outcome(DB)
    assert AuthFailed is type(error)
    assert words in shown(error)
    assert len(who(azure)) <= 2


def test_token_is_not_sent_to_a_stranger(azure, key_vault):
    """A host whose challenge leads elsewhere gets no token."""
    azure.vault("stranger").secret("db", "v")
    azure.wrong_challenge = "vault.example.com"
    error = key_vault().outcome("stranger/db")
    assert AuthFailed is type(error)
    assert "not Key Vault's" in str(error)
    assert {} == azure.counts


def test_netrc_does_not_replace_the_token(azure, key_vault, monkeypatch, tmp_path):
    """A password in ~/.netrc is for somebody else."""
    monkeypatch.setenv("NETRC", write(tmp_path, "netrc", "default login me password canary\n"))
    assert b"canary-value" == key_vault().data(DB)


# Settings


def test_connect_loads_no_sdk():
    """A plan is checked without the SDK, which is most of the start-up time."""
    code = (
        "import sys, secretfetch_azure; secretfetch_azure.connect({}).close(); "
        "print([name for name in sys.modules if name.split('.')[0] in ('azure', 'msal', 'requests', 'cryptography')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"vault_uri": "x"}, "vault_url"),
        ({"vault_url": "http://contoso.vault.azure.net"}, "https"),
        ({"vault_url": "https://contoso.vault.azure.net/secrets/db"}, "vault_url"),
        ({"vault_url": "contoso"}, "vault_url"),
        ({"vault_url": "https://contoso.vault.azure.cn", "cloud": "usgov"}, "china"),
        ({"cloud": "german"}, "cloud"),
        ({"expired": "ignore"}, "expired"),
        ({"tenant_id": "a b"}, "tenant_id"),
        ({"auth": "workload_identiy"}, "workload_identity"),
        ({"auth": {}}, "exactly one"),
        ({"auth": {"managed_identity": {}, "azure_cli": {}}}, "managed_identity and azure_cli"),
        ({"auth": {"managed_identity": {"clientId": "x"}}}, "clientId"),
        ({"auth": {"service_principal": PRINCIPAL}}, "exactly one of client_secret"),
        ({"auth": "service_principal"}, "exactly one of client_secret"),
        ({"auth": {"service_principal": {"client_secret": "canary", "client_secret_file": "f"}}}, "client_secret and"),
        (
            {"auth": {"service_principal": {"client_secret": "canary", "certificate_password_file": "f"}}},
            "certificate_file",
        ),
    ],
)
def test_wrong_settings_are_found_offline(settings, words):
    """What cannot work is a ConfigError that names the setting and shows no secret."""
    with pytest.raises(ConfigError) as caught:
        connect(settings)
    assert words in shown(caught.value)
    assert "canary" not in shown(caught.value)


def test_settings_do_not_show_the_secret():
    """A setting that is printed somewhere has no secret in it."""
    from secretfetch_azure.settings import decode

    assert "canary" not in repr(decode({"auth": {"service_principal": {"client_secret": "canary"}}}))


@pytest.mark.parametrize(
    ("settings", "variables", "key", "host"),
    [
        ({"cloud": "usgov"}, {}, "contoso/db", "login.microsoftonline.us"),
        ({"cloud": "china"}, {}, "contoso/db", "login.chinacloudapi.cn"),
        ({}, {"AZURE_AUTHORITY_HOST": "https://login.microsoftonline.us/"}, "contoso/db", "login.microsoftonline.us"),
        ({}, {}, "contoso.vault.azure.cn/db", "login.chinacloudapi.cn"),
        ({"vault_url": "https://contoso.vault.usgovcloudapi.net/"}, {}, "db", "login.microsoftonline.us"),
    ],
)
def test_other_clouds(azure, key_vault, monkeypatch, settings, variables, key, host):
    """The setting, AZURE_AUTHORITY_HOST or the host itself says where the vault is, and where one logs in."""
    lead(monkeypatch, azure.way() | variables)
    tunnels = []
    real = azure.authority.context
    monkeypatch.setattr(azure.authority, "context", lambda name: tunnels.append(name) or real(name))
    auth = {"service_principal": {**PRINCIPAL, "client_secret": "canary-secret"}}
    assert b"canary-value" == key_vault(auth=auth, **settings).data(key)
    assert host in tunnels
    assert not {"login.microsoftonline.com", "contoso.vault.azure.net"} & set(tunnels)
