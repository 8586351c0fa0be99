"""Jinja2 as templates may use it: no files, environment, clock or chance; keys before methods; printing as JSON does.

What does not belong here: reading templates before they are run.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from secretfetch import jsontext
from secretfetch.templates.values import Binary, Boolean, Object, Undefined, Unfit, as_json

if TYPE_CHECKING:
    from jinja2.environment import Template

FILE = "<template>"  # what stands for its file name in tracebacks
_REMOVED_GLOBALS = ("lipsum",)
_REMOVED_FILTERS = ("random",)


@lru_cache(maxsize=256)
def compiled(template: str) -> Template:
    """Compile a template; Jinja's own errors propagate."""
    # Jinja makes all line ends alike: a template whose lines all end in CR LF keeps them.
    environment = environment_of("\r\n" if template.count("\r\n") == template.count("\n") > 0 else "\n")
    from jinja2 import Template as Made  # noqa: PLC0415 - start-up cost

    code = environment.compile(template, filename=FILE)
    made: Template = Made.from_code(environment, code, environment.make_globals(None))
    return made


def _finalize(value: Any) -> Any:
    if value is None:
        raise Undefined("a value that is null")
    if isinstance(value, Binary):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, jsontext.Int | jsontext.Float):
        return value.text
    return as_json(value) if isinstance(value, dict | list) else value


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


def absent() -> Any:
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
def environment_of(newline: str = "\n") -> Any:
    """Make Jinja's environment for templates whose lines end so."""
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
        urlencode=_urlencode, tojson=as_json, b64encode=_b64encode, b64decode=_b64decode, quote=_quote, string=_text
    )
    environment.tests["boolean"] = lambda value: isinstance(value, bool | Boolean)
    return environment
