"""From what was fetched to the files of each target: map and render. Pure. What does not belong here: writing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretfetch.errors import SecretError, one_or_several
from secretfetch.mapping import Documents, project
from secretfetch.plan import DataFile, Process, Stream
from secretfetch.rendering import merge, render
from secretfetch.rendering.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretfetch.bundle import Bundle, File
    from secretfetch.plan import Output, Plan, Target
    from secretfetch.provider import SecretRef, SecretValue


@dataclass(frozen=True, slots=True)
class Rendered:
    """One target, complete.

    Attributes:
        target: Which.
        files: By path below the volume; of standard output the one file; of a process the values by variable.
        names: Of each file that holds names and values, the names.
    """

    target: Target
    files: Mapping[str, File] = field(repr=False)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Of the target."""
        return self.target.place


def build(plan: Plan, outcomes: Mapping[SecretRef, SecretValue | SecretError]) -> list[Rendered]:
    """Map and render every target.

    Raises:
        SecretError: Every failure of every target, each once.
    """
    made, errors = build_each(plan.targets, outcomes)
    if errors:
        raise one_or_several([error for _, error in errors])
    return made


def build_each(
    targets: Iterable[Target], outcomes: Mapping[SecretRef, SecretValue | SecretError]
) -> tuple[list[Rendered], list[tuple[Target, SecretError]]]:
    """Map and render targets, each by itself.

    Returns:
        Those that can be written, and the failures of the others.
    """
    documents = Documents(outcomes)
    made: list[Rendered] = []
    failed: list[tuple[Target, SecretError]] = []
    for target in targets:
        try:
            made.append(_build(target, documents))
        except SecretError as error:
            failed.append((target, error))
    return made, failed


def _build(target: Target, documents: Documents) -> Rendered:
    if isinstance(target, Process):
        return _environment(target, documents)
    errors: list[SecretError] = []
    rendered: list[tuple[Output, Mapping[str, File]]] = []
    names: dict[str, tuple[str, ...]] = {}
    for output in target.outputs:
        try:
            bundle = project(output, documents)
            rendered.append((output, render(output, bundle)))
        except SecretError as error:
            errors.append(error)
        else:
            names |= {output.path: tuple(sorted(bundle))} if isinstance(output, DataFile) else {}
    files: Mapping[str, File] = {}
    try:
        files = merge(rendered)
    except SecretError as error:
        errors.append(error)
    if errors:
        raise one_or_several(errors)
    return Rendered(target, files, names)


def _environment(process: Process, documents: Documents) -> Rendered:
    projected: list[tuple[DataFile, Bundle]] = []
    errors: list[SecretError] = []
    variables: Mapping[str, File] = {}
    for output in process.outputs:
        try:
            projected.append((output, project(output, documents)))
        except SecretError as error:
            errors.append(error)
    try:
        variables = environment(projected)
    except SecretError as error:
        errors.append(error)
    if errors:
        raise one_or_several(errors)
    return Rendered(process, variables)


def stream(rendered: Iterable[Rendered]) -> bytes | None:
    """Return what goes to standard output, if anything does."""
    for item in rendered:
        if isinstance(item.target, Stream):
            return next(iter(item.files.values())).data
    return None
