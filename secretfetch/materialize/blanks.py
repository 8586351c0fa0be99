"""Upstream that answers with nothing does not empty an application's files.

An output that would come out blank where its file or directory is not is an error, unless the config allows it. What
does not belong here: values that are missing; mapping tells those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretfetch.errors import DataError, NotFound
from secretfetch.plan import DataFile, Files, KubeSecret, Process, Volume, sources_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.materialize.building import Rendered
    from secretfetch.plan import Output
    from secretfetch.provider import Outcome, SecretRef
    from secretfetch.sinks.writer import Writer


def blanked(item: Rendered, writer: Writer, outcomes: Mapping[SecretRef, Outcome]) -> list[DataError]:
    """Return an error for each output that would become blank. An optional secret that is gone is no such case."""
    if isinstance(item.target, Volume) and item.target.keep:
        return []
    return [
        _error(output, item.place)
        for output in item.target.outputs
        if _is_blank(output, item)
        and not output.allow_empty
        and writer.is_full(output.path)
        and not any(isinstance(outcomes.get(source.ref), NotFound) for source in sources_of(output))
    ]


def _is_blank(output: Output, item: Rendered) -> bool:
    if isinstance(output, KubeSecret) or isinstance(item.target, Process):
        return not item.files
    if isinstance(output, Files):
        prefix = f"{output.path}/" if output.path else ""
        return not any(path.startswith(prefix) for path in item.files)
    if isinstance(output, DataFile):
        return not item.names.get(output.path)
    return output.path in item.files and not item.files[output.path].data


def _error(output: Output, place: str) -> DataError:
    names = ", ".join(dict.fromkeys(source.name for source in sources_of(output))) or "its template"
    return DataError(
        f'"{output.path or place}" would become empty, and it is not: {names} came back with nothing',
        ("note", "what is there is left as it is"),
        ("fix", "restore the secret; if it is meant to be empty, give the output `allow_empty: true`"),
        where=str(output.origin),
    )
