"""Kubernetes Secrets by server-side apply, against a real kube-apiserver with RBAC."""

import pytest
from kubernetes.pods import Pod, rules

CONFIG = """
secrets: {a: "file://a.json"}
outputs:
  - kubernetes_secret: shop-db
    from: a
    labels: {app: shop}
"""


@pytest.fixture
def pod(tmp_path):
    """A pod that may write the one Secret `shop-db`."""
    made = Pod(tmp_path, *rules("shop-db"))
    made.config(CONFIG, a='{"user": "shop", "password": "s3cr3t-one"}')
    return made


def test_a_secret_is_made(pod):
    """A Secret that is not there is created, with its type, labels and our field manager."""
    code, said = pod.run()

    assert (0, "secretfetch: Secret shop-db: 2 keys: 2 added\n") == (code, said)
    assert {"user": "shop", "password": "s3cr3t-one"} == pod.data("shop-db")
    there = pod.secret("shop-db")
    assert ("Opaque", {"app": "shop"}) == (there["type"], there["metadata"]["labels"])
    managed = there["metadata"]["managedFields"]
    assert [("secretfetch", "Apply")] == [(one["manager"], one["operation"]) for one in managed]


def test_equal_content_is_no_write(pod):
    """Nothing has changed: nothing is written, and the resourceVersion stays."""
    pod.run()
    before = pod.version("shop-db")
    code, said = pod.run()

    assert (0, "secretfetch: nothing changed: Secret shop-db\n") == (code, said)
    assert before == pod.version("shop-db")


def test_a_change_is_one_write(pod):
    """Keys are added, changed and removed by one apply."""
    pod.run()
    pod.config(CONFIG, a='{"user": "shop2", "port": 1.50}')
    _, said = pod.run()

    assert "2 keys: 1 added, 1 updated, 1 removed" in said
    assert {"user": "shop2", "port": "1.50"} == pod.data("shop-db")


def test_keys_of_others_stay(pod):
    """A key of another field manager is left alone, and does not make us write."""
    pod.run()
    pod.edit("shop-db", "helm", extra="theirs")
    before = pod.version("shop-db")
    _, said = pod.run()

    assert "nothing changed" in said
    assert before == pod.version("shop-db")
    pod.config(CONFIG, a='{"user": "shop3"}')
    pod.run()
    assert {"user": "shop3", "extra": "theirs"} == pod.data("shop-db")


def test_a_key_that_another_manager_holds_is_reported(pod):
    """A key that is somebody else's is never overwritten: the run fails, names manager and key, and writes nothing."""
    pod.run()
    pod.edit("shop-db", "helm", user="theirs")
    pod.config(CONFIG, a='{"user": "ours", "password": "s3cr3t-two"}')
    before = pod.version("shop-db")
    code, said = pod.run()

    assert 73 == code
    assert f"cannot write Secret {pod.namespace}/shop-db: data.user belongs to helm" in said
    assert "config.yaml:4" in said
    assert "s3cr3t" not in said
    assert before == pod.version("shop-db")


def test_a_conflict_leaves_files_as_they_were(pod):
    """All or nothing: what the API server would refuse is known before a file is written."""
    both = CONFIG + "  - {path: app.env, from: a}\n"
    pod.config(both)
    pod.run()
    pod.edit("shop-db", "helm", user="theirs")
    pod.config(both, a='{"user": "ours"}')
    code, _ = pod.run()

    assert 73 == code
    assert "user='shop'" in (pod.folder / "out/app.env").read_text()


def test_drift_is_put_right(pod):
    """A key of ours that somebody removed comes back."""
    pod.run()
    path = f"/api/v1/namespaces/{pod.namespace}/secrets/shop-db?fieldManager=kubectl-edit"
    pod.server.call("PATCH", path, {"data": {"user": None}}, kind="application/merge-patch+json")
    _, said = pod.run()

    assert "1 added" in said
    assert "shop" == pod.data("shop-db")["user"]


@pytest.mark.parametrize(
    ("allowed", "verb"),
    [((), "get"), (rules("shop-db", verbs=("get",)), "patch"), (rules("shop-db", verbs=("get", "patch")), "create")],
    ids=["nothing", "get", "get-patch"],
)
def test_a_denial_names_the_role_that_is_needed(tmp_path, allowed, verb):
    """Who may not is told who it is, what it may not, and the rule to add; exit 77."""
    pod = Pod(tmp_path, *allowed)
    pod.config(CONFIG, a='{"user": "shop"}')
    code, said = pod.run()

    assert 77 == code
    assert f"does not let us {verb} Secret {pod.namespace}/shop-db" in said
    assert f"service account {pod.namespace}/web" in said
    assert "resourceNames [shop-db], verbs [get, patch, create]" in said


def test_an_immutable_secret_is_told(pod):
    """An immutable Secret stays as it is, and the fix is to delete it."""
    body = {"metadata": {"name": "shop-db"}, "data": {"user": "b2xk"}, "immutable": True}
    pod.server.call("POST", f"/api/v1/namespaces/{pod.namespace}/secrets?fieldManager=secretfetch", body)
    pod.config(CONFIG, a='{"more": "x"}')
    code, said = pod.run()

    assert 73 == code
    assert "it is immutable" in said
    assert f"kubectl -n {pod.namespace} delete secret shop-db" in said


def test_another_type_is_told(pod):
    """The type of a Secret cannot be changed."""
    pod.run()
    pod.config(CONFIG + "    type: kubernetes.io/basic-auth\n", a='{"username": "u", "password": "s3cr3t-one"}')
    code, said = pod.run()

    assert 73 == code
    assert "another type" in said


def test_what_a_type_demands_is_told(pod):
    """A TLS Secret without its keys is a fault of the data, and says which keys."""
    pod.config(CONFIG + "    type: kubernetes.io/tls\n")
    code, said = pod.run()

    assert 65 == code
    assert "data[tls.crt], data[tls.key]" in said


def test_a_namespace_that_is_not_there(pod):
    """Another namespace is not ours to write to."""
    pod.config(CONFIG + "    namespace: nosuch\n")
    code, said = pod.run()

    assert 77 == code
    assert "Secret nosuch/shop-db" in said


def test_admission_is_repeated(pod):
    """What an admission policy says is shown, without the value that it found worth saying."""
    path = "/apis/admissionregistration.k8s.io/v1"
    name = pod.namespace
    pod.server.call("POST", f"{path}/validatingadmissionpolicies", _policy(name))
    binding = {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}}
    pod.server.call("POST", f"{path}/validatingadmissionpolicybindings", binding)
    denied = None
    for _ in range(100):  # it takes effect within a second; each try is a run of a third of one
        denied = pod.run()
        if denied[0]:
            break
        pod.server.call("DELETE", f"/api/v1/namespaces/{pod.namespace}/secrets/shop-db")
    pod.server.call("DELETE", f"{path}/validatingadmissionpolicybindings/{name}")

    assert 73 == denied[0]
    assert "admission does not take it" in denied[1]
    assert "no Secrets on Fridays, and not [redacted]" in denied[1]
    assert "s3cr3t" not in denied[1]


def _policy(namespace):
    said = "'no Secrets on Fridays, and not ' + string(object.data.password)"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["secrets"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return {
        "metadata": {"name": namespace},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": selector},
            "validations": [{"expression": "false", "messageExpression": said}],
        },
    }


def test_a_login_that_is_not_taken(pod):
    """A token that is no good is a login that failed, not a permission."""
    config = pod.folder / "bad.kubeconfig"
    import re
    from pathlib import Path

    text = Path(pod.env["KUBECONFIG"]).read_text()
    config.write_text(re.sub(r'"token": "[^"]*"', '"token": "s3cr3t-token"', text))
    pod.env["KUBECONFIG"] = str(config)
    code, said = pod.run()

    assert 77 == code
    assert "does not take the login" in said
    assert "s3cr3t" not in said


def test_an_empty_answer_does_not_empty_a_secret(pod):
    """A Secret that has content is not emptied, unless the config says it may."""
    pod.run()
    pod.config(CONFIG, a="{}")
    code, said = pod.run()

    assert 65 == code
    assert '"Secret shop-db" would become empty' in said
    assert "shop" == pod.data("shop-db")["user"]
    pod.config(CONFIG + "    allow_empty: true\n")
    assert 0 == pod.run()[0]
    assert {} == pod.data("shop-db")


def test_plan_tells_what_would_change(pod):
    """`plan` compares with the Secret that is there, and writes nothing."""
    pod.run()
    before = pod.version("shop-db")
    pod.config(CONFIG, a='{"user": "other", "port": 1}')
    code, said = pod.run("plan", "--exit-code")

    assert 9 == code
    assert "+  Secret shop-db/port" in said
    assert "~  Secret shop-db/user" in said
    assert "-  Secret shop-db/password" in said
    assert before == pod.version("shop-db")


def test_a_manifest_is_what_apply_would_write(pod):
    """What `manifest` prints, another field manager can apply, and then has the same Secret."""
    import yaml
    from servers.kube_server import APPLY

    code, said = pod.run(sink="manifest")
    text = said.partition("secretfetch: ")[0]
    body = yaml.safe_load(text)
    pod.server.call(
        "PATCH", f"/api/v1/namespaces/{pod.namespace}/secrets/shop-db?fieldManager=kubectl", body, kind=APPLY
    )

    assert 0 == code
    assert {"user": "shop", "password": "s3cr3t-one"} == pod.data("shop-db")
    assert "stringData" not in text


def test_a_start_waits_for_an_api_server_that_is_away(pod):
    """An API server that cannot be reached is unavailable, exit 75, once the time for a start is over."""
    import re
    from pathlib import Path

    config = pod.folder / "away.kubeconfig"
    text = Path(pod.env["KUBECONFIG"]).read_text()
    config.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9", text))
    pod.env["KUBECONFIG"] = str(config)
    code, said = pod.run("fetch", "--timeout", "2s")

    assert 75 == code
    assert f"cannot get Secret {pod.namespace}/shop-db: https://127.0.0.1:9" in said
