"""Fifty values that must show up nowhere, in every form in which a text could hide them.

What does not belong here: where they are put.
"""

from __future__ import annotations

import base64
import html
import json
import random
import string
from urllib.parse import quote, quote_plus

_LETTERS = string.ascii_letters + string.digits
_DRESSES = (
    "{}",
    "it's {}",
    'say "{}"',
    "line\n{}\nline",
    "tab\t{}",
    "\\{}\\",
    "${{{}}}",
    "%s%({})d",
    "{{{{{}}}}}",
    "ключ-{}-😀",
    " {} ",
    "\x1b[31m{}",
    "<b>{}</b>&amp;",
    "postgres://u:{}@h/d?x=1#f",
    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
    '{{"inner":"{}"}}',
    "{}\r\n",
)
MARKS = tuple("".join(random.Random(seed).choices(_LETTERS, k=18)) for seed in range(50))
"""What is in one value and in no other text: letters and digits, which most encodings leave as they are."""

VALUES = tuple(_DRESSES[number % len(_DRESSES)].format(mark) for number, mark in enumerate(MARKS))
DOCUMENT = {f"K{number:02}": value for number, value in enumerate(VALUES)}


def leaks(text: str) -> list[str]:
    """Return what a text shows of the values, in whatever form."""
    flat = "".join(text.split())
    found = [mark for mark in MARKS if mark in flat]
    found += [f"{form} of {mark}" for mark in MARKS for form, needle in _hidden(mark) if needle in flat]
    return found + [f"{value!r} whole" for value in VALUES for form in _whole(value) if form in text]


def _hidden(mark: str) -> list[tuple[str, str]]:
    """A mark in base64 at each of the three places it may have in a group, in hex, backwards, and as numbers."""
    data = mark.encode()
    forms = [("hex", data.hex()), ("HEX", data.hex().upper()), ("reverse", mark[::-1])]
    for shift in range(3):
        inner = base64.b64encode(b"x" * shift + data).decode().rstrip("=")
        forms.append(("base64", inner[4 if shift else 0 : len(inner) - 2]))
    return [*forms, ("list of bytes", ",".join(map(str, data[:8])))]


def _whole(value: str) -> list[str]:
    return [value, quote(value), quote_plus(value), json.dumps(value)[1:-1], repr(value)[1:-1], html.escape(value)]
