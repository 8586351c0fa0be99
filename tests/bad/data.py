"""Secrets that do not fit what is asked of them."""

from __future__ import annotations

import json

from bad.table import CANARY, DOC, A, Bad, Content, at


def _data(name: str, code: int, output: str, content: Content, *says: str, file: str = "a.json") -> Bad:
    return Bad(
        f"data-{name}",
        code,
        says,
        config=f"secrets:\n  a: file://{file}\noutputs:\n  - {output}\n",
        files={file: content},
    )


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
    _data(
        "missing-among-odd-keys",
        66,
        "{path: a, from: a#x}",
        json.dumps({"\x1b[31mred": CANARY, "two\nlines": CANARY, "\u202eright": CANARY, "x\u2028y": CANARY}),
        "4 keys",
    ),
    _data(
        "missing-near-odd-key",
        66,
        "{path: a, from: a#password}",
        json.dumps({"password\x1b[31m\nerror: no": CANARY}),
        "password",
    ),
    _data(
        "missing-among-long-keys",
        66,
        "{path: a, from: a#x}",
        json.dumps({f"{'k' * 5000}{n}": CANARY for n in range(30)}),
        "30 keys",
    ),
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
    _data(
        "jmespath-bomb",
        65,
        "{path: a, from: 'a#[list,list,list,list][].[@,@,@,@,@,@][].[@,@,@,@,@,@,@][]."
        + "[@,@,@,@,@,@,@,@][]." * 6
        + "[@,@][]'}",
        DOC,
    ),
    _data("decode-base64", 65, "{path: d/, keys: {X: {from: a#username, decode: base64}}}", DOC, '"X"', "base64"),
    _data("decode-hex", 65, "{path: d/, keys: {X: {from: a#username, decode: hex}}}", DOC, '"X"', "hex"),
    _data("decode-list", 65, "{path: d/, keys: {X: {from: a#list, decode: base64url}}}", DOC, '"X"', "base64url"),
    _data(
        "decoded-binary",
        65,
        "{path: a.env, keys: {X: {from: a#b, decode: base64}}}",
        '{"b":"/w=="}',
        '"X"',
        "UTF-8",
        "shell",
    ),
    _data(
        "docker-newline",
        65,
        "{path: a, format: docker, from: a}",
        json.dumps({"PEM": f"{CANARY}\nx"}),
        "PEM",
        "shell",
        "line feed",
    ),
    _data("kubelet-quote", 65, "{path: a, format: kubelet, from: a}", json.dumps({"Q": f"{CANARY}'"}), '"Q"', "shell"),
    _data("dotenv-both", 65, _ENV, json.dumps({"Q": f"{CANARY}'$"}), '"Q"', "shell", "compose"),
    *[
        _data(
            f"nul-{kind}", 65, f"{{path: a, format: {kind}, from: a}}", json.dumps({"Q": f"{CANARY}\0"}), '"Q"', "NUL"
        )
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
    _data(
        "names-collide",
        65,
        "{path: a.env, from: {secret: a, sanitize: true}}",
        _named("a-b", "a.b"),
        "a_b",
        "a-b",
        r"a\.b",
    ),
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
    _data(
        "yaml-bomb",
        65,
        _ENV,
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9)),
        r"a\.yaml",
        "aliases",
        file="a.yaml",
    ),
    _data("yaml-deep", 65, _ENV, "[" * 100_000, r"a\.yaml", file="a.yaml"),
    _data("dotenv-broken", 65, _ENV, f"A='{CANARY}\nB=x\n", r"a\.env", r"line 1", file="a.env"),
    _data("properties-broken", 65, _ENV, f"a={CANARY}\nb=\\u00zz\n", r"a\.properties", "line 2", file="a.properties"),
    _data(
        "spread-odd-collision",
        65,
        "{path: a.env, from: {secret: a, sanitize: true}}",
        _named("a\x1b[2J", "a\n[2J"),
        "a__2J",
    ),
    _data("env-odd-name", 65, _ENV, _named("a\x1b[31m\nerror: no"), r"a\.env"),
    Bad(
        "data-several",
        66,
        ("usernmae", "passwrod", "portt", "3 failures"),
        config="outputs:\n  - path: a.env\n    keys: {A: file://a.json#usernmae, B: file://a.json#passwrod, C: file://a.json#portt}\n",
        files=A,
    ),
]
