"""moto with secrets in it, in a process of its own; see `beside`. What does not belong here: what is measured."""

from __future__ import annotations

import json
import sys

from beside import CONTENT, serve
from servers.aws_server import AwsServer


def main(count: int) -> None:
    """Start, seed `count` secrets, and wait."""
    server = AwsServer().start()
    try:
        client = server.client("secretsmanager")
        for number in range(count):
            client.create_secret(Name=f"bench/{number:02}", SecretString=json.dumps(CONTENT))
        login = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
        region = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
        serve(server.moto_url, {"AWS_ENDPOINT_URL": "http://{address}", **login, **region})
    finally:
        server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
