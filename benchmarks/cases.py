"""The comparisons, each with its rivals and its targets. What does not belong here: how they are measured."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from measure import Rival

if TYPE_CHECKING:
    from collections.abc import Sequence

MANY = 50


@dataclass(frozen=True)
class Target:
    """`ours` may take at most `limit` times what `theirs` takes, by medians."""

    what: str
    ours: str
    theirs: str
    limit: float


@dataclass(frozen=True)
class Case:
    """One table."""

    title: str
    rivals: Sequence[Rival]
    targets: Sequence[Target]
    memory: bool = True


@dataclass(frozen=True)
class Bench:
    """Where things are.

    Attributes:
        folder: A directory for everything that is written.
        scripts: The directory of the installed programs.
        here: The directory of this file.
    """

    folder: str
    scripts: str
    here: str

    def env(self, url: str = "") -> dict[str, str]:
        """Return the environment of every rival."""
        return {
            "PATH": f"{self.scripts}:/usr/bin:/bin",
            "HOME": self.folder,
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def program(self, name: str) -> str:
        """Return the path of an installed program."""
        return f"{self.scripts}/{name}"

    def path(self, name: str) -> str:
        """Return a path below the folder."""
        return f"{self.folder}/{name}"


def secretfetch(bench: Bench, url: str, count: int, name: str = "secretfetch") -> Rival:
    """Fetch `count` secrets into one env file of a volume that does not exist yet."""
    config, out = bench.path(f"{count}.yaml"), bench.path(f"out{count}")
    secrets = "".join(f"  s{number}: aws-sm://bench/{number:02}\n" for number in range(count))
    items = "".join(f"      - {{secret: s{number}, prefix: s{number}_}}\n" for number in range(count))
    items = "      - s0\n" if count == 1 else items
    with open(config, "w") as file:
        file.write(f"secrets:\n{secrets}outputs:\n  - path: db.env\n    from:\n{items}")
    return Rival(
        name,
        [bench.program("secretfetch"), "fetch", "-c", config, "--out", out],
        bench.env(url),
        prepare=partial(shutil.rmtree, out, ignore_errors=True),
        check=partial(_holds, f"{out}/db.env", count),
    )


def script(bench: Bench, url: str, count: int, name: str = "boto3 script") -> Rival:
    """Fetch the same with the script, into one file."""
    out = bench.path(f"script{count}.env")
    names = [f"bench/{number:02}" for number in range(count)]
    argv = [bench.program("python"), f"{bench.here}/script_boto3.py", out, *names]
    return Rival(name, argv, bench.env(url), prepare=partial(_remove, out), check=partial(_holds, out, count))


def cli(bench: Bench, url: str) -> Rival:
    """Fetch one secret with the AWS CLI; the file is its standard output."""
    out = bench.path("aws.json")
    words = "secretsmanager get-secret-value --secret-id bench/00 --query SecretString --output text"
    argv = [bench.program("aws"), *words.split()]
    return Rival("aws CLI", argv, bench.env(url), output=out, check=partial(_holds, out, 1))


def all_cases(bench: Bench, near: str, far: str, *, with_cli: bool) -> list[Case]:
    """Return the comparisons.

    Args:
        bench: Where things are.
        near: URL of a server without latency.
        far: URL of the same, 20 ms away.
        with_cli: The AWS CLI is installed.
    """
    one = [
        _one_secret(bench, f"One secret into one env file, {where}", url, with_cli=with_cli)
        for where, url in (("server on this machine", near), ("server 20 ms away", far))
    ]
    many = Case(
        f"{MANY} secrets into one env file, server 20 ms away",
        [
            secretfetch(bench, far, 1, "secretfetch, 1 secret"),
            secretfetch(bench, far, MANY, f"secretfetch, {MANY} secrets"),
            script(bench, far, MANY, f"boto3 script, {MANY} secrets"),
        ],
        [Target("wall", f"secretfetch, {MANY} secrets", "secretfetch, 1 secret", 1.5)],
    )
    start = Case(
        "Start",
        [
            Rival("secretfetch --version", [bench.program("secretfetch"), "--version"], bench.env()),
            Rival("python -c pass", [bench.program("python"), "-c", "pass"], bench.env()),
        ],
        [Target("wall", "secretfetch --version", "python -c pass", 2.0)],
        memory=False,
    )
    return [*one, many, start]


def _one_secret(bench: Bench, title: str, url: str, *, with_cli: bool) -> Case:
    rivals = [secretfetch(bench, url, 1), script(bench, url, 1)]
    targets = [
        Target("wall", "secretfetch", "boto3 script", 1.25),
        Target("memory", "secretfetch", "boto3 script", 1.3),
    ]
    if with_cli:
        rivals.append(cli(bench, url))
        targets.append(Target("wall", "secretfetch", "aws CLI", 1.0))
    return Case(title, rivals, targets)


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.unlink(path)


def _holds(path: str, count: int) -> None:
    """Make sure that the values are there."""
    with open(path) as file:
        found = file.read().count("canary-0123456789")
    if found != count:
        raise RuntimeError(f"{path} holds {found} secrets, not {count}")
