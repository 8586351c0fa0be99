"""What a comparison is made of, and what those of all stores have in common.

What does not belong here: the comparisons themselves (`cases_aws`, `cases_vault`, `cases_keyvault`), measuring.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from measure import Rival

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MANY = 50
NEAR = "server on this machine"
FAR = "server 20 ms away"


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
class Server:
    """A way to a server.

    Attributes:
        env: The variables that lead programs this way, with their login.
        requests: Tells how many requests have gone this way since it was called last.
    """

    env: Mapping[str, str]
    requests: Callable[[], int] | None = None


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

    def env(self, server: Server | None = None) -> dict[str, str]:
        """Return the environment of every rival."""
        own = {"PATH": f"{self.scripts}:/usr/bin:/bin", "HOME": self.folder}
        return {**own, **(server.env if server else {})}

    def program(self, name: str) -> str:
        """Return the path of an installed program."""
        return f"{self.scripts}/{name}"

    def path(self, name: str) -> str:
        """Return a path below the folder."""
        return f"{self.folder}/{name}"

    def secretfetch(self, server: Server, references: Sequence[str], name: str = "secretfetch") -> Rival:
        """Fetch secrets into one env file of a volume that does not exist yet."""
        count, kind = len(references), references[0].partition(":")[0]
        config, out = self.path(f"{kind}-{count}.yaml"), self.path(f"out-{kind}-{count}")
        with open(config, "w") as file:
            file.write(_config(references))
        return Rival(
            name,
            [self.program("secretfetch"), "fetch", "-c", config, "--out", out],
            self.env(server),
            prepare=partial(shutil.rmtree, out, ignore_errors=True),
            check=partial(holds, f"{out}/db.env", count),
            requests=server.requests,
        )

    def script(self, server: Server, file: str, names: Sequence[str], name: str) -> Rival:
        """Fetch the same with a script of this folder, into one file."""
        out = self.path(f"{file}-{len(names)}.env")
        return Rival(
            name,
            [self.program("python"), f"{self.here}/{file}", out, *names],
            self.env(server),
            prepare=partial(remove, out),
            check=partial(holds, out, len(names)),
            requests=server.requests,
        )


def remove(path: str) -> None:
    """Remove a file that may be there."""
    if os.path.exists(path):
        os.unlink(path)


def holds(path: str, count: int) -> None:
    """Make sure that the values are there.

    Raises:
        RuntimeError: They are not.
    """
    with open(path) as file:
        found = file.read().count("canary-0123456789")
    if found != count:
        raise RuntimeError(f"{path} holds {found} secrets, not {count}")


def _config(references: Sequence[str]) -> str:
    numbers = range(len(references))
    secrets = "".join(f"  s{number}: {references[number]}\n" for number in numbers)
    items = "".join(f"      - {{secret: s{number}, prefix: s{number}_}}\n" for number in numbers)
    items = "      - s0\n" if len(references) == 1 else items
    return f"secrets:\n{secrets}outputs:\n  - path: db.env\n    from:\n{items}"
