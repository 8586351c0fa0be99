"""How the API server is asked: owners, retries, logins, and answers that no server of ours gives."""

import contextlib
import http.server
import json
import sys
import threading

import lightkube
import pytest
from kubernetes.pods import Pod, rules

from secretfetch.bundle import File
from secretfetch.errors import AccessDenied, ConfigError, OutputError, SecretError, Throttled, Unavailable
from secretfetch.plan import KubeSecret
from secretfetch.sinks.kubernetes import applying, cluster

DB = KubeSecret("shop-db")
FILES = {"user": File(b"shop", 0)}


@pytest.fixture
def client_of():
    """Return a function that connects as a kubeconfig says."""
    with contextlib.ExitStack() as stack:
        yield lambda kubeconfig: stack.enter_context(
            lightkube.Client(config=lightkube.KubeConfig.from_file(kubeconfig).get(), field_manager="secretfetch")
        )


# ---- owners ----

_READ = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
_ABOVE = {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get"]}


def in_a_deployment(pod):
    """Put a Deployment's ReplicaSet and its pod into the namespace; return the ReplicaSet's uid."""
    apps, core = f"/apis/apps/v1/namespaces/{pod.namespace}", f"/api/v1/namespaces/{pod.namespace}"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "busybox"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    above = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d-1", "controller": True}
    made = pod.server.call(
        "POST",
        f"{apps}/replicasets",
        {"metadata": {"name": "web-1", "ownerReferences": [above]}, "spec": {**spec, "replicas": 0}},
    )
    uid = made["metadata"]["uid"]
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": uid, "controller": True}
    pod.server.call(
        "POST",
        f"{core}/pods",
        {"metadata": {"name": "web-1-x", "ownerReferences": [owner]}, "spec": template["spec"]},
    )
    return uid


@pytest.mark.parametrize(
    ("more", "kind"),
    [((), ""), ((_READ,), "ReplicaSet"), ((_READ, _ABOVE), "Deployment")],
    ids=["nothing", "pods", "pods-and-replicasets"],
)
def test_the_owner_is_the_highest_that_can_be_read(tmp_path, client_of, more, kind):
    """A Secret belongs to the pod's controller as far up as the Role lets us look; without a look, to nobody."""
    pod = Pod(tmp_path, *rules("shop-db"), *more)
    in_a_deployment(pod)
    made = cluster.Cluster(client_of(pod.env["KUBECONFIG"]), pod="web-1-x")
    applying.SecretWriter(DB, made).stage(FILES).publish()
    before = pod.version("shop-db")
    applying.SecretWriter(DB, made).stage(FILES).publish()

    owners = pod.secret("shop-db")["metadata"].get("ownerReferences", [])
    assert [kind] * bool(kind) == [owner["kind"] for owner in owners]
    assert before == pod.version("shop-db")


def test_there_is_no_owner_in_another_namespace(tmp_path, client_of):
    """Kubernetes deletes what has an owner in another namespace: none is set."""
    pod = Pod(tmp_path, *rules("shop-db"), _READ)
    in_a_deployment(pod)
    made = cluster.Cluster(client_of(pod.env["KUBECONFIG"]), pod="web-1-x")

    assert [] == made.owners("elsewhere")
    assert ["ReplicaSet"] == [owner["kind"] for owner in made.owners(pod.namespace)]


# ---- answers that a healthy server does not give ----


class Canned(http.server.BaseHTTPRequestHandler):
    """Gives one answer after the other; the last one for ever."""

    answers: list[tuple[int, dict[str, str], bytes]]
    asked: list[str]

    def do_GET(self):
        self.asked.append(f"{self.command} {self.path}")
        status, headers, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PATCH(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def canned(tmp_path, client_of):
    """Return a function that makes a cluster of canned answers; its waits are noted, not waited."""
    servers = []

    def make(*answers):
        handler = type("Handler", (Canned,), {"answers": list(answers), "asked": []})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        config = {
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
            "users": [{"name": "c", "user": {"token": "t"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c", "namespace": "shop"}}],
        }
        (tmp_path / "config").write_text(json.dumps(config))
        waits = []
        return cluster.Cluster(client_of(tmp_path / "config"), sleep=waits.append), handler.asked, waits

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def status(code, reason="", message="", **details):
    body = {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}
    return code, {}, json.dumps(body).encode()


SECRET = (
    200,
    {},
    json.dumps({"kind": "Secret", "metadata": {"name": "shop-db"}, "data": {"user": "c2hvcA=="}}).encode(),
)


def test_an_outage_is_asked_again(canned):
    """What passes within moments is no failure; the waits are those that the server asks for, or longer ones."""
    there, asked, waits = canned(status(503), (429, {"Retry-After": "3"}, status(429)[2]), SECRET)

    assert "shop-db" == there.get(DB)["metadata"]["name"]
    assert 3 == len(asked)
    assert 3 <= waits[1]


def test_an_outage_that_lasts_is_told_after_four_tries(canned):
    """A server that stays ill is unavailable, exit 75: the loop comes back to it later."""
    there, asked, _ = canned(status(500, message="s3cr3t"))
    with pytest.raises(Unavailable, match="the API server answers 500") as caught:
        there.get(DB)

    assert 4 == len(asked)
    assert "s3cr3t" not in str(caught.value)


def test_a_long_wait_is_left_to_the_loop(canned):
    """A server that wants to be left alone for a minute is."""
    there, asked, waits = canned((429, {"Retry-After": "60"}, status(429)[2]))
    with pytest.raises(Throttled) as caught:
        there.get(DB)

    assert (1, []) == (len(asked), waits)
    assert 60 == caught.value.retry_after


@pytest.mark.parametrize(
    "answer",
    [(502, {"Content-Type": "text/html"}, b"<html>s3cr3t"), (200, {}, b"s3cr3t{"), (503, {}, b"")],
    ids=["html", "no-json", "empty"],
)
def test_what_is_no_answer_of_kubernetes(canned, answer):
    """A proxy's page, or no JSON, is an outage; nothing of it is repeated."""
    there, *_ = canned(answer)
    with pytest.raises(Unavailable) as caught:
        there.get(DB)

    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (status(403, "Forbidden", 'secrets "shop-db" is forbidden: exceeded quota: q'), OutputError, "quota"),
        (status(403, "Forbidden", "x because it is being terminated"), OutputError, "being deleted"),
        (status(404, "NotFound", 'namespaces "shop" not found'), OutputError, "no such namespace"),
        (status(413, "RequestEntityTooLarge"), SecretError, "larger than the API server takes"),
        (status(409, "Conflict", "the object has been modified"), Unavailable, "changed by somebody else"),
        (status(418, "Teapot", "s3cr3t"), OutputError, "answers 418 Teapot"),
        (
            status(
                422, "Invalid", "", causes=[{"field": "data[k]", "message": "s3cr3t", "reason": "FieldValueInvalid"}]
            ),
            SecretError,
            r"does not take data\[k\]",
        ),
    ],
    ids=["quota", "terminating", "namespace", "large", "modified", "odd", "data"],
)
def test_refusals_say_what_to_do(canned, answer, kind, words):
    """Each refusal is an error of its own kind, in words of ours."""
    there, *_ = canned(answer)
    with pytest.raises(kind, match=words) as caught:
        there.apply(DB, {"metadata": {"name": "shop-db"}, "data": {}}, dry_run=False)

    assert "s3cr3t" not in repr(caught.value.notes) + str(caught.value)


def test_a_webhook_without_dry_run_is_passed_over(canned):
    """An admission webhook that supports no dry run must not keep a Secret from being written."""
    message = 'admission webhook "w" does not support dry run'
    there, asked, _ = canned(status(400, "BadRequest", message), SECRET)
    there.apply(DB, {"metadata": {"name": "shop-db"}, "data": {}}, dry_run=True)

    assert ["PATCH"] == [line.split()[0] for line in asked]
    assert "dryRun=All" in asked[0]
    assert "force" not in asked[0] or "force=false" in asked[0].lower()


def test_requests_are_few(canned):
    """One look where nothing is to be done; a look, a dry run and a write where something is. The seal asks nothing."""
    stored = json.loads(SECRET[2])
    fields = {"f:data": {"f:user": {}}}
    managed = [{"manager": "secretfetch", "operation": "Apply", "fieldsV1": fields}]
    settled = {**stored, "metadata": {**stored["metadata"], "managedFields": managed}, "type": "Opaque"}
    there, asked, _ = canned((200, {}, json.dumps(settled).encode()))
    writer = applying.SecretWriter(DB, there)
    writer.stage(FILES).publish()
    sealed = writer.seal(["user"])
    assert ["GET"] == [line.split()[0] for line in asked]
    writer.stage({"user": File(b"other", 0)}).publish()
    assert ["GET", "GET", "PATCH", "PATCH"] == [line.split()[0] for line in asked]
    assert sealed == writer.seal(["user"])  # the canned answer is the same
    assert 4 == len(asked)
    assert sealed == writer.seal(["user"])
    assert 5 == len(asked)


def test_a_poll_does_not_wait_for_a_server_that_is_away(canned):
    """A seal is asked for once: the Secret counts as it was, and the poll goes on to the stores."""
    there, asked, waits = canned(SECRET, status(503))
    writer = applying.SecretWriter(DB, there)
    before = writer.seal(["user"])
    assert before == writer.seal(["user"])
    assert (2, []) == (len(asked), waits)


# ---- no way to a server ----


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    """Without the extra, `apply` says what to install."""
    monkeypatch.setitem(sys.modules, "lightkube", None)
    cluster.cluster.cache_clear()
    with pytest.raises(ConfigError, match="lightkube is not installed") as caught:
        cluster.cluster()

    assert (("fix", "pip install 'secretfetch[kubernetes]'"),) == caught.value.notes


def test_no_kubeconfig_says_what_is_needed(monkeypatch, tmp_path):
    """Neither a pod nor a kubeconfig: a fault of the config, with what each would need."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    cluster.cluster.cache_clear()
    with pytest.raises(ConfigError, match="cannot log in to a Kubernetes API server") as caught:
        cluster.cluster()

    assert ["in a pod", "elsewhere"] == [label for label, _ in caught.value.notes]


def test_a_denied_read_names_the_place_in_the_config(canned):
    """The error leads to the line that asks for the Secret."""
    from secretfetch.plan import Origin

    there, *_ = canned(status(403, "Forbidden", 'User "system:serviceaccount:shop:web" cannot get resource'))
    with pytest.raises(AccessDenied) as caught:
        there.get(KubeSecret("shop-db", origin=Origin("config.yaml", 4)))

    assert "config.yaml:4" == caught.value.where
