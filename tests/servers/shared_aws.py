"""One AWS server for all tests of a process that can share one: it is started when the first of them asks.

What does not belong here: the server itself (`aws_server`), and what a test puts into it.
"""

from __future__ import annotations

import atexit
import base64
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from servers.aws_server import REGION, AwsServer

if TYPE_CHECKING:
    from collections.abc import Mapping


@lru_cache(maxsize=1)
def shared_aws() -> AwsServer:
    """Return the server of this process; whoever takes it empties it with `reset` first. It ends with the process."""
    server = AwsServer().start()
    atexit.register(server.stop)
    return server


def aws_with(name: str, content: Mapping[str, Any]) -> AwsServer:
    """Return the server of this process with one secret, a JSON document, and nothing else."""
    server = shared_aws()
    server.reset()
    server.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(content))
    return server


def seed_secret(server: AwsServer, secret: Mapping[str, Any]) -> None:
    """Put a secret into Secrets Manager.

    Args:
        server: Where to.
        secret: `name`, perhaps `region` and `tags`; `string` or `binary_b64`, or `versions`, the oldest first: each
            with one of those two, its `stages` and perhaps its `id`.
    """
    client = server.client("secretsmanager", secret.get("region", REGION))
    versions = secret.get("versions") or [secret]
    for number, version in enumerate(versions):
        given: dict[str, Any] = {"ClientRequestToken": version["id"]} if "id" in version else {}
        if "binary_b64" in version:
            given["SecretBinary"] = base64.b64decode(version["binary_b64"])
        else:
            given["SecretString"] = version["string"]
        if number == 0:
            tags = [{"Key": key, "Value": value} for key, value in secret.get("tags", {}).items()]
            client.create_secret(Name=secret["name"], Tags=tags, **given)
        else:
            client.put_secret_value(SecretId=secret["name"], VersionStages=version["stages"], **given)


def seed_parameter(server: AwsServer, parameter: Mapping[str, Any]) -> None:
    """Put a parameter into Parameter Store.

    Args:
        server: Where to.
        parameter: `name`, `type`; `value` or `values`, the oldest first; perhaps `region`, and `labels` by version.
    """
    client = server.client("ssm", parameter.get("region", REGION))
    for value in parameter.get("values") or [parameter["value"]]:
        client.put_parameter(Name=parameter["name"], Type=parameter["type"], Value=value, Overwrite=True)
    for version, labels in parameter.get("labels", {}).items():
        client.label_parameter_version(Name=parameter["name"], ParameterVersion=int(version), Labels=labels)
