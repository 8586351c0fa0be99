"""One Vault for all tests of a process that can share one: it is started when the first of them asks.

What does not belong here: the server itself (`vault_server`), and what a test puts into it.
"""

from __future__ import annotations

import atexit
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from servers.vault_server import Fault, VaultServer

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT = {"cubbyhole/", "identity/", "sys/"}


@lru_cache(maxsize=1)
def shared_vault() -> VaultServer:
    """Return the server of this process; whoever takes it empties it with `empty` first. It ends with the process."""
    server = VaultServer().start()
    atexit.register(server.stop)
    return server


def empty(server: VaultServer) -> None:
    """Take away every mount, fault and count."""
    server.forget()
    for mount in server.api("GET", "sys/mounts")["data"]:
        if mount not in _KEPT:
            server.api("DELETE", f"sys/mounts/{mount}")


def seed(server: VaultServer, seeds: Mapping[str, Any]) -> None:
    """Fill a server as a conformance case says it.

    Args:
        server: Empty.
        seeds: `kv1`, `kv2` {mount: {path: data}}; `kv2_versions` {mount: {path: list of data, the oldest first}};
            `responses`: canned answers, `path`, `json`, perhaps `method` and the `body` that is asked with.
    """
    for mount in {*seeds.get("kv2", {}), *seeds.get("kv2_versions", {})}:
        server.mount(mount)
    for mount, secrets in seeds.get("kv1", {}).items():
        server.mount(mount, version=1)
        for path, data in secrets.items():
            server.api("POST", f"{mount}/{path}", data)
    for kind in ("kv2", "kv2_versions"):
        for mount, secrets in seeds.get(kind, {}).items():
            for path, versions in secrets.items():
                for data in versions if isinstance(versions, list) else [versions]:
                    server.api("POST", f"{mount}/data/{path}", {"data": data})
    server.faults += [_canned(response) for response in seeds.get("responses", [])]


def _canned(response: Mapping[str, Any]) -> Fault:
    methods = {"PUT", "POST"} if response.get("method", "GET") in ("PUT", "POST") else {"GET"}
    return Fault(
        re.escape(response["path"]),
        when=lambda request: request.method in methods and response.get("body", request.body) == request.body,
        json=response["json"],
    )
