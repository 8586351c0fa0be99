"""Logins: every method, one login per connection, credentials read anew, tokens renewed, refusals explained."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from servers.certificates import authority
from servers.vault_server import Fault, VaultServer, refused

from secretfetch.provider import (
    AccessDenied,
    AuthFailed,
    ConfigError,
    SecretError,
    SecretRef,
    SecretValue,
    Throttled,
    Unavailable,
)

APP = SecretRef("vault", "secret/app")


@pytest.fixture(autouse=True)
def seeded(vault, monkeypatch):
    """Let there be a secret and a policy that may read it, and no token of the caller's own."""
    vault.api("POST", "secret/data/app", {"data": {"a": "b"}})
    vault.policy("app", ("secret/data/app", "read"))
    monkeypatch.delenv("VAULT_TOKEN")


@pytest.fixture
def enable(vault):
    """Give a way to enable an auth method anew."""

    def make(kind, path=None, namespace=""):
        path = path or kind
        vault.api("DELETE", f"sys/auth/{path}", namespace=namespace)
        vault.api("POST", f"sys/auth/{path}", {"type": kind}, namespace=namespace)

    return make


@pytest.fixture
def approle(vault, enable):
    """Give role id and secret id."""
    enable("approle")
    vault.api("POST", "auth/approle/role/app", {"token_policies": "app", "token_ttl": "60s", "token_max_ttl": "150s"})
    role_id = vault.api("GET", "auth/approle/role/app/role-id")["data"]["role_id"]
    secret_id = vault.api("POST", "auth/approle/role/app/secret-id", {})["data"]["secret_id"]
    return {"role_id": role_id, "secret_id": secret_id}


def outcome(provider, ref=APP):
    """Return what comes out, raised or returned."""
    try:
        return provider.fetch({ref: None})[ref]
    except SecretError as error:
        return error


def works(provider):
    found = outcome(provider)
    assert isinstance(found, SecretValue), (found, getattr(found, "notes", ""))
    return found.data == b'{"a":"b"}'


def shown(error):
    return "\n".join([str(error), repr(error), *(f"{label} {text}" for label, text in error.notes)])


class TestOwnToken:
    """Without `auth` it is the caller's own token."""

    def test_variables(self, vault, vault_store, monkeypatch):
        """VAULT_TOKEN is used; BAO_TOKEN is before it."""
        monkeypatch.setenv("VAULT_TOKEN", vault.new_token("app"))
        assert works(vault_store())
        monkeypatch.setenv("BAO_TOKEN", "canary-bad")
        assert isinstance(outcome(vault_store()), AuthFailed)

    @pytest.mark.parametrize("variable", ["VAULT_TOKEN_FILE", "BAO_TOKEN_FILE"])
    def test_files_of_variables(self, vault, vault_store, monkeypatch, tmp_path, variable):
        """A variable may name the file of a token."""
        (tmp_path / "token").write_text(vault.new_token("app") + "\n")
        monkeypatch.setenv(variable, str(tmp_path / "token"))

        assert works(vault_store())

    def test_the_token_of_the_command_line(self, vault, vault_store, tmp_path):
        """The file that `vault login` writes is read last."""
        (tmp_path / ".vault-token").write_text(vault.new_token("app"))

        assert works(vault_store())

    def test_nothing_lists_what_was_tried(self, vault, vault_store, tmp_path):
        """Without any token, each place that was looked at is named, and nothing is asked."""
        error = outcome(vault_store())

        assert isinstance(error, AuthFailed)
        tried = [text for label, text in error.notes if label == "tried"]
        assert tried == [
            "environment: neither BAO_TOKEN nor VAULT_TOKEN is set",
            "environment: neither BAO_TOKEN_FILE nor VAULT_TOKEN_FILE is set",
            f"file: no {tmp_path}/.vault-token",
        ]
        assert not vault.requests

    @pytest.mark.parametrize("text", ["a b", "a\nX-Other: 1", "tökén", "\x00"])
    def test_what_is_no_token_is_not_sent(self, vault, vault_store, text):
        """A text that would break the header is no token; it is not shown."""
        error = outcome(vault_store(auth={"token": {"token": text}}))

        assert isinstance(error, AuthFailed)
        assert text not in shown(error)
        assert not vault.requests

    def test_a_token_file_is_read_again(self, vault, vault_store, tmp_path):
        """When its token is refused, a file that holds another one by now is believed."""
        first = vault.new_token("app")
        (tmp_path / "token").write_text(first)
        provider = vault_store(auth={"token": {"token_file": str(tmp_path / "token")}})
        assert works(provider)
        vault.api("POST", "auth/token/revoke", {"token": first})
        assert isinstance(outcome(provider), AuthFailed)
        (tmp_path / "token").write_text(vault.new_token("app"))

        assert works(provider)

    def test_a_missing_token_file_is_named(self, vault_store):
        """The path is in the message."""
        error = outcome(vault_store(auth={"token": {"token_file": "/nowhere/token"}}))

        assert isinstance(error, AuthFailed)
        assert "/nowhere/token" in str(error)

    def test_an_unknown_token_is_told_from_a_denial(self, vault, vault_store, monkeypatch):
        """The server says the same of both; asked about the token itself, it does not."""
        monkeypatch.setenv("VAULT_TOKEN", "s.canarycanarycanary")
        unknown = outcome(vault_store())
        monkeypatch.setenv("VAULT_TOKEN", vault.new_token("default"))
        denied = outcome(vault_store())

        assert isinstance(unknown, AuthFailed)
        assert "from VAULT_TOKEN" in str(unknown)
        assert "canary" not in shown(unknown)
        assert isinstance(denied, AccessDenied)

    def test_a_token_that_may_not_even_ask_is_denied(self, vault, vault_store, monkeypatch):
        """Without the default policy the caller's name is not known; it is a denial all the same."""
        vault.policy("nothing", ("secret/data/other", "read"))
        monkeypatch.setenv("VAULT_TOKEN", vault.new_token("nothing", no_default_policy=True))

        error = outcome(vault_store())

        assert isinstance(error, AccessDenied)
        assert dict(error.notes)["you are"] == "the token from VAULT_TOKEN"

    def test_it_is_never_revoked(self, vault, vault_store, monkeypatch):
        """revoke_on_shutdown is for what the connection has made."""
        token = vault.new_token("app")
        monkeypatch.setenv("VAULT_TOKEN", token)
        provider = vault_store(revoke_on_shutdown=True)
        works(provider)
        provider.close()

        assert vault.api("GET", "auth/token/lookup-self", token=token)["data"]["ttl"] > 0


class TestAppRole:
    """`approle`."""

    def test_from_the_settings(self, vault, vault_store, approle):
        """One login, whatever is read and how often."""
        provider = vault_store(auth={"approle": approle})

        assert works(provider)
        assert works(provider)
        assert vault.counts["POST auth/approle/login"] == 1

    def test_from_files_read_at_each_login(self, vault, vault_store, approle, tmp_path):
        """Mounted secrets change: after the token is gone the files are read anew. A final line end is cut off."""
        for name, value in approle.items():
            (tmp_path / name).write_text(value + "\n")
        files = {f"{name}_file": str(tmp_path / name) for name in approle}
        provider = vault_store(auth={"approle": files})
        assert works(provider)
        (tmp_path / "secret_id").write_text("canary-wrong")
        vault.api("POST", "auth/token/revoke", {"token": vault.requests[-1].token})

        error = outcome(provider)

        assert isinstance(error, AuthFailed)
        assert str(error) == f"the login by approle (auth/approle) to {vault.url} is refused"
        assert dict(error.notes)["server says"] == "invalid role or secret ID"
        assert "canary" not in shown(error)

    def test_at_another_mount(self, vault, vault_store, approle, enable):
        """`mount` says where; `auth/` before it is accepted."""
        enable("approle", "team/roles")
        vault.api(
            "POST",
            "auth/team/roles/role/app",
            {
                "token_policies": "app",
                "bind_secret_id": False,
                "secret_id_bound_cidrs": [],
                "token_bound_cidrs": ["127.0.0.0/8"],
            },
        )
        role_id = vault.api("GET", "auth/team/roles/role/app/role-id")["data"]["role_id"]

        assert works(vault_store(auth={"approle": {"role_id": role_id, "mount": "auth/team/roles"}}))

    def _wrap(self, vault):
        import urllib.request

        request = urllib.request.Request(
            f"{vault.address}/v1/auth/approle/role/app/secret-id",
            data=b"{}",
            method="POST",
            headers={"X-Vault-Token": vault.token, "X-Vault-Wrap-TTL": "60s"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["wrap_info"]["token"]

    def test_wrapped(self, vault, vault_store, approle, fake_time):
        """The wrapping token is opened once; later logins use what was in it."""
        settings = {"role_id": approle["role_id"], "secret_id": self._wrap(vault), "wrapped": True}
        provider = vault_store(auth={"approle": settings}, clock=fake_time.clock)
        assert works(provider)
        vault.api("POST", "auth/token/revoke", {"token": vault.requests[-1].token})

        assert works(provider)
        assert vault.counts["PUT sys/wrapping/unwrap"] == 1
        assert vault.counts["POST auth/approle/login"] == 2

    def test_wrapped_and_opened_before(self, vault, vault_store, approle, tmp_path):
        """A second use is an error that says so: somebody else may have the secret id."""
        token = self._wrap(vault)
        (tmp_path / "wrapped").write_text(token)
        settings = {
            "role_id": approle["role_id"],
            "secret_id_file": str(tmp_path / "wrapped"),
            "wrapped": True,
        }
        assert works(vault_store(auth={"approle": settings}))

        error = outcome(vault_store(auth={"approle": settings}))

        assert isinstance(error, AuthFailed)
        assert "has been opened before" in str(error)
        assert str(tmp_path / "wrapped") in dict(error.notes)["wrapped"]
        assert token not in shown(error)


class _Signer:
    """Signs service-account tokens as a cluster does, with a key of its own."""

    def __init__(self, folder):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / "sa-token"
        encoding, kind = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        self.public = self.key.public_key().public_bytes(encoding, kind).decode()

    def write(self, account="app", audience="vault", seconds=600):
        now = int(time.time())
        claims = {
            "iss": "cluster",
            "aud": [audience],
            "sub": f"system:serviceaccount:shop:{account}",
            "iat": now,
            "nbf": now - 5,
            "exp": now + seconds,
        }
        head = b".".join(self._part(part) for part in ({"alg": "ES256", "typ": "JWT"}, claims))
        r, s = decode_dss_signature(self.key.sign(head, ec.ECDSA(hashes.SHA256())))
        signature = base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).rstrip(b"=")
        self.file.write_bytes(head + b"." + signature + b"\n")
        return str(self.file)

    @staticmethod
    def _part(part):
        return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")


@pytest.fixture
def cluster(vault, enable, tmp_path):
    """Give a signer whose tokens the mounts `kubernetes` and `jwt` accept for the role app."""
    signer = _Signer(tmp_path)
    for path in ("kubernetes", "jwt"):
        enable("jwt", path)
        vault.api("POST", f"auth/{path}/config", {"jwt_validation_pubkeys": [signer.public]})
        role = {
            "role_type": "jwt",
            "user_claim": "sub",
            "bound_audiences": ["vault"],
            "bound_subject": "system:serviceaccount:shop:app",
            "token_policies": ["app"],
        }
        vault.api("POST", f"auth/{path}/role/app", role)
    return signer


class TestServiceAccounts:
    """`kubernetes` and `jwt`: a projected token of the pod."""

    @pytest.mark.parametrize("method", ["kubernetes", "jwt"])
    def test_login(self, vault, vault_store, cluster, method):
        """Role and token are sent; one login."""
        assert works(vault_store(auth={method: {"role": "app", "token_path": cluster.write()}}))
        (login,) = [request for request in vault.requests if request.path == f"auth/{method}/login"]
        assert login.body.keys() == {"role", "jwt"}
        assert login.token == ""

    def test_the_token_is_read_at_each_login(self, vault, vault_store, cluster):
        """A projected token is replaced by the kubelet; an old one is not kept."""
        provider = vault_store(auth={"kubernetes": {"role": "app", "token_path": cluster.write(seconds=600)}})
        assert works(provider)
        cluster.write(seconds=1200)
        vault.api("POST", "auth/token/revoke", {"token": vault.requests[-1].token})

        assert works(provider)
        first, second = [request.body["jwt"] for request in vault.requests if request.path == "auth/kubernetes/login"]
        assert first != second

    @pytest.mark.parametrize(
        ("login", "says"),
        [
            (("nope", "app", "vault"), "role"),
            (("app", "other", "vault"), "sub"),
            (("app", "app", "other"), "audience"),
        ],
    )
    def test_refusals_name_role_and_mount(self, vault, vault_store, cluster, login, says):
        """The server's words tell an unknown role from a wrong account and a wrong audience."""
        role, account, audience = login
        path = cluster.write(account, audience)

        error = outcome(vault_store(auth={"kubernetes": {"role": role, "token_path": path}}))

        assert isinstance(error, AuthFailed)
        assert f'role "{role}" at auth/kubernetes' in str(error)
        assert says in dict(error.notes)["server says"]
        assert cluster.file.read_text().strip() not in shown(error)

    def test_no_token_in_the_pod(self, vault_store):
        """The path is named; nobody is asked."""
        error = outcome(vault_store(auth={"kubernetes": {"role": "app", "token_path": "/nowhere/token"}}))

        assert isinstance(error, AuthFailed)
        assert "/nowhere/token" in str(error)


class TestPasswords:
    """`userpass` and `ldap`."""

    @pytest.fixture
    def bob(self, vault, enable):
        enable("userpass")
        vault.api("POST", "auth/userpass/users/bob", {"password": "canary-pw", "token_policies": "app"})

    def test_userpass(self, vault, vault_store, bob, tmp_path):
        """The name is in the path, the password in the body."""
        (tmp_path / "password").write_text("canary-pw\n")

        assert works(vault_store(auth={"userpass": {"username": "bob", "password_file": str(tmp_path / "password")}}))
        assert vault.counts["POST auth/userpass/login/bob"] == 1

    def test_wrong_password(self, vault_store, bob):
        """It is not shown."""
        error = outcome(vault_store(auth={"userpass": {"username": "bob", "password": "canary-wrong"}}))

        assert isinstance(error, AuthFailed)
        assert "canary" not in shown(error)

    def test_ldap(self, vault, vault_store):
        """The same exchange at another mount."""
        made = {"auth": {"client_token": vault.new_token("app"), "lease_duration": 60, "renewable": True}}
        vault.faults.append(Fault("auth/ldap/login/bob", "POST", json=made))

        assert works(vault_store(auth={"ldap": {"username": "bob", "password": "canary-pw"}}))
        (login,) = [request for request in vault.requests if request.path.startswith("auth/ldap")]
        assert login.body == {"password": "canary-pw"}

    def test_words_that_quote_the_password_are_not_shown(self, vault, vault_store):
        """An engine may repeat what it was told."""
        vault.faults.append(refused(400, "cannot bind with canary-pw", path="auth/ldap/.*"))

        error = outcome(vault_store(auth={"ldap": {"username": "bob", "password": "canary-pw"}}))

        assert isinstance(error, AuthFailed)
        assert "canary" not in shown(error)


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory):
    """Give a server with a TLS listener that wants client certificates, with its authority."""
    ca = authority(tmp_path_factory.mktemp("ca"), "authority")
    files = ca.issue("server", "localhost", "127.0.0.1")
    server = VaultServer(tmp_path_factory.mktemp("data"), client_ca=ca.file, certificate=files).start()
    server.mount("secret")
    server.api("POST", "secret/data/app", {"data": {"a": "b"}})
    server.policy("app", ("secret/data/app", "read"))
    server.api("POST", "sys/auth/cert", {"type": "cert"})
    with open(ca.file) as stream:
        role = {"certificate": stream.read(), "token_policies": "app", "allowed_names": ["web"]}
    server.api("POST", "auth/cert/certs/web", role)
    yield server, ca
    server.stop()


class TestCertificates:
    """`cert`: the client certificate of the connection."""

    def settings(self, tls_server, name, **auth):
        server, ca = tls_server
        cert, key = ca.issue(name, name, client=True)
        return {
            "address": server.tls_address,
            "ca_file": ca.file,
            "client_cert": cert,
            "client_key": key,
            "auth": {"cert": auth or None},
        }

    @pytest.mark.parametrize("role", [{}, {"role": "web"}])
    def test_login(self, vault_store, tls_server, role):
        """With a role or without."""
        assert works(vault_store(**self.settings(tls_server, "web", **role)))

    def test_a_certificate_that_no_role_takes(self, vault_store, tls_server):
        """The server's refusal is a failed login."""
        assert isinstance(outcome(vault_store(**self.settings(tls_server, "stranger"))), AuthFailed)


class TestClouds:
    """`aws` and `azure`: the exchange as it is written down; no cloud is asked."""

    @pytest.fixture(autouse=True)
    def accepted(self, vault):
        auth = {"client_token": vault.new_token("app"), "lease_duration": 3600, "renewable": True}
        vault.faults.append(Fault("auth/(aws|azure)/login", "POST", json={"auth": auth}))

    @pytest.mark.parametrize(
        ("region", "host"),
        [
            ("us-east-1", "sts.amazonaws.com"),
            ("eu-west-1", "sts.eu-west-1.amazonaws.com"),
            ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
    def test_aws(self, vault, vault_store, monkeypatch, region, host):
        """A GetCallerIdentity, signed for the region, with the server id among the signed headers, and never sent."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-of-the-key")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "session")

        assert works(vault_store(auth={"aws": {"role": "app", "region": region, "server_id": "vault.example"}}))

        (login,) = [request for request in vault.requests if request.path == "auth/aws/login"]
        told = {
            name: base64.b64decode(value).decode()
            for name, value in login.body.items()
            if name.endswith(("url", "body", "headers"))
        }
        headers = json.loads(told["iam_request_headers"])
        assert (login.body["role"], login.body["iam_http_request_method"]) == ("app", "POST")
        assert told["iam_request_url"] == f"https://{host}/"
        assert told["iam_request_body"] == "Action=GetCallerIdentity&Version=2011-06-15"
        assert f"/{region}/sts/aws4_request" in headers["Authorization"]
        assert "x-vault-aws-iam-server-id" in headers["Authorization"]
        assert headers["X-Amz-Security-Token"] == "session"
        assert "canary" not in str(told)

    def test_aws_signature_is_that_of_the_sdk(self, vault, vault_store, monkeypatch):
        """botocore, asked to sign the same request at the same moment, writes the same signature."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        works(vault_store(auth={"aws": {"role": "app", "region": "eu-west-1"}}))
        (login,) = [request for request in vault.requests if request.path == "auth/aws/login"]
        headers = json.loads(base64.b64decode(login.body["iam_request_headers"]))
        ours = headers.pop("Authorization")
        request = AWSRequest(
            "POST",
            "https://sts.eu-west-1.amazonaws.com/",
            headers=headers,
            data="Action=GetCallerIdentity&Version=2011-06-15",
        )
        signer = SigV4Auth(Credentials("AKIAIOSFODNN7EXAMPLE", "secret"), "sts", "eu-west-1")
        request.context["timestamp"] = headers["X-Amz-Date"]
        canonical = signer.canonical_request(request)
        text = signer.string_to_sign(request, canonical)

        assert ours.rpartition("Signature=")[2] == signer.signature(text, request)

    def test_aws_without_credentials(self, vault_store, monkeypatch):
        """Said before anything is sent."""
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

        error = outcome(vault_store(auth={"aws": {"role": "app"}}))

        assert isinstance(error, AuthFailed)
        assert "no AWS credentials" in str(error)

    def test_azure(self, vault, vault_store, monkeypatch):
        """The machine's token and its place go to the server; the metadata service is asked without a proxy."""
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", vault.url)
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        machine = {"subscriptionId": "s", "resourceGroupName": "g", "name": "vm-1", "vmScaleSetName": "", "tags": ""}
        vault.faults += [
            Fault("/metadata/identity/oauth2/token", json={"access_token": "machine-token", "expires_in": "3600"}),
            Fault("/metadata/instance/compute", json=machine),
        ]

        assert works(vault_store(auth={"azure": {"role": "app", "client_id": "c"}}))

        (asked,) = [request for request in vault.requests if request.path == "/metadata/identity/oauth2/token"]
        (login,) = [request for request in vault.requests if request.path == "auth/azure/login"]
        assert asked.headers["Metadata"] == "true"
        assert dict(asked.query)["resource"] == "https://management.azure.com/"
        assert dict(asked.query)["client_id"] == "c"
        assert login.body == {
            "role": "app",
            "jwt": "machine-token",
            "subscription_id": "s",
            "resource_group_name": "g",
            "vm_name": "vm-1",
        }

    @pytest.mark.parametrize(
        ("status", "kind"), [(400, AuthFailed), (404, AuthFailed), (500, Unavailable), (429, Throttled)]
    )
    def test_azure_without_an_identity(self, vault, vault_store, monkeypatch, status, kind):
        """A refusal of the metadata service is told from its silence."""
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", vault.url)
        vault.faults.append(Fault("/metadata/.*", status=status, json={"error": "canary"}))

        error = outcome(vault_store(auth={"azure": {"role": "app"}}))

        assert isinstance(error, kind)
        assert "canary" not in shown(error)


class TestRefusals:
    """What a login may answer besides a token."""

    def test_nothing_mounted(self, vault_store, approle):
        """The mount is named, and what to do."""
        error = outcome(vault_store(auth={"approle": {**approle, "mount": "nope"}}))

        assert isinstance(error, AuthFailed)
        assert "auth/nope" in str(error)

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            (refused(400, 'role "app" could not be found'), AuthFailed),
            (refused(403, "permission denied"), AuthFailed),
            (refused(404, "no handler for route"), AuthFailed),
            (Fault(status=204), AuthFailed),
            (Fault(json={"auth": None}), AuthFailed),
            (Fault(json={"auth": {"client_token": ""}}), AuthFailed),
            (Fault(json={"auth": {"client_token": "a\nb"}}), AuthFailed),
            (refused(429, "request path rate limited"), Throttled),
            (refused(503, "Vault is sealed"), Unavailable),
            (refused(500, "internal error"), Unavailable),
            (Fault(body=b"<html>log in</html>"), Unavailable),
            (Fault(reset=True), Unavailable),
        ],
    )
    def test_each_answer_has_a_meaning(self, vault, vault_store, approle, fault, kind):
        """Refusals are failed logins, outages are outages; one request each."""
        fault.path = "auth/approle/login"
        vault.faults.append(fault)

        assert isinstance(outcome(vault_store(auth={"approle": approle})), kind)
        assert vault.counts["POST auth/approle/login"] == 1

    def test_the_namespace_of_a_login_may_be_another(self, vault, vault_store, enable):
        """Tokens of a parent namespace may read in its children; the login goes to its own."""
        vault.api("POST", "sys/namespaces/shop")
        vault.mount("kv", namespace="shop")
        vault.api("POST", "kv/data/x", {"data": {"a": "b"}}, namespace="shop")
        vault.policy("child", ("shop/kv/data/x", "read"))
        enable("userpass")
        vault.api("POST", "auth/userpass/users/bob", {"password": "pw", "token_policies": "child"})
        auth = {"userpass": {"username": "bob", "password": "pw", "namespace": ""}}
        ref = SecretRef("vault", "kv/x")

        found = vault_store(namespace="shop", auth=auth).fetch({ref: None})[ref]

        assert found.data == b'{"a":"b"}'
        spaces = {request.path: request.namespace for request in vault.requests}
        assert spaces["auth/userpass/login/bob"] == ""
        assert spaces["kv/data/x"] == "shop"


class TestRoleChanges:
    """A refusal of a token that a login gave: one more login, one more try."""

    def test_a_role_that_was_widened_helps(self, vault, vault_store, approle):
        """Policies come with the login: a new one has those that were added since."""
        vault.api("POST", "auth/approle/role/app", {"token_policies": "default"})
        provider = vault_store(auth={"approle": approle})
        assert isinstance(outcome(provider), AccessDenied)
        vault.api("POST", "auth/approle/role/app", {"token_policies": "app"})

        assert works(provider)
        assert vault.counts["POST auth/approle/login"] == 2

    def test_a_denial_that_stays_costs_one_login(self, vault, vault_store, approle):
        """Where a new login has not helped, the next rounds do not try it again."""
        vault.api("POST", "auth/approle/role/app", {"token_policies": "default"})
        provider = vault_store(auth={"approle": approle})
        for _ in range(4):
            error = outcome(provider)

        assert isinstance(error, AccessDenied)
        assert dict(error.notes)["you are"] == "approle login: role_name app (policies: default)"
        # Look-up of the mount and read are two paths, and each is tried with a new login once.
        assert vault.counts["POST auth/approle/login"] <= 3

    def test_fifty_refusals_are_one_login(self, vault, vault_store, approle):
        """When a token is revoked, all reads of a round share the next one."""
        provider = vault_store(auth={"approle": approle})
        vault.policy("app", ("secret/data/*", "read"))
        refs = {SecretRef("vault", f"secret/many/{number}"): None for number in range(50)}
        for ref in refs:
            vault.api("POST", ref.key.replace("secret/", "secret/data/", 1), {"data": {"a": "b"}})
        assert works(provider)
        vault.api("POST", "auth/token/revoke", {"token": vault.requests[-1].token})

        outcomes = provider.fetch(refs)

        assert {outcome.data for outcome in outcomes.values()} == {b'{"a":"b"}'}
        assert vault.counts["POST auth/approle/login"] == 2


class TestRenewal:
    """The token of a login: renewed at two thirds of its time, replaced before its maximum."""

    def test_five_minutes(self, vault, vault_store, approle, fake_time):
        """A token of 60 s that is renewed, up to a maximum of 150 s: never used after its end, never one too many."""
        token = {"client_token": vault.new_token("app"), "lease_duration": 60, "renewable": True}
        ends = {"at": 0.0, "max": 0.0}

        def log_in(_):
            ends["at"], ends["max"] = fake_time.seconds + 60, fake_time.seconds + 150
            return {"auth": token}

        def renew(_):
            assert fake_time.seconds < ends["at"]
            ends["at"] = min(fake_time.seconds + 60, ends["max"])
            return {"auth": {**token, "lease_duration": ends["at"] - fake_time.seconds}}

        vault.faults += [
            Fault("auth/approle/login", make=log_in),
            Fault("auth/token/renew-self", make=renew),
            Fault("secret/.*", when=lambda _: fake_time.seconds >= ends["at"], status=418),
        ]
        provider = vault_store(auth={"approle": approle}, clock=fake_time.clock)
        for _ in range(60):
            assert works(provider)
            fake_time.seconds += 5

        logins, renewals = vault.counts["POST auth/approle/login"], vault.counts["PUT auth/token/renew-self"]
        assert (logins, renewals) == (2, 8)

    def test_a_refused_renewal_is_a_new_login(self, vault, vault_store, approle, fake_time):
        """At once, in the same round."""
        provider = vault_store(auth={"approle": approle}, clock=fake_time.clock)
        assert works(provider)
        vault.faults.append(refused(403, "permission denied", path="auth/token/renew-self"))
        fake_time.seconds += 45

        assert works(provider)
        assert vault.counts["POST auth/approle/login"] == 2

    def test_an_outage_at_renewal_is_for_later(self, vault, vault_store, approle, fake_time):
        """While the token lives, a renewal that finds nobody does not keep secrets from being read."""
        provider = vault_store(auth={"approle": approle}, clock=fake_time.clock)
        assert works(provider)
        vault.faults.append(Fault("auth/token/renew-self", reset=True, times=1))
        fake_time.seconds += 45
        assert works(provider)
        fake_time.seconds += 5

        assert works(provider)
        assert vault.counts["PUT auth/token/renew-self"] == 2
        assert vault.counts["POST auth/approle/login"] == 1


class TestClose:
    """`revoke_on_shutdown`."""

    def test_the_token_of_a_login_is_revoked(self, vault, vault_store, approle):
        """By close, once; without the setting it is left to end."""
        kept, revoked = (
            vault_store(auth={"approle": approle}),
            vault_store(auth={"approle": approle}, revoke_on_shutdown=True),
        )
        works(kept)
        works(revoked)
        kept.close()
        revoked.close()
        revoked.close()

        assert vault.counts["PUT auth/token/revoke-self"] == 1

    def test_trouble_is_kept_to_itself(self, vault, vault_store, approle):
        """A server that is gone does not make close fail; nobody logs in to log out."""
        provider = vault_store(auth={"approle": approle}, revoke_on_shutdown=True)
        works(provider)
        vault.faults.append(Fault(reset=True))
        provider.close()
        vault_store(auth={"approle": approle}, revoke_on_shutdown=True).close()

        assert vault.counts["POST auth/approle/login"] == 1

    def test_a_closed_connection_is_unavailable(self, vault, vault_store, approle):
        """And not a bug."""
        provider = vault_store(auth={"approle": approle})
        provider.close()

        assert isinstance(outcome(provider), Unavailable)


def test_settings_of_logins_are_checked(vault_store):
    """One method, known, with all that it needs and nothing else."""
    wrong = [
        {"kubernetes": {}},
        {"kubernetes": {"role": "app", "rol": "x"}},
        {"kubernete": {"role": "app"}},
        {"kubernetes": {"role": "app"}, "jwt": {"token_path": "x"}},
        {"approle": {"role_id": "x", "role_id_file": "y"}},
        {"approle": {"role_id": "x", "secret_id": "y", "secret_id_file": "z"}},
        {"approle": {"role_id": "x", "wrapped": True}},
        {"approle": {}},
        {"token": {}},
        {"token": {"token": "canary", "token_file": "y"}},
        {"userpass": {"username": "bob"}},
        {"cert": {"role": "canary", "x": 1}},
        {"gcp": {}},
    ]
    for auth in wrong:
        with pytest.raises(ConfigError) as caught:
            vault_store(auth=auth)
        assert "canary" not in shown(caught.value)
