"""A struct that may hold a secret and does not show it. What does not belong here: structs that cannot."""

from __future__ import annotations

import msgspec


class Quiet(msgspec.Struct, frozen=True):
    """Prints its type alone."""

    def __repr__(self) -> str:
        """Show no value."""
        return f"<{type(self).__name__}>"
