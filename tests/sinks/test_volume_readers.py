"""Readers that never stop reading, while the set is replaced thousands of times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sinks.volumes import file, leftovers

from secretfetch.sinks.volume import VolumeWriter

READER = Path(__file__).with_name("reader.py")
NAMES = ["a.env", "tls/tls.crt", "tls/tls.key"]


def _set(number: int) -> dict:
    text = str(number)
    return {name: file(f"{text}:{text * (50 + 500 * at)}") for at, name in enumerate(NAMES)}


def _rotate(root, stop, times, **options) -> dict:
    with VolumeWriter(str(root), **options) as writer:
        writer.stage(_set(0)).publish()
        command = [sys.executable, "-I", "-S", str(READER), "both", str(root), ",".join(NAMES), str(stop)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdout.readline() == "ready\n"
            for number in range(1, times + 1):
                writer.stage(_set(number)).publish()
            stop.touch()
            counts = json.loads(reader.stdout.read())
    assert leftovers(root) == []
    return counts


@pytest.mark.parametrize(("place", "times"), [("memory_path", 2000), ("tmp_path", 150)], ids=["memory", "disk"])
def test_no_reader_ever_finds_half_a_set(request, place, times):
    """2,000 swaps: no file torn, none missing, and whoever opens `..data` once reads all of one set."""
    above = request.getfixturevalue(place)
    counts = _rotate(above / "v", above / "stop", times, grace=0.3)
    assert counts["reads"] > times / 10
    assert counts["pinned"] > times / 30
    wrong = {name: counts[name] for name in ("torn", "missing", "mixed", "pinned_missing")}
    assert wrong == {"torn": 0, "missing": 0, "mixed": 0, "pinned_missing": 0}


def test_no_reader_of_a_flat_volume_finds_half_a_file(memory_path):
    """Files are replaced one by one, each at once: none torn, none missing."""
    counts = _rotate(memory_path / "v", memory_path / "stop", 1000, layout="flat")
    assert counts["reads"] > 100
    assert (counts["torn"], counts["missing"]) == (0, 0)
