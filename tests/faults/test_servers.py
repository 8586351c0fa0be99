"""F4: what can happen to a server, for each kind of store, through the program as it is run.

Each case has its exit code and error code, gives up in time, sends few requests, stays small, and leaves every file as
it was.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from faults.backends import BACKENDS, VALUE
from faults.runs import Run, content, fetch

TIMEOUT = 3.0  # seconds
AMPLE = 30.0  # for what ends by itself, long before
MOST_REQUESTS = 20  # of one secret: full jitter leaves no room for more tries
MOST_MEMORY = 120  # MiB
SIDE_BY_SIDE = 4

CONFIG = """
secrets:
  db: {reference}
outputs:
  - {{path: db.json, keys: {{db: db}}, format: json}}
"""

OUTAGE = (75, "UNAVAILABLE")
EXPECTED = {
    "500": OUTAGE,
    "429": (75, "THROTTLED"),
    "403": (77, "ACCESS_DENIED"),
    "404": (66, "SECRET_NOT_FOUND"),
    "reset": OUTAGE,
    "stall before headers": OUTAGE,
    "stall after headers": OUTAGE,
    "drip of 1 byte/s": OUTAGE,
    "truncated body": OUTAGE,
    "wrong content type": OUTAGE,
    "100 MB body": (65, "DATA_INVALID"),
    "TLS expired": OUTAGE,
    "DNS failure": OUTAGE,
    "connection refused": OUTAGE,
}
OF_FILES = {  # a disk answers at once, and what is wrong in a file does not pass
    "stall before headers": (65, "DATA_INVALID"),
    "truncated body": (65, "DATA_INVALID"),
    "wrong content type": (65, "DATA_INVALID"),
}
# One request tells: no retry can cure it, or none within the time that the run has.
ONCE = {"429", "403", "404", "100 MB body"}


class Case(NamedTuple):
    """One line of the table, after its run."""

    fault: str
    run: Run
    requests: int
    untouched: bool


def published(backend, place):
    """Publish a good set; returns where it lies."""
    place.mkdir()
    environment = backend.befall("nothing", 0)
    run = fetch(place, CONFIG.format(reference=backend.reference(0)), environment, 60.0)
    assert run.status == 0, run.said
    assert VALUE in (place / "out" / "db.json").read_text()
    return place / "out"


def played(backend, good, number, fault):
    """Let something happen, and fetch again over the good set."""
    place = good.parent.with_name(f"place-{number}")
    place.mkdir()
    shutil.copytree(good, place / "out", symlinks=True)
    before = content(place / "out")
    environment = backend.befall(fault, number)
    config, timeout = CONFIG.format(reference=backend.reference(number)), AMPLE if fault in ONCE else TIMEOUT
    run = fetch(place, config, environment, timeout, backend.modules)
    return Case(fault, run, backend.requests(number), content(place / "out") == before)


def faults_of(name, case):
    """Return what is wrong with a case, in words."""
    expected = OF_FILES.get(case.fault, EXPECTED[case.fault]) if name == "file" else EXPECTED[case.fault]
    run = case.run
    limit = AMPLE / 3 if case.fault in ONCE else TIMEOUT + 1.0
    checks = {
        f"{(run.status, run.code)} instead of {expected}": (run.status, run.code) == expected,
        f"gave up after {run.seconds:.1f} s": run.seconds <= limit,
        f"{case.requests} requests": case.requests <= (1 if case.fault in ONCE else MOST_REQUESTS),
        f"{run.mebibytes:.0f} MiB": run.mebibytes < MOST_MEMORY,
        "a traceback": "Traceback" not in run.said,
        "a value": VALUE not in run.said,
        "a file has changed": case.untouched,
    }
    return [f"{case.fault}: {what}" for what, well in checks.items() if not well]


@pytest.mark.parametrize("name", BACKENDS)
def test_faults_of_servers(figures, tmp_path, name):
    """The table, whole: every way to fail ends with its own code, within the time, and without a trace on disk."""
    (tmp_path / "backend").mkdir()
    backend = BACKENDS[name](tmp_path / "backend")
    try:
        good = published(backend, tmp_path / "good")
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            waiting = [
                pool.submit(played, backend, good, number, fault) for number, fault in enumerate(backend.faults, 1)
            ]
            cases = [one.result() for one in waiting]
    finally:
        backend.stop()

    for case in cases:
        figures.add("F4", "outcome", f"{case.run.status} {case.run.code}", f"{name}: {case.fault}")
        figures.add("F4", "seconds to give up", round(case.run.seconds, 2), f"{name}: {case.fault}")
        figures.add("F4", "requests sent", case.requests, f"{name}: {case.fault}")
        if case.fault == "100 MB body":
            figures.add("F4", "peak memory, MiB", round(case.run.mebibytes), f"{name}: {case.fault}")
    assert [fault for case in cases for fault in faults_of(name, case)] == []
