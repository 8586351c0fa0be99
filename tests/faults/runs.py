"""The program as a process that is timed and measured. What does not belong here: what is wrong with its stores."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The time of the interpreter's own start, and of reading the code of SDKs, is the machine's business. What the kernel
# says of a child's memory afterwards counts that of its parent before it was another program: it tells by itself.
_PROGRAM = """
import importlib, os, pathlib, sys, time
log, leave = pathlib.Path(sys.argv.pop(1)), os._exit
def end(status):
    log.with_name("status").write_text(pathlib.Path("/proc/self/status").read_text())
    leave(status)
os._exit = end
for name in sys.argv.pop(1).split():
    importlib.import_module(name)
log.with_name("began").write_text(repr(time.time()))
from secretfetch.__main__ import main
main()
"""
_FOREIGN = ("AWS_", "VAULT_", "BAO_", "AZURE_", "IDENTITY_", "MSI_", "SECRETFETCH_", "REQUESTS_CA", "CURL_CA", "SSL_")


@dataclass(frozen=True)
class Run:
    """How a run ended.

    Attributes:
        status: Its exit code.
        said: All that it has written.
        seconds: From its first instruction, with the SDK loaded, to the end of the process.
        mebibytes: Of memory that were resident at most.
    """

    status: int
    said: str
    seconds: float
    mebibytes: float

    @property
    def code(self) -> str:
        """The code of the error that it told."""
        found = re.search(r"\[([A-Z_]+), exit \d+\]", self.said)
        return found[1] if found else ""


def fetch(place: Path, config: str, environment: Mapping[str, str], timeout: float, modules: str = "") -> Run:
    """Run `fetch` in an environment that knows nothing of this machine.

    Args:
        place: Where config, output and logs are; the output is kept between runs.
        config: Its text.
        environment: More variables.
        timeout: What the run is given, seconds.
        modules: Loaded before the time is taken; with blanks in between.
    """
    (place / "config.yaml").write_text(config)
    log = place / "log"
    words = ["fetch", "-c", str(place / "config.yaml"), "--out", str(place / "out"), "--timeout", f"{timeout:g}s"]
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and not name.upper().endswith("_PROXY")
    }
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(log), modules, *words],
            env={**kept, "HOME": str(place), **environment},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
        status = process.wait(60)
        seconds = time.time() - float((place / "began").read_text())
    peak = re.search(r"VmHWM:\s+(\d+) kB", (place / "status").read_text())
    assert peak is not None
    return Run(status, log.read_text(errors="replace"), seconds, int(peak[1]) / 1024)


def content(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return all that lies in a folder, so that any change to a file shows."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        held = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (status.st_ino, status.st_mode, status.st_mtime_ns, held)
    return found
