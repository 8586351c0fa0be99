"""What can go wrong, as a tree of exceptions. What does not belong here: printing them (`secretfetch.cli` does that).

::

    SecretError                     exit  retry can help   means
    |-- ConfigError                  78                    the config, a reference or a setting is wrong
    |-- NotFound                     66                    no such secret, version, stage or path in the store
    |-- KeyNotFound                  66                    the secret is there, the key in it is not
    |-- DataError                    65                    what the store holds does not fit what is asked of it
    |-- AccessDenied                 77                    the caller is known and may not
    |-- AuthFailed                   77                    login failed, or no credentials
    |-- Unavailable                  75   yes              unreachable, timed out, answer cut short
    |   `-- Throttled                75   yes              a quota is used up: a start waits, a poll yields
    |-- OutputError                  73                    the output cannot be written
    |-- HookFailed                   75   yes              what follows a change did not work; it never ends a run
    |-- CommandNotFound             127                    `exec`: there is no such program
    |-- CommandRefused              126                    `exec`: it is there and cannot be run
    |-- StartFailed                 125                    `exec`: the system cannot start it
    `-- Several                      its first permanent error's

Anything else that is raised is a bug: exit 70. `optional` forgives `NotFound` and `KeyNotFound` and nothing else.
A message names stores, keys, files and lines; never the value of a secret, and never another exception's text that may
hold one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXIT_CHANGES = 9  # `plan --exit-code`
EXIT_BUG = 70

_LONGEST_HINT = 100  # characters; nobody reads a longer name to its end


class SecretError(Exception):
    """An expected failure that a person can act on.

    Attributes:
        headline: One line, without a full stop: what failed, and on what.
        notes: Pairs of a short label (`fix`, `meant`, `you are`, ...) and one line of text, in the order to be shown.
        where: The place in a file that asked for it, `config.yaml:8`, or nothing.
    """

    code: ClassVar[str] = "FAILED"
    exit_code: ClassVar[int] = EXIT_BUG
    retryable: ClassVar[bool] = False

    def __init__(self, headline: str, *notes: tuple[str, str], where: str = "") -> None:
        super().__init__(headline)
        self.headline = headline
        self.notes = notes
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.headline}" if self.where else self.headline

    def with_notes(self, *notes: tuple[str, str], where: str = "") -> SecretError:
        """Return a copy that says more; the error of one secret may be shown for several places that use it."""
        twin = self.__class__.__new__(self.__class__, self.headline)
        SecretError.__init__(twin, self.headline, *self.notes, *notes, where=where or self.where)
        for name, value in vars(self).items():
            vars(twin).setdefault(name, value)
        return twin


class ConfigError(SecretError):
    """The config, a reference or a store's setting is wrong. Found before anything is fetched wherever it can be."""

    code = "CONFIG_INVALID"
    exit_code = 78


class NotFound(SecretError):
    """The store says that there is no such secret, version, stage or path. Never used when it merely did not answer."""

    code = "SECRET_NOT_FOUND"
    exit_code = 66


class KeyNotFound(SecretError):
    """The secret was read and has no such key, or null under it."""

    code = "KEY_NOT_FOUND"
    exit_code = 66


class DataError(SecretError):
    """What a store holds does not fit: not JSON, no object, undecodable, a name or value that a format cannot hold."""

    code = "DATA_INVALID"
    exit_code = 65


class AccessDenied(SecretError):
    """The store knows the caller and refuses."""

    code = "ACCESS_DENIED"
    exit_code = 77


class AuthFailed(SecretError):
    """Login failed, the credentials have expired, or there are none."""

    code = "LOGIN_FAILED"
    exit_code = 77


class Unavailable(SecretError):
    """The store cannot be reached, throttles, times out or answers garbage: the one failure that a retry can cure.

    Args:
        headline: As everywhere.
        notes: As everywhere.
        retry_after: Seconds that the store asked to be left alone for; the floor of the next wait.
    """

    code = "UNAVAILABLE"
    exit_code = 75
    retryable = True

    def __init__(self, headline: str, *notes: tuple[str, str], retry_after: float = 0.0) -> None:
        super().__init__(headline, *notes)
        self.retry_after = retry_after


class Throttled(Unavailable):
    """A quota, not an outage: another region or a smaller request is no answer to it, a wait is."""

    code = "THROTTLED"


class OutputError(SecretError):
    """An output cannot be written: permissions, a full or read-only file system, something in the way."""

    code = "OUTPUT_FAILED"
    exit_code = 73


class HookFailed(SecretError):
    """What `on_change` asks for has not worked. The files are published all the same, and the run goes on."""

    code = "HOOK_FAILED"
    exit_code = 75
    retryable = True


class CommandNotFound(SecretError):
    """`exec`: the program, or the interpreter that its first line names, is not there."""

    code = "COMMAND_NOT_FOUND"
    exit_code = 127


class CommandRefused(SecretError):
    """`exec`: the program is there and cannot be run."""

    code = "COMMAND_NOT_EXECUTABLE"
    exit_code = 126


class StartFailed(SecretError):
    """`exec`: the system cannot start the program: too many processes, an environment that is too large."""

    code = "COMMAND_NOT_STARTED"
    exit_code = 125


class Several(SecretError):
    """More than one failure, in the order of the plan. The exit code is that of the first one no retry can cure.

    `one_or_several` makes it: no part of it is a `Several` itself, and no two say the same.
    """

    code = "SEVERAL"

    def __init__(self, errors: Sequence[SecretError]) -> None:
        super().__init__(f"{len(errors)} failures: " + "; ".join(str(error) for error in errors))
        self.errors = tuple(errors)

    @property
    def first(self) -> SecretError:
        """The failure that decides the exit code."""
        return next((error for error in self.errors if not error.retryable), self.errors[0])


def one_or_several(errors: Sequence[SecretError]) -> SecretError:
    """Wrap failures for `raise`: a single one stays itself, those of several are taken apart, repetitions left out."""
    apart = [part for error in errors for part in (error.errors if isinstance(error, Several) else (error,))]
    known: dict[tuple[type, str, tuple[tuple[str, str], ...]], SecretError] = {}
    for part in apart:
        known.setdefault((type(part), str(part), part.notes), part)
    once = list(known.values())
    return once[0] if len(once) == 1 else Several(once)


def exit_code_of(error: SecretError) -> int:
    """Return the documented exit status of a failure."""
    return error.first.exit_code if isinstance(error, Several) else error.exit_code


def near(name: str, candidates: Iterable[str], most: int = 3) -> list[str]:
    """Return the candidates that `name` may have been meant to be, best first."""
    import difflib  # noqa: PLC0415 - costs 5 ms, needed only when something is wrong already

    by_lower: dict[str, str] = {}
    for candidate in candidates:
        by_lower.setdefault(candidate.lower(), candidate)
    return [by_lower[found] for found in difflib.get_close_matches(name.lower(), by_lower, n=most, cutoff=0.6)]


def meant(name: str, candidates: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the note `meant  "username"?`, or none where nothing is near. To be splatted into an error's notes."""
    found = [candidate for candidate in near(name, candidates) if len(candidate) <= _LONGEST_HINT]
    return (("meant", " or ".join(f'"{candidate}"' for candidate in found) + "?"),) if found else ()
