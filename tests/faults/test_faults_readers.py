"""F2: readers that never pause, while one set after the other is published as fast as it can be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from faults.figures import FULL
from sinks.volumes import leftovers

TESTS = Path(__file__).parents[1]
READER = TESTS / "sinks" / "reader.py"
NAMES = "a.env,tls/tls.crt,tls/tls.key"
READERS = ["pinned", "pinned", "naive", "naive", "watch"]
ROTATIONS = {"memory_path": 10_000, "tmp_path": 10_000} if FULL else {"memory_path": 1_000, "tmp_path": 300}
WRITER = """
import sys
sys.path[:0] = [sys.argv[1]]
from secretfetch.sinks.volume import File, VolumeWriter
names, go = sys.argv[3].split(","), sys.stdin
with VolumeWriter(sys.argv[2]) as writer:
    for number in range(int(sys.argv[4]) + 1):
        text = str(number)
        files = {name: File(f"{text}:{text * (50 + 500 * at)}".encode(), 0o440) for at, name in enumerate(names)}
        writer.stage(files).publish()
        if number == 0:
            print("ready", flush=True)
            go.readline()
"""


def _start(*words) -> subprocess.Popen:
    command = [sys.executable, "-I", "-S", *map(str, words)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("place", ["memory_path", "tmp_path"], ids=["memory", "disk"])
def test_readers_of_thousands_of_rotations(request, figures, place):
    """No file torn or missing, no pinned set mixed, and an event for each rotation, whose set is there by then."""
    root, stop = request.getfixturevalue(place) / "v", request.getfixturevalue(place) / "stop"
    times = ROTATIONS[place]
    writer = _start("-c", WRITER, TESTS.parent, root, NAMES, times)
    readers = [_start(READER, how, root, NAMES, stop) for how in READERS]
    with writer:
        writer.stdin.write("go\n")
        writer.stdin.close()
    stop.touch()
    found = []
    for reader in readers:
        with reader:
            found.append(json.loads(reader.stdout.read()))
    counts = {name: sum(one.get(name, 0) for one in found) for name in found[-1]}
    _tell(figures, "tmpfs" if place == "memory_path" else "disk", times, counts)
    assert (writer.returncode, leftovers(root)) == (0, [])
    assert counts["sets"] > times / 10
    assert counts["pinned"] > times
    wrong = ("torn", "missing", "mixed", "pinned_missing", "stale", "overflows")
    assert {name: counts[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert counts["events"] == times


def _tell(figures, row: str, times: int, counts: dict) -> None:
    figures.add("F2", "rotations", times, case=row)
    figures.add("F2", "sets read pinned", counts["pinned"], case=row)
    figures.add("F2", "of these mixed", counts["mixed"], case=row)
    figures.add("F2", "sets read by name", counts["sets"], case=row)
    share = 100 * counts["naive_mixed"] / max(1, counts["sets"])
    figures.add("F2", "of these mixed (no promise)", f"{counts['naive_mixed']} ({share:.1f} %)", case=row)
    figures.add("F2", "files torn", counts["torn"], case=row)
    figures.add("F2", "files missing", counts["missing"] + counts["pinned_missing"], case=row)
    figures.add("F2", "`MOVED_TO ..data` missed", times - counts["events"], case=row)
    figures.add("F2", "older set after an event", counts["stale"], case=row)
    figures.add("F2", "queue overflows", counts["overflows"], case=row)
