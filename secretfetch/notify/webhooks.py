"""A request that is sent after a change. What does not belong here: trying again.

Never through a proxy, never to where a redirection leads: the other end is a neighbour. What it answers is not read
beyond its status, and not shown.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from secretfetch import __version__
from secretfetch.errors import HookFailed

if TYPE_CHECKING:
    from http.client import HTTPConnection

    from secretfetch.plan import WebhookHook

_FAILURES = 400


def request(hook: WebhookHook) -> None:
    """Send one request.

    Raises:
        HookFailed: There is no answer within the hook's time, or it is not the one that counts as done.
    """
    outcome: list[int | str] = []
    connection = _connection(hook)
    thread = threading.Thread(target=_exchange, args=(hook, connection, outcome), name="webhook", daemon=True)
    thread.start()
    thread.join(hook.timeout)  # over everything: an answer that drips has no longer than one that does not come
    if thread.is_alive():
        _hang_up(connection)
    answer = outcome[0] if outcome else f"no answer within {hook.timeout:g} s"
    if isinstance(answer, str):
        fix = ("fix", "is it listening there, and in the same pod? raise timeout if it is slow")
        raise HookFailed(f"the webhook {_shown(hook)} failed: {answer}", fix)
    if answer != hook.success if hook.success else answer >= _FAILURES:
        wanted = hook.success or f"a status below {_FAILURES}"
        raise HookFailed(f"the webhook {_shown(hook)} answered {answer}", ("wanted", str(wanted)))


def _connection(hook: WebhookHook) -> HTTPConnection:
    from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415 - start-up cost

    url = urlsplit(hook.url)
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    try:
        return kind(url.hostname or "", url.port, timeout=hook.timeout)
    except (ValueError, OSError):
        raise HookFailed(f"the webhook {_shown(hook)} has no usable address") from None


def _hang_up(connection: HTTPConnection) -> None:
    """End the wait of the thread that reads: closing alone would leave it there for as long as an answer drips."""
    with suppress(OSError, AttributeError):  # not connected yet, or over at this moment
        connection.sock.shutdown(socket.SHUT_RDWR)


def _exchange(hook: WebhookHook, connection: HTTPConnection, outcome: list[int | str]) -> None:
    url = urlsplit(hook.url)
    headers = {"User-Agent": f"secretfetch/{__version__}", "Content-Length": "0", "Connection": "close"}
    if url.username or url.password:
        import base64  # noqa: PLC0415 - needed only here

        login = base64.b64encode(unquote(f"{url.username or ''}:{url.password or ''}").encode()).decode()
        headers["Authorization"] = f"Basic {login}"
    try:
        connection.request(hook.method, (url.path or "/") + (f"?{url.query}" if url.query else ""), headers=headers)
        outcome.append(connection.getresponse().status)
    except Exception as error:  # noqa: BLE001 - whatever the other end does; the text may quote it
        outcome.append(_reason(error))
    finally:
        connection.close()


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return "it timed out"
    return type(error).__name__


def _shown(hook: WebhookHook) -> str:
    """The address without a login and without arguments, which may be secrets."""
    url = urlsplit(hook.url)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"
