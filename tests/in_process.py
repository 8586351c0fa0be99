"""The program run inside of the test's process: fast, with its output caught and nothing of the process left changed.

What does not belong here: any rule about what it does.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secretfetch.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pytest


class Place:
    """Where runs happen: `dir` for a config and its files, `out`, `root` for absolute outputs, `home` and `work`.

    Args:
        root: An empty directory.
        capture: pytest's `capfdbinary`.
    """

    def __init__(self, root: Path, capture: pytest.CaptureFixture[bytes]) -> None:
        self.root = root
        self._capture = capture
        for name in ("dir", "out", "root", "home", "work"):
            (root / name).mkdir()

    def fill(self, text: str) -> str:
        """Put directories in the place of {dir}, {out} and {root}."""
        for name in ("dir", "out", "root"):
            text = text.replace("{" + name + "}", str(self.root / name))
        return text

    def write(self, files: Mapping[str, str | bytes | Callable[[str], object]]) -> None:
        """Write files into `dir`: text, bytes, or a function that makes what lies at its path."""
        for name, content in files.items():
            path = self.root / "dir" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if callable(content):
                content(str(path))
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)

    def run(self, *args: str) -> tuple[int, str, str]:
        """Run the program; return its exit code, standard output and standard error."""
        self._capture.readouterr()
        with _own_logging():
            code = main([self.fill(word) for word in args])
        sys.stdout.flush()
        sys.stderr.flush()
        captured = self._capture.readouterr()
        return code, captured.out.decode(errors="surrogateescape"), captured.err.decode(errors="surrogateescape")

    def state(self) -> dict[str, tuple[Any, ...]]:
        """Return everything there is, so that any change shows: a directory's own time is left out."""
        found: dict[str, tuple[Any, ...]] = {}
        for folder, folders, names in os.walk(self.root):
            for name in [*folders, *names]:
                path = os.path.join(folder, name)
                found[path] = _told(path)
        return found


def _told(path: str) -> tuple[Any, ...]:
    status = os.lstat(path)
    common = (status.st_ino, status.st_mode, status.st_uid, status.st_gid)
    if stat.S_ISDIR(status.st_mode):
        return common
    content = os.readlink(path) if stat.S_ISLNK(status.st_mode) else b""
    if stat.S_ISREG(status.st_mode) and status.st_size < 1 << 20:
        content = Path(path).read_bytes()
    return (*common, status.st_mtime_ns, status.st_size, content)


@contextmanager
def _own_logging() -> Iterator[None]:
    """Put the handlers and levels of the process back: the program sets its own."""
    root, ours = logging.getLogger(), logging.getLogger("secretfetch")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        ours.setLevel(levels[1])


def clean_environment(monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    """Let the program see nothing of how the machine is configured."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "SECRETFETCH_")) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(place.root / "home"))
    # Should the program take what it has to refuse, it is not the machine's own directories that it writes to.
    monkeypatch.setenv("SECRETFETCH_OUT", str(place.root / "out"))
    monkeypatch.setenv("SECRETFETCH_ROOT", str(place.root / "root"))
    monkeypatch.chdir(place.root / "work")
