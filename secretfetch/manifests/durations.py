"""Durations as Go writes them: `90s`, `5m`, `1h30m`, `1.5h`, `250ms`.

What does not belong here: what a duration is for.
"""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
FORM = "a number with a unit, such as 90s, 5m or 1h30m"


def parse(text: str) -> float:
    """Return seconds.

    Raises:
        ValueError: The text is no duration, or a negative one.
    """
    if text == "0":
        return 0.0
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError(f"not a duration: it takes {FORM}")
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)
