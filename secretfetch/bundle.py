"""What goes from one stage of a round to the next: named values (mapping -> rendering), files (rendering -> sinks).

What does not belong here: making any of them. No type of this module shows a value in its repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from secretfetch.jsontext import Json


class Missing(Enum):
    """The type of `MISSING`: JSON has a null of its own, so None cannot say that there is no JSON."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Item:
    """One value of an output.

    Attributes:
        data: The value as bytes: what every text format writes.
        node: The JSON node it came from, whose type `json` and `yaml` keep. `MISSING` where it is text: a whole value,
            a default, a literal, a decoded one.
        mode: Of its file, in a directory; None: that of the output.
        origin: Where it came from, for messages: `db#user (config.yaml:8)`.
    """

    data: bytes = field(repr=False)
    node: Json | Missing = field(default=MISSING, repr=False)
    mode: int | None = None
    origin: str = ""


Bundle: TypeAlias = Mapping[str, Item]
"""The values of one output by name; a raw file's one value has the empty name."""


@dataclass(frozen=True, slots=True)
class File:
    """One file to be written. `mode` is its permission bits, `owner` uid and gid (None: whoever writes it)."""

    data: bytes = field(repr=False)
    mode: int
    owner: tuple[int, int] | None = None
