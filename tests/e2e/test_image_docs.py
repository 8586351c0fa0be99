"""Commands of the docs and of examples that are for docker, run as they stand by podman under that name."""

import os
import shutil

import pytest
from e2e import images, reader
from e2e.engine import podman
from servers.shared_aws import aws_with

from secretfetch import __version__

pytest_plugins = ["e2e.fixtures"]
SECRET = {"host": "mysql.example.com", "password": "canary"}


@pytest.fixture
def copy(containers, tmp_path):
    """A copy of the repository, as far as an image needs it."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for name in (*images.CONTENT, ".dockerignore", "deploy-examples"):
        copied = shutil.copytree if (images.ROOT / name).is_dir() else shutil.copy2
        copied(images.ROOT / name, folder / name)
    return folder


@pytest.fixture
def aws():
    """Give an AWS with the secret that the examples read."""
    return aws_with("myapp/mysql", SECRET)


def test_commands_of_the_image_page(copy, tmp_path):
    """Build, run, look: each command works, the files are the caller's, and the bill of materials is printed."""
    env = reader.with_docker(tmp_path)
    printed = [reader.run(block, copy, env) for block in reader.blocks(images.ROOT / "docs" / "image.md")]
    found = [path for path in (copy / "out").iterdir() if path.is_file()]
    assert found
    assert {os.geteuid()} == {path.stat().st_uid for path in found}
    assert '"bomFormat": "CycloneDX"' in printed[-1]


def test_docker_run(image, aws, copy, tmp_path):
    """The example's command, with a profile of the caller's home: the file is there, and is the caller's."""
    podman("tag", image, f"secretfetch:{__version__}")
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    given = aws.env()
    keys = {name.lower(): given[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    lines = [f"{name} = {value}" for name, value in {**keys, "endpoint_url": given["AWS_ENDPOINT_URL"]}.items()]
    (home / ".aws" / "config").write_text("\n".join(["[profile work]", *lines, ""]))
    env = reader.with_docker(tmp_path) | {"HOME": str(home), "AWS_PROFILE": "work", "AWS_REGION": "us-east-1"}
    folder = copy / "deploy-examples" / "docker-run"
    for block in reader.blocks(folder / "README.md"):
        reader.run(block, folder, env)
    assert "password='canary'" in (folder / "out" / "db.env").read_text()
    assert os.geteuid() == (folder / "out" / "db.env").stat().st_uid


def test_the_image_of_the_ecs_task(image, aws, copy):
    """The example's image has its config, and writes to a volume that a user without rights may write to."""
    podman("tag", image, f"secretfetch:{__version__}")
    folder = copy / "deploy-examples" / "ecs-fargate"
    podman("build", "--isolation=chroot", "--network=host", "--tag=localhost/e2e-ecs", str(folder), seconds=300)
    variables = [f"--env={name}={value}" for name, value in aws.env().items()]
    volume = "e2e-ecs-secrets"
    try:
        podman("run", "--rm", "--network=host", f"--volume={volume}:/secrets", *variables, "localhost/e2e-ecs")
        read = ("cat", "/secrets/db.env")
        shown = podman("run", "--rm", "--user=1000:65532", f"--volume={volume}:/secrets:ro", images.busybox(), *read)
        assert "password='canary'" in shown
    finally:
        podman("volume", "rm", "--force", volume)
