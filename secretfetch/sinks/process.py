"""A program that gets secrets in its environment: run in the place of this process, so that nothing stays behind.

What does not belong here: which variables it gets, and programs that are started again (`supervisor`).
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from secretfetch.errors import CommandNotFound, CommandRefused, SecretError, StartFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LONGEST = 131_071
"""Bytes of one variable, its name and = included, that Linux takes."""
_LEAST, _MOST = 131_072, 6 << 20  # bytes of all variables and arguments, whatever the stack limit is
_REFUSED = {errno.EACCES, errno.EPERM, errno.ENOEXEC, errno.EISDIR, errno.ELIBBAD, errno.ETXTBSY, errno.EINVAL}
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
_PYTHON_IGNORES = ("SIGPIPE", "SIGXFZ", "SIGXFSZ")


def encoded(inherited: Mapping[str, str], values: Mapping[str, bytes]) -> dict[bytes, bytes]:
    """Return the environment of a program; a secret wins over what is inherited under its name."""
    environ = {os.fsencode(name): os.fsencode(value) for name, value in inherited.items()}
    return environ | {os.fsencode(name): value for name, value in values.items()}


def replace(argv: Sequence[str], environ: Mapping[bytes, bytes], ignored: Iterable[int] = ()) -> NoReturn:
    """Run a program in the place of this process.

    It is looked for on the PATH of its own environment. Signals are as a shell would leave them.

    Args:
        argv: The program and its arguments.
        environ: All of its environment.
        ignored: Signals that were ignored when this process was started.

    Raises:
        CommandNotFound: There is no such program.
        CommandRefused: It cannot be run.
        StartFailed: The system refuses.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    reset_signals(ignored)
    try:
        os.execvpe(argv[0], [*argv], environ)  # noqa: S606 - the words of the command line, and no shell
    except (OSError, ValueError) as error:
        failure = trouble(error, argv, environ)
    raise failure


def reset_signals(ignored: Iterable[int]) -> None:
    """Put back what Python and this program have changed; what has come until now ends the process here."""
    ours = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
    held = signal.pthread_sigmask(signal.SIG_BLOCK, ours)
    names = [getattr(signal, name) for name in _PYTHON_IGNORES if hasattr(signal, name)]
    for number in {*names, *(one for one in ours if callable(signal.getsignal(one)))}:
        signal.signal(number, signal.SIG_DFL)
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, held)


def check(argv: Sequence[str], environ: Mapping[bytes, bytes]) -> None:
    """Refuse an environment that Linux does not take, before a program is stopped for its sake.

    Raises:
        StartFailed: One variable, or all of them with the arguments, are too large.
    """
    import resource  # noqa: PLC0415 - start-up cost

    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    most = _MOST if stack == resource.RLIM_INFINITY else max(_LEAST, min(stack // 4, _MOST))
    if any(size > LONGEST for size in _sizes(environ).values()) or _total(argv, environ) > most:
        raise _too_large(f'"{argv[0]}"', argv, environ)


def _sizes(environ: Mapping[bytes, bytes]) -> dict[bytes, int]:
    return {name: len(name) + 1 + len(value) for name, value in environ.items()}


def _total(argv: Sequence[str], environ: Mapping[bytes, bytes]) -> int:
    """Return the bytes that the kernel counts: each text ends in NUL and has a pointer."""
    texts = [*(len(os.fsencode(word)) for word in argv), *_sizes(environ).values()]
    return sum(texts) + 9 * len(texts)


def trouble(error: OSError | ValueError, argv: Sequence[str], environ: Mapping[bytes, bytes]) -> SecretError:
    """Say why a program was not started; no variable's value, and no argument but the program."""
    program = f'"{argv[0]}"'
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.E2BIG:
        return _too_large(program, argv, environ)
    reason = os.strerror(number) if number else "unfit arguments"
    if number in _ABSENT:
        if os.path.isfile(argv[0]):
            fix = ("fix", "the interpreter of its first line, or its loader, is not in this image")
        elif "/" in argv[0]:
            fix = ("fix", "correct the path; it is looked for in this container")
        else:
            fix = ("fix", "give its path; no directory of the PATH that it gets has it")
        return CommandNotFound(f"there is no program {program}: {reason}", fix)
    if number in _REFUSED:
        fix = ("fix", "it needs x permission for this user, and a form that this system runs")
        return CommandRefused(f"the program {program} cannot be run: {reason}", fix)
    return StartFailed(f"cannot start {program}: {reason}")


def _too_large(program: str, argv: Sequence[str], environ: Mapping[bytes, bytes]) -> SecretError:
    sizes = _sizes(environ)
    largest = max(sizes, key=lambda name: sizes[name], default=b"")
    shown = largest.decode(errors="replace")
    fix = ("fix", "give large values as files: a directory output (a path that ends in /) and `paths_to`")
    if sizes.get(largest, 0) > LONGEST:
        headline = f"the variable {shown} has {sizes[largest]:,} bytes, one may have {LONGEST:,}"
        return StartFailed(f"cannot start {program}: {headline}", fix)
    headline = f"environment and arguments have {_total(argv, environ):,} bytes, more than this system takes"
    limit = ("limit", "a quarter of the stack limit (ulimit -s), 6 MiB at most; one argument 131,071 bytes")
    return StartFailed(f"cannot start {program}: {headline}", limit, ("largest", f"{shown}, {sizes[largest]:,}"), fix)
