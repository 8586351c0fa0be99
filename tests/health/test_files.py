"""Rules of the status file, the termination message and the check."""

import json
import os

import pytest

from secretfetch.errors import NotFound
from secretfetch.health import Status, differs, write_status, write_termination
from secretfetch.health.checking import check

FRESH = Status("fresh", ready=True, since=10.0, fresh_at=20.0, alive_until=0.0)


def test_a_status_is_written_when_it_is_another_one():
    """Phase, readiness and error count; times and counts do not."""
    assert not differs(FRESH, FRESH._replace(fresh_at=99.0, failures=3))
    assert differs(None, FRESH)
    assert differs(FRESH, FRESH._replace(phase="stale"))
    assert differs(FRESH._replace(phase="stale"), FRESH._replace(phase="stale", error=NotFound("gone")))


def test_the_status_file_says_how_it_goes(tmp_path):
    """JSON that everybody may read, replaced as a whole; nothing is left beside it."""
    path = tmp_path / "..status"
    for _ in range(2):
        write_status(str(path), FRESH._replace(phase="stale", error=NotFound("gone", ("fix", "make it"))))
    content = json.loads(path.read_text())
    assert ("stale", True, os.getpid()) == (content["phase"], content["ready"], content["pid"])
    assert {"code": "SECRET_NOT_FOUND", "exit_code": 66, "headline": "gone", "notes": [["fix", "make it"]]} == content[
        "error"
    ]
    assert (0o644, ["..status"]) == (path.stat().st_mode & 0o777, os.listdir(tmp_path))


def test_a_status_that_cannot_be_written_is_no_failure(tmp_path):
    """The run goes on."""
    write_status(str(tmp_path / "no" / "status"), FRESH)
    (tmp_path / "dir").mkdir()
    write_status(str(tmp_path / "dir"), FRESH)
    assert ["dir"] == os.listdir(tmp_path)


def test_the_check_believes_a_live_process_only(tmp_path):
    """Ready: a phase that serves, and the very process that wrote it."""
    path = tmp_path / "status"
    write_status(str(path), FRESH)
    assert (True, "ready: fresh") == check(path=str(path))
    content = json.loads(path.read_text())
    for change in ({"pid": 2**22 - 1}, {"start_ticks": 1}, {"phase": "stopped"}, {"ready": False}, {"pid": "x"}):
        path.write_text(json.dumps({**content, **change}))
        assert not check(path=str(path)).ready, change


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff", b"[" * 100000, "fifo", "directory"])
def test_what_is_no_status_file(tmp_path, content):
    """Missing, broken, or something else in its place: not ready, at once."""
    path = tmp_path / "status"
    if content == "fifo":
        os.mkfifo(path)
    elif content == "directory":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    assert not check(path=str(path)).ready


def test_a_termination_message_goes_only_where_there_is_a_file(tmp_path):
    """It is cut at the end of a line within 4,096 bytes; nothing is made, no link is followed."""
    path, link = tmp_path / "log", tmp_path / "link"
    write_termination(str(path), "x\n")
    assert not path.exists()
    path.write_text("old")
    write_termination(str(path), "line ä\n" * 1000)
    assert path.stat().st_size <= 4096
    assert {"line ä"} == set(path.read_text().splitlines())
    os.symlink(path, link)
    write_termination(str(link), "through a link\n")
    assert "link" not in path.read_text()
