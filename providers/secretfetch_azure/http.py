"""HTTP as the SDK does it, through `requests`, with three differences.

No more of an answer is read than a value may have; what goes wrong on the way is told in our words, and here alone;
and `~/.netrc` is left alone, which would put its own password in the place of the token. What does not belong here:
what is asked.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.pipeline.transport import RequestsTransport
from requests import Session
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from secretfetch.provider import MAX_VALUE_BYTES, DataError, Throttled, Unavailable, requested
from secretfetch_azure import network
from secretfetch_azure.refusal import Refusal, seconds

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

_BLOCK = 64 * 1024
_CONNECTIONS = 12
_TIMEOUTS = (5.0, 10.0)
_TOO_MANY = 429
_UPGRADING = 410  # so says the metadata service of a machine


class CappedAdapter(HTTPAdapter):
    """Sends requests, and reads the answers at once.

    Args:
        kind: What is at the other end, for hints in messages: `vault`, `login` or `identity`.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        super().__init__(pool_maxsize=_CONNECTIONS)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send a request and return the answer, read already.

        Raises:
            DataError: The answer is larger than any value may be.
            SecretError: There was none.
        """
        host = urlsplit(request.url or "").netloc
        try:
            response = super().send(request, *args, **{**kwargs, "stream": True})
        except (RequestException, OSError) as error:
            requested("azure", self._kind, type(error).__name__)
            proxy = network.proxy_for(request.url or "", kwargs.get("proxies"))
            raise network.explain(error, host, proxy, self._kind) from None
        requested("azure", self._kind, str(response.status_code))
        response.raw = _Read(_read(response.raw, host))
        return response


class LoginAdapter(CappedAdapter):
    """Also keeps what a login was refused with: the SDK's own texts for that mislead.

    Attributes:
        refusal: The last one, or None.
    """

    refusal: Refusal | None = None

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send a request.

        Raises:
            Throttled: The other end has had enough for now.
            Unavailable: It fails.
        """
        response = super().send(request, *args, **kwargs)
        status = response.status_code
        if status in (_TOO_MANY, _UPGRADING) or status >= 500:  # noqa: PLR2004 - HTTP
            host = urlsplit(request.url or "").netloc
            pause = seconds(response.headers.get("Retry-After"))
            if status == _TOO_MANY:
                raise Throttled(f"the login at {host} throttles", retry_after=pause)
            raise Unavailable(f"the login at {host} fails (HTTP {status})", retry_after=pause)
        if status >= 400:  # noqa: PLR2004 - HTTP
            self.refusal = Refusal(status, "", response.text)
        return response


class _Read(io.BytesIO):
    """A body that was read; the SDK sets an attribute on it, which `BytesIO` itself does not allow."""


def _read(raw: Any, host: str) -> bytes:
    raw.enforce_content_length = True  # older ones do not by themselves
    blocks: list[bytes] = []
    size = 0
    try:
        for block in raw.stream(_BLOCK, decode_content=True):
            size += len(block)
            if size > MAX_VALUE_BYTES:
                raw.close()
                raise DataError(f"the answer of {host} is larger than {MAX_VALUE_BYTES} bytes")
            blocks.append(block)
    except (HTTPError, OSError) as error:
        raise network.ended_early(error, host) from None
    raw.release_conn()
    return b"".join(blocks)


def transport(
    adapter: CappedAdapter, *, connect: float = 0.0, only: str = "", direct: bool = False
) -> RequestsTransport:
    """Return what the SDK sends its requests through.

    Args:
        adapter: Does it.
        connect: Seconds to connect, unless the usual ones.
        only: The one URL that is asked: the environment is read once for it, which else is a fifth of each request.
        direct: Past any proxy, for addresses of this machine.
    """
    session = Session()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.auth = _nothing_from_netrc
    session.trust_env = not (only or direct)
    verify: bool | str = True
    if only:
        session.proxies = get_environ_proxies(only)
        verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    return RequestsTransport(
        session=session,
        connection_timeout=connect or _TIMEOUTS[0],
        read_timeout=_TIMEOUTS[1],
        connection_verify=verify,
    )


def _nothing_from_netrc(request: PreparedRequest) -> PreparedRequest:
    return request
