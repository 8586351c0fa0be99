"""The image by itself: what is in it; it runs as any user, without a shell, a capability or a place to write."""

import json
import os
import stat
from importlib.metadata import version
from pathlib import Path

import pytest
from e2e import images
from e2e.engine import attempt, podman, until
from servers.shared_aws import shared_aws
from servers.shared_keyvault import seed, shared_keyvault
from servers.shared_vault import empty, shared_vault
from servers.vault_server import ROOT

pytest_plugins = ["e2e.fixtures"]
QUICKSTART = Path(__file__).parents[2] / "deploy-examples/quickstart"
RUN = ("run", "--rm", "--network=host", "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
DOC = "/usr/share/doc/secretfetch"


def inside(image, script):
    """Run a Python script in the image; return what it prints."""
    return podman(*RUN, "--entrypoint=python", image, "-c", script)


def test_it_runs_the_program(image):
    """`secretfetch` is the entry, `fetch` what it does unless told; a wrong config is told as by the program itself."""
    assert f"secretfetch {version('secretfetch')}" == podman(*RUN, image, "--version")
    done = attempt(*RUN, image)
    assert 78 == done.returncode
    assert "/etc/secretfetch/config.yaml" in done.stderr


def test_its_configuration(image):
    """A numeric user, exec forms, labels; no variable but PATH beside those of the base."""
    shown, base = (json.loads(podman("image", "inspect", name))[0]["Config"] for name in (image, images.base()))
    assert "65532:65532" == shown["User"]
    assert (["secretfetch"], ["fetch"]) == (shown["Entrypoint"], shown["Cmd"])
    assert version("secretfetch") == shown["Labels"]["org.opencontainers.image.version"]
    assert {f"PATH=/opt/secretfetch/bin:{name.partition('=')[2]}" for name in base["Env"] if name[:5] == "PATH="} == {
        *shown["Env"]
    } - {*base["Env"]}


@pytest.mark.parametrize("uid", [0, 12345, 2_000_000_000])
def test_a_folder_of_the_caller(image, tmp_path, uid):
    """As in `docker run -u $(id -u) --read-only -v $PWD/out:/secrets`: the files are the caller's, with the values."""
    out = tmp_path / "out"
    out.mkdir()
    os.chown(out, uid, uid)
    mounts = (f"--volume={QUICKSTART}:/etc/secretfetch:ro", f"--volume={out}:/secrets")
    podman(*RUN, f"--user={uid}:{uid}", *mounts, image)
    file = out / "app.env"
    assert "DB_USER='shop'" in file.read_text()
    assert (uid, uid, 0o440) == (file.stat().st_uid, file.stat().st_gid, stat.S_IMODE(file.stat().st_mode))
    assert "nothing changed: 3 files" in attempt(*RUN, f"--user={uid}:{uid}", *mounts, image).stderr


def test_no_shell_is_needed(image, tmp_path):
    """With an empty file in the place of every shell it writes all the same."""
    (tmp_path / "none").touch()
    out = tmp_path / "out"
    out.mkdir(mode=0o777)
    out.chmod(0o777)
    shells = [f"--volume={tmp_path / 'none'}:/usr/bin/{name}:ro" for name in ("dash", "bash")]
    mounts = (f"--volume={QUICKSTART}:/etc/secretfetch:ro", f"--volume={out}:/secrets")
    assert 0 != attempt(*RUN, *shells, "--entrypoint=/usr/bin/dash", image, "-c", "exit 0").returncode
    podman(*RUN, *shells, *mounts, image)
    assert (out / "app.env").exists()


def aws():
    """Return a reference to a secret of AWS, and the way there."""
    server = shared_aws()
    server.reset()
    server.client("secretsmanager").create_secret(Name="db", SecretString="v")
    return "aws-sm://db", server.env(), {}


def parameter():
    """Return a reference to a parameter, and the way there, by an assumed role."""
    server = shared_aws()
    server.reset()
    server.client("ssm").put_parameter(Name="db", Type="SecureString", Value="v")
    return "aws-ssm://db", server.env(), {"role_arn": "arn:aws:iam::123456789012:role/app"}


def vault():
    """Return a reference to a key of Vault, and the way there."""
    server = shared_vault()
    empty(server)
    server.mount("secret")
    server.api("POST", "secret/data/db", {"data": {"k": "v"}})
    return "vault://secret/db#k", {"VAULT_ADDR": server.url, "VAULT_TOKEN": ROOT}, {}


def key_vault():
    """Return a reference to a secret of Key Vault, and the way there."""
    server = shared_keyvault()
    server.reset()
    server.login.identities = [""]
    seed(server.vault("contoso"), {"secrets": {"db": "v"}})
    return "azure-kv://contoso/db", server.env(), {}


@pytest.mark.parametrize("store", [aws, parameter, vault, key_vault])
def test_each_store_is_read_and_nothing_is_compiled(image, tmp_path, store):
    """What was left out is not missed, and every module that is loaded has its bytecode in the image."""
    ref, env, settings = store()
    scheme = ref.partition(":")[0]
    config = {"stores": {scheme: settings}, "secrets": {"db": ref}, "outputs": [{"path": "db", "from": "db"}]}
    (tmp_path / "config.yaml").write_text(json.dumps(config if settings else {**config, "stores": {}}))
    out = tmp_path / "out"
    out.mkdir()
    mounts = [f"--volume={tmp_path}:/etc/secretfetch:ro", f"--volume={out}:/secrets"]
    if authority := env.get("REQUESTS_CA_BUNDLE"):
        mounts.append(f"--volume={authority}:{authority}:ro")
    variables = [f"--env={name}={value}" for name, value in {**env, "PYTHONVERBOSE": "1"}.items()]
    done = attempt(*RUN, "--user=0", *mounts, *variables, image)
    assert 0 == done.returncode, done.stderr[-3000:]
    assert "v" == (out / "db").read_text()
    loaded = [line for line in done.stderr.splitlines() if line.startswith("# code object from")]
    assert 100 < len(loaded)
    assert [] == [line for line in loaded if ".pyc" not in line and "/bin/" not in line]


def test_nothing_that_no_run_needs(image):
    """No installer, test, stub or model of another service in what the image adds."""
    script = (
        "import os; print(*(os.path.join(a, b) for a, c, d in os.walk('/opt/secretfetch') for b in c + d), sep='\\n')"
    )
    paths = inside(image, script).splitlines()
    services = {path.split("/")[8] for path in paths if "/botocore/data/" in path and path.count("/") == 8}
    assert {"secretsmanager", "ssm", "sts", "sso", "sso-oidc", "signin"} == {
        name for name in services if "." not in name
    }
    names = {path.rpartition("/")[2] for path in paths}
    assert not names & {"pip", "uv", "setuptools", "wheel", "tests", "RECORD", "pytest"}
    assert not [name for name in names if name.endswith((".pyi", ".c", ".h"))]
    assert {"secretfetch"} == {path.rpartition("/")[2] for path in paths if "/secretfetch/bin/" in path} - {
        name for name in names if name.startswith("python")
    }


def test_the_bill_of_materials(image):
    """Each installed package with its version and licence, those of uv.lock; licence texts lie beside it."""
    bill = json.loads(inside(image, f"print(open('{DOC}/sbom.cdx.json').read())"))
    assert ("CycloneDX", "secretfetch") == (bill["bomFormat"], bill["metadata"]["component"]["name"])
    script = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    listed = {f"{entry['name']}=={entry['version']}" for entry in bill["components"] if entry["type"] == "library"}
    assert {*inside(image, script).split()} == listed | {f"secretfetch=={version('secretfetch')}"}
    assert {entry for entry in listed if version(entry.partition("==")[0]) != entry.partition("==")[2]} == set()
    licences = inside(image, f"print(open('{DOC}/licences.txt').read())")
    assert len(licences.splitlines()) == len(listed) + 1
    assert "see its text" not in licences


def test_a_healthcheck_of_docker(containers, tmp_path):
    """The image in Docker's format asks `secretfetch healthcheck`: 1 while nothing is there, 0 once the files are."""
    docker = images.secretfetch(oci=False)
    tmp_path.chmod(0o755)
    (tmp_path / "config.yaml").write_text("secrets: {a: 'env://A'}\noutputs: [{path: a, from: a}]\n")
    shown = json.loads(podman("image", "inspect", docker))[0]
    assert ["CMD", "secretfetch", "healthcheck"] == (shown.get("HealthCheck") or shown["Healthcheck"])["Test"]
    name = f"e2e-health-{os.getpid()}"
    mounts = (f"--volume={tmp_path}:/etc/secretfetch:ro", "--tmpfs=/secrets", "--env=A=1")
    podman("run", "--detach", f"--name={name}", "--network=host", "--read-only", *mounts, docker, "watch")
    try:
        until(lambda: attempt("healthcheck", "run", name).returncode == 0, lambda: attempt("logs", name).stderr)
        podman("exec", name, "python", "-c", "import os; os.unlink('/secrets/..status')")
        assert 1 == attempt("healthcheck", "run", name).returncode
    finally:
        podman("rm", "--force", "--time=0", name)


def test_an_image_of_one_store(containers):
    """`EXTRAS=vault` has that store and no other's SDK; `none` has files and the environment."""
    script = "import importlib.util as u; print(*(n for n in ('botocore', 'azure', 'hvac') if u.find_spec(n)))"
    assert "hvac" == inside(images.secretfetch("vault"), script)
    assert "" == inside(images.secretfetch("none"), script)


def test_an_unknown_extra_is_told(containers):
    """A misspelt extra ends the build, and names it."""
    with pytest.raises(AssertionError, match="valt"):
        images.secretfetch("valt")


def test_the_pieces_agree():
    """Version and installer are the same in Dockerfile, pyproject and Makefile; all that is copied is let through."""
    dockerfile = (images.ROOT / "Dockerfile").read_text()
    assert f"ARG VERSION={version('secretfetch')}\n" in dockerfile
    makefile = (images.ROOT / "Makefile").read_text()
    installer = (images.ROOT / "docker/uv.txt").read_text()
    assert f"UV_VERSION := {installer.partition('uv==')[2].split()[0]}\n" in makefile
    ignored = (images.ROOT / ".dockerignore").read_text().splitlines()
    assert {*images.CONTENT} - {"Dockerfile"} == {line[1:] for line in ignored if line.startswith("!")}
