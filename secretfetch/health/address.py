"""What `--http-bind` may say. What does not belong here: opening sockets."""

from __future__ import annotations

import re
from typing import NamedTuple

from secretfetch.errors import ConfigError

LOOPBACK = "127.0.0.1"
ALL = ""
_FORM = re.compile(r"(?:(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]]*)):)?(?P<port>[0-9]{1,5})", re.ASCII)
_LONGEST_SHOWN = 60


class Address(NamedTuple):
    """Where to listen: an IP address (empty: all interfaces, of both families) and a port (0: any that is free)."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def own(self) -> str:
        """Where the machine itself finds it."""
        return {ALL: LOOPBACK, "0.0.0.0": LOOPBACK, "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared with


def parse(text: str) -> Address:
    """Read an address: `8080`, `127.0.0.1:8080`, `localhost:8080`, `[::1]:8080`, `:8080`.

    A bare port is one of the loopback interface, so that nothing is open to the network by an oversight.

    Raises:
        ConfigError: It is none of these, or the port is above 65535.
    """
    found = _FORM.fullmatch(text)
    if found is None or int(found["port"]) > 65535:  # noqa: PLR2004 - the highest port
        raise _wrong(text)
    host = found["six"] if found["six"] is not None else found["host"]
    if host is None or host == "localhost":
        host = LOOPBACK
    if host and not _is_ip(host):
        raise _wrong(text)
    return Address(host, int(found["port"]))


def _is_ip(host: str) -> bool:
    import socket  # noqa: PLC0415 - start-up cost

    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return False
    return True


def _wrong(text: str) -> ConfigError:
    from secretfetch.names import printable  # noqa: PLC0415 - start-up cost

    return ConfigError(
        f'"{printable(text, _LONGEST_SHOWN)}" is no address to listen on',
        ("known", "8080 (loopback), 127.0.0.1:8080, [::1]:8080, :8080 (all interfaces)"),
        ("fix", "correct --http-bind or SECRETFETCH_HTTP_BIND; a host is an IP address"),
    )
