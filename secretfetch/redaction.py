"""Values that must not be logged, while they are known: the ones of the round that is under way.

A second line of defence: our own records are made of names only, and the loggers of other packages are capped. What
does not belong here: keeping a value beyond its round.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HIDDEN = "[redacted]"
_SHORTEST = 4  # characters: shorter texts are everywhere
_SHORTEST_OURS = 8  # what our own records say are names, and a short value may be one

_lock = threading.Lock()
_known: list[tuple[bytes, ...]] = []


@contextmanager
def known(values: Iterable[bytes]) -> Iterator[None]:
    """Keep values out of the log, from whatever thread, as long as the block lasts."""
    entry = tuple(values)
    with _lock:
        _known.append(entry)
    try:
        yield
    finally:
        with _lock:
            # By identity: two rounds may know the same values.
            del _known[next(index for index, one in enumerate(_known) if one is entry)]


def redacted(text: str, *, ours: bool) -> str:
    """Return a text without any known value in any usual form.

    Args:
        text: Of a record that is about to be written.
        ours: It is of this program, not of a library.
    """
    with _lock:
        values = [value for entry in _known for value in entry]
    if not values:
        return text
    shortest = _SHORTEST_OURS if ours else _SHORTEST
    for form in sorted({form for value in values for form in _forms(value) if len(form) >= shortest}, key=len)[::-1]:
        text = text.replace(form, HIDDEN)
    return text


def _forms(value: bytes) -> Iterator[str]:
    """Yield a value, and every text in it if it is JSON, as they would be seen in a log."""
    import json  # noqa: PLC0415 - only when something is logged in the middle of a round

    texts = [value.decode(errors="replace")]
    try:
        texts += _leaves(json.loads(value))
    except (ValueError, RecursionError):
        texts += texts[0].splitlines()
    for text in texts:
        yield from _seen_as(text)


def _leaves(node: object) -> list[str]:
    if isinstance(node, str):
        return [node]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for below in inner for text in _leaves(below)]


def _seen_as(text: str) -> Iterator[str]:
    import base64  # noqa: PLC0415 - as above
    import json  # noqa: PLC0415 - as above
    from urllib.parse import quote, quote_plus  # noqa: PLC0415 - as above

    data = text.encode(errors="replace")
    yield from (text, repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    yield from (quote(text, safe=""), quote(text), quote_plus(text), data.hex(), data.hex().upper())
    for shift in range(3):
        # What stands before it in the same three bytes changes the first digits, what follows it the last.
        inner = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        yield inner[4 if shift else 0 : len(inner) - (len(data) + shift) % 3]
