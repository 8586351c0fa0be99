"""Tokens of earlier processes of the pod: what they minted hangs on them, and ends with them.

Each is known by its accessor only, which can renew it or revoke it where a policy allows that. What does not belong
here: the token in use (`session`).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from secretfetch.provider import SecretError
from secretfetch_vault import answers
from secretfetch_vault.outages import is_outage, outage
from secretfetch_vault.tokens import EARLY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretfetch_vault.clock import Clock
    from secretfetch_vault.session import Session
    from secretfetch_vault.tokens import Token
    from secretfetch_vault.transport import Answer

_NO_SUCH_ACCESSOR = "invalid accessor"


class EarlierTokens:
    """The tokens that were taken over. Safe for threads."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._lock = threading.Lock()
        self.tokens: list[Token] = []

    def take_in(self, tokens: Iterable[Token]) -> None:
        """Take over tokens."""
        self.tokens += tokens

    def kept_alive(self, token: Token) -> Token:
        """Renew a token if it is one of these and that is due; a refusal is remembered.

        Returns:
            The token, or the one in use where both are the same.
        """
        if not any(token is one for one in self.tokens):
            return token
        self._session.learn()
        if self._session.is_current(token):
            return self._session.token
        with self._lock:
            if token.renewable and self._clock.now() >= token.due - EARLY:
                self._renew(token)
        return token

    def revoke(self) -> None:
        """Revoke those that logins made, and with them their leases, unless a policy forbids it.

        Raises:
            SecretError: The server cannot be used.
        """
        for token in self.tokens:
            if token.minted and token.accessor and not self._session.is_current(token):
                answer = self._ask("revoke", token)
                if answer.status == answers.FORBIDDEN:
                    return
                if answer.status in {answers.OK, answers.NO_CONTENT}:
                    token.is_dead()

    def _renew(self, token: Token) -> None:
        try:
            answer = self._ask("renew", token)
            envelope = answers.read(answer, self._session.place.host)
        except SecretError:
            token.try_later(self._clock)
            return
        auth = envelope.auth
        if answer.status == answers.OK and auth is not None:
            token.lives(auth.lease_duration or 0, self._clock, renewable=bool(auth.renewable))
        elif any(_NO_SUCH_ACCESSOR in text for text in envelope.errors or []):
            token.is_dead()
        else:
            token.is_not_renewed(self._clock)

    def _ask(self, verb: str, token: Token) -> Answer:
        answer = self._session.ask_once("PUT", f"auth/token/{verb}-accessor", {"accessor": token.accessor})
        if is_outage(answer):
            raise outage(answer, self._session.place.host)
        return answer
