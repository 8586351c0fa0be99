"""Requests side by side. What does not belong here: what they ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_T = TypeVar("_T")
_WORKERS = 8  # below the ten connections that a pool keeps


def in_parallel(jobs: Sequence[Callable[[], _T]]) -> list[_T]:
    """Run jobs and return what they return, in order; a single one runs in this thread."""
    if len(jobs) < 2:  # noqa: PLR2004 - one needs no pool
        return [job() for job in jobs]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - start-up cost

    with ThreadPoolExecutor(min(_WORKERS, len(jobs)), thread_name_prefix="aws") as pool:
        return list(pool.map(lambda job: job(), jobs))
