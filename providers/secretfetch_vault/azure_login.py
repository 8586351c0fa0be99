"""The login by Azure identity: a token of the machine's managed identity, from its metadata service.

What does not belong here: the stores of Azure.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from secretfetch.provider import AuthFailed, Throttled, Unavailable
from secretfetch_vault.quiet import Quiet

if TYPE_CHECKING:
    from secretfetch_vault.settings import Azure

_HOST = "http://169.254.169.254"  # the same on every machine of Azure
_TIMEOUTS = (2.0, 10.0)
_MOST = 1024 * 1024


class _Issued(Quiet, frozen=True):
    access_token: str


class _Machine(msgspec.Struct, rename="camel"):
    subscription_id: str = ""
    resource_group_name: str = ""
    name: str = ""
    vm_scale_set_name: str = ""


def machine_identity(login: Azure) -> dict[str, str]:
    """Return what the method wants: the token, and which machine it is of.

    Raises:
        SecretError: The metadata service does not answer, or has no identity for this machine.
    """
    query = {"api-version": "2018-02-01", "resource": login.resource}
    if login.client_id:
        query["client_id"] = login.client_id
    issued = _ask("identity/oauth2/token", query, _Issued)
    machine = _ask("instance/compute", {"api-version": "2021-02-01", "format": "json"}, _Machine)
    body = {
        "jwt": issued.access_token,
        "subscription_id": machine.subscription_id,
        "resource_group_name": machine.resource_group_name,
    }
    name = "vmss_name" if machine.vm_scale_set_name else "vm_name"
    return body | {name: machine.vm_scale_set_name or machine.name}


def _ask(path: str, query: dict[str, str], into: Any) -> Any:
    import requests  # noqa: PLC0415 - start-up cost

    host = os.environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST", "").rstrip("/") or _HOST
    session = requests.Session()
    session.trust_env = False  # no proxy: the service is on this machine's own link
    status, body = 0, b""
    try:
        with session.get(
            f"{host}/metadata/{path}",
            params=query,
            headers={"Metadata": "true"},
            timeout=_TIMEOUTS,
            allow_redirects=False,
            stream=True,
        ) as answer:
            status, body = answer.status_code, answer.raw.read(_MOST)
    except (requests.RequestException, OSError):
        pass
    finally:
        session.close()
    return _read(status, body, into)


def _read(status: int, body: bytes, into: Any) -> Any:
    if status == 429:  # noqa: PLR2004 - HTTP
        raise Throttled("the login by azure has no token: the metadata service throttles")
    if not status or status >= 500:  # noqa: PLR2004 - HTTP
        raise Unavailable(
            "the login by azure has no token: the metadata service does not answer",
            ("note", "it is there on machines of Azure only"),
        )
    try:
        return msgspec.json.decode(body, type=into)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    raise AuthFailed(
        "the login by azure has no token: the metadata service refuses",
        ("answer", f"HTTP {status}"),
        ("fix", 'assign a managed identity to the machine; name one of several by "client_id"'),
    )
