"""What AWS answers when it does not give a value, and what does not answer at all: each is told for what it is."""

import email.utils
import json
import socket
import time

import pytest
from secretfetch_aws import connect_secrets_manager
from secretfetch_aws.secrets_manager import SecretsManager
from secretfetch_aws.settings import SecretsManagerSettings
from secretfetch_aws.transport import Timeouts, Transport
from servers.aws_server import ACCOUNT, REGION, Fault, denied

from secretfetch.provider import (
    AccessDenied,
    AuthFailed,
    ConfigError,
    DataError,
    NotFound,
    SecretError,
    SecretRef,
    Throttled,
    Unavailable,
)

DB = SecretRef("aws-sm", "prod/db")
CANARY = "canary-3f1c9a2e"


def outcome(provider, ref=DB):
    """Return what comes out for one ref, raised or returned."""
    try:
        return provider.fetch({ref: None})[ref]
    except SecretError as error:
        return error


def shown(error):
    return "\n".join([str(error), repr(error), *(f"{label} {text}" for label, text in error.notes)])


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (("ResourceNotFoundException", "Secrets Manager can't find the specified secret.", 400), NotFound),
        (("InvalidRequestException", "because it was marked for deletion.", 400), NotFound),
        (("InvalidRequestException", "something else", 400), ConfigError),
        (("InvalidParameterException", "Invalid name", 400), ConfigError),
        (("ValidationException", "Invalid name", 400), ConfigError),
        (("AccessDeniedException", "no", 400), AccessDenied),
        (("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text", 400), AccessDenied),
        (("KMSInvalidStateException", "is disabled", 400), AccessDenied),
        (("InvalidKeyId", "", 400), AccessDenied),
        (("OptInRequired", "", 403), AccessDenied),
        (("ExpiredTokenException", "The security token included in the request is expired", 400), AuthFailed),
        (("ExpiredToken", "", 403), AuthFailed),
        (("UnrecognizedClientException", "The security token included in the request is invalid.", 400), AuthFailed),
        (("InvalidClientTokenId", "", 403), AuthFailed),
        (("MissingAuthenticationTokenException", "", 400), AuthFailed),
        (("IncompleteSignatureException", "", 400), AuthFailed),
        (("InvalidSignatureException", "Signature expired: 20261121T101010Z", 400), AuthFailed),
        (("SignatureDoesNotMatch", "", 403), AuthFailed),
        (("RequestExpired", "Request has expired.", 400), AuthFailed),
        (("ThrottlingException", "Rate exceeded", 400), Throttled),
        (("TooManyRequestsException", "", 429), Throttled),
        (("RequestLimitExceeded", "", 503), Throttled),
        (("InternalServiceError", "", 500), Unavailable),
        (("InternalFailure", "", 500), Unavailable),
        (("ServiceUnavailable", "", 503), Unavailable),
        (("SomethingNew", "", 502), Unavailable),
        (("SomethingNew", "", 429), Throttled),
        (("SomethingNew", "", 418), ConfigError),
    ],
)
def test_each_code_has_a_meaning(aws, secrets_manager, fault, kind):
    """The table of AWS's codes, seen from outside; the SDK does not retry, so one request is made."""
    code, message, status = fault
    aws.faults.append(Fault("GetSecretValue", code=code, message=message, status=status))

    error = outcome(secrets_manager())

    assert type(error) is kind
    assert aws.counts["GetSecretValue"] == 1


@pytest.mark.parametrize(
    "code",
    [
        "InvalidRequestException",
        "AccessDeniedException",
        "SignatureDoesNotMatch",
        "ThrottlingException",
        "NewOne",
        "500",
    ],
)
def test_texts_that_may_hold_anything_are_not_repeated(aws, secrets_manager, code):
    """AWS's own text appears for refused names only; a canonical request or a body is never shown."""
    said = f"The Canonical String should have been POST x-amz-security-token:{CANARY}"
    status = 500 if code == "500" else 400
    aws.faults.append(Fault("GetSecretValue", code=code, message=said, status=status))
    if code == "InvalidRequestException":
        aws.faults[0].message = f"deleted {CANARY}"

    assert CANARY not in shown(outcome(secrets_manager()))


def test_denial_tells_who_what_and_how(aws, secrets_manager):
    """The identity, the action and the ARN for a policy come from AWS's sentence, without a further request."""
    aws.faults.append(denied("GetSecretValue", "prod/db"))

    error = outcome(secrets_manager())

    notes = dict(error.notes)
    assert str(error) == 'access denied to secret "prod/db" in us-east-1'
    assert notes["you are"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/app/web-7d9f"
    arn = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:prod/db-??????"
    assert notes["missing"] == f"secretsmanager:GetSecretValue on {arn}"
    assert "kms:Decrypt" in notes["also"]
    assert aws.counts == {"GetSecretValue": 1}


def test_explicit_deny_is_told(aws, secrets_manager):
    """Where a policy denies outright, the advice is not to allow it somewhere else."""
    aws.faults.append(denied("GetSecretValue", "prod/db"))
    aws.faults[0].message = aws.faults[0].message.replace(
        "because no identity-based policy allows the secretsmanager:GetSecretValue action",
        "with an explicit deny in a resource-based policy",
    )

    notes = dict(outcome(secrets_manager()).notes)

    assert notes["AWS says"] == "with an explicit deny in a resource-based policy"
    assert "does not help" in notes["fix"]


def test_denial_without_a_sentence_asks_who_we_are(aws, secrets_manager):
    """If AWS does not say who was denied, STS is asked, once a connection; if that fails, the note is left out."""
    aws.faults.append(Fault("GetSecretValue", code="AccessDeniedException", message="Access denied"))
    provider = secrets_manager()

    first, second = outcome(provider), outcome(provider)

    assert dict(first.notes)["you are"].startswith("arn:aws:sts::123456789012:")
    assert first.notes == second.notes
    assert aws.counts["GetCallerIdentity"] == 1
    aws.faults.insert(0, Fault("GetCallerIdentity", reset=True))
    assert "you are" not in dict(outcome(secrets_manager()).notes)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDeniedException", "Access to KMS is not allowed"),
        ("AccessDeniedException", "The ciphertext refers to a customer master key that does not exist"),
        ("DecryptionFailure", "can't decrypt"),
    ],
)
def test_refused_key_is_told_from_a_refused_secret(aws, secrets_manager, code, message):
    """A KMS key that refuses is named as the reason: allowing GetSecretValue would not help."""
    aws.faults.append(Fault("GetSecretValue", code=code, message=message))

    error = outcome(secrets_manager())

    assert "cannot be decrypted" in str(error)
    assert dict(error.notes)["missing"].startswith("kms:Decrypt")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({}, 0.0), ({"Retry-After": "7"}, 7.0), ({"x-amz-retry-after": "1500"}, 1.5), ({"Retry-After": "soon"}, 0.0)],
)
def test_pause_that_aws_asks_for_is_passed_on(aws, secrets_manager, headers, seconds):
    """Throttling is retryable; the header's pause becomes `retry_after`."""
    aws.faults.append(Fault(status=429, code="ThrottlingException", headers=headers))

    error = outcome(secrets_manager())

    assert (error.retryable, error.retry_after) == (True, seconds)


def test_wrong_clock_is_told(aws, secrets_manager):
    """A signature refused while AWS's clock reads otherwise is the clock's fault, with the difference."""
    date = email.utils.formatdate(time.time() - 3600, usegmt=True)
    aws.faults.append(Fault(code="InvalidSignatureException", message="x", headers={"Date": date}))

    error = outcome(secrets_manager())

    assert "clock is wrong" in str(error)
    assert dict(error.notes)["clock"].endswith("s ahead")


def test_wrong_key_is_not_blamed_on_the_clock(aws, secrets_manager):
    """A signature refused while the clocks agree is a wrong secret key."""
    date = email.utils.formatdate(time.time(), usegmt=True)
    aws.faults.append(Fault(code="InvalidSignatureException", message="x", headers={"Date": date}))

    assert "AWS_SECRET_ACCESS_KEY" in dict(outcome(secrets_manager()).notes)["fix"]


def test_credentials_renewed_in_a_file_are_read_after_they_expired(aws, secrets_manager, monkeypatch, tmp_path):
    """After `ExpiredToken` the next fetch logs in anew: a sidecar outlives the rotation of a credentials file."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    write = lambda key: file.write_text(f"[default]\naws_access_key_id={key}\naws_secret_access_key=s\n")  # noqa: E731
    aws.client("secretsmanager").create_secret(Name="prod/db", SecretString="v")
    aws.faults.append(Fault(when=lambda request: request.key_id == "OLD", code="ExpiredTokenException"))
    provider = secrets_manager()

    write("OLD")
    assert isinstance(outcome(provider), AuthFailed)
    write("NEW")

    assert outcome(provider).data == b"v"


def impatient(settings=None):
    decoded = SecretsManagerSettings(**(settings or {}))
    return SecretsManager(Transport(decoded, Timeouts(0.3, 0.3)), failover_region=decoded.failover_region)


def test_silence_is_unavailable(aws):
    """A server that does not answer in time is unavailable, and named; the SDK does not try again."""
    aws.faults.append(Fault(hang=True))
    provider = impatient()

    error = outcome(provider)
    provider.close()

    assert isinstance(error, Unavailable)
    assert aws.url.removeprefix("http://") in str(error)
    assert "in time" in str(error)
    assert len(aws.requests) == 1


def test_timeouts_are_five_and_ten_seconds():
    """The timeouts of a connection as made by the entry points, whatever the environment says of retries."""
    assert connect_secrets_manager({})._transport._timeouts == Timeouts(connect=5.0, read=10.0)


@pytest.mark.parametrize("fault", [Fault(reset=True), Fault(cut=20)])
def test_broken_connections_are_unavailable(aws, secrets_manager, fault):
    """A reset, and an answer shorter than promised, name the host and can be retried."""
    fault.times = None
    aws.faults.append(fault)
    aws.client("secretsmanager").create_secret(Name="prod/db", SecretString="v")

    error = outcome(secrets_manager())

    assert type(error) is Unavailable
    assert aws.url.removeprefix("http://") in str(error)


@pytest.mark.parametrize(
    "body",
    [
        b'{"ARN":"a","Name":"prod/db","VersionId":"v","SecretStr',
        b"",
        b"<html>" + CANARY.encode() + b"</html>",
        b"\xff\xfe" + CANARY.encode(),
        b"[" * 100_000,
        b"[1]",
        b'"text"',
        b"{}",
    ],
)
def test_garbage_is_unavailable(aws, secrets_manager, body):
    """An answer that is no complete document is no empty secret, and is not repeated in the message."""
    aws.faults.append(Fault(status=200, body=body))

    error = outcome(secrets_manager())

    assert type(error) is Unavailable
    assert CANARY not in shown(error)
    assert error.__cause__ is None


def test_something_else_that_answers_is_a_config_error(aws, secrets_manager):
    """A web server that is not AWS, behind a wrong endpoint, is told as that."""
    aws.faults.append(Fault(status=404, body=b"<h1>Not Found</h1>"))

    error = outcome(secrets_manager())

    assert type(error) is ConfigError
    assert "endpoint_url" in dict(error.notes)["fix"]


def test_endless_answer_is_refused_early(aws, secrets_manager):
    """Of an answer of 100 MB little more than the largest value is read."""
    aws.faults.append(Fault(huge=100_000_000))

    error = outcome(secrets_manager())

    assert isinstance(error, DataError)
    assert aws.sent < 25_000_000


def test_promised_size_is_refused_at_once(aws, secrets_manager):
    """An answer whose length is announced is not read at all beyond the first block."""
    aws.faults.append(Fault(status=200, body=b"x" * 9_000_000))

    assert isinstance(outcome(secrets_manager()), DataError)


def test_large_value_is_read(aws, secrets_manager):
    """The largest secret of AWS is far below the limit."""
    answer = {"ARN": "a", "Name": "prod/db", "VersionId": "v", "SecretString": "é" * 2_000_000}
    aws.faults.append(Fault(status=200, body=json.dumps(answer, ensure_ascii=False).encode()))

    assert outcome(secrets_manager()).data == ("é" * 2_000_000).encode()


def test_refused_connection_names_the_host(aws, secrets_manager, monkeypatch):
    """Nobody listening is unavailable."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")

    error = outcome(secrets_manager())

    assert type(error) is Unavailable
    assert f"cannot reach 127.0.0.1:{port}" in str(error)


def test_plain_http_behind_https_is_a_tls_error(aws, secrets_manager, monkeypatch):
    """A TLS connection that fails names the host and the setting for private authorities."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url.replace("http:", "https:"))

    error = outcome(secrets_manager())

    assert type(error) is Unavailable
    assert "TLS" in str(error)
    assert "AWS_CA_BUNDLE" in dict(error.notes)["fix"]


def no_names(monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setattr(socket, "getaddrinfo", fail)


def test_unknown_region_is_a_config_error(aws, secrets_manager, monkeypatch):
    """A region that the SDK does not know and whose host does not resolve is a slip, with near regions."""
    no_names(monkeypatch)

    error = outcome(secrets_manager(region="eu-wset-1"))

    assert type(error) is ConfigError
    assert 'no such region: "eu-wset-1"' in str(error)
    assert '"eu-west-1"' in dict(error.notes)["meant"]


def test_known_region_that_does_not_resolve_is_unavailable(aws, secrets_manager, monkeypatch):
    """DNS that is down is no slip in the config."""
    no_names(monkeypatch)

    error = outcome(secrets_manager(region="eu-west-1"))

    assert type(error) is Unavailable
    assert "secretsmanager.eu-west-1.amazonaws.com: the name does not resolve" in str(error)


def test_unreachable_proxy_is_told(aws, secrets_manager, monkeypatch):
    """Behind HTTPS_PROXY it is the proxy that cannot be reached, without its password."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{CANARY}@127.0.0.1:9")
    monkeypatch.delenv("AWS_ENDPOINT_URL")

    error = outcome(secrets_manager(region=REGION))

    assert type(error) is Unavailable
    assert "the proxy 127.0.0.1:9" in str(error)
    assert CANARY not in shown(error)
