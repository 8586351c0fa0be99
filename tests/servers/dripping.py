"""A body that comes too slowly. What does not belong here: everything else that a server may do."""

from __future__ import annotations

import contextlib
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from typing import BinaryIO


def drip(stream: BinaryIO, body: bytes, seconds: float, released: threading.Event) -> None:
    """Write a body byte by byte.

    Args:
        stream: Of the connection.
        body: To be written.
        seconds: Before each byte; `inf`: none ever comes.
        released: Ends it early.
    """
    with contextlib.suppress(OSError):  # the reader has had enough
        for byte in body:
            if released.wait(None if seconds == inf else seconds):
                return
            stream.write(bytes([byte]))
            stream.flush()
