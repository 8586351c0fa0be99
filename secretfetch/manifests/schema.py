"""The own config language as structs: what is allowed where, described for people and for editors.

`secretfetch schema` and the reference in the docs are made from these. What does not belong here: meaning; `own` reads
a config with them, and checks what a schema cannot say.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from secretfetch.plan import Decode, Format

NAME = r"^[A-Za-z_][A-Za-z0-9_-]*$"
FORMATS: tuple[str, ...] = (*get_args(Format), "raw")
_DEFS = "#/$defs/"


def _doc(text: str, **more: Any) -> Meta:
    return Meta(description=text, **more)


def _any_of(*options: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": list(options)}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _DEFS + name}


_TEXT = {"type": "string"}
_LITERAL = {"type": ["string", "number", "boolean"]}

LiteralText: TypeAlias = str | int | float | bool
"""A literal: text; an unquoted number or boolean is its text as written."""


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    pass


class Secret(_Strict):
    """A secret in full; the short form is its reference alone."""

    ref: Annotated[str, _doc("The reference, `SCHEME://KEY#EXPRESSION`.")]
    version: Annotated[LiteralText, _doc("The version to read instead of the current one.")] = ""
    stage: Annotated[LiteralText, _doc("The staging label to read (AWS Secrets Manager), such as `AWSPREVIOUS`.")] = ""
    label: Annotated[LiteralText, _doc("The label to read (AWS SSM Parameter Store).")] = ""
    params: Annotated[
        dict[str, Any],
        _doc(
            "Arguments of a Vault path that is written to, such as `pki/issue/web`.",
            extra_json_schema={"additionalProperties": _LITERAL},
        ),
    ] = {}
    recursive: Annotated[bool, _doc("An SSM path: the whole tree instead of the parameters directly below.")] = False
    optional: Annotated[
        bool, _doc("The secret need not exist: then each of its keys is missing and its spread empty.")
    ] = False


class Source(_Strict):
    """Where one value comes from: exactly one of `from`, `template` and `value`."""

    from_: Annotated[str | None, _doc("`secret`, `secret#EXPRESSION` or a whole reference.")] = msgspec.field(
        name="from", default=None
    )
    template: Annotated[str | None, _doc("Jinja2 text: `{{ db.host }}`.")] = None
    value: Annotated[LiteralText | None, _doc("A literal.")] = None
    default: Annotated[LiteralText | None, _doc("A literal that stands in where the key is missing.")] = None
    optional: Annotated[bool, _doc("Leave the name out where the key is missing.")] = False
    decode: Annotated[Decode | None, _doc("Decode the selected text.")] = None
    mode: Annotated[Any, _doc("Directories only: the mode of this file, quoted octal.", extra_json_schema=_TEXT)] = None


class Spread(_Strict):
    """Every key of one object, renamed: the fields are applied in the order in which they stand here."""

    secret: Annotated[
        str, _doc("`secret`, `secret#EXPRESSION` or a whole reference; what it selects must be an object.")
    ]
    include: Annotated[list[str], _doc("Only names that match one of these globs.")] = []
    exclude: Annotated[list[str], _doc("Not the names that match one of these globs.")] = []
    strip_prefix: Annotated[str, _doc("Taken off the names that begin with it.")] = ""
    prefix: Annotated[str, _doc("Put before each name.")] = ""
    case: Annotated[Literal["upper", "lower"] | None, _doc("Change the case of the names.")] = None
    sanitize: Annotated[bool, _doc("Turn what is not `[A-Za-z0-9_]` into `_`.")] = False


class PathsTo(_Strict):
    """Paths of a directory output's files instead of values."""

    output: Annotated[str, _doc("The `path` of a directory output of this config.")]
    seen_at: Annotated[
        str | None, _doc("Where the application's container mounts the volume; `--out` unless given.")
    ] = None
    suffix: Annotated[str, _doc("Put behind each name, such as `_FILE`.")] = ""
    case: Annotated[Literal["upper", "lower"] | None, _doc("Change the case of the names.")] = None


_SOURCE = _any_of(_TEXT, _ref("Source"))
_ITEM = _any_of(_TEXT, _ref("Spread"), _ref("Source"))


class Output(_Strict):
    """One file, or one directory of files."""

    path: Annotated[
        str, _doc("Below `--out`, or absolute. A trailing `/` is a directory with one file per name.", min_length=1)
    ]
    format: Annotated[
        str | None, _doc("How a file is written; by its name unless given.", extra_json_schema={"enum": list(FORMATS)})
    ] = None
    mode: Annotated[
        Any,
        _doc(
            'Mode of the file, or of the files of a directory: quoted octal, `"0440"` unless given.',
            extra_json_schema=_TEXT,
        ),
    ] = None
    owner: Annotated[
        Annotated[str, Meta(pattern=r"^\d{1,10}:\d{1,10}$")] | None,
        _doc('Owner of the file or files, `"uid:gid"`; needs root.'),
    ] = None
    from_: Annotated[
        Any,
        _doc(
            "What is spread into names and values; in a `raw` file, the one value.",
            extra_json_schema=_any_of(*_ITEM["anyOf"], {"type": "array", "items": _any_of(_TEXT, _ref("Spread"))}),
        ),
    ] = msgspec.field(name="from", default=None)
    keys: Annotated[
        dict[str, Any],
        _doc("Names, and where the value of each comes from.", extra_json_schema={"additionalProperties": _SOURCE}),
    ] = {}
    defaults: Annotated[
        dict[str, Any],
        _doc(
            "Literals under everything else: the secret wins, the literal fills in.",
            extra_json_schema={"additionalProperties": _LITERAL},
        ),
    ] = {}
    template: Annotated[str | None, _doc("The file's content as Jinja2 text.")] = None
    template_file: Annotated[str | None, _doc("The same from a file beside the config.")] = None
    paths_to: Annotated[
        Any,
        _doc(
            "File paths instead of values: a directory output's path, or more in full.",
            extra_json_schema=_any_of(_TEXT, _ref("PathsTo")),
        ),
    ] = None
    layout: Annotated[
        Literal["swap", "flat"] | None,
        _doc("`flat`: plain files replaced one by one; the whole volume is flat if one of its outputs says so."),
    ] = None
    allow_empty: Annotated[
        bool, _doc("Upstream may empty it: otherwise an output that has content and would become empty is an error.")
    ] = False


_NAMES = _doc("Names and literals.", extra_json_schema={"additionalProperties": _LITERAL})


class KubeSecret(_Strict):
    """A Kubernetes Secret; where it goes says `--kube-secrets`."""

    kubernetes_secret: Annotated[str, _doc("The name of the Secret.")]
    namespace: Annotated[str, _doc("Its namespace; that of the pod unless given.")] = ""
    type: Annotated[str, _doc("Its type, such as `kubernetes.io/tls`.", min_length=1)] = "Opaque"
    labels: Annotated[dict[str, Any], _NAMES] = {}
    annotations: Annotated[dict[str, Any], _NAMES] = {}
    from_: Annotated[
        Any,
        _doc(
            "What is spread into keys and values.",
            extra_json_schema=_any_of(
                _TEXT, _ref("Spread"), {"type": "array", "items": _any_of(_TEXT, _ref("Spread"))}
            ),
        ),
    ] = msgspec.field(name="from", default=None)
    keys: Annotated[
        dict[str, Any],
        _doc("Keys, and where the value of each comes from.", extra_json_schema={"additionalProperties": _SOURCE}),
    ] = {}
    defaults: Annotated[
        dict[str, Any],
        _doc("Literals under everything else.", extra_json_schema={"additionalProperties": _LITERAL}),
    ] = {}
    template: Annotated[
        Any,
        _doc(
            "Keys, and the value of each as Jinja2 text.",
            extra_json_schema={"type": "object", "additionalProperties": _TEXT},
        ),
    ] = None
    allow_empty: Annotated[bool, _doc("Upstream may empty it.")] = False


class Refresh(_Strict):
    """How `watch` polls. `fetch` checks it and does not use it."""

    period: Annotated[str, _doc("Time between polls, a duration as in Go.")] = "5m"
    jitter: Annotated[str, _doc("By how much a period varies, in percent.", pattern=r"^\d{1,2}(\.\d+)?%$|^100%$")] = (
        "10%"
    )
    on_error: Annotated[Literal["keep", "exit"], _doc("Keep serving the last good files, or exit.")] = "keep"
    max_stale: Annotated[str | None, _doc("How old the files may become before that is an error, a duration.")] = None


class Signal(_Strict):
    """A signal to one process."""

    process: Annotated[str | None, _doc("Name of the process.")] = None
    pid_file: Annotated[str | None, _doc("File that holds its pid.")] = None
    signal: Annotated[str, _doc("Name of the signal.", pattern=r"^(SIG)?[A-Z][A-Z0-9+-]*$")] = "HUP"


class Command(_Strict):
    """A program with its arguments; no shell."""

    run: Annotated[list[str], _doc("The argument vector.", min_length=1)]
    timeout: Annotated[str, _doc("A duration.")] = "30s"


class Webhook(_Strict):
    """An HTTP request."""

    url: Annotated[str, _doc("Where to.", pattern="^https?://")]
    method: Annotated[str, _doc("The method.", pattern="^[A-Z]+$")] = "POST"
    timeout: Annotated[str, _doc("A duration.")] = "1s"
    success: Annotated[int, _doc("The status that counts as done; 0 is any below 400.", ge=0, le=599)] = 0


class OnChange(_Strict):
    """What is done after a publication that replaced a different set: exactly one of the fields."""

    signal: Annotated[Signal | None, _doc("Send a signal.")] = None
    command: Annotated[list[str] | Command | None, _doc("Run a program.")] = None
    webhook: Annotated[str | Webhook | None, _doc("Make a request.")] = None
    touch: Annotated[str | None, _doc("Touch a file.")] = None
    exit: Annotated[Literal[80] | None, _doc("End `watch` with this status.")] = None


class Config(_Strict):
    """The own config of secretfetch."""

    stores: Annotated[
        dict[str, Any],
        _doc(
            "Name -> `provider` and its settings. An entry named like a provider configures the ambient one.",
            extra_json_schema={
                "additionalProperties": {"type": "object", "properties": {"provider": _TEXT}},
                "propertyNames": {"pattern": NAME},
            },
        ),
    ] = {}
    secrets: Annotated[
        dict[str, Any],
        _doc(
            "Name -> reference, or more in full.",
            extra_json_schema={
                "additionalProperties": _any_of(_TEXT, _ref("Secret")),
                "propertyNames": {"pattern": NAME},
            },
        ),
    ] = {}
    outputs: Annotated[
        list[Any], _doc("What is written.", extra_json_schema={"items": _any_of(_ref("Output"), _ref("KubeSecret"))})
    ] = []
    refresh: Annotated[Any, _doc("How `watch` polls.", extra_json_schema=_ref("Refresh"))] = None
    on_change: Annotated[
        list[Any], _doc("What is done after a change.", extra_json_schema={"items": _ref("OnChange")})
    ] = []


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a config."""
    structs = (Config, Secret, Source, Spread, PathsTo, Output, KubeSecret, Refresh, OnChange)
    _, components = msgspec.json.schema_components(structs, ref_template=_DEFS + "{name}")
    top = components.pop("Config")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": components}
