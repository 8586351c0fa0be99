"""The state of a sidecar and its counts, for threads that write and threads that read.

What does not belong here: telling anybody, and any library: who does not ask for metrics does not pay for them.
"""

from __future__ import annotations

import re
import threading
import time
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretfetch.errors import SecretError
    from secretfetch.health.server import Server

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the durations of rounds, in seconds."""
RESULTS = ("changed", "unchanged", "error")

_FIRST_WORD = 60.0  # seconds after the start until which nothing need have been heard of the loop
_MOST_SERIES = 500  # of one metric; more label values than that are a provider's mistake
_OTHER = "other"
_WORD = re.compile(r"[A-Za-z0-9_.: -]{1,64}")


class Status(NamedTuple):
    """What a sidecar says of itself after each round.

    Attributes:
        phase: `starting`: no full set yet; `fresh`: all is as the stores say; `stale`: the last good set is served.
        ready: The first full set is published; stays true while stale.
        since: Seconds since 1970: when this phase began.
        fresh_at: Seconds since 1970: when everything was last as the stores say; None: never.
        alive_until: Monotonic seconds: the loop promises to be heard of before this.
        failures: Failed rounds one after the other.
        error: Of the last round.
    """

    phase: str
    ready: bool
    since: float
    fresh_at: float | None
    alive_until: float
    failures: int = 0
    error: SecretError | None = None

    @property
    def serving(self) -> bool:
        """Whether a full set is there, and somebody who looks after it."""
        return self.ready and self.phase != "stopped"


class Source(NamedTuple):
    """What became of one secret: when it was last read (since 1970; None: never), and whether the last try failed."""

    last_success: float | None
    stale: bool


class Counts(NamedTuple):
    """What was counted up to a moment. `buckets` has one number more than `BUCKETS`: what took longer than all."""

    rounds: Mapping[str, int]
    buckets: tuple[int, ...]
    seconds: float
    sources: Mapping[str, Source]
    requests: Mapping[tuple[str, str, str], int]
    hooks: Mapping[tuple[str, str], int]


class Health:
    """Takes in what a sidecar says of itself. For any number of threads; every method is cheap and never raises.

    Args:
        clock: Monotonic seconds, the clock of `Status.alive_until`.
        wall: Seconds since 1970.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._status = Status("starting", ready=False, since=wall(), fresh_at=None, alive_until=clock() + _FIRST_WORD)
        self._rounds: Counter[str] = Counter(dict.fromkeys(RESULTS, 0))
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0
        self._sources: dict[str, Source] = {}
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._hooks: Counter[tuple[str, str]] = Counter()

    def status(self, status: Status) -> None:
        """Say how the sidecar is."""
        self._status = status

    def promise(self, alive_until: float) -> None:
        """Say that the loop will be heard of before a moment, by the clock: a round may take long."""
        self._status = self._status._replace(alive_until=alive_until)

    def round(self, result: str, seconds: float, sources: Mapping[str, bool]) -> None:
        """Count a round.

        Args:
            result: `changed`, `unchanged` or `error`.
            seconds: How long it took.
            sources: For each secret that was asked for, by its name in the config: whether it was read.
        """
        now = self._wall()
        with self._lock:
            self._rounds[result if result in RESULTS else "error"] += 1
            self._buckets[bisect_left(BUCKETS, seconds)] += 1
            self._seconds += seconds
            for name, read in sources.items():
                before = self._sources.get(name)
                last = now if read else before.last_success if before else None
                self._sources[name] = Source(last, stale=not read)

    def hook(self, kind: str, result: str) -> None:
        """Count a hook that has run: `signal`, `command`, `webhook`, `touch`; `ok` or `error`."""
        with self._lock:
            self._hooks[_word(kind), _word(result)] += 1

    def request(self, provider: str, operation: str, code: str) -> None:
        """Count a request to a store; made to be given to `secretfetch.provider.observe_requests`."""
        key = (_word(provider), _word(operation), _word(code))
        with self._lock:
            full = len(self._requests) >= _MOST_SERIES and key not in self._requests
            self._requests[(_OTHER, _OTHER, _OTHER) if full else key] += 1

    def now(self) -> Status:
        """Return what was said last."""
        return self._status

    def alive(self) -> bool:
        """Whether the loop keeps its promise to be heard of."""
        return self._clock() < self._status.alive_until

    def age(self) -> float:
        """Return the seconds since everything was as the stores say; 0 where it never was."""
        fresh_at = self._status.fresh_at
        return 0.0 if fresh_at is None else max(0.0, self._wall() - fresh_at)

    def counts(self) -> Counts:
        """Return a copy of what has been counted."""
        with self._lock:
            return Counts(
                dict(self._rounds),
                tuple(self._buckets),
                self._seconds,
                dict(self._sources),
                dict(self._requests),
                dict(self._hooks),
            )

    def serve(self, bind: str, refresh: Callable[[], object]) -> Server:
        """Answer HTTP requests in threads of their own until `close` is called.

        Args:
            bind: `8080` or `127.0.0.1:8080`: the loopback interface; `:8080`: all interfaces; `[::1]:8080`.
            refresh: Is called for `POST /-/refresh`, in a thread of the server: fetch now. It must not block.

        Raises:
            ConfigError: `bind` is no address.
            OutputError: The address is in use, or not one of this machine.
        """
        from secretfetch.health.server import Server  # noqa: PLC0415 - http.server costs 23 ms

        return Server(self, bind, refresh)


def _word(text: str) -> str:
    """Let through what can be a status, an operation, a name of a class; not what may be a path or a value."""
    return text if _WORD.fullmatch(text) else _OTHER
