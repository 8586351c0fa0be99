"""A program that is run after a change. What does not belong here: which, and trying again.

It gets no shell, no standard streams (what it prints could be a secret, and would be in our log), an environment that
logs in nowhere, and a session of its own, so that all of it can be ended when its time is over. A program that ends in
time may leave others running: to start one can be what it is for.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from secretfetch.errors import HookFailed
from secretfetch.processes import scrubbed

if TYPE_CHECKING:
    import subprocess

    from secretfetch.plan import CommandHook

_CHANGED = "SECRETFETCH_CHANGED"
_LONGEST = 32 * 1024  # bytes of an environment variable
_GRACE = 2.0  # seconds between the polite and the final signal
_STEP = 0.05  # seconds between two looks at a child that takes long


class Children:
    """The programs that hooks are running: one at a time, killed from another thread if need be."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._closed = False

    def run(self, hook: CommandHook, paths: tuple[str, ...]) -> None:
        """Run a program to its end.

        Raises:
            HookFailed: It cannot be started, is too slow, or ends with a status other than 0.
        """
        child = self._start(hook, _told(paths))
        in_time = _has_ended(child.pid, hook.timeout)
        if not in_time:
            _end(child.pid)
        with self._lock:  # once it has been waited for, its number may be somebody else's
            status = child.wait()
            self._child = None
        if not in_time:
            slow = f"the command {_shown(hook)} took longer than {hook.timeout:g} s and was ended"
            raise HookFailed(slow, ("fix", "raise its timeout"))
        if status != 0:
            how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
            raise HookFailed(f"the command {_shown(hook)} {how}", ("fix", "run it by hand, in this container"))

    def _start(self, hook: CommandHook, changed: str) -> subprocess.Popen[bytes]:
        import subprocess  # noqa: PLC0415 - most runs start nothing

        with self._lock:
            if self._closed:
                raise HookFailed(f"the command {_shown(hook)} was not started: the process ends")
            try:
                self._child = subprocess.Popen(  # noqa: S603 - the config's own words, and no shell
                    hook.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env=scrubbed(os.environ, {_CHANGED: changed}),
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "unfit arguments"
                fix = ("fix", "it is run in this container, without a shell: give its path, or use webhook or touch")
                raise HookFailed(f"cannot run the command {_shown(hook)}: {reason}", fix) from None
            return self._child

    def kill(self) -> None:
        """Kill what runs, and start nothing any more."""
        with self._lock:
            self._closed = True
            if self._child is not None:
                _kill_group(self._child.pid, signal.SIGKILL)


def _has_ended(pid: int, seconds: float) -> bool:
    """Wait for a child, so long at most, and leave its number taken. Returns whether it has ended."""
    end, step = time.monotonic() + seconds, 0.001
    with suppress(ChildProcessError):
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() >= end:
                return False
            time.sleep(step)
            step = min(step * 2, _STEP)
    return True


def _end(pid: int) -> None:
    """End a child and what it has started, politely first."""
    _kill_group(pid, signal.SIGTERM)
    _has_ended(pid, _GRACE)
    _kill_group(pid, signal.SIGKILL)


def _kill_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _shown(hook: CommandHook) -> str:
    """The program without its arguments, which may hold anything."""
    return f'"{hook.argv[0]}"'


def _told(paths: tuple[str, ...]) -> str:
    """Return the changed paths, one per line, as many as fit."""
    lines, size = [], 0
    for path in paths:
        size += len(os.fsencode(path)) + 1
        if size > _LONGEST:
            break
        lines.append(path)
    return "\n".join(lines)
