"""What a vault or a login answers instead of what was asked for. What does not belong here: its meaning."""

from __future__ import annotations


class Refusal(Exception):
    """An answer with an error in it.

    Attributes:
        status: Of HTTP.
        code: The service's own, `SecretNotFound`; of 403 the inner one, `ForbiddenByRbac`. Empty: not Azure's words.
        message: The service's text. It names objects and callers, no values.
        retry_after: Seconds that the service asks for.
    """

    def __init__(self, status: int, code: str = "", message: str = "", *, retry_after: float = 0.0) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


def seconds(text: str | None) -> float:
    """Read the header `Retry-After`; a date counts from now."""
    if not text:
        return 0.0
    if text.isdigit():
        return float(text)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - only for this
    from time import time  # noqa: PLC0415 - only for this

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except (TypeError, ValueError):
        return 0.0
