"""Jinja2 over JSON values: sandboxed, strict, printing numbers and objects as JSON does.

Here templates are checked before they are run, and run; `sandbox` has what they may use, `values` what they see. What
does not belong here: secrets and configs; a template sees names and values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretfetch.templates import sandbox
from secretfetch.templates.values import Absent, Fault, Object, Undefined, Unfit, value_of, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jinja2 import nodes

__all__ = ["Absent", "Fault", "Undefined", "Unfit", "render", "used_names", "value_of", "wrap"]

MAX_CHARACTERS = 8 * 1024 * 1024
ALL = "secrets"  # the name under which a template finds every secret, whatever its name


def used_names(template: str, names: Iterable[str]) -> tuple[set[str], list[tuple[str, int]]]:
    """Tell which of `names` a template uses, and what it uses that is none of them.

    Returns:
        The names used, all of them where that cannot be told; pairs of an unknown name and its line.

    Raises:
        Fault: A syntax error, an unknown filter or test, or something that the sandbox refuses.
    """
    from jinja2 import meta  # noqa: PLC0415 - start-up cost

    tree, known = _parse(template), set(names)
    free = meta.find_undeclared_variables(tree)
    used, unknown = free & known, free - known - {ALL} - sandbox.environment_of().globals.keys()
    lines = {name: line for name, line in _names(tree) if name in unknown}
    if ALL in free and ALL not in known:
        through = list(_through_all(tree))
        if any(name is None for name, _ in through):
            return known, sorted(lines.items())
        used |= {name for name, _ in through if name in known}
        lines |= {name: line for name, line in through if name is not None and name not in known}
    elif ALL in free:
        used = known
    return used, sorted(lines.items())


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fill in a template. `values`: by name, made by `wrap` and `value_of`, or `Absent()`.

    Raises:
        Fault: The sandbox refuses what the template does.
        Undefined: A key that is not there.
        Unfit: An operation on data that does not suit it, or too long a text.
    """
    from jinja2.exceptions import SecurityError, UndefinedError  # noqa: PLC0415 - start-up cost

    parts, size = [], 0
    context = {name: sandbox.absent() if isinstance(value, Absent) else value for name, value in values.items()}
    try:
        for part in sandbox.compiled(template).generate({ALL: Object(context), **context}):
            size += len(part)
            if size > MAX_CHARACTERS:
                raise Unfit("the text is too large")  # noqa: TRY301 - handled as what a filter raises
            parts.append(part)
    except (Undefined, Unfit) as error:
        line = _line_of(error)
        raise (
            Undefined(error.path, error.keys, line) if isinstance(error, Undefined) else Unfit(_at(str(error), line))
        ) from None
    except SecurityError as error:
        raise Fault("refused by the sandbox", _line_of(error)) from None
    except UndefinedError as error:
        raise Undefined("a value", (), _line_of(error)) from None
    except RecursionError:
        raise Unfit("nested too deeply") from None
    except Exception as error:  # noqa: BLE001 - whatever a filter raises may quote the data
        raise Unfit(_at(f"cannot be evaluated ({type(error).__name__})", _line_of(error))) from None
    return "".join(parts)


def _at(problem: str, line: int) -> str:
    return f"line {line}: {problem}" if line else problem


def _line_of(error: BaseException) -> int:
    """Return the line of the template that raised; Jinja rewrites tracebacks so that they show it."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == sandbox.FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _parse(template: str) -> nodes.Template:
    from jinja2.exceptions import TemplateSyntaxError  # noqa: PLC0415 - start-up cost

    try:
        tree: nodes.Template = sandbox.environment_of().parse(template, filename=sandbox.FILE)
        sandbox.compiled(template)
    except TemplateSyntaxError as error:
        raise Fault(error.message or "syntax error", error.lineno) from None
    except RecursionError:
        raise Fault("nested too deeply") from None
    _refuse(tree)
    return tree


def _refuse(tree: nodes.Template) -> None:
    from jinja2 import nodes as n  # noqa: PLC0415 - start-up cost

    for node in tree.find_all((n.Include, n.Import, n.FromImport, n.Extends)):
        raise Fault(f"{type(node).__name__.lower()} is refused: a template stands alone", node.lineno)
    for part in _parts(tree):
        name = part.attr if isinstance(part, n.Getattr) else getattr(part.arg, "value", None)
        if isinstance(name, str) and name.startswith("__") and name.endswith("__"):
            raise Fault(f"{name} is refused by the sandbox", part.lineno)


def _parts(tree: nodes.Template) -> Iterator[nodes.Getattr | nodes.Getitem]:
    from jinja2 import nodes as n  # noqa: PLC0415 - start-up cost

    yield from tree.find_all(n.Getattr)
    yield from tree.find_all(n.Getitem)


def _names(tree: nodes.Template) -> Iterator[tuple[str, int]]:
    from jinja2 import nodes as n  # noqa: PLC0415 - start-up cost

    for node in tree.find_all(n.Name):
        yield node.name, node.lineno


def _through_all(tree: nodes.Template) -> Iterator[tuple[str | None, int]]:
    """Yield each name asked of `secrets`, None where it is computed."""
    from jinja2 import nodes as n  # noqa: PLC0415 - start-up cost

    plain = 0
    for part in _parts(tree):
        if isinstance(part.node, n.Name) and part.node.name == ALL:
            plain += 1
            name = part.attr if isinstance(part, n.Getattr) else getattr(part.arg, "value", None)
            yield (name if isinstance(name, str) else None), part.lineno
    if plain < sum(name == ALL for name, _ in _names(tree)):
        yield None, 0
