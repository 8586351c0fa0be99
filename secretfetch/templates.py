"""Jinja2 over JSON values: sandboxed, strict, printing numbers and objects as JSON does.

What does not belong here: secrets and configs; a template sees names and values. Nothing in a template reaches the
file system, the environment, the network, the clock or a random source.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from secretfetch import jsontext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jinja2 import nodes
    from jinja2.environment import Template as _Compiled

MAX_CHARACTERS = 8 * 1024 * 1024
ALL = "secrets"  # the name under which a template finds every secret, whatever its name
_REMOVED_GLOBALS = ("lipsum",)
_REMOVED_FILTERS = ("random",)
_FILE = "<template>"


class Fault(ValueError):
    """The template is wrong: no syntax, or something that the sandbox refuses. `line` counts from 1; 0: not known."""

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {problem}" if line else problem)
        self.problem = problem
        self.line = line


class Undefined(ValueError):
    """A key that is not there, or null. `path` is what was asked for, `keys` what there is."""

    def __init__(self, path: str, keys: Iterable[str] = (), line: int = 0) -> None:
        super().__init__(path)
        self.path = path
        self.keys = tuple(keys)
        self.line = line


class Unfit(ValueError):
    """The template is right and the data does not suit it; says so without the data."""


class Absent:
    """The value of a secret that does not exist and need not: each of its keys is undefined, a condition is false."""


class Object(dict[str, Any]):
    """A JSON object that prints as compact JSON."""

    def __str__(self) -> str:
        return _json(self)

    __repr__ = __str__


class Array(list[Any]):
    """A JSON array that prints as compact JSON."""

    def __str__(self) -> str:
        return _json(self)

    __repr__ = __str__


class Boolean(int):
    """A JSON boolean that prints as JSON does; `bool` itself cannot be derived from."""

    def __str__(self) -> str:
        return "true" if self else "false"

    __repr__ = __str__
    __format__ = lambda self, spec: format(str(self), spec)  # noqa: E731 - as the other two lines


class Binary(bytes):
    """A value that is no text: it can be encoded, not printed."""

    def __str__(self) -> str:
        raise Unfit("a binary value cannot be printed; use b64encode")

    __repr__ = __str__


def value_of(data: bytes) -> Any:
    """Return what a template sees of a whole value: a JSON object or list as such, everything else as it is."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        try:
            return wrap(jsontext.parse(data))
        except jsontext.Fault:
            pass
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Binary(data)


def wrap(node: jsontext.Json) -> Any:
    """Return what a template sees of a parsed value."""
    if isinstance(node, dict):
        return Object((key, wrap(value)) for key, value in node.items())
    if isinstance(node, list):
        return Array(wrap(value) for value in node)
    return Boolean(node) if isinstance(node, bool) else node


def _unwrap(value: Any) -> jsontext.Json:
    if isinstance(value, dict):
        return {str(key): _unwrap(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_unwrap(item) for item in value]
    if isinstance(value, Boolean):
        return bool(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise Unfit(f"a {type(value).__name__} is no JSON")


def _json(value: Any) -> str:
    try:
        return jsontext.dump(_unwrap(value))
    except jsontext.TooLarge:
        raise Unfit("the text is too large") from None


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
    used, unknown = free & known, free - known - {ALL} - _environment().globals.keys()
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
    context = {name: _absent() if isinstance(value, Absent) else value for name, value in values.items()}
    try:
        for part in _compile(template).generate({ALL: Object(context), **context}):
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
        if trace.tb_frame.f_code.co_filename == _FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _parse(template: str) -> nodes.Template:
    from jinja2.exceptions import TemplateSyntaxError  # noqa: PLC0415 - start-up cost

    try:
        tree: nodes.Template = _environment().parse(template, filename=_FILE)
        _compile(template)
    except TemplateSyntaxError as error:
        raise Fault(error.message or "syntax error", error.lineno) from None
    except RecursionError:
        raise Fault("nested too deeply") from None
    _refuse(tree)
    return tree


@lru_cache(maxsize=256)
def _compile(template: str) -> _Compiled:
    # Jinja makes all line ends alike: a template whose lines all end in CR LF keeps them.
    environment = _environment("\r\n" if template.count("\r\n") == template.count("\n") > 0 else "\n")
    from jinja2 import Template  # noqa: PLC0415 - start-up cost

    code = environment.compile(template, filename=_FILE)
    made: _Compiled = Template.from_code(environment, code, environment.make_globals(None))
    return made


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


def _finalize(value: Any) -> Any:
    if value is None:
        raise Undefined("a value that is null")
    if isinstance(value, Binary):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, jsontext.Int | jsontext.Float):
        return value.text
    return _json(value) if isinstance(value, dict | list) else value


def _text(value: Any) -> str:
    return str(_finalize(value))


def _b64encode(value: Any) -> str:
    data = bytes(value) if isinstance(value, bytes) else _text(value).encode()
    return base64.b64encode(data).decode()


def _b64decode(value: Any) -> str | Binary:
    try:
        data = base64.b64decode("".join(_text(value).split()), validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("b64decode got no base64") from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Binary(data)


def _urlencode(value: Any) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - start-up cost

    return quote(bytes(value) if isinstance(value, bytes) else _text(value).encode(), safe="")


def _quote(value: Any) -> str:
    import shlex  # noqa: PLC0415 - start-up cost

    return shlex.quote(_text(value))


@lru_cache(maxsize=1)
def _undefined_type() -> Any:
    from jinja2.exceptions import UndefinedError  # noqa: PLC0415 - start-up cost
    from jinja2.runtime import StrictUndefined  # noqa: PLC0415 - start-up cost

    class Missing(StrictUndefined):
        """Says which key is not there instead of printing nothing."""

        __slots__ = ()

        def _fail_with_undefined_error(self, *_args: Any, **_kwargs: Any) -> Any:
            if self._undefined_exception is not UndefinedError:
                raise self._undefined_exception(self._undefined_hint)
            held = self._undefined_obj
            raise Undefined(str(self._undefined_name), held.keys() if isinstance(held, dict) else ())

        __iter__ = __str__ = __len__ = __eq__ = __ne__ = __bool__ = __hash__ = __contains__ = _fail_with_undefined_error
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __mod__ = (
            _fail_with_undefined_error
        )
        __rmod__ = __floordiv__ = __rfloordiv__ = __pos__ = __neg__ = __call__ = __getitem__ = __lt__ = __le__ = (
            _fail_with_undefined_error
        )
        __gt__ = __ge__ = __int__ = __float__ = __complex__ = __pow__ = __rpow__ = _fail_with_undefined_error

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return self._fail_with_undefined_error()

    return Missing


def _absent() -> Any:
    """Make the stand-in of a secret that need not exist: false, and each of its keys is undefined."""
    missing: Any = _undefined_type()

    class AbsentSecret(missing):  # type: ignore[misc] # a type made at run time
        __slots__ = ()

        def __bool__(self) -> bool:
            return False

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return missing(name=name)

        def __getitem__(self, name: Any) -> Any:
            return missing(name=str(name))

        def __iter__(self) -> Any:
            return iter(())

    return AbsentSecret(name="an optional secret that does not exist")


@lru_cache(maxsize=2)
def _environment(newline: str = "\n") -> Any:
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415 - start-up cost

    class Environment(ImmutableSandboxedEnvironment):
        """Finds a key before a method of that name; null is as good as nothing."""

        def getattr(self, obj: Any, attribute: str) -> Any:
            if isinstance(obj, Object) and attribute in obj:
                return self.getitem(obj, attribute)
            return super().getattr(obj, attribute)

        def getitem(self, obj: Any, argument: Any) -> Any:
            found = super().getitem(obj, argument)
            return self.undefined(obj=obj, name=str(argument)) if found is None else found

    environment = Environment(
        undefined=_undefined_type(),
        finalize=_finalize,
        keep_trailing_newline=True,
        newline_sequence=newline,
        autoescape=False,
        loader=None,
    )
    for name in _REMOVED_GLOBALS:
        del environment.globals[name]
    for name in _REMOVED_FILTERS:
        del environment.filters[name]
    environment.filters.update(
        urlencode=_urlencode, tojson=_json, b64encode=_b64encode, b64decode=_b64decode, quote=_quote, string=_text
    )
    environment.tests["boolean"] = lambda value: isinstance(value, bool | Boolean)
    return environment
