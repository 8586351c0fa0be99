"""What is printed: errors and results, for people and as JSON lines. Never a value.

What does not belong here: deciding anything.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from secretfetch.errors import EXIT_BUG, OutputError, SecretError, Several, exit_code_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from secretfetch.materialize import Rendered, Written
    from secretfetch.plan import Lasting, Source, Target
    from secretfetch.provider import SecretRef, SecretValue

_LABEL = 9  # columns of a note's label
_style = "text"
_termination_log = ""


def use(style: str) -> None:
    """Choose `text` or `json` for what goes to standard error, and for the lines of `plan`."""
    global _style  # noqa: PLW0603 - set once per process, before anything is printed
    _style = style


def error(failure: SecretError) -> None:
    """Print a failure to standard error: the headline, then its notes; several, one after the other."""
    parts = failure.errors if isinstance(failure, Several) else (failure,)
    for part in parts:
        if _style == "json":
            _line("error", _harmless(part.headline), _fields(part))
        else:
            _write(sys.stderr, text_of(part))
    if len(parts) > 1:
        _say("error", "failed", f"{len(parts)} failures; nothing was written", exit_code=exit_code_of(failure))


def use_termination_log(path: str) -> None:
    """Choose the file that `leave` writes to."""
    global _termination_log  # noqa: PLW0603 - set once per process
    _termination_log = path


def leave(failure: SecretError) -> None:
    """Leave the reason of the end where Kubernetes looks for it, if there is such a place."""
    if _termination_log:
        from secretfetch.health.files import write_termination  # noqa: PLC0415 - needed only here

        parts = failure.errors if isinstance(failure, Several) else (failure,)
        write_termination(_termination_log, "".join(map(text_of, parts)))


def text_of(failure: SecretError) -> str:
    """Return the text form of one failure."""
    lines = [f"error: {_harmless(failure.headline)}  [{failure.code}, exit {failure.exit_code}]"]
    told = not failure.where or any(failure.where in text for _, text in failure.notes)
    notes = failure.notes if told else (*failure.notes, ("in", failure.where))
    lines += [f"  {label:{_LABEL}} {_harmless(text)}" for label, text in notes]
    return "\n".join(lines) + "\n"


def _harmless(text: str) -> str:
    """Escape what could command a terminal or begin a line: names in messages come from stores, and are anybody's."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def _fields(failure: SecretError) -> dict[str, Any]:
    fields: dict[str, Any] = {"event": "failed", "error_code": failure.code, "exit_code": failure.exit_code}
    for label, note in failure.notes:
        name, text = label.replace(" ", "_"), _harmless(note)
        fields[name] = f"{fields[name]}; {text}" if name in fields else text
    return {**fields, **({"where": failure.where} if failure.where else {})}


def bug(failure: BaseException) -> None:
    """Print an unexpected failure: its type and places, not its text, which may hold a value."""
    places, trace = [], failure.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
        trace = trace.tb_next
    own = str(failure) if type(failure) is RuntimeError and str(failure).startswith('provider "') else ""
    message = own or f"{type(failure).__name__} at {' > '.join(places[-4:])}"
    if _style == "json":
        _line("error", f"internal error: {message}", {"event": "bug", "exit_code": EXIT_BUG})
    else:
        note = "a bug of the provider" if own else "a bug of secretfetch; please report this line"
        _write(sys.stderr, f"error: internal error: {message}  [BUG, exit {EXIT_BUG}]\n  {'note':{_LABEL}} {note}\n")


def written(results: Sequence[Written], rendered: Sequence[Rendered]) -> None:
    """Say what `fetch` did; one line where it changed nothing."""
    if not any(result.change for result in results):
        unchanged([(result.target, result.files) for result in results])
        return
    if sys.stderr.isatty() and _style == "text":
        _table(sys.stderr, _rows(results, rendered))
    for target, change, _, count in results:
        numbers = {"added": len(change.added), "updated": len(change.updated), "removed": len(change.removed)}
        said = ", ".join(f"{number} {word}" for word, number in numbers.items() if number) or "nothing changed"
        _say(
            "info",
            "written",
            f"{_shown(target.place)}: {_plural(count, 'file' if _is_volume(target) else 'key')}: {said}",
            **{"volume" if _is_volume(target) else "secret": target.place},
            **numbers,
        )


def unchanged(targets: Sequence[tuple[Lasting, int]]) -> None:
    """Say that everything in these targets (with the number of their files or keys) is as it has to be."""
    files = sum(count for target, count in targets if _is_volume(target))
    roots = ", ".join(_shown(target.place) for target, _ in targets if _is_volume(target))
    others = [target.place for target, _ in targets if not _is_volume(target)]
    said = ", ".join([*([f"{_plural(files, 'file')} in {roots}"] if roots else []), *others])
    _say("info", "unchanged", f"nothing changed: {said}", files=files)


def planned(
    results: Sequence[Written],
    rendered: Sequence[Rendered],
    secrets: Sequence[tuple[Source, SecretValue | SecretError]],
) -> None:
    """Print what `fetch` would do to standard output: `+` add, `~` update, `-` remove, `=` as it is."""
    rows = list(_rows(results, rendered))
    if _style == "json":
        for sign, path, mode, names in rows:
            _json({"change": sign, "path": path, "mode": mode, "names": names.split(", ") if names else []})
        for source, value in secrets:
            _json({"secret": source.name, "store": source.ref.store, "key": source.ref.key, "version": _version(value)})
        return
    _table(sys.stdout, rows)
    _write(sys.stdout, "\n")
    _table(sys.stdout, [("", source.name, _address(source.ref), _version(value)) for source, value in secrets])
    words = ("added", "updated", "removed")
    total = {word: sum(len(getattr(result.change, word)) for result in results) for word in words}
    verb = {"added": "add", "updated": "update", "removed": "remove"}
    _write(sys.stdout, "\n" + ", ".join(f"{number} to {verb[word]}" for word, number in total.items()) + "\n")


def _rows(results: Iterable[Written], rendered: Iterable[Rendered]) -> Iterable[tuple[str, str, str, str]]:
    made = {item.place: item for item in rendered}
    for target, change, *_ in results:
        item = made[target.place]
        for path in sorted({*item.files, *change.removed}):
            sign = (
                "+"
                if path in change.added
                else "~"
                if path in change.updated
                else "-"
                if path in change.removed
                else "="
            )
            file = item.files.get(path)
            mode = f"{file.mode:04o}" if file and _is_volume(target) else ""
            yield sign, f"{_shown(target.place).rstrip('/')}/{path}", mode, ", ".join(item.names.get(path, ()))


def _shown(root: str) -> str:
    """Show a directory as a person would write it: below the working directory, relative to that."""
    here = os.getcwd().rstrip("/") + "/"
    return root.removeprefix(here) if root.startswith(here) else root


def _version(value: SecretValue | SecretError) -> str:
    return "does not exist, and is optional" if isinstance(value, SecretError) else f"version {value.version}"


def _address(ref: SecretRef) -> str:
    return f"{ref.store}://{ref.key}"


def _is_volume(target: Target) -> bool:
    from secretfetch.plan import Volume  # noqa: PLC0415 - `--help` does without

    return isinstance(target, Volume)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def data(content: bytes) -> None:
    """Write a value to standard output.

    Raises:
        OutputError: It cannot be written. A reader that is gone is a `BrokenPipeError`.
    """
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as failure:
        raise OutputError(f"cannot write to standard output: {os.strerror(failure.errno or 0)}") from None


def _table(stream: Any, rows: Iterable[Sequence[str]]) -> None:
    lines = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)] if lines else []
    for line in lines:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        _write(stream, text.rstrip() + "\n")


def _say(level: str, name: str, message: str, **fields: Any) -> None:
    if _style == "json":
        _line(level, message, {"event": name, **fields})
    else:
        _write(sys.stderr, f"secretfetch: {message}\n")


def _line(level: str, message: str, fields: dict[str, Any]) -> None:
    from secretfetch.log import json_line  # noqa: PLC0415 - needed for JSON only

    _write(sys.stderr, json_line(level, message, fields) + "\n")


def _json(fields: dict[str, Any]) -> None:
    import json  # noqa: PLC0415 - needed for JSON only

    _write(sys.stdout, json.dumps(fields, ensure_ascii=False) + "\n")


def _write(stream: Any, text: str) -> None:
    if stream is sys.stdout:
        data(text.encode())
    else:
        stream.write(text)


def providers(found: Iterable[Any]) -> None:
    """Print the list of providers."""
    if _style == "json":
        for item in found:
            _json(item._asdict())
        return
    _table(sys.stdout, [(item.name, f"{item.distribution} {item.version}".strip(), item.problem) for item in found])
