"""The table of `test_bad_input`: what can be wrong, and what the program has to say to it.

Each entry is one run of the program. What does not belong here: running it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from servers.aws_server import ACCOUNT, REGION, Fault, denied

CANARY = "s3cr3t"
"""Part of every secret value of the table, and of nothing else."""

Content: TypeAlias = str | bytes | Callable[[str], object]
"""Of a file: text, bytes, or what makes it of its path."""

FETCH = ("fetch", "-c", "{dir}/config.yaml", "--out", "{out}", "--root", "{root}")


@dataclass(frozen=True)
class Bad:
    """One bad input.

    Attributes:
        id: Of the test.
        exit: The documented exit code.
        says: What standard error must name, each a regular expression.
        config: Of the file `config.yaml`.
        files: More files beside it.
        args: The command line; {dir}, {out} and {root} are filled in.
        env: More variables; None removes one.
        secrets: Of AWS Secrets Manager, name -> text; None: AWS is not used at all.
        parameters: Of AWS Parameter Store, name -> text.
        faults: Of the AWS server.
    """

    id: str
    exit: int
    says: tuple[str, ...]
    config: str = ""
    files: Mapping[str, Content] = field(default_factory=dict)
    args: tuple[str, ...] = FETCH
    env: Mapping[str, str | None] = field(default_factory=dict)
    secrets: Mapping[str, str] | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    faults: Callable[[], tuple[Fault, ...]] = tuple

    @property
    def slow(self) -> bool:
        """It waits for its time to run out."""
        return "--timeout" in self.args


LINE = r"config\.yaml:{}\b"


def at(line: int) -> str:
    """Return the pattern of a line of the config."""
    return LINE.format(line)


def _outputs(*lines: str, secrets: str = "") -> str:
    head = f"secrets:\n  a: {secrets}\n" if secrets else ""
    return head + "outputs:\n" + "".join(f"  {line}\n" for line in lines)


DOC = json.dumps({"username": f"{CANARY}-u", "password": f"{CANARY}-p", "port": 5432, "nothing": None, "list": [1]})
A = {"a.json": DOC}


# ---- the config as a file -----------------------------------------------------------------------------------------------

_OK = "outputs:\n  - {path: a.env, from: file://a.json}\n"

FILES = [
    Bad("config-missing", 78, (r"none\.yaml", "No such file", "-c PATH"), args=("fetch", "-c", "{dir}/none.yaml")),
    Bad("config-default-missing", 78, (r"/etc/secretfetch/config\.yaml", "SECRETFETCH_CONFIG"), args=("fetch",)),
    Bad("config-directory-empty", 78, (r"holds no \.yaml",), files={"d/readme.md": "x"}, args=("fetch", "-c", "{dir}/d")),
    Bad(
        "config-directory-two-documents",
        78,
        ("one document", r"b\.yaml"),
        files={"d/a.yaml": _OK, "d/b.yaml": _OK},
        args=("fetch", "-c", "{dir}/d"),
    ),
    Bad("config-below-a-file", 78, (r"a\.json/x", "[Nn]ot a directory"), files=A, args=("fetch", "-c", "{dir}/a.json/x")),
    Bad("config-nul-in-path", 78, ("config",), args=("fetch", "-c", "{dir}/a\0b")),
    Bad("config-empty", 78, ("empty", r"config\.yaml"), config="\n"),
    Bad("config-comment-only", 78, ("empty|no outputs", r"config\.yaml"), config="# nothing\n---\n"),
    Bad("config-a-list", 78, (at(1), "must be a map, it is a list"), config="- a\n"),
    Bad("config-a-text", 78, (at(1), "must be a map, it is text"), config="hello\n"),
    Bad("config-foreign-manifest", 78, ("SecretProviderClass", at(2)), config="apiVersion: v1\nkind: SecretProviderClass\n"),
    Bad("config-not-utf8", 78, (at(2), "UTF-8"), files={"config.yaml": b"outputs:\n  - {path: \xff}\n"}),
    Bad("config-control-character", 78, (at(2), "does not allow"), files={"config.yaml": b"outputs:\n  - {path: a\x07}\n"}),
    Bad("config-utf16", 78, (r"config\.yaml",), files={"config.yaml": _OK.encode("utf-16")}),
    Bad("config-nul-bytes", 78, (r"config\.yaml",), files={"config.yaml": b"\0" * 64}),
    Bad("config-too-large", 78, (r"config\.yaml", "larger"), files={"config.yaml": b"#" * (1024 * 1024 + 1)}),
    Bad("yaml-unclosed", 78, (at(r"[23]"), "YAML syntax"), config="outputs:\n  - {path: a\n"),  # type: ignore[arg-type]
    Bad("yaml-tab", 78, (at(2), "indent with blanks"), config="outputs:\n\t- path: a\n"),
    Bad("yaml-bad-indent", 78, (at(3), "YAML syntax"), config="outputs:\n  - path: a\n    from: b\n   mode: c\n".replace("    from: b\n", "")),
    Bad("yaml-two-documents", 78, ("one document", at(3)), config=_OK + "---\n" + _OK),
    Bad("yaml-duplicate-top", 78, (at(3), '"outputs" is there twice'), config=_OK + _OK),
    Bad("yaml-duplicate-inner", 78, (at(2), '"path" is there twice'), config="outputs:\n  - {path: a, path: b}\n"),
    Bad("yaml-duplicate-quoted", 78, (at(4), '"b" is there twice'), config='secrets:\n  a: x\n  b: y\n  "b": z\n'),
    Bad("yaml-python-tag", 78, (at(2), "tag"), config="outputs:\n  - !!python/object/apply:os.system [id]\n"),
    Bad("yaml-own-tag", 78, (at(2), "tag !vault"), config="outputs:\n  - {path: !vault a}\n"),
    Bad("yaml-binary-tag", 78, (at(2), "tag"), config="outputs:\n  - {path: !!binary aGk=}\n"),
    Bad("yaml-set-tag", 78, (at(1), "tag"), config="outputs: !!set {a, b}\n"),
    Bad("yaml-unknown-alias", 78, (at(2), "alias"), config="outputs:\n  - *nobody\n"),
    Bad("yaml-alias-of-itself", 78, (at(1), "alias"), config="outputs: &a [*a]\n"),
    Bad("yaml-list-as-key", 78, (at(1), "key must be text"), config="? [a, b]\n: c\n"),
    Bad("yaml-null-key", 78, (at(1), "key"), config=": c\n"),
    Bad("yaml-merge-of-text", 78, (at(2), "<<"), config="outputs:\n  - {<<: text}\n"),
    Bad(
        "yaml-alias-bomb",
        78,
        (r"config\.yaml:\d+", "aliases stand for more than"),
        config="l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"l{n}: &l{n} [{','.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 12)),
    ),
    Bad(
        "yaml-merge-bomb",
        78,
        (r"config\.yaml:\d+",),
        config="m0: &m0 {a: 1, b: 2, c: 3, d: 4}\n"
        + "".join(f"m{n}: &m{n} {{<<: [{','.join([f'*m{n - 1}'] * 10)}], k{n}: 1}}\n" for n in range(1, 12)),
    ),
    Bad("yaml-million-merges", 78, (r"config\.yaml",), config="a: &a {b: c}\nd:\n" + "  - {<<: *a}\n" * 70_000),
    Bad("yaml-deep-lists", 78, (at(1), "deep"), config="[" * 100_000),
    Bad("yaml-deep-maps", 78, (at(1), "deep"), config="{a: " * 50_000),
    Bad("yaml-deep-block", 78, (at(65), "deep"), config="".join(" " * n + "a:\n" for n in range(200))),
]


# ---- fields: unknown and mistyped, at each level ------------------------------------------------------------------------------


def _field(name: str, line: int, config: str, *says: str) -> Bad:
    return Bad(f"field-{name}", 78, (at(line), *says), config=config, files=A)


_A_FILE = "secrets:\n  a: file://a.json\noutputs:\n"

FIELDS = [
    _field("unknown-top", 1, "ouputs:\n  - {path: a}\n", "ouputs", '"outputs"'),
    _field("unknown-secret", 2, "secrets:\n  a: {reff: env://A}\n", "reff", '"ref"'),
    _field("unknown-output", 3, "outputs:\n  - path: a\n    templat: x\n", "templat", '"template"'),
    _field("unknown-source", 4, "outputs:\n  - path: a.env\n    keys:\n      A: {form: x}\n", "form", '"from"'),
    _field("unknown-spread", 3, "outputs:\n  - path: a.env\n    from: {secret: a, incldue: [x]}\n", "incldue", '"include"'),
    _field("unknown-paths-to", 3, "outputs:\n  - path: a.env\n    paths_to: {output: d/, sufix: x}\n", "sufix", '"suffix"'),
    _field("unknown-refresh", 1, "refresh: {perod: 5m}\n" + _OK, "perod", '"period"'),
    _field("unknown-hook", 2, "on_change:\n  - {comand: [x]}\n" + _OK, "comand", '"command"'),
    _field("unknown-signal", 2, "on_change:\n  - signal: {proces: x}\n" + _OK, "proces"),
    _field("unknown-webhook", 2, "on_change:\n  - webhook: {url: 'http://x/', metod: GET}\n" + _OK, "metod"),
    _field("outputs-a-map", 1, "outputs: {path: a}\n", "outputs must be a list, it is a map"),
    _field("outputs-null", 1, "outputs:\n", "outputs"),
    _field("outputs-of-text", 2, "outputs:\n  - a.env\n", r"outputs\[0\] must be a map, it is text"),
    _field("secrets-a-list", 1, "secrets: [a]\n" + _OK, "secrets must be a map, it is a list"),
    _field("secret-a-number", 2, "secrets:\n  a: 5\n" + _OK, '"a"', "number"),
    _field("secret-null", 2, "secrets:\n  a:\n" + _OK, '"a"', "null"),
    _field("secret-without-ref", 2, "secrets:\n  a: {optional: true}\n" + _OK, '"ref"'),
    _field("secret-no-reference", 2, "secrets:\n  a: prod/db\n" + _OK, "prod/db", "SCHEME://KEY"),
    _field("secret-bad-name", 2, "secrets:\n  a.b: env://A\n" + _OK, r"a\.b", "A-Za-z"),
    _field("secret-optional-text", 2, "secrets:\n  a: {ref: env://A, optional: 'yes'}\n" + _OK, "optional", "true or false"),
    _field("secret-version-list", 2, "secrets:\n  a: {ref: env://A, version: [1]}\n" + _OK, "version"),
    _field("secret-version-twice", 2, "secrets:\n  a: {ref: 'aws-ssm://a?version=1', version: 2}\n" + _OK, "version"),
    _field("secret-params-null", 2, "secrets:\n  a: {ref: env://A, params: {ttl: }}\n" + _OK, "params", "ttl"),
    _field("store-a-text", 2, "stores:\n  west: eu-west-1\n" + _OK, r"stores\.west must be a map, it is text"),
    _field("store-bad-name", 2, "stores:\n  'a b': {provider: file}\n" + _OK, "a b"),
    _field("store-provider-number", 2, "stores:\n  west: {provider: 5}\n" + _OK, "provider"),
    _field("path-missing", 2, "outputs:\n  - {from: a}\n", "path"),
    _field("path-empty", 2, "outputs:\n  - {path: '', from: a}\n", "path"),
    _field("path-number", 2, "outputs:\n  - {path: 5, from: a}\n", "path", "text"),
    _field("from-number", 5, _A_FILE + "  - path: a.env\n    from: 5\n", "from", "number"),
    _field("from-null", 5, _A_FILE + "  - path: a.env\n    from:\n", "from", "null"),
    _field("keys-list", 5, _A_FILE + "  - path: a.env\n    keys: [A]\n", "keys must be a map, it is a list"),
    _field("key-number", 6, _A_FILE + "  - path: a.env\n    keys:\n      PORT: 5432\n", "PORT", "number"),
    _field("key-null", 6, _A_FILE + "  - path: a.env\n    keys:\n      PORT:\n", "PORT", "null"),
    _field("key-empty-map", 6, _A_FILE + "  - path: a.env\n    keys:\n      PORT: {}\n", "PORT", "from, template"),
    _field("key-two-sources", 6, _A_FILE + "  - path: a.env\n    keys:\n      PORT: {from: a#port, value: x}\n", "PORT", "from and value"),
    _field("key-value-map", 6, _A_FILE + "  - path: a.env\n    keys:\n      PORT: {value: {a: b}}\n", "PORT", "value"),
    _field("key-default-null", 6, _A_FILE + "  - path: a.env\n    keys:\n      PORT: {from: a#port, default: ~}\n", "PORT", "default"),
    _field("key-decode-unknown", 6, _A_FILE + "  - path: a.env\n    keys:\n      PORT: {from: a#port, decode: base32}\n", "decode", "base32"),
    _field("key-optional-number", 6, _A_FILE + "  - path: a.env\n    keys:\n      PORT: {from: a#port, optional: 1}\n", "optional"),
    _field("defaults-list", 5, _A_FILE + "  - path: a.env\n    defaults: [A]\n", "defaults must be a map, it is a list"),
    _field("defaults-of-a-list", 6, _A_FILE + "  - path: a.env\n    defaults:\n      LEVEL: [x]\n", "LEVEL", "list"),
    _field("defaults-of-null", 7, _A_FILE + "  - path: a.env\n    defaults:\n      OK: x\n      LEVEL: ~\n", "LEVEL", "null"),
    _field("spread-include-text", 5, _A_FILE + "  - path: a.env\n    from: {secret: a, include: 'x*'}\n", "include", "list"),
    _field("spread-case", 5, _A_FILE + "  - path: a.env\n    from: {secret: a, case: title}\n", "case", "title"),
    _field("spread-without-secret", 5, _A_FILE + "  - path: a.env\n    from: {include: [x]}\n", "secret"),
    _field("spread-called-from", 5, _A_FILE + "  - path: a.env\n    from: {from: a}\n", "secret"),
    _field("format-unknown", 5, _A_FILE + "  - path: a\n    format: dotevn\n    from: a\n", "dotevn", '"dotenv"'),
    _field("format-of-a-directory", 5, _A_FILE + "  - path: a/\n    format: json\n    from: a\n", "format"),
    _field("layout-unknown", 5, _A_FILE + "  - path: a/\n    layout: falt\n    from: a\n", "layout", "falt"),
    _field("mode-unquoted", 5, _A_FILE + "  - path: a/\n    mode: 0440\n    from: a\n", '"0440"'),
    _field("mode-decimal", 5, _A_FILE + "  - path: a/\n    mode: 288\n    from: a\n", 'mode: "'),
    _field("mode-no-octal", 5, _A_FILE + "  - path: a/\n    mode: '0o440'\n    from: a\n", "octal"),
    _field("mode-nine", 5, _A_FILE + "  - path: a/\n    mode: '0489'\n    from: a\n", "octal"),
    _field("mode-words", 5, _A_FILE + "  - path: a/\n    mode: u=rw\n    from: a\n", "octal"),
    _field("mode-of-an-entry", 6, _A_FILE + "  - path: a/\n    keys:\n      X: {from: a#port, mode: 400}\n", '"400"'),
    _field("owner-a-name", 5, _A_FILE + "  - path: a/\n    owner: root:root\n    from: a\n", "owner"),
    _field("owner-a-number", 5, _A_FILE + "  - path: a/\n    owner: 1000\n    from: a\n", "owner", "text"),
    _field("owner-too-large", 5, _A_FILE + "  - path: a/\n    owner: '9999999999:0'\n    from: a\n", "owner"),
    _field("refresh-text", 1, "refresh: 5m\n" + _OK, "refresh must be a map, it is text"),
    _field("refresh-period-number", 1, "refresh: {period: 300}\n" + _OK, "period"),
    _field("refresh-period-unit", 1, "refresh: {period: 5d}\n" + _OK, "5d", "90s"),
    _field("refresh-period-negative", 1, "refresh: {period: -5m}\n" + _OK, "-5m"),
    _field("refresh-period-zero", 1, "refresh: {period: 0s}\n" + _OK, "period"),
    _field("refresh-jitter", 1, "refresh: {jitter: 10}\n" + _OK, "jitter"),
    _field("refresh-jitter-much", 1, "refresh: {jitter: 101%}\n" + _OK, "jitter"),
    _field("refresh-on-error", 1, "refresh: {on_error: ignore}\n" + _OK, "on_error", "ignore"),
    _field("refresh-max-stale", 1, "refresh: {max_stale: 24}\n" + _OK, "max_stale"),
    _field("hook-two-at-once", 2, "on_change:\n  - {touch: x, exit: 80}\n" + _OK, "exactly one"),
    _field("hook-exit-other", 2, "on_change:\n  - {exit: 81}\n" + _OK, "exit"),
    _field("hook-command-text", 2, "on_change:\n  - {command: nginx -s reload}\n" + _OK, "command"),
    _field("hook-command-empty", 2, "on_change:\n  - {command: []}\n" + _OK, "command"),
    _field("hook-timeout", 2, "on_change:\n  - command: {run: [x], timeout: soon}\n" + _OK, "soon"),
    _field("hook-signal-nobody", 2, "on_change:\n  - signal: {signal: HUP}\n" + _OK, "process and pid_file|process or pid_file"),
    _field("hook-webhook-scheme", 2, "on_change:\n  - webhook: {url: 'ftp://x/'}\n" + _OK, "url"),
    _field("hook-webhook-text-scheme", 2, "on_change:\n  - webhook: reload\n" + _OK, "webhook"),
    _field("paths-to-number", 5, _A_FILE + "  - path: a.env\n    paths_to: 5\n", "paths_to"),
    _field("paths-to-a-file", 5, _A_FILE + "  - path: b.env\n    paths_to: a.env\n  - {path: a.env, from: a}\n", r"a\.env"),
    _field("paths-to-relative", 6, _A_FILE + "  - {path: d/, from: a}\n  - path: b.env\n    paths_to: {output: d/, seen_at: mnt}\n", "seen_at"),
    _field("raw-with-keys", 5, _A_FILE + "  - path: a\n    keys: {X: a#port}\n", "raw"),
    _field("raw-with-spread", 5, _A_FILE + "  - path: a\n    from: {secret: a}\n", "raw"),
    _field("raw-without-content", 4, _A_FILE + "  - path: a\n", "no content"),
    _field("file-without-content", 4, _A_FILE + "  - path: a.env\n", "no content"),
    _field("template-and-from", 6, _A_FILE + "  - path: a\n    template: x\n    from: a\n", "from does not go with"),
    _field("template-and-file", 6, _A_FILE + "  - path: a\n    template: x\n    template_file: y\n", "template_file"),
    _field("template-null", 5, _A_FILE + "  - path: a\n    template:\n", "template"),
    _field("template-of-a-directory", 4, _A_FILE + "  - path: a/\n    template: x\n", "directory"),
    _field("template-file-missing", 5, _A_FILE + "  - path: a\n    template_file: none.j2\n", r"none\.j2", "No such file"),
    _field("template-file-directory", 5, _A_FILE + "  - path: a\n    template_file: .\n", "directory"),
]


# ---- what a config refers to ----------------------------------------------------------------------------------------------


def _reference(name: str, text: str, *says: str) -> Bad:
    return Bad(f"reference-{name}", 78, (at(2), *says), config=f"outputs:\n  - {{path: a, from: {json.dumps(text)}}}\n")


_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/db"

REFERENCES = [
    _reference("unknown-scheme", "asw-sm://prod/db", "asw-sm", "aws-sm"),
    _reference("unknown-secret", "databse#x", "databse"),
    _reference("no-key", "aws-sm://", "no key"),
    _reference("nothing-behind-hash", "env://HOME#", "nothing behind the #"),
    _reference("unknown-param", "aws-sm://a?stge=X", "stge", "stage"),
    _reference("param-without-value", "aws-sm://a?stage=", "stage", "no value"),
    _reference("param-twice", "aws-sm://a?stage=X&stage=Y", "twice"),
    _reference("recursive-maybe", "aws-ssm:///a/?recursive=maybe", "recursive"),
    _reference("arn-two-selections", f"{_ARN}:password::#user", "keep one"),
    _reference("arn-stage-twice", f"{_ARN}::AWSPREVIOUS:?stage=X", "twice"),
    _reference("arn-too-many-parts", f"{_ARN}:a:b:c:d", "too many parts"),
    _reference("unset-variable", "env://${SHOP_SURELY_UNSET}", "SHOP_SURELY_UNSET", ":-"),
    _reference("broken-variable", "env://${", "variable"),
    _reference("jmespath-unclosed", "env://HOME#a[0", r"a\[0", r"position"),
    _reference("jmespath-operator", "env://HOME#a ||| b", "position"),
    _reference("jmespath-function", "env://HOME#lenght(a)", "lenght", "length"),
    _reference("jmespath-arguments", "env://HOME#join(a)", r"join\(\)", "2 arguments"),
    _reference("jmespath-bad-literal", "env://HOME#`{a`", "syntax"),
    _reference("jmespath-too-long", "env://HOME#" + "a." * 600 + "a", "longer"),
    _reference("jmespath-too-deep", "env://HOME#" + "[" * 400, "env|expression"),
    Bad("reference-unknown-provider", 78, (at(2), "aws_sm", '"aws-sm"'), config="stores:\n  west: {provider: aws_sm}\n" + _OK),
    Bad("reference-unset-in-store", 78, (at(2), "SURELY_UNSET"), config="stores:\n  aws-sm: {region: '${SURELY_UNSET}'}\n" + _OK),
    Bad(
        "store-mistyped-setting",
        78,
        (at(2), "region"),
        config="stores:\n  aws-sm: {region: 5}\noutputs:\n  - {path: a, from: aws-sm://a}\n",
    ),
    Bad(
        "store-setting-of-files",
        78,
        (at(2), "root"),
        config="stores:\n  file: {root: /}\noutputs:\n  - {path: a, from: file://a}\n",
    ),
    Bad(
        "store-bad-endpoint",
        78,
        (at(2), "endpoint_url"),
        config="stores:\n  aws-sm: {endpoint_url: localhost}\noutputs:\n  - {path: a, from: aws-sm://a}\n",
    ),
    Bad(
        "store-bad-role",
        78,
        (at(2), "role_arn"),
        config="stores:\n  aws-sm: {role_arn: admin}\noutputs:\n  - {path: a, from: aws-sm://a}\n",
    ),
    Bad("version-of-a-file", 78, ("version", at(2)), config="outputs:\n  - {path: a, from: 'file://a.json?version=1'}\n", files=A),
]


def _template(name: str, text: str, *says: str, code: int = 78) -> Bad:
    config = f"secrets:\n  a: file://a.json\noutputs:\n  - path: t\n    template: {json.dumps(text)}\n"
    return Bad(f"template-{name}", code, (at(5), *says), config=config, files=A)


TEMPLATES = [
    _template("unclosed", "one\n{{ a.username", "line 2"),
    _template("unknown-tag", "{% fro x in a %}{% endfor %}", "fro"),
    _template("unknown-filter", "{{ a.username | urlencod }}", "urlencod"),
    _template("unknown-secret", "{{ b.username }}", '"b"'),
    _template("include", "{% include '/etc/passwd' %}", "include"),
    _template("import", "{% from 'x' import y %}", "import"),
    _template("dunder", "{{ a.__class__.__mro__ }}", "__class__|__mro__"),
    _template("dunder-index", "{{ a['__class__'] }}", "__class__"),
    _template("format-escape", "{{ '{0.__class__}'.format(a) }}", "sandbox|refused"),
    _template("undefined", "one\ntwo {{ a.usernmae }}", "usernmae", '"username"', "line 2", code=66),
    _template("null", "{{ a.nothing }}", "nothing|null", code=66),
    _template("wrong-type", "{{ a.username + 1 }}", "template for t", code=65),
    _template("division", "{{ 1 / 0 }}", "template for t", code=65),
    _template("endless", "{% for i in range(99999) %}{% for j in range(99999) %}{{ a.username }}{% endfor %}{% endfor %}", code=65),
    _template("huge-repeat", "{{ a.username * 999999999999 }}", "template for t", code=65),
    _template("huge-padding", "{{ a.username | indent(999999999999) }}", "template for t", code=65),
    _template("binary-filter", "{{ a.username | b64decode }}", "b64decode", code=65),
]


# ---- places ---------------------------------------------------------------------------------------------------------------

PLACES = [
    Bad("path-out", 78, (at(2), r"\.\./x"), config="outputs:\n  - {path: ../x, from: env://HOME}\n"),
    Bad("path-out-inside", 78, (at(2), r"a/\.\./\.\./x"), config="outputs:\n  - {path: a/../../x, from: env://HOME}\n"),
    Bad("path-out-absolute", 78, (at(2), r"/a/\.\./x"), config="outputs:\n  - {path: /a/../x, from: env://HOME}\n"),
    Bad("path-two-dots-name", 78, (at(2), r"\.\.data"), config="outputs:\n  - {path: ..data/x, from: env://HOME}\n"),
    Bad("path-newline", 78, (at(2), "line break"), config='outputs:\n  - {path: "a\\nb", from: env://HOME}\n'),
    Bad("path-nul", 78, (at(2), "NUL"), config='outputs:\n  - {path: "a\\0b", from: env://HOME}\n'),
    Bad("path-long", 78, (at(2), "255"), config=f"outputs:\n  - {{path: {'a' * 300}, from: env://HOME}}\n"),
    Bad("path-empty-part", 78, (at(2), "empty part"), config="outputs:\n  - {path: a//b, from: env://HOME}\n"),
    Bad("path-root", 78, (at(2),), config="outputs:\n  - {path: /, from: env://HOME}\n"),
    Bad("collide-same", 78, (at(3), r"a\.env"), config="outputs:\n  - {path: a.env, from: env://A}\n  - {path: a.env, from: env://B}\n"),
    Bad("collide-file-dir", 78, (at(3),), config="outputs:\n  - {path: a, from: env://A}\n  - {path: a/b, from: env://B}\n"),
    Bad("collide-absolute", 78, (at(3),), config="outputs:\n  - {path: /x/a, from: env://A}\n  - {path: /x/a, from: env://B}\n"),
    Bad(
        "collide-key-with-output",
        78,
        ("d/x", at(r"[24]")),  # type: ignore[arg-type]
        config="outputs:\n  - path: d/\n    keys: {x: env://A}\n  - {path: d/x, from: env://B}\n",
    ),
    Bad("no-outputs", 78, ("outputs", r"config\.yaml"), config="secrets:\n  a: env://A\n"),
    Bad("empty-outputs", 78, ("outputs", r"config\.yaml"), config="outputs: []\n"),
]


# ---- data -------------------------------------------------------------------------------------------------------------------


def _data(name: str, code: int, output: str, content: Content, *says: str, file: str = "a.json") -> Bad:
    return Bad(f"data-{name}", code, says, config=f"secrets:\n  a: file://{file}\noutputs:\n  - {output}\n", files={file: content})


_ENV = "{path: a.env, from: a}"
_DIR = "{path: d/, from: a}"


def _named(*names: str) -> str:
    return json.dumps({name: f"{CANARY}-{number}" for number, name in enumerate(names)})


DATA = [
    _data("not-json", 65, "{path: a, from: a#x}", f"user={CANARY}\n", '"a"', "line 1", at(4), "permission"),
    _data("truncated-json", 65, _ENV, DOC[:-4], '"a"', r"line 1, column \d+"),
    _data("empty-value", 65, _ENV, "", '"a"', "empty"),
    _data("blank-value", 65, _ENV, " \n", '"a"', "empty"),
    _data("json-not-utf8", 65, _ENV, b'{"a":\n"' + CANARY.encode() + b'\xff"}', "UTF-8", "line 2"),
    _data("json-trailing", 65, _ENV, DOC + "\n" + DOC, "line 2"),
    _data("json-single-quotes", 65, _ENV, f"{{'a': '{CANARY}'}}", "double quotes"),
    _data("json-deep", 65, _ENV, "[" * 200_000, "nested"),
    _data("json-deep-object", 65, _ENV, '{"a":' * 100_000 + "1", "nested"),
    _data("json-nan", 65, _ENV, f'{{"a": "{CANARY}", "b": Infinity}}', "Infinity"),
    _data("json-surrogate", 65, _ENV, f'{{"a": "{CANARY}\\ud800"}}', "surrogate"),
    _data("missing-key", 66, "{path: a, from: a#usernmae}", DOC, "usernmae", '"username"', "permission", at(4)),
    _data("missing-key-case", 66, "{path: a, from: a#PASSWORD}", DOC, '"password"'),
    _data("missing-nested-key", 66, "{path: a, from: a#list.x}", DOC, r"list\.x"),
    _data("missing-of-text", 66, "{path: a, from: a#username.x}", DOC, r"username\.x"),
    _data("null", 66, "{path: a, from: a#nothing}", DOC, "null", "nothing"),
    _data("empty-object", 66, "{path: a, from: a#x}", "{}", "no keys"),
    _data("top-list", 66, "{path: a, from: a#x}", f'["{CANARY}"]', "list"),
    _data("top-text", 66, "{path: a, from: a#x}", f'"{CANARY}"', "text"),
    _data("spread-list", 65, _ENV, f'["{CANARY}"]', "list", "object"),
    _data("spread-text", 65, _ENV, f'"{CANARY}"', "text", "object"),
    _data("spread-null", 65, _ENV, "null", "null", "object"),
    _data("spread-part", 65, "{path: a.env, from: a#username}", DOC, "username", "object"),
    _data("spread-missing-part", 66, "{path: a.env, from: a#usr}", DOC, "usr"),
    _data("jmespath-type", 65, "{path: a, from: a#length(port)}", DOC, "length", "number"),
    _data("jmespath-bomb", 65, "{path: a, from: 'a#[list,list,list,list][].[@,@,@,@,@,@][].[@,@,@,@,@,@,@][]." + "[@,@,@,@,@,@,@,@][]." * 6 + "@'}", DOC),
    _data("decode-base64", 65, "{path: d/, keys: {X: {from: a#username, decode: base64}}}", DOC, '"X"', "base64"),
    _data("decode-hex", 65, "{path: d/, keys: {X: {from: a#username, decode: hex}}}", DOC, '"X"', "hex"),
    _data("decode-list", 65, "{path: d/, keys: {X: {from: a#list, decode: base64url}}}", DOC, '"X"', "base64url"),
    _data("decoded-binary", 65, "{path: a.env, keys: {X: {from: a#b, decode: base64}}}", '{"b":"/w=="}', '"X"', "UTF-8", "shell"),
    _data("docker-newline", 65, "{path: a, format: docker, from: a}", json.dumps({"PEM": f"{CANARY}\nx"}), "PEM", "shell", "line feed"),
    _data("kubelet-quote", 65, "{path: a, format: kubelet, from: a}", json.dumps({"Q": f"{CANARY}'"}), '"Q"', "shell"),
    _data("dotenv-both", 65, _ENV, json.dumps({"Q": f"{CANARY}'$"}), '"Q"', "shell", "compose"),
    *[
        _data(f"nul-{kind}", 65, f"{{path: a, format: {kind}, from: a}}", json.dumps({"Q": f"{CANARY}\0"}), '"Q"', "NUL")
        for kind in ("docker", "compose", "shell", "systemd", "dotenv", "kubelet")
    ],
    _data("name-no-variable", 65, _ENV, _named("db-host", "9lives"), "db-host", "9lives", "sanitize"),
    _data("name-empty", 65, _ENV, _named(""), '""', r"a\.env"),
    _data("name-up", 65, _DIR, _named("../../etc/cron.d/x"), r"etc/cron\.d/x", "out of the volume"),
    _data("name-up-inside", 65, _DIR, _named("a/../../x"), r"a/\.\./\.\./x"),
    _data("name-absolute", 65, _DIR, _named("/etc/passwd"), "/etc/passwd"),
    _data("name-data-link", 65, _DIR, _named("..data"), r"\.\.data"),
    _data("name-generation", 65, "{path: ./, from: a}", _named("..2026_01_01_00_00_00.1/x"), r"\.\.2026"),
    _data("name-dot", 65, _DIR, _named("."), r'"\."'),
    _data("name-empty-file", 65, _DIR, _named(""), "empty"),
    _data("name-empty-part", 65, _DIR, _named("a//b"), "a//b"),
    _data("name-slash-end", 65, _DIR, _named("a/"), '"a/"'),
    _data("name-long", 65, _DIR, _named("n" * 300), "nnn", "255"),
    _data("name-long-bytes", 65, _DIR, _named("é" * 128), "éé", "255"),
    _data("name-nul", 65, _DIR, _named("a\0b"), "NUL"),
    _data("name-newline", 65, _DIR, _named("a\nb"), "line break"),
    _data("name-escape", 65, _DIR, _named("a\x1b[31mb"), "control"),
    _data("name-deep", 65, _DIR, _named("/".join("d" * 2000)), "parts|longer"),
    _data("names-file-and-directory", 65, _DIR, _named("a", "a/b"), '"a/b"'),
    _data("names-collide", 65, "{path: a.env, from: {secret: a, sanitize: true}}", _named("a-b", "a.b"), "a_b", "a-b", r"a\.b"),
    _data("names-collide-case", 65, "{path: a.env, from: {secret: a, case: upper}}", _named("x", "X"), '"X"', '"x"'),
    Bad(
        "data-spreads-collide",
        65,
        ("HOST", "one", "two", at(3)),
        config="secrets: {one: file://1.json, two: file://2.json}\noutputs:\n  - {path: a.env, from: [one, two]}\n",
        files={"1.json": _named("HOST"), "2.json": _named("HOST")},
    ),
    Bad(
        "data-collides-with-output",
        65,
        ("d/x",),
        config="outputs:\n  - {path: d/, from: file://1.json}\n  - {path: d/x, from: {value: y}}\n",
        files={"1.json": _named("x")},
    ),
    Bad(
        "data-collides-with-volume",
        65,
        ("d",),
        config="outputs:\n  - {path: ./, from: file://1.json}\n  - {path: d/x, from: {value: y}}\n",
        files={"1.json": _named("d")},
    ),
    Bad(
        "data-paths-to-odd-name",
        65,
        ("a-b", r"p\.env"),
        config="outputs:\n  - {path: d/, from: file://1.json}\n  - {path: p.env, paths_to: d/}\n",
        files={"1.json": _named("a-b")},
    ),
    _data("yaml-broken", 65, _ENV, f"a: {CANARY}\nb: [\n", r"a\.yaml", "line [23]", file="a.yaml"),
    _data("yaml-bomb", 65, _ENV, "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9)), r"a\.yaml", "aliases", file="a.yaml"),
    _data("yaml-deep", 65, _ENV, "[" * 100_000, r"a\.yaml", file="a.yaml"),
    _data("dotenv-broken", 65, _ENV, f"A='{CANARY}\nB=x\n", r"a\.env", r"line 1", file="a.env"),
    _data("properties-broken", 65, _ENV, f"a={CANARY}\nb=\\u00zz\n", r"a\.properties", "line 2", file="a.properties"),
    Bad(
        "data-several",
        66,
        ("usernmae", "passwrod", "portt", "3 failures"),
        config="outputs:\n  - path: a.env\n    keys: {A: file://a.json#usernmae, B: file://a.json#passwrod, C: file://a.json#portt}\n",
        files=A,
    ),
]


# ---- files and variables as stores ------------------------------------------------------------------------------------------------


def _fifo(path: str) -> None:
    os.mkfifo(path)


def _link_to_nothing(path: str) -> None:
    os.symlink("nothing", path)


def _link_to_itself(path: str) -> None:
    os.symlink(path, path)


def _sparse(path: str) -> None:
    with open(path, "wb") as stream:
        stream.truncate(8 * 1024 * 1024 + 1)


_ONE = "outputs:\n  - {path: a, from: file://secret.json}\n"

LOCAL = [
    Bad("env-missing", 66, ("SHOP_TOKN", '"SHOP_TOKEN"', at(2)), config="outputs:\n  - {path: a, from: env://SHOP_TOKN}\n", env={"SHOP_TOKEN": CANARY}),
    Bad("file-missing", 66, (r"secret\.json", at(2)), config=_ONE),
    Bad("file-missing-near", 66, (r"secret\.json", r"secrets\.json"), config=_ONE, files={"secrets.json": CANARY}),
    Bad("file-below-file", 66, (r"a\.json/x",), config="outputs:\n  - {path: a, from: file://a.json/x}\n", files=A),
    Bad("file-fifo", 65, (r"secret\.json", "pipe"), config=_ONE, files={"secret.json": _fifo}),
    Bad("file-device", 65, ("/dev/zero", "device"), config="outputs:\n  - {path: a, from: file:///dev/zero}\n"),
    Bad("file-dead-link", 66, (r"secret\.json",), config=_ONE, files={"secret.json": _link_to_nothing}),
    Bad("file-link-loop", 65, (r"secret\.json",), config=_ONE, files={"secret.json": _link_to_itself}),
    Bad("file-large", 65, (r"secret\.json", "8 MiB"), config=_ONE, files={"secret.json": _sparse}),
    Bad("file-name-long", 66, ("nnn",), config=f"outputs:\n  - {{path: a, from: file://{'n' * 300}}}\n"),
    Bad("directory-binary", 65, ("conf/bin", "UTF-8"), config="outputs:\n  - {path: d/, from: file://conf}\n", files={"conf/bin": b"\xff" + CANARY.encode()}),
    Bad("directory-large", 65, ("conf", "8 MiB"), config="outputs:\n  - {path: d/, from: file://conf}\n", files={"conf/a": _sparse, "conf/b": "x"}),
    Bad("directory-dead-link", 65, ("conf/a",), config="outputs:\n  - {path: d/, from: file://conf}\n", files={"conf/a": _link_to_nothing}),
]


# ---- AWS ---------------------------------------------------------------------------------------------------------------------------

_SM = "secrets:\n  db: aws-sm://prod/db\noutputs:\n  - path: a.env\n    from: db\n"
_SSM = "secrets:\n  db: aws-ssm:///prod/db\noutputs:\n  - path: a\n    from: db\n"
_HELD = {"prod/db": DOC}
_QUICK = (*FETCH, "--timeout", "1s")


def _aws(name: str, code: int, says: tuple[str, ...], *faults: Fault, config: str = _SM, args: tuple[str, ...] = FETCH, **more: object) -> Bad:
    # A fresh copy for each run: a fault counts itself down.
    fresh = lambda: tuple(Fault(**vars(fault)) for fault in faults)  # noqa: E731 - a line of the table
    return Bad(f"aws-{name}", code, says, config=config, args=args, faults=fresh, **{"secrets": _HELD, "parameters": {"/prod/db": CANARY}, **more})  # type: ignore[arg-type]


def _error(code: str, message: str = "", status: int = 400) -> Fault:
    return Fault(code=code, message=message, status=status)


_NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_EC2_METADATA_DISABLED": "true"}
_WHO = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/web-7d9f"

AWS = [
    _aws("no-such-secret", 66, ("prod/dbb", '"prod/db"', REGION), config=_SM.replace("prod/db", "prod/dbb")),
    _aws("no-such-parameter", 66, ("/prod/dbb", "/prod/db"), config=_SSM.replace("/prod/db", "/prod/dbb")),
    _aws("no-such-arn", 66, ("prod/none",), config=f"outputs:\n  - {{path: a, from: 'arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/none'}}\n"),
    _aws("empty-path", 66, ("/prod/x/",), config="outputs:\n  - {path: d/, from: 'aws-ssm:///prod/x/'}\n"),
    _aws("no-such-stage", 66, ("prod/db", "AWSPENDING"), config=_SM.replace("prod/db", "prod/db?stage=AWSPENDING")),
    _aws("no-such-version", 66, ("prod/db", "33333333"), config=_SM.replace("prod/db", "prod/db?version=33333333-3333-4333-8333-333333333333")),
    _aws("no-such-label", 66, ("/prod/db", "stable"), config=_SSM.replace("/prod/db", "/prod/db?label=stable")),
    _aws("no-such-number", 66, ("/prod/db", "7"), config=_SSM.replace("/prod/db", "/prod/db:7")),
    _aws("invalid-label", 78, ("/prod/db", "AWS says|label"), _error("ValidationException", "1 validation error detected: Value at 'name' failed to satisfy constraint"), config=_SSM.replace("/prod/db", "/prod/db?label=9!")),
    _aws("label-of-a-secret", 78, ("label",), config=_SM.replace("prod/db", "prod/db?label=x")),
    _aws("stage-of-a-parameter", 78, ("stage",), config=_SSM.replace("/prod/db", "/prod/db?stage=x")),
    _aws("deleted", 66, ("prod/db", "deletion", "restore-secret"), _error("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")),
    _aws("wrong-key", 66, ("usernmae", '"username"', "permission"), config=_SM.replace("from: db", "keys: {A: db#usernmae}")),
    _aws("arn-of-another-service", 78, ("s3",), config="outputs:\n  - {path: a, from: 'aws-sm://arn:aws:s3:::bucket'}\n"),
    _aws("arn-of-the-other-store", 78, ("aws-ssm://arn:aws:ssm",), config=f"outputs:\n  - {{path: a, from: 'aws-sm://arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/a'}}\n"),
    _aws("not-json", 65, ("db", "line 1"), secrets={"prod/db": f"password={CANARY}"}),
    _aws("truncated-in-store", 65, ("db", "line 1"), secrets={"prod/db": DOC[:-3]}),
    _aws("dots-from-store", 65, (r"\.\./x",), config=_SM.replace("a.env", "d/"), secrets={"prod/db": _named("../x")}),
    _aws("denied", 77, ("prod/db", _WHO, "secretsmanager:GetSecretValue", "fix"), denied("GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/db")),
    _aws("denied-parameter", 77, ("/prod/db", _WHO, "ssm:GetParameters"), denied("GetParameters", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/prod/db"), config=_SSM),
    _aws("denied-explicitly", 77, ("prod/db", "explicit deny"), _error("AccessDeniedException", f"User: {_WHO} is not authorized to perform: secretsmanager:GetSecretValue on resource: prod/db with an explicit deny in an identity-based policy")),
    _aws("denied-kms", 77, ("prod/db", "kms:Decrypt"), _error("AccessDeniedException", "Access to KMS is not allowed")),
    _aws("denied-ciphertext", 77, ("/prod/db", "kms:Decrypt"), _error("AccessDeniedException", "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."), config=_SSM),
    _aws("denied-optional", 77, ("prod/db",), denied("GetSecretValue", "prod/db"), config=_SM.replace("aws-sm://prod/db", "{ref: aws-sm://prod/db, optional: true}")),
    _aws("expired", 77, ("expired",), _error("ExpiredTokenException", "The security token included in the request is expired")),
    _aws("unknown-credentials", 77, ("credentials", "AWS_ACCESS_KEY_ID"), _error("UnrecognizedClientException", "The security token included in the request is invalid.")),
    _aws("bad-signature", 77, ("signature", "AWS_SECRET_ACCESS_KEY"), _error("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")),
    _aws("no-credentials", 77, ("no AWS credentials", "environment", "profile", "fix"), env=_NO_KEYS),
    _aws("half-credentials", 77, ("AWS_SECRET_ACCESS_KEY|secret_key",), env={"AWS_SECRET_ACCESS_KEY": None, "AWS_EC2_METADATA_DISABLED": "true"}),
    _aws("unknown-profile", 78, ("prdo", '"prod"|prod'), env={"AWS_PROFILE": "prdo", "AWS_CONFIG_FILE": "{dir}/aws"}, files={"aws": "[profile prod]\nregion = us-east-1\n"}),
    _aws("no-region", 78, ("region", "AWS_REGION"), env={"AWS_REGION": None}),
    _aws("no-such-region", 78, ("us-esat-1", "us-east-1"), env={"AWS_REGION": "us-esat-1", "AWS_ENDPOINT_URL": None}, args=_QUICK),
    _aws("wrong-region", 66, ("prod/db", "eu-west-1"), env={"AWS_REGION": "eu-west-1"}),
    _aws("other-server", 78, ("not AWS", "404|HTTP"), Fault(body=b"<html>nginx</html>", status=404, headers={"Content-Type": "text/html"})),
    _aws("huge-answer", 65, ("larger",), Fault("GetSecretValue", huge=100 * 2**20)),
    _aws("throttled", 75, ("throttles", "tried"), _error("ThrottlingException", "Rate exceeded"), args=_QUICK),
    _aws("outage", 75, ("Secrets Manager", "503|ServiceUnavailable"), _error("ServiceUnavailable", status=503), args=_QUICK),
    _aws("hang", 75, ("1 s",), Fault(hang=True), args=_QUICK),
    _aws("reset", 75, ("127.0.0.1|Secrets Manager",), Fault(reset=True), args=_QUICK),
    _aws("cut", 75, ("ended early|cannot be read",), Fault("GetSecretValue", cut=30), args=_QUICK),
    _aws("no-json-answer", 75, ("cannot be read",), Fault(status=200, body=f"<html>{CANARY}</html>".encode()), args=_QUICK),
    _aws("half-json-answer", 75, ("cannot be read",), Fault(status=200, body=f'{{"SecretString":"{CANARY}'.encode()), args=_QUICK),
    _aws("nothing-listens", 75, ("127.0.0.1:9",), config="stores:\n  aws-sm: {endpoint_url: 'http://127.0.0.1:9'}\n" + _SM, args=_QUICK),
    _aws("permanent-decides", 66, ("prod/db", "SURELY_UNSET"), _error("ThrottlingException"), config="outputs:\n  - {path: a, from: aws-sm://prod/db}\n  - {path: b, from: env://SURELY_UNSET}\n", args=_QUICK),
]


# ---- the command line ---------------------------------------------------------------------------------------------------------------


def _usage(name: str, args: tuple[str, ...], *says: str, env: Mapping[str, str | None] | None = None) -> Bad:
    return Bad(f"usage-{name}", 2, says, args=args, env=env or {}, files=A, config=_OK)


USAGE = [
    _usage("unknown-command", ("fecth",), "fecth", "fetch"),
    _usage("unknown-flag", ("fetch", "--ouput", "x"), "--ouput", "--out"),
    _usage("flag-without-value", ("fetch", "--out"), "--out"),
    _usage("empty-out", (*FETCH, "--out", ""), "--out"),
    _usage("get-nothing", ("get",), "REF"),
    _usage("get-two", ("get", "env://A", "env://B"), "env://B"),
    _usage("refs-without-target", ("fetch", "env://A"), "-o"),
    _usage("target-without-refs", (*FETCH, "-o", "x.env"), "REFs"),
    _usage("format-without-refs", (*FETCH, "--format", "json"), "REFs"),
    _usage("format-unknown", ("fetch", "env://A", "-o", "x", "--format", "jsno"), "jsno", "json"),
    _usage("format-of-a-directory", ("fetch", "env://A", "-o", "x/", "--format", "json"), "--format"),
    _usage("bad-timeout", (*FETCH, "--timeout", "soon"), "soon", "90s"),
    _usage("negative-timeout", (*FETCH, "--timeout", "-1s"), "-1s"),
    _usage("bad-log-level", (*FETCH, "--log-level", "loud"), "loud", "debug"),
    _usage("bad-identity", (*FETCH, "--identity", "me"), "me", "ambient"),
    _usage("unknown-variable", FETCH, "SECRETFETCH_OTU", "SECRETFETCH_OUT", env={"SECRETFETCH_OTU": "x"}),
    _usage("bad-variable", FETCH, "soon", env={"SECRETFETCH_TIMEOUT": "soon"}),
    _usage("empty-timeout-variable", FETCH, "", env={"SECRETFETCH_TIMEOUT": "x"}),
]

BY_REFERENCE = [
    Bad("cli-bad-reference", 78, ("asw-sm", "aws-sm"), args=("get", "asw-sm://a")),
    Bad("cli-bad-name", 78, ("databse",), args=("get", "databse#x")),
    Bad("cli-bad-expression", 78, (r"a\[", "position"), args=("get", "env://HOME#a[")),
    Bad("cli-missing", 66, ("SURELY_UNSET",), args=("fetch", "env://SURELY_UNSET", "-o", "a", "--out", "{out}")),
    Bad("cli-two-raw", 78, ("raw",), args=("fetch", "env://HOME", "env://PATH", "-o", "a", "--out", "{out}")),
    Bad("cli-not-an-object", 65, ("TOKEN",), args=("fetch", "env://TOKEN", "-o", "a.env", "--out", "{out}"), env={"TOKEN": f"{CANARY}"}),
    Bad("cli-broken-config", 78, (at(1), "ouputs"), config="ouputs: []\n", args=("get", "env://HOME", "-c", "{dir}/config.yaml")),
    Bad("cli-null", 66, ("null",), args=("get", "env://DOC#nothing"), env={"DOC": DOC}),
]

ALL = [*FILES, *FIELDS, *REFERENCES, *TEMPLATES, *PLACES, *DATA, *LOCAL, *AWS, *USAGE, *BY_REFERENCE]
