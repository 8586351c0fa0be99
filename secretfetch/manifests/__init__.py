"""YAML documents -> `Plan`: loading, and telling the kinds of document apart.

What does not belong here: the languages themselves, each has a module: `own` is the own config.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from secretfetch.errors import ConfigError
from secretfetch.manifests.document import MAX_BYTES, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretfetch.manifests.document import Document

STANDARD_INPUT = "-"


def load(paths: Sequence[str]) -> Document:
    """Read the one config that the files hold. A directory stands for its YAML files, `-` for standard input.

    Raises:
        ConfigError: A file cannot be read or is no YAML, there is no document, or more than one.
    """
    documents = [document for path in paths for file in _files(path) for document in parse(_read(file), _shown(file))]
    if not documents:
        raise ConfigError("the config is empty", ("fix", "it needs outputs:"), where=", ".join(map(_shown, paths)))
    for document in documents:
        _check_kind(document)
    if len(documents) > 1:
        raise ConfigError("a config is one document, this is another", where=str(documents[1].at()))
    return documents[0]


def _check_kind(document: Document) -> None:
    if isinstance(document.data, dict) and {"apiVersion", "kind"} <= document.data.keys():
        kind = f"{document.data['apiVersion']} {document.data['kind']}"
        raise document.error(
            ("kind",), f"manifests of the kind {kind} are not supported by this version", ("fix", "write an own config")
        )


def _files(path: str) -> list[str]:
    if path == STANDARD_INPUT or not os.path.isdir(path):
        return [path]
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise _unreadable(path, error) from None
    files = [
        os.path.join(path, name) for name in names if name.endswith((".yaml", ".yml")) and not name.startswith(".")
    ]
    if not files:
        raise ConfigError(f"the directory {path} holds no .yaml file", where=path)
    return files


def _read(path: str) -> bytes:
    try:
        if path == STANDARD_INPUT:
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with open(path, "rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from None


def _shown(path: str) -> str:
    return "standard input" if path == STANDARD_INPUT else path


def _unreadable(path: str, error: OSError) -> ConfigError:
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    fix = ("fix", "name the config with -c PATH or SECRETFETCH_CONFIG")
    return ConfigError(f"cannot read the config {path}: {reason}", fix, where=path)
