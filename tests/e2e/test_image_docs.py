"""The commands of docs/image.md, run as they stand, by podman under the name of docker."""

import os
import re
import shutil
import subprocess

import pytest
from e2e import engine, images

pytest_plugins = ["e2e.fixtures"]
PAGE = images.ROOT / "docs" / "image.md"
# What this machine needs and a reader's does not: a base that can be had, its proxy's authority, the host's network.
DOCKER = """\
#!/bin/sh
case $1 in
build) shift; exec podman build --isolation=chroot --network=host {authority} --build-arg=PYTHON_IMAGE={base} "$@" ;;
run) shift; exec podman run --network=host "$@" ;;
esac
exec podman "$@"
"""


@pytest.fixture
def reader(containers, tmp_path):
    """A copy of the repository, and a docker."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in (*images.CONTENT, ".dockerignore", "deploy-examples"):
        copied = shutil.copytree if (images.ROOT / name).is_dir() else shutil.copy2
        copied(images.ROOT / name, copy / name)
    authority = os.environ.get("SSL_CERT_FILE", "")
    said = DOCKER.format(authority=f"--secret=id=ca,src={authority}" if authority else "", base=images.base())
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").write_text(said)
    (tmp_path / "bin" / "docker").chmod(0o755)
    return copy, {**engine._environment(), "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}


def test_commands_of_the_page(reader):
    """Build, run, look: each command works, the files are the caller's, and the bill of materials is printed."""
    folder, env = reader
    printed = ""
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE):
        done = subprocess.run(["sh", "-euc", block], cwd=folder, env=env, capture_output=True, text=True, check=False)
        assert 0 == done.returncode, f"{block}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        printed = done.stdout
    found = [path for path in (folder / "out").iterdir() if path.is_file()]
    assert found
    assert {os.geteuid()} == {path.stat().st_uid for path in found}
    assert '"bomFormat": "CycloneDX"' in printed
