"""The command line: composes the layers, and is the only place that turns errors into exit codes.

`app` has the commands, `options` the flags, `session` one run of the layers, `report` what is printed. What does not
belong here: anything another input or another interface would need too.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

from secretfetch.errors import EXIT_BUG, SecretError, exit_code_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_BROKEN_PIPE = 73
ignored_before: list[int] = []
"""Signals that we have a handler for, and that whoever started us had ignored."""


class Terminated(BaseException):
    """A signal asks to stop. Not an `Exception`: nothing but the very end handles it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def run(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the program and leave the process, without the interpreter's shutdown, which costs up to 27 ms."""
    code = EXIT_BUG
    sys.unraisablehook = _unraisable
    threading.excepthook = lambda failed: _ignored(failed.exc_type)
    try:  # from its first handler on a signal may come anywhere: between any two of these lines too
        for number in (signal.SIGTERM, signal.SIGINT):
            _take(number)
        code = main(argv)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:  # nobody is there to be told
                code = code or _BROKEN_PIPE
    except Terminated as stop:
        code = stop.exit_code if code == EXIT_BUG else code
    os._exit(code)


def _take(number: int) -> None:
    if signal.signal(number, _stop) is signal.SIG_IGN:
        ignored_before.append(number)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    from click.exceptions import ClickException, Exit  # noqa: PLC0415 - --version needs no click

    from secretfetch.cli import report  # noqa: PLC0415 - as above
    from secretfetch.cli.app import app  # noqa: PLC0415 - as above

    words = list(sys.argv[1:] if argv is None else argv)
    try:
        returned = app.main(args=words, prog_name="secretfetch", standalone_mode=False)
        return returned if isinstance(returned, int) else 0
    except SecretError as error:
        report.error(error)
        report.leave(error)
        return exit_code_of(error)
    except ClickException as error:
        error.show()
        return error.exit_code
    except Exit as error:
        return error.exit_code
    except Terminated as stop:
        return stop.exit_code
    except BrokenPipeError:
        return _BROKEN_PIPE
    except SystemExit as end:  # click ends completion so, and turns a broken pipe into status 1
        return _BROKEN_PIPE if end.code else 0
    except Exception as error:  # noqa: BLE001 - a bug must not print a traceback, which may show values
        report.bug(error)
        return EXIT_BUG


def _unraisable(failed: sys.UnraisableHookArgs) -> None:
    _ignored(failed.exc_type)


def _ignored(kind: type[BaseException]) -> None:
    """Tell of an error that nobody can handle by its type: its text and its frames may hold a value."""
    if not issubclass(kind, Terminated):
        sys.stderr.write(f"warning: {kind.__name__} in a callback or thread was ignored\n")


_asked: list[int] = []


def _stop(number: int, _frame: FrameType | None) -> None:
    _asked.append(number)
    raise Terminated(number)


def ask(number: int) -> None:
    """Let `heed` stop, from whatever thread: as a signal would, but for the place."""
    _asked.append(number)


def heed() -> None:
    """Stop now if that was asked for: Python drops what a handler throws in the middle of some of its own callbacks.

    Raises:
        Terminated: A signal has come.
    """
    if _asked:
        raise Terminated(_asked[0])
