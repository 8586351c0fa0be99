"""The examples of `deploy-examples/` that podman can run, against the servers of the tests: moto, OpenBao, Key Vault.

A manifest is changed as a user would change it (`patches`). Examples whose point is the kubelet's or the cluster's
(variables from files, Secrets, admission) are checked against a real kube-apiserver elsewhere.
"""

import json
import shutil
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from e2e.engine import until
from e2e.test_manifests import program
from servers import service_accounts, shared_vault
from servers.aws_server import Fault
from servers.shared_aws import aws_with
from servers.shared_keyvault import seed, shared_keyvault
from test_deploy_examples import APP
from test_deploy_examples import seed as seed_app

pytest_plugins = ["e2e.fixtures"]
EXAMPLES = Path(__file__).parents[2] / "deploy-examples"
FIRST = {"host": "mysql.example.com", "username": "portkey", "password": "correct horse $battery"}
SECOND = {**FIRST, "password": "it was a staple"}
EXPORTED = "'correct horse $battery'"


@pytest.fixture
def aws():
    """Give an AWS with the secret that the examples read, and with no other."""
    return aws_with("myapp/mysql", FIRST)


def rotate(aws):
    """Give the secret another password."""
    aws.client("secretsmanager").put_secret_value(SecretId="myapp/mysql", SecretString=json.dumps(SECOND))


def ends_well(pod, *sidecars):
    """Stop the pod: sidecars end with 0, and everything by itself, long before it would be killed."""
    began = datetime.now(UTC)
    pod.stop()
    assert timedelta(seconds=8) > datetime.now(UTC) - began
    assert dict.fromkeys(sidecars, 0) == {name: pod.state(name)["ExitCode"] for name in sidecars}
    assert pod.state("app")["ExitCode"] in (0, 143)  # a shell's `trap exit TERM` ends with the status of its `wait`


def holds(pod, values, name="db.env", container="app"):
    """Check what the app reads, and that nobody has told it."""
    lines = pod.sh(container, f"cat /secrets/{name}").splitlines()
    assert [f"{key}='{values[key]}'" for key in sorted(values)] == lines
    told = pod.logs()
    assert [] == [value for value in values.values() if value in told]


def test_init_container(aws, play):
    """One request, then the app starts and reads every key as its own user; stopped in time."""
    pod = play(EXAMPLES / "init-container/pod.yaml", env=aws.env())
    pod.says("app", "/secrets/db.env")
    holds(pod, FIRST)
    assert "1000" == pod.sh("app", "id -u")
    assert {"GetSecretValue": 1} == aws.counts
    ends_well(pod)


def test_native_sidecar(aws, play):
    """Ready before the app starts; a rotation reaches the app's files; SIGTERM ends it with 0, after the app."""
    pod = play(EXAMPLES / "native-sidecar/pod.yaml", env=aws.env(), args={"secrets": ("--period=1s",)})
    pod.says("app", "/secrets/db.env")
    assert "No such file" not in pod.log("app")
    holds(pod, FIRST)
    rotate(aws)
    until(lambda: SECOND["password"] in pod.sh("app", "cat /secrets/db.env"), "the rotation", 5)
    holds(pod, SECOND)
    ends_well(pod, "secrets")
    assert pod.state("app")["FinishedAt"] <= pod.state("secrets")["FinishedAt"]


def test_init_and_sidecar(aws, play):
    """The sidecar takes over without a request, brings a rotation, and ends with 0 when it is told to."""
    pod = play(EXAMPLES / "init-and-sidecar/pod.yaml", env=aws.env())
    pod.says("app", "/secrets/db.env")
    pod.says("secrets", "everything is as the stores say")
    assert {"GetSecretValue": 1} == aws.counts
    holds(pod, FIRST)
    ends_well(pod, "secrets")


def test_killed_sidecar(aws, play):
    """Killed in the middle of its work, the files stay; started again, it brings the rotation that it missed."""
    pod = play(
        EXAMPLES / "init-and-sidecar/pod.yaml", env=aws.env(), args={"secrets": ("--period=1s",)}, restart="OnFailure"
    )
    pod.says("secrets", "everything is as the stores say")
    first = pod.state("secrets")["Pid"]
    pod.kill("secrets")
    rotate(aws)
    holds(pod, FIRST)
    until(lambda: pod.state("secrets")["Pid"] not in (0, first), "a second life of the sidecar")
    until(lambda: SECOND["password"] in pod.sh("app", "cat /secrets/db.env"), "the rotation")
    holds(pod, SECOND)


def test_store_that_is_down(aws, play):
    """A sidecar whose store answers nothing keeps the files, says so, stays ready, and ends with 0."""
    pod = play(EXAMPLES / "native-sidecar/pod.yaml", env=aws.env(), args={"secrets": ("--period=1s",)})
    aws.faults.append(Fault(reset=True))
    pod.says("secrets", "UNAVAILABLE")
    holds(pod, FIRST)
    ends_well(pod, "secrets")


def test_sourced_env(aws, play):
    """The app's own process has the variables, with blanks and a dollar as they are, and nobody is shown them."""
    pod = play(EXAMPLES / "sourced-env/pod.yaml", env=aws.env())
    pod.says("app", f"MYSQL_PASSWORD has {len(FIRST['password'])} characters")
    environ = pod.sh(
        "app", "tr '\\0' '\\n' < /proc/1/environ; for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ; done"
    )
    assert f"MYSQL_PASSWORD={FIRST['password']}" in environ
    assert FIRST["password"] not in pod.log("secrets") + pod.log("app")


def test_job(aws, play):
    """The Job's container runs once, after the files are there, and completes with 0."""
    pod = play(EXAMPLES / "job/job.yaml", env=aws.env())
    assert 0 == pod.ended("app")
    assert "/secrets/db.env" in pod.log("app")


def test_job_of_a_missing_secret(aws, play):
    """Exit 66, which the Job's podFailurePolicy fails at once; the message is in the log and the app has not run."""
    aws.reset()
    pod = play(EXAMPLES / "job/job.yaml", env=aws.env())
    assert 66 == pod.state("secrets")["ExitCode"]
    assert "SECRET_NOT_FOUND" in pod.log("secrets")
    assert "" == pod.log("app")


def test_vault_kubernetes(play):
    """Logged in with the mounted token of the service account, which only secretfetch's container has."""
    server = shared_vault.shared_vault()
    shared_vault.empty(server)
    server.mount("kv")
    server.api("POST", "kv/data/portkey/gateway/config", {"data": FIRST})
    server.policy("portkey-gateway", ("kv/data/portkey/gateway/config", "read"))
    service_accounts.trust(server)
    service_accounts.role(server, "portkey-gateway", "portkey-gateway")
    pod = play(EXAMPLES / "vault-kubernetes/pod.yaml", env={"VAULT_ADDR": server.url}, token=service_accounts.token())
    pod.says("app", "/secrets/gateway.env")
    holds(pod, FIRST, "gateway.env")


def test_eks_irsa(aws, play, tmp_path):
    """With what the webhook of EKS mounts and sets: one exchange of the token, one read."""
    folder = shown(tmp_path / "eks", token="a.web.token")
    place = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
    env = {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_REGION": "us-east-1",
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/app-secrets",
        "AWS_WEB_IDENTITY_TOKEN_FILE": f"{place}/token",
    }
    pod = play(EXAMPLES / "eks-irsa/pod.yaml", env=env, mounts={place: folder})
    pod.says("app", "/secrets/db.env")
    holds(pod, FIRST)
    assert {"AssumeRoleWithWebIdentity": 1, "GetSecretValue": 1} == aws.counts


def test_eks_pod_identity(aws, agent, play, tmp_path):
    """With what the agent's webhook mounts and sets: credentials of the agent, asked for with the token."""
    folder = shown(tmp_path / "eks", token="a-pod-token")
    place = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"
    env = {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_REGION": "us-east-1",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{place}/token",
    }
    pod = play(EXAMPLES / "eks-pod-identity/pod.yaml", env=env, mounts={place: folder})
    pod.says("app", "/secrets/db.env")
    holds(pod, FIRST)
    assert ["a-pod-token"] == agent.tokens
    assert {"AKIAOFTHEPOD"} == {request.key_id for request in aws.requests}


def test_aks_workload_identity(play, tmp_path):
    """With what the webhook of AKS mounts and sets: the token is exchanged, two secrets are read."""
    server = shared_keyvault()
    server.reset()
    seed(server.vault("my-vault"), {"secrets": {"aeterna-postgres-password": "p w", "aeterna-llm-api-key": "sk-1"}})
    folder = shown(tmp_path / "aks")
    variables = server.env_pod(str(folder))
    shutil.copy(server.authority.file, folder / "authority.pem")
    for file in folder.iterdir():
        file.chmod(0o644)
    variables["AZURE_FEDERATED_TOKEN_FILE"] = "/var/run/secrets/azure/tokens/azure-identity-token"
    variables["REQUESTS_CA_BUNDLE"] = "/var/run/secrets/azure/tokens/authority.pem"
    pod = play(
        EXAMPLES / "aks-workload-identity/pod.yaml", env=variables, mounts={"/var/run/secrets/azure/tokens": folder}
    )
    pod.says("app", "/secrets/app.env")
    holds(pod, {"LLM_API_KEY": "sk-1", "POSTGRES_PASSWORD": "p w"}, "app.env")


def test_portkey_app_aws(aws, play):
    """The guide's app: its config in its ConfigMap, 30 files and the same 30 variables, from one request."""
    aws.reset()
    seed_app(aws, APP)
    folder = EXAMPLES / "portkey-app-aws"
    pod = play(folder / "pod.yaml", edit=with_config(folder / "config.yaml"), env=aws.env())
    until(lambda: pod.state("app").get("Running"), pod.logs)
    files = pod.sh("app", "ls /mnt/secrets").split()
    assert 31 == len(files)
    assert 'p$a"ss`w#rd & more=' == pod.sh("app", "cat /mnt/secrets/mysql_password")
    assert {"BatchGetSecretValue": 1} == aws.counts


def with_config(file):
    """Return a change of a manifest: the ConfigMap that its README lets a user make."""
    text = "".join(f"    {line}" for line in file.read_text().splitlines(keepends=True))
    return lambda manifest: (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: portkey-secrets}\ndata:\n  config.yaml: |\n"
        f"{text}\n---\n{manifest}"
    )


def shown(folder, **files):
    """Make a folder that every user may read, with these files."""
    folder.mkdir()
    folder.chmod(0o755)
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    return folder


class Agent(BaseHTTPRequestHandler):
    """The agent of EKS Pod Identity: credentials for whoever shows a token."""

    def do_GET(self):
        self.server.tokens.append(self.headers["Authorization"])
        body = {
            "AccessKeyId": "AKIAOFTHEPOD",
            "SecretAccessKey": "canary-of-the-pod",
            "Token": "canary-of-the-session",
            "Expiration": (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def agent():
    """Give a running agent, and the tokens that it was shown."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Agent)
    server.tokens, server.url = [], f"http://127.0.0.1:{server.server_port}/v1/credentials"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


# ---- for any workload ----


def made_by(*argv, cwd=None):
    """Return what kubectl or helm makes."""
    return subprocess.run(argv, capture_output=True, text=True, check=True, cwd=cwd).stdout


def test_kustomize(aws, play):
    """What the component adds to a Deployment writes the files before the app starts."""
    text = made_by(program("kubectl"), "kustomize", str(EXAMPLES / "kustomize/overlay"))
    pod = play(edit=lambda _: text, env=aws.env())
    pod.says("app", "/secrets/db.env")
    holds(pod, FIRST)


@pytest.mark.parametrize("sidecar", ["true", "false"], ids=["helm sidecar", "helm init"])
def test_helm(aws, play, tmp_path, sidecar):
    """What the chart adds to a Deployment writes the files before the app starts, and keeps them new as a sidecar."""
    helm = program("helm")
    shutil.copytree(EXAMPLES / "helm", tmp_path / "helm")
    made_by(helm, "dependency", "build", "app", cwd=tmp_path / "helm")
    chosen = f"secretfetch.sidecar={sidecar},secretfetch.image="
    text = made_by(helm, "template", "shop", "app", "--set", chosen, cwd=tmp_path / "helm")
    pod = play(edit=lambda _: text, env=aws.env())
    pod.says("app", "/secrets/db.env")
    holds(pod, FIRST)
    ends_well(pod, *(["secrets"] if sidecar == "true" else []))


def test_filekeyref(aws, play):
    """What the kubelet reads is a plain file; a rotation ends the sidecar with 80, with the new values there."""
    pod = play(EXAMPLES / "filekeyref/pod.yaml", env=aws.env(), args={"secrets": ("--period=300ms",)})
    pod.says("secrets", "everything is as the stores say")
    rotate(aws)
    assert 80 == pod.ended("secrets")
    files = [path for path in pod.volume().rglob("*") if not path.name.startswith("..")]
    assert [False] == [path.is_symlink() for path in files]
    assert SECOND["password"] in files[0].read_text()
