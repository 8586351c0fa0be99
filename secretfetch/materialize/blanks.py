"""Upstream that answers with nothing does not empty an application's files.

An output that would come out blank where its file or directory is not is an error, unless the config allows it. What
does not belong here: values that are missing; mapping tells those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretfetch.errors import DataError, NotFound
from secretfetch.plan import DataFile, Files, Volume, sources_of
from secretfetch.sinks.volume import weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.materialize.building import Rendered
    from secretfetch.plan import Output
    from secretfetch.provider import Outcome, SecretRef


def blanked(item: Rendered, outcomes: Mapping[SecretRef, Outcome]) -> list[DataError]:
    """Return an error for each output that would become blank. An optional secret that is gone is no such case."""
    if not isinstance(item.target, Volume) or item.target.keep:
        return []
    return [
        _error(output, item.target.root)
        for output in item.target.outputs
        if _is_blank(output, item)
        and not output.allow_empty
        and weight(item.target.root, output.path)
        and not any(isinstance(outcomes.get(source.ref), NotFound) for source in sources_of(output))
    ]


def _is_blank(output: Output, item: Rendered) -> bool:
    if isinstance(output, Files):
        prefix = f"{output.path}/" if output.path else ""
        return not any(path.startswith(prefix) for path in item.files)
    if isinstance(output, DataFile):
        return not item.names.get(output.path)
    return output.path in item.files and not item.files[output.path].data


def _error(output: Output, root: str) -> DataError:
    names = ", ".join(dict.fromkeys(source.name for source in sources_of(output))) or "its template"
    return DataError(
        f'"{output.path or root}" would become empty, and it is not: {names} came back with nothing',
        ("note", "the files are left as they are"),
        ("fix", "restore the secret; if it is meant to be empty, give the output `allow_empty: true`"),
        where=str(output.origin),
    )
