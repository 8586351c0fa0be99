"""A signal to a process that can be seen from here. What does not belong here: trying again.

Kubernetes: `shareProcessNamespace: true`, and the same user or the capability KILL. A process is held by a descriptor
between the look at it and the signal, so that another one with its number is never hit.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from secretfetch.errors import HookFailed

if TYPE_CHECKING:
    from secretfetch.plan import SignalHook

_SHARE = ("fix", "Kubernetes: shareProcessNamespace: true in the pod, and is the application running?")
_MAY = ("fix", "run as the application's user (securityContext.runAsUser), or with the capability KILL")
_PID_FILE_BYTES = 64
_LARGEST_PID = 1 << 22
_ENDED = (b"Z", b"X")


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
    reached, refused = 0, []
    for pid in pids:
        try:
            _signal(pid, hook, proc)
            reached += 1
        except ProcessLookupError:
            continue  # it has ended since
        except PermissionError:
            refused.append(str(pid))
    if refused:
        raise HookFailed(f"process {', '.join(refused)} may not be signalled by uid {os.geteuid()}", _MAY)
    if not reached:
        what = (
            f"{pids[0]} can be seen from here, which {hook.pid_file} names" if hook.pid_file else _unseen(hook.process)
        )
        raise HookFailed(f"no process {what}", _SHARE)


def _signal(pid: int, hook: SignalHook, proc: str) -> None:
    held = _held(pid)
    try:
        if _has_ended(pid, proc) if hook.pid_file else not _is_still_meant(pid, hook.process, proc):
            raise ProcessLookupError
        if held is None:
            os.kill(pid, hook.signal)
        else:
            signal.pidfd_send_signal(held, hook.signal)
    finally:
        if held is not None:
            os.close(held)


def _held(pid: int) -> int | None:
    """Return a descriptor of a process; None: this kernel, or the runtime's filter of system calls, has none."""
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EPERM):
            return None
        raise


def _has_ended(pid: int, proc: str) -> bool:
    """Whether a process is only waiting for its parent to take notice."""
    with suppress(OSError, IndexError), open(f"{proc}/{pid}/stat", "rb") as stream:
        return stream.read(4096).rpartition(b")")[2].split()[0] in _ENDED
    return False  # not to be seen: the signal will tell


def _is_still_meant(pid: int, wanted: str, proc: str) -> bool:
    known = _read(pid, proc)
    return known is not None and _is_meant(known, wanted)


def _pid_in(hook: SignalHook) -> int:
    try:
        fd = os.open(hook.pid_file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            text = os.read(fd, _PID_FILE_BYTES).strip() if stat.S_ISREG(os.fstat(fd).st_mode) else b""
        finally:
            os.close(fd)
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
        raise HookFailed(f"no process {_unseen(wanted)}", _SHARE)
    return masters


def _unseen(wanted: str) -> str:
    return f'"{wanted}" can be seen from here'


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
        if words and state not in _ENDED:
            return _Process(pid, int(parent), os.fsdecode(head.partition(b"(")[2]), words)
    return None
