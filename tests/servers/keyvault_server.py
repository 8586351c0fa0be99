"""Key Vault, Entra ID and machine identities for tests, on one port of this machine, in this process.

Programs reach it by the real names: it is the proxy of `HTTPS_PROXY`, and answers `CONNECT name.vault.azure.net` itself
with a certificate of a throw-away authority. So the login challenge, its verification and the discovery before a login
happen as in Azure. Statuses, codes and the shape of answers are the service's. It reads only: tests put things in by
`KeyVaultServer.vault`. What does not belong here: anything about secretfetch.

Not there: writing, key operations, issuing certificates, managed HSMs.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from servers.dripping import drip
from servers.keyvault_authority import TENANT, Authority, Tokens
from servers.keyvault_content import KINDS, Item, Vault
from servers.keyvault_faults import Denial, Fault, Request, refusal
from servers.keyvault_login import Login, service_account_token

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOUDS = {
    "vault.azure.net": "login.microsoftonline.com",
    "vault.azure.cn": "login.chinacloudapi.cn",
    "vault.usgovcloudapi.net": "login.microsoftonline.us",
}
_PAGE = 25


class _Answer(Exception):
    """An answer with an error, from anywhere."""

    def __init__(self, status: int, code: str, message: str, inner: str = "", **headers: str) -> None:
        super().__init__(code)
        error: dict[str, Any] = {"code": code, "message": message}
        if inner:
            error["innererror"] = {"code": inner}
        self.status = status
        self.body = {"error": error}
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class _Sent(Exception):
    """There is nothing left to be sent."""


class KeyVaultServer:
    """The server.

    Attributes:
        vaults: By name; a name that is not here does not resolve.
        faults: Put `Fault`s here.
        denials: By the name of the vault.
        login: Who may log in.
        tokens: That it has issued.
        authority: Of its certificates.
        requests: What has come in since the last reset.
        sent: Bytes of huge bodies since the last reset.
        wrong_challenge: The resource that the challenge of each vault names instead of its own.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="keyvault-")
        self.authority = Authority(self._folder.name)
        self.tokens = Tokens()
        self.login = Login(self.tokens)
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.vaults: dict[str, Vault] = {}
        self.denials: dict[str, list[Denial]] = {}
        self.released = threading.Event()
        self._lock = threading.Lock()
        self.sent = 0
        self.wrong_challenge = ""
        handler = type("Handler", (_Outside,), {"azure": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.port = self._server.server_port

    def start(self) -> KeyVaultServer:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Answer no more."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def reset(self) -> None:
        """Forget everything."""
        self.released.set()
        self.released = threading.Event()
        self.faults.clear()
        self.vaults.clear()
        self.denials.clear()
        self.login.reset()
        self.authority.expired.clear()
        self.tokens.lifetime = 3600
        self.wrong_challenge = ""
        self.forget()

    def forget(self) -> None:
        """Begin to count from nothing."""
        self.requests.clear()
        self.sent = 0

    def vault(self, name: str) -> Vault:
        """Return a vault, made if it is new."""
        return self.vaults.setdefault(name, Vault(name))

    def deny(self, vault: str, operation: str = "", name: str = "", by: str = "role") -> None:
        """Refuse a permission; see `Denial`."""
        self.denials.setdefault(vault, []).append(Denial(operation, name, by))

    @property
    def counts(self) -> Counter[str]:
        """How often each operation was asked for, challenges left out."""
        return Counter(request.operation for request in self.requests if request.authorized)

    @property
    def challenges(self) -> int:
        """How many requests to vaults came without a token."""
        return sum(not request.authorized for request in self.requests)

    def way(self) -> dict[str, str]:
        """Return the variables that lead programs here, without a login."""
        local = "127.0.0.1,localhost"
        proxy = f"http://127.0.0.1:{self.port}"
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": local,
            "no_proxy": local,
            "REQUESTS_CA_BUNDLE": self.authority.file,
        }

    def env(self) -> dict[str, str]:
        """Return the variables for a machine of App Service with an identity."""
        endpoint = f"http://127.0.0.1:{self.port}/msi/token"
        return {**self.way(), "IDENTITY_ENDPOINT": endpoint, "IDENTITY_HEADER": self.login.header}

    def env_imds(self) -> dict[str, str]:
        """Return the variables for a virtual machine with an identity."""
        return {**self.way(), "AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://127.0.0.1:{self.port}"}

    def env_pod(self, folder: str, subject: str = "system:serviceaccount:shop:web") -> dict[str, str]:
        """Return the variables that the AKS webhook sets; the token is written below `folder`."""
        path = os.path.join(folder, "azure-identity-token")
        with open(path, "w", encoding="ascii") as stream:
            stream.write(service_account_token(subject))
        return {
            **self.way(),
            "AZURE_CLIENT_ID": "app",
            "AZURE_TENANT_ID": TENANT,
            "AZURE_FEDERATED_TOKEN_FILE": path,
            "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
        }

    def fault_for(self, request: Request) -> Fault | None:
        """Note a request and return what is to be done to it."""
        with self._lock:
            self.requests.append(request)
            if not request.authorized:
                return None
            return next((fault for fault in self.faults if fault.fits(request)), None)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError | ValueError):  # clients may go away
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """What both sides of a tunnel have in common."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    azure: KeyVaultServer

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        if size and hasattr(socket, "TCP_QUICKACK"):  # the body comes in a packet of its own and waits for this
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self.content = self.rfile.read(size)
        url = urlsplit(self.path)
        self.parts = [unquote(part) for part in url.path.split("/") if part]
        self.query = {name: values[0] for name, values in parse_qs(url.query).items()}
        try:
            status, body = self.answer()
            self.send(status, body)
        except _Answer as refusal:
            self.send(refusal.status, refusal.body, refusal.headers)
        except _Sent:
            pass

    do_POST = do_GET  # noqa: N815 - the names are the library's

    def answer(self) -> tuple[int, Any]:
        """Return status and body."""
        raise NotImplementedError

    def meet(self, request: Request) -> None:
        """Note a request, and do to it what is planned."""
        self.cut: int | None = None
        self.drip = 0.0
        fault = self.azure.fault_for(request)
        if fault is None:
            return
        self.cut, self.drip = fault.cut, fault.drip
        if fault.hang:
            self.azure.released.wait()
            raise ConnectionAbortedError
        if fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise ConnectionAbortedError
        if fault.huge:
            self._send_huge(fault.huge)
            raise ConnectionAbortedError
        if fault.body is not None:
            self.send(fault.status or 200, fault.body, fault.headers)
            raise _Sent
        if fault.status:
            answer = _Answer(fault.status, fault.code or "Failed", fault.message or "It failed.", fault.inner)
            answer.headers = dict(fault.headers)
            raise answer

    def send(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """Send an answer."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        cut = getattr(self, "cut", None)
        self.send_response_only(status)
        headers = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        slow = getattr(self, "drip", 0.0)
        if slow:
            drip(self.wfile, content, slow, self.azure.released)
        else:
            self.wfile.write(content[:cut])
        self.close_connection = self.close_connection or cut is not None or slow > 0

    def _send_huge(self, size: int) -> None:
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        block = b'{"id":"https://v/secrets/n/1","value":"' + b"x" * (1 << 16)
        with contextlib.suppress(OSError):  # the reader has had enough, which is the point
            while self.azure.sent < size:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
                self.azure.sent += len(block)
                block = b"x" * (1 << 16)
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Outside(_Handler):
    """Plain HTTP: the proxy, and the identity of the machine."""

    def do_CONNECT(self) -> None:
        host = self.path.rpartition(":")[0].lower()
        self.close_connection = True
        name, _, domain = host.partition(".")
        if host not in CLOUDS.values() and not (domain in CLOUDS and name in self.azure.vaults):
            self.send_response_only(502, "nobody of that name")
            self.end_headers()
            return
        self.send_response_only(200)
        self.end_headers()
        with contextlib.suppress(OSError):  # the client may not trust us, which is its right
            tunnel = self.azure.authority.context(host).wrap_socket(self.connection, server_side=True)
            with contextlib.closing(tunnel):
                inside = type("Inside", (_Inside,), {"azure": self.azure, "host": host})
                inside(tunnel, self.client_address, self.server)

    def answer(self) -> tuple[int, Any]:
        style = {"msi": "app-service", "metadata": "imds"}.get("".join(self.parts[:1]), "")
        if not style:
            return 404, {"error": "not_found"}
        self.meet(Request("identity", "token", self.query.get("client_id", "system-assigned"), self.path))
        if style == "imds" and self.headers.get("Metadata") != "true":
            return 400, {"error": "invalid_request", "error_description": "Required metadata header not specified"}
        if style == "app-service" and self.headers.get("X-IDENTITY-HEADER") != self.azure.login.header:
            return 401, {"statusCode": 401, "message": "The identity header is missing or wrong."}
        return self.azure.login.machine(style, self.query)


class _Inside(_Handler):
    """What a client finds in its tunnel: a login host or a vault."""

    host: str

    def answer(self) -> tuple[int, Any]:
        if self.host in CLOUDS.values():
            return self._log_in()
        name, _, domain = self.host.partition(".")
        return self._ask(self.azure.vaults[name], domain)

    def _log_in(self) -> tuple[int, Any]:
        if self.command == "POST":
            form = {name: values[0] for name, values in parse_qs(self.content.decode()).items()}
            self.meet(Request("login", "token", form.get("client_id", ""), self.path))
            return self.azure.login.token(self.parts[0], form)
        self.meet(Request("login", "discovery", self.parts[0], self.path))
        return self.azure.login.discover(self.host, self.parts)

    def _ask(self, vault: Vault, domain: str) -> tuple[int, Any]:
        kind, name, *rest = (*self.parts, "", "")[: max(2, len(self.parts))]
        listing = not name or rest[:1] == ["versions"]
        operation = f"{kind}/{'list' if listing else 'get'}"
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        request = Request(vault.name, operation, name, urlsplit(self.path).path, bool(bearer))
        self.meet(request)
        claims = self._identify(bearer, domain)
        if "api-version" not in self.query:
            raise _Answer(400, "BadParameter", "The api-version is missing.")
        self._allow(vault, request, claims)
        if kind.removeprefix("deleted") not in KINDS:
            raise _Answer(400, "BadParameter", "The request URI contains an unknown path.")
        if listing:
            return 200, self._page(self._entries(vault, kind, name))
        return 200, self._find(vault, kind, name, "".join(rest[:1]))

    def _identify(self, bearer: str, domain: str) -> dict[str, Any]:
        resource = self.azure.wrong_challenge or domain
        challenge = f'Bearer authorization="https://{CLOUDS[domain]}/{TENANT}", resource="https://{resource}"'
        if not bearer:
            message = "AKV10000: Request is missing a Bearer or PoP token."
            raise _Answer(401, "Unauthorized", message, WWW_Authenticate=challenge)
        claims = self.azure.tokens.read(bearer)
        if claims is None:
            message = "AKV10046: Unable to resolve the key used for signature validation."
        elif claims["aud"] != f"https://{domain}":
            message = f"AKV10022: Invalid audience. Expected https://{domain}, found: {claims['aud']}."
        elif claims["exp"] <= time.time():
            message = "[TokenExpired] Error validating token: 'S2S12086'."
        else:
            return claims
        raise _Answer(401, "Unauthorized", message, WWW_Authenticate=challenge)

    def _allow(self, vault: Vault, request: Request, claims: Mapping[str, Any]) -> None:
        denial = next((one for one in self.azure.denials.get(vault.name, []) if one.fits(request)), None)
        if denial is None:
            return
        caller = f"appid={claims['appid']};oid={claims['oid']};iss={claims['iss']}"
        raise _Answer(403, "Forbidden", *refusal(denial.by, vault.name, request, caller))

    def _entries(self, vault: Vault, kind: str, name: str) -> list[Any]:
        base = f"https://{self.host}"
        if kind.startswith("deleted"):
            plain = kind.removeprefix("deleted")
            return [vault.tombstone(base, plain, item) for _, item in sorted(vault.deleted[plain].items())]
        if not name:
            return [vault.listed(base, kind, item) for _, item in sorted(vault.items[kind].items())]
        item = vault.items[kind].get(name.lower(), Item(name))  # versions of an unknown name are an empty list
        return [vault.listed(base, kind, item, each) for each in sorted(item.versions, key=lambda each: each.id)]

    def _find(self, vault: Vault, kind: str, name: str, version: str) -> Any:
        base, plain = f"https://{self.host}", kind.removeprefix("deleted")
        title = KINDS[plain].capitalize()
        if not all(sign.isascii() and (sign.isalnum() or sign == "-") for sign in name):
            raise _Answer(400, "BadParameter", f"The request URI contains an invalid name: {name}")
        if plain != kind:
            if name.lower() not in vault.deleted[plain]:
                raise _Answer(404, f"{title}NotFound", f"Deleted {title} not found: {name}")
            return vault.tombstone(base, plain, vault.deleted[plain][name.lower()])
        found = vault.find(kind, name, version)
        if found is None:
            told = f"{name}/{version}" if version else name
            raise _Answer(
                404, f"{title}NotFound", f"A {KINDS[kind]} with (name/id) {told} was not found in this key vault."
            )
        if kind == "secrets" and not found[1].attributes["enabled"]:
            raise _Answer(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return vault.whole(base, kind, *found)

    def _page(self, entries: list[Any]) -> dict[str, Any]:
        size, start = int(self.query.get("maxresults", _PAGE)), int(self.query.get("$skiptoken", 0))
        if not 1 <= size <= _PAGE:
            raise _Answer(400, "BadParameter", f"maxresults is from 1 to {_PAGE}.")
        following = None
        if start + size < len(entries):
            more = {"api-version": self.query["api-version"], "$skiptoken": start + size, "maxresults": size}
            path = urlsplit(self.path).path
            following = f"https://{self.host}:443{path}?{urlencode(more)}"  # the service names the port
        return {"value": entries[start : start + size], "nextLink": following}
