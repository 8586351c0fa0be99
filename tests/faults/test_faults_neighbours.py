"""F11: a neighbour that puts links in the way while sets are written, and several writers of one volume."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from faults.figures import FULL
from faults.program import Program, files
from sinks.volumes import fingerprint, leftovers, tree, visible, wanted

from secretfetch.errors import OutputError
from secretfetch.sinks.volume import Outside, VolumeWriter

HERE = Path(__file__).parent
READER = HERE.parent / "sinks" / "reader.py"
SECONDS = 60 if FULL else 3
OLD = tree(app_env="A='1'", tls__tls_crt="cert", deep__er__file="1")
NEW = tree(app_env="A='2'", tls__tls_crt="cert2", tls__tls_key="key", deep__er__file="2")


def _start(*words) -> subprocess.Popen:
    command = [sys.executable, "-I", "-S", *map(str, words)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.fixture
def outside(tmp_path):
    """A directory with the names of every output: none of it may change."""
    path = tmp_path / "outside"
    (path / "deep/er").mkdir(parents=True)
    (path / "tls").mkdir()
    for name in (*NEW, "..lock", "..files", "..state"):
        (path / name).write_text("precious")
    return path


@pytest.mark.parametrize("layout", ["swap", "flat"])
def test_a_neighbour_that_exchanges_names_for_links(memory_path, tmp_path, outside, figures, layout):
    """Whatever it puts in the way and whenever: nothing outside is written, made, removed or given another mode."""
    root, stop = memory_path / "v", tmp_path / "stop"
    root.mkdir()
    before = fingerprint(outside)
    attacker = _start(HERE / "attacker.py", root, outside, stop)
    tried = published = 0
    end = time.monotonic() + SECONDS
    with attacker:
        while time.monotonic() < end:
            tried += 1
            writer = VolumeWriter(str(root), layout=layout, grace=0, outside=Outside(lock_timeout=0))
            with suppress(OutputError):
                writer.tidy()
                writer.stage(NEW if tried % 2 else OLD).publish()
                writer.note("..state", b"{}")
                published += 1
            writer.close()
        stop.touch()
        flips = int(attacker.stdout.read())
    changed = sum(before.get(path) != entry for path, entry in fingerprint(outside).items())
    row = f"attacker, {layout}"
    figures.add("F11", "seconds", SECONDS, case=row)
    figures.add("F11", "links put in the way", flips, case=row)
    figures.add("F11", "sets tried", tried, case=row)
    figures.add("F11", "published", published, case=row)
    figures.add("F11", "changes outside", changed + len(before.keys() - fingerprint(outside).keys()), case=row)
    assert flips > 100 * SECONDS
    assert tried > 20 * SECONDS
    assert fingerprint(outside) == before


WRITER = """
import sys
sys.path[:0] = [sys.argv[1]]
from secretfetch.sinks.volume import File, Outside, VolumeWriter
root, layout, base, times = sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
print("ready", flush=True)
sys.stdin.readline()
lost = 0
for number in range(base, base + times):
    files = {f"d{at}/f": File(f"{number}:{number}".encode(), 0o440) for at in range(4)}
    with VolumeWriter(root, layout=layout, grace=0, outside=Outside(lock_timeout=100)) as writer:
        writer.stage(files).publish()
        lost += any(open(f"{root}/{name}", "rb").read() != file.data for name, file in files.items())
print(lost)
"""


@pytest.mark.parametrize("layout", ["swap", "flat"])
def test_writers_that_take_turns(memory_path, figures, layout):
    """Each finds its own set whole when it has published it; every set is announced, the last one stays, whole."""
    root, stop, times = memory_path / "v", memory_path / "stop", 300 if FULL else 30
    with VolumeWriter(str(root), layout=layout, grace=0) as first:
        first.stage(tree(d0__f="0:0", d1__f="0:0", d2__f="0:0", d3__f="0:0")).publish()
    watcher = _start(READER, "watch", root, "d0/f,d1/f,d2/f,d3/f", stop)
    writers = [_start("-c", WRITER, HERE.parents[1], root, layout, base, times) for base in (10_000, 20_000)]
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    lost = sum(int(writer.communicate()[0]) for writer in writers)
    stop.touch()
    seen = json.loads(watcher.communicate()[0])
    missed = 2 * times - seen["events"] if layout == "swap" else 0
    row = f"two writers, {layout}"
    figures.add("F11", "sets tried", 2 * times, case=row)
    figures.add("F11", "published", 2 * times - missed, case=row)
    figures.add("F11", "lost updates", lost + missed, case=row)
    assert [0, 0] == [writer.returncode for writer in writers]
    assert (lost, missed, seen["mixed"], seen["torn"]) == (0, 0, 0, 0)
    assert len({content for content, _ in visible(root).values()}) == 1
    assert leftovers(root) == []


def _both(programs, root) -> list[tuple[int, str]]:
    running = [
        subprocess.Popen(one.command(root), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for one in programs
    ]
    errors = [process.communicate()[1] for process in running]
    return [(process.returncode, text) for process, text in zip(running, errors, strict=True)]


@pytest.mark.parametrize("layout", ["swap", "flat"])
def test_two_programs_at_the_same_volume(memory_path, figures, layout):
    """Started together: one waits for the other, both end well, and the set of one of them is there whole."""
    trees = [files("one", 12), files("two", 15)]
    programs = [Program(memory_path / str(number), one, layout) for number, one in enumerate(trees)]
    rounds, whole, well = (10 if FULL else 1), 0, 0
    for number in range(rounds):
        root = memory_path / f"v{number}"
        ended = _both(programs, root)
        well += sum(code == 0 for code, _ in ended)
        whole += visible(root) in [wanted(one) for one in trees] and leftovers(root) == []
        shutil.rmtree(root)
    row = f"two programs at once, {layout}"
    figures.add("F11", "sets tried", 2 * rounds, case=row)
    figures.add("F11", "published", well, case=row)
    figures.add("F11", "lost updates", rounds - whole, case=row)
    assert (well, whole) == (2 * rounds, rounds)


def test_a_program_that_waits_in_vain(memory_path, figures):
    """A volume that stays locked: after ten seconds exit 73 and one clear message, and nothing is changed."""
    root = memory_path / "v"
    assert _both([Program(memory_path / "old", files("old", 3), "swap")], root)[0][0] == 0
    before = fingerprint(root)
    with open(root / "..lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        begin = time.monotonic()
        ((code, errors),) = _both([Program(memory_path / "new", files("new", 3), "swap")], root)
        seconds = time.monotonic() - begin
    figures.add("F11", "seconds", round(seconds, 1), case="second program, lock never free")
    figures.add("F11", "exit code", code, case="second program, lock never free")
    assert code == 73
    assert f"error: cannot write to {root}: another secretfetch is writing to it" in errors
    assert 10 <= seconds < 20
    assert fingerprint(root) == before
