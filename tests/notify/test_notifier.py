"""Rules of the order of hooks: after the swap, by themselves, the newest wins."""

import threading

import pytest

from secretfetch import notify
from secretfetch.errors import HookFailed
from secretfetch.notify import News, Notifier, World
from secretfetch.plan import CommandHook, TouchHook
from secretfetch.stores import SystemClock
from secretfetch.testing import FakeClock

A, B = TouchHook("/a"), TouchHook("/b")


class Runs:
    """Stands in for doing what hooks ask for; a failure is taken from a list."""

    def __init__(self, monkeypatch):
        self.seen, self.failures = [], {A: [], B: []}
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        monkeypatch.setattr(notify, "run", self.run)

    def run(self, hook, paths, _children, _proc):
        self.entered.set()
        assert self.gate.wait(10)
        self.seen.append((hook.path, paths))
        if self.failures[hook]:
            raise self.failures[hook].pop(0)


@pytest.fixture
def runs(monkeypatch):
    """Give a record of what was run."""
    return Runs(monkeypatch)


def made(clock=None, **more):
    told, done = [], []
    notifier = Notifier(
        (A, B),
        World(clock or FakeClock(), random=lambda: 0.5),
        on_told=told.append,
        on_done=lambda: done.append(1),
        **more,
    )
    return notifier, told, done


def finished(notifier):
    """Wait for the hooks, in the time of the machine."""
    return SystemClock().wait(notifier._idle, 10.0)


def test_hooks_run_in_their_order_and_are_told(runs):
    """Each once, with the paths that have changed; then all is done."""
    notifier, told, done = made()
    notifier.tell(News(("/s/x",)))
    assert finished(notifier)
    assert [("/a", ("/s/x",)), ("/b", ("/s/x",))] == runs.seen
    assert [("touch", None, 1)] * 2 == [(one.kind, one.error, one.attempt) for one in told]
    assert ([1], False) == (done, notifier.pending)


def test_a_hook_that_fails_is_tried_again_by_itself(runs):
    """The others are not held up and not repeated; the waits grow with full jitter."""
    runs.failures[A] = [HookFailed("no"), HookFailed("no")]
    clock = FakeClock()
    notifier, told, done = made(clock)
    notifier.tell(News())
    assert finished(notifier)
    assert ["/a", "/b", "/a", "/a"] == [path for path, _ in runs.seen]
    assert [0.5, 1.0] == [one.retry_in for one in told if one.error]
    assert [0.2, 0.5, 1.0] == pytest.approx(clock.sleeps)
    assert [1] == done


def test_news_while_hooks_run_make_one_more_run(runs):
    """Nothing is queued: however much changes meanwhile, the hooks run once more, with all of it."""
    runs.gate.clear()
    notifier, _, done = made()
    notifier.tell(News(("/1",)))
    assert runs.entered.wait(10)
    for number in range(2, 6):
        notifier.tell(News((f"/{number}",)))
    runs.gate.set()
    assert finished(notifier)
    assert [("/1",), ("/1",), ("/2", "/3", "/4", "/5"), ("/2", "/3", "/4", "/5")] == [paths for _, paths in runs.seen]
    assert [1] == done


def test_what_changes_within_the_pause_is_one_change(runs):
    """The first hook waits a moment for what else may change."""
    notifier, _, _ = made()
    with notifier._lock:  # the thread of the hooks cannot take the news yet
        notifier._paths.add("/1")
    notifier.tell(News(("/2",)))
    assert finished(notifier)
    assert [("/1", "/2")] * 2 == [paths for _, paths in runs.seen]


class _Stuck(FakeClock):
    """Time in which waits for another attempt do not end."""

    def __init__(self):
        super().__init__()
        self.waiting = threading.Event()

    def pause(self, until, seconds):
        if seconds == 0.2:
            return super().pause(until, seconds)
        self.waiting.set()
        return until.wait(10)


def test_newer_news_end_the_wait_of_a_hook_that_fails(runs):
    """What could not be told is told with what is newer, at once, and to all hooks."""
    runs.failures[A] = [HookFailed("no")]
    clock = _Stuck()
    notifier, _, _ = made(clock)
    notifier.tell(News(("/1",)))
    assert clock.waiting.wait(10)
    notifier.tell(News(("/2",)))
    assert finished(notifier)
    assert [("/a", ("/1",)), ("/b", ("/1",)), ("/a", ("/1", "/2")), ("/b", ("/1", "/2"))] == runs.seen


def test_closing_ends_the_thread_and_takes_no_news(runs):
    """A wait for another attempt ends at once; nothing is run any more."""
    runs.failures[A] = [HookFailed("no")]
    clock = _Stuck()
    notifier, _, done = made(clock)
    notifier.tell(News())
    assert clock.waiting.wait(10)
    notifier.close()
    notifier._thread.join(10)
    notifier.tell(News())
    notifier.close()
    assert (False, 2, [], True) == (notifier._thread.is_alive(), len(runs.seen), done, notifier.pending)


def test_nobody_waits_for_hooks_that_were_closed(runs):
    """What will not come any more is pending, and is not waited for."""
    runs.failures[A] = [HookFailed("no")] * 100_000
    notifier, _, done = made(SystemClock())
    notifier.tell(News(()))
    assert runs.entered.wait(10)
    notifier.close()
    assert not notifier.finish(3600.0)
    assert ([], True) == (done, notifier.pending)


def test_news_that_come_while_the_end_is_told_are_pending(runs):
    """Whoever keeps a mark of what is pending can tell whether it is to go."""
    seen = []

    def on_done():
        if not seen:
            notifier.tell(News(("/s/y",)))
        seen.append(notifier.pending)

    notifier = Notifier((A,), World(FakeClock()), on_done=on_done)
    notifier.tell(News(("/s/x",)))
    assert finished(notifier)
    assert ([True, False], False) == (seen, notifier.pending)


def test_waiting_for_hooks_has_an_end():
    """A process that is about to end does not wait for ever."""
    stuck = Notifier((CommandHook(("/bin/sleep", "600")),), World(SystemClock(), debounce=0.0))
    stuck.tell(News())
    assert not stuck.finish(0.05)
    stuck.close()
    stuck._thread.join(10)
    assert not stuck._thread.is_alive()
