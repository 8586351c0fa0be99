"""A start that fetches nothing, beside Python's own. What does not belong here: stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cases import Case, Target
from measure import Rival

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases import Bench


def cases(bench: Bench) -> Sequence[Case]:
    """Return the comparison."""
    rivals = [
        Rival("secretfetch --version", [bench.program("secretfetch"), "--version"], bench.env()),
        Rival("python -c pass", [bench.program("python"), "-c", "pass"], bench.env()),
    ]
    targets = [Target("wall", "secretfetch --version", "python -c pass", 2.0)]
    return [Case("Start", rivals, targets, memory=False)]
