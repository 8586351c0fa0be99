"""The way to AWS: certificates, proxies, kept connections, models: what the provider does itself beside the SDK."""

import datetime as dt
import http.client
import http.server
import ssl
import threading

import pytest
from secretfetch_aws import connect_secrets_manager, models
from servers.aws_server import Fault

from secretfetch.provider import ConfigError, SecretError, SecretRef, Unavailable

DB = SecretRef("aws-sm", "prod/db")
ANSWER = b'{"ARN":"a","Name":"prod/db","VersionId":"v","SecretString":"s"}'


def outcome(provider):
    """Return what comes out, raised or returned."""
    try:
        return provider.fetch({DB: None})[DB]
    except SecretError as error:
        return error


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Give the file of a certificate for 127.0.0.1 that is its own authority, and of its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, kind, serialization.NoEncryption()))
    return folder / "ca.pem", folder / "key.pem"


@pytest.fixture
def tls(authority):
    """Give the URL of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"https://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_private_authority_is_trusted_where_it_is_named(secrets_manager, monkeypatch, authority, tls, variable):
    """The variables that name a file of authorities are obeyed as the SDK obeys them."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, str(authority[0]))

    assert outcome(secrets_manager(endpoint_url=tls)).data == b"s"


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_empty_authority_does_not_switch_verification_off(aws, secrets_manager, monkeypatch, tls, variable):
    """A variable that is set and empty is no way to an unverified connection."""
    monkeypatch.setenv(variable, "")

    assert isinstance(outcome(secrets_manager(endpoint_url=tls)), ConfigError | Unavailable)


def test_private_authority_is_not_trusted_by_itself(aws, secrets_manager, monkeypatch, tls):
    """Certificates are verified."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)

    error = outcome(secrets_manager(endpoint_url=tls))

    assert isinstance(error, Unavailable)
    assert "TLS" in str(error)


def test_proxy_is_used(aws, secrets_manager, monkeypatch):
    """HTTP_PROXY is obeyed: a host that does not exist is reached through it."""
    monkeypatch.setenv("HTTP_PROXY", aws.url)
    aws.faults.append(Fault(status=200, body=ANSWER))

    assert outcome(secrets_manager(endpoint_url="http://secretsmanager.invalid")).data == b"s"


def test_no_proxy_is_obeyed(aws, secrets_manager, monkeypatch):
    """NO_PROXY is obeyed: what it names is reached directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    aws.faults.append(Fault(status=200, body=ANSWER))

    assert outcome(secrets_manager()).data == b"s"


def test_connections_are_kept(aws, monkeypatch):
    """Fetches one after the other use one connection; `close` ends it."""
    aws.faults.append(Fault(status=200, body=ANSWER))
    opened = []
    connect = http.client.HTTPConnection.connect
    monkeypatch.setattr(
        "botocore.awsrequest.AWSHTTPConnection.connect", lambda self: (opened.append(self), connect(self))
    )
    provider = connect_secrets_manager({})

    for _ in range(3):
        outcome(provider)
    provider.close()

    assert len(opened) == 1
    assert opened[0].sock is None


def test_models_are_read_once_for_all_connections():
    """Two connections share what they know of the services, and it is what the SDK's own reader knows."""
    from botocore.loaders import Loader

    ours, theirs = models.reader(None), Loader()

    assert models.reader(None) is ours
    assert ours.load_service_model("ssm", "service-2") == theirs.load_service_model("ssm", "service-2")
    assert ours.search_paths == theirs.search_paths


def test_models_of_the_user_are_found(tmp_path):
    """AWS_DATA_PATH is searched first."""
    folder = tmp_path / "ssm" / "2999-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text('{"of": "the user"}')

    assert models.reader(str(tmp_path)).load_service_model("ssm", "service-2") == {"of": "the user"}
