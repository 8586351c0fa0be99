"""The images of these tests: the project's own, built from its Dockerfile, and a busybox as the application.

A base that cannot be pulled is stood in for by Debian's own Python in a minimal Debian, without bytecode as the
official image. Each image is built once for what goes into it. What does not belong here: what runs in them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from e2e.engine import CACHE, attempt, podman

ROOT = Path(__file__).parents[2]
OFFICIAL = "python:3.13-slim-bookworm"
STAND_IN = "localhost/python:debian-bookworm"
BUSYBOX = "localhost/busybox:1.37"
PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGES = ("python3", "python3-venv", "ca-certificates", "busybox-static")
CONTENT = ("Dockerfile", "LICENSE", "README.md", "docker", "providers", "pyproject.toml", "secretfetch", "uv.lock")


@lru_cache(maxsize=1)
def base() -> str:
    """Return the base image: `PYTHON_IMAGE` of the environment, the official one, or what stands in for it."""
    if given := os.environ.get("PYTHON_IMAGE"):
        return given
    if _there(OFFICIAL) or attempt("pull", "--quiet", OFFICIAL, seconds=300).returncode == 0:
        return OFFICIAL
    if not _there(STAND_IN):
        _import(_debian(), STAND_IN)
    return STAND_IN


@lru_cache(maxsize=1)
def busybox() -> str:
    """Return the image of applications: a static busybox, a link for each of its programs, and nothing else."""
    if not _there(BUSYBOX):
        _debian()
        folder = CACHE / "busybox"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "bin").mkdir(parents=True)
        shutil.copy2(CACHE / "busybox-static", folder / "bin" / "busybox")
        programs = subprocess.run([folder / "bin/busybox", "--list"], capture_output=True, text=True, check=True)
        for name in set(programs.stdout.split()) - {"busybox"}:
            (folder / "bin" / name).symlink_to("busybox")
        _import(folder, BUSYBOX, 'CMD ["sleep", "600"]')
    return BUSYBOX


@lru_cache(maxsize=8)
def secretfetch(extras: str = "all", *, oci: bool = True) -> str:
    """Build the project's image, unless its content has been built before; return its name.

    Args:
        extras: The build argument.
        oci: Whether in OCI's format; else in Docker's, which has a HEALTHCHECK.
    """
    name = f"localhost/secretfetch:{'oci' if oci else 'docker'}-{extras.replace(',', '-')}-{_digest()}"
    if not _there(name):
        authority = os.environ.get("SSL_CERT_FILE", "")
        podman(
            *("build", "--isolation=chroot", "--network=host", f"--format={'oci' if oci else 'docker'}"),
            *([f"--secret=id=ca,src={authority}"] if authority else []),
            *(f"--build-arg=PYTHON_IMAGE={base()}", f"--build-arg=EXTRAS={extras}"),
            *("--tag", name, str(ROOT)),
            seconds=900,
        )
    return name


def _there(name: str) -> bool:
    return attempt("image", "exists", name).returncode == 0


def _digest() -> str:
    """Return a digest of what an image is made of."""
    digest = hashlib.sha256(podman("image", "inspect", "--format={{.Id}}", base()).encode())
    for name in CONTENT:
        top = ROOT / name
        for file in [top] if top.is_file() else sorted(top.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0{oct(file.stat().st_mode)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=1)
def _debian() -> Path:
    """Return the root of a minimal Debian with Python, made at the first call; a busybox lies beside it."""
    folder, made = CACHE / "debian", CACHE / "debian.made"
    if not made.exists():
        shutil.rmtree(folder, ignore_errors=True)
        path = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        argv = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", str(folder)]
        done = subprocess.run(argv, env=os.environ | path, capture_output=True, text=True, check=False, timeout=1200)
        assert done.returncode == 0, done.stdout[-2000:]
        shutil.move(folder / "bin" / "busybox", CACHE / "busybox-static")
        for waste in (
            *folder.rglob("*.pyc"),
            *folder.glob("var/cache/apt/**/*.*"),
            *folder.glob("var/lib/apt/lists/*_*"),
        ):
            waste.unlink()
        made.touch()
    return folder


def _import(folder: Path, name: str, *changes: str) -> None:
    with subprocess.Popen(["tar", "-C", str(folder), "--numeric-owner", "-c", "."], stdout=subprocess.PIPE) as tar:
        archive = CACHE / "import.tar"
        with archive.open("wb") as file:
            shutil.copyfileobj(tar.stdout, file)  # type: ignore[arg-type]
    podman("import", *(f"--change={change}" for change in (PATH, *changes)), str(archive), name, seconds=300)
    archive.unlink()
