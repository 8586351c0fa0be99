"""One entry of the table of bad inputs, and the texts that many of them share.

What does not belong here: the entries, and running them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from servers.aws_server import Fault


CANARY = "s3cr3t"
"""Part of every secret value of the table, and of nothing else."""

Content: TypeAlias = str | bytes | Callable[[str], object]
"""Of a file: text, bytes, or what makes it of its path."""

FETCH = ("fetch", "-c", "{dir}/config.yaml", "--out", "{out}", "--root", "{root}")


@dataclass(frozen=True)
class Bad:
    """One bad input.

    Attributes:
        id: Of the test.
        exit: The documented exit code.
        says: What standard error must name, each a regular expression.
        config: Of the file `config.yaml`.
        files: More files beside it.
        args: The command line; {dir}, {out} and {root} are filled in.
        env: More variables; None removes one.
        secrets: Of AWS Secrets Manager, name -> text; None: AWS is not used at all.
        parameters: Of AWS Parameter Store, name -> text.
        faults: Of the AWS server.
    """

    id: str
    exit: int
    says: tuple[str, ...]
    config: str = ""
    files: Mapping[str, Content] = field(default_factory=dict)
    args: tuple[str, ...] = FETCH
    env: Mapping[str, str | None] = field(default_factory=dict)
    secrets: Mapping[str, str] | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    faults: Callable[[], tuple[Fault, ...]] = tuple

    @property
    def slow(self) -> bool:
        """It waits for its time to run out."""
        return "--timeout" in self.args


def at(line: int | str) -> str:
    """Return the pattern of a line of the config."""
    return rf"config\.yaml:{line}\b"


DOC = json.dumps({"username": f"{CANARY}-u", "password": f"{CANARY}-p", "port": 5432, "nothing": None, "list": [1]})
A = {"a.json": DOC}

OK = "outputs:\n  - {path: a.env, from: file://a.json}\n"
