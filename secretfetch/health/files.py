"""The status file and the termination message. A failure to write them is never a failure of the run.

What does not belong here: when they are written.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from secretfetch import __version__

if TYPE_CHECKING:
    from secretfetch.errors import SecretError
    from secretfetch.health.state import Status

STATUS_NAME = "..status"
"""What the status file is called in a volume."""

_MODE = 0o644
_MOST_BYTES = 4096  # what Kubernetes reads of a termination message
_PRESENT = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_loaded_at = time.time()


def differs(before: Status | None, after: Status) -> bool:
    """Whether a status is worth writing: another phase, readiness or error. A poll that changes nothing is not."""
    return before is None or _seen(before) != _seen(after)


def _seen(status: Status) -> tuple[object, ...]:
    error = status.error
    return (status.phase, status.ready, error and (type(error), str(error), error.notes))


def write_status(path: str, status: Status) -> None:
    """Put a status in place of the one before, as JSON. If that fails, a warning is logged.

    `since`, `fresh_at`, `started` are seconds since 1970; `start_ticks` tells the process from others with its number.
    """
    try:
        _replace(path, _json(status))
    except OSError as error:
        from secretfetch import log  # noqa: PLC0415 - needed only here

        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        log.event("warning", "status_not_written", f"cannot write the status file: {reason}")


def _json(status: Status) -> bytes:
    import json  # noqa: PLC0415 - start-up cost

    content = {
        "phase": status.phase,
        "ready": status.ready,
        "since": round(status.since, 3),
        "fresh_at": None if status.fresh_at is None else round(status.fresh_at, 3),
        "failures": status.failures,
        "error": None if status.error is None else _error(status.error),
        "pid": os.getpid(),
        "started": round(_loaded_at, 3),
        "start_ticks": start_ticks(os.getpid()),
        "version": __version__,
    }
    return (json.dumps(content, ensure_ascii=False) + "\n").encode(errors="replace")


def _error(error: SecretError) -> dict[str, Any]:
    from secretfetch.errors import exit_code_of  # noqa: PLC0415 - needed only here

    parts = getattr(error, "errors", (error,))
    notes = [list(note) for part in parts for note in part.notes]
    return {"code": error.code, "exit_code": exit_code_of(error), "headline": str(error), "notes": notes}


def _replace(path: str, data: bytes) -> None:
    from secretfetch.bundle import File  # noqa: PLC0415 - start-up cost
    from secretfetch.sinks import fsio, layout  # noqa: PLC0415 - start-up cost

    folder, name = os.path.split(path)
    root = os.open(folder or ".", fsio.ROOT)
    try:
        prepared = layout.temporary(os.urandom(8).hex())
        try:
            fsio.write_file(root, prepared, File(data, _MODE))
            os.rename(prepared, name, src_dir_fd=root, dst_dir_fd=root)
        except BaseException:
            with suppress(OSError):
                os.unlink(prepared, dir_fd=root)
            raise
    finally:
        os.close(root)


def start_ticks(pid: int) -> int | None:
    """Return when a process began, in clock ticks since the machine did; None: there is no such process to be seen."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            return int(stream.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def write_termination(path: str, text: str) -> None:
    """Leave the reason of the end where Kubernetes looks for it; only in a regular file that is there already.

    Of a longer text the first 4,096 bytes are kept, cut at the end of a line.
    """
    with suppress(OSError):
        fd = os.open(path, _PRESENT)
        try:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                os.ftruncate(fd, 0)
                os.write(fd, _cut(text))
        finally:
            os.close(fd)


def _cut(text: str) -> bytes:
    data = text.encode(errors="replace")
    if len(data) <= _MOST_BYTES:
        return data
    kept = data[:_MOST_BYTES]
    line = kept.rfind(b"\n") + 1
    return kept[:line] if line else kept.decode(errors="ignore").encode()
