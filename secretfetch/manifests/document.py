"""YAML text -> plain data that remembers the line and the spelling of every value.

What does not belong here: what the data means. The loader refuses what YAML allows and people regret: repeated keys,
tags, alias bombs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from secretfetch.errors import ConfigError
from secretfetch.plan import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import yaml

MAX_BYTES = 1024 * 1024
MAX_ALIASED_NODES = 20_000
MAX_DEPTH = 64
_TAG = "tag:yaml.org,2002:"
_TRUE = frozenset({"yes", "true", "on"})

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document.

    Attributes:
        file: As the user named it.
        data: Maps with text keys, lists, text, int, float, bool, None. An unquoted date is text.
        lines: The line of each value by its path; of a map's value, that of its key.
        texts: The source text of each scalar by its path: `0400`, `1.50`, `yes`.
    """

    file: str
    data: Any
    lines: Mapping[Path, int] = field(default_factory=dict, repr=False)
    texts: Mapping[Path, str] = field(default_factory=dict, repr=False)

    def at(self, *path: str | int) -> Origin:
        """Return where a value is written, or the innermost of the values around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return Origin(self.file, self.lines.get(path, 0))

    def text(self, *path: str | int) -> str:
        """Return a scalar as it is written."""
        return self.texts[path]

    def error(self, path: Path, headline: str, *notes: tuple[str, str]) -> ConfigError:
        """Make an error about a value."""
        return ConfigError(headline, *notes, where=str(self.at(*path)))


def parse(text: bytes, file: str) -> list[Document]:
    """Read a YAML stream.

    Raises:
        ConfigError: It is too large, no UTF-8, no YAML, or holds what is refused.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError(f"the file is larger than {MAX_BYTES} bytes", where=file)
    try:
        content = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise ConfigError("this is not UTF-8", where=f"{file}:{line}") from None
    return [_Builder(file).document(node) for node in _compose(content, file)]


def _compose(content: str, file: str) -> list[yaml.Node]:
    import yaml  # noqa: PLC0415 - start-up cost

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(yaml.parse(content, Loader=loader), file)
        return list(yaml.compose_all(content, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file}:{mark.line + 1}" if mark else file
        problem = error.problem or error.context or "not YAML"
        hint = (("fix", "indent with blanks, not with tabs"),) if mark and _has_tab(content, mark.line) else ()
        raise ConfigError(f"YAML syntax: {problem}", *hint, where=where) from None
    except yaml.reader.ReaderError as error:
        line = content.count("\n", 0, error.position) + 1
        raise ConfigError("YAML syntax: a character that YAML does not allow", where=f"{file}:{line}") from None
    except yaml.YAMLError:
        raise ConfigError("YAML syntax", where=file) from None


def _has_tab(content: str, number: int) -> bool:
    lines = content.splitlines()
    line = lines[number] if number < len(lines) else ""
    return "\t" in line[: len(line) - len(line.lstrip())]


def _check_depth(events: Iterable[yaml.Event], file: str) -> None:
    """Refuse deep nesting before anything recurses into it: the loader in C would overrun its stack."""
    depth = 0
    for event in events:
        name = type(event).__name__
        depth += name.endswith("StartEvent") - name.endswith("EndEvent")
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise ConfigError(f"nested more than {MAX_DEPTH} levels deep", where=str(Origin(file, line)))


class _Builder:
    """Turns the nodes of one document into data. Nodes are `Any`: their stubs leave out the attribute `id`."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lines: dict[Path, int] = {}
        self._texts: dict[Path, str] = {}
        self._seen: set[int] = set()
        self._open: set[int] = set()
        self._aliased = 0

    def document(self, node: yaml.Node) -> Document:
        return Document(self._file, self._value(node, ()), self._lines, self._texts)

    def _fail(self, node: Any, problem: str, *notes: tuple[str, str]) -> ConfigError:
        return ConfigError(problem, *notes, where=f"{self._file}:{node.start_mark.line + 1}")

    def _value(self, node: Any, path: Path) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if node.id == "scalar":
            self._count(node)
            return self._scalar(node, path)
        if id(node) in self._open:
            raise self._fail(node, "an alias inside of what it stands for")
        self._count(node)
        self._open.add(id(node))
        try:
            return self._mapping(node, path) if node.id == "mapping" else self._sequence(node, path)
        finally:
            self._open.discard(id(node))

    def _count(self, node: yaml.Node) -> None:
        """Count what aliases repeat: a few lines can stand for billions of nodes."""
        if id(node) in self._seen:
            self._aliased += 1
            if self._aliased > MAX_ALIASED_NODES:
                raise self._fail(node, f"aliases stand for more than {MAX_ALIASED_NODES} values")
        self._seen.add(id(node))

    def _scalar(self, node: Any, path: Path) -> Any:
        self._texts[path] = text = str(node.value)
        kind = node.tag.removeprefix(_TAG)
        if kind in ("str", "timestamp", "value", "merge"):
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in _TRUE
        if kind in ("int", "float"):
            return _number(node, kind)
        raise self._fail(node, f"the tag {node.tag} is not supported", ("fix", "leave it out"))

    def _sequence(self, node: Any, path: Path) -> list[Any]:
        if node.tag != _TAG + "seq":
            raise self._fail(node, f"the tag {node.tag} is not supported", ("fix", "leave it out"))
        return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        if node.tag != _TAG + "map":
            raise self._fail(node, f"the tag {node.tag} is not supported", ("fix", "leave it out"))
        data: dict[str, Any] = {}
        own: set[str] = set()
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                for name, merged in self._merged(value, path).items():
                    data.setdefault(name, merged)
                continue
            name = self._key(key)
            if name in own:
                raise self._fail(key, f'the key "{name}" is there twice', ("fix", "rename or remove one of them"))
            own.add(name)
            inner = (*path, name)
            self._forget(inner)
            self._lines[inner] = key.start_mark.line + 1
            data[name] = self._value(value, inner)
        return data

    def _merged(self, node: Any, path: Path) -> dict[str, Any]:
        """Return what `<<` brings in; of several the first wins, and the map's own keys win over all."""
        maps = node.value if node.id == "sequence" else [node]
        data: dict[str, Any] = {}
        for item in maps:
            if item.id != "mapping":
                raise self._fail(node, "<< takes a map or a list of maps")
            for name, value in self._value(item, path).items():
                data.setdefault(name, value)
        return data

    def _forget(self, path: Path) -> None:
        if path in self._lines:
            for known in [known for known in self._lines if known[: len(path)] == path]:
                del self._lines[known]

    def _key(self, key: Any) -> str:
        if key.id != "scalar":
            raise self._fail(key, "a key must be text")
        if key.tag == _TAG + "null" and not key.value:
            raise self._fail(key, "a key is missing before the colon")
        return str(key.value)


def _number(node: Any, kind: str) -> int | float | str:
    import yaml  # noqa: PLC0415 - start-up cost

    maker = yaml.constructor.SafeConstructor()
    try:
        number: int | float = maker.construct_yaml_int(node) if kind == "int" else maker.construct_yaml_float(node)
    except (ValueError, OverflowError):
        return str(node.value)  # more digits than Python converts
    return number
