"""Which names a file, a variable and a key of a Kubernetes Secret may have, and how a name is shown in a message.

Names come from configs and, through spreads and searches, from the stores themselves: they are untrusted text. Each
`*_fault` function says in a few words what is wrong, for a sentence such as `"a/../b" <fault>`, or returns nothing.
What does not belong here: raising (the caller knows whether a config or a secret is at fault), and touching any file.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PATH_BYTES = 4096
MAX_PART_BYTES = 255
MAX_PARTS = 100
"""Deeper trees than any store has; keeps what walks a tree far from the limits of recursion and open files."""
MAX_SECRET_KEY = 253

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_REORDERING = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_KEY = re.compile(r"[-._a-zA-Z0-9]+")


def path_fault(path: str) -> str:
    """Say why `path` cannot be a file of a volume, relative to its root with `/` between the parts; or nothing."""
    if not path:
        return "is empty"
    if (fault := _character_fault(path)) != "":
        return fault
    if path.startswith("/"):
        return "is absolute"
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"is longer than {MAX_PATH_BYTES:,} bytes"
    parts = path.split("/")
    if len(parts) > MAX_PARTS:
        return f"has more than {MAX_PARTS} parts"
    return next((fault for part in parts if (fault := _part_fault(part))), "")


def _character_fault(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode text"
    if (found := _CONTROL.search(name)) is not None:
        if found[0] == "\0":
            return "has a NUL character"
        return "has a line break" if found[0] in _LINE_BREAKS else "has a control character"
    return "has a character that changes the direction of text" if _REORDERING.search(name) else ""


def _part_fault(part: str) -> str:
    if not part:
        return "has an empty part"
    if part == ".":
        return 'has a part "."'
    if part == "..":
        return "leads out of the volume"
    if part.startswith(".."):
        return "has a part that begins with two dots"
    return f"has a part longer than {MAX_PART_BYTES} bytes" if len(part.encode()) > MAX_PART_BYTES else ""


def variable_fault(name: str) -> str:
    """Say why `name` cannot be a variable of an env file; or nothing."""
    if not name:
        return "is empty"
    if _VARIABLE.fullmatch(name):
        return ""
    if name[0] in "0123456789":
        return "begins with a digit"
    return f'has "{printable(_first_other(name, "_"))}" where only letters, digits and "_" can be'


def secret_key_fault(name: str) -> str:
    """Say why `name` cannot be a key of a Kubernetes Secret; or nothing."""
    if not name:
        return "is empty"
    if not _SECRET_KEY.fullmatch(name):
        return f'has "{printable(_first_other(name, "-._"))}" where only letters, digits, "-", "_" and "." can be'
    if len(name) > MAX_SECRET_KEY:
        return f"is longer than {MAX_SECRET_KEY} characters"
    # The API server refuses these too: the kubelet makes files of the keys.
    return "begins with two dots" if name.startswith("..") else 'is "."' if name == "." else ""


def _first_other(name: str, signs: str) -> str:
    return next(sign for sign in name if not (sign.isascii() and (sign.isalnum() or sign in signs)))


def path_conflicts(paths: Iterable[str]) -> tuple[str, str] | None:
    """Return two paths that cannot be in one volume, or None: one twice, or `a` and then `a/b`."""
    # Sorted by parts, whatever lies below a path follows it directly.
    split = sorted(path.split("/") for path in paths)
    for above, below in pairwise(split):
        if below[: len(above)] == above:
            return "/".join(above), "/".join(below)
    return None


def printable(name: str, most: int = 80) -> str:
    """Return `name` for a message: one line, no control or reordering characters, cut after `most`."""
    shown = "".join(_shown(sign) for sign in name[:most])
    return f"{shown}... ({len(name):,} characters)" if len(name) > most else shown


def _shown(sign: str) -> str:
    if sign.isprintable() and not _REORDERING.match(sign):
        return sign
    return sign.encode("unicode_escape").decode("ascii")
