"""`on_change` of a config -> hooks. What does not belong here: running them (`notify`)."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from secretfetch.errors import meant
from secretfetch.manifests import durations, schema
from secretfetch.manifests.decoding import decode, decode_text
from secretfetch.manifests.places import place
from secretfetch.plan import CommandHook, ExitHook, SignalHook, TouchHook, WebhookHook

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretfetch.manifests.catalog import Surroundings
    from secretfetch.manifests.document import Document, Path
    from secretfetch.plan import Hook, Origin

_KINDS = "exactly one of signal, command, webhook, touch and exit"


def read(document: Document, around: Surroundings) -> tuple[Hook, ...]:
    """Read every hook.

    Raises:
        ConfigError: One is malformed.
    """
    hooks = document.data.get("on_change") or []
    return tuple(_hook(document, ("on_change", index), hook, around) for index, hook in enumerate(hooks))


def _hook(document: Document, path: Path, hook: Any, around: Surroundings) -> Hook:
    decode(document, path, schema.OnChange)
    if len(hook) != 1:
        raise document.error(path, f"on_change[{path[-1]}] needs {_KINDS}")
    (kind,) = hook
    origin = document.at(*path, kind)
    if kind == "exit":
        if hook[kind] is None:
            raise document.error((*path, kind), f"on_change[{path[-1]}] needs {_KINDS}")
        return ExitHook(hook[kind], origin)
    if kind == "touch":
        return _touch(document, (*path, kind), around)
    return _READERS[kind](document, (*path, kind), hook[kind], origin)


def _signal(document: Document, path: Path, _: Any, origin: Origin) -> Hook:
    spec = decode(document, path, schema.Signal)
    if bool(spec.process) == bool(spec.pid_file):
        raise document.error(path, "signal needs exactly one of process and pid_file")
    pid_file = os.path.abspath(spec.pid_file) if spec.pid_file else ""
    return SignalHook(_number(document, (*path, "signal"), spec.signal), spec.process or "", pid_file, origin)


def _number(document: Document, path: Path, text: str) -> int:
    """Return the number of a signal: `HUP`, `SIGHUP`, `RTMIN+3`, `RTMAX-2`."""
    known = {item.name.removeprefix("SIG"): int(item) for item in signal.Signals}
    name = text.removeprefix("SIG")
    base, sign, offset = name.partition("+") if "+" in name else name.partition("-")
    number = known.get(base, 0)
    if number and not sign:
        return number
    if number and base in ("RTMIN", "RTMAX") and offset.isdecimal():
        number += int(offset) * (1 if sign == "+" else -1)
        if signal.SIGRTMIN <= number <= signal.SIGRTMAX:
            return number
    raise document.error(path, f'unknown signal "{text}"', *meant(name, known), ("form", "HUP, USR1, RTMIN+3"))


def _command(document: Document, path: Path, body: Any, origin: Origin) -> Hook:
    spec = schema.Command(body) if isinstance(body, list) else decode(document, path, schema.Command)
    if not spec.run or not spec.run[0]:
        raise document.error(path, "command has no program")
    if any("\0" in word for word in spec.run):
        raise document.error(path, "command has a NUL byte in it")
    return CommandHook(tuple(spec.run), _timeout(document, path, body, spec.timeout), origin)


def _webhook(document: Document, path: Path, body: Any, origin: Origin) -> Hook:
    spec = schema.Webhook(body) if isinstance(body, str) else decode(document, path, schema.Webhook)
    fit = spec.url.isascii() and spec.url.isprintable() and " " not in spec.url
    if not fit or not spec.url.startswith(("http://", "https://")) or not _has_address(spec.url):
        raise document.error(path, "webhook must be a URL, http:// or https://, with a host")
    return WebhookHook(spec.url, spec.method, _timeout(document, path, body, spec.timeout), spec.success, origin)


def _has_address(url: str) -> bool:
    from urllib.parse import urlsplit  # noqa: PLC0415 - few configs have one

    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _timeout(document: Document, path: Path, body: Any, text: str) -> float:
    where = (*path, "timeout") if isinstance(body, dict) and "timeout" in body else path
    try:
        seconds = durations.parse(text)
    except ValueError as error:
        raise document.error(where, f'"{text}" is {error}') from None
    if seconds <= 0:
        raise document.error(where, "timeout must be more than nothing")
    return seconds


def _touch(document: Document, path: Path, around: Surroundings) -> Hook:
    text = decode_text(document, path, "touch")
    if not text or not text.isprintable() or text.endswith("/"):
        raise document.error(path, "touch must be the path of a file")
    where = place(text, around, document.at(*path))
    return TouchHook(os.path.join(where.root, where.path), document.at(*path))


_READERS: dict[str, Callable[[Document, Path, Any, Origin], Hook]] = {
    "signal": _signal,
    "command": _command,
    "webhook": _webhook,
}
