"""Processes, measured: wall time; CPU time and peak memory from the kernel; the requests that they send.

Rivals take turns, so that all of them meet the same noise. A child's peak memory begins at its parent's, as far as the
kernel is concerned: nothing large may be imported here. What does not belong here: what is measured, and printing.
"""

from __future__ import annotations

import os
import resource
import statistics
import time
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Rival:
    """One program.

    Attributes:
        name: In tables.
        argv: With an absolute path first.
        env: All of it.
        output: File for its standard output; nothing is the null device.
        prepare: Called before each run, outside of the time.
        check: Called after each run; raises if the program did not do its work.
        requests: Tells how many requests have been sent since it was called last; None where nobody counts.
    """

    name: str
    argv: list[str]
    env: Mapping[str, str]
    output: str = os.devnull
    prepare: Callable[[], object] = bool
    check: Callable[[], object] = bool
    requests: Callable[[], int] | None = None


@dataclass
class Runs:
    """What was measured of one rival: milliseconds, milliseconds, MiB, and a number."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)

    def add(self, run: Runs) -> None:
        """Add what was measured of another run."""
        for own in fields(self):
            getattr(self, own.name).extend(getattr(run, own.name))

    def spread(self, what: str) -> tuple[float, float, float]:
        """Return minimum, median and maximum of `wall`, `cpu`, `memory` or `requests`."""
        numbers = getattr(self, what)
        return min(numbers), statistics.median(numbers), max(numbers)


def own_memory() -> float:
    """Return the peak of this process in MiB: below it no child can be measured."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_turn(rivals: Sequence[Rival], rounds: int, warm_up: int = 2) -> dict[str, Runs]:
    """Run rivals one after the other, round by round; the rounds of the warm-up are not counted.

    Raises:
        RuntimeError: A program failed.
    """
    found = {rival.name: Runs() for rival in rivals}
    for number in range(-warm_up, rounds):
        for rival in rivals:
            run = _run(rival)
            if number >= 0:
                found[rival.name].add(run)
    return found


def _run(rival: Rival) -> Runs:
    rival.prepare()
    if rival.requests:
        rival.requests()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 1, rival.output, flags, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, f"{rival.env['HOME']}/stderr", flags, 0o600),
    ]
    begun = time.perf_counter()
    child = os.posix_spawn(rival.argv[0], rival.argv, rival.env, file_actions=actions)
    _, status, used = os.wait4(child, 0)
    wall = time.perf_counter() - begun
    if status:
        with open(f"{rival.env['HOME']}/stderr") as file:
            raise RuntimeError(f"{rival.name}: exit {os.waitstatus_to_exitcode(status)}: {file.read()[-1000:]}")
    rival.check()
    requests = [float(rival.requests())] if rival.requests else []
    return Runs([wall * 1000], [(used.ru_utime + used.ru_stime) * 1000], [used.ru_maxrss / 1024], requests)
