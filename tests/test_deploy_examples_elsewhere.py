"""The deploy examples without Kubernetes, and what all have: READMEs, configs, files that their readers take."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator
from example_manifests import EXAMPLES
from servers.shared_aws import seed_secret, shared_aws

from secretfetch import __version__

FOLDERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())
SECRET = {"host": "mysql.example.com", "port": 3306, "username": "portkey", "password": 'p$a"ss`w#rd'}
PROGRAM = Path(sys.executable).with_name("secretfetch")


@pytest.fixture
def aws():
    """Give an AWS that holds the secret of the examples."""
    server = shared_aws()
    server.reset()
    seed_secret(server, {"name": "myapp/mysql", "string": json.dumps(SECRET)})
    return server


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_readmes_are_read_in_a_minute(folder):
    """A README is short, and every file that it speaks of is there."""
    text = (folder / "README.md").read_text()
    assert len(text.splitlines()) <= 18
    for name in re.findall(r"(?:`| |file://)((?:[\w-][\w.-]*/)*[\w.-]+\.(?:yaml|json|service|sh))\b", text):
        places = (folder / name, EXAMPLES.parent / name, *folder.rglob(name))
        assert name == "config.yaml" or any(place.exists() for place in places), name


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*")), ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_images_have_this_version_and_no_registry(path):
    """Wherever an image of ours is named, it is the one of this version."""
    if path.is_file() and path.parent.name != "portkey-app-aws":
        found = re.findall(r"(\S*secretfetch):(\d[\w.]*)", path.read_text())
        assert {("secretfetch", __version__)} >= set(found)


def test_ecs_takes_the_task_definition():
    """The task definition is what RegisterTaskDefinition takes; names in it fit together."""
    folder = EXAMPLES / "ecs-fargate"
    task = json.loads((folder / "task-definition.json").read_text())
    model = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition")
    assert "" == ParamValidator().validate(task, model.input_shape).generate_report()
    secrets, app = task["containerDefinitions"]
    assert [{"containerName": secrets["name"], "condition": "SUCCESS"}] == app["dependsOn"]
    volume = re.search(r"^VOLUME (\S+)$", (folder / "Dockerfile").read_text(), re.MULTILINE)[1]
    mounts = [*secrets["mountPoints"], *app["mountPoints"]]
    assert {(volume, task["volumes"][0]["name"])} == {(one["containerPath"], one["sourceVolume"]) for one in mounts}
    assert f"docker build -t {secrets['image']} ." in (folder / "README.md").read_text()


def test_ecs_refuses_what_it_does_not_know():
    """The model is a check: a field that ECS has not is told."""
    task = json.loads((EXAMPLES / "ecs-fargate/task-definition.json").read_text())
    task["containerDefinitions"][0]["readOnlyRootFilesystem"] = True
    model = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition")
    assert "readOnlyRootFilesystem" in ParamValidator().validate(task, model.input_shape).generate_report()


def test_compose_starts_the_app_when_the_sidecar_is_ready():
    """The app waits for the health of the sidecar, and both mount the one volume, which is in memory."""
    path = EXAMPLES / "docker-run/compose.yaml"
    compose = yaml.safe_load(path.read_text())
    secrets, app = compose["services"]["secrets"], compose["services"]["app"]
    assert {"secrets": {"condition": "service_healthy"}} == app["depends_on"]
    assert ["CMD", "secretfetch", "healthcheck"] == secrets["healthcheck"]["test"]
    assert "secrets:/secrets" in secrets["volumes"]
    assert ["secrets:/secrets:ro"] == app["volumes"]
    assert "tmpfs" == compose["volumes"]["secrets"]["driver_opts"]["type"]


def test_compose_reads_the_file():
    """Compose itself takes the file."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no docker compose")
    path = EXAMPLES / "docker-run/compose.yaml"
    done = subprocess.run([docker, "compose", "-f", path, "config"], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr


def test_systemd_takes_the_units(tmp_path):
    """systemd finds nothing to say about the units, once their programs are there."""
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("there is no systemd-analyze")
    for unit in (EXAMPLES / "systemd").glob("*.service"):
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/secretfetch/bin/secretfetch", str(PROGRAM)))
    units = sorted(tmp_path.glob("*.service"))
    done = subprocess.run([analyze, "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("folder", ["docker-run", "ecs-fargate", "kustomize/overlay"])
def test_configs_write_what_the_readme_says(aws, tmp_path, folder):
    """The config that lies beside the other files writes `db.env`."""
    plain = json.dumps({**SECRET, "password": "plain"})
    aws.client("secretsmanager").put_secret_value(SecretId="myapp/mysql", SecretString=plain)
    fetched(aws, EXAMPLES / folder / "config.yaml", tmp_path)
    expected = "host='mysql.example.com'\npassword='plain'\nport='3306'\nusername='portkey'\n"
    assert expected == (tmp_path / "out/db.env").read_text()


def test_the_chart_holds_a_config(aws, tmp_path):
    """What stands in values.yaml is a config as it is."""
    values = yaml.safe_load((EXAMPLES / "helm/app/values.yaml").read_text())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values["secretfetch"]["config"]))
    aws.client("secretsmanager").put_secret_value(SecretId="myapp/mysql", SecretString='{"a": "1"}')
    fetched(aws, tmp_path / "config.yaml", tmp_path)
    assert "a='1'\n" == (tmp_path / "out/db.env").read_text()


def test_systemd_reads_what_only_root_may(aws, tmp_path):
    """The unit's file is in systemd's own format, which bash reads as well, and for its owner alone."""
    fetched(aws, EXAMPLES / "systemd/config.yaml", tmp_path)
    path = tmp_path / "out/app.env"
    assert 0o400 == path.stat().st_mode & 0o777
    script = f'. {path}; printf %s "$MYSQL_PASSWORD"'
    assert (
        SECRET["password"] == subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    )


def fetched(aws, config, folder):
    """Run a config."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **aws.env()}
    argv = [PROGRAM, "fetch", "-c", config, "--out", folder / "out"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stdout), done.stderr
