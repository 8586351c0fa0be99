"""Which names of a spread are taken, and how they change.

What does not belong here: values.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from secretfetch.plan import Case, Rewrite

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")


def rewritten(names: Iterable[str], rewrite: Rewrite) -> Iterator[tuple[str, str]]:
    """Yield pairs of an old and a new name, for those names that are taken."""
    for name in names:
        if rewrite.include and not _matches(name, rewrite.include):
            continue
        if _matches(name, rewrite.exclude):
            continue
        new = rewrite.prefix + name.removeprefix(rewrite.strip_prefix)
        new = cased(new, rewrite.case)
        yield name, _UNSAFE.sub("_", new) if rewrite.sanitize else new


def cased(name: str, case: Case) -> str:
    """Return a name in upper or lower case, or as it is."""
    return name.upper() if case == "upper" else name.lower() if case == "lower" else name


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
