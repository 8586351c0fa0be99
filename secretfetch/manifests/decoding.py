"""Parts of a YAML document -> structs of the schema, with errors that name line, field and near matches.

What does not belong here: what the fields mean.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from secretfetch.errors import meant

if TYPE_CHECKING:
    from secretfetch.manifests.document import Document, Path

_S = TypeVar("_S", bound=msgspec.Struct)
_AT = re.compile(r"(?s)(.*?)(?: - at `\$(.*)`)?")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]|\[\.\.\.\]")
_MISSING = re.compile(r"Object missing required field `(.+)`")
_EXPECTED = re.compile(r"Expected `(.+)`, got `(.+)`")
_LITERAL = 4  # a literal may be text, an int, a float or a bool: all are text as written
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "array": "a list",
    "object": "a map",
}


def decode(document: Document, path: Path, into: type[_S]) -> _S:
    """Decode the value at `path` of a document.

    Raises:
        ConfigError: Not a map, an unknown field, a missing one, or a value of the wrong type or form.
    """
    value = at(document, path)
    if not isinstance(value, dict):
        raise document.error(path, f"{name_of(path)} must be a map, it is {kind_of(value)}")
    known = [field.encode_name for field in msgspec.structs.fields(into)]
    for name in value:
        if name not in known:
            raise document.error(
                (*path, name),
                f'unknown field "{name}" in {name_of(path)}',
                *meant(name, known),
                ("known", ", ".join(known)),
            )
    try:
        return msgspec.convert(value, into)
    except msgspec.ValidationError as error:
        raise _translated(str(error), document, path) from None


def decode_text(document: Document, path: Path, what: str) -> str:
    """Return the text at `path`; an unquoted number or boolean is its text as written.

    Raises:
        ConfigError: It is null, a list or a map.
    """
    value = at(document, path)
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return document.text(*path)
    raise document.error(path, f"{what} must be text, it is {kind_of(value)}", ("fix", 'an empty text is written ""'))


def at(document: Document, path: Path) -> Any:
    """Return the value at `path`."""
    value = document.data
    for step in path:
        value = value[step]
    return value


def name_of(path: Path) -> str:
    """Name a place for people: `outputs[0].keys.USER`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "the config"


def kind_of(value: Any) -> str:
    """Name the type of a value for people, without the value."""
    if value is None:
        return "null"
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a map"}
    return names.get(type(value), type(value).__name__)


def _translated(message: str, document: Document, path: Path) -> Exception:
    found = _AT.fullmatch(message)
    problem, below = (found[1], found[2] or "") if found else (message, "")
    for step in _STEP.finditer(below):
        if step[0] != "[...]":
            path = (*path, int(step[2]) if step[2] else step[1])
    if missing := _MISSING.fullmatch(problem):
        return document.error(path, f'{name_of(path)} lacks "{missing[1]}"')
    if expected := _EXPECTED.fullmatch(problem):
        names = [name for name in expected[1].split(" | ") if name != "null"]
        wanted = "text" if len(names) == _LITERAL else " or ".join(_WORDS.get(name, name) for name in names)
        got = _WORDS.get(expected[2], expected[2])
        return document.error(path, f"{name_of(path)} must be {wanted}, it is {got}")
    return document.error(path, f"{name_of(path)}: {problem[:1].lower()}{problem[1:]}")
