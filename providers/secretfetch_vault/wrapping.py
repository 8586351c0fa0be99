"""Secret ids of AppRole, also those that come wrapped. What does not belong here: the login itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretfetch.provider import AuthFailed, read_credential
from secretfetch_vault import answers
from secretfetch_vault.quiet import Quiet
from secretfetch_vault.tokens import is_sendable
from secretfetch_vault.transport import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretfetch_vault.settings import AppRole
    from secretfetch_vault.transport import Answer


class _Unwrapped(Quiet, frozen=True):
    secret_id: str = ""


class SecretIds:
    """Reads secret ids. A wrapping token opens once, so what was in it is kept, in memory, for logins to come.

    Args:
        call: Asks the server.
        host: For messages.
        namespace: Of the login.
    """

    def __init__(self, call: Callable[[Request], Answer], host: str, namespace: str) -> None:
        self._call = call
        self._host = host
        self._namespace = namespace
        self._wrapping = self._secret_id = ""

    def get(self, login: AppRole) -> str:
        """Return the secret id, or nothing where the role needs none.

        Raises:
            SecretError: The file cannot be read, or the wrapping token does not open.
        """
        given = read_credential(login.secret_id_file, "the secret id") if login.secret_id_file else login.secret_id
        if not login.wrapped:
            return given
        given = given.strip()
        if given != self._wrapping:
            self._secret_id = self._unwrap(given, login.secret_id_file or "the settings")
            self._wrapping = given
        return self._secret_id

    def _unwrap(self, token: str, source: str) -> str:
        if not is_sendable(token):
            raise AuthFailed(f"the wrapping token in {source} is no token")
        answer = self._call(Request("PUT", "sys/wrapping/unwrap", namespace=self._namespace, token=token))
        envelope = answers.read(answer, self._host)
        if answer.status != answers.OK:
            raise _not_opened(answer, source, self._host)
        found = answers.part(envelope.data, _Unwrapped)
        if found is None or not found.secret_id:
            raise AuthFailed(f"what the wrapping token in {source} holds is no secret id")
        return found.secret_id


def _not_opened(answer: Answer, source: str, host: str) -> Exception:
    if answer.status >= answers.SERVER_FAULT or answer.status == answers.TOO_MANY:
        from secretfetch_vault.outages import outage  # noqa: PLC0415 - only when something is wrong

        return outage(answer, host)
    return AuthFailed(
        "the wrapped secret id cannot be opened: it has been opened before, or has expired",
        ("wrapped", f"from {source}"),
        ("fix", "have a new one made: vault write -wrap-ttl=5m -f auth/approle/role/ROLE/secret-id"),
        ("note", "if it was you who opened it, all is well; if not, somebody else has that secret id: revoke it"),
    )
