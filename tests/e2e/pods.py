"""Pods under podman, and ways to look at them. What does not belong here: any rule about what is seen."""

from __future__ import annotations

import itertools
import json
import os
import signal
import urllib.request
from typing import TYPE_CHECKING, Any, Self

from e2e import images, volumes
from e2e.engine import attempt, podman, until
from e2e.patches import Patch, patched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NUMBERS = itertools.count(1)


class Pod:
    """A pod of a manifest. A context manager: leaving it removes the pod and its volumes.

    Args:
        manifest: Its text.
        folder: For its volumes.
        token: What a mounted token of a service account holds.
        change: Fields of `Patch`.
    """

    def __init__(self, manifest: str, folder: Path, token: str = "", **change: Any) -> None:
        self.name = f"e2e-{os.getpid()}-{next(_NUMBERS)}"
        self.folder = folder / self.name
        names = {"secretfetch": images.secretfetch(), "busybox": images.busybox()}
        self._made = patched(manifest, Patch(self.name, names, self.folder, **change))
        self._token = token
        self.refusal = ""

    def __enter__(self) -> Self:
        for folder, spec in self._made.empty_dirs.items():
            volumes.empty_dir(folder, spec, self._made.group)
        for file in self._made.tokens:
            self._write(file)
        at_once = not self._made.sidecars
        done = attempt("kube", "play", "--network=host", f"--start={at_once}".lower(), "-", text=self._made.text)
        if done.returncode:
            self.refusal = done.stderr
        elif not at_once:
            self._start()
        return self

    def _start(self) -> None:
        """Start sidecars, one after the other, each until its startup probe is content; then the other containers."""
        for name, probe in self._made.sidecars.items():
            podman("start", f"{self.name}-{name}")
            until(lambda: _answers(probe["httpGet"]), lambda: f"the startup probe\n{self.logs()}")  # noqa: B023
        podman("start", *(f"{self.name}-{name}" for name in self._made.others))

    def __exit__(self, *_: object) -> None:
        attempt("pod", "rm", "--force", "--time=0", self.name)
        attempt("volume", "prune", "--force")
        for folder in self._made.empty_dirs:
            volumes.remove(folder)

    def _write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self._token)
        if self._made.group is not None:
            os.chown(file, 0, self._made.group)
        file.chmod(0o640)

    @property
    def containers(self) -> list[str]:
        """The names of all containers, init containers first."""
        return self._made.containers

    def volume(self, name: str = "secrets") -> Path:
        """Return a volume's folder on this machine."""
        return self.folder / name

    def log(self, container: str) -> str:
        """Return all that a container has written."""
        done = attempt("logs", f"{self.name}-{container}")
        return done.stdout + done.stderr

    def logs(self) -> str:
        """Return what all containers have written."""
        return "".join(f"--- {name}\n{self.log(name)}" for name in self.containers)

    def says(self, container: str, text: str) -> float:
        """Wait until a container's log has a text; return the seconds that took."""
        assert not self.refusal, f"{self.refusal}{self.logs()}"
        return until(lambda: text in self.log(container), lambda: f"{text!r} in what {container} says\n{self.logs()}")

    def state(self, container: str) -> Mapping[str, Any]:
        """Return what podman knows of a container's state; nothing if it has none."""
        done = attempt("container", "inspect", "--format={{json .State}}", f"{self.name}-{container}")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def ended(self, container: str) -> int:
        """Wait for a container's end, and return its exit code."""
        return int(podman("wait", "--interval=50ms", f"{self.name}-{container}"))

    def sh(self, container: str, script: str) -> str:
        """Run a shell's script in a container, as the container's user."""
        return podman("exec", f"{self.name}-{container}", "sh", "-c", script)

    def kill(self, container: str) -> None:
        """Kill a container's first process, as the kernel does when memory runs out; podman is not told."""
        os.kill(self.state(container)["Pid"], signal.SIGKILL)

    def stop(self, grace: int = 10) -> None:
        """Stop the pod as the kubelet does: a signal, a kill after the grace; sidecars after the other containers."""
        if self._made.sidecars:
            podman("stop", f"--time={grace}", *(f"{self.name}-{name}" for name in self._made.others))
        podman("pod", "stop", f"--time={grace}", self.name)


def _answers(get: Mapping[str, Any]) -> bool:
    """Ask as the kubelet's probe does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{get['port']}{get['path']}", timeout=1) as answer:
            return answer.status < 400
    except OSError:
        return False
