"""Why nobody answered: exceptions of `requests` and urllib3 -> ours. What does not belong here: answers."""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from requests import exceptions as http
from requests.utils import select_proxy
from urllib3 import exceptions as lower

from secretfetch.provider import ConfigError, SecretError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TUNNEL = re.compile(r"Tunnel connection failed: (\d+)")
_NEEDS_LOGIN = "407"
_UNRESOLVED = {
    "vault": "see the vault's name; a private endpoint resolves in its own network only",
    "login": "see DNS and the egress rules of this place",
    "identity": "managed identities exist on Azure only",
}
_UNREACHED = {
    "vault": "see firewall, private endpoint and HTTPS_PROXY",
    "login": "allow the way to it: every login goes there, whatever the vault",
    "identity": 'managed identities exist on Azure only; elsewhere set another "auth"',
}


def proxy_for(url: str, proxies: Mapping[str, str] | None) -> str:
    """Return host and port of the proxy that a request goes through, or nothing."""
    chosen = select_proxy(url, dict(proxies or {})) or ""
    return urlsplit(chosen if "//" in chosen else f"//{chosen}").netloc.rpartition("@")[2]


def explain(error: Exception, host: str, proxy: str, kind: str) -> SecretError:
    """Return what an exception means.

    Args:
        error: Of `requests`, or an `OSError`.
        host: That was to answer.
        proxy: On the way, or nothing.
        kind: What the host is: `vault`, `login` or `identity`.
    """
    if isinstance(error, http.ProxyError):
        return _at_the_proxy(error, host, proxy)
    if isinstance(error, http.SSLError):
        return _no_trust(error, host)
    if isinstance(error, http.ConnectTimeout):
        return Unavailable(f"cannot reach {proxy or host}: no connection in time", ("fix", _UNREACHED[kind]))
    if isinstance(error, http.ReadTimeout):
        return Unavailable(f"{host} does not answer in time")
    if isinstance(error, http.InvalidProxyURL | http.InvalidURL | http.InvalidSchema | http.MissingSchema):
        return ConfigError(f"no way to {host}: HTTPS_PROXY or the host is malformed")
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror | lower.NameResolutionError) for cause in causes):
        return Unavailable(f"cannot reach {host}: the name does not resolve", ("fix", _UNRESOLVED[kind]))
    if any(isinstance(cause, lower.NewConnectionError | ConnectionRefusedError) for cause in causes):
        return Unavailable(f"cannot reach {host}", ("fix", _UNREACHED[kind]))
    if isinstance(error, http.ConnectionError):
        return Unavailable(f"{host} closed the connection without an answer")
    if isinstance(error, http.RequestException):
        return Unavailable(f"cannot reach {host}: {type(error).__name__}")
    return ConfigError(
        "the file of trusted authorities cannot be used", ("fix", "see REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE")
    )


def ended_early(error: Exception, host: str) -> Unavailable:
    """Return what it means that an answer began and did not come to its end."""
    if isinstance(error, lower.ReadTimeoutError):
        return Unavailable(f"{host} does not answer in time")
    return Unavailable(f"the answer of {host} ended early")


def _at_the_proxy(error: Exception, host: str, proxy: str) -> Unavailable:
    causes = list(_causes(error))
    tunnel = next((found for cause in causes if (found := _TUNNEL.search(str(cause)))), None)
    if tunnel and tunnel[1] == _NEEDS_LOGIN:
        return Unavailable(f"the proxy {proxy} wants a login of its own", ("fix", "write it into HTTPS_PROXY"))
    if tunnel:
        return Unavailable(
            f"cannot reach {host}: the proxy {proxy} answers {tunnel[1]}",
            ("fix", "see the name; a vault that is not there looks the same, and so does a host that is not allowed"),
        )
    if any(isinstance(cause, ConnectionError) and not isinstance(cause, ConnectionRefusedError) for cause in causes):
        # The tunnel may have stood already: nothing tells it from a proxy that hangs up.
        return Unavailable(f"{host} closed the connection without an answer", ("by way of", f"the proxy {proxy}"))
    return Unavailable(f"cannot reach the proxy {proxy}", ("fix", "see HTTPS_PROXY and NO_PROXY"))


def _no_trust(error: Exception, host: str) -> Unavailable:
    why = next((c.verify_message for c in _causes(error) if isinstance(c, ssl.SSLCertVerificationError)), "")
    if "expired" in why or "not yet valid" in why:
        fix = "renew the certificate of the server or proxy, or set this machine's clock"
    else:
        fix = "REQUESTS_CA_BUNDLE names the file of the authority behind a proxy (SSL_CERT_FILE is not read)"
    notes = [("why", why)] if why else []
    return Unavailable(f"no trusted TLS connection to {host}", *notes, ("fix", fix))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk down to the bottom: the libraries keep causes in arguments, in attributes and in the usual places."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = [*cause.args, getattr(cause, "reason", None), getattr(cause, "original_error", None)]
        inner += [cause.__cause__, cause.__context__]
        waiting += [one for one in inner if isinstance(one, BaseException)]
