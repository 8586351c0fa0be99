"""AWS Secrets Manager: beside a script and the AWS CLI. What does not belong here: the other stores."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from cases import FAR, MANY, NEAR, Case, Target, holds
from measure import Rival

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases import Bench, Server

NAMES = [f"bench/{number:02}" for number in range(MANY)]
REFERENCES = [f"aws-sm://{name}" for name in NAMES]


def has_cli(bench: Bench) -> bool:
    """Tell whether the AWS CLI is installed."""
    return os.path.exists(bench.program("aws"))


def cases(bench: Bench, near: Server, far: Server) -> Sequence[Case]:
    """Return the comparisons."""
    many = Case(
        f"{MANY} secrets of Secrets Manager into one env file, {FAR}",
        [
            bench.secretfetch(far, REFERENCES[:1], "secretfetch, 1 secret"),
            bench.secretfetch(far, REFERENCES, f"secretfetch, {MANY} secrets"),
            bench.script(far, "script_boto3.py", NAMES, f"boto3 script, {MANY} secrets"),
        ],
        [Target("wall", f"secretfetch, {MANY} secrets", "secretfetch, 1 secret", 1.5)],
    )
    return [_one_secret(bench, NEAR, near), _one_secret(bench, FAR, far), many]


def _one_secret(bench: Bench, where: str, server: Server) -> Case:
    rivals = [
        bench.secretfetch(server, REFERENCES[:1]),
        bench.script(server, "script_boto3.py", NAMES[:1], "boto3 script"),
    ]
    targets = [
        Target("wall", "secretfetch", "boto3 script", 1.25),
        Target("memory", "secretfetch", "boto3 script", 1.3),
    ]
    if has_cli(bench):
        rivals.append(_cli(bench, server))
        targets.append(Target("wall", "secretfetch", "aws CLI", 1.0))
    return Case(f"One secret of Secrets Manager into one env file, {where}", rivals, targets)


def _cli(bench: Bench, server: Server) -> Rival:
    """Fetch one secret with the AWS CLI; the file is its standard output."""
    out = bench.path("aws.json")
    words = f"secretsmanager get-secret-value --secret-id {NAMES[0]} --query SecretString --output text"
    argv = [bench.program("aws"), *words.split()]
    return Rival("aws CLI", argv, bench.env(server), output=out, check=partial(holds, out, 1), requests=server.requests)
