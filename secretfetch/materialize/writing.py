"""The targets of one process: written, compared, let go. What does not belong here: what is written."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Self, overload

from secretfetch.errors import SecretError
from secretfetch.plan import Lasting, Process, Stream, Volume
from secretfetch.sinks.volume import VolumeWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from secretfetch.materialize.building import Rendered
    from secretfetch.sinks.volume import Outside
    from secretfetch.sinks.writer import Change, Prepared, Writer


class Written(NamedTuple):
    """What became of one target. `first`: there was no set before this one. `files`: how many it has, or keys."""

    target: Lasting
    change: Change
    first: bool = False
    files: int = 0


class Writers:
    """The targets of one process; volumes are locked from the first write on. Leaving the context lets go of them.

    Args:
        outside: Clocks, waiting and chance of the volumes, for tests.
        program: Writer of the one process that a plan may have.
    """

    def __init__(self, outside: Outside | None = None, program: Writer | None = None) -> None:
        self._more: dict[str, Any] = {} if outside is None else {"outside": outside}
        self._program = program
        self._writers: dict[str, tuple[Lasting, Writer]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @overload
    def of(self, target: Volume) -> VolumeWriter: ...
    @overload
    def of(self, target: Lasting) -> Writer: ...
    def of(self, target: Lasting) -> Writer:
        """Return the writer of a target; one whose kind of writing has changed gets another one."""
        known, writer = self._writers.get(target.place, (None, None))
        if known is not None and writer is not None and _is_written_alike(known, target):
            return writer
        if writer is not None:
            writer.close(wait=False)
        made = self._made(target)
        self._writers[target.place] = target, made
        return made

    def _made(self, target: Lasting) -> Writer:
        if isinstance(target, Volume):
            return VolumeWriter(target.root, layout=target.layout, keep=target.keep, **self._more)
        if isinstance(target, Process):
            assert self._program is not None  # noqa: S101 - whoever plans a process brings it
            return self._program
        from secretfetch.sinks import kubernetes  # noqa: PLC0415 - start-up cost

        return kubernetes.writer(target)

    def write(self, rendered: Iterable[Rendered]) -> list[Written]:
        """Write all targets: each is staged whole before the first is published.

        Raises:
            SecretError: A target cannot be written. If that shows while staging, nothing has been published.
        """
        written, failed = self.write_each(rendered, whole=True)
        for error in failed.values():
            raise error
        return written

    def write_each(
        self, rendered: Iterable[Rendered], *, whole: bool = False, before: Callable[[], object] = lambda: None
    ) -> tuple[list[Written], dict[str, SecretError]]:
        """Write targets: what can be staged is staged before the first of them is published.

        Args:
            rendered: Standard output is passed over.
            whole: Publish nothing, and raise, if one cannot be staged.
            before: Called before the first publication that replaces another set.

        Returns:
            What became of them, and the failures of the others by place.
        """
        staged: list[tuple[Lasting, int, Prepared]] = []
        failed: dict[str, SecretError] = {}
        try:
            for item in rendered:
                if not isinstance(item.target, Stream):
                    with _collected(failed, item.place, whole=whole):
                        staged.append((item.target, len(item.files), self.of(item.target).stage(item.files)))
            if any(stage.change and not stage.first for _, _, stage in staged):
                before()
            written = []
            for target, files, stage in staged:
                with _collected(failed, target.place, whole=whole):
                    written.append(Written(target, stage.publish(), stage.first, files))
        except BaseException:
            for _, _, stage in reversed(staged):
                stage.abort()
            raise
        return written, failed

    def keep_only(self, targets: Iterable[Lasting]) -> None:
        """Let go of what the plan has no more."""
        places = {target.place for target in targets}
        for place in self._writers.keys() - places:
            self._writers.pop(place)[1].close(wait=False)

    def close(self, *, wait: bool = True) -> None:
        """Delete what is no longer live, after its grace (without `wait`: leave it), and release the locks."""
        for _, writer in self._writers.values():
            writer.close(wait=wait)


def _is_written_alike(one: Lasting, other: Lasting) -> bool:
    if isinstance(one, Volume) and isinstance(other, Volume):
        return (one.layout, one.keep) == (other.layout, other.keep)
    return one == other or isinstance(other, Process)


def changes(rendered: Iterable[Rendered]) -> list[Written]:
    """Tell what writing would change, touching nothing.

    Raises:
        SecretError: A target cannot be read.
    """
    with Writers() as writers:
        return [
            Written(item.target, writers.of(item.target).compare(item.files), files=len(item.files))
            for item in rendered
            if not isinstance(item.target, Stream)
        ]


@contextmanager
def _collected(failed: dict[str, SecretError], place: str, *, whole: bool) -> Iterator[None]:
    try:
        yield
    except SecretError as error:
        if whole:
            raise
        failed[place] = error
