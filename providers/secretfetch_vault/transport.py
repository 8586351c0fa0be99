"""The one narrow call that everything goes through: method, path, body, namespace, token in; status, headers, body out.

Whatever takes its place keeps `call` and `close`, and raises errors of `secretfetch.provider` only. What does not
belong here: what an answer means.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from secretfetch.provider import ConfigError, SecretError, Unavailable, requested

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch_vault.http import Http
    from secretfetch_vault.places import Place

_HOPS = 2
_REDIRECTS = {301, 302, 303, 307, 308}
_BAD_REQUEST = 400
_PLAIN_TO_TLS = b"Client sent an HTTP request to an HTTPS server"
_SAME_METHOD = {307, 308}


@dataclass(frozen=True, slots=True)
class Request:
    """One question.

    Attributes:
        method: Of HTTP.
        path: Below `/v1/`, not quoted: `secret/data/app`.
        body: What is sent as JSON.
        query: Arguments of the URL.
        namespace: Empty is the root.
        token: Empty is none.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `headers` have lower-case names; `body` may hold secrets."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


WORKERS = 25  # requests side by side; as many connections are kept


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds."""

    connect: float = 5.0
    read: float = 10.0


class Transport:
    """Asks one server, over connections that are kept. Safe for threads."""

    def __init__(self, place: Place, timeouts: Timeouts = Timeouts()) -> None:
        self.place = place
        self._timeouts = (timeouts.connect, timeouts.read)
        self._lock = threading.Lock()
        self._http: Http | None = None
        self._closed = False

    def call(self, request: Request) -> Answer:
        """Ask one question, once; a redirection is followed within the server only.

        Raises:
            SecretError: There was no answer, or one that is too large.
        """
        path, query = "/v1/" + quote(request.path, safe="/"), dict(request.query)
        for _ in range(_HOPS):
            answer = self._send(request, path, query)
            if answer.status == _BAD_REQUEST and answer.body.startswith(_PLAIN_TO_TLS):
                fix = f"correct {self.place.named_by}: https:// instead of http://"
                raise ConfigError(f"{self.place.host} speaks TLS only", ("fix", fix))
            if answer.status not in _REDIRECTS:
                return answer
            path, query = self._next(answer), {}
        raise Unavailable(f"{self.place.host} redirects in a circle")

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            self._closed = True
            http, self._http = self._http, None
        if http is not None:
            http.close()

    def _send(self, request: Request, path: str, query: dict[str, str]) -> Answer:
        http = self._opened()
        # Imported by now, and nowhere before the first request.
        import urllib3.exceptions  # noqa: PLC0415 - start-up cost

        body = None if request.body is None else json.dumps(request.body).encode()
        try:
            answer = Answer(*http.send(request.method, path, headers=_headers(request), query=query, body=body))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            requested("vault", _operation(request), type(error).__name__)
            from secretfetch_vault import network_errors  # noqa: PLC0415 - start-up cost

            explained = network_errors.explain(error, self.place)
        except SecretError as error:
            requested("vault", _operation(request), type(error).__name__)
            raise
        else:
            requested("vault", _operation(request), str(answer.status))
            return answer
        # Outside of `except`: the exception holds the request, and with it the token.
        self._forget(http)
        raise explained

    def _opened(self) -> Http:
        from secretfetch_vault.http import Http  # noqa: PLC0415 - imports the SDK

        with self._lock:
            if self._closed:
                raise Unavailable(f"this connection to {self.place.host} is closed")
            if self._http is None:
                self._http = Http(self.place, self._timeouts)
            return self._http

    def _forget(self, http: Http) -> None:
        """Begin anew after a failure: mounted authorities and certificates may have been renewed since."""
        with self._lock:
            if self._http is http and self.place.address.startswith("https:"):
                self._http = None

    def _next(self, answer: Answer) -> str:
        """Return where a redirection leads, if that is the same server."""
        ours, theirs = urlsplit(self.place.address), urlsplit(answer.headers.get("location", ""))
        if answer.status not in _SAME_METHOD:
            raise _led_away(self.place, theirs.netloc)
        if theirs.netloc and (theirs.scheme, theirs.netloc) != (ours.scheme, ours.netloc):
            if answer.status == 307:  # noqa: PLR2004 - what a standby answers
                raise Unavailable(
                    f"{self.place.host} is a standby and sends its clients to {theirs.netloc}",
                    ("note", "the token is not sent to another host"),
                    ("fix", "use an address that leads to the active node, or let standbys forward requests"),
                )
            raise _led_away(self.place, theirs.netloc)
        path = theirs.path.removeprefix(ours.path)
        return f"{path}?{theirs.query}" if theirs.query else path


def _operation(request: Request) -> str:
    """Return what a request is, without any name in it."""
    if request.path.startswith("auth/"):
        return "token" if request.path.startswith("auth/token/") else "login"
    if request.path.startswith("sys/"):
        kind = request.path.split("/")[1]
        return {"leases": "lease", "wrapping": "unwrap"}.get(kind, "mount")
    if request.method != "GET":
        return "write"
    return "list" if request.query.get("list") else "read"


def _headers(request: Request) -> dict[str, str]:
    # Not compressed, so that the size of an answer is what is read of it.
    headers = {"Accept-Encoding": "identity", "X-Vault-Request": "true"}
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    if request.namespace:
        headers["X-Vault-Namespace"] = request.namespace
    if request.token:
        headers["X-Vault-Token"] = request.token
    return headers


def _led_away(place: Place, host: str) -> ConfigError:
    return ConfigError(
        f"{place.address} redirects to {host or 'another page'}",
        ("note", "the token is not sent there"),
        ("fix", f"correct {place.named_by}: the address of the API itself, with https where the server wants that"),
    )
