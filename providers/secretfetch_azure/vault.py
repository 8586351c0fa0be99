"""The one narrow call that everything of a vault goes through: a path in, its JSON out.

The SDK's client for secrets sends it, which answers the vault's login challenge and checks that challenge; it serves
keys and certificates as well, so that their packages need not be loaded. Whatever takes its place keeps `get`, `pages`
and `close`, and raises `Refusal` and errors of `secretfetch.provider` only. What does not belong here: what an answer
means.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, DecodeError
from azure.core.rest import HttpRequest
from azure.keyvault.secrets import SecretClient

from secretfetch.provider import AuthFailed, SecretError, Unavailable
from secretfetch_azure.http import CappedAdapter, transport
from secretfetch_azure.login_errors import within
from secretfetch_azure.refusal import Refusal, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretfetch_azure.login import Login

Answer = dict[str, Any]

PAGE = 25
_MOST_PAGES = 4000  # 100,000 secrets; a list that leads back to itself ends too
_UNAUTHORIZED = 401


class Vault:
    """One vault. Safe for threads.

    Args:
        host: Its host.
        login: Gives the token.
    """

    def __init__(self, host: str, login: Login) -> None:
        _silence()
        self._host = host
        self._login = login
        self._lock = threading.Lock()
        self._client: Any = None
        self._closed = False

    def get(self, path: str, **query: str) -> Answer:
        """Ask for one thing, once.

        Args:
            path: Such as `/secrets/NAME`; or a whole URL of this vault.
            query: More arguments of the URL.

        Raises:
            Refusal: The vault answers with an error.
            SecretError: It does not answer, or nobody could log in.
        """
        response = self._send(path, query)
        if response.status_code == _UNAUTHORIZED and self._login.renew(_token(response)):
            response = self._send(path, query)
        if response.status_code != 200:  # noqa: PLR2004 - HTTP
            raise _refusal(response)
        self._login.worked(_token(response))
        answer = _json(response)
        if not answer:
            raise self._unreadable()
        return answer

    def pages(self, path: str) -> Iterator[list[Answer]]:
        """List, page by page.

        Raises:
            Refusal: See `get`.
            SecretError: See `get`.
        """
        answer = self.get(path, maxresults=str(PAGE))
        for _ in range(_MOST_PAGES):
            yield [item for item in answer.get("value") or [] if isinstance(item, dict)]
            following = answer.get("nextLink")
            if not following:
                return
            if urlsplit(following).netloc.removesuffix(":443").lower() != self._host.removesuffix(":443"):
                raise Unavailable(f"a list of {self._host} goes on at another host")
            answer = self.get(following)

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _send(self, path: str, query: dict[str, str]) -> Any:
        try:
            return self._open().send_request(HttpRequest("GET", path, params=query))
        except (SecretError, Refusal):
            raise
        except DecodeError as error:  # a proxy or a gateway speaks HTML
            raise _bare_refusal(error.response) or self._unreadable() from None
        except ValueError:
            # The SDK compares where the challenge leads to with the host, before any token is sent.
            raise AuthFailed(
                f"{self._host} asks for a login that is not Key Vault's",
                ("fix", "see the vault's host; the token was not sent there"),
            ) from None
        except AzureError as error:
            met = within(error, SecretError)
            raise (met or Unavailable(f"cannot ask {self._host}: {type(error).__name__}")) from None

    def _open(self) -> Any:
        with self._lock:
            if self._closed:
                raise Unavailable("this connection to Key Vault is closed")
            if self._client is None:
                url = f"https://{self._host}"
                self._client = SecretClient(
                    url,
                    self._login,
                    transport=transport(CappedAdapter("vault"), only=url),
                    retry_total=0,
                    permit_redirects=False,
                )
            return self._client

    def _unreadable(self) -> Unavailable:
        return Unavailable(f"the answer of {self._host} cannot be read")


def _token(response: Any) -> str:
    return str(response.request.headers.get("Authorization", "")).removeprefix("Bearer ")


def _json(response: Any) -> Answer:
    try:
        answer = response.json()
    except (ValueError, AzureError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _refusal(response: Any) -> Refusal:
    told = _json(response).get("error")
    told = told if isinstance(told, dict) else {}
    inner = told.get("innererror")
    code = inner.get("code") if isinstance(inner, dict) else ""
    return Refusal(
        response.status_code,
        str(code or told.get("code") or ""),
        str(told.get("message") or ""),
        retry_after=seconds(response.headers.get("Retry-After")),
    )


def _bare_refusal(response: Any) -> Refusal | None:
    if response is None or response.status_code == 200:  # noqa: PLR2004 - HTTP
        return None
    return Refusal(response.status_code, retry_after=seconds(response.headers.get("Retry-After")))


def _silence() -> None:
    """Keep the SDK from logging failures that are told anyway, unless somebody has set its levels."""
    for name in ("azure", "msal"):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL)
