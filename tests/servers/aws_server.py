"""AWS for tests: moto in a process of its own, behind a relay that counts requests and can answer in its place.

`AwsServer` is a plain class, so that benchmarks and conformance cases use it as tests do. What does not belong here:
anything about secretfetch.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from servers import dripping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REGION = "us-east-1"
ACCOUNT = "123456789012"

_MOTO = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("%s:%s" % server.get_host_and_port(), flush=True)
sys.stdin.read()
"""

_HOP = {"connection", "content-length", "date", "host", "keep-alive", "server", "te", "transfer-encoding", "upgrade"}


@dataclass(frozen=True)
class Request:
    """One request as it came in: `operation` such as `GetSecretValue`, service and region as it was signed for."""

    operation: str
    service: str
    region: str
    key_id: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass
class Fault:
    """What the relay does instead of passing a request on. The first fault of the list that fits is used.

    Attributes:
        operation: Only this one; empty is every operation.
        region: Only requests signed for this region.
        when: A further condition.
        times: How often; None is always.
        status: Of the answer.
        code: AWS's error code; makes an error document of it and `message`.
        message: See `code`.
        body: A canned answer, sent as it is.
        headers: More headers of the answer.
        hang: No answer until the server stops or is reset.
        reset: The connection is reset without an answer.
        cut: Send only so many bytes of the answer and end the connection; the length promises all.
        huge: Send so many bytes of an endless JSON text.
        drip: Seconds before each byte of the body; `inf`: only the headers come.
    """

    operation: str = ""
    region: str = ""
    when: Callable[[Request], bool] | None = None
    times: int | None = None
    status: int = 400
    code: str = ""
    message: str = ""
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    reset: bool = False
    cut: int | None = None
    huge: int = 0
    drip: float = 0.0

    def fits(self, request: Request) -> bool:
        """Tell whether this request is to be answered so; counts `times` down."""
        fits = (
            self.operation in {"", request.operation}
            and self.region in {"", request.region}
            and self.times != 0
            and (self.when is None or self.when(request))
        )
        if fits and self.times is not None:
            self.times -= 1
        return fits


def denied(operation: str, resource: str, *, user: str = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/web-7d9f") -> Fault:
    """Return the denial that AWS writes when no identity policy allows a Secrets Manager or Parameter Store action."""
    service = "ssm" if "Parameter" in operation else "secretsmanager"
    return Fault(
        operation,
        code="AccessDeniedException",
        message=f"User: {user} is not authorized to perform: {service}:{operation} on resource: {resource} "
        f"because no identity-based policy allows the {service}:{operation} action",
    )


class AwsServer:
    """moto and its relay.

    Attributes:
        url: What `AWS_ENDPOINT_URL` is to be.
        moto_url: The server behind, for seeding without being counted.
        faults: Put `Fault`s here.
        requests: What has come in since the last reset.
        sent: Bytes of bodies sent since the last reset.
    """

    def __init__(self) -> None:
        self.url = self.moto_url = ""
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.sent = 0
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}

    def start(self) -> AwsServer:
        """Start both; a second or two."""
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-c", _MOTO],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        )
        address = self._process.stdout.readline().strip() if self._process.stdout else ""
        if not address:
            self._process.communicate()
            self._log.seek(0)
            raise RuntimeError(f"moto does not start: {self._log.read()[-500:]}")
        self.moto_url = f"http://{address}"
        handler = type("Handler", (_Handler,), {"aws": self})
        self._relay = _Relay(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._relay.server_port}"
        threading.Thread(target=self._relay.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """End both."""
        self.released.set()
        for client in self._clients.values():
            client.close()
        self._relay.shutdown()
        self._relay.server_close()
        self._process.communicate()  # the end of its standard input ends it
        self._log.close()

    def reset(self) -> None:
        """Empty moto, and forget faults and requests."""
        self.released.set()
        urllib.request.urlopen(f"{self.moto_url}/moto-api/reset", data=b"", timeout=20).close()
        self.released = threading.Event()
        self.faults.clear()
        self.forget()

    def forget(self) -> None:
        """Begin to count from nothing."""
        self.requests.clear()
        self.sent = 0

    @property
    def counts(self) -> Counter[str]:
        """How often each operation was asked for since the last reset."""
        return Counter(request.operation for request in self.requests)

    def env(self) -> dict[str, str]:
        """Return the variables that lead a program here, and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "canary-of-the-key",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, region: str = REGION) -> Any:
        """Return an SDK client for seeding, which is neither counted nor faulted."""
        import botocore.session

        if self._session is None:
            self._session = botocore.session.Session()
            self._session.set_credentials("seed", "seed")
        if (service, region) not in self._clients:
            made = self._session.create_client(service, region_name=region, endpoint_url=self.moto_url)
            self._clients[service, region] = made
        return self._clients[service, region]

    def fault_for(self, request: Request) -> Fault | None:
        """Note a request and return what is to be done to it."""
        with self._lock:
            self.requests.append(request)
            return next((fault for fault in self.faults if fault.fits(request)), None)


class _Relay(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client may go away
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    aws: AwsServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = _read(dict(self.headers.items()), body)
        fault = self.aws.fault_for(request)
        if fault is None:
            self._send(*self._forward(body))
        elif fault.hang:
            self.aws.released.wait()
            self.close_connection = True
        elif fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif fault.huge:
            self._send_huge(fault.huge)
        elif fault.cut is not None and fault.body is None and not fault.code:
            self._send(*self._forward(body), cut=fault.cut, drip=fault.drip)
        else:
            self._send(fault.status, *_document(fault), cut=fault.cut, drip=fault.drip)

    do_GET = do_PUT = do_POST  # noqa: N815 - the names are the library's

    def _forward(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection(urlsplit(self.aws.moto_url).netloc, timeout=25)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            connection.request(self.command, self.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
            return answer.status, answer.read(), kept
        finally:
            connection.close()

    def _send(
        self, status: int, body: bytes, headers: Mapping[str, str], cut: int | None = None, drip: float = 0.0
    ) -> None:
        self.send_response_only(status)
        for name, value in {"Date": self.date_time_string(), **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if drip:
            dripping.drip(self.wfile, body, drip, self.aws.released)
        else:
            self.wfile.write(body[:cut])
            self.aws.sent += len(body[:cut])
        self.close_connection = self.close_connection or cut is not None or drip > 0

    def _send_huge(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        block = b'{"SecretString":"' + b"x" * (1 << 16)
        with contextlib.suppress(OSError):  # the reader has had enough, which is the point
            while self.aws.sent < size:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
                self.aws.sent += len(block)
                block = b"x" * (1 << 16)
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _document(fault: Fault) -> tuple[bytes, dict[str, str]]:
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": "0-1", **fault.headers}
    if fault.body is not None:
        return fault.body, headers
    return json.dumps({"__type": fault.code, "message": fault.message}).encode(), headers


def _read(headers: dict[str, str], body: bytes) -> Request:
    target = headers.get("X-Amz-Target", "")
    scope = re.search(r"Credential=([^/,]*)/\d+/([^/]*)/([^/]*)/", headers.get("Authorization", ""))
    key_id, region, service = scope.groups() if scope else ("", "", "")
    if target:
        content = json.loads(body or b"{}")
    else:
        content = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    operation = target.rpartition(".")[2] or content.get("Action", "")
    return Request(operation, service, region, key_id, content, headers)
