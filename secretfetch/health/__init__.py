"""Tells others how a sidecar is: probes and metrics over HTTP, a status file, a termination message.

`state` keeps what is to be told, `server` and `metrics` tell it over HTTP, `files` in files, `checking` is the other
side: it asks. What does not belong here: deciding anything; the sidecar says what its state is, nobody is asked.
"""

from __future__ import annotations

from secretfetch.health.files import STATUS_NAME, differs, write_status, write_termination
from secretfetch.health.state import Health, Status

__all__ = ["STATUS_NAME", "Health", "Status", "differs", "write_status", "write_termination"]
