"""One round: plan + what is held -> fetched, mapped, rendered; then written, all targets or none.

What does not belong here: when the next round comes, and printing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

from secretfetch.errors import NotFound, SecretError, one_or_several
from secretfetch.mapping import Documents, project, shown
from secretfetch.plan import DataFile, Stream, Volume
from secretfetch.provider import SecretValue, Unchanged
from secretfetch.rendering import merge, render
from secretfetch.sinks.volume import Change, Staged, VolumeWriter, compare

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from secretfetch.bundle import File
    from secretfetch.plan import Output, Plan, Source, Target
    from secretfetch.provider import SecretRef
    from secretfetch.stores import Stores

_FEW = 4


@dataclass(frozen=True, slots=True)
class Rendered:
    """One target, complete.

    Attributes:
        target: Which.
        files: By path below the volume; of standard output the one file.
        names: Of each file that holds names and values, the names.
    """

    target: Target
    files: Mapping[str, File] = field(repr=False)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Written(NamedTuple):
    """What became of one volume."""

    volume: Volume
    change: Change


def fetch(
    plan: Plan, stores: Stores, *, deadline: float, held: Mapping[SecretRef, SecretValue] | None = None
) -> dict[SecretRef, SecretValue | SecretError]:
    """Fetch every secret that a plan uses, each once.

    Args:
        plan: Complete.
        stores: Of the plan.
        deadline: When to be back, by the clock of `stores`.
        held: Values of an earlier round; they are asked for only if they have changed.

    Returns:
        Values and failures; a failure that somebody does not forgive says which places need the secret.
    """
    held = held or {}
    uses = _uses(plan.sources())
    wanted = {ref: held[ref].version if ref in held else None for ref in uses}
    forgiven = {ref for ref, sources in uses.items() if all(source.optional for source in sources)}
    answers = stores.fetch(wanted, deadline=deadline, forgiven=forgiven)
    needed: dict[int, list[Source]] = {}  # by failure: that of a store is one and the same for all of its secrets
    for ref, answer in answers.items():
        if isinstance(answer, SecretError):
            needed.setdefault(id(answer), []).extend(use for use in uses[ref] if not _forgives(use, answer))
    told = {
        id(answer): _told(answer, needed[id(answer)]) for answer in answers.values() if isinstance(answer, SecretError)
    }
    outcomes: dict[SecretRef, SecretValue | SecretError] = {}
    for ref, answer in answers.items():
        outcomes[ref] = held[ref] if isinstance(answer, Unchanged) else told.get(id(answer), answer)
    return outcomes


def build(plan: Plan, outcomes: Mapping[SecretRef, SecretValue | SecretError]) -> list[Rendered]:
    """Map and render every target. Pure.

    Raises:
        SecretError: Every failure of every target, each once.
    """
    documents = Documents(outcomes)
    errors: list[SecretError] = []
    made: list[Rendered] = []
    for target in plan.targets:
        rendered: list[tuple[Output, Mapping[str, File]]] = []
        names: dict[str, tuple[str, ...]] = {}
        for output in target.outputs if isinstance(target, Volume) else (target.output,):
            try:
                bundle = project(output, documents)
                rendered.append((output, render(output, bundle)))
            except SecretError as error:
                errors.append(error)
            else:
                names |= {output.path: tuple(sorted(bundle))} if isinstance(output, DataFile) else {}
        try:
            made.append(Rendered(target, merge(rendered), names))
        except SecretError as error:
            errors.append(error)
    if errors:
        raise one_or_several(errors)
    return made


def changes(rendered: Iterable[Rendered]) -> list[Written]:
    """Tell what writing would change, touching nothing.

    Raises:
        OutputError: A volume cannot be read.
    """
    return [
        Written(item.target, compare(item.target.root, item.files, keep=item.target.keep))
        for item in rendered
        if isinstance(item.target, Volume)
    ]


class Writers:
    """The volumes of one process, locked from the first write on. A context manager: leaving it lets go of them."""

    def __init__(self) -> None:
        self._writers: dict[str, VolumeWriter] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, rendered: Collection[Rendered]) -> list[Written]:
        """Write all volumes: each is staged whole before the first is published.

        Raises:
            OutputError: A volume cannot be written. If that shows while staging, nothing has been published.
        """
        staged: list[tuple[Volume, Staged]] = []
        try:
            for item in rendered:
                if isinstance(item.target, Volume):
                    staged.append((item.target, self._writer(item.target).stage(item.files)))  # noqa: PERF401 - the part staged before a failure is aborted
            return [Written(volume, stage.publish()) for volume, stage in staged]
        except BaseException:
            for _, stage in reversed(staged):
                stage.abort()
            raise

    def close(self) -> None:
        """Delete what is no longer live, after its grace, and release the locks."""
        for writer in self._writers.values():
            writer.close()

    def _writer(self, volume: Volume) -> VolumeWriter:
        if volume.root not in self._writers:
            self._writers[volume.root] = VolumeWriter(volume.root, layout=volume.layout, keep=volume.keep)
        return self._writers[volume.root]


def stream(rendered: Iterable[Rendered]) -> bytes | None:
    """Return what goes to standard output, if anything does."""
    for item in rendered:
        if isinstance(item.target, Stream):
            return next(iter(item.files.values())).data
    return None


def _uses(sources: Iterable[Source]) -> dict[SecretRef, list[Source]]:
    uses: dict[SecretRef, list[Source]] = {}
    for source in sources:
        uses.setdefault(source.ref, []).append(source)
    return uses


def _forgives(source: Source, error: SecretError) -> bool:
    return source.optional and isinstance(error, NotFound)


def _told(error: SecretError, sources: list[Source]) -> SecretError:
    """Say which secrets are lacking now, and which parts of the config need them, if any do."""
    if not sources:
        return error
    names = _few([shown(source) for source in sources], "secrets")
    places = _few([str(source.origin) for source in sources if source.origin.file], "places")
    needed = ("needed", f"{names}, in {places}" if places else names)
    return error.with_notes(needed, where=error.where or str(sources[0].origin))


def _few(texts: list[str], what: str) -> str:
    """List a few of many."""
    once = list(dict.fromkeys(texts))
    more = f" and {len(once) - _FEW} more {what}" if len(once) > _FEW else ""
    return ", ".join(once[:_FEW]) + more
