"""Who we are to the server: one login for all, its token renewed while it can be, and a second try when it is refused.

What does not belong here: what is read with it.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec

from secretfetch.provider import AuthFailed, ConfigError, SecretError, Unavailable
from secretfetch_vault import ambient, answers, login_trouble, logins
from secretfetch_vault.outages import is_outage, outage
from secretfetch_vault.places import checked_namespace
from secretfetch_vault.settings import Cert, Settings, login_of
from secretfetch_vault.settings import Token as GivenToken
from secretfetch_vault.tokens import Token, is_sendable
from secretfetch_vault.transport import Answer, Request, Transport
from secretfetch_vault.wrapping import SecretIds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch_vault.clock import Clock

_NO_SUCH_TOKEN = ("invalid token", "bad token")


class _Self(msgspec.Struct):
    """What the server tells of a token."""

    accessor: str = ""
    display_name: str = ""
    policies: list[str] = []
    ttl: float = 0
    renewable: bool | None = None


class Session:
    """Calls with a token. Safe for threads.

    Raises:
        ConfigError: The login cannot work over this connection.
    """

    def __init__(self, settings: Settings, transport: Transport, clock: Clock) -> None:
        self.place = transport.place
        self._transport = transport
        self._clock = clock
        self._method, self._login = login_of(settings)
        if isinstance(self._login, Cert) and not (self.place.client_cert and self.place.address.startswith("https:")):
            raise ConfigError('the login by cert needs an https address and "client_cert"')
        given = getattr(self._login, "namespace", None)
        self._login_namespace = self.place.namespace if given is None else checked_namespace(given)
        self._secret_ids = SecretIds(transport.call, self.place.host, self._login_namespace)
        self._lock = threading.RLock()
        self._token: Token | None = None
        self._round = 0
        self._hopeless: set[str] = set()

    def begin(self) -> Token:
        """Begin a round of fetching: log in if there is no token, renew it if that is due.

        Raises:
            SecretError: No credentials, a refused login, a server that does not answer.
        """
        with self._lock:
            self._round += 1
            token = self._token
            if token is None or (token.minted and self._clock.now() >= token.ends):
                return self._log_in()
            if self._clock.now() >= token.due:
                return self._renew(token)
            return token

    @property
    def token(self) -> Token:
        """The token in use."""
        with self._lock:
            return self._token or self._log_in()

    def is_current(self, token: Token) -> bool:
        """Tell whether a token is the one in use; an earlier process may have been given the same."""
        own = self._token
        return token is own or (own is not None and token.accessor != "" and token.accessor == own.accessor)

    @property
    def open_token(self) -> Token | None:
        """The token in use, if there is one."""
        return self._token

    @property
    def identity(self) -> str:
        """A digest of the server and of who we are to it: what an earlier process of another is worth nothing here."""
        return logins.identity(self.place, self._login_namespace, self._method, self._login)

    def ask_once(self, method: str, path: str, body: Mapping[str, Any]) -> Answer:
        """Ask with the token, and take a refusal for an answer.

        Raises:
            SecretError: There was no answer, or the login failed.
        """
        return self._send(self.token, method, path, body, None)

    def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask with the token. What is refused is asked once more after a new login, unless that has not helped before.

        Raises:
            SecretError: There was no answer, or the login failed.
        """
        token = self.token
        answer = self._send(token, method, path, body, query)
        if answer.status != answers.FORBIDDEN or path in self._hopeless:
            return answer
        if (successor := self._successor(token)) is None:
            return answer
        answer = self._send(successor, method, path, body, query)
        if answer.status == answers.FORBIDDEN:
            self._hopeless.add(path)
        return answer

    def learn(self) -> None:
        """Learn how long a token that was given to us lives: leases hang on it. Best effort, once."""
        with self._lock:
            token = self.token
            if not token.minted and token.checked < 0:
                self._check(token)

    def who(self) -> str:
        """Return whose token it is, or nothing where that cannot be learnt.

        Raises:
            AuthFailed: The server does not know the token.
        """
        with self._lock:
            token = self.token
            is_new = token.minted and token.round == self._round
            if not is_new and token.checked != self._round and not self._check(token):
                token.is_dead()
            if token.ends == -inf:
                raise login_trouble.dead_token(self.place, token.source)
            return token.who

    def log_out(self) -> None:
        """Revoke the token, if a login of ours made it, and with it all leases that hang on it. Never raises."""
        with self._lock:
            token, self._token = self._token, None
        if token is not None and token.minted:
            with suppress(SecretError):  # it ends by itself
                self._send(token, "PUT", "auth/token/revoke-self", {}, None)

    def _check(self, token: Token) -> bool:
        """Ask what the token is; False where the server does not know it.

        A token whose policies forbid even that question counts as known.
        """
        token.checked = self._round
        try:
            answer = self._send(token, "GET", "auth/token/lookup-self", None, None)
            envelope = answers.read(answer, self.place.host)
        except SecretError:
            return True
        if answer.status == answers.FORBIDDEN:
            said = [text.lower() for text in envelope.errors or []]
            # A policy's refusal is wrapped in "1 error occurred"; that of an unknown token is bare, or says so.
            return said != ["permission denied"] and not any(mark in text for text in said for mark in _NO_SUCH_TOKEN)
        found = answers.part(envelope.data, _Self)
        if answer.status == answers.OK and found is not None:
            policies = ", ".join(found.policies) or "none"
            token.accessor = token.accessor or found.accessor
            token.who = token.who or f"{found.display_name or 'a token'} (policies: {policies})"
            if not token.minted:
                token.lives(found.ttl, self._clock, renewable=bool(found.renewable))
        return True

    def _send(
        self,
        token: Token,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
    ) -> Answer:
        namespace = self._login_namespace if path.startswith("auth/token/") and token.minted else self.place.namespace
        return self._transport.call(Request(method, path, body, query or {}, namespace, token.value))

    def _successor(self, token: Token) -> Token | None:
        """Return another token than one that was refused, or None where there is none to be had."""
        with self._lock:
            if self._token is not token:
                return self._token
            if token.round == self._round and token.minted:
                return None
            if not token.minted:
                return self._reread(token)
            if not self._check(token):
                token.is_dead()
            return self._log_in()

    def _reread(self, token: Token) -> Token | None:
        """See whether the file that a token came from holds another one by now."""
        try:
            value, source = ambient.given_token(self._given(), self.place)
        except AuthFailed:
            return None
        if value == token.value:
            return None
        token.is_dead()
        self._token = Token(value, source, minted=False, round=self._round)
        return self._token

    def _given(self) -> GivenToken | None:
        return self._login if isinstance(self._login, GivenToken) else None

    def _log_in(self) -> Token:
        if self._login is None or isinstance(self._login, GivenToken):
            value, source = ambient.given_token(self._given(), self.place)
            self._token = Token(value, source, minted=False, round=self._round)
            return self._token
        path, body = logins.question(self._method, self._login, self._secret_ids)
        answer = self._transport.call(Request("POST", path, body, namespace=self._login_namespace))
        auth = answers.read(answer, self.place.host).auth
        if answer.status != answers.OK or auth is None or not is_sendable(auth.client_token):
            raise login_trouble.refused(answer, self._method, path, body, self.place)
        token = Token(auth.client_token, f"the login by {self._method}", minted=True, round=self._round)
        token.who, token.accessor = _described(self._method, auth), auth.accessor or ""
        token.lives(auth.lease_duration or 0, self._clock, renewable=bool(auth.renewable))
        self._token = token
        return token

    def _renew(self, token: Token) -> Token:
        """Renew, or log in anew where that is refused; an outage while the token still lives is for later."""
        if not token.renewable:
            return self._after_its_end(token)
        try:
            answer = self._send(token, "PUT", "auth/token/renew-self", {}, None)
            if is_outage(answer):
                raise outage(answer, self.place.host)
            auth = answers.read(answer, self.place.host).auth
        except Unavailable:
            if self._clock.now() < token.ends:
                token.try_later(self._clock)
                return token
            raise
        if answer.status == answers.OK and auth is not None:
            token.lives(auth.lease_duration or 0, self._clock, renewable=bool(auth.renewable))
            return token
        return self._after_its_end(token)

    def _after_its_end(self, token: Token) -> Token:
        if token.minted:
            return self._log_in()
        token.due = inf  # nothing that we could do
        return self._reread(token) or token


def _described(method: str, auth: answers.Auth) -> str:
    """Say who has logged in, from what the login says itself."""
    known = {name: value for name, value in (auth.metadata or {}).items() if isinstance(value, str) and value}
    names = ("role", "role_name", "username", "service_account_namespace", "service_account_name", "cert_name")
    told = ", ".join(f"{name} {known[name]}" for name in names if name in known)
    policies = ", ".join(auth.policies or []) or "none"
    return f"{method} login{': ' if told else ''}{told} (policies: {policies})"
