"""One Secret, written by server-side apply. What does not belong here: talking to the server (`cluster`)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from secretfetch.errors import SecretError
from secretfetch.sinks.kubernetes import contents
from secretfetch.sinks.kubernetes.manifest import body

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from secretfetch.bundle import File
    from secretfetch.plan import KubeSecret
    from secretfetch.sinks.kubernetes.cluster import Cluster
    from secretfetch.sinks.writer import Change


class SecretWriter:
    """Writes one Secret.

    Args:
        target: Which.
        cluster: Where.
    """

    def __init__(self, target: KubeSecret, cluster: Cluster) -> None:
        self._target = target
        self._cluster = cluster
        self._key = os.urandom(16)
        self._seal = ""
        self._told = False

    def take(self) -> None:
        """Do nothing: the server sees to it that writers do not get into each other's way."""

    def stage(self, files: Mapping[str, File], /) -> _Staged:
        """Look at what is there, and let the server say whether it would take the new one.

        Raises:
            SecretError: It would not, or it cannot be asked; nothing has changed.
        """
        self._told = False
        there, wanted = self._look(), self._body(files)
        change = contents.change(there, wanted)
        first = there is None or not there.ours()
        if there is not None and contents.is_settled(there, wanted):
            self._note(there, files)
            return _Staged(self, None, change, first=first)
        self._cluster.apply(self._target, wanted, dry_run=True)
        return _Staged(self, wanted, change, first=first)

    def compare(self, files: Mapping[str, File], /) -> Change:
        """Tell what applying would change."""
        return contents.change(self._look(), self._body(files))

    def _look(self) -> contents.Found | None:
        answer = self._cluster.get(self._target)
        return None if answer is None else contents.found(answer)

    def _body(self, files: Mapping[str, File]) -> dict[str, Any]:
        made = body(self._target, files)
        if owners := self._cluster.owners(self._target.namespace):
            made["metadata"]["ownerReferences"] = owners
        return made

    def apply(self, wanted: Mapping[str, Any]) -> None:
        """Write it."""
        made = self._cluster.apply(self._target, wanted, dry_run=False)
        self._note(contents.found(made), wanted["data"])

    def _note(self, there: contents.Found, names: Collection[str]) -> None:
        """Keep the seal of what the server has just said, for the one who asks for it next."""
        self._seal, self._told = self._digest(there, names), True

    def seal(self, names: Collection[str], /) -> str:
        """Return a digest of what is ours of the Secret; as before where the server cannot be asked now.

        Right after a set was staged or published the server has just said it, and is not asked again.
        """
        told, self._told = self._told, False
        if not told:
            try:
                answer = self._cluster.get(self._target, tries=1)
            except SecretError:
                return self._seal
            self._seal = "" if answer is None else self._digest(contents.found(answer), names)
        return self._seal

    def _digest(self, there: contents.Found, names: Collection[str]) -> str:
        from _blake2 import blake2b  # noqa: PLC0415 - hashlib costs more

        digest = blake2b(key=self._key, digest_size=32)
        marks = [(name, there.marks.get(name)) for name in sorted(there.owned)]
        digest.update(repr((there.kind, marks, [name in there.data for name in sorted(names)])).encode())
        for name in sorted(names):
            value = there.data.get(name, b"")
            digest.update(len(value).to_bytes(8, "big") + value)
        return digest.hexdigest()

    def is_full(self, _name: str, /) -> bool:
        """Tell whether the Secret has keys of ours."""
        there = self._look()
        return there is not None and bool(there.ours())

    def close(self, *, wait: bool = True) -> None:
        """Do nothing: the connections are the process's."""


class _Staged:
    """What is to be applied; None where there is nothing to do."""

    def __init__(self, writer: SecretWriter, wanted: Mapping[str, Any] | None, change: Change, *, first: bool) -> None:
        self.change = change
        self.first = first
        self._writer = writer
        self._wanted = wanted

    def publish(self) -> Change:
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self._writer.apply(wanted)
        return self.change

    def abort(self) -> None:
        self._wanted = None
