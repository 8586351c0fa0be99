"""The pods of the deploy examples: what every one of them has, and what a process of theirs does without a cluster."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import example_manifests as examples
import pytest
from servers import service_accounts, shared_vault
from servers.keyvault_login import App
from servers.shared_aws import aws_with
from servers.shared_keyvault import seed, shared_keyvault

from secretfetch import __version__

MANIFESTS = pytest.mark.parametrize("path", examples.manifests(), ids=lambda path: path.parent.name)
MYSQL = {"host": "mysql.example.com", "port": 3306, "username": "portkey", "password": "it's a canary"}
DB_ENV = "host='mysql.example.com'\npassword=\"it's a canary\"\nport='3306'\nusername='portkey'\n"
GATEWAY = "kv/data/portkey/gateway/config"


@pytest.fixture
def aws():
    """Give an AWS that holds the secret of the examples."""
    return aws_with("myapp/mysql", MYSQL)


@pytest.fixture
def start(tmp_path):
    """Give a way to run the first of our containers in a manifest; it returns the volume and the app's container."""

    def run(example, environ, **replaced):
        path = next(path for path in examples.manifests() if path.parent.name == example)
        found = examples.documents(path)
        pod = examples.workload(found)
        container = examples.ours(pod)[0]
        (config,) = examples.config_maps(found).values()
        for old, new in replaced.items():
            assert old in config
            config = config.replace(old, str(new))
        (tmp_path / "config.yaml").write_text(config)
        own = {one["name"]: one["value"] for one in container.get("env", ())}
        args = [*container["args"], *(["--one-time"] if container["args"][0] == "watch" else [])]
        argv = [Path(sys.executable).with_name("secretfetch"), *args, "-c", tmp_path / "config.yaml"]
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **own, **environ}
        out = tmp_path / "out"
        done = subprocess.run([*argv, "--out", out], env=env, capture_output=True, text=True, check=False)
        assert (0, "") == (done.returncode, done.stdout), done.stderr
        return out, pod["spec"]["containers"][-1]

    return run


@contextlib.contextmanager
def agent():
    """Run what hands credentials to pods; give its address and the tokens that it was shown."""
    tokens = []
    answer = {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "canary",
        "Token": "t",
        "Expiration": "2099-01-01T00:00:00Z",
    }

    class Agent(BaseHTTPRequestHandler):
        def do_GET(self):
            tokens.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *given):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Agent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/credentials", tokens
        server.shutdown()


def shown(container, out):
    """Return what the app's container prints about a volume; what waits in it does not wait."""
    ends = {"/secrets": str(out), "sleep 86400 & wait": ":", "sleep 10 & wait": "exit"}
    argv = container["command"]
    for waits, ended in ends.items():
        argv = [part.replace(waits, ended) for part in argv]
    return subprocess.run(argv, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True).stdout


@MANIFESTS
def test_images_are_those_of_this_version(path):
    """A pod names the image of this version and a plain busybox, no registry and no other tag."""
    images = {container["image"] for container in examples.containers(examples.workload(examples.documents(path)))}
    assert images <= {f"secretfetch:{__version__}", "busybox:1.37"}
    assert f"secretfetch:{__version__}" in images


@MANIFESTS
def test_configs_are_mounted_where_they_are_read(path):
    """Each container of ours mounts a ConfigMap of the manifest at the default place of configs."""
    found = examples.documents(path)
    pod = examples.workload(found)
    for container in examples.ours(pod):
        volume = examples.mounts(pod, container)["/etc/secretfetch"]
        assert volume["configMap"]["name"] in examples.config_maps(found)
        assert volume["readOnly"]


@MANIFESTS
def test_volumes_of_secrets_are_small_and_in_memory(path):
    """Secrets lie in memory, with a limit, and only the container that writes them may write there."""
    pod = examples.workload(examples.documents(path))
    for container in examples.containers(pod):
        for volume in examples.mounts(pod, container).values() if container.get("volumeMounts") else ():
            if "emptyDir" in volume:
                assert {"medium": "Memory", "sizeLimit": "4Mi"} == volume["emptyDir"]
                assert volume.get("readOnly", False) is (container not in examples.ours(pod))


@pytest.mark.parametrize("example", ["init-container", "native-sidecar", "init-and-sidecar", "job"])
def test_the_app_sees_the_file_and_shows_its_size(aws, start, example):
    """The arguments of the first container write the env file; the app prints its size and no value."""
    out, app = start(example, aws.env())
    assert DB_ENV == (out / "db.env").read_text()
    assert f"{len(DB_ENV)} {out}/db.env\n" == shown(app, out)
    assert {"GetSecretValue": 1} == aws.counts


def test_the_app_has_the_variables_of_the_file(aws, start):
    """A command that sources the file becomes the app with exactly the value of the store in its environment."""
    out, app = start("sourced-env", aws.env())
    assert f"MYSQL_PASSWORD has {len(MYSQL['password'])} characters\n" == shown(app, out)
    command = [*app["command"][:2], app["command"][2].replace("/secrets", str(out)), "sh", "printenv", "MYSQL_PASSWORD"]
    assert f"{MYSQL['password']}\n" == subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_kubelet_has_a_file_for_each_variable(aws, start):
    """Every variable of the app is a line of the file that it names: a plain file at the root of the volume."""
    plain = json.dumps({**MYSQL, "password": 'p"a$s'})  # the format has no way to write a single quote
    aws.client("secretsmanager").put_secret_value(SecretId="myapp/mysql", SecretString=plain)
    out, app = start("filekeyref", aws.env())
    lines = (out / "app.env").read_text().splitlines()
    assert not (out / "app.env").is_symlink()
    for variable in app["env"]:
        key = variable["valueFrom"]["fileKeyRef"]
        assert ("secrets", "app.env") == (key["volumeName"], key["path"])
        assert [line for line in lines if line.startswith(f"{key['key']}='")]


def test_a_role_of_the_service_account(aws, start, tmp_path):
    """With nothing but what EKS sets for a service account that has a role, the file is written."""
    (tmp_path / "jwt").write_text("jwt")
    given = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/app-secrets", "AWS_REGION": "us-east-1"}
    given |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "jwt"), "AWS_ENDPOINT_URL": aws.url}
    out, app = start("eks-irsa", given)
    assert f"{len(DB_ENV)} {out}/db.env\n" == shown(app, out)
    assert {"AssumeRoleWithWebIdentity": 1, "GetSecretValue": 1} == aws.counts


def test_a_role_of_the_association(aws, start, tmp_path):
    """With nothing but what the Pod Identity webhook sets, the agent is asked with the pod's token."""
    (tmp_path / "jwt").write_text("token-of-the-pod")
    with agent() as (url, tokens):
        given = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": aws.url}
        out, app = start("eks-pod-identity", given | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "jwt")})
    assert f"{len(DB_ENV)} {out}/db.env\n" == shown(app, out)
    assert {"token-of-the-pod"} == set(tokens)


def test_an_identity_of_the_workload(start, tmp_path):
    """With nothing but what the AKS webhook sets, the vault is read as the identity of the service account."""
    azure = shared_keyvault()
    azure.reset()
    seed(azure.vault("my-vault"), {"secrets": {"aeterna-postgres-password": "p", "aeterna-llm-api-key": "sk"}})
    azure.login.apps["app"] = App(subject="system:serviceaccount:shop:web")
    out, app = start("aks-workload-identity", azure.env_pod(str(tmp_path)))
    text = "LLM_API_KEY='sk'\nPOSTGRES_PASSWORD='p'\n"
    assert text == (out / "app.env").read_text()
    assert f"{len(text)} {out}/app.env\n" == shown(app, out)


def test_policies_allow_what_is_read():
    """Both roles of EKS may read the secret that the config names, and nothing but secrets."""
    for example in ("eks-irsa", "eks-pod-identity"):
        (statement,) = json.loads((examples.EXAMPLES / example / "policy.json").read_text())["Statement"]
        assert "secretsmanager:GetSecretValue" == statement["Action"]
        assert statement["Resource"].endswith(":secret:myapp/*")


def test_the_pod_logs_in_to_vault_with_its_own_token(start, tmp_path):
    """The projected token, of the audience that the manifest names, is the login; each key becomes a variable."""
    vault = shared_vault.shared_vault()
    shared_vault.empty(vault)
    vault.mount("kv")
    vault.api("POST", GATEWAY, {"data": {"REDIS_URL": "redis://h"}})
    vault.policy("portkey-gateway", (GATEWAY, "read"))
    service_accounts.trust(vault)
    service_accounts.role(vault, "portkey-gateway", "portkey-gateway")
    (tmp_path / "token").write_text(service_accounts.token("app", "shop"))

    place = {"/var/run/secrets/vault/token": tmp_path / "token"}
    out, app = start("vault-kubernetes", {"VAULT_ADDR": vault.url}, **place)

    assert "REDIS_URL='redis://h'\n" == (out / "gateway.env").read_text()
    assert f"22 {out}/gateway.env\n" == shown(app, out)
