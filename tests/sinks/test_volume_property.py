"""Any history of a volume ends with exactly the last set."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sinks.conftest import MEMORY
from sinks.volumes import dies, file, leftovers, publish, visible, wanted, write

from secretfetch.errors import OutputError
from secretfetch.names import path_conflicts
from secretfetch.sinks.volume import compare

PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
FILES = st.builds(file, st.sampled_from([b"", b"1", b"2", b"x" * 5000]), st.sampled_from([0o400, 0o440, 0o644]))
TREES = st.dictionaries(PATHS, FILES, max_size=5).filter(lambda files: path_conflicts(files) is None)
LAYOUTS = st.sampled_from(["swap", "flat"])
KILLS = st.none() | st.integers(1, 40)
FOREIGN = {"zz/theirs": (b"theirs", 0o644), "zz.txt": (b"theirs", 0o644)}


@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(TREES, LAYOUTS, KILLS), max_size=4), TREES, LAYOUTS)
@example([({"b/a": file(b"")}, "flat", None), ({"b": file(b"")}, "flat", 8)], {}, "swap")
def test_any_history_ends_with_exactly_the_last_set(steps, last, layout):
    """Sets in either layout, some cut short by a kill: the last one is all there is, besides the files of others."""
    above = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    try:
        root = above / "v"
        _put_foreign(root)
        for files, kind, kill in steps:
            dies(kill or 0, lambda files=files, kind=kind: publish(root, files, layout=kind))
        said = compare(str(root), last)
        assert write(root, last, layout=layout) == said
        assert visible(root) == wanted(last) | FOREIGN
        assert leftovers(root) == []
        assert not write(root, last, layout=layout)
    finally:
        shutil.rmtree(above)


@settings(deadline=None, max_examples=60)
@given(TREES, LAYOUTS, TREES)
def test_files_of_others_survive_any_set(theirs, layout, files):
    """What others have put in under names that are not ours is there afterwards, or the set was refused."""
    above = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    try:
        root = above / "v"
        for path, item in theirs.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(item.data)
        before = visible(root)
        with suppress(OutputError):
            write(root, files, layout=layout)
            assert visible(root).items() >= wanted(files).items()
            write(root, {}, layout=layout)
        after = visible(root)
        assert {path: after.get(path) for path in before if path not in files} == {
            path: found for path, found in before.items() if path not in files
        }
    finally:
        shutil.rmtree(above)


def _put_foreign(root: Path) -> None:
    (root / "zz").mkdir(parents=True)
    for path, (data, mode) in FOREIGN.items():
        (root / path).write_bytes(data)
        (root / path).chmod(mode)
