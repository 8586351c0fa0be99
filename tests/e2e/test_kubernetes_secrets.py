"""The example that writes Kubernetes Secrets, for real: its Role in a kube-apiserver, its config against an AWS."""

import base64
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import example_manifests as examples
import pytest
import yaml
from e2e.engine import until
from servers.shared_aws import seed_secret, shared_aws
from servers.shared_kube import fresh_namespace, shared_kube

pytest_plugins = ["e2e.fixtures"]
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
FOUND = examples.documents(examples.EXAMPLES / "kubernetes-secrets/deployment.yaml")
(CONFIG,) = examples.config_maps(FOUND).values()
WANTED = {one["kubernetes_secret"]: one["keys"] for one in yaml.safe_load(CONFIG)["outputs"]}


@pytest.fixture
def aws():
    """Give an AWS where each key that the config selects has a value of its own."""
    server = shared_aws()
    server.reset()
    contents = defaultdict(dict)
    for keys in WANTED.values():
        for source in keys.values():
            secret, _, key = source.partition("#")
            contents[secret][key] = f"value of {source}"
    for name, reference in yaml.safe_load(CONFIG)["secrets"].items():
        seed_secret(server, {"name": reference.removeprefix("aws-sm://"), "string": json.dumps(contents[name])})
    return server


@pytest.fixture
def run(aws, tmp_path):
    """Give a way to run the container's arguments once, with no more rights than the example's Role gives."""
    server = shared_kube()
    namespace = fresh_namespace(server)
    (role,) = [one for one in FOUND if one["kind"] == "Role"]
    server.account(namespace, "portkey-secrets", role["rules"])
    (tmp_path / "config.yaml").write_text(CONFIG)
    (container,) = examples.ours(examples.workload(FOUND))
    argv = [Path(sys.executable).with_name("secretfetch"), *container["args"], "--one-time"]
    login = {
        "KUBECONFIG": server.login(namespace, "portkey-secrets"),
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
    }

    def once():
        given = [*argv, "-c", tmp_path / "config.yaml"]
        done = subprocess.run(given, env=login | aws.env(), capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stderr
        return {one: server.call("GET", f"/api/v1/namespaces/{namespace}/secrets/{one}") for one in WANTED}

    return once


def test_four_secrets_with_the_least_role(aws, run):
    """Four Secrets are made with every key of the guide; a second run changes nothing of them."""
    made = run()
    for name, keys in WANTED.items():
        expected = {key: f"value of {source}" for key, source in keys.items()}
        assert expected == {key: base64.b64decode(value).decode() for key, value in made[name]["data"].items()}
    assert [6, 4, 8, 12] == [len(one["data"]) for one in made.values()]
    versions = [one["metadata"]["resourceVersion"] for one in made.values()]
    assert versions == [one["metadata"]["resourceVersion"] for one in run().values()]


def test_a_rotation_reaches_one_secret(aws, run):
    """A new value in the store changes the Secret that has it, and leaves the others as they were."""
    before = run()
    changed = dict.fromkeys(("connectionUrl", "tlsEnabled", "mode", "store"), "new")
    aws.client("secretsmanager").put_secret_value(SecretId="myapp/redis", SecretString=json.dumps(changed))
    after = run()
    assert {"new"} == {base64.b64decode(value).decode() for value in after["portkey-redis"]["data"].values()}
    for name in WANTED:
        same = before[name]["metadata"]["resourceVersion"] == after[name]["metadata"]["resourceVersion"]
        assert same is (name != "portkey-redis")


# ---- as a pod ----


@pytest.fixture
def pod(aws, play, tmp_path):
    """Run the example's pod with what a kubelet mounts and sets for its service account."""
    server = shared_kube()
    namespace = fresh_namespace(server)
    (role,) = [one for one in FOUND if one["kind"] == "Role"]
    server.account(namespace, "portkey-secrets", role["rules"])
    account = tmp_path / "account"
    account.mkdir(mode=0o755)
    mounted = {"token": server.token(namespace, "portkey-secrets"), "namespace": namespace}
    for name, text in {**mounted, "ca.crt": Path(server.ca).read_text()}.items():
        (account / name).write_text(text)
        (account / name).chmod(0o644)
    host, port = server.url.removeprefix("https://").split(":")
    env = {**aws.env(), "KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    manifest = examples.EXAMPLES / "kubernetes-secrets/deployment.yaml"
    made = play(manifest, env=env, mounts={ACCOUNT: account}, args={"secrets": ("--period=300ms",)})
    made.secret = lambda name, **how: _secret(server, namespace, name, **how)
    made.says("secrets", "everything is as the stores say")
    return made


def _secret(server, namespace, name, *, edit=None):
    path = f"/api/v1/namespaces/{namespace}/secrets/{name}"
    if edit is not None:
        kind = "application/merge-patch+json"
        server.call("PATCH", f"{path}?fieldManager=kubectl-edit", {"data": edit}, kind=kind)
    return server.call("GET", path)


def test_a_pod_keeps_the_four_secrets(aws, pod):
    """As its service account: four Secrets; no write while nothing changes, one for a rotation; others' keys stay."""
    made = {name: pod.secret(name) for name in WANTED}
    assert [6, 4, 8, 12] == [len(one["data"]) for one in made.values()]
    pod.secret("portkey-redis", edit={"theirs": "eA=="})
    asked = aws.counts["BatchGetSecretValue"]
    until(lambda: aws.counts["BatchGetSecretValue"] >= asked + 3, pod.logs)
    versions = {name: pod.secret(name)["metadata"]["resourceVersion"] for name in WANTED}
    assert {name: made[name]["metadata"]["resourceVersion"] for name in WANTED if name != "portkey-redis"} == {
        name: version for name, version in versions.items() if name != "portkey-redis"
    }
    changed = dict.fromkeys(("connectionUrl", "tlsEnabled", "mode", "store"), "rotated")
    aws.client("secretsmanager").put_secret_value(SecretId="myapp/redis", SecretString=json.dumps(changed))
    until(lambda: pod.secret("portkey-redis")["metadata"]["resourceVersion"] != versions["portkey-redis"], pod.logs)
    after = pod.secret("portkey-redis")["data"]
    assert {"rotated", "x"} == {base64.b64decode(value).decode() for value in after.values()}
    assert "rotated" not in pod.logs()


def test_a_pod_reports_a_key_of_somebody_else(aws, pod):
    """A key that another manager has taken is left as it is; the pod's log says whose it is."""
    pod.secret("portkey-redis", edit={"redis_mode": "dGhlaXJz"})
    pod.says("secrets", "data.redis_mode belongs to kubectl-edit")
    assert "dGhlaXJz" == pod.secret("portkey-redis")["data"]["redis_mode"]
