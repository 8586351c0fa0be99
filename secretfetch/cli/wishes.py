"""The flags of `watch`, some of `exec --watch` too. What does not belong here: what becomes of them (`living`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from secretfetch.cli.options import Duration, variable_of

if TYPE_CHECKING:
    from collections.abc import Callable

_F = TypeVar("_F", bound="Callable[..., Any]")

PERIOD = "Time between two polls; the config's, or 5m."
JITTER = "By how much a period varies; the config's, or 10%."
FAILURES = "End after more failed rounds than this, one after the other; -1, unless given: never."
STALE = "End when the files are older than this and cannot be renewed; the config's, or never."
EXIT_ON_CHANGE = "End with 80 when what this process first published has changed."
REPLAY_HOOKS = "Run hooks that an earlier process has not run to their end: each change at least once."
HTTP_BIND = "Serve probes and metrics: 8080 on the loopback interface, :8080 on all, or HOST:8080."
STATUS_FILE = "Where to say how it goes; `..status` in the first volume unless given."
STATUS_EXEC = "Where to say how it goes; nowhere unless given."
HTTP_PROBED = "Ask over HTTP: what `watch` was given as --http-bind."
STATUS_PROBED = "Ask the status file; `..status` below --out unless given."


def round_options(status_file: str) -> Callable[[_F], _F]:
    """Add the flags about rounds, which `watch` and `exec --watch` share. `status_file`: what that flag says here."""
    flags: tuple[tuple[str, dict[str, Any]], ...] = (
        ("--period", {"type": Duration(), "metavar": "DURATION", "help": PERIOD}),
        ("--jitter", {"type": Percent(), "metavar": "PERCENT", "help": JITTER}),
        ("--max-failures", {"type": int, "default": -1, "metavar": "N", "help": FAILURES}),
        ("--max-stale", {"type": Duration(), "metavar": "DURATION", "help": STALE}),
        ("--http-bind", {"metavar": "ADDRESS", "help": HTTP_BIND}),
        ("--status-file", {"metavar": "PATH", "help": status_file}),
    )

    def add(command: _F) -> _F:
        for name, settings in reversed(flags):
            command = click.option(name, envvar=variable_of(name), **settings)(command)
        return command

    return add


class Percent(click.ParamType[float]):
    """A share, written in percent."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share."""
        if isinstance(value, float):
            return value
        number = value.removesuffix("%")
        try:
            share = float(number) / 100
        except ValueError:
            share = -1.0
        if not value.endswith("%") or not 0 <= share <= 1:
            self.fail(f'"{value}" is no share between 0% and 100%', param, ctx)
        return share


class Wishes(NamedTuple):
    """The flags of `watch`; None where a config may say it instead. Times in seconds."""

    period: float | None = None
    jitter: float | None = None
    max_failures: int = -1
    max_stale: float | None = None
    one_time: bool = False
    exit_on_change: bool = False
    replay_hooks: bool = False
    http_bind: str | None = None
    status_file: str | None = None
