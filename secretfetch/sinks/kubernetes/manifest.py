"""A Secret as an object of the API, and as YAML on standard output. What does not belong here: the API server."""

from __future__ import annotations

import base64
import os
import sys
from typing import TYPE_CHECKING, Any

from secretfetch.errors import OutputError
from secretfetch.sinks.writer import Change

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from secretfetch.bundle import File
    from secretfetch.plan import KubeSecret


def body(target: KubeSecret, files: Mapping[str, File]) -> dict[str, Any]:
    """Return the Secret as it is applied: everything that is ours, and the type, which the server would forget.

    `stringData` would replace other managers' keys without a word: all values are `data`, in base64.
    """
    metadata: dict[str, Any] = {"name": target.name}
    if target.namespace:
        metadata["namespace"] = target.namespace
    if target.labels:
        metadata["labels"] = dict(target.labels)
    if target.annotations:
        metadata["annotations"] = dict(target.annotations)
    data = {name: base64.b64encode(file.data).decode() for name, file in sorted(files.items())}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": target.kind, "data": data}


class ManifestWriter:
    """Prints a Secret. Every publication is a first one: nobody knows what became of the one before."""

    def __init__(self, target: KubeSecret) -> None:
        self._target = target

    def take(self) -> None:
        """Do nothing: there is no lock."""

    def stage(self, files: Mapping[str, File], /) -> _Manifest:
        """Make the text."""
        import yaml  # noqa: PLC0415 - start-up cost

        text = yaml.safe_dump(body(self._target, files), sort_keys=False, explicit_start=True, width=1 << 30)
        return _Manifest(text, self.compare(files))

    def compare(self, files: Mapping[str, File], /) -> Change:
        """Return what is printed."""
        return Change(added=frozenset(files))

    def seal(self, _names: Collection[str], /) -> str:
        """Return that it is as it was printed."""
        return "printed"

    def is_full(self, _name: str, /) -> bool:
        """Return that nothing is known to be there."""
        return False

    def close(self, *, wait: bool = True) -> None:
        """Do nothing."""


class _Manifest:
    first = True

    def __init__(self, text: str, change: Change) -> None:
        self._text = text
        self.change = change

    def publish(self) -> Change:
        text, self._text = self._text, ""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as failure:
            raise OutputError(f"cannot write to standard output: {os.strerror(failure.errno or 0)}") from None
        return self.change

    def abort(self) -> None:
        self._text = ""
