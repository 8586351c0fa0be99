"""What the server answers instead of a value -> our errors: the one table of its status codes.

What does not belong here: outages (`outages`), logins (`login_trouble`), and no answer at all (`network_errors`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from secretfetch.provider import AccessDenied, ConfigError, NotFound, SecretError, Unavailable
from secretfetch_vault import answers, values
from secretfetch_vault.near_names import NearNames
from secretfetch_vault.outages import is_outage, outage, words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretfetch_vault.answers import Envelope
    from secretfetch_vault.asks import Read
    from secretfetch_vault.mounts import Mounts
    from secretfetch_vault.session import Session
    from secretfetch_vault.transport import Answer


class Trouble:
    """Explains the refusals of one server."""

    def __init__(self, session: Session, mounts: Mounts) -> None:
        self._session = session
        self._place = session.place
        self._near = NearNames(session, mounts)

    def explain(self, answer: Answer, read: Read) -> SecretError:
        """Return what an answer that holds no value means for a path."""
        if is_outage(answer):
            return outage(answer, self._place.host)
        envelope = answers.read(answer, self._place.host)
        return self._TABLE.get(answer.status, Trouble._refused)(self, envelope, answer, read)

    def denied(self, what: str, path: str, capability: str) -> SecretError:
        """Return who may not do what, and the policy that would allow it.

        Args:
            what: That was asked for, in words.
            path: Of the API.
            capability: That a policy gives.
        """
        who = self._session.who()
        token = self._session.token
        if not token.minted:
            who = f"{who}, the token from {token.source}" if who else f"the token from {token.source}"
        return AccessDenied(
            f"access denied to {what} at {self._place.title}",
            ("you are", who),
            ("missing", f'path "{path}" {{ capabilities = ["{capability}"] }} in a policy of that token'),
            ("or", "the path is wrong: the server says the same of paths that no policy covers"),
        )

    def _forbidden(self, _envelope: Envelope, _answer: Answer, read: Read) -> SecretError:
        return self.denied(read.object, read.path, "update" if read.params else "read")

    def _missing(self, envelope: Envelope, _answer: Answer, read: Read) -> SecretError:
        said = " ".join([*(envelope.errors or []), *(envelope.warnings or [])]).lower()
        if "namespace not found" in said:
            return ConfigError(f'no namespace "{self._place.namespace}" at {self._place.address}')
        if "no handler for route" in said or "unsupported path" in said:
            return self._no_route(read, mounted="unsupported path" in said)
        versioned = answers.part(envelope.data, answers.Versioned)
        if versioned is not None and versioned.metadata is not None:
            return values.gone(versioned, read)
        if "versioned" in said:
            return NotFound(
                f'no secret "{read.key}" at {self._place.title}',
                ("path", f"{read.path} is of KV v2, and the server does not tell that to this token"),
                ("fix", 'write "data/" behind the mount, or set "kv_version: 2"'),
            )
        return self._no_secret(read)

    def _no_secret(self, read: Read) -> SecretError:
        path = (("path", read.path),) if read.path != read.key.strip("/") else ()
        return NotFound(f"no {read.object} at {self._place.title}", *path, *self._near.of_secret(read))

    def _no_route(self, read: Read, *, mounted: bool) -> SecretError:
        what = "the engine has no such path" if mounted else "nothing is mounted there"
        return NotFound(f'no secret "{read.key}" at {self._place.title}: {what}', *self._near.of_mount(read))

    def _method(self, _envelope: Envelope, _answer: Answer, read: Read) -> SecretError:
        how = "written" if read.params else "read"
        fix = "leave out `params`" if read.params else "a path that is written, such as pki/issue/ROLE, needs `params`"
        return ConfigError(f'"{read.key}" cannot be {how} at {self._place.title}', ("fix", fix))

    def _refused(self, _envelope: Envelope, answer: Answer, read: Read) -> SecretError:
        said = words_of(answer, self._place.host, self._session.token.value)
        if said.startswith("Upgrading from non-versioned"):
            return Unavailable(f"{self._place.host} turns the engine of {read.path} into KV v2", ("fix", "wait"))
        return ConfigError(
            f'"{read.key}" is refused by {self._place.title}',
            ("server says", said) if said else ("answer", f"HTTP {answer.status}"),
        )

    _TABLE: ClassVar[dict[int, Callable[[Trouble, Envelope, Answer, Read], SecretError]]] = {
        answers.FORBIDDEN: _forbidden,
        answers.MISSING: _missing,
        405: _method,
    }
