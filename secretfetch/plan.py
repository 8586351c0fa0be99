"""What is to be done, whatever it was written in: the frozen data types that every input becomes.

They are msgspec structs, which cost a twentieth of a frozen data class to define: 15 ms of every start.

From a `Plan` data flows one way: fetch, map, render, write. A plan is complete and checked when it is made: names,
expressions, templates and paths that can be wrong without a store's help have been refused. What does not belong here:
reading configs (`manifests`), and doing anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias
from typing import Literal as OneOf

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from secretfetch.provider import SecretRef

Syntax: TypeAlias = OneOf["auto", "key", "jmespath"]
"""`auto`: the text as a plain key of the top object, then as JMESPath; `key`: that alone."""
Decode: TypeAlias = OneOf["base64", "base64url", "hex"]
Format: TypeAlias = OneOf["docker", "compose", "shell", "systemd", "dotenv", "kubelet", "properties", "json", "yaml"]
"""A format of a file that holds names and values. `raw` and directories have types of their own."""
VARIABLES: Final[frozenset[Format]] = frozenset({"docker", "compose", "shell", "systemd", "dotenv", "kubelet"})
"""Formats whose names are environment variables."""
Case: TypeAlias = OneOf["", "upper", "lower"]

DEFAULT_MODE = 0o440


class _Quiet(msgspec.Struct, frozen=True):
    """The base of types that may hold a value: their repr leaves out the fields that could show it."""

    _HIDDEN: ClassVar[frozenset[str]] = frozenset({"settings", "text", "default", "argv", "url"})

    def __repr__(self) -> str:
        shown = (name for name in self.__struct_fields__ if name not in self._HIDDEN)
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


class Origin(msgspec.Struct, frozen=True):
    """Where something was written: a file, as the user named it, and a line counted from 1 (0: no line)."""

    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Store(_Quiet, frozen=True):
    """A store as the input describes it. `settings` go to the provider's `connect` as they are."""

    name: str
    provider: str
    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)
    origin: Origin = Origin()

    def is_like(self, other: Store | None) -> bool:
        """Tell whether the same connection serves both, wherever they are written."""
        return other is not None and (self.provider, self.settings) == (other.provider, other.settings)


class Select(msgspec.Struct, frozen=True):
    """A part of a JSON document.

    Attributes:
        expression: What to select.
        syntax: How to read that.
        whole: What comes of it is a secret of its own: if it is text, a further selection reads that as JSON.
    """

    expression: str
    syntax: Syntax = "auto"
    whole: bool = False


class Source(msgspec.Struct, frozen=True):
    """One use of a secret: which, and what of it.

    Attributes:
        ref: The secret.
        name: What messages call it: its name in the config, or the reference itself.
        select: Applied one after the other; empty is the value verbatim.
        optional: A secret that does not exist is forgiven here.
        origin: Where this use is written.
    """

    ref: SecretRef
    name: str
    select: tuple[Select, ...] = ()
    optional: bool = False
    origin: Origin = Origin()

    @property
    def text(self) -> str:
        """The source as a config writes it, `db#user`."""
        return "#".join((self.name, *(select.expression for select in self.select)))


class Literal(_Quiet, frozen=True):
    """A text from the config itself."""

    text: bytes


class Template(_Quiet, frozen=True):
    """A text made by a template.

    Attributes:
        text: Jinja2.
        sources: The secrets that it uses, by their names in it.
        origin: Where it is written.
    """

    text: str
    sources: tuple[tuple[str, Source], ...] = ()
    origin: Origin = Origin()


class Entry(_Quiet, frozen=True):
    """One name, one value.

    Attributes:
        name: Of the variable or file.
        what: Where the value comes from.
        decode: How its text is encoded. Does not apply to the default.
        mode: Of its file, in a directory.
        optional: Left out where it is missing: not there, or null.
        default: Stands in where it is missing.
    """

    name: str
    what: Source | Literal | Template
    decode: Decode | None = None
    mode: int | None = None
    optional: bool = False
    default: bytes | None = None


class Rewrite(msgspec.Struct, frozen=True):
    """How the names of a spread change, in the order of the fields; globs as in `fnmatch`, case-sensitive."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    strip_prefix: str = ""
    prefix: str = ""
    case: Case = ""
    sanitize: bool = False


class Spread(msgspec.Struct, frozen=True):
    """Every key of one JSON object."""

    source: Source
    rewrite: Rewrite = Rewrite()


class PathsTo(msgspec.Struct, frozen=True):
    """The paths of the files of a directory output, as another container sees them.

    Attributes:
        entries: Of that directory output: its names, less what is missing, become the variables.
        directory: The absolute path of that directory where the reader runs.
        suffix: Put behind each name, after `case` has been applied to it.
        case: As in a `Rewrite`.
    """

    entries: Entries
    directory: str
    suffix: str = ""
    case: Case = ""


class Entries(msgspec.Struct, frozen=True):
    """Names and values of one output. Later wins: `defaults`, then `spreads` and `paths`, then `keys`."""

    defaults: tuple[Entry, ...] = ()
    spreads: tuple[Spread, ...] = ()
    keys: tuple[Entry, ...] = ()
    paths: PathsTo | None = None


class _Output(msgspec.Struct, frozen=True):
    path: str
    mode: int = DEFAULT_MODE
    owner: tuple[int, int] | None = None
    origin: Origin = Origin()
    allow_empty: bool = False


class RawFile(_Output, frozen=True):
    """A file that holds one value and nothing else. `path` is relative to its volume; `owner` is uid and gid.

    `allow_empty`, of every kind of output: it may become empty where it has not been.
    """

    entry: Entry = Entry("", Literal(b""))


class DataFile(_Output, frozen=True):
    """A file of names and values in one of the formats."""

    format: Format = "dotenv"
    entries: Entries = Entries()


class Files(_Output, frozen=True):
    """A directory with one file per name. `path` is empty for the volume itself; `mode` is that of the files.

    `is_secret`: it stands for a Kubernetes Secret, and its names are keys of one.
    """

    entries: Entries = Entries()
    is_secret: bool = False


class KubeSecret(msgspec.Struct, frozen=True):
    """A Kubernetes Secret: an output that is a target of its own.

    Attributes:
        name: Of the Secret.
        entries: Its data.
        namespace: Empty: that of the pod, or of the caller's context.
        kind: Its `type`.
        labels: Names and values.
        annotations: Names and values.
        sink: The API server, by server-side apply; or standard output, as a manifest.
        origin: Where it is written.
        allow_empty: As of other outputs.
    """

    name: str
    entries: Entries = Entries()
    namespace: str = ""
    kind: str = "Opaque"
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    sink: OneOf["apply", "manifest"] = "apply"
    origin: Origin = Origin()
    allow_empty: bool = False

    @property
    def path(self) -> str:
        """What messages call it, and where it goes: there is one of them for each."""
        return f"Secret {self.namespace}/{self.name}" if self.namespace else f"Secret {self.name}"

    @property
    def place(self) -> str:
        """As of a volume."""
        return self.path

    @property
    def outputs(self) -> tuple[KubeSecret]:
        """Itself, alone."""
        return (self,)


FileOutput: TypeAlias = RawFile | DataFile | Files
Output: TypeAlias = FileOutput | KubeSecret


class Volume(msgspec.Struct, frozen=True):
    """A directory that is published in one swap: the unit of atomicity.

    Attributes:
        root: Absolute path.
        outputs: What it holds, and all that it holds.
        layout: `swap` publishes a set through one link (`..data`), `flat` replaces plain files one by one.
        keep: Leave files of earlier runs alone; only for `flat`.
    """

    root: str
    outputs: tuple[FileOutput, ...]
    layout: OneOf["swap", "flat"] = "swap"
    keep: bool = False

    @property
    def place(self) -> str:
        """Where it is: no two targets of a plan are at the same place."""
        return self.root


class Stream(msgspec.Struct, frozen=True):
    """Standard output, for one file."""

    output: RawFile | DataFile

    @property
    def outputs(self) -> tuple[RawFile | DataFile]:
        """The one file."""
        return (self.output,)

    @property
    def place(self) -> str:
        """As of a volume."""
        return "-"


class Process(msgspec.Struct, frozen=True):
    """The environment of a program that is started: the values of env outputs as they are, in no dialect.

    Attributes:
        outputs: Whose values they are; of their paths, modes and owners nothing comes.
    """

    outputs: tuple[DataFile, ...]

    @property
    def place(self) -> str:
        """As of a volume."""
        return "the environment"


Target: TypeAlias = Volume | Stream | KubeSecret | Process
Lasting: TypeAlias = Volume | KubeSecret | Process
"""A target that can be compared with what it is to be, and written again."""


class SignalHook(msgspec.Struct, frozen=True):
    """A signal to processes that can be seen from here: in the pod with `shareProcessNamespace`, on the host.

    Attributes:
        signal: Its number.
        process: Name or command line of the process; empty where there is a `pid_file`.
        pid_file: Absolute path of the file that holds the pid.
        origin: Where it is written.
    """

    signal: int
    process: str = ""
    pid_file: str = ""
    origin: Origin = Origin()


class CommandHook(_Quiet, frozen=True):
    """A program with its arguments, without a shell. `timeout` in seconds."""

    argv: tuple[str, ...]
    timeout: float = 30.0
    origin: Origin = Origin()


class WebhookHook(_Quiet, frozen=True):
    """A request without a body. `success` is the status that counts as done, 0: any below 400. `timeout` in seconds."""

    url: str
    method: str = "POST"
    timeout: float = 1.0
    success: int = 0
    origin: Origin = Origin()


class TouchHook(msgspec.Struct, frozen=True):
    """A file that gets a new time, and is made where it is missing. `path` is absolute."""

    path: str
    origin: Origin = Origin()


class ExitHook(msgspec.Struct, frozen=True):
    """`watch` ends with this status, after the other hooks. Not for `fetch`."""

    code: int = 80
    origin: Origin = Origin()


Hook: TypeAlias = SignalHook | CommandHook | WebhookHook | TouchHook | ExitHook


class Plan(msgspec.Struct, frozen=True):
    """Everything that one run does.

    Attributes:
        stores: By name; only those that a source names.
        targets: In the order of the input.
        refresh: How to poll.
        on_change: What is done after a change, in this order.
        files: That it was read from; standard input left out.
    """

    stores: Mapping[str, Store]
    targets: tuple[Target, ...]
    refresh: Refresh | None = None
    on_change: tuple[Hook, ...] = ()
    files: tuple[str, ...] = ()

    def sources(self) -> Iterator[Source]:
        """Yield every use of a secret, in plan order."""
        for target in self.targets:
            for output in target.outputs:
                yield from sources_of(output)


def sources_of(output: Output) -> Iterator[Source]:
    """Yield every use of a secret in one output."""
    if isinstance(output, RawFile):
        yield from _sources_of_entry(output.entry)
        return
    yield from _sources_of_entries(output.entries)


def _sources_of_entries(entries: Entries) -> Iterator[Source]:
    for spread in entries.spreads:
        yield spread.source
    if entries.paths is not None:
        yield from _sources_of_entries(entries.paths.entries)
    for entry in entries.keys:
        yield from _sources_of_entry(entry)


def _sources_of_entry(entry: Entry) -> Iterator[Source]:
    if isinstance(entry.what, Source):
        yield entry.what
    elif isinstance(entry.what, Template):
        yield from (source for _, source in entry.what.sources)


class Refresh(msgspec.Struct, frozen=True):
    """How `watch` polls, seconds where a time is meant. `fetch` accepts it and does not use it."""

    period: float = 300.0
    jitter: float = 0.1
    on_error: OneOf["keep", "exit"] = "keep"
    max_stale: float | None = None
