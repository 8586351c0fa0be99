"""Programs that act as a pod's service account, and what they leave in the cluster. No rule about them is here."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servers.kube_server import APPLY
from servers.shared_kube import fresh_namespace, shared_kube

if TYPE_CHECKING:
    from servers.kube_server import KubeServer

PROGRAM = str(Path(sys.executable).with_name("secretfetch"))
_VERBS = ("get", "patch", "create")


def rules(*names: str, verbs: tuple[str, ...] = _VERBS) -> list[dict[str, Any]]:
    """Return what the docs tell people to put into the Role."""
    return [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": verbs}]


class Pod:
    """A namespace of its own, a service account in it, and a config.

    Args:
        folder: For the config and the files it names.
        allowed: Rules of its Role.
    """

    def __init__(self, folder: Path, *allowed: dict[str, Any]) -> None:
        self.server: KubeServer = shared_kube()
        self.namespace = fresh_namespace(self.server)
        self.server.account(self.namespace, "web", list(allowed))
        self.folder = folder
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "KUBECONFIG": self.server.login(self.namespace, "web"),
        }

    def config(self, text: str, **files: str) -> None:
        """Write the config, and files beside it: `NAME.json`."""
        (self.folder / "config.yaml").write_text(text)
        for name, content in files.items():
            (self.folder / f"{name}.json").write_text(content)

    def run(self, *words: str, sink: str = "apply") -> tuple[int, str]:
        """Run a command; return its exit code and what it says."""
        argv = [PROGRAM, *(words or ("fetch",)), "-c", "config.yaml", "--out", "out", "--kube-secrets", sink]
        done = subprocess.run(argv, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def secret(self, name: str) -> dict[str, Any]:
        """Return a Secret of the namespace."""
        return self.server.call("GET", f"/api/v1/namespaces/{self.namespace}/secrets/{name}")

    def data(self, name: str) -> dict[str, str]:
        """Return the data of one."""
        return {key: base64.b64decode(text).decode() for key, text in self.secret(name).get("data", {}).items()}

    def version(self, name: str) -> str:
        """Return its resourceVersion: it is another one after any write."""
        return str(self.secret(name)["metadata"]["resourceVersion"])

    def edit(self, name: str, manager: str, **data: str) -> None:
        """Change keys as somebody else does, by force."""
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}
        path = f"/api/v1/namespaces/{self.namespace}/secrets/{name}?fieldManager={manager}&force=true"
        self.server.call("PATCH", path, body, kind=APPLY)
