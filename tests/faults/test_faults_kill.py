"""F1: the program is killed at every system call that changes the volume, and started once more."""

from __future__ import annotations

import shutil
import signal
from typing import NamedTuple

import pytest
from faults.figures import FULL
from faults.program import Call, Program, files, in_two, needs_strace, sample
from faults.seen import is_whole
from sinks.volumes import leftovers, visible, wanted, write

OLD, NEW = files("old", 20), files("new", 20)
CASES = {
    "first write": ({}, NEW),
    "update": (OLD, NEW),
    "shrink": (OLD, files("new", 8)),
    "grow": (files("old", 8), NEW),
}
BOTH = [(layout, case) for layout in ("swap", "flat") for case in CASES if FULL or layout == "swap" or case == "grow"]


class Killed(NamedTuple):
    """What came of one kill."""

    hit: bool
    whole: bool
    converged: bool
    left: list[str]


@needs_strace
@pytest.mark.parametrize(("layout", "case"), BOTH)
def test_killed_at_every_system_call(memory_path, figures, case, layout):
    """Readers have a whole set (flat: whole files), one restart arrives at the new set, and nothing is left over."""
    before, after = CASES[case]
    program = Program(memory_path / "program", after, layout)

    def prepared(name: str):
        root = memory_path / name / "v"
        if before:
            write(root, before, layout=layout)
        return root

    def kill(call: Call) -> Killed:
        root = prepared(f"{call.name}-{call.number}")
        died = program.run(root, f"{call.name}:signal=KILL:when={call.number}")
        hit = died.code == -signal.SIGKILL and (died.calls[-1].name, died.calls[-1].number) == call[:2]
        whole = is_whole(root, before, after, layout)
        again = program.again(root)
        left = leftovers(root)
        converged = again.code == 0 and visible(root) == wanted(after)
        shutil.rmtree(root.parent)
        return Killed(hit, whole, converged, left)

    unharmed = program.run(prepared("unharmed"))
    assert unharmed.code == 0
    calls = [call for call in unharmed.calls if call.writes]
    tried = calls if FULL else sample(calls, (list(CASES).index(case) + 0.5) / len(CASES))
    results = in_two(kill, tried)
    row = f"{layout}, {case}"
    figures.add("F1", "calls that write", len(calls), case=row)
    figures.add("F1", "killed at", sum(one.hit for one in results), case=row)
    figures.add("F1", "mixed, torn or missing", sum(not one.whole for one in results), case=row)
    figures.add("F1", "converged after one restart", sum(one.converged for one in results), case=row)
    figures.add("F1", "leftovers", sum(len(one.left) for one in results), case=row)
    assert len(calls) > 40
    assert {"openat", "write", "fchmod", "fsync", "renameat"} <= {call.name for call in tried}
    assert [] == [(call, one) for call, one in zip(tried, results, strict=True) if one != (True, True, True, [])]
