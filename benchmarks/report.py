"""Figures as markdown tables. What does not belong here: measuring."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from measure import own_memory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cases import Case
    from measure import Runs

UNITS = {"wall": ", ms", "cpu": ", ms", "memory": ", MiB", "requests": ""}


def machine(packages: Iterable[str]) -> dict[str, Any]:
    """Describe what the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
        **{name: version(name) for name in packages},
    }


def figures(case: Case, found: dict[str, Runs]) -> dict[str, Any]:
    """Return a case's figures as plain data.

    Raises:
        RuntimeError: The memory that was measured is that of the process that measures.
    """
    if case.memory and min(runs.spread("memory")[0] for runs in found.values()) < own_memory() + 1:
        raise RuntimeError(f"the measuring process has {own_memory():.0f} MiB itself: too much")
    counted = all(runs.requests for runs in found.values())
    measured = ("wall", "cpu", *(["memory"] if case.memory else []), *(["requests"] if counted else []))
    rows = {name: {what: [round(n, 1) for n in runs.spread(what)] for what in measured} for name, runs in found.items()}
    targets = []
    for target in case.targets:
        ratio = found[target.ours].spread(target.what)[1] / found[target.theirs].spread(target.what)[1]
        met = ratio <= target.limit
        targets.append({"of": target.ours, "to": target.theirs, "what": target.what, "ratio": round(ratio, 2),
                        "limit": target.limit, "met": met})  # fmt: skip
    return {"title": case.title, "rows": rows, "targets": targets}


def markdown(made: dict[str, Any]) -> str:
    """Write a case's figures as a table, its ratios below."""
    first = next(iter(made["rows"].values()))
    heads = ["", *(f"{what}{UNITS[what]}" for what in first)]
    lines = [f"### {made['title']}", "", _row(heads), _row(["---", *["---:"] * len(first)])]
    for name, row in made["rows"].items():
        lines.append(_row([name, *(_cell(what, *spread) for what, spread in row.items())]))
    lines.append("")
    for target in made["targets"]:
        met = "" if target["met"] else ", **missed**"
        text = f"{target['what']}: {target['of']} takes {target['ratio']:.2f} x {target['to']}"
        lines.append(f"- {text} (target: at most {target['limit']:g}{met})")
    return "\n".join(lines) + "\n"


def _cell(what: str, low: float, mid: float, high: float) -> str:
    if what == "requests" and low == high:
        return f"{mid:.0f}"
    return f"{low:.0f} / **{mid:.0f}** / {high:.0f}"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
