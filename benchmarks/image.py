"""Measures the image: what it adds to its base, per set of extras, and what a container adds to a plain process.

Needs podman and root, as the tests in `tests/e2e`, whose engine and images it uses; prints the tables of
docs/performance.md. What does not belong here: what an image holds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from e2e import images  # noqa: E402 - the path to it comes first
from e2e.engine import missing, podman  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Callable

EXTRAS = ("none", "vault", "aws", "azure", "kubernetes", "all")
ROUNDS = 21
WARM_UP = 2
CONFIG = ROOT / "deploy-examples/quickstart"
MIB = 2**20


def added(image: str, base: str) -> tuple[float, float]:
    """Return MiB that an image adds to its base: as files, and compressed as a registry keeps it."""
    sizes = [json.loads(podman("image", "inspect", name))[0]["Size"] for name in (image, base)]
    with tempfile.TemporaryDirectory() as folder:
        archive = f"{folder}/image.tar"
        podman("save", "--format=oci-archive", f"--output={archive}", image, seconds=300)
        with tarfile.open(archive) as tar:
            index = _document(tar, "index.json")
            manifest = _document(tar, _blob(index["manifests"][0]))
            known = len(json.loads(podman("image", "inspect", base))[0]["RootFS"]["Layers"])
            packed = sum(tar.getmember(_blob(layer)).size for layer in manifest["layers"][known:])
    return (sizes[0] - sizes[1]) / MIB, packed / MIB


def _blob(entry: dict[str, Any]) -> str:
    return "blobs/" + entry["digest"].replace(":", "/")


def _document(tar: tarfile.TarFile, name: str) -> dict[str, Any]:
    file = tar.extractfile(name)
    assert file is not None
    document: dict[str, Any] = json.load(file)
    return document


def until_published(run: Callable[[], object], out: Path) -> float:
    """Run, and return the milliseconds from now until the files were published."""
    for entry in sorted(out.iterdir(), reverse=True):
        subprocess.run(["rm", "-rf", entry], check=True)
    begun = time.time_ns()
    run()
    return (os.lstat(out / "..data").st_mtime_ns - begun) / 1e6


def installed(environment: str) -> Path:
    """Install the program as a user does and return it: what an environment for developers loads takes longer."""
    argv = ["sync", "--quiet", "--frozen", "--no-default-groups", "--no-editable", "--extra=all", "--compile-bytecode"]
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, *argv], cwd=ROOT, env={**os.environ, "UV_PROJECT_ENVIRONMENT": environment}, check=True)
    return Path(environment, "bin", "secretfetch")


def starts(out: Path, environment: str) -> dict[str, list[float]]:
    """Measure in turns: the plain process, the container, the container without bytecode, a container of nothing."""
    image, mounts = images.secretfetch(), (f"--volume={CONFIG}:/etc/secretfetch:ro", f"--volume={out}:/secrets")
    common = ("run", "--rm", "--network=host", "--read-only", "--cap-drop=all", f"--user={os.getuid()}")
    program = [*(str(installed(environment)), "fetch"), "-c", str(CONFIG / "config.yaml")]
    rivals: dict[str, Callable[[], float]] = {
        "secretfetch fetch, a plain process": lambda: until_published(
            lambda: subprocess.run([*program, "--out", out], check=True, capture_output=True), out
        ),
        "the same in a container": lambda: until_published(lambda: podman(*common, *mounts, image), out),
        "the same, bytecode left out": lambda: until_published(
            lambda: podman(*common, *mounts, "--env=PYTHONPYCACHEPREFIX=/nowhere", image), out
        ),
        "podman run of `true`, to its end": lambda: _wall(lambda: podman(*common, images.busybox(), "true")),
    }
    found: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(-WARM_UP, ROUNDS):
        for name, run in rivals.items():
            took = run()
            if number >= 0:
                found[name].append(took)
    return found


def _wall(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Print both tables."""
    if reason := missing():
        sys.exit(reason)
    base = images.base()
    print(f"base: {base}\n\n| extras | adds, MiB | compressed, MiB |\n| --- | ---: | ---: |")
    for extras in EXTRAS:
        plain, packed = added(images.secretfetch(extras), base)
        print(f"| {extras} | {plain:.0f} | {packed:.0f} |", flush=True)
    print("\n|  | ms until the files are there |\n| --- | ---: |")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as environment:
        for name, took in starts(Path(folder), environment).items():
            print(f"| {name} | {min(took):.0f} / **{statistics.median(took):.0f}** / {max(took):.0f} |")


if __name__ == "__main__":
    main()
