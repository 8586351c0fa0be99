"""One Kubernetes API server for the tests of a process. What does not belong here: the server (`kube_server`)."""

from __future__ import annotations

import atexit
import itertools
from functools import lru_cache

import pytest
from servers.kube_server import BINARY, MISSING, KubeServer

_numbers = itertools.count(1)


@lru_cache(maxsize=1)
def _server() -> KubeServer:
    server = KubeServer().start()
    atexit.register(server.stop)
    return server


def shared_kube() -> KubeServer:
    """Return the server of this process, or skip the test where the program has not been built."""
    if not BINARY.exists():
        pytest.skip(MISSING)
    return _server()


def fresh_namespace(server: KubeServer, **labels: str) -> str:
    """Make a namespace that no other test has, and return its name."""
    name = f"shop-{next(_numbers)}"
    server.namespace(name, **labels)
    return name
