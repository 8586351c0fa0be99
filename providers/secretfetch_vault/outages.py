"""Answers that say nothing about a secret: the server is sealed, a standby, overloaded, broken.

What does not belong here: refusals (`trouble`, `login_trouble`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretfetch.provider import Throttled, Unavailable
from secretfetch_vault import answers

if TYPE_CHECKING:
    from secretfetch_vault.transport import Answer

_STANDBY = {472, 473}
_MOST = 300  # characters of the server's own words
_WORDS = (
    ("sealed", "is sealed", "unseal it: vault operator unseal"),
    ("not initialized", "is not initialised", "initialise and unseal it: vault operator init"),
    ("standby", "is a standby and has no active node", "see the other nodes of the cluster"),
    ("active cluster node not found", "is a standby and has no active node", "see the other nodes of the cluster"),
)


def is_outage(answer: Answer) -> bool:
    """Tell whether an answer is about the server, and waiting may help."""
    return answer.status >= answers.SERVER_FAULT or answer.status in _STANDBY | {answers.TOO_MANY, 408, 412}


def outage(answer: Answer, host: str) -> Unavailable:
    """Return what it means. The server's words are not repeated: an engine may quote what it was told."""
    pause = answer.headers.get("retry-after", "")
    retry_after = float(pause) if pause.isdigit() else 0.0
    if answer.status == answers.TOO_MANY:
        note = ("fix", "see its rate limit quotas") if not retry_after else ("wait", f"{pause} s, it says")
        return Throttled(f"{host} throttles", note, retry_after=retry_after)
    if answer.status in _STANDBY:
        return Unavailable(f"{host} is a standby and has no active node", ("answer", f"HTTP {answer.status}"))
    words = " ".join(answers.read(answer, host).errors or []).lower()
    for mark, meaning, fix in _WORDS:
        if mark in words:
            return Unavailable(f"{host} {meaning}", ("fix", fix), retry_after=retry_after)
    return Unavailable(
        f"{host} fails", ("answer", f"HTTP {answer.status}"), ("fix", "see the server's log"), retry_after=retry_after
    )


def words_of(answer: Answer, host: str, *hidden: str) -> str:
    """Return the server's own words in one line, or nothing where they quote what must not be shown."""
    said = " ".join(" ".join(answers.read(answer, host).errors or []).replace("* ", "").split())
    if any(secret and secret in said for secret in hidden) or not said.isprintable():
        return ""
    return said.removeprefix("1 error occurred: ")[:_MOST]
