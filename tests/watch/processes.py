"""`secretfetch watch` as a process of its own, and its log as a way to wait for what it does.

What does not belong here: any rule about it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

PROGRAM = str(Path(sys.executable).with_name("secretfetch"))
PATIENCE = 20.0


class Sidecar:
    """A running `watch`. A context manager: leaving it kills what is left.

    Args:
        folder: Holds `config.yaml`; files go to `out` in it.
        more: Further arguments.
        env: Added to a clean environment.
    """

    def __init__(self, folder: Path, *more: str, env: dict[str, str] | None = None, command: str = "watch") -> None:
        self.out = folder / "out"
        self.seen: list[dict[str, Any]] = []
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        argv = [PROGRAM, command, "-c", "config.yaml", "--out", "out", "--log-format", "json", *more]
        clean = {"PATH": os.environ["PATH"], "HOME": str(folder), **(env or {})}
        self.process = subprocess.Popen(argv, cwd=folder, env=clean, stderr=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._thread.join()
        self.process.stderr.close()  # type: ignore[union-attr]

    def _read(self) -> None:
        for line in self.process.stderr:  # type: ignore[union-attr]
            try:
                self._lines.put(json.loads(line))
            except ValueError:
                self._lines.put({"event": "text", "msg": line})
        self._lines.put(None)

    def until(self, event: str, **fields: Any) -> dict[str, Any]:
        """Wait for a record of the log, and return it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            record = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            if record is None:
                raise AssertionError(f"ended with {self.process.wait()} before {event}: {self.seen[-5:]}")
            self.seen.append(record)
            if record.get("event") == event and all(record.get(name) == value for name, value in fields.items()):
                return record

    def refresh(self) -> None:
        """Let it poll now."""
        self.process.send_signal(signal.SIGHUP)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Stop it with a signal; return its exit code and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(PATIENCE), time.monotonic() - began

    def wait(self) -> int:
        """Wait for its own end, and return the exit code."""
        code = self.process.wait(PATIENCE)
        self._thread.join()
        while (record := self._lines.get()) is not None:
            self.seen.append(record)
        return code

    def read(self, name: str) -> str:
        """Return what a file holds."""
        return (self.out / name).read_text()
