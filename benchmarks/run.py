"""Measures secretfetch beside what people use instead, all in one run: `make bench`.

Everything stays on this machine: moto answers, a relay adds the latency. What does not belong here: the comparisons
(`cases`), measuring (`measure`), the tables (`report`).
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
from typing import TYPE_CHECKING, Any

import report
from cases import MANY, Bench, all_cases
from measure import in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = os.path.dirname(os.path.abspath(__file__))
LATENCY = 20


@contextlib.contextmanager
def helper(*argv: str) -> Iterator[str]:
    """Run a program of this folder that prints one line when it is ready; it ends with the block."""
    words = [sys.executable, f"{HERE}/{argv[0]}", *argv[1:]]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline().strip() if process.stdout else ""
            if not line:
                raise RuntimeError(f"{argv[0]} does not start")
            yield line
        finally:
            if process.stdin:
                process.stdin.close()
            if argv[0] == "relay.py":
                process.kill()


@contextlib.contextmanager
def servers() -> Iterator[tuple[str, str]]:
    """Give the URLs of a server without latency and of the same with it; both through a relay."""
    with helper("server.py", str(MANY)) as url:
        host, port = url.removeprefix("http://").split(":")
        with helper("relay.py", host, port, "0") as near, helper("relay.py", host, port, str(LATENCY)) as far:
            yield f"http://127.0.0.1:{near}", f"http://127.0.0.1:{far}"


def compile_all() -> None:
    """Make sure that nobody compiles Python while being measured, as in an image."""
    root = os.path.dirname(HERE)
    folders = [sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), f"{root}/secretfetch", f"{root}/providers"]
    # In a process of its own, as what it peaks at would count as the memory of every child.
    argv = [sys.executable, "-W", "ignore", "-m", "compileall", "-qq", *folders]
    subprocess.run(argv, check=False)  # the standard library's tests hold files that are no Python


def main() -> int:
    """Run all cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=21, help="measured runs of each program (21)")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    options = parser.parse_args()
    scripts = os.path.dirname(sys.executable)
    with_cli = os.path.exists(f"{scripts}/aws")
    compile_all()
    results: dict[str, Any] = {"machine": report.machine(with_cli=with_cli), "rounds": options.rounds, "cases": []}
    if not options.json:
        print(", ".join(f"{name} {value}" for name, value in results["machine"].items()))
        print(f"{options.rounds} rounds in turn; minimum / **median** / maximum\n")
        if not with_cli:
            print("The aws CLI is left out: it is not installed here.\n")
    with tempfile.TemporaryDirectory() as folder, servers() as (near, far):
        for case in all_cases(Bench(folder, scripts, HERE), near, far, with_cli=with_cli):
            made = report.figures(case, in_turn(case.rivals, options.rounds))
            results["cases"].append(made)
            if not options.json:
                print(report.markdown(made), flush=True)
    if options.json:
        print(json.dumps(results, indent=2))
    missed = [target for case in results["cases"] for target in case["targets"] if not target["met"]]
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
