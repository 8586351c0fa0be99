"""What the servers have in common, each a process of its own beside the one that measures.

A child's peak memory counts from its parent's, so none of this may be in the process that measures. To be imported
before the servers of the tests, whose folder it makes importable. What does not belong here: a server.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

CONTENT = {
    "host": "db.example.com",
    "port": "5432",
    "user": "shop",
    "password": "canary-0123456789",
    "database": "shop",
    "ca": "-----BEGIN CERTIFICATE-----\n" + "MIIC" * 300 + "\n-----END CERTIFICATE-----\n",
}


def serve(url: str, env: Mapping[str, str]) -> None:
    """Tell where the server is, and live until standard input ends.

    Args:
        url: Of the server.
        env: The variables that lead programs there; `{address}` in them stands for host and port of a relay.
    """
    print(json.dumps({"address": url.removeprefix("http://"), "env": dict(env)}), flush=True)
    sys.stdin.read()
