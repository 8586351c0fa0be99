"""Jobs side by side. What does not belong here: what they do."""

from __future__ import annotations

from collections import deque
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_T = TypeVar("_T")
WORKERS = 25  # as many connections are kept


def in_parallel(jobs: Sequence[Callable[[], _T]]) -> list[_T]:
    """Run jobs and return what they return, in order; the first exception is raised when all threads have ended."""
    results: dict[int, _T] = {}
    failures: list[BaseException] = []
    waiting = deque(enumerate(jobs))

    def work() -> None:
        while not failures:
            try:
                index, job = waiting.popleft()
            except IndexError:
                return
            try:
                results[index] = job()
            except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
                failures.append(error)

    # Daemons: a process does not wait at its end for one that hangs.
    threads = [Thread(target=work, name="vault", daemon=True) for _ in range(min(WORKERS, len(jobs)) - 1)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(jobs))]
