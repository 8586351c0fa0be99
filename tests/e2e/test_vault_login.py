"""The example that logs in to Vault, for real: OpenBao asks a kube-apiserver whether the pod's token is its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import example_manifests as examples
import pytest
from servers.shared_kube import fresh_namespace, shared_kube
from servers.shared_vault import empty, shared_vault

FOLDER = examples.EXAMPLES / "vault-kubernetes"
FOUND = examples.documents(FOLDER / "pod.yaml")
(CONFIG,) = examples.config_maps(FOUND).values()
GATEWAY = "kv/data/portkey/gateway/config"
MOUNT = "cluster"  # other tests of this process have `kubernetes` for tokens that they sign themselves
REVIEWER = "token-reviewer"


@pytest.fixture
def namespace():
    """Give a namespace with the service account of the example, of a cluster that lets Vault review tokens."""
    server = shared_kube()
    name = fresh_namespace(server)
    for account in ("app", "other", REVIEWER):
        server.account(name, account, [])
    binding = {
        "metadata": {"name": f"{REVIEWER}-{name}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "name": REVIEWER, "namespace": name}],
    }
    server.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
    return name


@pytest.fixture
def vault(namespace):
    """Give an OpenBao that is set up with the README's command, for this namespace."""
    cluster, server = shared_kube(), shared_vault()
    empty(server)
    server.mount("kv")
    server.api("POST", GATEWAY, {"data": {"REDIS_URL": "redis://h"}})
    server.policy("portkey-gateway", (GATEWAY, "read"))
    server.api("POST", f"sys/auth/{MOUNT}", {"type": "kubernetes"})
    reviewer = {"token_reviewer_jwt": cluster.token(namespace, REVIEWER)}
    authority = {"kubernetes_host": cluster.url, "kubernetes_ca_cert": Path(cluster.ca).read_text()}
    server.api("POST", f"auth/{MOUNT}/config", {**authority, **reviewer})
    role, given = re.search(
        r"`vault write auth/kubernetes/role/(\S+) (.*)`", (FOLDER / "README.md").read_text()
    ).groups()
    settings = dict(part.split("=", 1) for part in given.split())
    assert "portkey" == settings["bound_service_account_namespaces"]
    server.api("POST", f"auth/{MOUNT}/role/{role}", {**settings, "bound_service_account_namespaces": namespace})
    yield server
    server.api("DELETE", f"sys/auth/{MOUNT}")


def run(vault, folder, token):
    """Run the container's arguments with a token where the kubelet would mount it."""
    place = re.search(r"token_path: ([\w./]+)", CONFIG)[1]
    (folder / "token").write_text(token)
    config = CONFIG.replace(place, f"{folder}/token").replace("kubernetes: {", f"kubernetes: {{mount: {MOUNT}, ")
    (folder / "config.yaml").write_text(config)
    (container,) = examples.ours(examples.workload(FOUND))
    argv = [Path(sys.executable).with_name("secretfetch"), *container["args"], "-c", folder / "config.yaml"]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "VAULT_ADDR": vault.url}
    return subprocess.run([*argv, "--out", folder / "out"], env=env, capture_output=True, text=True, check=False)


def audience():
    """Return the audience of the manifest's projected token."""
    (volume,) = [one for one in examples.workload(FOUND)["spec"]["volumes"] if "projected" in one]
    return volume["projected"]["sources"][0]["serviceAccountToken"]["audience"]


def test_the_pod_of_the_account_reads_its_secret(vault, namespace, tmp_path):
    """A token of the cluster, of the manifest's audience, is a login where the README's command has made the role."""
    done = run(vault, tmp_path, shared_kube().token(namespace, "app", audience()))
    assert 0 == done.returncode, done.stderr
    assert "REDIS_URL='redis://h'\n" == (tmp_path / "out/gateway.env").read_text()


@pytest.mark.parametrize(("account", "audiences"), [("app", ()), ("other", ("vault",))])
def test_no_other_token_is_a_login(vault, namespace, tmp_path, account, audiences):
    """A token for the API server, and one of another account, are refused: 77, and nothing is written."""
    done = run(vault, tmp_path, shared_kube().token(namespace, account, *audiences))
    assert 77 == done.returncode, done.stderr
    assert not (tmp_path / "out").exists()
