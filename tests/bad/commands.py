"""Command lines that are wrong, or name what is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bad.table import CANARY, DOC, FETCH, OK, A, Bad, at

if TYPE_CHECKING:
    from collections.abc import Mapping


def _usage(name: str, args: tuple[str, ...], *says: str, env: Mapping[str, str | None] | None = None) -> Bad:
    return Bad(f"usage-{name}", 2, says, args=args, env=env or {}, files=A, config=OK)


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
    Bad(
        "cli-not-an-object",
        65,
        ("TOKEN",),
        args=("fetch", "env://TOKEN", "-o", "a.env", "--out", "{out}"),
        env={"TOKEN": f"{CANARY}"},
    ),
    Bad(
        "cli-broken-config",
        78,
        (at(1), "ouputs"),
        config="ouputs: []\n",
        args=("get", "env://HOME", "-c", "{dir}/config.yaml"),
    ),
    Bad("cli-null", 66, ("null",), args=("get", "env://DOC#nothing"), env={"DOC": DOC}),
]
