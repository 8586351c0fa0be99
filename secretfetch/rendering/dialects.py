"""One line of each env-file dialect: what a variable's value looks like for the program that will read it.

Every writer takes a checked name and a value, and returns the line with its LF, or raises `CannotHold`. No value is
changed to make it fit. What does not belong here: whole files and error messages (`secretfetch.rendering`), and formats
that are documents (`documents`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

DOCKER_LINE = 65_536
"""docker reads lines that are shorter than this many bytes, the LF not counted."""

KUBELET_FILE = 65_536
"""The kubelet reads files of at most this many bytes."""


class CannotHold(ValueError):
    """A dialect has no way to write a value. The text says why: by kinds of characters, never by the value's own."""


def docker(name: str, value: bytes) -> bytes:
    """Write `K=v` for `docker run --env-file`, which has neither quotes nor escapes."""
    _text(value)
    _without(value, (b"\n", "a line feed"))
    if value.endswith(b"\r"):
        raise CannotHold("it ends in a carriage return")
    line = name.encode() + b"=" + value
    if len(line) >= DOCKER_LINE:
        raise CannotHold(f"its line would have {DOCKER_LINE:,} bytes or more, which docker does not read")
    return line + b"\n"


def compose(name: str, value: bytes) -> bytes:
    r"""Write `K="v"` for compose's `env_file`; LF, CR and TAB become `\n`, `\r` and `\t`."""
    _text(value)
    return _quoted(name, re.sub(rb'[\\"$\n\r\t]', lambda found: _COMPOSE[found[0]], value))


def shell(name: str, value: bytes) -> bytes:
    r"""Write `export K='v'` for any POSIX shell; nothing is special between single quotes but their end."""
    _without(value, _NUL)
    return b"export " + name.encode() + b"='" + value.replace(b"'", b"'\\''") + b"'\n"


def systemd(name: str, value: bytes) -> bytes:
    """Write `K="v"` for `EnvironmentFile=`; a backslash before what is special in double quotes, LF as it is."""
    if _NONCHARACTER.search(_text(value)):
        raise CannotHold("it holds a Unicode noncharacter, which systemd takes for broken UTF-8")
    return _quoted(name, re.sub(rb'["\\$`]', rb"\\\g<0>", value))


def dotenv(name: str, value: bytes) -> bytes:
    """Write the portable form: quoted so that every reader of `.env` files, a shell and systemd agree on the value."""
    _text(value)
    if not re.search(rb"'|\r|\\\\|\$\{|\\\Z", value):
        return name.encode() + b"='" + value + b"'\n"
    if not re.search(rb'["\\$`\r]', value):
        return _quoted(name, value)
    if b"\r" in value:
        raise CannotHold("it holds a carriage return, which readers of .env files drop or change")
    if b"'" in value:
        raise CannotHold(
            'it holds a single quote together with one of " \\ $ `, and readers of .env files differ on that'
        )
    raise CannotHold("it holds ${ or a double or final backslash, and readers of .env files differ on that")


def kubelet(name: str, value: bytes) -> bytes:
    """Write `K='v'` for the kubelet's `fileKeyRef`, which has no escapes at all."""
    _text(value)
    _without(value, (b"'", "a single quote"), (b"\r\n", "a carriage return before a line feed"))
    return name.encode() + b"='" + value + b"'\n"


def properties(name: str, value: bytes) -> bytes:
    """Write `K=v` in ASCII for Java's `Properties`. Any name will do."""
    text = decoded(value)
    key = re.sub(r"[^ -~]|[\\=:#! ]", _escape_property, name)
    return (key + "=" + re.sub(r"[^ -~]|\\|\A ", _escape_property, text) + "\n").encode("ascii")


LINES: Final[dict[str, Callable[[str, bytes], bytes]]] = {
    "shell": shell,
    "systemd": systemd,
    "compose": compose,
    "dotenv": dotenv,
    "docker": docker,
    "kubelet": kubelet,
    "properties": properties,
}
"""Writers by format, in the order in which they are recommended to a value that another one cannot hold."""


def decoded(value: bytes) -> str:
    """Return a value as text.

    Raises:
        CannotHold: It is not UTF-8.
    """
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise CannotHold("it is not text in UTF-8") from None


_COMPOSE = {b"\n": b"\\n", b"\r": b"\\r", b"\t": b"\\t", b"\\": b"\\\\", b'"': b'\\"', b"$": b"\\$"}
_NUL = (b"\0", "a NUL character")
_NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef" + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17)) + "]"
)
_PROPERTY = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}


def _text(value: bytes) -> str:
    _without(value, _NUL)
    return decoded(value)


def _without(value: bytes, *unfit: tuple[bytes, str]) -> None:
    for part, what in unfit:
        if part in value:
            raise CannotHold(f"it holds {what}")


def _quoted(name: str, value: bytes) -> bytes:
    return name.encode() + b'="' + value + b'"\n'


def _escape_property(found: re.Match[str]) -> str:
    char = found[0]
    if char in _PROPERTY:
        return _PROPERTY[char]
    if " " <= char <= "~":
        return "\\" + char
    units = char.encode("utf-16-be").hex().upper()
    return "".join("\\u" + units[start : start + 4] for start in range(0, len(units), 4))
