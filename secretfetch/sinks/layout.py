"""The private names of a volume, all of which begin with two dots. What does not belong here: doing anything with them.

Readers rely on `..data` and on the two dots; the kubelet's volumes have the same names, so what watches those works.
"""

from __future__ import annotations

import re
import time
from typing import Literal, TypeAlias

Layout: TypeAlias = Literal["swap", "flat"]

DATA = "..data"
"""The link to the live generation; renaming a new link over it is the commit point."""
LOCK = "..lock"
LISTING = "..files"
"""Of the flat layout: which files and directories are secretfetch's own."""
STATE = "..state"
"""What the next secretfetch of the volume has to know of this one: versions and leases, no values; mode 0600."""
STATUS = "..status"
"""How a sidecar is doing, for probes and people."""

_GENERATION = re.compile(r"\.\.\d{4}(_\d\d){5}\.[0-9A-Za-z]+")
_TEMPORARY = re.compile(r"\.\.tmp-[0-9a-f]+")


def generation(wall: float, token: str) -> str:
    """Return the name of a new generation: the time in UTC, for people, and what makes it unique."""
    return time.strftime("..%Y_%m_%d_%H_%M_%S.", time.gmtime(wall)) + token


def is_generation(name: str) -> bool:
    """Whether a name is one that `generation` makes, or the kubelet."""
    return _GENERATION.fullmatch(name) is not None


def temporary(token: str) -> str:
    """Return a name for what will be renamed."""
    return f"..tmp-{token}"


def is_temporary(name: str) -> bool:
    """Whether a name is one that `temporary` makes."""
    return _TEMPORARY.fullmatch(name) is not None


def target(name: str) -> str:
    """Return what the visible link `name` says."""
    return f"{DATA}/{name}"


def into_data(link: str) -> bool:
    """Whether what a link says leads into the live generation: such a link is secretfetch's own."""
    return link.startswith(f"{DATA}/")
