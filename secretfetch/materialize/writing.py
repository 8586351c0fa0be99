"""The volumes of one process: written, noted in, sealed. What does not belong here: what is written."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from secretfetch.errors import SecretError
from secretfetch.plan import Volume
from secretfetch.sinks.volume import Change, Staged, VolumeWriter, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from secretfetch.materialize.building import Rendered
    from secretfetch.sinks.volume import Outside


class Written(NamedTuple):
    """What became of one volume. `first`: there was no set before this one. `files`: how many it has."""

    volume: Volume
    change: Change
    first: bool = False
    files: int = 0


def changes(rendered: Iterable[Rendered]) -> list[Written]:
    """Tell what writing would change, touching nothing.

    Raises:
        OutputError: A volume cannot be read.
    """
    return [
        Written(item.target, compare(item.target.root, item.files, keep=item.target.keep), files=len(item.files))
        for item in rendered
        if isinstance(item.target, Volume)
    ]


class Writers:
    """The volumes of one process, locked from the first write on. A context manager: leaving it lets go of them.

    Args:
        outside: Clocks, waiting and chance of the volumes, for tests.
    """

    def __init__(self, outside: Outside | None = None) -> None:
        self._more: dict[str, Any] = {} if outside is None else {"outside": outside}
        self._writers: dict[str, VolumeWriter] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def of(self, volume: Volume) -> VolumeWriter:
        """Return the writer of a volume; a volume that changes its layout gets another one."""
        writer = self._writers.get(volume.root)
        if writer is not None and (writer.layout, writer.keep) != (volume.layout, volume.keep):
            writer.close(wait=False)
            writer = None
        if writer is None:
            writer = VolumeWriter(volume.root, layout=volume.layout, keep=volume.keep, **self._more)
            self._writers[volume.root] = writer
        return writer

    def write(self, rendered: Iterable[Rendered]) -> list[Written]:
        """Write all volumes: each is staged whole before the first is published.

        Raises:
            OutputError: A volume cannot be written. If that shows while staging, nothing has been published.
        """
        written, failed = self.write_each(rendered, whole=True)
        for error in failed.values():
            raise error
        return written

    def write_each(
        self, rendered: Iterable[Rendered], *, whole: bool = False, before: Callable[[], object] = lambda: None
    ) -> tuple[list[Written], dict[str, SecretError]]:
        """Write volumes: what can be staged is staged before the first of them is published.

        Args:
            rendered: Targets; what is no volume is passed over.
            whole: Publish nothing, and raise, if one cannot be staged.
            before: Called before the first publication that replaces another set.

        Returns:
            What became of them, and the failures of the others by root.
        """
        staged: list[tuple[Volume, int, Staged]] = []
        failed: dict[str, SecretError] = {}
        try:
            for item in rendered:
                if isinstance(item.target, Volume):
                    with _collected(failed, item.target.root, whole=whole):
                        staged.append((item.target, len(item.files), self.of(item.target).stage(item.files)))
            if any(stage.change and not stage.first for _, _, stage in staged):
                before()
            written = []
            for volume, files, stage in staged:
                with _collected(failed, volume.root, whole=whole):
                    written.append(Written(volume, stage.publish(), stage.first, files))
        except BaseException:
            for _, _, stage in reversed(staged):
                stage.abort()
            raise
        return written, failed

    def keep_only(self, volumes: Iterable[Volume]) -> None:
        """Let go of the volumes that the plan has no more."""
        roots = {volume.root for volume in volumes}
        for root in self._writers.keys() - roots:
            self._writers.pop(root).close(wait=False)

    def close(self, *, wait: bool = True) -> None:
        """Delete what is no longer live, after its grace (without `wait`: leave it), and release the locks."""
        for writer in self._writers.values():
            writer.close(wait=wait)


@contextmanager
def _collected(failed: dict[str, SecretError], root: str, *, whole: bool) -> Iterator[None]:
    try:
        yield
    except SecretError as error:
        if whole:
            raise
        failed[root] = error
