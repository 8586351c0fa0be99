"""The program as users run it, on local secrets, under strace: every call is seen, and one goes wrong.

What does not belong here: what is right after a fault.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import pytest
from sinks.volumes import file

if TYPE_CHECKING:
    from pathlib import Path


def _may_trace() -> bool:
    strace = shutil.which("strace")
    return strace is not None and subprocess.run([strace, "true"], check=False, capture_output=True).returncode == 0


needs_strace = pytest.mark.skipif(
    not _may_trace(),
    reason="needs strace and the right to trace, to have a system call go wrong",
)
WRITING = (
    "(f?chmod|f?chown|fallocate|f?truncate|f?setxattr|link|mkdir|mknod|pwrite64|rename|rmdir|symlink|unlink|write|writev"
    "|fsync|fdatasync|utimensat|copy_file_range|sendfile)(at2?|2)?"
)
# Old generations wait two seconds for their readers; here nobody waits for them.
NO_GRACE = ("-e", "inject=clock_nanosleep:retval=0")
_CALL = re.compile(r"^(\d+) +(\w+)\((.*)$", re.MULTILINE)
_CREATES = re.compile(r"O_CREAT|O_TRUNC")


def files(tag: str, count: int) -> dict:
    """Make a set of so many files, some in nested directories, whose content names the set."""
    paths = [f"d{number % 4}/e{number % 2}/f{number}" if number % 5 else f"f{number}" for number in range(count)]
    return {path: file(f"{tag}:{number}:" + tag * (20 + 60 * number)) for number, path in enumerate(paths)}


class Call(NamedTuple):
    """A system call of one run: `number` counts the calls of that name from 1; `text` is what strace says of it."""

    name: str
    number: int
    text: str

    @property
    def writes(self) -> bool:
        """Whether it may change a disk."""
        return self.name != "openat" or _CREATES.search(self.text) is not None

    def commits(self, layout: str) -> bool:
        """Whether it is the rename that readers can see: in a flat volume, the first of these."""
        target = re.search(r'"([^"]+)"\) += ', self.text) if self.name.startswith("rename") else None
        return target is not None and (target[1] == "..data" if layout == "swap" else not target[1].startswith(".."))


class Ran(NamedTuple):
    """How a run ended; a code below 0 is a signal. `calls` are those that had to do with the volume."""

    code: int
    errors: str
    calls: list[Call]
    log: str


class Program:
    """`secretfetch fetch` of one set of files.

    Args:
        folder: Where its config and its secret go.
        tree: What it writes.
        layout: `swap` or `flat`.
    """

    def __init__(self, folder: Path, tree: dict, layout: str) -> None:
        folder.mkdir(parents=True)
        self.tree = tree
        secret = {f"k{number}": item.data.decode() for number, item in enumerate(tree.values())}
        outputs = [{"path": path, "from": f"all#k{number}"} for number, path in enumerate(tree)]
        (folder / "all.json").write_text(json.dumps(secret))
        layouts = [{**output, "layout": layout} for output in outputs]
        config = {"secrets": {"all": "file://all.json"}, "outputs": layouts}
        self._config = folder / "config.yaml"
        self._config.write_text(json.dumps(config))

    def command(self, root: Path) -> list[str]:
        """Return the command line that writes a volume."""
        return [sys.executable, "-B", "-m", "secretfetch", "fetch", "-c", str(self._config), "--out", str(root)]

    def run(self, root: Path, fault: str = "") -> Ran:
        """Write a volume under strace.

        Args:
            root: The volume.
            fault: In the language of strace, such as `fsync:error=EIO:when=3`; then only calls of that name are told.
        """
        with tempfile.NamedTemporaryFile("r") as log:
            options = [*NO_GRACE, *(("-e", f"inject={fault}") if fault else ())]
            if "signal=" not in fault:
                options.append("--seccomp-bpf")  # faster, but strace then delivers no signals
            trace = f"trace=/^(clock_nanosleep|{fault.partition(':')[0] or f'openat|{WRITING}'})$"
            command = ["strace", "-f", "-qq", "-y", "-o", log.name, "-e", trace, *options]
            done = self._start([*command, *self.command(root)])
            text = log.read()
            return Ran(done.returncode, done.stderr, _calls(text, root), text)

    def again(self, root: Path) -> Ran:
        """Write a volume with nothing going wrong, and nobody waiting."""
        command = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", os.devnull, "-e", "trace=clock_nanosleep", *NO_GRACE]
        done = self._start([*command, *self.command(root)])
        return Ran(done.returncode, done.stderr, [], "")

    def _start(self, command: list[str]) -> subprocess.CompletedProcess:
        environ = {name: text for name, text in os.environ.items() if not name.startswith("SECRETFETCH_")}
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def _calls(log: str, root: Path) -> list[Call]:
    seen: dict[tuple[str, str], int] = {}  # strace counts by thread
    found = []
    for thread, name, text in _CALL.findall(log):
        number = seen[thread, name] = seen.get((thread, name), 0) + 1
        if f"{root}/" in text or f"{root}>" in text or f'"{root.name}"' in text:
            found.append(Call(name, number, text))
    return found


def sample(calls: list[Call], share: float) -> list[Call]:
    """Take one call of each name, which one being told by `share` (0 to 1): other cases take others."""
    by_name: dict[str, list[Call]] = {}
    for call in calls:
        by_name.setdefault(call.name, []).append(call)
    return [of_name[min(int(len(of_name) * share), len(of_name) - 1)] for of_name in by_name.values()]


def in_two(work, items) -> list:
    """Do something with each item, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, items))
