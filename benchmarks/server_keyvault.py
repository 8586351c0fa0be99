"""The tests' Key Vault with secrets in it, in a process of its own; see `beside`.

What does not belong here: what is measured.
"""

from __future__ import annotations

import json
import sys

from beside import CONTENT, serve
from servers.keyvault_server import KeyVaultServer


def main(count: int) -> None:
    """Start, seed `count` secrets of a vault, and wait. Programs log in as a machine of App Service does."""
    server = KeyVaultServer().start()
    try:
        vault = server.vault("bench")
        for number in range(count):
            vault.secret(f"bench-{number:02}", json.dumps(CONTENT))
        address = f"127.0.0.1:{server.port}"
        env = {name: value.replace(address, "{address}") for name, value in server.env().items()}
        serve(f"http://{address}", env)
    finally:
        server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
