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
_DEEPEST = 3  # JSON inside of JSON
_URL_SAFE = str.maketrans("+/", "-_")
_SHORTEST_OURS = 8  # what our own records say are names, and a short value may be one

_lock = threading.Lock()


class _Entry:
    """Values that are known, and the forms in which they may be seen, made when a record is written at all."""

    def __init__(self, values: tuple[bytes, ...]) -> None:
        self._values = values
        self._forms: frozenset[str] | None = None

    def forms(self) -> frozenset[str]:
        if self._forms is None:
            forms = (form for value in self._values for text in _texts(value) for form in _seen_as(text))
            self._forms = frozenset(form for form in forms if len(form) >= _SHORTEST)
        return self._forms


_known: list[_Entry] = []


@contextmanager
def known(values: Iterable[bytes]) -> Iterator[None]:
    """Keep values out of the log, from whatever thread, as long as the block lasts."""
    entry = _Entry(tuple(values))
    with _lock:
        _known.append(entry)
    try:
        yield
    finally:
        with _lock:
            _known.remove(entry)


def redacted(text: str, *, ours: bool) -> str:
    """Return a text without any known value in any usual form.

    Args:
        text: Of a record that is about to be written.
        ours: It is of this program, not of a library.
    """
    with _lock:
        forms = {form for entry in _known for form in entry.forms() if form in text}
    shortest = _SHORTEST_OURS if ours else _SHORTEST
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= shortest:
            text = text.replace(form, HIDDEN)
    return text


def _texts(value: bytes | str, depth: int = 0) -> Iterator[bytes]:
    """Yield a value, its lines, and every text in it if it is JSON, also JSON inside of JSON."""
    import json  # noqa: PLC0415 - only when something is logged in the middle of a round

    data = value.encode(errors="replace") if isinstance(value, str) else value
    yield data
    if b"\n" in data:
        yield from data.splitlines()
    if depth < _DEEPEST and data.lstrip()[:1] in (b"{", b"[", b'"'):
        try:
            leaves = _leaves(json.loads(data))
        except (ValueError, RecursionError):
            return
        for leaf in leaves:
            yield from _texts(leaf, depth + 1)


def _leaves(node: object) -> list[str]:
    if isinstance(node, str):
        return [node]
    if isinstance(node, int | float) and not isinstance(node, bool):
        return [str(node)]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for below in inner for text in _leaves(below)]


def _seen_as(data: bytes) -> Iterator[str]:
    import base64  # noqa: PLC0415 - as above
    import json  # noqa: PLC0415 - as above
    from urllib.parse import quote, quote_plus  # noqa: PLC0415 - as above

    text = data.decode(errors="replace")
    yield from (text, repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    yield from (repr(data)[2:-1], quote(data, safe=""), quote(data), quote_plus(data), data.hex(), data.hex().upper())
    for shift in range(3):
        # What stands before it in the same three bytes changes the first digits, what follows it the last.
        inner = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        whole = inner[4 if shift else 0 : len(inner) - (len(data) + shift) % 3]
        yield from (whole, whole.translate(_URL_SAFE))
