"""A TCP relay that makes a server as far away as wanted: one thread, one loop, so that it never is the bottleneck.

A round trip takes so many milliseconds more: half of them on the way there, half on the way back, and one round trip
for the connection itself. A line on standard input is answered with the number of requests that have begun since the
one before; they can be told while nothing is encrypted. What does not belong here: the meaning of HTTP.
"""

from __future__ import annotations

import contextlib
import heapq
import re
import selectors
import socket
import sys
import time
from functools import partial
from itertools import count

# Clients wait for an answer before they ask again, so that each request begins a block of its own.
_REQUEST = re.compile(rb"(?:GET|HEAD|LIST|POST|PUT|PATCH|DELETE|CONNECT) [^\r\n]* HTTP/1\.1\r\n")
_BLOCK = 1 << 18
_PENDING = 128


class Relay:
    """Passes bytes on, each direction in order and after its delay.

    Args:
        upstream: Host and port of the server.
        round_trip: Seconds.
    """

    def __init__(self, upstream: tuple[str, int], round_trip: float) -> None:
        self._upstream = upstream
        self._round_trip = round_trip
        self._selector = selectors.DefaultSelector()
        self._late: list[tuple[float, int, socket.socket, bytes]] = []
        self._numbers = count()
        self._opened: dict[socket.socket, float] = {}
        self._peers: dict[socket.socket, socket.socket] = {}
        self._ended: set[socket.socket] = set()
        self._requests = 0
        self._runs = True
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_PENDING)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(sys.stdin, selectors.EVENT_READ, self._tell)
        self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        """Pass on until standard input ends."""
        while self._runs:
            wait = max(0.0, self._late[0][0] - time.monotonic()) if self._late else None
            for key, _ in self._selector.select(wait):
                key.data()
            self._deliver()

    def _tell(self) -> None:
        self._runs = bool(sys.stdin.readline())
        if self._runs:
            print(self._requests, flush=True)
            self._requests = 0

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(self._upstream)
        for one, other in ((client, server), (server, client)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(one, selectors.EVENT_READ, partial(self._read, one, other))
            self._peers[one] = other
        # The handshake is over before the relay hears of it, so the first request pays for it.
        self._opened[client] = time.monotonic() + self._round_trip

    def _read(self, source: socket.socket, target: socket.socket) -> None:
        try:
            block = source.recv(_BLOCK)
        except OSError:
            block = b""
        if not block:
            self._selector.unregister(source)
        elif source in self._opened and _REQUEST.match(block):
            self._requests += 1
        due = max(time.monotonic(), self._opened.get(source, 0.0)) + self._round_trip / 2
        heapq.heappush(self._late, (due, next(self._numbers), target, block))

    def _deliver(self) -> None:
        while self._late and self._late[0][0] <= time.monotonic():
            _, _, target, block = heapq.heappop(self._late)
            with contextlib.suppress(OSError):  # either side may be gone
                if block:
                    target.sendall(block)
                else:
                    target.shutdown(socket.SHUT_WR)
            if not block:
                self._end(target)

    def _end(self, target: socket.socket) -> None:
        """Let go of a connection when both of its directions have ended."""
        self._ended.add(target)
        pair = {target, self._peers[target]}
        if pair <= self._ended:
            self._ended -= pair
            for one in pair:
                self._peers.pop(one)
                self._opened.pop(one, None)
                one.close()


if __name__ == "__main__":
    host, port, milliseconds = sys.argv[1:]
    relay = Relay((host, int(port)), float(milliseconds) / 1000)
    print(relay.port, flush=True)
    relay.run()
