"""The test kit for providers and for programs that use them: a contract to inherit, and two doubles.

Nothing of the program imports it. `FakeClock` and `MemoryProvider` need only the standard library; `ProviderContract`
needs pytest, which is loaded when the name is first used. What does not belong here: anything that knows one store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretfetch.testing.clock import FakeClock
from secretfetch.testing.memory import MemoryProvider

if TYPE_CHECKING:
    from secretfetch.testing.contract import ProviderContract

__all__ = ["FakeClock", "MemoryProvider", "ProviderContract"]


def __getattr__(name: str) -> object:
    if name == "ProviderContract":
        from secretfetch.testing.contract import ProviderContract  # noqa: PLC0415 - needs pytest, the doubles do not

        return ProviderContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
