"""Settings, regions and logins of the AWS providers."""

import os
import socket
import subprocess
import sys

import pytest
from secretfetch_aws import connect_parameter_store, connect_secrets_manager
from servers.aws_server import ACCOUNT, Fault

from secretfetch.provider import AuthFailed, ConfigError, SecretError, SecretRef, Throttled, Unavailable

ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
DB = SecretRef("aws-sm", "prod/db")


def outcome(provider, ref=DB):
    """Return what comes out for one ref, raised or returned."""
    try:
        return provider.fetch({ref: None})[ref]
    except SecretError as error:
        return error


def without_credentials(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def db(aws):
    """Make one secret."""
    aws.client("secretsmanager").create_secret(Name="prod/db", SecretString="v")


@pytest.mark.parametrize("connect", [connect_secrets_manager, connect_parameter_store])
def test_connect_loads_no_sdk(connect):
    """A plan is checked without the SDK, which is most of the start-up time."""
    code = (
        f"import sys, secretfetch_aws; secretfetch_aws.{connect.__name__}({{}}).close(); "
        "print([name for name in sys.modules if name.split('.')[0] in ('botocore', 'boto3', 'urllib3')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_boto3_is_not_needed(aws, db):
    """A fetch goes through botocore alone."""
    code = (
        "import sys, secretfetch_aws; from secretfetch.provider import SecretRef; ref = SecretRef('s', 'prod/db'); "
        "print(secretfetch_aws.connect_secrets_manager({}).fetch({ref: None})[ref].data, 'boto3' in sys.modules)"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | aws.env())
    assert done.stdout == "b'v' False\n"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"regoin": "x"}, "regoin"),
        ({"region": 3}, "region"),
        ({"region": "eu west"}, "eu west"),
        ({"role_arn": "app"}, "role_arn"),
        ({"external_id": "x"}, "external_id"),
        ({"session_name": "x"}, "session_name"),
        ({"role_arn": ROLE, "session_name": "a b"}, "session_name"),
        ({"endpoint_url": "localhost:4566"}, "endpoint_url"),
    ],
)
@pytest.mark.parametrize("connect", [connect_secrets_manager, connect_parameter_store])
def test_wrong_settings_are_found_offline(connect, settings, words):
    """What cannot work is a ConfigError that names the setting."""
    with pytest.raises(ConfigError, match=words):
        connect(settings)


def test_failover_is_for_secrets_manager_and_another_region():
    """Parameter Store has no replicas; a region is no failover of itself."""
    with pytest.raises(ConfigError, match="failover_region"):
        connect_parameter_store({"failover_region": "eu-west-1"})
    with pytest.raises(ConfigError, match="failover_region"):
        connect_secrets_manager({"region": "eu-west-1", "failover_region": "eu-west-1"})


@pytest.mark.parametrize(
    "said",
    [
        ["eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1"],
        ["", "eu-west-2", "eu-west-3", "eu-north-1"],
        ["", "", "eu-west-3", "eu-north-1"],
        ["", "", "", "eu-north-1"],
    ],
)
def test_order_of_regions(aws, secrets_manager, monkeypatch, tmp_path, said):
    """The setting, AWS_REGION, AWS_DEFAULT_REGION, the profile: the first that says something; empty says nothing."""
    setting, first, second, profile = said
    monkeypatch.setenv("AWS_REGION", first)
    monkeypatch.setenv("AWS_DEFAULT_REGION", second)
    if not second:
        monkeypatch.delenv("AWS_DEFAULT_REGION")
    (tmp_path / "config").write_text(f"[default]\nregion = {profile}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    outcome(secrets_manager(region=setting))

    assert aws.requests[0].region == next(filter(None, said))


def test_no_region_at_all(aws, secrets_manager, monkeypatch):
    """Without a region a name is a config error that says what to set; an ARN has its own and is fetched."""
    monkeypatch.delenv("AWS_REGION")
    arn = aws.client("secretsmanager", "eu-west-1").create_secret(Name="a", SecretString="west")["ARN"]
    by_arn = SecretRef("aws-sm", arn)

    outcomes = secrets_manager().fetch({DB: None, by_arn: None})

    assert type(outcomes[DB]) is ConfigError
    assert "AWS_REGION" in dict(outcomes[DB].notes)["fix"]
    assert outcomes[by_arn].data == b"west"


def test_profile_of_the_settings(aws, db, secrets_manager, monkeypatch, tmp_path):
    """A profile that is named is before credentials of the environment."""
    file = tmp_path / "credentials"
    file.write_text("[team]\naws_access_key_id = TEAM\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))

    assert outcome(secrets_manager(profile="team")).data == b"v"
    assert aws.requests[0].key_id == "TEAM"


@pytest.mark.parametrize("given", ["setting", "environment"])
def test_unknown_profile(aws, secrets_manager, monkeypatch, tmp_path, given):
    """A profile that does not exist is a config error with near names, wherever it is named."""
    (tmp_path / "config").write_text("[profile team-a]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    settings = {"profile": "teama"} if given == "setting" else {}
    if given == "environment":
        monkeypatch.setenv("AWS_PROFILE", "teama")

    error = outcome(secrets_manager(**settings))

    assert type(error) is ConfigError
    assert '"teama"' in str(error)
    assert dict(error.notes)["meant"] == '"team-a"?'


def test_role_is_assumed_once(aws, db, secrets_manager):
    """A role is assumed with the ambient credentials, external id and session name; its credentials sign, for long."""
    provider = secrets_manager(role_arn=ROLE, external_id="ex", session_name="app-1")

    assert outcome(provider).data == b"v"
    assert outcome(provider).data == b"v"

    assert aws.counts == {"AssumeRole": 1, "GetSecretValue": 2}
    assume, get = aws.requests[:2]
    assert (assume.body["RoleArn"], assume.body["ExternalId"], assume.body["RoleSessionName"]) == (ROLE, "ex", "app-1")
    assert assume.key_id == "AKIAIOSFODNN7EXAMPLE"
    assert get.key_id != assume.key_id


def test_endpoint_of_the_settings_is_not_that_of_logins(aws, db, secrets_manager, monkeypatch):
    """`endpoint_url` leads to the store; STS is found as the SDK finds it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    assert outcome(secrets_manager(role_arn=ROLE, endpoint_url=aws.url)).data == b"v"
    assert aws.counts == {"AssumeRole": 1, "GetSecretValue": 1}


def test_role_that_may_not_be_assumed(aws, secrets_manager):
    """A refused role is a failed login, not a denied secret."""
    aws.faults.append(Fault("AssumeRole", status=403, body=_sts_error("AccessDenied")))

    error = outcome(secrets_manager(role_arn=ROLE))

    assert type(error) is AuthFailed
    assert str(error) == f"not allowed to assume {ROLE}"
    assert "trust policy" in dict(error.notes)["fix"]
    assert aws.counts == {"AssumeRole": 1}


def test_login_that_is_throttled_can_be_retried(aws, secrets_manager):
    """An outage of STS is an outage, and its quota a quota, not a wrong login."""
    aws.faults.append(Fault("AssumeRole", status=503, body=_sts_error("ServiceUnavailable"), times=1))
    aws.faults.append(Fault("AssumeRole", status=400, body=_sts_error("Throttling")))

    provider = secrets_manager(role_arn=ROLE)

    assert [type(outcome(provider)) for _ in range(2)] == [Unavailable, Throttled]


def _sts_error(code):
    return (
        f'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code>'
        "<Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    ).encode()


def test_web_identity(aws, db, secrets_manager, monkeypatch, tmp_path):
    """The variables that EKS sets for a service account are a login, with AWS_REGION alone."""
    without_credentials(monkeypatch, tmp_path)
    token = tmp_path / "token"
    token.write_text("jwt")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)

    assert outcome(secrets_manager()).data == b"v"
    assert aws.counts == {"AssumeRoleWithWebIdentity": 1, "GetSecretValue": 1}


def test_web_identity_refused(aws, secrets_manager, monkeypatch, tmp_path):
    """A service account that the role does not trust is told as that."""
    without_credentials(monkeypatch, tmp_path)
    (tmp_path / "token").write_text("jwt")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    aws.faults.append(Fault("AssumeRoleWithWebIdentity", status=403, body=_sts_error("AccessDenied")))

    error = outcome(secrets_manager())

    assert type(error) is AuthFailed
    assert "service account" in dict(error.notes)["fix"]


def test_web_identity_without_its_file(aws, secrets_manager, monkeypatch, tmp_path):
    """A token file that is not mounted is named."""
    without_credentials(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "nothing"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)

    error = outcome(secrets_manager())

    assert type(error) is AuthFailed
    assert str(tmp_path / "nothing") in str(error)


def test_no_credentials_lists_every_source(aws, secrets_manager, monkeypatch, tmp_path):
    """Without credentials the error tells, source by source, why it gave none; no store is asked."""
    without_credentials(monkeypatch, tmp_path)

    container = "AWS_CONTAINER_CREDENTIALS"

    error = outcome(secrets_manager())

    assert type(error) is AuthFailed
    assert [text for label, text in error.notes if label == "tried"] == [
        "environment: AWS_ACCESS_KEY_ID is not set",
        f'profile: "default": neither {tmp_path}/config nor {tmp_path}/credentials exists',
        "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set",
        f"ECS or EKS Pod Identity: neither {container}_RELATIVE_URI nor {container}_FULL_URI is set",
        "instance metadata: switched off by AWS_EC2_METADATA_DISABLED",
    ]
    assert not aws.requests


def test_metadata_is_asked_briefly(aws, secrets_manager, monkeypatch, tmp_path):
    """Where nobody answers for instance metadata, that is one source among the others, and no hang."""
    without_credentials(monkeypatch, tmp_path)
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint)

    error = outcome(secrets_manager())

    assert type(error) is AuthFailed
    assert ("tried", f"instance metadata: no role from {endpoint} within 1 s") in error.notes


def test_profile_without_credentials(aws, secrets_manager, monkeypatch, tmp_path):
    """A profile that is there and has no credentials is told from one that is not there."""
    without_credentials(monkeypatch, tmp_path)
    (tmp_path / "config").write_text("[profile other]\nregion = eu-west-1\n[default]\nregion = eu-west-1\n")

    tried = [text for _, text in outcome(secrets_manager()).notes]

    assert f'profile: "default" of {tmp_path}/config has no credentials' in tried


def test_role_without_credentials_to_assume_it(aws, secrets_manager, monkeypatch, tmp_path):
    """A role needs somebody who assumes it."""
    without_credentials(monkeypatch, tmp_path)

    error = outcome(secrets_manager(role_arn=ROLE))

    assert type(error) is AuthFailed
    assert ROLE in str(error)


def test_half_credentials(aws, secrets_manager, monkeypatch):
    """A key id without its key is a login that fails, and names what is missing."""
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    error = outcome(secrets_manager())

    assert type(error) is AuthFailed
    assert "AWS_SECRET_ACCESS_KEY" in str(error)


def test_container_credentials_that_are_refused(aws, secrets_manager, monkeypatch, tmp_path):
    """An agent of ECS or Pod Identity that does not answer is a failed login."""
    without_credentials(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/nothing")
    aws.faults.append(Fault(status=403, body=b"canary-of-the-agent"))
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)  # between three attempts

    error = outcome(secrets_manager())

    assert type(error) is AuthFailed
    assert "container-role" in str(error)
    assert "canary" not in repr((error, error.notes))


def test_failing_credential_process(aws, secrets_manager, monkeypatch, tmp_path):
    """What a credential process prints is not repeated."""
    without_credentials(monkeypatch, tmp_path)
    (tmp_path / "config").write_text("[default]\ncredential_process = sh -c 'echo canary >&2; exit 1'\n")

    error = outcome(secrets_manager())

    assert type(error) is AuthFailed
    assert "canary" not in repr((error, error.notes))


def test_sign_in_that_was_never_made(aws, secrets_manager, monkeypatch, tmp_path):
    """An SSO profile without a token says which command signs in."""
    without_credentials(monkeypatch, tmp_path)
    (tmp_path / "config").write_text(
        "[profile dev]\nsso_start_url=https://example.awsapps.com/start\nsso_region=us-east-1\n"
        "sso_account_id=123456789012\nsso_role_name=dev\n"
    )

    error = outcome(secrets_manager(profile="dev"))

    assert type(error) is AuthFailed
    assert dict(error.notes)["fix"] == "aws sso login --profile dev"


@pytest.mark.parametrize("url", ["localhost", "http://"])
def test_endpoint_of_the_environment_that_is_no_url(aws, secrets_manager, monkeypatch, url):
    """A slip in AWS_ENDPOINT_URL is a config error that names the variable."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)

    error = outcome(secrets_manager())

    assert type(error) is ConfigError
    assert "AWS_ENDPOINT_URL" in repr((error, error.notes))


def test_region_that_is_no_region(aws, secrets_manager, monkeypatch):
    """A region that cannot be part of a host name is a config error."""
    monkeypatch.setenv("AWS_REGION", "eu west")

    assert type(outcome(secrets_manager())) is ConfigError


def test_broken_configuration_file(aws, secrets_manager, monkeypatch, tmp_path):
    """A file that cannot be parsed is named."""
    without_credentials(monkeypatch, tmp_path)
    (tmp_path / "config").write_text("no section here\n")

    error = outcome(secrets_manager())

    assert type(error) is ConfigError
    assert str(tmp_path / "config") in str(error)
