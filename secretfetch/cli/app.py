"""The commands, one function each.

What does not belong here: what they share (`session`), their global flags (`options`), printing (`report`).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from secretfetch import __version__
from secretfetch.cli import report
from secretfetch.cli.command_line import (
    PRISTINE,
    SIGNAL,
    STOP_SIGNAL,
    STOP_TIMEOUT,
    WATCH,
    ProgramCommand,
    ProgramWishes,
    SignalNumber,
)
from secretfetch.cli.options import Duration, check_environment, flag_variables, global_options, globals_of
from secretfetch.cli.wishes import (
    EXIT_ON_CHANGE,
    HTTP_PROBED,
    REPLAY_HOOKS,
    STATUS_EXEC,
    STATUS_FILE,
    STATUS_PROBED,
    Wishes,
    round_options,
)
from secretfetch.errors import EXIT_CHANGES

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Group(click.Group):
    """Suggests the command that was meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from secretfetch.errors import meant  # noqa: PLC0415 - needed only here

            hint = "".join(f" - {label} {text}" for label, text in meant(args[0], self.commands))
            raise click.UsageError(f'no such command "{args[0]}"{hint}', ctx) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@click.version_option(__version__, "--version", message="%(prog)s %(version)s")
@global_options(environment=True)
def app() -> None:
    """Fetch secrets from secret stores and write them as files and env files."""
    check_environment(flag_variables(app))


def _begin(ctx: click.Context) -> None:
    """Set up what every command needs."""
    from secretfetch import log  # noqa: PLC0415 - `--help` does not need it

    flags = globals_of(ctx)
    report.use(flags.log_format)
    report.use_termination_log(flags.termination_log)
    log.setup("json" if flags.log_format == "json" else "text", flags.log_level)


@app.command()
@click.argument("refs", nargs=-1, metavar="[REF]...")
@click.option(
    "-o",
    "--output",
    metavar="TARGET",
    envvar="SECRETFETCH_OUTPUT",
    help="With REFs: a file, a directory DIR/, or - for standard output.",
)
@click.option(
    "--format",
    "kind",
    metavar="FORMAT",
    envvar="SECRETFETCH_FORMAT",
    help="With REFs: the file's format; by its name unless given.",
)
@global_options(environment=False)
@click.pass_context
def fetch(ctx: click.Context, refs: Sequence[str], output: str | None, kind: str | None) -> int:
    """Write all outputs of the config once, and exit.

    With REFs and -o no config is needed: `secretfetch fetch aws-sm://prod/db -o db.env`.
    """
    from secretfetch import materialize  # noqa: PLC0415 - start-up cost
    from secretfetch.cli import living, session  # noqa: PLC0415 - start-up cost
    from secretfetch.plan import Stream  # noqa: PLC0415 - start-up cost

    _begin(ctx)
    flags = globals_of(ctx)
    if refs:
        plan = session.references(refs, _checked_target(output, kind), kind, flags)
    elif _on_command_line(ctx, "output") or _on_command_line(ctx, "kind"):
        raise click.UsageError("-o and --format go with REFs; without them the config says what is written")
    else:
        plan = session.plan_of_config(flags)
    if any(isinstance(target, Stream) for target in plan.targets):
        rendered, _ = session.run(plan, flags.timeout, lasting=True)
        report.data(materialize.stream(rendered) or b"")
        return 0
    return living.fetch(plan, flags)


def _on_command_line(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _checked_target(output: str | None, kind: str | None) -> str:
    if not output:
        raise click.UsageError("REFs need -o TARGET: a file, a directory DIR/, or - for standard output")
    from secretfetch.manifests.schema import FORMATS  # noqa: PLC0415 - start-up cost

    if kind is not None and kind not in FORMATS:
        from secretfetch.errors import meant  # noqa: PLC0415 - needed only here

        hint = "".join(f" - {label} {text}" for label, text in meant(kind, FORMATS))
        raise click.UsageError(f'unknown --format "{kind}"{hint}; known are {", ".join(FORMATS)}')
    if kind is not None and output.endswith("/"):
        raise click.UsageError("--format is for a file; a directory holds one file per name")
    return output


@app.command()
@round_options(STATUS_FILE)
@click.option("--one-time", is_flag=True, envvar="SECRETFETCH_ONE_TIME", help="Do as `fetch` does.")
@click.option("--exit-on-change", is_flag=True, envvar="SECRETFETCH_EXIT_ON_CHANGE", help=EXIT_ON_CHANGE)
@click.option("--replay-hooks", is_flag=True, envvar="SECRETFETCH_REPLAY_HOOKS", help=REPLAY_HOOKS)
@global_options(environment=False)
@click.pass_context
def watch(ctx: click.Context, /, **given: Any) -> int:
    """Write all outputs of the config, and again whenever a secret changes: the sidecar."""
    from secretfetch.cli import living, session  # noqa: PLC0415 - start-up cost

    _begin(ctx)
    flags, wishes = globals_of(ctx), Wishes(**given)
    if wishes.one_time:
        return living.fetch(session.plan_of_config(flags), flags, replays=wishes.replay_hooks)
    if flags.kube_secrets.kind == "manifest":
        raise click.UsageError("--kube-secrets manifest is for fetch: nobody would take the next one")
    return living.watch(flags, wishes)


@app.command("exec", cls=ProgramCommand)
@click.argument("refs", nargs=-1, metavar="[REF | NAME=REF]... -- COMMAND [ARG]...")
@click.option("--pristine", is_flag=True, envvar="SECRETFETCH_PRISTINE", help=PRISTINE)
@click.option("--watch", is_flag=True, envvar="SECRETFETCH_WATCH", help=WATCH)
@click.option(
    "--stop-signal",
    type=SignalNumber(),
    default=15,
    metavar="SIGNAL",
    envvar="SECRETFETCH_STOP_SIGNAL",
    help=STOP_SIGNAL,
)
@click.option(
    "--stop-timeout",
    type=Duration(),
    default=30.0,
    metavar="DURATION",
    envvar="SECRETFETCH_STOP_TIMEOUT",
    help=STOP_TIMEOUT,
)
@click.option(
    "--signal",
    "change_signal",
    type=SignalNumber(),
    default=0,
    metavar="SIGNAL",
    envvar="SECRETFETCH_SIGNAL",
    help=SIGNAL,
)
@round_options(STATUS_EXEC)
@global_options(environment=False)
@click.pass_context
def exec_(ctx: click.Context, /, refs: Sequence[str], program: Sequence[str], **given: Any) -> int:
    """Run a program with secrets in its environment, and nothing on disk.

    With REFs no config is needed: `secretfetch exec aws-sm://prod/db -- app`. Without, the variables are those of the
    config's env outputs.
    """
    from secretfetch.cli import executing  # noqa: PLC0415 - start-up cost

    _begin(ctx)
    own = {name: given.pop(name) for name in ProgramWishes._fields}
    return executing.Run(tuple(refs), tuple(program), ProgramWishes(**own)).start(globals_of(ctx), Wishes(**given))


@app.command()
@click.argument("ref")
@click.option("--reveal", is_flag=True, envvar="SECRETFETCH_REVEAL", help="Show the value on a terminal.")
@global_options(environment=False)
@click.pass_context
def get(ctx: click.Context, ref: str, *, reveal: bool) -> int:
    """Print one value to standard output, nothing added."""
    from secretfetch import materialize  # noqa: PLC0415 - start-up cost
    from secretfetch.cli import session  # noqa: PLC0415 - start-up cost

    _begin(ctx)
    terminal = sys.stdout.isatty()
    if terminal and not reveal:
        raise click.UsageError("standard output is a terminal: say --reveal to show the value there")
    flags = globals_of(ctx)
    rendered, _ = session.run(session.references((ref,), "-", "raw", flags), flags.timeout, lasting=True)
    report.data((materialize.stream(rendered) or b"") + (b"\n" if terminal else b""))
    return 0


@app.command()
@click.option(
    "--exit-code",
    is_flag=True,
    envvar="SECRETFETCH_EXIT_CODE",
    help=f"Exit with {EXIT_CHANGES} if anything would change.",
)
@global_options(environment=False)
@click.pass_context
def plan(ctx: click.Context, *, exit_code: bool) -> int:
    """Show what `fetch` would write: files, modes, names and versions, never values. Nothing is written."""
    from secretfetch import materialize  # noqa: PLC0415 - start-up cost
    from secretfetch.cli import session  # noqa: PLC0415 - start-up cost

    _begin(ctx)
    flags = globals_of(ctx)
    planned = session.plan_of_config(flags)
    rendered, outcomes = session.run(planned, flags.timeout)
    results = materialize.changes(rendered)
    uses = {source.ref: source for source in planned.sources()}
    report.planned(results, rendered, [(source, outcomes[ref]) for ref, source in uses.items()])
    changed = any(result.change for result in results)
    return EXIT_CHANGES if exit_code and changed else 0


@app.command()
@click.option("--http-bind", metavar="ADDRESS", envvar="SECRETFETCH_HTTP_BIND", help=HTTP_PROBED)
@click.option("--status-file", metavar="PATH", envvar="SECRETFETCH_STATUS_FILE", help=STATUS_PROBED)
@global_options(environment=False)
@click.pass_context
def healthcheck(ctx: click.Context, http_bind: str | None, status_file: str | None) -> int:
    """Ask a running `watch` how it is: 0 ready, 1 not. For HEALTHCHECK, compose and probes by command."""
    import os  # noqa: PLC0415 - kept beside its only use

    from secretfetch.errors import ConfigError  # noqa: PLC0415 - kept beside its only use
    from secretfetch.health.checking import Verdict, check  # noqa: PLC0415 - start-up cost
    from secretfetch.health.files import STATUS_NAME  # noqa: PLC0415 - start-up cost

    path = status_file or os.path.join(globals_of(ctx).out, STATUS_NAME)
    try:
        verdict = check(bind=http_bind or "", path=path)
    except ConfigError as error:
        verdict = Verdict(ready=False, reason=f"not ready: {error}")
    click.echo(verdict.reason, err=not verdict.ready)
    return 0 if verdict.ready else 1


@app.command()
@global_options(environment=False)
@click.pass_context
def providers(ctx: click.Context) -> int:
    """List the providers that are installed: the schemes of references."""
    from secretfetch.stores import installed  # noqa: PLC0415 - start-up cost

    _begin(ctx)
    report.providers(installed())
    return 0


@app.command()
@global_options(environment=False)
@click.pass_context
def schema(ctx: click.Context) -> int:
    """Print the JSON Schema of the config."""
    import json  # noqa: PLC0415 - start-up cost

    from secretfetch.manifests.schema import json_schema  # noqa: PLC0415 - start-up cost

    _begin(ctx)
    report.data((json.dumps(json_schema(), indent=2) + "\n").encode())
    return 0


@app.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@global_options(environment=False)
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print a completion script for a shell: eval "$(secretfetch completion bash)"."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - start-up cost

    _begin(ctx)
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    report.data(kind(app, {}, "secretfetch", "_SECRETFETCH_COMPLETE").source().encode())
    return 0
