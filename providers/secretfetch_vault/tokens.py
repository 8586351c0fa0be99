"""One token and its life: when to renew it, when what hangs on it has to be read anew.

What does not belong here: asking the server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secretfetch_vault.clock import Clock

SOON = (0.85, 0.95)  # the share of a life after which a successor is fetched
RENEW = (0.60, 0.73)  # the share of a lease after which it is renewed: two thirds, and not everybody at once
EARLY = 0.5  # seconds; a timer that fires a little early is no reason to come again
_PAUSE = 10.0  # seconds between two tries to renew during an outage
_SHRUNK = 0.5  # a renewal that gives less than this share of the first time has met the maximum


@dataclass(slots=True)
class Token:
    """A token in use. Leases hang on the token that they were made with, and end with it.

    Attributes:
        value: What is sent; empty for the token of an earlier process, which is never known.
        source: Where it is from, for messages.
        minted: It is from a login of this connection.
        round: In which round of fetching it was had.
        who: Whose it is, for messages; empty while that is not known.
        lifetime: Seconds that it was given at first; `inf` where it does not end or that is not known.
        due: When to renew it, or to log in anew.
        ends: When it ends.
        renewable: Whether renewing may help.
        checked: The last round in which the server was asked about it.
        accessor: The name that the server has for it, with which it cannot be used; empty where that is not known.
    """

    value: str = field(repr=False)
    source: str
    minted: bool
    round: int
    who: str = ""
    lifetime: float = inf
    due: float = inf
    ends: float = inf
    renewable: bool = False
    checked: int = -1
    accessor: str = ""

    def lives(self, ttl: float, clock: Clock, *, renewable: bool) -> None:
        """Note how long it has from now on. A token without an end has 0."""
        now = clock.now()
        if ttl <= 0:
            self.lifetime = self.due = self.ends = inf
            return
        if self.lifetime == inf:
            self.lifetime = ttl
        self.renewable = renewable and ttl >= _SHRUNK * self.lifetime
        self.ends = now + ttl
        self.due = now + ttl * clock.between(*(RENEW if self.renewable else SOON))

    def try_later(self, clock: Clock) -> None:
        """Note that it could not be renewed now: soon again, and sooner as its end comes near."""
        now = clock.now()
        self.due = now + min(_PAUSE, max(self.ends - now, 0.0) / 3)

    def is_not_renewed(self, clock: Clock) -> None:
        """Note that it will not be renewed: what hangs on it is to be read anew shortly before its end."""
        now = clock.now()
        self.renewable = False
        self.due = now + (self.ends - now) * clock.between(*SOON) if self.ends > now else -inf

    def is_dead(self) -> None:
        """Note that the server does not know it any more, and what hung on it has ended too."""
        self.due = self.ends = -inf


def is_sendable(text: str) -> bool:
    """Tell whether a text can be a token at all: it goes into a header."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
