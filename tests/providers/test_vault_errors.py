"""What the server answers when it does not give a value, and what does not answer at all: each told for what it is."""

import http.server
import resource
import socket
import ssl
import threading

import pytest
from secretfetch_vault.transport import Timeouts
from servers.certificates import authority
from servers.vault_server import Fault, refused

from secretfetch.provider import (
    AccessDenied,
    AuthFailed,
    ConfigError,
    DataError,
    NotFound,
    SecretError,
    SecretRef,
    SecretValue,
    Throttled,
    Unavailable,
)

APP = SecretRef("vault", "secret/app")
CANARY = "canary-3f1c9a2e"


def outcome(provider, ref=APP):
    """Return what comes out for one ref, raised or returned."""
    try:
        return provider.fetch({ref: None})[ref]
    except SecretError as error:
        return error


def shown(error):
    return "\n".join([str(error), repr(error), *(f"{label} {text}" for label, text in error.notes)])


@pytest.fixture(autouse=True)
def seeded(vault):
    """Let there be a secret."""
    vault.api("POST", "secret/data/app", {"data": {"a": "b"}})


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (refused(400, "some field is wrong"), ConfigError, "refused"),
        (refused(400, "Upgrading from non-versioned to versioned data"), Unavailable, "KV v2"),
        (refused(403, "1 error occurred:\n\t* permission denied\n\n"), AccessDenied, "denied"),
        (refused(404), NotFound, "no secret"),
        (refused(405, "unsupported operation"), ConfigError, "cannot be read"),
        (refused(412, "required index state not present"), Unavailable, "fails"),
        (refused(418, "x"), ConfigError, "refused"),
        (refused(429, "request path rate limited"), Throttled, "throttles"),
        (refused(472), Unavailable, "standby"),
        (refused(473), Unavailable, "standby"),
        (refused(500, "internal error"), Unavailable, "fails"),
        (refused(500, "local node not active but active cluster node not found"), Unavailable, "standby"),
        (refused(502), Unavailable, "fails"),
        (refused(503, "Vault is sealed"), Unavailable, "sealed"),
        (refused(503, "Vault is not initialized"), Unavailable, "not initialised"),
        (refused(503), Unavailable, "fails"),
        (refused(504), Unavailable, "fails"),
        (Fault(status=502, body=b"<html>"), Unavailable, "not Vault"),
        (Fault(status=200, body=b"<html>log in</html>"), Unavailable, "not Vault"),
        (Fault(status=404, body=b"not here"), Unavailable, "not Vault"),
        (Fault(status=200, body=b'{"data":'), Unavailable, "not Vault"),
        (Fault(status=200, body=b"\xff\xfe"), Unavailable, "not Vault"),
        (Fault(status=200, body=b"[" * 100_000), Unavailable, "not Vault"),
        (Fault(status=200, body=b'{"data":{},"lease_duration":"x"}'), Unavailable, "not Vault"),
        (Fault(status=200, json={"data": {"data": {}}}), Unavailable, "cannot be read"),
        (Fault(status=200, json={"data": []}), Unavailable, "cannot be read"),
        (Fault(cut=20), Unavailable, "ended early"),
        (Fault(reset=True), Unavailable, "closed the connection"),
        (Fault(status=200, body=b"{}", headers={"Content-Encoding": "gzip"}), Unavailable, "compressed"),
        (Fault(status=301, headers={"Location": "/v1/x"}, body=b""), ConfigError, "redirects"),
        (Fault(status=307, headers={"Location": "/v1/secret/data/app"}, body=b""), Unavailable, "in a circle"),
    ],
)
def test_each_answer_has_a_meaning(vault, vault_store, fault, kind, says):
    """The table of answers to a read, seen from outside; nothing is tried twice."""
    fault.path = "secret/data/app"
    vault.faults.append(fault)

    error = outcome(vault_store())

    assert type(error) is kind, (error, error.notes)
    assert says in str(error)
    assert vault.counts["GET secret/data/app"] == (2 if says == "in a circle" else 1)


@pytest.mark.parametrize("status", [400, 404, 405, 429, 500, 503])
def test_secrets_in_the_servers_words_are_not_repeated(vault, vault_store, status):
    """Words are shown for refused arguments alone, and not where they hold the token."""
    said = f"cannot parse {CANARY}" if status != 400 else f"cannot parse {vault.token}"
    vault.faults.append(refused(status, said, path="secret/data/app"))

    error = outcome(vault_store())

    assert CANARY not in shown(error)
    assert vault.token not in shown(error)


def test_throttling_says_how_long(vault, vault_store):
    """Retry-After becomes the floor of the next wait."""
    vault.faults.append(refused(429, "rate limited", path="secret/.*", headers={"Retry-After": "7"}))

    assert outcome(vault_store()).retry_after == 7.0


def test_a_quota_of_the_real_server(vault, vault_store):
    """A rate limit of OpenBao itself."""
    vault.api("POST", "sys/quotas/rate-limit/tight", {"path": "secret/", "rate": 0.01, "interval": "60s"})
    try:
        provider = vault_store()
        errors = [outcome(provider) for _ in range(3)]
    finally:
        vault.api("DELETE", "sys/quotas/rate-limit/tight")

    assert isinstance(errors[-1], Throttled)
    assert "throttles" in str(errors[-1])


def test_messages_name_the_place(vault, vault_store):
    """Address and namespace are in the message of a secret that is missing."""
    vault.api("POST", "sys/namespaces/place")
    vault.mount("secret", namespace="place")

    assert str(outcome(vault_store(namespace="place"))) == (f'no secret "secret/app" at {vault.url} (namespace place)')


def test_a_huge_answer_is_refused_while_it_comes(vault, vault_store):
    """More than any value may be is not read to its end, and does not fill the memory."""
    vault.faults.append(Fault("secret/data/app", huge=256 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    error = outcome(vault_store())

    assert isinstance(error, DataError)
    assert vault.sent < 64 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_a_promise_of_a_huge_answer_is_enough(vault, vault_store):
    """A length that is too large is believed."""
    vault.faults.append(Fault("secret/data/app", body=b"{}", headers={"X-Pad": "1"}, cut=0))
    vault.faults[0].body = b" " * (9 << 20)

    assert isinstance(outcome(vault_store()), DataError)


def test_one_outage_for_all_is_raised(vault, vault_store):
    """When nothing else has come out, the store is at fault, and is told once."""
    vault.faults.append(refused(503, "Vault is sealed", path="secret/data/.*"))

    with pytest.raises(Unavailable, match="sealed"):
        vault_store().fetch({APP: None, SecretRef("vault", "secret/b"): None})


def test_one_bad_path_does_not_spoil_the_others(vault, vault_store):
    """Trouble with one is that one's."""
    other = SecretRef("vault", "secret/b")
    vault.faults.append(refused(500, "internal error", path="secret/data/b"))

    answer = vault_store().fetch({APP: None, other: None})

    assert isinstance(answer[APP], SecretValue)
    assert isinstance(answer[other], Unavailable)


class TestNoAnswer:
    """Nobody there, or nobody who speaks."""

    def test_refused(self, vault_store):
        """Host, port and what has named them."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{taken.getsockname()[1]}"
            error = outcome(vault_store(address=address))

        assert isinstance(error, Unavailable)
        assert str(error) == f"cannot reach {address[7:]}: connection refused"
        assert dict(error.notes)["address"] == f"{address}, from the setting address"

    def test_an_unknown_name(self, vault_store):
        """Told from a refusal."""
        error = outcome(vault_store(address="http://vault.invalid:8200"))

        assert isinstance(error, Unavailable)
        assert "does not resolve" in str(error)

    def test_silence(self, vault, vault_store):
        """No answer within the time to read."""
        vault.faults.append(Fault("secret/data/app", hang=True))

        error = outcome(vault_store(timeouts=Timeouts(1.0, 0.2)))

        assert isinstance(error, Unavailable)
        assert "in time" in str(error)

    def test_no_connection_in_time(self, vault_store):
        """A server whose queue is full."""
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            others = [socket.socket() for _ in range(3)]
            for one in others:
                one.settimeout(0)
                one.connect_ex(full.getsockname())
            address = f"http://127.0.0.1:{full.getsockname()[1]}"
            error = outcome(vault_store(address=address, timeouts=Timeouts(0.2, 0.2)))
            for one in others:
                one.close()

        assert isinstance(error, Unavailable)
        assert "in time" in str(error)

    def test_a_proxy_that_is_away(self, vault_store, monkeypatch):
        """The proxy is named as the one who is at fault."""
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

        error = outcome(vault_store(address="http://vault.invalid:8200"))

        assert isinstance(error, Unavailable)
        assert "through the proxy" in str(error)

    def test_a_proxy_is_used(self, vault, vault_store, monkeypatch):
        """A host that does not exist is reached through it."""
        monkeypatch.setenv("HTTP_PROXY", vault.url)
        vault.faults.append(Fault("http://vault.invalid:8200/v1/.*|.*", json={"data": {"a": "b"}}))

        assert isinstance(outcome(vault_store(address="http://vault.invalid:8200")), SecretValue)

    def test_the_next_fetch_connects_anew(self, vault, vault_store):
        """After a broken connection the same provider works."""
        provider = vault_store()
        vault.faults.append(Fault("secret/data/app", reset=True, times=1))
        assert isinstance(outcome(provider), Unavailable)

        assert isinstance(outcome(provider), SecretValue)


class _Thief(http.server.BaseHTTPRequestHandler):
    seen: list[dict[str, str]]

    def do_GET(self):
        self.seen.append(dict(self.headers))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_never_takes_the_token_along(vault, vault_store, status):
    """Another host, another port or another scheme is never asked; the message says where it was to lead."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Thief", (_Thief,), {"seen": []}))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        place = f"127.0.0.1:{server.server_port}"
        headers = {"Location": f"http://{place}/v1/secret/data/app"}
        vault.faults.append(Fault("secret/data/app", status=status, headers=headers, body=b""))
        error = outcome(vault_store())
    finally:
        server.shutdown()
        server.server_close()

    assert isinstance(error, Unavailable if status == 307 else ConfigError)
    assert place in str(error)
    assert server.RequestHandlerClass.seen == []


@pytest.mark.parametrize("whole", [True, False])
def test_a_redirection_within_the_server_is_followed(vault, vault_store, whole):
    """Same scheme, host and port: once, with the same method."""
    location = f"{vault.url if whole else ''}/v1/secret/data/app"
    vault.faults.append(Fault("secret/data/app", times=1, status=307, headers={"Location": location}, body=b""))

    assert outcome(vault_store()).data == b'{"a":"b"}'


def test_every_request_says_what_it_is(vault, vault_store):
    """X-Vault-Request guards the server's own agents against forged requests."""
    outcome(vault_store())

    assert {request.headers["X-Vault-Request"] for request in vault.requests} == {"true"}


def test_netrc_is_not_sent(vault, vault_store, monkeypatch, tmp_path):
    """Credentials of other programs stay where they are."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login bob password canary\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    outcome(vault_store())

    assert not any("Authorization" in request.headers for request in vault.requests)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return authority(tmp_path_factory.mktemp("tls"), "authority")


@pytest.fixture
def tls(vault, ca):
    """Give a way to open a TLS entrance with a certificate, and its address."""

    def open_one(name, *hosts, days=(-1, 1)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*ca.issue(name, *hosts, days=days))
        return vault.relay(context)

    return open_one


class TestTls:
    """Whom the connection trusts."""

    def test_an_authority_of_ones_own(self, vault_store, tls, ca, monkeypatch, tmp_path):
        """By setting, by variable, or from a directory."""
        address = tls("good", "localhost")
        assert isinstance(outcome(vault_store(address=address, ca_file=ca.file)), SecretValue)
        monkeypatch.setenv("VAULT_CACERT", ca.file)
        assert isinstance(outcome(vault_store(address=address)), SecretValue)
        monkeypatch.delenv("VAULT_CACERT")
        (tmp_path / "cas").mkdir()
        (tmp_path / "cas" / "any.pem").symlink_to(ca.file)
        monkeypatch.setenv("BAO_CAPATH", str(tmp_path / "cas"))
        assert isinstance(outcome(vault_store(address=address)), SecretValue)
        monkeypatch.delenv("BAO_CAPATH")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca.file)
        assert isinstance(outcome(vault_store(address=address)), SecretValue)

    def test_an_unknown_authority(self, vault_store, tls, tmp_path):
        """A config error: trying again is of no use. Naming one authority trusts no other."""
        address = tls("unknown", "localhost")
        other = authority(tmp_path, "other")
        public, named = outcome(vault_store(address=address)), outcome(vault_store(address=address, ca_file=other.file))

        assert isinstance(public, ConfigError)
        assert "authority that is not trusted" in str(public)
        assert isinstance(named, ConfigError)
        assert dict(named.notes)["trusted"] == f"only {other.file}"

    def test_an_expired_certificate(self, vault_store, tls, ca):
        """An outage: somebody will renew it."""
        error = outcome(vault_store(address=tls("old", "localhost", days=(-1.9, -0.1)), ca_file=ca.file))

        assert isinstance(error, Unavailable)
        assert "expired" in str(error)

    def test_a_certificate_of_the_future(self, vault_store, tls, ca):
        """A matter of clocks."""
        error = outcome(vault_store(address=tls("new", "localhost", days=(0.5, 1.5)), ca_file=ca.file))

        assert isinstance(error, Unavailable)
        assert "not valid yet" in str(error)

    def test_a_wrong_name(self, vault_store, tls, ca):
        """A config error; `tls_server_name` says which name it must have."""
        address = tls("named", "vault.example")
        wrong = outcome(vault_store(address=address, ca_file=ca.file))
        right = outcome(vault_store(address=address, ca_file=ca.file, tls_server_name="vault.example"))

        assert isinstance(wrong, ConfigError)
        assert "for another name" in str(wrong)
        assert isinstance(right, SecretValue)

    @pytest.mark.parametrize("variable", [None, "VAULT_SKIP_VERIFY"])
    def test_no_verification(self, vault_store, tls, monkeypatch, caplog, variable):
        """Only where it is asked for, and told in the log."""
        address = tls("skipped", "elsewhere.example", days=(-1.9, -0.1))
        if variable:
            monkeypatch.setenv(variable, "true")
        settings = {} if variable else {"tls_skip_verify": True}

        assert isinstance(outcome(vault_store(address=address, **settings)), SecretValue)
        assert "is not verified" in caplog.text

    def test_a_setting_is_before_the_variable(self, vault_store, tls, monkeypatch):
        """`tls_skip_verify: false` verifies, whatever the environment says."""
        monkeypatch.setenv("VAULT_SKIP_VERIFY", "1")

        error = outcome(vault_store(address=tls("strict", "localhost"), tls_skip_verify=False))

        assert isinstance(error, ConfigError)

    def test_http_where_tls_is_spoken_and_the_reverse(self, vault, vault_store, ca):
        """Both say which scheme to write."""
        plain = outcome(vault_store(address=vault.url.replace("http:", "https:"), ca_file=ca.file))
        vault.faults.append(Fault(status=400, body=b"Client sent an HTTP request to an HTTPS server.\n"))
        tls = outcome(vault_store())

        assert isinstance(plain, ConfigError)
        assert "http:// instead of https://" in dict(plain.notes)["fix"]
        assert isinstance(tls, ConfigError)
        assert "https:// instead of http://" in dict(tls.notes)["fix"]

    @pytest.mark.parametrize("what", ["missing", "empty", "directory"])
    @pytest.mark.parametrize("name", ["ca_file", "client_cert"])
    def test_files_that_cannot_be_used(self, vault_store, tls, tmp_path, what, name):
        """Told by their path, as errors of the config."""
        path = tmp_path / what
        if what == "empty":
            path.write_text("")
        elif what == "directory":
            path.mkdir()

        error = outcome(vault_store(address=tls("files", "localhost"), **{name: str(path)}))

        assert isinstance(error, ConfigError)
        assert str(path) in str(error)


def test_nothing_of_the_connection_shows(vault, vault_store):
    """Provider, session and requests may be printed by a debugger."""
    provider = vault_store(auth={"token": {"token": vault.token}})
    outcome(provider)
    session = provider._session
    parts = [
        provider,
        *vars(provider).values(),
        *vars(session).values(),
        session.token,
        *vars(provider._leases).values(),
    ]

    assert vault.token not in repr(parts)
    assert not isinstance(outcome(provider), AuthFailed)
