"""Files and directories as secrets: what is read, when it counts as unchanged, and what it is not read from.

Nothing is opened before its kind is known: a named pipe would hang, a device may act on being opened. What does not
belong here: notations (`formats`) and the wording of failures (`failures`).
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, TypeAlias

from secretfetch.provider import (
    MAX_VALUE_BYTES,
    ConfigError,
    DataError,
    Outcome,
    SecretError,
    SecretRef,
    SecretValue,
    Unavailable,
    Unchanged,
    Version,
)
from secretfetch_file.common import refused
from secretfetch_file.failures import failure_of
from secretfetch_file.formats import json_bytes, view_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TRIES = 3
_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}

_Stamp: TypeAlias = tuple[int, int, int]
"""Time of the last change in nanoseconds, size in bytes, inode."""


class FileProvider:
    """One file or directory a ref. The key is a path."""

    def fetch(self, wanted: Mapping[SecretRef, Version | None], /) -> dict[SecretRef, Outcome]:
        """Read files."""
        return {ref: refused(ref, "a file") or _outcome(ref.key, wanted[ref]) for ref in wanted}

    def close(self) -> None:
        """Nothing is held open."""


class _ChangedError(Exception):
    """It was replaced while it was read."""


def _outcome(path: str, held: Version | None) -> Outcome:
    if not _usable(path):
        return ConfigError(f"no usable path: {path!r}", ("fix", "write file:///absolute/path or file://path"))
    try:
        return _settled(path, held)
    except SecretError as error:
        return error
    except OSError as error:
        return failure_of(path, error)


def _usable(path: str) -> bool:
    try:
        return path != "" and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _settled(path: str, held: Version | None) -> Outcome:
    for _ in range(_TRIES):
        try:
            if stat.S_ISDIR(os.stat(path).st_mode):
                return _directory(path, held)
            return _file(path, held)
        except _ChangedError:
            continue
    return Unavailable(f'"{path}" keeps changing while it is read')


def _file(path: str, held: Version | None) -> Outcome:
    stamp = _stamp(path, os.stat(path))
    version = _version(stamp)
    if held == version:
        return Unchanged()
    data = _read(path, stamp)
    return SecretValue(data, version, view=view_of(path, data))


def _directory(path: str, held: Version | None) -> Outcome:
    stamps = _children(path)
    version = _version(number for name, stamp in stamps.items() for number in (_number(path, name), *stamp))
    if held == version:
        return Unchanged()
    if sum(size for _, size, _ in stamps.values()) > MAX_VALUE_BYTES:
        raise _too_large(path)
    members = {name: _text(os.path.join(path, name), stamp) for name, stamp in stamps.items()}
    if _children(path) != stamps:
        raise _ChangedError
    return SecretValue(json_bytes(path, members), version)


def _children(path: str) -> dict[str, _Stamp]:
    """Return the files of a directory, links followed, by name; what is no file is left out.

    Names that begin with two dots are left out too: in a mounted Secret they are the machinery behind the links.
    """
    stamps = {}
    for name in sorted(os.listdir(path)):
        child = os.path.join(path, name)
        if name.startswith(".."):
            continue
        try:
            status = os.stat(child)
        except FileNotFoundError:
            if os.path.islink(child):
                raise DataError(f'"{child}" is a link that leads nowhere') from None
            raise _ChangedError from None
        if stat.S_ISREG(status.st_mode):
            stamps[name] = _stamp(child, status)
    return stamps


def _text(path: str, stamp: _Stamp) -> str:
    data = _read(path, stamp)
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    raise DataError(
        f'"{path}" is not UTF-8 text, and an object of files cannot hold it', ("fix", "refer to that file by itself")
    )


def _read(path: str, expected: _Stamp) -> bytes:
    """Return the content that belongs to a stamp."""
    with open(path, "rb", opener=_open) as file:
        if _stamp(path, os.fstat(file.fileno())) != expected:
            raise _ChangedError
        data = file.read(MAX_VALUE_BYTES + 1)
        if len(data) > MAX_VALUE_BYTES:
            raise _too_large(path)
        if _stamp(path, os.fstat(file.fileno())) != expected:
            raise _ChangedError
    return data


def _open(path: str, flags: int) -> int:
    # Without blocking, should a pipe have taken the file's place since its kind was looked at.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _stamp(path: str, status: os.stat_result) -> _Stamp:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "not a file")
        raise DataError(f'"{path}" is {kind}, not a file or a directory')
    if status.st_size > MAX_VALUE_BYTES:
        raise _too_large(path)
    return status.st_mtime_ns, status.st_size, status.st_ino


def _version(stamps: Iterable[int]) -> Version:
    """Return a token for stamps: it may be shown, and the length of a password should not be.

    Tuples of integers hash alike in every process.
    """
    return Version(f"{hash(tuple(stamps)) & 0xFFFF_FFFF_FFFF_FFFF:016x}")


def _number(path: str, name: str) -> int:
    try:
        return int.from_bytes(name.encode())
    except UnicodeEncodeError:
        pass
    raise DataError(f'"{path}" holds a file whose name is not UTF-8')


def _too_large(path: str) -> DataError:
    return DataError(f'"{path}" is larger than {MAX_VALUE_BYTES // 2**20} MiB')
