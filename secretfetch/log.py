"""Log records on standard error: as text for people or as JSON lines for machines.

What does not belong here: results (`cli`) and redaction at the call: no value is ever handed to a logger. The loggers
of other packages, which do not promise that, are capped, and what is known of values is taken out (`redaction`).
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, Literal, TextIO

from secretfetch.redaction import redacted

Format = Literal["text", "json"]
_OURS = "secretfetch"


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f"  {name}={value}" for name, value in _fields(record).items() if name != "event")
        line = _safe(record, f"{_time(record)} {record.levelname.lower()} {record.getMessage()}{fields}")
        # Names in messages come from stores, and are anybody's: none begins a line or commands a terminal.
        return line if line.isprintable() else "".join(x if x.isprintable() else ascii(x)[1:-1] for x in line)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            name: value if isinstance(value, int | float | None) else _safe(record, str(value))
            for name, value in _fields(record).items()
        }
        return json_line(record.levelname.lower(), _safe(record, record.getMessage()), fields, at=record.created)


class _Handler(logging.StreamHandler[TextIO]):
    """Passes on records of other packages from warning up, whatever levels they have set for themselves."""

    def filter(self, record: logging.LogRecord) -> bool:
        return (_is_ours(record) or record.levelno >= logging.WARNING) and bool(super().filter(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the library's
        """Say nothing: the library's way is to print what a record holds."""


def setup(style: Format, level: str, stream: TextIO | None = None) -> None:
    """Send records to a stream, standard error unless given; those of other packages only from warning up."""
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Text())
    ours, root = logging.getLogger(_OURS), logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    ours.setLevel(level.upper())


def event(level: str, name: str, message: str, **fields: Any) -> None:
    """Log an event. `name` is a stable id; the fields are names, numbers and addresses, never values of secrets."""
    logging.getLogger(_OURS).log(
        logging.getLevelNamesMapping()[level.upper()], message, extra={"fields": {"event": name, **fields}}
    )


def json_line(level: str, message: str, fields: dict[str, Any], *, at: float | None = None) -> str:
    """Return one record as JSON: `time` (UTC), `level`, `msg` and the fields."""
    import json  # noqa: PLC0415 - start-up cost

    stamp = time.time() if at is None else at
    return json.dumps({"time": _utc(stamp), "level": level, "msg": message, **fields}, ensure_ascii=False, default=str)


def _safe(record: logging.LogRecord, text: str) -> str:
    """Return what may be written of a record: no value that is known. Of exceptions, which may hold one, nothing is."""
    return redacted(text, ours=_is_ours(record))


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == _OURS or record.name.startswith(f"{_OURS}.")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = getattr(record, "fields", {})
    return found


def _time(record: logging.LogRecord) -> str:
    return _utc(record.created)


def _utc(stamp: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp)) + f".{int(stamp % 1 * 1000):03d}Z"
