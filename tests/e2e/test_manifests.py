"""The manifests of the deploy examples before a real kube-apiserver: server dry runs under PodSecurity `restricted`."""

import os
import shutil
import subprocess
import sys

import example_manifests as examples
import pytest
import yaml
from servers.kube_server import BINARY
from servers.shared_kube import fresh_namespace, shared_kube

MANIFESTS = pytest.mark.parametrize("path", examples.manifests(), ids=lambda path: path.parent.name)
PATH = os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"], str(BINARY.parent)))
LEVEL = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}


def program(name):
    """Return a program, or skip."""
    return shutil.which(name, path=PATH) or pytest.skip(f"there is no {name}")


def output(*argv, cwd=None):
    """Return what a program prints."""
    return subprocess.run(argv, capture_output=True, text=True, check=True, cwd=cwd).stdout


@pytest.fixture
def apply():
    """Give a way to apply documents where `restricted` is the rule; it returns exit code, errors and objects."""
    kubectl = program("kubectl")
    server = shared_kube()
    namespace = fresh_namespace(server, **LEVEL)
    argv = [kubectl, f"--kubeconfig={server.kubeconfig}", f"--namespace={namespace}", "apply", "--dry-run=server"]

    def run(text):
        checks = ["--validate=strict", "--warnings-as-errors", "-o", "yaml", "-f", "-"]
        done = subprocess.run([*argv, *checks], input=text, capture_output=True, text=True, check=False)
        found = yaml.safe_load(done.stdout) or {"kind": "List", "items": []}
        return done.returncode, done.stderr, found["items"] if found["kind"] == "List" else [found]

    return run


def dropped(given, found, path=""):
    """Yield the fields that the server has not kept as they were given."""
    if isinstance(given, dict) and isinstance(found, dict):
        for key, value in given.items():
            yield from dropped(value, found.get(key), f"{path}.{key}")
    elif isinstance(given, list) and isinstance(found, list) and len(given) == len(found):
        for number, pair in enumerate(zip(given, found, strict=True)):
            yield from dropped(*pair, f"{path}[{number}]")
    elif given != found:
        yield path


def taken(apply, text):
    """Apply documents, and assert that the server takes each of them, warns of nothing and keeps every field."""
    code, errors, found = apply(text)
    assert (0, "") == (code, errors)
    given = [document for document in yaml.safe_load_all(text) if document]
    assert [] == list(dropped(given, found))


@MANIFESTS
def test_the_server_takes_the_manifest(apply, path):
    """Every document is valid in a restricted namespace, without a warning, and no field of it is dropped."""
    taken(apply, path.read_text())


@pytest.mark.parametrize(
    ("example", "given", "instead"),
    [
        ("init-container/pod.yaml", "runAsNonRoot: true", "runAsNonRoot: false"),
        ("init-container/pod.yaml", "drop: [ALL]", "add: [NET_ADMIN]"),
        ("job/job.yaml", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
        ("filekeyref/pod.yaml", "volumeName: secrets", "volumeName: config"),
        ("filekeyref/pod.yaml", "action: RestartAllContainers", "action: RestartPod"),
        ("filekeyref/pod.yaml", "fileKeyRef: {", "fileKeyRef: {mode: 1, "),
    ],
)
def test_the_server_refuses_what_is_wrong(apply, example, given, instead):
    """The dry run is a check: one word of a manifest changed, and the server refuses it or warns."""
    text = (examples.EXAMPLES / example).read_text()
    assert given in text
    code, errors, _ = apply(text.replace(given, instead))
    assert 0 != code
    assert errors


def test_the_component_adds_the_container_to_a_deployment(apply):
    """What kustomize makes of the overlay is valid, and the app mounts what the added container writes."""
    text = output(program("kubectl"), "kustomize", str(examples.EXAMPLES / "kustomize/overlay"))
    taken(apply, text)
    reads_what_is_written(text)


@pytest.mark.parametrize("sidecar", ["true", "false"])
def test_the_chart_adds_the_container_to_a_deployment(apply, tmp_path, sidecar):
    """What helm makes of the chart is valid in both modes, and the app mounts what the added container writes."""
    shutil.copytree(examples.EXAMPLES / "helm", tmp_path / "helm")
    chart = str(tmp_path / "helm/app")
    output(program("helm"), "dependency", "build", chart)
    text = output(program("helm"), "template", "shop", chart, "--set", f"secretfetch.sidecar={sidecar}")
    taken(apply, text)
    reads_what_is_written(text)
    (container,) = examples.ours(examples.workload(list(yaml.safe_load_all(text))))
    assert ("watch" if sidecar == "true" else "fetch") == container["args"][0]


def reads_what_is_written(text):
    """Assert that container of ours and app of a text share a volume, and that its config is one of the text."""
    found = [document for document in yaml.safe_load_all(text) if document]
    pod = examples.workload(found)
    (ours,), app = examples.ours(pod), pod["spec"]["containers"][0]
    written, read = examples.mounts(pod, ours)["/secrets"], examples.mounts(pod, app)["/secrets"]
    assert written["name"] == read["name"]
    assert read["readOnly"]
    assert examples.mounts(pod, ours)["/etc/secretfetch"]["configMap"]["name"] in examples.config_maps(found)
