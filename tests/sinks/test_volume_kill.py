"""A writer that is killed at any moment leaves the whole old set or the whole new one, and the next one converges."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sinks.volumes import Time, dies, fingerprint, leftovers, publish, tree, visible, wanted, write

import secretfetch
from secretfetch.sinks.volume import VolumeWriter

OLD = tree(app_env="A='1'", tls__tls_crt="cert", gone="g", grows="x")
NEW = tree(app_env="A='2'", tls__tls_crt="cert2", new="n", grows__deep="y")
FIRST, SHRUNK = {}, tree(app_env="A='1'")
LARGE = {f"d{number % 4}/f{number}": item for number, item in enumerate(list(NEW.values()) * 5)}

STEPS = [(FIRST, OLD), (OLD, NEW), (OLD, SHRUNK), (OLD, LARGE), (OLD, FIRST)]
IDS = ["first", "update", "shrink", "grow", "empty"]


def _prepared(root: Path, before: dict, layout: str) -> None:
    shutil.rmtree(root, ignore_errors=True)
    if before:
        write(root, before, layout=layout)


@pytest.mark.parametrize(("before", "after"), STEPS, ids=IDS)
def test_killed_before_any_call_a_swap_is_whole(memory_path, before, after):
    """Dead before each call that changes the disk: one set is there, no name of both is missing, one run converges."""
    root = memory_path / "v"
    for at in itertools.count(1):
        _prepared(root, before, "swap")
        died = dies(at, lambda: publish(root, after))
        assert _readable(root) in (wanted(before), wanted(after)), at
        seen = visible_of(root)
        assert any(seen.items() <= wanted(files).items() for files in (before, after)), at
        assert seen.keys() >= before.keys() & after.keys(), at
        write(root, after)
        assert (visible(root), leftovers(root)) == (wanted(after), []), at
        if not died:
            break
    assert at > 8


def _readable(root: Path) -> dict:
    """Return the set that `..data` names: what a reader that holds it has, links not yet made or dropped apart."""
    return visible(root / "..data") if (root / "..data").exists() else {}


def visible_of(root: Path) -> dict:
    """Return what can be read through visible names; a link that is not made or not dropped yet leads nowhere."""
    found = {}
    for path in (path for files in (OLD, NEW, LARGE, BEFORE, AFTER) for path in files):
        if (root / path).is_file():
            found[path] = ((root / path).read_bytes(), stat.S_IMODE((root / path).stat().st_mode))
    return found


@pytest.mark.parametrize(("before", "after"), STEPS, ids=IDS)
def test_killed_before_any_call_flat_files_are_whole(memory_path, before, after):
    """In a flat volume every file is the old one or the new one, and one more run leaves exactly the new set."""
    root = memory_path / "v"
    for at in itertools.count(1):
        _prepared(root, before, "flat")
        died = dies(at, lambda: publish(root, after, layout="flat"))
        allowed = {*wanted(before).items(), *wanted(after).items()}
        assert set(visible_of(root).items()) <= allowed, at
        write(root, after, layout="flat")
        assert (visible(root), leftovers(root)) == (wanted(after), []), at
        if not died:
            break
    assert at > 5


@pytest.mark.parametrize(("first", "second"), [("swap", "flat"), ("flat", "swap")])
def test_killed_while_the_layout_changes(memory_path, first, second):
    """Dead at any point on the way to the other layout: one more run arrives, and going back does too."""
    root = memory_path / "v"
    for at in itertools.count(1):
        _prepared(root, OLD, first)
        died = dies(at, lambda: publish(root, NEW, layout=second))
        back = at % 2 == 0
        write(root, OLD if back else NEW, layout=first if back else second)
        assert (visible(root), leftovers(root)) == (wanted(OLD if back else NEW), []), at
        if not died:
            break
    assert at > 20


PROGRAM = """
import sys
sys.path[:0] = [sys.argv[1]]
from secretfetch.sinks.volume import File, Outside, VolumeWriter
class Never:
    def cancel(self): pass
outside = Outside(wall=lambda: 2e9, sleep=lambda seconds: None, later=lambda seconds, function: Never())
with VolumeWriter(sys.argv[2], layout=sys.argv[3], outside=outside) as writer:
    writer.stage({"app.env": File(b"new", 0o440), "d/new": File(b"new", 0o440)}).publish()
"""
CALLS = "/^(mkdir|write|fchmod|fsync|symlink|rename|unlink|rmdir)(at2?)?$"
BEFORE, AFTER = tree(app_env="old", gone="old"), tree(app_env="new", d__new="new")


def _strace(root: Path, log: Path, layout: str, *options: str) -> int:
    source = Path(secretfetch.__file__).parents[1]
    command = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={CALLS}", *options]
    program = [sys.executable, "-B", "-I", "-S", "-c", PROGRAM, str(source), str(root), layout]
    return subprocess.run([*command, *program], check=False, capture_output=True).returncode


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, to kill a process at a system call")
@pytest.mark.parametrize("layout", ["swap", "flat"])
def test_a_real_process_killed_at_each_system_call(memory_path, layout):
    """SIGKILL at every single system call that changes the disk: nothing mixed or torn, one restart converges."""
    root, log = memory_path / "v", memory_path / "log"
    write(root, BEFORE, layout=layout)
    if _strace(root, log, layout) != 0:
        pytest.skip("this machine does not let strace trace")
    calls = re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE)
    assert {"mkdirat", "write", "fsync", "unlinkat"} <= set(calls)
    kills = 0
    for name in sorted(set(calls)):
        for number in range(1, calls.count(name) + 1):
            _prepared(root, BEFORE, layout)
            kills += _strace(root, log, layout, "-e", f"inject={name}:signal=KILL:when={number}") != 0
            if layout == "swap":
                assert _readable(root) in (wanted(BEFORE), wanted(AFTER)), (name, number)
            assert set(visible_of(root).items()) <= {*wanted(BEFORE).items(), *wanted(AFTER).items()}, (name, number)
            write(root, AFTER, layout=layout)
            assert (visible(root), leftovers(root)) == (wanted(AFTER), []), (name, number)
    assert kills == len(calls)


@pytest.mark.parametrize("layout", ["swap", "flat"])
def test_what_a_dead_writer_left_goes_without_staging(memory_path, layout):
    """Dead before any call: who stages nothing can tidy up; the set stays as it is, and a tidy one is not touched."""
    root = memory_path / "v"
    for at in itertools.count(1):
        _prepared(root, OLD, layout)
        died = dies(at, lambda: publish(root, NEW, layout=layout))
        seen, clock = visible_of(root), Time()
        writer = VolumeWriter(str(root), layout=layout, outside=clock.outside())
        writer.tidy()
        writer.close()
        assert visible_of(root) == seen, at
        assert [name for name in leftovers(root) if ".." in name] == [], at
        before = fingerprint(root)
        writer.tidy()
        assert fingerprint(root) == before
        if not died:
            break
    assert at > 20


def test_a_dead_writer_does_not_keep_the_lock(memory_path):
    """The lock goes with the process: the next writer does not wait."""
    root = memory_path / "v"
    assert dies(9, lambda: publish(root, OLD))
    assert (root / "..lock").exists()
    write(root, NEW)
    assert visible(root) == wanted(NEW)
    assert os.listdir(root).count("..lock") == 1
