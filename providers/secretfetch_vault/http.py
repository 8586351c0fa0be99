"""HTTP through urllib3: connections kept, answers cut off where no value can be that large.

What does not belong here: what is asked, and what failures mean (`network_errors`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3

from secretfetch.provider import MAX_VALUE_BYTES, DataError, Unavailable
from secretfetch_vault.tls import make_context
from secretfetch_vault.transport import WORKERS

if TYPE_CHECKING:
    from secretfetch_vault.places import Place

_BLOCK = 64 * 1024


class Http:
    """Connections to one server.

    Args:
        place: The server.
        timeouts: Seconds to connect and to read.

    Raises:
        ConfigError: Files for TLS cannot be used.
    """

    def __init__(self, place: Place, timeouts: tuple[float, float]) -> None:
        settings: dict[str, Any] = {
            "num_pools": 2,
            "maxsize": WORKERS,
            "timeout": urllib3.Timeout(connect=timeouts[0], read=timeouts[1]),
            "retries": False,
        }
        if place.address.startswith("https:"):
            settings["ssl_context"] = make_context(place, os.environ)
            if place.server_name:
                settings["server_hostname"] = place.server_name
            if not place.verify:
                _unverified(place)
        self._host = place.host
        self._base = place.address.rstrip("/")
        self._pool = _pool(place, settings)

    def send(
        self, method: str, path: str, *, headers: dict[str, str], query: dict[str, str] | None, body: bytes | None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request and read the answer. A redirection is an answer as any other.

        Args:
            method: Of HTTP.
            path: Below the address, quoted.
            headers: All of them.
            query: Arguments.
            body: JSON.

        Returns:
            Status, headers with lower-case names, body.

        Raises:
            DataError: The answer is larger than any value may be.
            Unavailable: The answer ended early, or is compressed although nobody asked for that.
            urllib3.exceptions.HTTPError: There was none, or it could not be read to its end.
        """
        url = f"{self._base}{path}" + (f"?{urlencode(query)}" if query else "")
        response = self._pool.urlopen(method, url, body=body, headers=headers, redirect=False, preload_content=False)
        try:
            answer = {name.lower(): value for name, value in response.headers.items()}
            if answer.get("content-encoding", "identity").lower() != "identity":
                raise Unavailable(f"the answer of {self._host} is compressed, which was not asked for")
            return int(response.status), answer, self._read(response, answer)
        finally:
            response.close()  # one that is read to its end has given its connection back before

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()

    def _read(self, response: Any, headers: dict[str, str]) -> bytes:
        length = headers.get("content-length", "")
        promised = int(length) if length.isdigit() else 0
        blocks: list[bytes] = []
        size = 0
        while True:
            if max(size, promised) > MAX_VALUE_BYTES:
                raise DataError(f"the answer of {self._host} is larger than {MAX_VALUE_BYTES} bytes")
            block = response.read(_BLOCK, decode_content=False)
            if not block:
                break
            blocks.append(block)
            size += len(block)
        return b"".join(blocks)


def _pool(place: Place, settings: dict[str, Any]) -> urllib3.PoolManager:
    """Make the pool; through a proxy where the environment says so for this server."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return urllib3.PoolManager(**settings)
    from requests.utils import get_auth_from_url, get_environ_proxies, select_proxy  # noqa: PLC0415 - start-up cost

    proxy = select_proxy(place.address, get_environ_proxies(place.address))
    if not proxy:
        return urllib3.PoolManager(**settings)
    user, password = get_auth_from_url(proxy)
    login = urllib3.make_headers(proxy_basic_auth=f"{user}:{password}") if user else None
    return urllib3.ProxyManager(proxy if "://" in proxy else f"http://{proxy}", proxy_headers=login, **settings)


def _unverified(place: Place) -> None:
    import logging  # noqa: PLC0415 - only for this
    import warnings  # noqa: PLC0415 - only for this

    from urllib3.exceptions import InsecureRequestWarning  # noqa: PLC0415 - only for this

    # One line of ours in the log instead of one of urllib3 per connection.
    warnings.simplefilter("ignore", InsecureRequestWarning)
    logging.getLogger("secretfetch.vault").warning("the certificate of %s is not verified", place.host)
