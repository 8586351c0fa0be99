"""Puts the figures that `make faults` has measured into docs/reliability.md: one table a fault, between its markers.

`python docs/faults.py LEDGER`, where LEDGER has the lines of tests/faults/figures.py. Tables of faults that it says
nothing of stay as they are. What does not belong here: the words around the tables.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("reliability.md")


def table(figures: list[dict[str, Any]]) -> str:
    """Make the table of one fault: a row for each case, a column for each name, in the order in which they came."""
    names = list(dict.fromkeys(one["name"] for one in figures))
    rows: dict[str, dict[str, str]] = {}
    for one in figures:
        value = f"{one['value']:,}" if isinstance(one["value"], int | float) else str(one["value"])
        rows.setdefault(one["case"], {})[one["name"]] = value.replace("|", "\\|")
    lines = [["", *names], ["---", *("---:" for _ in names)]]
    lines += [[case, *(row.get(name, "") for name in names)] for case, row in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def placed(page: str, name: str, text: str) -> str:
    """Put a text between the markers of its name; without markers, into a new section at the end."""
    begin, end = f"<!-- {name} begin -->", f"<!-- {name} end -->"
    if begin not in page:
        page = f"{page.rstrip()}\n\n## {name}\n\n{begin}\n{end}\n"
    between = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    return between.sub(lambda _: f"{begin}\n{text}\n{end}", page)


def machine() -> str:
    """Say where and when the figures were measured."""
    kernel = platform.release().partition("-")[0]
    where = f"Linux {kernel}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    return f"Measured on {datetime.now(UTC):%Y-%m-%d}: {where}."


def main(ledger: str) -> int:
    """Write the page."""
    by_fault: dict[str, list[dict[str, Any]]] = {}
    for line in Path(ledger).read_text().splitlines():
        one = json.loads(line)
        by_fault.setdefault(one["fault"], []).append(one)
    page = placed(PAGE.read_text(), "machine", machine())
    for fault in sorted(by_fault, key=lambda name: int(name[1:])):
        page = placed(page, fault, table(by_fault[fault]))
    PAGE.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
