"""Servers of each kind with faults for one secret each, so that many cases share a server at the same time.

What does not belong here: running the program, and what is expected of it.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any

from servers import aws_server, keyvault_faults, vault_server
from servers.certificates import authority
from servers.keyvault_server import KeyVaultServer

if TYPE_CHECKING:
    from pathlib import Path

VALUE = "canary-of-the-table"
HUGE = 100_000_000
_HTML = {"status": 200, "body": b"<html>log in</html>", "headers": {"Content-Type": "text/html"}}
_ON_THE_WAY: dict[str, dict[str, Any]] = {  # what all relays do alike
    "reset": {"reset": True},
    "stall before headers": {"hang": True},
    "stall after headers": {"drip": inf},
    "drip of 1 byte/s": {"drip": 1.0},
    "truncated body": {"cut": 30},
    "wrong content type": _HTML,
    "100 MB body": {"huge": HUGE},
}
_NOWHERE = "nobody.invalid"


def closed_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ExpiredTls:
    """An entrance whose certificate is out of date; nobody who verifies comes further.

    Args:
        folder: For the certificates.

    Attributes:
        url: Where it is.
        ca: The file of the authority that is to be trusted.
    """

    def __init__(self, folder: Path) -> None:
        made = authority(folder, "authority")
        self.ca = made.file
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*made.issue("old", "localhost", days=(-1.9, -0.1)))
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"https://localhost:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with suppress(OSError), self._context.wrap_socket(connection, server_side=True):
                    pass

    def close(self) -> None:
        """Let nobody in any more."""
        self._socket.close()


class Backend:
    """A store, and what can happen to it. A case is known by a number, which is in the name of its secret.

    Args:
        folder: An empty directory.
    """

    faults: tuple[str, ...] = (
        "500", "429", "403", "404", *_ON_THE_WAY, "TLS expired", "DNS failure", "connection refused",
    )  # fmt: skip
    modules = "secretfetch.cli.living secretfetch.manifests secretfetch_file"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def reference(self, case: int) -> str:
        """Return the reference of a case's secret, with its key `a`."""
        raise NotImplementedError

    def befall(self, fault: str, case: int) -> dict[str, str]:
        """Make the secret of a case, break the way to it, and return the environment that leads there."""
        raise NotImplementedError

    def requests(self, case: int) -> int:
        """Return how often the secret of a case was asked for."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the server."""


class Aws(Backend):
    """Secrets Manager."""

    modules = "secretfetch.cli.living botocore.session botocore.httpsession secretfetch_aws.secrets_manager"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server = aws_server.AwsServer().start()
        self._tls = ExpiredTls(folder)

    def reference(self, case: int) -> str:
        return f"aws-sm://case-{case}#a"

    def befall(self, fault: str, case: int) -> dict[str, str]:
        environment = self._server.env()
        if fault != "404":
            client = self._server.client("secretsmanager")
            client.create_secret(Name=f"case-{case}", SecretString=json.dumps({"a": VALUE}))
        known: dict[str, dict[str, Any]] = {
            **_ON_THE_WAY,
            "500": {"status": 500, "code": "InternalServiceError"},
            "429": {"code": "ThrottlingException", "headers": {"Retry-After": "60"}},
            "403": {"code": "AccessDeniedException", "message": "no"},
        }
        if fault in known:
            about = f"case-{case}"
            when = {"when": lambda request: request.body.get("SecretId") == about}
            self._server.faults.append(aws_server.Fault("GetSecretValue", **when, **self._canned(known[fault])))
        elsewhere = {
            "TLS expired": {"AWS_ENDPOINT_URL": self._tls.url, "AWS_CA_BUNDLE": self._tls.ca},
            "DNS failure": {"AWS_ENDPOINT_URL": f"http://{_NOWHERE}"},
            "connection refused": {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{closed_port()}"},
        }
        return environment | elsewhere.get(fault, {})

    @staticmethod
    def _canned(fault: dict[str, Any]) -> dict[str, Any]:
        """Return a fault of the way with the answer that is on it."""
        answer = json.dumps({"Name": "n", "VersionId": "v", "SecretString": json.dumps({"a": VALUE})}).encode()
        return {"status": 200, "body": answer, **fault} if "drip" in fault or "cut" in fault else fault

    def requests(self, case: int) -> int:
        return sum(request.body.get("SecretId") == f"case-{case}" for request in self._server.requests)

    def stop(self) -> None:
        self._server.stop()
        self._tls.close()


class Vault(Backend):
    """OpenBao."""

    modules = "secretfetch.cli.living secretfetch_vault.vault secretfetch_vault.http"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server = vault_server.VaultServer().start()
        self._server.mount("secret")
        self._tls = ExpiredTls(folder)

    def reference(self, case: int) -> str:
        return f"vault://secret/case-{case}#a"

    def befall(self, fault: str, case: int) -> dict[str, str]:
        path = f"secret/data/case-{case}"
        if fault != "404":
            self._server.api("POST", path, {"data": {"a": VALUE}})
        known: dict[str, dict[str, Any]] = {
            **_ON_THE_WAY,
            "500": {"status": 500, "json": {"errors": ["internal error"]}},
            "429": {"status": 429, "json": {"errors": ["quota"]}, "headers": {"Retry-After": "60"}},
            "403": {"status": 403, "json": {"errors": ["permission denied"]}},
        }
        if fault in known:
            self._server.faults.append(vault_server.Fault(path, **known[fault]))
        environment = {"VAULT_ADDR": self._server.url, "VAULT_TOKEN": vault_server.ROOT}
        elsewhere = {
            "TLS expired": {"VAULT_ADDR": self._tls.url, "VAULT_CACERT": self._tls.ca},
            "DNS failure": {"VAULT_ADDR": f"http://{_NOWHERE}"},
            "connection refused": {"VAULT_ADDR": f"http://127.0.0.1:{closed_port()}"},
        }
        return environment | elsewhere.get(fault, {})

    def requests(self, case: int) -> int:
        return sum(request.path == f"secret/data/case-{case}" for request in self._server.requests)

    def stop(self) -> None:
        self._server.stop()
        self._tls.close()


class KeyVault(Backend):
    """Azure Key Vault, by way of a proxy; each case has a vault of its own."""

    modules = "secretfetch.cli.living azure.identity azure.keyvault.secrets secretfetch_azure.key_vault"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server = KeyVaultServer().start()

    def reference(self, case: int) -> str:
        return f"azure-kv://case-{case}/db#a"

    def befall(self, fault: str, case: int) -> dict[str, str]:
        vault = self._server.vault(f"case-{case}")
        if fault != "404":
            vault.secret("db", json.dumps({"a": VALUE}))
        known: dict[str, dict[str, Any]] = {
            **_ON_THE_WAY,
            "500": {"status": 500, "code": "InternalServerError"},
            "429": {"status": 429, "code": "Throttled", "headers": {"Retry-After": "60"}},
        }
        if fault in known:
            self._server.faults.append(keyvault_faults.Fault(vault.name, **known[fault]))
        if fault == "403":
            self._server.deny(vault.name, "secrets/get")
        if fault == "TLS expired":
            self._server.authority.expired.add(f"{vault.name}.vault.azure.net")
        proxy = {"DNS failure": _NOWHERE, "connection refused": "127.0.0.1"}.get(fault, "")
        way = f"http://{proxy}:{closed_port()}"
        return self._server.env() | ({"HTTPS_PROXY": way, "https_proxy": way} if proxy else {})

    def requests(self, case: int) -> int:
        about = f"case-{case}"
        return sum(
            one.authorized and one.target == about and one.operation == "secrets/get" for one in self._server.requests
        )

    def stop(self) -> None:
        self._server.stop()


class File(Backend):
    """Files: what of the table there is on a disk."""

    faults = ("404", "stall before headers", "truncated body", "wrong content type", "100 MB body")

    def reference(self, case: int) -> str:
        return f"file://{self.folder}/case-{case}.json#a"

    def befall(self, fault: str, case: int) -> dict[str, str]:
        import os

        path = self.folder / f"case-{case}.json"
        if fault == "stall before headers":
            os.mkfifo(path)
        elif fault == "100 MB body":
            with path.open("wb") as stream:
                stream.truncate(HUGE)
        elif fault != "404":
            whole = json.dumps({"a": VALUE})
            path.write_text({"truncated body": whole[:-4], "wrong content type": "<html>"}.get(fault, whole))
        return {}

    def requests(self, case: int) -> int:
        return 0


BACKENDS: dict[str, type[Backend]] = {"aws-sm": Aws, "vault": Vault, "azure-kv": KeyVault, "file": File}
