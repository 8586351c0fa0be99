"""From a plan to files: ask the stores, map, render, write; once, or round after round.

`fetching` asks, `building` maps and renders, `writing` publishes, `rounds` does that again and again with what is held,
`blanks` refuses to empty what was full, `handover` and `notes` are what one process leaves for the next. What does not
belong here: when the next round comes (`sidecar`), and printing.
"""

from __future__ import annotations

from secretfetch.materialize.building import Rendered, build, stream
from secretfetch.materialize.fetching import fetch
from secretfetch.materialize.handover import Held
from secretfetch.materialize.notes import Notes
from secretfetch.materialize.rounds import Order, Round, Rounds
from secretfetch.materialize.writing import Writers, Written, changes

__all__ = [
    "Held",
    "Notes",
    "Order",
    "Rendered",
    "Round",
    "Rounds",
    "Writers",
    "Written",
    "build",
    "changes",
    "fetch",
    "stream",
]
