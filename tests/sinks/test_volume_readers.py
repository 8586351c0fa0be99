"""Readers that never stop reading, while the set is replaced thousands of times."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from sinks.volumes import file, leftovers

from secretfetch.sinks.volume import VolumeWriter

READER = """
import json, os, sys
root, names = sys.argv[1], sys.argv[2].split(",")
counts = dict(reads=0, torn=0, missing=0, pinned=0, mixed=0, pinned_missing=0)

def whole(data):
    number, _, rest = data.partition(b":")
    return number if rest == number * (len(rest) // max(1, len(number))) and rest else None

def read(name, fd=None):
    with open(os.open(name, os.O_RDONLY, dir_fd=fd), "rb") as source:
        return source.read()

print("ready", flush=True)
while not os.path.exists(sys.argv[3]):
    for name in names:
        try:
            counts["torn"] += whole(read(os.path.join(root, name))) is None
        except FileNotFoundError:
            counts["missing"] += 1
        counts["reads"] += 1
    if not os.path.islink(os.path.join(root, "..data")):
        continue
    pinned = os.open(os.path.join(root, "..data"), os.O_DIRECTORY)
    try:
        counts["mixed"] += len({whole(read(name, pinned)) for name in names}) != 1
    except FileNotFoundError:
        counts["pinned_missing"] += 1
    finally:
        os.close(pinned)
    counts["pinned"] += 1
print(json.dumps(counts))
"""
NAMES = ["a.env", "tls/tls.crt", "tls/tls.key"]


def _set(number: int) -> dict:
    text = str(number)
    return {name: file(f"{text}:{text * (50 + 500 * at)}") for at, name in enumerate(NAMES)}


def _rotate(root, stop, times, **options) -> dict:
    with VolumeWriter(str(root), **options) as writer:
        writer.stage(_set(0)).publish()
        command = [sys.executable, "-I", "-S", "-c", READER, str(root), ",".join(NAMES), str(stop)]
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
