"""Bad fields of a config: unknown and mistyped ones, at each level."""

from __future__ import annotations

from bad.table import OK, A, Bad, at


def _field(name: str, line: int, config: str, *says: str) -> Bad:
    return Bad(f"field-{name}", 78, (at(line), *says), config=config, files=A)


_A_FILE = "secrets:\n  a: file://a.json\noutputs:\n"

FIELDS = [
    _field("unknown-top", 1, "ouputs:\n  - {path: a}\n", "ouputs", '"outputs"'),
    _field("unknown-secret", 2, "secrets:\n  a: {reff: env://A}\n", "reff", '"ref"'),
    _field("unknown-output", 3, "outputs:\n  - path: a\n    templat: x\n", "templat", '"template"'),
    _field("unknown-source", 4, "outputs:\n  - path: a.env\n    keys:\n      A: {form: x}\n", "form", '"from"'),
    _field(
        "unknown-spread", 3, "outputs:\n  - path: a.env\n    from: {secret: a, incldue: [x]}\n", "incldue", '"include"'
    ),
    _field(
        "unknown-paths-to", 3, "outputs:\n  - path: a.env\n    paths_to: {output: d/, sufix: x}\n", "sufix", '"suffix"'
    ),
    _field("unknown-refresh", 1, "refresh: {perod: 5m}\n" + OK, "perod", '"period"'),
    _field("unknown-hook", 2, "on_change:\n  - {comand: [x]}\n" + OK, "comand", '"command"'),
    _field("unknown-signal", 2, "on_change:\n  - signal: {proces: x}\n" + OK, "proces"),
    _field("unknown-webhook", 2, "on_change:\n  - webhook: {url: 'http://x/', metod: GET}\n" + OK, "metod"),
    _field("outputs-a-map", 1, "outputs: {path: a}\n", "outputs must be a list, it is a map"),
    _field("outputs-null", 1, "outputs:\n", "outputs"),
    _field("outputs-of-text", 2, "outputs:\n  - a.env\n", r"outputs\[0\] must be a map, it is text"),
    _field("secrets-a-list", 1, "secrets: [a]\n" + OK, "secrets must be a map, it is a list"),
    _field("secret-a-number", 2, "secrets:\n  a: 5\n" + OK, '"a"', "number"),
    _field("secret-null", 2, "secrets:\n  a:\n" + OK, '"a"', "null"),
    _field("secret-without-ref", 2, "secrets:\n  a: {optional: true}\n" + OK, '"ref"'),
    _field("secret-no-reference", 2, "secrets:\n  a: prod/db\n" + OK, "prod/db", "SCHEME://KEY"),
    _field("secret-bad-name", 2, "secrets:\n  a.b: env://A\n" + OK, r"a\.b", "A-Za-z"),
    _field(
        "secret-optional-text", 2, "secrets:\n  a: {ref: env://A, optional: 'yes'}\n" + OK, "optional", "true or false"
    ),
    _field("secret-version-list", 2, "secrets:\n  a: {ref: env://A, version: [1]}\n" + OK, "version"),
    _field("secret-version-twice", 2, "secrets:\n  a: {ref: 'aws-ssm://a?version=1', version: 2}\n" + OK, "version"),
    _field("secret-params-null", 2, "secrets:\n  a: {ref: env://A, params: {ttl: }}\n" + OK, "ttl", "null"),
    _field("store-a-text", 2, "stores:\n  west: eu-west-1\n" + OK, "west", "must be a map, it is text"),
    _field("store-bad-name", 2, "stores:\n  'a b': {provider: file}\n" + OK, "a b"),
    _field("store-provider-number", 2, "stores:\n  west: {provider: 5}\n" + OK, "provider"),
    _field("path-missing", 2, "outputs:\n  - {from: a}\n", "path"),
    _field("path-empty", 2, "outputs:\n  - {path: '', from: a}\n", "path"),
    _field("path-number", 2, "outputs:\n  - {path: 5, from: a}\n", "path", "text"),
    _field("from-number", 5, _A_FILE + "  - path: a.env\n    from: 5\n", "from", "number"),
    _field("from-null", 5, _A_FILE + "  - path: a.env\n    from:\n", "from", "null"),
    _field("keys-list", 5, _A_FILE + "  - path: a.env\n    keys: [A]\n", "keys must be a map, it is a list"),
    _field("key-number", 6, _A_FILE + "  - path: a.env\n    keys:\n      PORT: 5432\n", "PORT", "number"),
    _field("key-null", 6, _A_FILE + "  - path: a.env\n    keys:\n      PORT:\n", "PORT", "null"),
    _field("key-empty-map", 6, _A_FILE + "  - path: a.env\n    keys:\n      PORT: {}\n", "PORT", "from, template"),
    _field(
        "key-two-sources",
        6,
        _A_FILE + "  - path: a.env\n    keys:\n      PORT: {from: a#port, value: x}\n",
        "PORT",
        "from and value",
    ),
    _field("key-value-map", 6, _A_FILE + "  - path: a.env\n    keys:\n      PORT: {value: {a: b}}\n", "PORT", "value"),
    _field(
        "key-default-null",
        6,
        _A_FILE + "  - path: a.env\n    keys:\n      PORT: {from: a#port, default: ~}\n",
        "default",
        "null",
    ),
    _field(
        "key-decode-unknown",
        6,
        _A_FILE + "  - path: a.env\n    keys:\n      PORT: {from: a#port, decode: base32}\n",
        "decode",
        "base32",
    ),
    _field(
        "key-optional-number",
        6,
        _A_FILE + "  - path: a.env\n    keys:\n      PORT: {from: a#port, optional: 1}\n",
        "optional",
    ),
    _field(
        "defaults-list", 5, _A_FILE + "  - path: a.env\n    defaults: [A]\n", "defaults must be a map, it is a list"
    ),
    _field("defaults-of-a-list", 6, _A_FILE + "  - path: a.env\n    defaults:\n      LEVEL: [x]\n", "LEVEL", "list"),
    _field(
        "defaults-of-null",
        7,
        _A_FILE + "  - path: a.env\n    defaults:\n      OK: x\n      LEVEL: ~\n",
        "LEVEL",
        "null",
    ),
    _field(
        "spread-include-text", 5, _A_FILE + "  - path: a.env\n    from: {secret: a, include: 'x*'}\n", "include", "list"
    ),
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
    _field("owner-minus-one", 5, _A_FILE + "  - path: a/\n    owner: '4294967295:0'\n    from: a\n", "owner"),
    _field("refresh-text", 1, "refresh: 5m\n" + OK, "refresh must be a map, it is text"),
    _field("refresh-period-number", 1, "refresh: {period: 300}\n" + OK, "period"),
    _field("refresh-period-unit", 1, "refresh: {period: 5d}\n" + OK, "5d", "90s"),
    _field("refresh-period-negative", 1, "refresh: {period: -5m}\n" + OK, "-5m"),
    _field("refresh-period-zero", 1, "refresh: {period: 0s}\n" + OK, "period"),
    _field("refresh-jitter", 1, "refresh: {jitter: 10}\n" + OK, "jitter"),
    _field("refresh-jitter-much", 1, "refresh: {jitter: 101%}\n" + OK, "jitter"),
    _field("refresh-on-error", 1, "refresh: {on_error: ignore}\n" + OK, "on_error", "ignore"),
    _field("refresh-max-stale", 1, "refresh: {max_stale: 24}\n" + OK, "max_stale"),
    _field("hook-two-at-once", 2, "on_change:\n  - {touch: x, exit: 80}\n" + OK, "exactly one"),
    _field("hook-exit-other", 2, "on_change:\n  - {exit: 81}\n" + OK, "exit"),
    _field("hook-command-text", 2, "on_change:\n  - {command: nginx -s reload}\n" + OK, "command"),
    _field("hook-command-empty", 2, "on_change:\n  - {command: []}\n" + OK, "command"),
    _field("hook-timeout", 2, "on_change:\n  - command: {run: [x], timeout: soon}\n" + OK, "soon"),
    _field(
        "hook-signal-nobody",
        2,
        "on_change:\n  - signal: {signal: HUP}\n" + OK,
        "process and pid_file|process or pid_file",
    ),
    _field("hook-webhook-scheme", 2, "on_change:\n  - webhook: {url: 'ftp://x/'}\n" + OK, "url"),
    _field("hook-webhook-text-scheme", 2, "on_change:\n  - webhook: reload\n" + OK, "webhook"),
    _field("paths-to-number", 5, _A_FILE + "  - path: a.env\n    paths_to: 5\n", "paths_to"),
    _field(
        "paths-to-a-file", 5, _A_FILE + "  - path: b.env\n    paths_to: a.env\n  - {path: a.env, from: a}\n", r"a\.env"
    ),
    _field(
        "paths-to-relative",
        6,
        _A_FILE + "  - {path: d/, from: a}\n  - path: b.env\n    paths_to: {output: d/, seen_at: mnt}\n",
        "seen_at",
    ),
    _field("raw-with-keys", 5, _A_FILE + "  - path: a\n    keys: {X: a#port}\n", "raw"),
    _field("raw-with-spread", 5, _A_FILE + "  - path: a\n    from: {secret: a}\n", "raw"),
    _field("raw-without-content", 4, _A_FILE + "  - path: a\n", "no content"),
    _field("file-without-content", 4, _A_FILE + "  - path: a.env\n", "no content"),
    _field("template-and-from", 6, _A_FILE + "  - path: a\n    template: x\n    from: a\n", "from does not go with"),
    _field("template-and-file", 6, _A_FILE + "  - path: a\n    template: x\n    template_file: y\n", "template_file"),
    _field("template-null", 5, _A_FILE + "  - path: a\n    template:\n", "template"),
    _field("template-of-a-directory", 4, _A_FILE + "  - path: a/\n    template: x\n", "directory"),
    _field(
        "template-file-missing", 5, _A_FILE + "  - path: a\n    template_file: none.j2\n", r"none\.j2", "No such file"
    ),
    _field("template-file-nul", 5, _A_FILE + '  - path: a\n    template_file: "a\\0b"\n', "template_file"),
    Bad(
        "field-template-file-not-utf8",
        78,
        (at(5), "UTF-8"),
        config=_A_FILE + "  - path: a\n    template_file: bin\n",
        files={"bin": b"\xff"},
    ),
    _field("template-file-directory", 5, _A_FILE + "  - path: a\n    template_file: .\n", "directory"),
]
