"""The figures that the tests of faults measure, kept for docs/reliability.md.

Each is a JSON line of `fault` (F1 ...), `case` (a row), `name` (a column) and `value` in the file that FAULT_FIGURES
names; without that variable they are dropped. `make faults` sets it, and FAULTS=full for the long form of each test.
What does not belong here: any rule about a figure; a test asserts it before or after it adds it.
"""

from __future__ import annotations

import json
import os

FULL = os.environ.get("FAULTS") == "full"
"""Whether every fault is tried; else a sample of them, in seconds."""


class Figures:
    """Where the tests of one run put their figures; several processes may add to one file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def add(self, fault: str, name: str, value: float | str, case: str = "") -> None:
        """Add one figure.

        Args:
            fault: F1, F2, ...: one table.
            name: What was measured, with its unit: one column.
            value: A number, or a short text.
            case: What it was measured on: one row.
        """
        if self._path:
            line = json.dumps({"fault": fault, "case": case, "name": name, "value": value}) + "\n"
            with open(self._path, "ab", buffering=0) as target:  # one write: lines of several processes do not mix
                target.write(line.encode())
