"""Azure Key Vault: beside scripts with the SDK. What does not belong here: the other stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cases import FAR, MANY, NEAR, Case, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases import Bench, Server

NAMES = [f"bench-{number:02}" for number in range(MANY)]
REFERENCES = [f"azure-kv://bench/{name}" for name in NAMES]
THREADS = 16


def cases(bench: Bench, near: Server, far: Server) -> Sequence[Case]:
    """Return the comparisons."""
    threads = f"SDK script, {THREADS} threads"
    one = Case(
        f"One secret of Key Vault into one env file, {NEAR}",
        [
            bench.secretfetch(near, REFERENCES[:1]),
            bench.script(near, "script_azure.py", NAMES[:1], "SDK script"),
        ],
        [
            Target("wall", "secretfetch", "SDK script", 1.25),
            Target("memory", "secretfetch", "SDK script", 1.3),
        ],
    )
    many = Case(
        f"{MANY} secrets of Key Vault into one env file, {FAR}",
        [
            bench.secretfetch(far, REFERENCES),
            bench.script(far, "script_azure.py", NAMES, "SDK script"),
            bench.script(far, "script_azure_threads.py", NAMES, threads),
        ],
        [Target("wall", "secretfetch", threads, 1.25)],
    )
    return [one, many]
