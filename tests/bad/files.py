"""Bad configs as files: missing, no YAML, more YAML than anybody needs."""

from __future__ import annotations

from bad.table import OK, A, Bad, at

FILES = [
    Bad("config-missing", 78, (r"none\.yaml", "No such file", "-c PATH"), args=("fetch", "-c", "{dir}/none.yaml")),
    Bad("config-default-missing", 78, (r"/etc/secretfetch/config\.yaml", "SECRETFETCH_CONFIG"), args=("fetch",)),
    Bad(
        "config-directory-empty", 78, (r"holds no \.yaml",), files={"d/readme.md": "x"}, args=("fetch", "-c", "{dir}/d")
    ),
    Bad(
        "config-directory-two-documents",
        78,
        ("one document", r"b\.yaml"),
        files={"d/a.yaml": OK, "d/b.yaml": OK},
        args=("fetch", "-c", "{dir}/d"),
    ),
    Bad(
        "config-below-a-file", 78, (r"a\.json/x", "[Nn]ot a directory"), files=A, args=("fetch", "-c", "{dir}/a.json/x")
    ),
    Bad("config-empty", 78, ("empty", r"config\.yaml"), config="\n"),
    Bad("config-comment-only", 78, ("empty|no outputs", r"config\.yaml"), config="# nothing\n---\n"),
    Bad("config-a-list", 78, (at(1), "must be a map, it is a list"), config="- a\n"),
    Bad("config-a-text", 78, (at(1), "must be a map, it is text"), config="hello\n"),
    Bad(
        "config-foreign-manifest",
        78,
        ("SecretProviderClass", at(2)),
        config="apiVersion: v1\nkind: SecretProviderClass\n",
    ),
    Bad("config-not-utf8", 78, (at(2), "UTF-8"), files={"config.yaml": b"outputs:\n  - {path: \xff}\n"}),
    Bad(
        "config-control-character",
        78,
        (at(2), "does not allow"),
        files={"config.yaml": b"outputs:\n  - {path: a\x07}\n"},
    ),
    Bad("config-utf16", 78, (r"config\.yaml",), files={"config.yaml": OK.encode("utf-16")}),
    Bad("config-nul-bytes", 78, (r"config\.yaml",), files={"config.yaml": b"\0" * 64}),
    Bad("config-too-large", 78, (r"config\.yaml", "larger"), files={"config.yaml": b"#" * (1024 * 1024 + 1)}),
    Bad("yaml-unclosed", 78, (at("[23]"), "YAML syntax"), config="outputs:\n  - {path: a\n"),
    Bad("yaml-tab", 78, (at(2), "indent with blanks"), config="outputs:\n\t- path: a\n"),
    Bad(
        "yaml-bad-indent",
        78,
        (at(3), "YAML syntax"),
        config="outputs:\n  - path: a\n    from: b\n   mode: c\n".replace("    from: b\n", ""),
    ),
    Bad("yaml-two-documents", 78, ("one document", at("[34]")), config=OK + "---\n" + OK),
    Bad("yaml-duplicate-top", 78, (at(3), '"outputs" is there twice'), config=OK + OK),
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
    Bad("yaml-deep-block", 78, (at(r"6\d"), "deep"), config="".join(" " * n + "a:\n" for n in range(200))),
]
