"""A program as a target: another set of variables is another environment, and a new start.

What does not belong here: how and when the program is stopped and started (`supervisor`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretfetch.sinks.process import check, encoded
from secretfetch.sinks.writer import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from secretfetch.bundle import File


class ProgramWriter:
    """Hands environments to a supervisor. Of what the program has, names and keyed digests are kept.

    Args:
        argv: The program and its arguments.
        inherited: What it gets beside the secrets.
        use: Is given each new environment.
    """

    def __init__(
        self, argv: tuple[str, ...], inherited: Mapping[str, str], use: Callable[[Mapping[bytes, bytes]], object]
    ) -> None:
        self._argv = argv
        self._inherited = inherited
        self._use = use
        self._key = os.urandom(16)
        self._had: dict[str, bytes] | None = None

    def take(self) -> None:
        """Nobody else writes to it."""

    def stage(self, files: Mapping[str, File], /) -> Variables:
        """Prepare an environment.

        Raises:
            StartFailed: It is larger than the system takes: the program that runs is left alone.
        """
        environ = encoded(self._inherited, {name: file.data for name, file in files.items()})
        check(self._argv, environ)
        return Variables(self, environ, self._digests(files))

    def compare(self, files: Mapping[str, File], /) -> Change:
        """Tell which variables would change."""
        return self.change(self._digests(files))

    def seal(self, _names: Collection[str], /) -> str:
        """Nobody else changes the environment of a program."""
        return "" if self._had is None else "started"

    def is_full(self, _name: str, /) -> bool:
        """Tell whether the program has any variable of ours."""
        return bool(self._had)

    def close(self, *, wait: bool = True) -> None:
        """The supervisor ends the program."""

    @property
    def is_new(self) -> bool:
        """Whether the program has not been started."""
        return self._had is None

    def change(self, digests: Mapping[str, bytes]) -> Change:
        """Compare with what the program has."""
        had = self._had or {}
        return Change(
            frozenset(digests.keys() - had.keys()),
            frozenset(name for name in digests.keys() & had.keys() if digests[name] != had[name]),
            frozenset(had.keys() - digests.keys()),
        )

    def publish(self, environ: Mapping[bytes, bytes], digests: dict[str, bytes]) -> Change:
        """Give an environment to the program, if it is another one; a program without secrets is started too."""
        change = self.change(digests)
        if change or self._had is None:
            self._had = digests
            self._use(environ)
        return change

    def _digests(self, files: Mapping[str, File]) -> dict[str, bytes]:
        from _blake2 import blake2b  # noqa: PLC0415 - hashlib costs more

        return {name: blake2b(file.data, key=self._key).digest() for name, file in files.items()}


class Variables:
    """One environment that is ready to be given to the program."""

    def __init__(self, writer: ProgramWriter, environ: Mapping[bytes, bytes], digests: dict[str, bytes]) -> None:
        self.first = writer.is_new
        self.change = writer.change(digests)
        self._writer = writer
        self._environ: Mapping[bytes, bytes] | None = environ
        self._digests = digests

    def publish(self) -> Change:
        """Let the program have it."""
        if self._environ is not None:
            environ, self._environ = self._environ, None
            self._writer.publish(environ, self._digests)
        return self.change

    def abort(self) -> None:
        """Forget it."""
        self._environ = None
