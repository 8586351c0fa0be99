"""OpenBao with secrets in it, beside a process that ends it; see `beside`.

What does not belong here: what is measured.
"""

from __future__ import annotations

import sys

from beside import CONTENT, serve
from servers.vault_server import VaultServer


def main(count: int) -> None:
    """Start, seed `count` secrets of a KV v2 mount, and wait. The token may read them, and no more."""
    server = VaultServer().start()
    try:
        for number in range(count):
            server.api("POST", f"secret/data/bench/{number:02}", {"data": CONTENT})
        server.policy("bench", ("secret/data/bench/*", "read"))
        serve(server.address, {"VAULT_ADDR": "http://{address}", "VAULT_TOKEN": server.new_token("bench")})
    finally:
        server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
