"""The pods of the deploy examples: what every one of them has, and what a process of theirs does without a cluster."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pods
import pytest
from servers import service_accounts, shared_vault
from servers.shared_aws import shared_aws

from secretfetch import __version__

MANIFESTS = pytest.mark.parametrize("path", pods.manifests(), ids=lambda path: path.parent.name)
MYSQL = {"host": "mysql.example.com", "port": 3306, "username": "portkey", "password": "it's a canary"}
DB_ENV = "host='mysql.example.com'\npassword=\"it's a canary\"\nport='3306'\nusername='portkey'\n"
GATEWAY = "kv/data/portkey/gateway/config"


@pytest.fixture
def aws():
    """Give an AWS that holds the secret of the examples."""
    server = shared_aws()
    server.reset()
    server.client("secretsmanager").create_secret(Name="myapp/mysql", SecretString=json.dumps(MYSQL))
    return server


@pytest.fixture
def start(tmp_path):
    """Give a way to run the first of our containers in a manifest; it returns the volume and the app's container."""

    def run(example, environ, **replaced):
        path = next(path for path in pods.manifests() if path.parent.name == example)
        found = pods.documents(path)
        pod = pods.workload(found)
        container = pods.ours(pod)[0]
        (config,) = pods.config_maps(found).values()
        for old, new in replaced.items():
            assert old in config
            config = config.replace(old, str(new))
        (tmp_path / "config.yaml").write_text(config)
        own = {one["name"]: one["value"] for one in container["env"]}
        args = [*container["args"], *(["--one-time"] if container["args"][0] == "watch" else [])]
        argv = [Path(sys.executable).with_name("secretfetch"), *args, "-c", tmp_path / "config.yaml"]
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **own, **environ}
        out = tmp_path / "out"
        done = subprocess.run([*argv, "--out", out], env=env, capture_output=True, text=True, check=False)
        assert (0, "") == (done.returncode, done.stdout), done.stderr
        return out, pod["spec"]["containers"][-1]

    return run


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
    images = {container["image"] for container in pods.containers(pods.workload(pods.documents(path)))}
    assert images <= {f"secretfetch:{__version__}", "busybox:1.37"}
    assert f"secretfetch:{__version__}" in images


@MANIFESTS
def test_configs_are_mounted_where_they_are_read(path):
    """Each container of ours mounts a ConfigMap of the manifest at the default place of configs."""
    found = pods.documents(path)
    pod = pods.workload(found)
    for container in pods.ours(pod):
        volume = pods.mounts(pod, container)["/etc/secretfetch"]
        assert volume["configMap"]["name"] in pods.config_maps(found)
        assert volume["readOnly"]


@MANIFESTS
def test_volumes_of_secrets_are_small_and_in_memory(path):
    """Secrets lie in memory, with a limit, and only the container that writes them may write there."""
    pod = pods.workload(pods.documents(path))
    for container in pods.containers(pod):
        for volume in pods.mounts(pod, container).values() if container.get("volumeMounts") else ():
            if "emptyDir" in volume:
                assert {"medium": "Memory", "sizeLimit": "4Mi"} == volume["emptyDir"]
                assert volume.get("readOnly", False) is (container not in pods.ours(pod))


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
