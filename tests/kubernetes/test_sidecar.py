"""Kubernetes Secrets of a sidecar, as a pod, against a real kube-apiserver."""

import base64
import json
from pathlib import Path

import pytest
from kubernetes.pods import Pod, rules
from servers.kube_server import KubeServer
from servers.shared_kube import shared_kube
from watch.processes import Sidecar

CONFIG = """
secrets: {a: "file://a.json"}
outputs:
  - {kubernetes_secret: shop-db, from: a}
on_change: [{touch: /touched}]
"""


@pytest.fixture
def pod(tmp_path):
    """A pod that may write `shop-db` and read its controllers."""
    made = Pod(tmp_path, *rules("shop-db"))
    made.config(CONFIG.replace("/touched", str(tmp_path / "touched")), a='{"user": "canary-one"}')
    return made


def watched(pod, *more):
    return Sidecar(pod.folder, "--kube-secrets", "apply", "--period", "10m", *more, env=pod.env)


def test_a_rotation_reaches_the_secret_and_the_hook(pod):
    """A value that changes in the store is applied at the next poll, and hooks are told."""
    with watched(pod) as sidecar:
        sidecar.until("fresh")
        assert {"user": "canary-one"} == pod.data("shop-db")
        pod.config((pod.folder / "config.yaml").read_text(), a='{"user": "canary-two"}')
        sidecar.refresh()
        sidecar.until("published", updated=1)
        sidecar.until("hook")
        assert {"user": "canary-two"} == pod.data("shop-db")
        assert (pod.folder / "touched").exists()
        assert 0 == sidecar.end()[0]


def test_a_secret_that_was_deleted_comes_back(pod):
    """A poll sees that the Secret is gone, and makes it again; a poll that sees nothing new writes nothing."""
    with watched(pod, "--log-level", "debug") as sidecar:
        sidecar.until("fresh")
        before = pod.version("shop-db")
        sidecar.refresh()
        sidecar.until("unchanged")
        assert before == pod.version("shop-db")
        pod.server.call("DELETE", f"/api/v1/namespaces/{pod.namespace}/secrets/shop-db")
        sidecar.refresh()
        sidecar.until("published", added=1)
        assert {"user": "canary-one"} == pod.data("shop-db")


def test_a_conflict_is_told_and_what_is_there_stays(pod):
    """A key that somebody else takes makes the sidecar stale, not the Secret wrong."""
    with watched(pod) as sidecar:
        sidecar.until("fresh")
        pod.edit("shop-db", "helm", user="theirs")
        pod.config((pod.folder / "config.yaml").read_text(), a='{"user": "canary-two"}')
        sidecar.refresh()
        failed = sidecar.until("round_failed")
        assert "data.user belongs to helm" in failed["msg"]
        assert {"user": "theirs"} == pod.data("shop-db")
        assert "canary" not in json.dumps(sidecar.seen)


def test_an_api_server_that_comes_back_gets_what_it_missed(tmp_path):
    """While it is away the sidecar says so and stays; the rotation of that time is applied when it is back."""
    shared_kube()  # skips where the program has not been built
    server = KubeServer().start()
    try:
        server.namespace("shop")
        config = json.loads(Path(server.kubeconfig).read_text())
        config["contexts"][0]["context"]["namespace"] = "shop"
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        (tmp_path / "config.yaml").write_text(CONFIG.replace("/touched", str(tmp_path / "touched")))
        (tmp_path / "a.json").write_text('{"user": "canary-one"}')
        env = {"KUBECONFIG": str(tmp_path / "kubeconfig")}
        more = ("--kube-secrets", "apply", "--period", "300ms")
        with Sidecar(tmp_path, *more, env=env) as sidecar:
            sidecar.until("fresh")
            server.kill()
            (tmp_path / "a.json").write_text('{"user": "canary-two"}')
            assert "UNAVAILABLE" == sidecar.until("round_failed")["error_code"]
            server.start()
            sidecar.until("published", updated=1)
        there = server.call("GET", "/api/v1/namespaces/shop/secrets/shop-db")
        assert "canary-two" == base64.b64decode(there["data"]["user"]).decode()
    finally:
        server.stop()
