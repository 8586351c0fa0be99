"""The public plugin API: what a provider of secrets implements, and all that it may import from secretfetch.

A provider is a package that names a `Connect` function in the entry-point group `secretfetch.providers`; the entry's
name is the URL scheme (`aws-sm://...`). `secretfetch.testing.ProviderContract` proves that a provider keeps the rules.
What does not belong here: anything about configs, mapping, files; a provider turns references into bytes.

The rules:

1. `connect` decodes its settings strictly, does no I/O and raises `ConfigError` only: a plan can be checked offline.
2. Every wanted ref is answered. Trouble with *one* ref is **returned** as its outcome; trouble with the store (login,
   DNS) is **raised**, and counts for every ref of the batch.
3. The version that is held already -> `Unchanged` (or an equal value); changed -> a value with a new version.
4. `refresh_after` asks to be asked again in so many seconds; it is already a share of the lease.
5. SDK exceptions are mapped in one function to the errors below; nothing else leaks; messages name the key, never the
   value, and `raise ... from None` cuts causes that carry a document.
6. No retries inside: SDK retries off, connect and read timeouts of 5 s and 10 s. The core retries `Unavailable`.
7. `close` may be called twice, and from a thread other than `fetch`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, NewType, Protocol, TypeAlias, TypeVar, runtime_checkable

from secretfetch.errors import (
    AccessDenied,
    AuthFailed,
    ConfigError,
    DataError,
    NotFound,
    SecretError,
    Throttled,
    Unavailable,
    meant,
    near,
)

if TYPE_CHECKING:
    import msgspec

__all__ = [
    "MAX_VALUE_BYTES",
    "AccessDenied",
    "AuthFailed",
    "ConfigError",
    "Connect",
    "DataError",
    "Finder",
    "Handover",
    "NotFound",
    "Outcome",
    "Provider",
    "Query",
    "SecretError",
    "SecretRef",
    "SecretValue",
    "Throttled",
    "Unavailable",
    "Unchanged",
    "Version",
    "compact_json",
    "decode_settings",
    "fetch_each",
    "in_parallel",
    "meant",
    "near",
    "read_credential",
    "requested",
]

_T = TypeVar("_T")

MAX_VALUE_BYTES = 8 * 1024 * 1024
"""The largest value, and the largest answer of a server, that a provider reads; more is a `DataError`."""

Version = NewType("Version", str)
"""What tells one state of a secret from another: opaque, compared for equality, never parsed or ordered."""


@dataclass(frozen=True, slots=True)
class SecretRef:
    """One secret in one store: the unit of fetching, the key of every stage.

    Attributes:
        store: Name of the store in the plan.
        key: The store's own name for the secret: name, ARN, path, URL.
        version: The version asked for; empty is the current one.
        params: More arguments, sorted by name: `stage`, `label`, `recursive`, or what a Vault write is given.
    """

    store: str
    key: str
    version: str = ""
    params: tuple[tuple[str, str], ...] = ()

    def param(self, name: str) -> str:
        """Return one argument, or nothing."""
        return dict(self.params).get(name, "")


@dataclass(frozen=True, slots=True)
class SecretValue:
    """What a store holds under a ref.

    Attributes:
        data: The value, byte for byte. A store that holds objects rather than text gives compact JSON.
        version: Tells whether it has changed.
        refresh_after: Ask again in so many seconds (a lease); None: at the next poll.
        view: What keys are selected from where `data` is text in another notation (YAML, dotenv): the same as JSON.
    """

    data: bytes = field(repr=False)
    version: Version
    refresh_after: float | None = None
    view: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The version that the caller holds is still the current one."""

    refresh_after: float | None = None


Outcome: TypeAlias = SecretValue | Unchanged | SecretError


class Provider(Protocol):
    """A connection to one store."""

    def fetch(self, wanted: Mapping[SecretRef, Version | None], /) -> Mapping[SecretRef, Outcome]:
        """Read secrets, each only if it has changed since the version given (None: nothing is held).

        Returns:
            An outcome for every wanted ref, and for no other.

        Raises:
            SecretError: The store as a whole cannot be used.
        """
        ...

    def close(self) -> None:
        """Let go of connections, and revoke what was minted if so configured. May be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """Which secrets of a store are looked for: below a path, by a regular expression on the name, by tags."""

    path: str = ""
    name: str = ""
    tags: tuple[tuple[str, str], ...] = ()


@runtime_checkable
class Finder(Protocol):
    """Optional capability of a provider: list secrets."""

    def find(self, query: Query, /) -> Collection[SecretRef]:
        """Return the refs that match.

        Raises:
            SecretError: The listing failed, in part or whole.
        """
        ...


@runtime_checkable
class Handover(Protocol):
    """Optional capability of a provider: another process of the same pod goes on where this one ends.

    For what a fetch makes and a second fetch would make again: leases. What is handed over is written to a file beside
    the secrets, mode 0600: ids, accessors, times since 1970. Never a token, never a value.
    """

    def hand_over(self) -> Mapping[str, Any]:
        """Return what a successor has to know, as JSON types; empty where there is nothing. No I/O."""
        ...

    def take_over(self, state: Mapping[str, Any], /) -> None:
        """Take in what a predecessor handed over, before the first `fetch`. No I/O, and it never raises.

        What is malformed, unknown or over is left out. A ref that is then fetched with the version that the predecessor
        had is `Unchanged` while it holds, although its value is not known here; with no version it is read anew.
        """
        ...


Connect: TypeAlias = Callable[[Mapping[str, Any]], Provider]
"""What an entry point names: settings of a store, as written in its config -> a provider. Raises `ConfigError` only."""


Observer: TypeAlias = Callable[[str, str, str], object]
"""Told of each request to a store: provider, operation, and how it ended: a status, a code, or the name of an error."""

_observers: list[Observer] = []


def requested(provider: str, operation: str, code: str) -> None:
    """Say that a request to a store has ended, for the metrics. From any thread; costs nothing if nobody listens.

    Args:
        provider: Its name, `vault`.
        operation: What was asked for, out of a small set of words: `read`, `GetSecretValue`. No names of secrets.
        code: `200`, `ThrottlingException`, `ConnectTimeout`: out of a small set too.
    """
    for observer in _observers:
        observer(provider, operation, code)


def observe_requests(observer: Observer) -> None:
    """Let an observer be told of every request from now on. For the core; it must not raise."""
    _observers.append(observer)


def in_parallel(jobs: Sequence[Callable[[], _T]], *, workers: int = 8) -> list[_T]:
    """Run jobs side by side and return what they return, in order.

    Raises:
        BaseException: The first that a job raises; jobs that have not begun are left out then.
    """
    results: dict[int, _T] = {}
    failures: list[BaseException] = []
    waiting = deque(enumerate(jobs))

    def work() -> None:
        while waiting and not failures:
            try:
                index, job = waiting.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                results[index] = job()
            except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
                failures.append(error)

    # Daemons, unlike the threads of an executor: a process does not wait at its end for one that hangs.
    threads = [Thread(target=work, name="fetch", daemon=True) for _ in range(min(workers, len(jobs)) - 1)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(jobs))]


def fetch_each(
    wanted: Mapping[SecretRef, Version | None],
    fetch_one: Callable[[SecretRef, Version | None], Outcome],
    *,
    workers: int = 8,
) -> dict[SecretRef, Outcome]:
    """Answer `Provider.fetch` for a store without batches: `fetch_one` per ref, in parallel.

    A `SecretError` that `fetch_one` raises is that ref's outcome; anything else propagates.
    """

    def attempt(ref: SecretRef, held: Version | None) -> Outcome:
        try:
            return fetch_one(ref, held)
        except SecretError as error:
            return error

    jobs = [partial(attempt, ref, held) for ref, held in wanted.items()]
    return dict(zip(wanted, in_parallel(jobs, workers=workers), strict=True))


def compact_json(text: bytes) -> bytes:
    """Return JSON as this program writes it: no blanks, source order, numbers by their source text, UTF-8 unescaped.

    Raises:
        ValueError: It is not JSON; says where, not what.
    """
    from secretfetch import jsontext  # noqa: PLC0415 - start-up cost

    return jsontext.dump(jsontext.parse(text)).encode()


def read_credential(path: str, what: str) -> str:
    """Read a credential from a file that is mounted, such as `<dir>/<secret>/<key>`; one final line end is cut off.

    Read it at each login: projected tokens and mounted secrets change.

    Raises:
        AuthFailed: It cannot be read, is empty or is no text. `what` says what it is for: "the secret id".
    """
    import os  # noqa: PLC0415 - needed only here

    try:
        with open(path, "rb") as stream:
            text = stream.read(MAX_VALUE_BYTES).decode()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise AuthFailed(
            f"cannot read {what} from {path}: {reason}", ("fix", "mount the file, or correct its path")
        ) from None
    except UnicodeDecodeError:
        raise AuthFailed(f"{what} in {path} is no text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise AuthFailed(f"{what} in {path} is empty")
    return text


_S = TypeVar("_S", bound="msgspec.Struct")


def decode_settings(settings: Mapping[str, Any], into: type[_S]) -> _S:
    """Decode a store's settings into a `msgspec.Struct` with `forbid_unknown_fields`.

    Raises:
        ConfigError: An unknown setting (with near matches), a wrong type, a missing one. The value is not shown.
    """
    import msgspec  # noqa: PLC0415 - start-up cost

    known = [item.encode_name for item in msgspec.structs.fields(into)]
    for name in settings:
        if name not in known:
            raise ConfigError(
                f'unknown setting "{name}"', *meant(name, known), ("known", ", ".join(sorted(known)) or "none at all")
            )
    try:
        return msgspec.convert(dict(settings), into)
    except msgspec.ValidationError as error:
        raise ConfigError(f"wrong setting: {error}") from None
