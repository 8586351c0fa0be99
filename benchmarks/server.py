"""moto in a process of its own, with secrets in it. Prints its address and lives until standard input ends.

A process beside the one that measures: a child's peak memory counts from its parent's. What does not belong here: what
is measured.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers.aws_server import AwsServer

CONTENT = {
    "host": "db.example.com",
    "port": "5432",
    "user": "shop",
    "password": "canary-0123456789",
    "database": "shop",
    "ca": "-----BEGIN CERTIFICATE-----\n" + "MIIC" * 300 + "\n-----END CERTIFICATE-----\n",
}


def main(count: int) -> None:
    """Start, seed `count` secrets, and wait."""
    server = AwsServer().start()
    try:
        client = server.client("secretsmanager")
        for number in range(count):
            client.create_secret(Name=f"bench/{number:02}", SecretString=json.dumps(CONTENT))
        print(server.moto_url, flush=True)
        sys.stdin.read()
    finally:
        server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
