"""HTTP as the SDK does it, but reading no more of an answer than a value may have.

Hooked into a client's `before-send` event, which the SDK offers for that. What does not belong here: what is asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from secretfetch.provider import MAX_VALUE_BYTES, DataError, Unavailable, requested

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 64 * 1024
_ERROR = re.compile(rb'"__type"\s*:\s*"(?:[^"#]*#)?([A-Za-z]{1,60})"')


class CappedHttp:
    """Sends the requests of one client.

    Args:
        endpoint_url: Of the client; decides about proxies.
        authority: The file of authorities that the SDK is configured for, or nothing.
        timeouts: Seconds to connect and to read.
    """

    def __init__(self, endpoint_url: str, authority: str | None, timeouts: tuple[float, float]) -> None:
        import os  # noqa: PLC0415 - with the SDK only

        from botocore.httpsession import URLLib3Session  # noqa: PLC0415 - start-up cost
        from botocore.utils import get_environ_proxies  # noqa: PLC0415 - start-up cost

        self._host = host_of(endpoint_url)
        # The SDK takes an empty text for "do not verify"; nobody means that.
        verify: Any = authority or os.environ.get("REQUESTS_CA_BUNDLE") or True
        self._session = URLLib3Session(
            verify=verify,
            proxies=get_environ_proxies(endpoint_url),
            timeout=timeouts,
        )

    def send(self, request: Any, *, event_name: str, **_: Any) -> Any:
        """Send a prepared request and return the SDK's kind of response, read already.

        Raises:
            DataError: The answer is larger than any value may be.
            Unavailable: The answer ended early.
            botocore.exceptions.BotoCoreError: There was none.
        """
        from botocore.awsrequest import AWSResponse  # noqa: PLC0415 - start-up cost

        request.stream_output = True
        operation = event_name.rpartition(".")[2]
        code = ""
        try:
            response = self._session.send(request)
            body = self._read(response)
            code = _code(response.status_code, body)
        except Exception as error:
            code = type(error).__name__
            raise
        finally:
            requested("aws", operation, code)
        return AWSResponse(response.url, response.status_code, response.headers, _Read(body))

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def _read(self, response: Any) -> bytes:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - start-up cost

        promised = _length(response.headers)
        blocks: list[bytes] = []
        size = 0
        try:
            for block in response.raw.stream(_BLOCK):
                size += len(block)
                if max(size, promised) > MAX_VALUE_BYTES:
                    response.raw.close()
                    raise DataError(f"the answer of {self._host} is larger than {MAX_VALUE_BYTES} bytes")
                blocks.append(block)
        except HTTPError:
            raise self._ended_early() from None
        if size < promised:
            raise self._ended_early()
        return b"".join(blocks)

    def _ended_early(self) -> Unavailable:
        return Unavailable(f"the answer of {self._host} ended early")


class _Read:
    """What an `AWSResponse` reads from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


def _code(status: int, body: bytes) -> str:
    """Return what the metrics call an answer: AWS's own code if it is an error that has one, else its status."""
    found = _ERROR.search(body[:_BLOCK]) if status >= 400 else None  # noqa: PLR2004 - HTTP
    return found[1].decode() if found else str(status)


def _length(headers: Any) -> int:
    text = headers.get("Content-Length", "")
    return int(text) if text.isdigit() else 0


def host_of(url: str) -> str:
    """Return host and port of a URL, for messages."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - loaded with the SDK anyway

    return urlsplit(url).netloc.rpartition("@")[2] or url
