"""Asks a sidecar how it is, for `secretfetch healthcheck`: over HTTP or by its status file.

What does not belong here: anything that takes time to load. A container's runtime runs it every few seconds.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from secretfetch.health.address import parse
from secretfetch.health.files import start_ticks

if TYPE_CHECKING:
    from collections.abc import Callable

_LIMIT = 2.0  # seconds for everything
_MOST_BYTES = 64 * 1024


class Verdict(NamedTuple):
    """Whether a sidecar is ready, and one line that says why."""

    ready: bool
    reason: str


def check(*, bind: str = "", path: str = "", clock: Callable[[], float] = time.monotonic) -> Verdict:
    """Ask how the sidecar is.

    Args:
        bind: What it was given as `--http-bind`; if it is empty, the status file is read.
        path: Of the status file.
        clock: Monotonic seconds, for the limit of 2 seconds.

    Raises:
        ConfigError: `bind` is no address.
    """
    return _by_http(bind, clock) if bind else _by_file(path)


def _by_http(bind: str, clock: Callable[[], float]) -> Verdict:
    address = parse(bind)
    end = clock() + _LIMIT
    try:
        alive, said = _get(address.own, address.port, "/healthz", lambda: end - clock())
        if not alive:
            return Verdict(ready=False, reason=f"not alive: {said}")
        ready, said = _get(address.own, address.port, "/readyz", lambda: end - clock())
    except OSError as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__
        return Verdict(ready=False, reason=f"not ready: {address}: {reason.lower()}")
    return Verdict(ready, f"ready: {said}" if ready else f"not ready: {said}")


def _get(host: str, port: int, path: str, left: Callable[[], float]) -> tuple[bool, str]:
    """Return whether the answer is 200, and the first line of its body."""
    import socket  # noqa: PLC0415 - start-up cost

    data = b""
    with socket.create_connection((host, port), timeout=max(left(), 0.001)) as connection:
        name = f"[{host}]" if ":" in host else host
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {name}:{port}\r\n\r\n".encode())
        while len(data) < _MOST_BYTES:
            connection.settimeout(max(left(), 0.001))
            part = connection.recv(4096)
            if not part:
                break
            data += part
    head, _, body = data.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if not head.startswith(b"HTTP/1.") or not status:
        return False, "that is no HTTP server"
    return status == [b"200"], _line(body.decode(errors="replace"))


def _by_file(path: str) -> Verdict:
    try:
        # Others may be able to write to the volume: a pipe in the file's place must not hold us up.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            content = _decoded(stream.read(_MOST_BYTES + 1) or b"")
    except OSError as error:
        return Verdict(ready=False, reason=f"not ready: {_line(path)}: {os.strerror(error.errno or 0).lower()}")
    if content is None:
        return Verdict(ready=False, reason=f"not ready: {_line(path)} is no status file")
    phase, pid, ticks = (content.get(name) for name in ("phase", "pid", "start_ticks"))
    if content.get("ready") is not True or phase not in ("fresh", "stale"):
        return Verdict(ready=False, reason=f"not ready: {_line(str(phase))}{_why(content)}")
    if not _runs(pid, ticks):
        return Verdict(ready=False, reason=f"not ready: process {_line(str(pid))}, which was {phase}, is gone")
    return Verdict(ready=True, reason=f"ready: {phase}{_why(content)}")


def _decoded(data: bytes) -> dict[str, Any] | None:
    import json  # noqa: PLC0415 - start-up cost

    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _runs(pid: object, ticks: object) -> bool:
    """Whether the process that wrote a status is there: a restarted container has the same numbers again."""
    if type(pid) is not int or pid < 1:
        return False
    return start_ticks(pid) == ticks if isinstance(ticks, int) else os.path.exists(f"/proc/{pid}")


def _why(content: dict[str, Any]) -> str:
    error = content.get("error")
    headline = error.get("headline") if isinstance(error, dict) else None
    return f": {_line(headline)}" if isinstance(headline, str) else ""


def _line(text: str) -> str:
    """The first line of a text, with nothing in it that could command a terminal."""
    first = text.split("\n", 1)[0][:500]
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in first)
