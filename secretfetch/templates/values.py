"""What a template sees, and what can go wrong with it.

JSON values that print as JSON does, whatever a template does with them. What does not belong here: Jinja.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretfetch import jsontext

if TYPE_CHECKING:
    from collections.abc import Iterable


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
        return as_json(self)

    __repr__ = __str__


class Array(list[Any]):
    """A JSON array that prints as compact JSON."""

    def __str__(self) -> str:
        return as_json(self)

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


def as_json(value: Any) -> str:
    """Return compact JSON.

    Raises:
        Unfit: The value is no JSON, or too large.
    """
    try:
        return jsontext.dump(_unwrap(value))
    except jsontext.TooLarge:
        raise Unfit("the text is too large") from None
