"""Rules of the HTTP side of a sidecar, over real sockets."""

import contextlib
import http.client
import socket
import threading
import time

import pytest

from secretfetch.errors import ConfigError, OutputError
from secretfetch.health import Health, Status
from secretfetch.health.address import parse
from secretfetch.testing import FakeClock


class Served:
    """A health that is served on a free port."""

    def __init__(self):
        self.clock = FakeClock()
        self.asked = threading.Event()
        self.health = Health(clock=self.clock.now, wall=lambda: 5000.0)
        self.server = self.health.serve("127.0.0.1:0", self.asked.set)
        self.port = int(self.server.address.rpartition(":")[2])

    def say(self, phase, **more):
        self.health.status(Status(phase, phase in ("fresh", "stale"), 4000.0, 4990.0, 100.0, **more))

    def get(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def raw(self, request, *, wait=10.0):
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as connection:
            connection.sendall(request)
            answer = b""
            while part := connection.recv(4096):
                answer += part
            return answer.partition(b"\r\n")[0].decode()


@pytest.fixture
def served():
    """Give a server."""
    made = Served()
    yield made
    made.server.close()


def test_ready_once_a_full_set_is_published_and_while_it_is_stale(served):
    """503 while it starts and when it has stopped, 200 fresh and stale."""
    for phase, status in (("starting", 503), ("fresh", 200), ("stale", 200), ("stopped", 503)):
        served.say(phase)
        assert (status, f"{phase}\n") == served.get("/readyz")


def test_alive_while_the_loop_keeps_its_promise(served):
    """Whoever is not heard of before the moment that was promised is not alive."""
    served.say("fresh")
    assert 200 == served.get("/healthz")[0]
    served.clock.advance(100.0)
    assert 503 == served.get("/healthz")[0]
    served.health.promise(1000.0)
    assert 200 == served.get("/healthz")[0]


def test_metrics_have_the_documented_names(served):
    """Every name of the documentation, with its labels; a bare reference is shown by a digest."""
    served.say("stale")
    served.health.round("changed", 0.2, {"db": True, "vault://secret/app": False})
    served.health.hook("webhook", "error")
    served.health.request("vault", "read", "200")
    text = served.get("/metrics")[1]
    for line in (
        "secretfetch_ready 1.0",
        "secretfetch_stale_seconds 10.0",
        'secretfetch_sync_total{result="changed"} 1.0',
        "secretfetch_sync_duration_seconds_count 1.0",
        'secretfetch_source_last_success_timestamp_seconds{source="db"} 5000.0',
        'secretfetch_source_stale{source="db"} 0.0',
        'secretfetch_provider_requests_total{code="200",operation="read",provider="vault"} 1.0',
        'secretfetch_hook_total{hook="webhook",result="error"} 1.0',
        "process_resident_memory_bytes",
    ):
        assert line in text or line.replace('code="200",operation="read",provider="vault"', 'provider="vault",operation="read",code="200"') in text, line  # fmt: skip # noqa: E501
    assert "secret/app" not in text
    assert 2 == text.count("secretfetch_source_stale{")


def test_what_is_not_there(served):
    """Unknown paths 404, known ones by another method 405, nothing of a request is repeated."""
    assert (404, 405, 405, 404) == tuple(
        served.get(path, method)[0]
        for path, method in (("/x", "GET"), ("/-/refresh", "GET"), ("/healthz", "POST"), ("/x", "POST"))
    )
    assert (405, "no such thing\n") == served.get("/healthz", "CANARY")
    assert (200, "") == (served.get("/healthz", "HEAD"))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Host: localhost:80\r\n", 202),
        ("Host: 127.0.0.1\r\n", 202),
        ("Host: [::1]:8080\r\n", 202),
        ("Host: evil.example\r\n", 403),
        ("Host: localhost.evil.example\r\n", 403),
        ("Host: localhost\r\nHost: evil.example\r\n", 403),
        ("Host: localhost\r\nOrigin: http://localhost\r\n", 403),
        ("", 403),
    ],
)
def test_a_refresh_is_for_neighbours_and_not_for_web_pages(served, headers, status):
    """One Host that is this machine, and no Origin."""
    said = served.raw(f"POST /-/refresh HTTP/1.1\r\n{headers}\r\n".encode())
    assert f" {status} " in said
    assert (status == 202) is served.asked.is_set()


@pytest.mark.parametrize("request_", [b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", b"A: " + b"x" * 9000])
def test_a_head_has_a_size(served, request_):
    """More than 8 KiB is hung up on."""
    with contextlib.suppress(ConnectionError):
        assert "" == served.raw(request_)
    assert served.get("/healthz")[0] in (200, 503)


def test_nonsense_is_no_request(served):
    """Bytes that are no HTTP get an answer that repeats none of them, or none; the next one is served."""
    for nonsense in (b"\x16\x03\x01\x02\x00\r\n\r\n", b"nonsense\r\n\r\n", b"\r\n\r\n"):
        assert served.raw(nonsense) in ("", "no such thing\n")
    assert 404 == served.get("/")[0]


def test_closing_ends_the_thread_at_once(served):
    """Nobody listens any more, and nothing goes on spinning."""
    began = time.monotonic()
    served.server.close()
    served.server._thread.join(10)
    assert not served.server._thread.is_alive()
    assert time.monotonic() - began < 2.0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", served.port), timeout=1)


def test_an_address_that_is_in_use(served):
    """Told with the fix, exit 73."""
    with pytest.raises(OutputError, match="cannot listen on"):
        Health().serve(f"127.0.0.1:{served.port}", lambda: None)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("8080", "127.0.0.1", 8080), (":8080", "", 8080), ("[::1]:80", "::1", 80), ("localhost:1", "127.0.0.1", 1)],
)
def test_a_bare_port_is_of_the_loopback_interface(text, host, port):
    """Only a colon before it, or an address, opens anything to others."""
    assert (host, port) == parse(text)


@pytest.mark.parametrize("text", ["", "x", "65536", "host:80", "1.2.3:80", "[::1]", "80:80:80", "-1"])
def test_what_is_no_address(text):
    """Refused before anything is fetched."""
    with pytest.raises(ConfigError, match="no address to listen on"):
        parse(text)
