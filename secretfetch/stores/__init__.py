"""From the stores of a plan to outcomes: find providers, connect once, ask in parallel, retry, close.

`discovery` knows which providers there are, `asking` puts one question to one provider and checks the answer, `errand`
repeats it for one store, `connections` does so for all stores of a plan. What does not belong here: what becomes of the
values, and anything that knows one vendor.
"""

from __future__ import annotations

from secretfetch.stores.clock import Clock, SystemClock
from secretfetch.stores.connections import Stores
from secretfetch.stores.discovery import BUILT_IN, GROUP, Installed, find, installed, known_names
from secretfetch.stores.errand import OnRetry
from secretfetch.stores.patience import POLL, START, Patience, full_jitter

__all__ = [
    "BUILT_IN",
    "GROUP",
    "POLL",
    "START",
    "Clock",
    "Installed",
    "OnRetry",
    "Patience",
    "Stores",
    "SystemClock",
    "find",
    "full_jitter",
    "installed",
    "known_names",
]
