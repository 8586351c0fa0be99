"""podman for tests, with configuration and storage of its own: the machine's are left alone.

What does not belong here: what images hold (`images`), what runs in them (`pods`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "secretfetch" / "e2e"
PROGRAMS = ("podman", "runc", "conmon", "catatonit", "iptables")
# runc and cgroupfs work with every layout of cgroups; the file log needs no journal; the limits hold where the
# machine's own are lower than podman's.
_CONF = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "/run/secretfetch-e2e"
"""
PATIENCE = 30.0


def missing() -> str:
    """Say what this machine lacks to run containers; nothing if it lacks nothing."""
    if os.geteuid() != 0:
        return "containers of these tests are run as root"
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    lacking = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    return f"not installed: {', '.join(lacking)}" if lacking else ""


@lru_cache(maxsize=1)
def environment() -> dict[str, str]:
    """Return the environment of podman, its configuration and storage in it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    conf, storage = CACHE / "containers.conf", CACHE / "storage.conf"
    conf.write_text(_CONF)
    storage.write_text(_STORAGE.format(folder=CACHE))
    return {**os.environ, "CONTAINERS_CONF": str(conf), "CONTAINERS_STORAGE_CONF": str(storage)}


def attempt(*argv: str, text: str | None = None, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run podman, and return what came of it.

    Args:
        argv: Its arguments.
        text: Its standard input.
        seconds: After these it is killed.
    """
    return subprocess.run(
        ["podman", "--log-level=error", *argv],
        env=environment(),
        input=text,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def podman(*argv: str, text: str | None = None, seconds: float = 60.0) -> str:
    """Run podman, which has to work, and return its standard output without the final newline."""
    done = attempt(*argv, text=text, seconds=seconds)
    if done.returncode:
        raise AssertionError(f"podman {' '.join(argv)}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout.rstrip("\n")


def until(found: Callable[[], object], what: Callable[[], str] | str, seconds: float = PATIENCE) -> float:
    """Wait until something is so; return the seconds that took."""
    began = time.monotonic()
    while not found():
        if time.monotonic() > began + seconds:
            raise AssertionError(f"not within {seconds:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.05)
    return time.monotonic() - began
