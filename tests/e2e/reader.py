"""A reader of the docs on this machine: podman under the name of docker, and commands run as they stand.

What does not belong here: which commands.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from e2e import engine, images

if TYPE_CHECKING:
    from pathlib import Path

# What this machine needs and a reader's does not: a base that can be had, its proxy's authority, the host's network.
_DOCKER = """\
#!/bin/sh
case $1 in
build) shift; exec podman build --isolation=chroot --network=host {authority} --build-arg=PYTHON_IMAGE={base} "$@" ;;
run) shift; exec podman run --network=host "$@" ;;
esac
exec podman "$@"
"""


def with_docker(folder: Path) -> dict[str, str]:
    """Put a docker into a folder; return an environment that has it."""
    authority = os.environ.get("SSL_CERT_FILE", "")
    said = _DOCKER.format(authority=f"--secret=id=ca,src={authority}" if authority else "", base=images.base())
    (folder / "bin").mkdir()
    (folder / "bin" / "docker").write_text(said)
    (folder / "bin" / "docker").chmod(0o755)
    return {**engine.environment(), "PATH": f"{folder}/bin:{os.environ['PATH']}"}


def blocks(page: Path) -> list[str]:
    """Return the commands of a page."""
    return re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def run(block: str, folder: Path, env: dict[str, str]) -> str:
    """Run commands, which have to work, and return what they print."""
    done = subprocess.run(["sh", "-euc", block], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout
