"""`decode: base64 | base64url | hex`, forgiving white space and missing padding and nothing else.

What does not belong here: what is decoded.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secretfetch.plan import Decode

_ALPHABETS = {"base64": re.compile(rb"[A-Za-z0-9+/]*"), "base64url": re.compile(rb"[A-Za-z0-9_-]*")}
_GROUP = 4  # characters of base64 that stand for three bytes


def decode(data: bytes, encoding: Decode) -> bytes:
    """Decode a text.

    Raises:
        ValueError: It is not of that encoding; says nothing of the text.
    """
    text = b"".join(data.split())
    if encoding == "hex":
        try:
            return binascii.unhexlify(text)
        except binascii.Error:
            raise ValueError("not hex") from None
    bare = text.rstrip(b"=")
    needed = -len(bare) % _GROUP
    if len(text) - len(bare) > needed or needed == _GROUP - 1 or not _ALPHABETS[encoding].fullmatch(bare):
        raise ValueError(f"not {encoding}")
    altchars = b"-_" if encoding == "base64url" else b"+/"
    return base64.b64decode(bare + b"=" * needed, altchars)
