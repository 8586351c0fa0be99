"""Text in other notations as JSON, chosen by a file's name, so that keys can be selected from it.

A fault is told by file and line, never by the text around it. What does not belong here: files, and YAML's own rules.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from secretfetch.provider import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

_LINE_END = re.compile("\r\n|\r|\n")


def view_of(path: str, data: bytes) -> bytes | None:
    """Return a file's content as compact JSON.

    Args:
        path: Its suffix decides; a file that is called `.env` is dotenv too.
        data: The content.

    Returns:
        None where the name does not say that it is YAML, dotenv or properties.

    Raises:
        DataError: The content is not what the name says.
    """
    name = path.rpartition("/")[2].lower()
    reader = next((read for suffix, read in _BY_SUFFIX.items() if name.endswith(suffix)), None)
    return None if reader is None else reader(path, data)


def json_bytes(path: str, members: dict[str, str]) -> bytes:
    """Return an object of strings as compact JSON.

    Raises:
        DataError: It holds half a surrogate pair.
    """
    import json  # noqa: PLC0415 - start-up cost

    try:
        return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        pass
    raise DataError(f'"{path}" holds half a surrogate pair, which no UTF-8 text can hold')


def text_of(path: str, data: bytes) -> str:
    """Decode UTF-8; a byte order mark is left out.

    Raises:
        DataError: It is something else.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start
    raise _fault(path, "UTF-8 text", data.count(b"\n", 0, start) + 1)


def _from_yaml(path: str, data: bytes) -> bytes:
    from secretfetch_file.yamltext import NotYamlError, yaml_to_json  # noqa: PLC0415 - start-up cost

    text = text_of(path, data)
    try:
        return yaml_to_json(text)
    except NotYamlError as error:
        fault = _fault(path, "usable YAML", error.line, error.why)
    raise fault


def _from_dotenv(path: str, data: bytes) -> bytes:
    from io import StringIO  # noqa: PLC0415 - kept beside the parser

    from dotenv.parser import parse_stream  # noqa: PLC0415 - start-up cost

    members: dict[str, str] = {}
    for binding in parse_stream(StringIO(text_of(path, data), newline="")):
        if binding.error:
            # The line that a faulty binding starts at; white space before it belongs to it.
            blank = len(binding.original.string) - len(binding.original.string.lstrip())
            skipped = binding.original.string[:blank].count("\n")
            raise _fault(path, "a dotenv file", binding.original.line + skipped)
        if binding.key is not None and binding.value is not None:
            members[binding.key] = binding.value
    return json_bytes(path, members)


def _from_properties(path: str, data: bytes) -> bytes:
    import javaproperties  # noqa: PLC0415 - start-up cost

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("iso-8859-1")  # as Java does it
    members: dict[str, str] = {}
    line = 1
    try:
        for element in javaproperties.parse(text):
            line += len(_LINE_END.findall(element.source))
            if isinstance(element, javaproperties.KeyValue):
                members[element.key] = element.value
    except javaproperties.InvalidUEscapeError:
        fault = _fault(path, "a properties file", line, "a \\u without four hexadecimal digits")
    else:
        return json_bytes(path, members)
    raise fault


def _fault(path: str, what: str, line: int, why: str = "") -> DataError:
    return DataError(f'"{path}" is not {what}: line {line}' + (f", {why}" if why else ""))


_BY_SUFFIX: dict[str, Callable[[str, bytes], bytes]] = {
    ".yaml": _from_yaml,
    ".yml": _from_yaml,
    ".env": _from_dotenv,
    ".properties": _from_properties,
}
