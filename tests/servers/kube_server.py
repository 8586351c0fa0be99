"""Kubernetes for tests: the real kube-apiserver with an etcd of its own, RBAC on, no controllers and no nodes.

`kubeapi/build.sh` makes the program from Go modules. What does not belong here: anything about secretfetch.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from servers.certificates import authority

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
BINARY = Path(os.environ.get("KUBEAPI_BINARY") or _CACHE / "secretfetch" / "kubeapi")
MISSING = f"there is no kube-apiserver at {BINARY}: tests/servers/kubeapi/build.sh makes it, with Go"
_READY = 90.0  # seconds
APPLY = "application/apply-patch+yaml"


class KubeError(Exception):
    """An answer of 400 or more: `status`, `reason` and `message` as the server gives them."""

    def __init__(self, status: int, answer: dict[str, Any]) -> None:
        super().__init__(f"{status} {answer.get('reason')}: {answer.get('message')}")
        self.status, self.reason, self.message = status, answer.get("reason"), answer.get("message", "")


class KubeServer:
    """A cluster without nodes; it ends with the process that started it.

    Attributes:
        url: Its address.
        ca: Of its authority, a PEM file.
        kubeconfig: Of an administrator.
    """

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="kube-server-")
        self.folder = Path(self._home.name)
        made = authority(self.folder, "ca")
        self.ca = made.file
        self._tls = made.issue("kube-apiserver", "127.0.0.1", "localhost", "kubernetes.default.svc")
        self._admin = made.issue("admin", client=True, group="system:masters")
        self._port = _free_port()
        self.url = f"https://127.0.0.1:{self._port}"
        self.kubeconfig = self._kubeconfig(
            "admin", {"client-certificate": self._admin[0], "client-key": self._admin[1]}, "default"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._context = ssl.create_default_context(cafile=self.ca)
        self._context.load_cert_chain(*self._admin)

    def start(self) -> KubeServer:
        """Start it; three to five seconds.

        Raises:
            RuntimeError: It does not start.
        """
        log = self.folder / "log"
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                [str(BINARY), str(self.folder / "etcd"), str(_free_port()), str(_free_port()), *self._arguments()],
                stdin=subprocess.PIPE,  # it ends when this does
                stdout=stream,
                stderr=stream,
                env={**os.environ, "KUBEAPI_EXIT_ON_EOF": "1"},
            )
        end = time.monotonic() + _READY
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException, KubeError):
                self.call("GET", "/readyz")
                return self
            time.sleep(0.05)
        raise RuntimeError(f"the kube-apiserver does not start: {log.read_text(errors='replace')[-2000:]}")

    def _arguments(self) -> list[str]:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        signing, public = self.folder / "accounts.key", self.folder / "accounts.pub"
        kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        signing.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, plain))
        shape = serialization.PublicFormat.SubjectPublicKeyInfo
        public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, shape))
        flags = {
            "secure-port": self._port,
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "endpoint-reconciler-type": "none",
            "authorization-mode": "RBAC",
            "tls-cert-file": self._tls[0],
            "tls-private-key-file": self._tls[1],
            "client-ca-file": self.ca,
            "service-account-key-file": public,
            "service-account-signing-key-file": signing,
            "service-account-issuer": self.url,
            "service-account-jwks-uri": f"{self.url}/openid/v1/jwks",
            "service-cluster-ip-range": "10.0.0.0/24",
            # It demands a service account of every pod that only a controller would make.
            "disable-admission-plugins": "ServiceAccount",
            "enable-priority-and-fairness": "false",
            "profiling": "false",
        }
        return [f"--{name}={value}" for name, value in flags.items()]

    def kill(self) -> None:
        """End it at once; `start` brings it back, at the same address and with what it has stored."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(10)

    def stop(self) -> None:
        """End it, and remove what it has written."""
        self.kill()
        self._home.cleanup()

    def call(
        self, method: str, path: str, body: Any = None, *, token: str = "", kind: str = "application/json"
    ) -> dict[str, Any]:
        """Make one request, as the administrator or with a token, and return the answer.

        Raises:
            KubeError: It is one of 400 or more.
        """
        context = ssl.create_default_context(cafile=self.ca) if token else self._context
        headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
        with contextlib.closing(
            http.client.HTTPSConnection("127.0.0.1", self._port, context=context, timeout=30)
        ) as link:
            link.request(method, path, None if body is None else json.dumps(body), headers)
            answer = link.getresponse()
            text = answer.read()
        try:
            found = json.loads(text)
        except ValueError:
            found = {"message": text.decode(errors="replace")}
        if answer.status >= 400:
            raise KubeError(answer.status, found)
        return found

    def namespace(self, name: str, **labels: str) -> None:
        """Make a namespace."""
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})

    def account(self, namespace: str, name: str, rules: list[dict[str, Any]]) -> None:
        """Make a service account that may do what the rules of a Role say."""
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        metadata = {"metadata": {"name": name}}
        self.call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", metadata)
        self.call("POST", f"{rbac}/roles", {**metadata, "rules": rules})
        binding = {
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        }
        self.call("POST", f"{rbac}/rolebindings", {**metadata, **binding})

    def token(self, namespace: str, name: str, *audiences: str, seconds: int = 3600) -> str:
        """Return a token of a service account."""
        spec: dict[str, Any] = {"expirationSeconds": seconds, **({"audiences": audiences} if audiences else {})}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        return self.call("POST", path, {"spec": spec})["status"]["token"]

    def login(self, namespace: str, name: str) -> str:
        """Return a kubeconfig file of a service account."""
        return self._kubeconfig(f"{namespace}.{name}", {"token": self.token(namespace, name)}, namespace)

    def _kubeconfig(self, name: str, user: dict[str, str], namespace: str) -> str:
        path = self.folder / f"{name}.kubeconfig"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.url, "certificate-authority": self.ca}}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        }
        path.write_text(json.dumps(content))
        path.chmod(0o600)
        return str(path)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
