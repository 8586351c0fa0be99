"""F3: system calls of the program fail, one at a time; and a small file system is really full."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import subprocess
from contextlib import suppress
from typing import NamedTuple

import pytest
from faults.figures import FULL
from faults.program import Program, files, in_two, needs_strace
from faults.seen import is_whole, space, state
from sinks.volumes import file, leftovers, visible, wanted, write

from secretfetch.errors import OutputError
from secretfetch.sinks.volume import VolumeWriter

OLD, NEW = files("old", 6), files("new", 6)
CASES = {"first write": {}, "update": OLD}
ERRORS = ["ENOSPC", "EDQUOT", "EIO", "EROFS", "EMFILE"]


class Failed(NamedTuple):
    """What came of one failing call. `right`: the exit code and the message are; `kept`: nothing is changed."""

    hit: bool
    before_commit: bool
    right: bool
    kept: bool
    whole: bool
    repaired: bool


@needs_strace
@pytest.mark.parametrize("layout", ["swap", "flat"])
@pytest.mark.parametrize("case", CASES)
def test_an_error_of_every_call(memory_path, figures, case, layout):
    """Until the commit point the old set and the space stay as they were, exit 73; after it, the next run repairs."""
    program = Program(memory_path / "program", NEW, layout)

    def prepared(name: str):
        root = memory_path / name / "v"
        root.parent.mkdir()
        if CASES[case]:
            write(root, CASES[case], layout=layout)
        return root

    unharmed = program.run(prepared("unharmed"))
    calls = [call for call in unharmed.calls if call.writes]
    commit = next(at for at, call in enumerate(calls) if call.commits(layout))

    def fail(item: tuple[int, str]) -> Failed:
        at, error = item
        call = calls[at]
        root = prepared(f"{call.name}-{call.number}-{error}")
        before = state(root.parent), space(root.parent)
        ran = program.run(root, f"{call.name}:error={error}:when={call.number}")
        whole = is_whole(root, CASES[case], NEW, layout)
        kept = before == (state(root.parent), space(root.parent))
        again = program.again(root) if at > commit else None
        repaired = again is None or (again.code == 0 and (visible(root), leftovers(root)) == (wanted(NEW), []))
        shutil.rmtree(root.parent)
        hit = any("(INJECTED)" in call.text for call in ran.calls)
        return Failed(hit, at <= commit, _is_told(ran.code, ran.errors, late=at > commit), kept, whole, repaired)

    every = list(itertools.product(range(len(calls)), ERRORS))
    tried = every if FULL else every[:: len(ERRORS) * 6 + 1]  # one more than a multiple: each error in turn
    results = in_two(fail, tried)
    early = [one for one in results if one.before_commit]
    row = f"{layout}, {case}"
    figures.add("F3", "calls that write x errors", len(every), case=row)
    figures.add("F3", "failed", sum(one.hit for one in results), case=row)
    figures.add("F3", "of these before the commit point", len(early), case=row)
    figures.add("F3", "old set, bytes and inodes kept", sum(one.kept for one in early), case=row)
    figures.add("F3", "after it: mixed or torn", sum(not one.whole for one in results), case=row)
    figures.add("F3", "not repaired by the next run", sum(not one.repaired for one in results), case=row)
    figures.add("F3", "wrong exit code or message", sum(not one.right for one in results), case=row)
    assert len(early) > len(results) / 4
    wrong = [
        (calls[at], error, one)
        for (at, error), one in zip(tried, results, strict=True)
        if not (one.hit and one.right and one.whole and one.repaired and (one.kept or not one.before_commit))
    ]
    assert wrong == []


def _is_told(code: int, errors: str, *, late: bool) -> bool:
    """Whether a failure is one message with code 73; what fails after all is published may be a warning."""
    if "Traceback" in errors or "..tmp" in errors:
        return False
    if code == 0 and late:
        return True
    return code == 73 and errors.count("error: cannot ") == 1 and errors.count("[OUTPUT_FAILED, exit 73]") == 1


@pytest.fixture
def small(tmp_path):
    """A file system of 64 KiB in memory."""
    root = tmp_path / "small"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=64", "tmpfs", str(root)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a small file system, to fill it")
    yield root
    subprocess.run(["umount", str(root)], check=True)


TOO_MUCH = {
    "bytes": {f"d/{number}": file("x" * 9000) for number in range(8)},
    "inodes": {f"d/{number}": file("x") for number in range(80)},
}


@pytest.mark.parametrize("layout", ["swap", "flat"])
@pytest.mark.parametrize("lack", TOO_MUCH)
def test_a_file_system_that_is_full(small, tmp_path, figures, layout, lack):
    """Five sets that do not fit: the old one stays, all space comes back each time, and one that fits is written."""
    root = small / "v"
    old, new = {"a": file("old" * 3000), "d/b": file("old")}, {"a": file("new" * 3000), "d/b": file("new")}
    write(root, old, layout=layout)
    before, free = state(root), _free(small)
    too_much = Program(tmp_path / "much", TOO_MUCH[lack], layout)
    tries = [too_much.again(root) for _ in range(5)]
    kept, back = state(root) == before, _free(small) == free
    fits = Program(tmp_path / "fits", new, layout).again(root)
    row = f"{layout}, {lack} used up"
    figures.add("F3", "failed", sum(ran.code == 73 for ran in tries), case=row)
    figures.add("F3", "old set, bytes and inodes kept", 5 if kept and back else 0, case=row)
    figures.add("F3", "not repaired by the next run", int(fits.code != 0), case=row)
    assert [(73, True)] * 5 == [(ran.code, "no space left" in ran.errors) for ran in tries]
    assert all(_is_told(ran.code, ran.errors, late=False) for ran in tries)
    assert (kept, back) == (True, True)
    assert fits.code == 0, fits.errors
    assert (visible(root), leftovers(root)) == (wanted(new), [])


def _free(place) -> tuple[int, int]:
    found = os.statvfs(place)
    return found.f_bfree, found.f_ffree


def test_no_file_can_be_opened_any_more(memory_path, figures):
    """EMFILE at whichever open of a directory or a file: the old set is untouched, or the new one is whole."""
    root = memory_path / "v"
    failed = kept = 0
    for at in itertools.count(1):
        shutil.rmtree(root, ignore_errors=True)
        write(root, OLD)
        before = state(root)
        opens = _Opens(at)
        writer = VolumeWriter(str(root), grace=0)
        with pytest.MonkeyPatch.context() as patch, suppress(OutputError):
            patch.setattr(os, "open", opens)
            writer.stage(NEW).publish()
        writer.close()
        assert is_whole(root, OLD, NEW, "swap")
        if visible(root) == wanted(OLD):
            failed += 1
            kept += state(root) == before
        write(root, NEW)
        assert (visible(root), leftovers(root)) == (wanted(NEW), []), at
        if opens.count < at:
            break
    row = "swap, update, EMFILE at every open, in one process"
    figures.add("F3", "calls that write x errors", at - 1, case=row)
    figures.add("F3", "of these before the commit point", failed, case=row)
    figures.add("F3", "old set, bytes and inodes kept", kept, case=row)
    assert failed > 10
    assert kept == failed


class _Opens:
    """`os.open`, out of descriptors at one call."""

    def __init__(self, at: int) -> None:
        self.count = 0
        self._at = at
        self._open = os.open

    def __call__(self, *args, **kwargs):
        self.count += 1
        if self.count == self._at:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return self._open(*args, **kwargs)
