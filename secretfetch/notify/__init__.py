"""What is done after a change: signals, commands, requests, files that are touched.

Hooks run after the swap, in a thread of their own, and hold up nothing: a hook that fails is tried again by itself
until it works or there is something newer. One module per kind of hook. What does not belong here: when there is a
change, and ending the process (`cli`).
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from secretfetch.errors import HookFailed
from secretfetch.notify.commands import Children
from secretfetch.notify.kinds import kind_of, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretfetch.plan import Hook

__all__ = ["News", "Notifier", "Told", "World"]

_BASE = 1.0
_CAP = 60.0


class News(NamedTuple):
    """What has changed: absolute paths of files that were added, updated or removed, sorted."""

    paths: tuple[str, ...] = ()


class Told(NamedTuple):
    """How one attempt of one hook ended.

    Attributes:
        hook: Which.
        kind: `signal`, `command`, `webhook` or `touch`.
        error: Why it failed; None: it has worked.
        seconds: How long it took.
        attempt: Counted from 1.
        retry_in: Seconds until the next attempt.
    """

    hook: Hook
    kind: str
    error: HookFailed | None
    seconds: float
    attempt: int
    retry_in: float | None


class Clock(Protocol):
    """Monotonic seconds, and two ways to let them pass, as `secretfetch.stores.Clock` has them."""

    def now(self) -> float:
        """Return the seconds since some moment."""
        ...

    def pause(self, until: threading.Event, seconds: float, /) -> bool:
        """Let time pass, cut short by the event. Returns whether it is set."""
        ...

    def wait(self, until: threading.Event, seconds: float, /) -> bool:
        """Wait for the work of another thread, so long at most. Returns whether the event is set."""
        ...


def _random() -> float:
    return int.from_bytes(os.urandom(6), "big") / (1 << 48)


@dataclass(frozen=True, slots=True)
class World:
    """What hooks take from outside.

    Attributes:
        clock: How time passes.
        random: Numbers in [0, 1) for the waits between attempts.
        debounce: Seconds between a change and the first hook: what changes in them is one change.
        proc: Where processes can be seen.
    """

    clock: Clock
    random: Callable[[], float] = field(default=_random)
    debounce: float = 0.2
    proc: str = "/proc"


class _Turn:
    """One hook on its way to success."""

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.attempt = 0
        self.due = 0.0


class Notifier:
    """The hooks of a plan. `tell` comes from one thread, the hooks run in another one.

    Args:
        hooks: In the order in which they are run.
        world: Time and chance.
        on_told: Told of each attempt, from the thread of the hooks.
        on_done: Called from there when every hook has worked for the newest news.
    """

    def __init__(
        self,
        hooks: Sequence[Hook],
        world: World,
        *,
        on_told: Callable[[Told], object] = lambda _: None,
        on_done: Callable[[], object] = lambda: None,
    ) -> None:
        self._hooks = tuple(hooks)
        self._world = world
        self._on_told = on_told
        self._on_done = on_done
        self._lock = threading.Lock()
        self._paths: set[str] = set()
        self._newer = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._closed = False
        self._pending = False
        self._children = Children()
        self._thread: threading.Thread | None = None

    @property
    def pending(self) -> bool:
        """Whether there are hooks that have not worked yet. Inside of `on_done`: whether there is something newer."""
        return self._pending

    def tell(self, news: News) -> None:
        """Run the hooks, soon. News of before that they have not been run for yet are one with these."""
        with self._lock:
            if self._closed:
                return
            self._paths |= set(news.paths)
            self._pending = True
            self._idle.clear()
            self._newer.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="hooks", daemon=True)
                self._thread.start()

    def finish(self, seconds: float) -> bool:
        """Wait until all hooks have worked, so long at most, or were closed. Returns whether they have worked."""
        self._world.clock.wait(self._idle, seconds)
        return not self._pending

    def close(self) -> None:
        """Stop at once; a command that runs is killed. May be called twice."""
        with self._lock:
            self._closed = True
            self._newer.set()
            self._idle.set()  # nobody is to wait for what will not come
        self._children.kill()

    def _work(self) -> None:
        while True:
            self._newer.wait()
            if self._closed:
                return
            self._world.clock.pause(threading.Event(), self._world.debounce)
            with self._lock:
                paths, self._paths = tuple(sorted(self._paths)), set()
                self._newer.clear()
            if self._served(News(paths)):
                self._rest()
            else:
                with self._lock:  # something newer: what was not told stays to be told
                    self._paths |= set(paths)

    def _rest(self) -> None:
        with self._lock:
            if self._newer.is_set():
                return
            self._pending = False
        self._on_done()
        with self._lock:
            if not self._newer.is_set():
                self._idle.set()

    def _served(self, news: News) -> bool:
        """Run every hook until it has worked; False if there was something newer before that."""
        turns = [_Turn(hook) for hook in self._hooks]
        while turns:
            turn = min(turns, key=lambda one: one.due)
            wait = turn.due - self._world.clock.now()
            if (wait > 0 and self._world.clock.pause(self._newer, wait)) or (turn.attempt and self._newer.is_set()):
                return False
            if self._closed:
                return False
            if self._tried(turn, news):
                turns.remove(turn)
        return True

    def _tried(self, turn: _Turn, news: News) -> bool:
        began = self._world.clock.now()
        turn.attempt += 1
        error, retry_in = None, None
        try:
            run(turn.hook, news.paths, self._children, self._world.proc)
        except HookFailed as failure:
            error = failure
            retry_in = self._world.random() * min(_CAP, _BASE * 2.0 ** min(turn.attempt - 1, 16))
            turn.due = self._world.clock.now() + retry_in
        if not self._closed:
            seconds = self._world.clock.now() - began
            self._on_told(Told(turn.hook, kind_of(turn.hook), error, seconds, turn.attempt, retry_in))
        return error is None
