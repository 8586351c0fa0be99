"""From named values to files: every format of an output.

Pure: nothing is read or written. What does not belong here: selecting values (`mapping`), templates (they arrive as
values), and where files are put (`sinks`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from secretfetch.bundle import Bundle, File, Item
from secretfetch.errors import SecretError, one_or_several
from secretfetch.jsontext import TooLarge
from secretfetch.names import path_fault, secret_key_fault, variable_fault
from secretfetch.plan import VARIABLES, DataFile, Files, KubeSecret, RawFile
from secretfetch.rendering import refusals
from secretfetch.rendering.dialects import KUBELET_FILE, LINES, CannotHold
from secretfetch.rendering.documents import DOCUMENTS, node_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from secretfetch.jsontext import Json
    from secretfetch.plan import FileOutput, Output

_T = TypeVar("_T")

SECRET_BYTES = 1 << 20
"""The most that the data of a Kubernetes Secret may be, by the API server."""

__all__ = ["merge", "render"]


def render(output: Output, bundle: Bundle) -> dict[str, File]:
    """Make the files of one output.

    Args:
        output: Says where and how.
        bundle: Its values by name, complete; a raw file's only value has the empty name, and may be missing.

    Returns:
        Files by path below the volume, in sorted order.

    Raises:
        SecretError: A `DataError` for each name and value that the format cannot hold; several are one `Several`.
    """
    if isinstance(output, RawFile):
        value = bundle.get("")
        return {output.path: _file(output, value.data, value.mode)} if value else {}
    items = sorted(bundle.items())
    if isinstance(output, KubeSecret):
        return _data(output, items)
    if isinstance(output, Files):
        return _directory(output, items)
    content = _document(output, items) if output.format in DOCUMENTS else _lines(output, items)
    return {output.path: _file(output, content)}


def merge(rendered: Iterable[tuple[Output, Mapping[str, File]]]) -> dict[str, File]:
    """Put the files of a volume's outputs together, in sorted order.

    Raises:
        SecretError: A `DataError` for each path that two outputs write, or that is a file for one and a directory for
            another. What the plan alone shows has been refused before; names that come from secrets can still do it.
    """
    files: dict[str, File] = {}
    writers: dict[str, Output] = {}
    errors: list[SecretError] = []
    for output, own in rendered:
        errors += [refusals.twice(output, writers[path], path) for path in sorted(own.keys() & files.keys())]
        files |= own
        writers |= dict.fromkeys(own, output)
    errors += [refusals.blocked(writers[path], path, parent) for path, parent in _under_files(files)]
    _raise_all(errors)
    return dict(sorted(files.items()))


def _file(output: FileOutput, data: bytes, mode: int | None = None) -> File:
    return File(data, output.mode if mode is None else mode, output.owner)


def _directory(output: Files, items: list[tuple[str, Item]]) -> dict[str, File]:
    prefix = output.path.rstrip("/") + "/" if output.path else ""
    named = dict(items)
    if output.is_secret:
        _check_data(output, items)
    faults = ((name, item, path_fault(name) or path_fault(prefix + name)) for name, item in items)
    errors = [refusals.no_file(output, name, item, fault) for name, item, fault in faults if fault]
    errors += [refusals.under_a_file(output, name, parent, named[name]) for name, parent in _under_files(named)]
    _raise_all(errors)
    return {prefix + name: _file(output, item.data, item.mode) for name, item in items}


def _data(output: KubeSecret, items: list[tuple[str, Item]]) -> dict[str, File]:
    _check_data(output, items)
    return {name: File(item.data, 0) for name, item in items}


def _check_data(output: KubeSecret | Files, items: list[tuple[str, Item]]) -> None:
    faults = ((name, item, secret_key_fault(name)) for name, item in items)
    _raise_all([refusals.no_secret_key(output, name, item, fault) for name, item, fault in faults if fault])
    if sum(len(item.data) for _, item in items) > SECRET_BYTES:
        raise refusals.too_much_for_a_secret(output, max(items, key=lambda named: len(named[1].data))[0])


def _document(output: DataFile, items: list[tuple[str, Item]]) -> bytes:
    members: dict[str, Json] = dict(_each(output, items, lambda _, item: node_of(item)))
    try:
        return DOCUMENTS[output.format](members).encode()
    except TooLarge as why:
        raise refusals.too_large(output, why) from None


def _lines(output: DataFile, items: list[tuple[str, Item]]) -> bytes:
    writer = LINES[output.format]
    content = b"".join(line for _, line in _each(output, items, lambda name, item: writer(name, item.data)))
    if output.format == "kubelet" and len(content) > KUBELET_FILE:
        raise refusals.too_much_for_kubelet(output, max(items, key=lambda named: len(named[1].data))[0])
    return content


def _each(output: DataFile, items: list[tuple[str, Item]], write: Callable[[str, Item], _T]) -> list[tuple[str, _T]]:
    """Write every item, and say everything that is wrong with any of them."""
    written: list[tuple[str, _T]] = []
    errors: list[SecretError] = []
    for name, item in items:
        if output.format in VARIABLES and variable_fault(name):
            errors.append(refusals.no_variable(output, name, item))
        try:
            written.append((name, write(name, item)))
        except CannotHold as why:
            errors.append(refusals.unfit(output, name, item, why))
    _raise_all(errors)
    return written


def _raise_all(errors: Iterable[SecretError]) -> None:
    if found := [*errors]:
        raise one_or_several(found)


def _under_files(paths: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return pairs of a path and one above it that is to be a file."""
    found: list[tuple[str, str]] = []
    for path in sorted(paths):
        parts = path.split("/")
        above = ("/".join(parts[:count]) for count in range(1, len(parts)))
        found += [(path, parent) for parent in above if parent in paths]
    return found
