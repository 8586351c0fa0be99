"""F13: signals at random moments of a real sidecar; F9: nothing that is said in all of it shows a value."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time

import pytest
from canaries import DOCUMENT, leaks
from faults.figures import FULL
from sinks.volumes import leftovers
from watch.processes import PROGRAM

RUNS = 1000 if FULL else 40
KINDS = {"TERM": signal.SIGTERM, "INT": signal.SIGINT}
CONFIG = """\
secrets: {db: file://db.json}
outputs: [{path: db.json, from: db}, {path: d/, from: db}]
on_change: [{command: [/bin/true]}]
"""


def put(folder, number):
    """Another version of all secrets: each begins with the number of the version."""
    content = {name: f"{number:06}{value}" for name, value in DOCUMENT.items()}
    (folder / "new.json").write_text(json.dumps(content))
    os.replace(folder / "new.json", folder / "db.json")


def started(folder):
    argv = [PROGRAM, "watch", "-c", "config.yaml", "--out", "out", "--period", "20ms", "--log-level", "debug"]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.Popen(argv, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def versions(root):
    """Return the versions that a reader finds, over all files that it can see."""
    found = {data[:6] for path in (root / "d").glob("K*") for data in [path.read_text()]}
    if (root / "db.json").exists():
        found |= {value[:6] for value in json.loads((root / "db.json").read_text()).values()}
    return found


@pytest.mark.timeout(1200)
def test_signals_at_random_moments(memory_path, figures):
    """TERM and INT end it within a second with 143 or 0, HUP never does; the set is whole, and nothing leaks."""
    chance = random.Random(13)
    (memory_path / "config.yaml").write_text(CONFIG)
    slowest, codes, said, hups, torn = 0.0, {}, 0, 0, 0
    for number in range(RUNS):
        put(memory_path, number)
        child = started(memory_path)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(chance.uniform(0.0, 0.6))
        for _ in range(chance.randrange(3)):
            if _is_ready(child, memory_path):
                child.send_signal(signal.SIGHUP)
                hups += 1
        kind = chance.choice(["TERM", "INT"])
        began = time.monotonic()
        child.send_signal(KINDS[kind])
        text = child.communicate(timeout=20)[0].decode(errors="replace")
        slowest = max(slowest, time.monotonic() - began)
        codes[child.returncode] = codes.get(child.returncode, 0) + 1
        said += len(text)
        assert [] == leaks(text)[:3]
        # One that comes before the program has begun is Python's own affair.
        assert "Traceback" not in text or text.rstrip().endswith("KeyboardInterrupt")
        torn += len(versions(memory_path / "out")) > 1
    subprocess.run([PROGRAM, "fetch", "-c", "config.yaml", "--out", "out"], cwd=memory_path, check=True, capture_output=True)  # fmt: skip # noqa: E501
    for name, value in {
        "runs": RUNS,
        "hangups": hups,
        "slowest end, s": round(slowest, 2),
        "exit codes": ", ".join(f"{code}: {count}" for code, count in sorted(codes.items())),
        "torn or mixed sets": torn,
        "left behind": len(leftovers(memory_path / "out")),
    }.items():
        figures.add("F13", name, value, "TERM and INT at random moments")
    figures.add("F9", "bytes looked at", said, "signals, log at debug")
    figures.add("F9", "values found", 0, "signals, log at debug")
    # 1 is Python's for an interrupt in the middle of its own start.
    assert set(codes) <= {0, 1, 143, 130, -signal.SIGTERM, -signal.SIGINT}
    assert (0, []) == (torn, leftovers(memory_path / "out"))
    assert slowest < 1.5


def _is_ready(child, folder):
    """Tell whether it has set up its signals: before Python has, any signal ends a process, and that is tested too."""
    status = folder / "out" / "..status"
    try:
        content = json.loads(status.read_text())
    except (OSError, ValueError):
        return False
    return content["pid"] == child.pid and content["phase"] != "stopped"
