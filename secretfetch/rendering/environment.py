"""Names and values of env outputs -> the environment of a program: no dialect, no file.

What does not belong here: what else the program inherits (`processes`), and starting it (`sinks`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from secretfetch.bundle import File
from secretfetch.errors import DataError, SecretError, one_or_several
from secretfetch.names import printable, variable_fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretfetch.bundle import Bundle, Item
    from secretfetch.plan import DataFile

# Variables by which a loader, a shell, an interpreter or a tool runs code or finds it elsewhere. Left out on purpose:
# ENV, which only shells that somebody types into run, and which many applications call their stage.
_RUNS_CODE = re.compile(
    r"LD_.*|DYLD_.*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|PATH"
    r"|BASH_ENV|BASHOPTS|SHELLOPTS|PS4|PROMPT_COMMAND|IFS|CDPATH|GLOBIGNORE|ZDOTDIR|FPATH"
    r"|PYTHON(PATH|HOME|STARTUP|INSPECT|USERBASE|EXECUTABLE|PLATLIBDIR|BREAKPOINT|WARNINGS|PYCACHEPREFIX)"
    r"|PERL5(OPT|LIB|DB|SHELL)|PERLLIB|RUBY(OPT|LIB|SHELL)|GEM_(HOME|PATH)|BUNDLE_GEMFILE"
    r"|NODE_(OPTIONS|PATH|REPL_EXTERNAL_MODULE)|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|_JAVA_OPTIONS|CLASSPATH"
    r"|DOTNET_(STARTUP_HOOKS|ADDITIONAL_DEPS|SHARED_STORE)|(CORECLR|COR)_(PROFILER.*|ENABLE_PROFILING)"
    r"|PHPRC|PHP_INI_SCAN_DIR|LUA_(INIT.*|PATH.*|CPATH.*)|ERL_(A|Z)?FLAGS"
    r"|OPENSSL_(CONF|ENGINES|MODULES)"
    r"|GIT_(SSH|SSH_COMMAND|ASKPASS|EXTERNAL_DIFF|PAGER|EDITOR|SEQUENCE_EDITOR|EXEC_PATH|PROXY_COMMAND|TEMPLATE_DIR)"
    r"|GIT_CONFIG.*|SSH_ASKPASS|EDITOR|VISUAL|PAGER|BROWSER"
)


def runs_code(name: str) -> bool:
    """Tell whether a variable of this name can make a program run code that it would not run without it."""
    return _RUNS_CODE.fullmatch(name) is not None


def environment(projected: Iterable[tuple[DataFile, Bundle]]) -> dict[str, File]:
    """Put the variables of all outputs together, in sorted order; the content of a `File` is the value.

    Raises:
        SecretError: A `DataError` for each name that no variable can have, each value with a NUL, each name that has
            another value in another output, and each name that runs code and that only a secret has chosen.
    """
    found: dict[str, tuple[DataFile, Item]] = {}
    errors: list[SecretError] = []
    for output, bundle in projected:
        chosen = {entry.name for entry in (*output.entries.defaults, *output.entries.keys)}
        for name, item in sorted(bundle.items()):
            if refusal := _refusal(output, name, item, chosen=name in chosen):
                errors.append(refusal)
            elif name in found and found[name][1].data != item.data:
                errors.append(_twice(name, found[name], (output, item)))
            else:
                found[name] = (output, item)
    if errors:
        raise one_or_several(errors)
    return {name: File(item.data, 0) for name, (_, item) in sorted(found.items())}


def _refusal(output: DataFile, name: str, item: Item, *, chosen: bool) -> DataError | None:
    if fault := variable_fault(name):
        fix = "name it yourself with NAME=REF, or under `keys:`; `sanitize: true` in `from` makes names fit"
        return _about(output, item, f'"{printable(name)}" {fault}: it cannot be a variable', fix)
    if b"\0" in item.data:
        fix = "make it a file of its own (an output whose path ends in /), or leave it out with `exclude`"
        return _about(output, item, f'the value of "{name}" holds a NUL character, which no variable can', fix)
    if not chosen and runs_code(name):
        fix = "if it is meant, name it yourself with NAME=REF, or under `keys:`; else leave it out with `exclude`"
        headline = f'a secret brings the variable "{name}", by which programs run code or find it elsewhere'
        return _about(output, item, headline, fix)
    return None


def _twice(name: str, one: tuple[DataFile, Item], other: tuple[DataFile, Item]) -> DataError:
    places = " and ".join(f"{_name(output)} from {item.origin}" for output, item in (one, other))
    return DataError(
        f'two outputs give the variable "{name}" different values: {places}',
        ("fix", "leave the name out of one output with `exclude`, or rename it with `prefix`"),
        where=str(other[0].origin),
    )


def _about(output: DataFile, item: Item, headline: str, fix: str) -> DataError:
    origin = (("from", item.origin),) if item.origin else ()
    return DataError(headline, *origin, ("fix", fix), where=str(output.origin))


def _name(output: DataFile) -> str:
    return output.path or "the command line"
