"""Probes, metrics and a request for a refresh over HTTP. What does not belong here: what they say.

Nothing of a secret can be had here. Whoever can reach the port may look; only who is on the same machine, or in the
same pod, may ask for a refresh, and no web page may ask for it in somebody's name.
"""

from __future__ import annotations

import io
import ipaddress
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from secretfetch import log
from secretfetch.errors import OutputError
from secretfetch.health.address import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretfetch.health.address import Address
    from secretfetch.health.metrics import Metrics
    from secretfetch.health.state import Health

_MOST_CONNECTIONS = 16
_PATIENCE = 5.0  # seconds for one connection to say something
_HEAD_BYTES = 8192
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Server:
    """Answers until `close`, in threads of its own.

    Args:
        health: What is told.
        bind: As `--http-bind` has it.
        refresh: Called for a refresh.

    Raises:
        ConfigError: `bind` is no address.
        OutputError: Nobody can listen there.
    """

    def __init__(self, health: Health, bind: str, refresh: Callable[[], object]) -> None:
        address = parse(bind)
        try:
            self._server = _Http(address, health, refresh)
        except OSError as error:
            raise OutputError(
                f"cannot listen on {address}: {os.strerror(error.errno or 0).lower()}",
                ("fix", "choose another --http-bind; containers of one pod share their ports"),
            ) from None
        self.address = f"{address.own}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.5,), name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; connections that are open are left to their end."""
        # The loop is told that it ends, and woken by a connection that comes to nothing, not by its next half second.
        stopping = threading.Thread(target=self._server.shutdown, daemon=True)
        stopping.start()
        with suppress(OSError):
            self._server.socket.shutdown(socket.SHUT_RDWR)
        stopping.join(1.0)
        self._server.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, address: Address, health: Health, refresh: Callable[[], object]) -> None:
        self.health = health
        self.refresh = refresh
        self.metrics: Metrics | None = None
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        # All interfaces are those of both families, where the machine has both.
        both = not address.host and socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if both or ":" in address.host else socket.AF_INET
        super().__init__((address.host, address.port), _Handler, bind_and_activate=False)
        try:
            if both:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            self.server_bind()
            self.server_activate()
        except BaseException:
            self.server_close()
            raise

    def server_bind(self) -> None:
        """Bind without asking a name server what we are called."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; beyond a number of them, hang up."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the library's
        """A client that goes away is its own affair; a bug is ours, and told by its type."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            log.event("warning", "http_failed", f"a request over HTTP failed: {type(error).__name__}")


class _Handler(BaseHTTPRequestHandler):
    server: _Http  # pyright: ignore[reportIncompatibleVariableOverride] - made by no other server
    server_version = "secretfetch"
    sys_version = ""
    timeout = _PATIENCE

    def handle_one_request(self) -> None:
        """Read a head as a whole: within a time, whatever it comes in, and a size."""
        head = _head(self.connection)
        if head is None:
            self.close_connection = True
            return
        self.rfile = io.BytesIO(head)
        super().handle_one_request()

    def do_GET(self) -> None:
        """Answer a probe, or show the metrics."""
        path = self.path.partition("?")[0]
        status = self.server.health.now()
        if path == "/healthz":
            alive = self.server.health.alive()
            self._say(200 if alive else 503, "ok" if alive else "the loop has not been heard of for too long")
        elif path == "/readyz":
            self._say(200 if status.serving else 503, status.phase)
        elif path == "/metrics":
            self._metrics()
        else:
            self._say(405 if path == "/-/refresh" else 404, "no such thing")

    do_HEAD = do_GET  # noqa: N815 - the name is the library's

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request, or none that is known, without repeating any of it."""
        del message, explain
        self._say(405 if code == HTTPStatus.NOT_IMPLEMENTED else code, "no such thing")

    def do_POST(self) -> None:
        """Take a request for a refresh."""
        if self.path != "/-/refresh":
            self._say(405 if self.path in _PROBES else 404, "no such thing")
        elif not self._is_near():
            self._say(403, "only from the same pod or machine")
        else:
            self.server.refresh()
            self._say(202, "will be refreshed")

    def _is_near(self) -> bool:
        """Tell whether a neighbour asks, and no web page in the name of one."""
        peer = ipaddress.ip_address(self.client_address[0].partition("%")[0])
        mapped = getattr(peer, "ipv4_mapped", None)
        hosts = self.headers.get_all("Host") or [""]
        host = hosts[0] if len(hosts) == 1 else ""
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        return (mapped or peer).is_loopback and name in _LOOPBACK_NAMES and "Origin" not in self.headers

    def _metrics(self) -> None:
        from secretfetch.health.metrics import CONTENT_TYPE, Metrics  # noqa: PLC0415 - who does not ask does not pay

        if self.server.metrics is None:
            self.server.metrics = Metrics(self.server.health)
        self._send(200, self.server.metrics.text(), CONTENT_TYPE)

    def _say(self, status: int, text: str) -> None:
        self._send(status, f"{text}\n".encode(), "text/plain; charset=utf-8")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Say nothing: probes come every second."""


def _head(connection: socket.socket) -> bytes | None:
    """Return everything up to the empty line; None where it does not come in time, or is too much."""
    end, head = time.monotonic() + _PATIENCE, b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head:
        left = end - time.monotonic()
        if left <= 0 or len(head) > _HEAD_BYTES:
            return None
        connection.settimeout(left)
        try:
            part = connection.recv(4096)
        except OSError:
            return None
        if not part:
            return None
        head += part
    connection.settimeout(_PATIENCE)
    return head if len(head) <= _HEAD_BYTES else None
