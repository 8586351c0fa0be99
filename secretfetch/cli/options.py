"""Flags: those that every command takes, before or after its name, and the environment variables that stand for them.

What does not belong here: commands.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import click

from secretfetch.errors import meant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_F = TypeVar("_F", bound="Callable[..., Any]")

PREFIX = "SECRETFETCH_"
CHANGED = "SECRETFETCH_CHANGED"
"""No flag: what a hook is told, which may run this program."""
DEFAULT_CONFIG = "/etc/secretfetch/config.yaml"
_META = "secretfetch.globals"
# What Kubernetes puts into every container where a Service is called `secretfetch`, or begins with that.
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_.*)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$")


class Duration(click.ParamType[float]):
    """Seconds, written as in Go."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        from secretfetch.manifests import durations  # noqa: PLC0415 - `--help` does without

        try:
            return durations.parse(value)
        except ValueError as error:
            self.fail(f'"{value}" is {error}', param, ctx)


class KubeSecrets(NamedTuple):
    """What becomes of Kubernetes Secrets; the path is for `dir`."""

    kind: Literal["dir", "manifest", "apply"] = "dir"
    path: str = ""


class _KubeSecrets(click.ParamType[KubeSecrets]):
    """`dir`, `dir=PATH`, `manifest` or `apply`."""

    name = "kube-secrets"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> KubeSecrets:
        if isinstance(value, KubeSecrets):
            return value
        kind, sign, path = value.partition("=")
        if kind not in ("dir", "manifest", "apply") or bool(sign) != bool(path) or (sign and kind != "dir"):
            self.fail(f'"{value}" is none of dir, dir=PATH, manifest and apply', param, ctx)
        return KubeSecrets(kind, path)


class _OnePath(click.ParamType[str]):
    """A path; its environment variable holds one, blanks and all."""

    name = "path"

    def split_envvar_value(self, rv: str) -> list[str]:
        return [rv] if rv else []


@dataclass(frozen=True, slots=True)
class Globals:
    """The flags of every command. `config` is empty where none was named."""

    config: tuple[str, ...] = ()
    out: str = "/secrets"
    root: str = ""
    identity: str = "manifest"
    kube_secrets: KubeSecrets = KubeSecrets()  # noqa: RUF009 - as immutable as a literal
    timeout: float = 300.0
    termination_log: str = "/dev/termination-log"
    log_format: str = "text"
    log_level: str = "info"


_FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("-c", "--config"),
        {
            "multiple": True,
            "type": _OnePath(),
            "metavar": "PATH",
            "help": f"Config file, directory or -; {DEFAULT_CONFIG} unless given.",
        },
    ),
    (("--out",), {"metavar": "DIR", "help": "Where relative outputs go; /secrets unless given."}),
    (("--root",), {"metavar": "DIR", "help": "Put before every absolute output that a config names."}),
    (
        ("--identity",),
        {
            "type": click.Choice(["manifest", "ambient"]),
            "help": "Log in as another tool's manifest says, or as the caller. An own config says it itself.",
        },
    ),
    (
        ("--kube-secrets",),
        {
            "type": _KubeSecrets(),
            "metavar": "KIND",
            "help": "Kubernetes Secrets become files (dir, dir=PATH: PATH/NAME/KEY; --out unless given), a manifest on "
            "standard output (manifest), or are applied (apply).",
        },
    ),
    (
        ("--timeout",),
        {"type": Duration(), "metavar": "DURATION", "help": "Give up fetching after this time; 300s unless given."},
    ),
    (
        ("--termination-log",),
        {"metavar": "PATH", "help": "Leave the reason of a failure there, if the file exists; /dev/termination-log."},
    ),
    (
        ("--log-format",),
        {"type": click.Choice(["text", "json"]), "help": "How to write to standard error; text unless given."},
    ),
    (
        ("--log-level",),
        {"type": click.Choice(["debug", "info", "warning", "error"]), "help": "What to log; info unless given."},
    ),
)


def variable_of(flag: str) -> str:
    """Return the environment variable that stands for a flag."""
    return PREFIX + flag.removeprefix("--").replace("-", "_").upper()


def global_options(*, environment: bool) -> Callable[[_F], _F]:
    """Add the global flags to a command. `environment`: also read their variables; the group alone does."""

    def add(command: _F) -> _F:
        for names, settings in reversed(_FLAGS):
            more: dict[str, Any] = {"envvar": variable_of(names[-1]), "show_envvar": True} if environment else {}
            command = click.option(*names, expose_value=False, callback=_remember, **settings, **more)(command)
        return command

    return add


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is None or value == ():
        return
    found: dict[str, Any] = ctx.find_root().meta.setdefault(_META, {"given": set()})
    name = str(param.name)
    explicit = ctx.get_parameter_source(name) is not click.core.ParameterSource.ENVIRONMENT
    # `-c` before and after the command adds up; anything else given replaces what was there.
    found[name] = (*found[name], *value) if name == "config" and name in found["given"] else value
    if explicit:
        found["given"].add(name)


def globals_of(ctx: click.Context) -> Globals:
    """Return the global flags of this run."""
    found: dict[str, Any] = ctx.find_root().meta.get(_META, {})
    made = Globals(**{name: value for name, value in found.items() if name != "given"})
    if not made.out:
        raise click.UsageError("--out needs a directory")
    return made


def flag_variables(command: click.Command) -> set[str]:
    """Return the environment variables of a command's flags and of its sub-commands'."""
    found = {str(param.envvar) for param in command.params if getattr(param, "envvar", None)}
    for below in getattr(command, "commands", {}).values():
        found |= flag_variables(below)
    return found


def check_environment(known: Iterable[str], environ: Mapping[str, str] = os.environ) -> None:
    """Refuse variables that look like a flag's and are none: a mistyped name must not be ignored.

    Raises:
        click.UsageError: There is one.
    """
    names = sorted(known)
    for name in sorted(environ):
        if (
            name.startswith(PREFIX)
            and name not in {*names, CHANGED}
            and not _SERVICE_LINK.search(name.removeprefix("SECRETFETCH"))
        ):
            hint = "".join(f" - {label} {text}" for label, text in meant(name, names))
            raise click.UsageError(f"unknown environment variable {name}{hint}\nknown are {', '.join(names)}")
