"""One login for all clients and threads of a store: asked for once, kept until it is due, told in our words.

It stands where the SDK wants a credential. Sixteen threads that ask at once make one login; the SDK by itself makes
several. What does not belong here: how to log in (`credentials`), and what a refusal means (`login_errors`).
"""

from __future__ import annotations

import threading
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from secretfetch.provider import AuthFailed, ConfigError, SecretError, Unavailable
from secretfetch_azure import credentials, login_errors
from secretfetch_azure.http import LoginAdapter, transport

if TYPE_CHECKING:
    from secretfetch_azure.credentials import Candidate
    from secretfetch_azure.settings import Settings

_EARLY = 300.0  # seconds before its end at which a token is renewed
_PROBE = 1.0  # seconds to find out that this is no machine of Azure's


class Login:
    """A credential in the SDK's sense.

    Args:
        settings: Of the store.
        authority: Host to log in at; empty is what the SDK takes by itself.
    """

    def __init__(self, settings: Settings, authority: str) -> None:
        self._settings = settings
        self._authority = authority
        self._lock = threading.Lock()
        self._tokens: dict[tuple[Any, ...], _Token] = {}
        self._proven: set[str] = set()

    def get_token(self, *scopes: str, **options: Any) -> Any:
        """Return a token; older SDKs ask this way."""
        return self.get_token_info(*scopes, options=options)

    def get_token_info(self, *scopes: str, options: Any = None) -> Any:
        """Return a token for the scopes, the one that is held if it is still good.

        Raises:
            SecretError: Login failed.
        """
        options = options or {}
        key = (scopes, options.get("tenant_id"))
        with self._lock:
            held = self._tokens.get(key)
            if held is not None and held.fresh and not options.get("claims"):
                return held.info
            try:
                info = self._ask(scopes, options)
            except SecretError:
                if held is not None and held.alive and not options.get("claims"):
                    return held.info
                raise
            self._tokens[key] = _Token(info)
            return info

    def worked(self, token: str) -> None:
        """Note that a vault took a token."""
        self._proven.add(token)

    def renew(self, token: str) -> bool:
        """Forget a token that a vault refuses. Returns whether another one may do better, as this one once worked."""
        with self._lock:
            held = any(kept.info.token == token for kept in self._tokens.values())
            if held:
                self._tokens.clear()
            better = token in self._proven or not held
            self._proven.clear()
            return better

    def close(self) -> None:
        """Let go of tokens."""
        with self._lock:
            self._tokens.clear()

    def _ask(self, scopes: tuple[str, ...], options: Any) -> Any:
        """Log in with a new credential, as files and the environment may have changed since the last time."""
        choice = credentials.candidates(self._settings)
        tried: list[tuple[str, str]] = []
        for candidate in choice:
            try:
                _check_here(candidate)
                with closing(_Source(candidate, self._settings, self._authority, alone=len(choice) == 1)) as source:
                    return source.ask(scopes, options)
            except login_errors.NotHere as error:
                if len(choice) == 1:
                    raise login_errors.alone(candidate, error) from None
                tried.append(("tried", f"{candidate.name}: {error}"))
        raise AuthFailed(
            "no Azure credentials",
            *tried,
            ("fix", 'give the pod or machine an identity, or set "auth", or run az login'),
        )


def _check_here(candidate: Candidate) -> None:
    if candidate.missing:
        raise login_errors.NotHere(candidate.missing)


class _Source:
    """One of the SDK's credentials, with its connections."""

    def __init__(self, candidate: Candidate, settings: Settings, authority: str, *, alone: bool) -> None:
        kind = credentials.at(candidate.method)
        self._candidate = candidate
        self._certain = alone or credentials.is_certain(candidate.method)
        self._adapter = LoginAdapter(kind)
        wait = 0.0 if self._certain else _PROBE
        self._transport = transport(self._adapter, connect=wait, direct=kind == "identity")
        try:
            self._credential = credentials.make(candidate.method, settings, authority, self._transport)
        except SecretError:
            self._transport.close()
            raise
        except ValueError as error:
            self._transport.close()
            raise ConfigError("the login's settings or AZURE_ variables do not work", _first_line(error)) from None

    def ask(self, scopes: tuple[str, ...], options: Any) -> Any:
        """Log in.

        Raises:
            SecretError: It failed.
            login_errors.NotHere: This way to log in is not there at all.
        """
        self._adapter.refusal = None
        try:
            if hasattr(self._credential, "get_token_info"):
                return self._credential.get_token_info(*scopes, options=options)
            return self._credential.get_token(*scopes, **options)
        except Exception as error:  # noqa: BLE001 - the SDK wraps whatever it meets, and so is this unwrapped
            met = login_errors.within(error, SecretError)
            if isinstance(met, Unavailable) and not self._certain and login_errors.is_away(met):
                raise login_errors.NotHere(met.headline) from None
            raise (met or login_errors.explain(error, self._adapter.refusal, self._candidate)) from None

    def close(self) -> None:
        """Let go of connections."""
        with suppress(Exception):  # a credential that never sent anything may have nothing to close
            self._credential.close()
        self._transport.close()


class _Token:
    def __init__(self, info: Any) -> None:
        now = time.time()
        self.info = info
        self._early = min(_EARLY, (info.expires_on - now) / 2)

    @property
    def alive(self) -> bool:
        return bool(self.info.expires_on > time.time())

    @property
    def fresh(self) -> bool:
        now = time.time()
        due = getattr(self.info, "refresh_on", None)
        return bool(self.info.expires_on - self._early > now and not (due and due <= now))


def _first_line(error: ValueError) -> tuple[str, str]:
    return ("SDK says", str(error).splitlines()[0][:200] if str(error) else "ValueError")
