"""The deploy examples, run as a user runs them: a process, an AWS, and every byte of what they write."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from servers.aws_server import ACCOUNT, REGION, AwsServer, denied

EXAMPLES = Path(__file__).parents[1] / "deploy-examples"

PRIVATE_KEY = (
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw\n\tnot/a+real=key\n-----END PRIVATE KEY-----\n"
)
METADATA = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<md:EntityDescriptor entityID="https://idp.example.com/saml?a=1&amp;b=2">\n'
    "  <md:Name>Zürich — 東京</md:Name>\n</md:EntityDescriptor>"
)
APP = {
    "myapp/mysql": {
        "host": "mysql.example.com",
        "port": 3306,
        "username": "portkey",
        "password": 'p$a"ss`w#rd & more=',
        "database": "portkey",
        "sslMode": "",
    },
    "myapp/redis": {
        "connectionUrl": "redis://:it's@redis:6379/0?a=b#c",
        "tlsEnabled": False,
        "mode": "standalone",
        "store": "redis",
    },
    "myapp/clickhouse": {
        "store": "clickhouse",
        "user": "default",
        "password": "$HOME $(id) %PATH% \\x",
        "host": "clickhouse.example.com",
        "port": "8123",
        "nativePort": "9000",
        "database": "default",
        "tls": True,
    },
    "myapp/portkey-config": {
        "jwtPrivateKey": PRIVATE_KEY,
        "oauthType": "saml",
        "oauthIssuerUrl": "https://idp.example.com/callback?x=1&y=2",
        "oauthClientId": "0oa1b2c3",
        "oauthClientSecret": "  blanks around  ",
        "oauthRedirectURI": "https://app.example.com/v1/redirect",
        "oauthMetadataXml": METADATA,
        "smtpHost": "smtp.example.com",
        "smtpPort": "587",
        "smtpUser": "",
        "smtpPassword": "#not a comment",
        "smtpFrom": "Portkey <no-reply@example.com>",
        "unused": "a key that the example does not name",
    },
}
RENAMED = {
    "mysql": {"username": "user", "database": "db", "sslMode": "ssl_mode"},
    "redis": {"connectionUrl": "connection_url", "tlsEnabled": "tls_enabled"},
    "clickhouse": {"nativePort": "native_port", "database": "db"},
}
GATEWAY = "portkey/gateway/config"
LITERALS = yaml.safe_load((EXAMPLES / "portkey-gateway-aws/partial.yaml").read_text())["outputs"][0]["defaults"]
FULL = {
    **dict.fromkeys(LITERALS, ""),
    "SERVICE_NAME": "portkeyenterprise",
    "PORT": "8787",
    "PORTKEY_CLIENT_AUTH": 'pk-$1"quoted"\'',
    "ANALYTICS_STORE_PASSWORD": "it's",
    "REDIS_URL": "redis://redis:6379",
    "LOG_STORE_SECRET_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "LOG_STORE": "s3",
}
AS_FILES = [
    "PORTKEY_CLIENT_AUTH",
    "ANALYTICS_STORE_USER",
    "ANALYTICS_STORE_PASSWORD",
    "REDIS_URL",
    "LOG_STORE_ACCESS_KEY",
    "LOG_STORE_SECRET_KEY",
    "AWS_ASSUME_ROLE_ACCESS_KEY_ID",
    "AWS_ASSUME_ROLE_SECRET_ACCESS_KEY",
    "AZURE_STORAGE_KEY",
]


@pytest.fixture(scope="module")
def aws_process():
    """Give the running server; tests want `aws`."""
    server = AwsServer().start()
    yield server
    server.stop()


@pytest.fixture
def aws(aws_process):
    """Give an empty AWS."""
    aws_process.reset()
    return aws_process


@pytest.fixture
def fetch(aws, tmp_path):
    """Give a way to run an example's config: it returns what lies in the volume, by path."""

    def run(config, **variables):
        out = tmp_path / "out"
        argv = [program(), "fetch", "-c", str(EXAMPLES / config), "--out", str(out)]
        path = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        done = subprocess.run(argv, env=path | aws.env() | variables, capture_output=True, text=True, check=False)
        assert (0, "") == (done.returncode, done.stdout), done.stderr
        return {path: (out / path).read_bytes() for path in os.listdir(out) if not path.startswith("..")}

    return run


def program():
    """Return the installed console script."""
    return shutil.which("secretfetch", path=os.path.dirname(sys.executable))


def seed(aws, secrets, region=REGION):
    client = aws.client("secretsmanager", region)
    for name, content in secrets.items():
        client.create_secret(Name=name, SecretString=json.dumps(content, ensure_ascii=False))


def text(value):
    return value if isinstance(value, str) else json.dumps(value)


def dotenv(values):
    quoted = {name: f'"{value}"' if "'" in value else f"'{value}'" for name, value in values.items()}
    return "".join(f"{name}={quoted[name]}\n" for name in sorted(quoted)).encode()


def encoded(values):
    return {name: value.encode() for name, value in values.items()}


def app_values():
    """Return the 30 values of the app by the names that the guide gives them."""
    values = {}
    for name, content in APP.items():
        prefix = name.removeprefix("myapp/")
        for key, value in content.items():
            renamed = f"{prefix}_{RENAMED[prefix].get(key, key)}" if prefix in RENAMED else key
            values[renamed] = text(value)
    values["store"] = values.pop("clickhouse_store")
    del values["unused"]
    return values


def test_the_app_gets_its_thirty_values_twice_for_one_request(aws, fetch):
    """Four secrets are one BatchGetSecretValue, 30 files named by alias and one env file."""
    seed(aws, APP)
    values = app_values()

    written = fetch("portkey-app-aws/config.yaml", AWS_ACCOUNT_ID=ACCOUNT)

    assert 30 == len(values)
    assert {**encoded(values), "portkey.env": dotenv(values)} == written
    assert {"BatchGetSecretValue": 1} == aws.counts


def test_the_app_needs_no_more_than_get_secret_value(aws, fetch):
    """Where batches are denied, as with the guide's policy, each of the four secrets is read once."""
    seed(aws, APP)
    aws.faults.append(denied("BatchGetSecretValue", "*"))
    values = app_values()

    written = fetch("portkey-app-aws/config.yaml", AWS_ACCOUNT_ID=ACCOUNT)

    assert {**encoded(values), "portkey.env": dotenv(values)} == written
    assert {"BatchGetSecretValue": 1, "GetSecretValue": 4} == aws.counts


def test_the_region_comes_from_the_environment(aws, fetch):
    """`AWS_REGION`, which EKS sets, decides where the secrets are read."""
    seed(aws, APP, "eu-central-1")

    written = fetch("portkey-app-aws/config.yaml", AWS_ACCOUNT_ID=ACCOUNT, AWS_REGION="eu-central-1")

    assert 31 == len(written)
    assert {"eu-central-1"} == {request.region for request in aws.requests}


def test_the_pod_fits_its_config_and_its_readme():
    """The pod mounts the README's ConfigMap where configs are read by default, and shares the volume it writes."""
    folder = EXAMPLES / "portkey-app-aws"
    pod = yaml.safe_load((folder / "pod.yaml").read_text())["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    init, app = pod["initContainers"][0], pod["containers"][0]
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in init["volumeMounts"]}

    config_map = mounts["/etc/secretfetch"]["configMap"]["name"]
    assert f"create configmap {config_map} --from-file=config.yaml" in (folder / "README.md").read_text()
    assert "Memory" == mounts[init["args"][-1]]["emptyDir"]["medium"]
    assert init["args"][-1] == app["volumeMounts"][0]["mountPath"]


def test_the_gateway_in_full(aws, fetch):
    """Every key of the one secret is a variable, empty ones too."""
    values = {**FULL, "PORTKEY_CLIENT_AUTH": 'pk-$1"quoted"'}
    seed(aws, {GATEWAY: values})

    written = fetch("portkey-gateway-aws/full.yaml", AWS_ACCOUNT_ID=ACCOUNT)

    assert 33 == len(values)
    assert {"gateway.env": dotenv(values)} == written
    assert {"GetSecretValue": 1} == aws.counts


def test_the_gateway_in_part(aws, fetch):
    """The secret wins over the literal, with an empty value too; a literal fills in what the secret lacks."""
    secret = {"PORTKEY_CLIENT_AUTH": "pk$", "LOG_STORE": "", "PORT": 9000, "REDIS_URL": "rediss://h:1"}
    seed(aws, {GATEWAY: secret})

    written = fetch("portkey-gateway-aws/partial.yaml", AWS_ACCOUNT_ID=ACCOUNT)

    values = {name: text(value) for name, value in {**LITERALS, **secret}.items()}
    assert 33 == len(values)
    assert {"gateway.env": dotenv(values)} == written
    assert {"GetSecretValue": 1} == aws.counts


def test_the_gateway_as_files(aws, fetch):
    """Nine keys are files, byte for byte; their variables are the paths where the application sees them."""
    seed(aws, {GATEWAY: FULL})

    written = fetch("portkey-gateway-aws/mount-only.yaml", AWS_ACCOUNT_ID=ACCOUNT)

    plain = {"SERVICE_NAME": "portkeyenterprise", "PORT": "8787", "ANALYTICS_STORE": "clickhouse"}
    plain |= {"LOG_STORE": "s3", "LOG_STORE_REGION": "us-east-1"}
    paths = {name: f"/mnt/secrets/{name}" for name in AS_FILES}
    files = encoded({name: FULL[name] for name in AS_FILES})
    assert {**files, "gateway.env": dotenv(plain | paths)} == written
    assert {"GetSecretValue": 1} == aws.counts


@pytest.mark.parametrize(("stage", "region"), [("stage", "us-east-2"), ("prod", "eu-west-1")])
def test_the_json_parameter(aws, fetch, stage, region):
    """The parameter whose name the environment completes is read once and exploded into variables."""
    content = {"DB_HOST": f"{stage}.rds.example.com", "DB_PASSWORD": 'secret"$-123', "DB_NAME": "", "JWT": PRIVATE_KEY}
    aws.client("ssm", region).put_parameter(
        Name=f"/platform/my-app/{stage}/app", Type="SecureString", Value=json.dumps(content, indent=2)
    )
    variables = {"STAGE": stage, "AWS_REGION": region} if stage == "prod" else {"AWS_REGION": ""}

    written = fetch("ssm-json-app/config.yaml", SYSTEM="platform", APP_NAME="my-app", **variables)

    assert {"app.env": dotenv(content)} == written
    assert {"GetParameters": 1} == aws.counts
    assert {region} == {request.region for request in aws.requests}


def test_quickstart_runs_without_any_account(tmp_path):
    """The demo's script shows its three files and, run again, changes nothing."""
    path = os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"]))
    script = EXAMPLES / "quickstart/run.sh"
    env = {"PATH": path, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}

    done = subprocess.run(["sh", str(script)], env=env, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stderr
    assert ["app.env", "tls/tls.crt", "tls/tls.key"] == [
        line.split()[1] for line in done.stdout.splitlines() if line.startswith("--- ")
    ]
    assert "nothing changed: 3 files" in done.stderr
    assert [] == os.listdir(tmp_path)
