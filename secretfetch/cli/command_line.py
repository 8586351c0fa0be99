"""`exec REF... -- COMMAND ARG...`: what stands behind the -- is the program's. And the flags of `exec`.

What does not belong here: what becomes of them (`executing`).
"""

from __future__ import annotations

import click

PRISTINE = "Give the program nothing but the secrets and what every program needs (PATH, HOME, ...)."
_MARK = "--"


class ProgramCommand(click.Command):
    """A command that gets what stands behind the first -- as the parameter `program`, as it is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before the mark."""
        at = args.index(_MARK) if _MARK in args else len(args)
        program = tuple(args[at + 1 :])
        rest = super().parse_args(ctx, args[:at])
        if not program and not ctx.resilient_parsing:
            raise click.UsageError(
                "no program to run: it stands behind --, as in `secretfetch exec -- app --flag`", ctx
            )
        ctx.params["program"] = program
        return rest
