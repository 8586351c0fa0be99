"""Enabled, expired, not valid yet: the service hands out what is out of its time as if nothing were wrong.

What does not belong here: the validity of logins and TLS.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from secretfetch.provider import DataError
from secretfetch_azure import trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretfetch_azure.asks import Ask


class Validity:
    """Checks the attributes of what was read. Warns of each version once.

    Args:
        refuse: Whether what is out of its time is an error.
        now: Seconds since the epoch.
    """

    def __init__(self, *, refuse: bool, now: Callable[[], float] = time.time) -> None:
        self._refuse = refuse
        self._now = now
        self._lock = threading.Lock()
        self._told: set[tuple[str, ...]] = set()

    def check(self, ask: Ask, version: str, attributes: Mapping[str, Any]) -> None:
        """Check one answer.

        Raises:
            DataError: It is disabled; or out of its time, and that is to be refused.
        """
        if attributes.get("enabled") is False:
            raise trouble.disabled(ask)
        problem = self._problem(attributes)
        if not problem:
            return
        if self._refuse:
            raise DataError(
                f"{ask.versioned} {problem}",
                ("fix", 'set a new version, or "expired: warn" of the store to use it all the same'),
            )
        with self._lock:
            told = (ask.host, ask.kind, ask.name, version, problem) in self._told
            self._told.add((ask.host, ask.kind, ask.name, version, problem))
        if not told:
            fields = {"event": "secret-out-of-time", "vault": ask.vault, "version": version}
            message = f"{ask.object} {problem}; it is used all the same"
            logging.getLogger("secretfetch").warning(message, extra={"fields": fields})

    def _problem(self, attributes: Mapping[str, Any]) -> str:
        end, start, now = attributes.get("exp"), attributes.get("nbf"), self._now()
        if isinstance(end, int) and end <= now:
            return f"expired on {_date(end)}"
        if isinstance(start, int) and start > now:
            return f"is not valid before {_date(start)}"
        return ""


def _date(stamp: int) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(stamp))
    except (OverflowError, ValueError, OSError):
        return f"second {stamp}"
