"""`exec REF... -- COMMAND ARG...`: what stands behind the -- is the program's. And the flags of `exec`.

What does not belong here: what becomes of them (`executing`).
"""

from __future__ import annotations

import signal
from typing import Any, NamedTuple

import click

PRISTINE = "Give the program nothing but the secrets and what every program needs (PATH, HOME, ...)."
WATCH = "Stay, poll, and start the program anew when a secret has changed."
STOP_SIGNAL = "With --watch: what asks the program to end; TERM unless given."
STOP_TIMEOUT = "With --watch: time until a program that was asked to end is killed; 30s unless given."
SIGNAL = "With --watch: on a change send this, and do not start anew. The environment stays as it was."
_MARK = "--"
_WITH_WATCH = {
    *("stop_signal", "stop_timeout", "change_signal", "period", "jitter"),
    *("max_failures", "max_stale", "http_bind", "status_file"),
}


class ProgramWishes(NamedTuple):
    """The flags of `exec` alone; `stop_timeout` in seconds, signals by number."""

    pristine: bool = False
    watch: bool = False
    stop_signal: int = signal.SIGTERM
    stop_timeout: float = 30.0
    change_signal: int = 0


class SignalNumber(click.ParamType[int]):
    """A signal by its name, with or without SIG, or its number."""

    name = "signal"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return its number."""
        if isinstance(value, int):
            return int(value)
        known = {item.name.removeprefix("SIG"): int(item) for item in signal.Signals}
        name = value.upper().removeprefix("SIG")
        number = int(name) if name.isdecimal() else known.get(name, 0)
        if number not in signal.valid_signals():
            from secretfetch.errors import meant  # noqa: PLC0415 - needed only here

            hint = "".join(f" - {label} {text}" for label, text in meant(name, known))
            self.fail(f'"{value}" is no signal{hint}', param, ctx)
        return number


class ProgramCommand(click.Command):
    """A command that gets what stands behind the first -- as the parameter `program`, as it is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before the mark."""
        at = args.index(_MARK) if _MARK in args else len(args)
        program = tuple(args[at + 1 :])
        rest = super().parse_args(ctx, args[:at])
        if not ctx.resilient_parsing:
            if not program or not program[0]:
                raise click.UsageError(
                    "no program to run: it stands behind --, as in `secretfetch exec -- app --flag`", ctx
                )
            self._check(ctx)
        ctx.params["program"] = program
        return rest

    def _check(self, ctx: click.Context) -> None:
        for param in self.params:
            given = ctx.get_parameter_source(str(param.name)) is click.core.ParameterSource.COMMANDLINE
            if given and param.name in _WITH_WATCH and not ctx.params["watch"]:
                raise click.UsageError(f"{max(param.opts, key=len)} goes with --watch", ctx)
