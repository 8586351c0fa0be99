"""A signal to a process that can be seen from here. What does not belong here: trying again.

Kubernetes: `shareProcessNamespace: true`, and the same user or the capability KILL. A process is held by a descriptor
between the look at it and the signal, so that another one with its number is never hit.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from secretfetch.errors import HookFailed

if TYPE_CHECKING:
    from secretfetch.plan import SignalHook

_SHARE = ("fix", "Kubernetes: shareProcessNamespace: true in the pod, and is the application running?")
_MAY = ("fix", "run as the application's user (securityContext.runAsUser), or with the capability KILL")
_PID_FILE_BYTES = 64
_LARGEST_PID = 1 << 22


class _Process(NamedTuple):
    pid: int
    parent: int
    name: str
    words: tuple[str, ...]


def send(hook: SignalHook, proc: str = "/proc") -> None:
    """Send the signal to every process that is meant; of a master and its workers to the master.

    Raises:
        HookFailed: There is none, or it may not be signalled.
    """
    pids = [_pid_in(hook)] if hook.pid_file else [one.pid for one in _found(hook.process, proc)]
    refused = []
    for pid in pids:
        try:
            _signal(pid, hook, proc)
        except ProcessLookupError:
            if hook.pid_file:
                raise HookFailed(
                    f"no process {pid} can be seen from here, which {hook.pid_file} names", _SHARE
                ) from None
        except PermissionError:
            refused.append(str(pid))
    if refused:
        raise HookFailed(f"process {', '.join(refused)} may not be signalled by uid {os.geteuid()}", _MAY)


def _signal(pid: int, hook: SignalHook, proc: str) -> None:
    held = os.pidfd_open(pid)
    try:
        if hook.process:
            known = _read(pid, proc)
            if known is None or not _is_meant(known, hook.process):
                return  # it has ended, and another process has its number
        signal.pidfd_send_signal(held, hook.signal)
    finally:
        os.close(held)


def _pid_in(hook: SignalHook) -> int:
    try:
        with open(hook.pid_file, "rb") as stream:
            text = stream.read(_PID_FILE_BYTES).strip()
    except OSError as error:
        raise HookFailed(f"cannot read {hook.pid_file}: {os.strerror(error.errno or 0)}", _SHARE) from None
    if not text.isdigit() or not 0 < int(text) <= _LARGEST_PID or int(text) == os.getpid():
        raise HookFailed(f"{hook.pid_file} holds no pid of another process")
    return int(text)


def _found(wanted: str, proc: str) -> list[_Process]:
    known = [one for name in os.listdir(proc) if name.isdigit() and (one := _read(int(name), proc)) is not None]
    meant = {one.pid: one for one in known if _is_meant(one, wanted) and os.getpid() not in (one.pid, one.parent)}
    masters = [one for one in meant.values() if one.parent not in meant]
    if not masters:
        raise HookFailed(f'no process "{wanted}" can be seen from here', _SHARE)
    return masters


def _is_meant(process: _Process, wanted: str) -> bool:
    if " " in wanted or "/" in wanted:
        return wanted in " ".join(process.words)
    return wanted in (process.name, os.path.basename(process.words[0].split(":")[0]))


def _read(pid: int, proc: str) -> _Process | None:
    """Return what is known of a process; None: it is none of a program, or has ended."""
    with suppress(OSError, ValueError, IndexError):
        with open(f"{proc}/{pid}/cmdline", "rb") as stream:
            words = tuple(os.fsdecode(word) for word in stream.read(1 << 16).split(b"\0") if word)
        with open(f"{proc}/{pid}/stat", "rb") as stream:
            head, _, rest = stream.read(4096).rpartition(b")")
        state, parent = rest.split()[:2]
        if words and state not in (b"Z", b"X"):
            return _Process(pid, int(parent), os.fsdecode(head.partition(b"(")[2]), words)
    return None
