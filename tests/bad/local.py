"""Files and environment variables that cannot be read as secrets."""

from __future__ import annotations

import os

from bad.table import CANARY, A, Bad, at


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
    Bad(
        "env-missing",
        66,
        ("SHOP_TOKN", '"SHOP_TOKEN"', at(2)),
        config="outputs:\n  - {path: a, from: env://SHOP_TOKN}\n",
        env={"SHOP_TOKEN": CANARY},
    ),
    Bad("file-missing", 66, (r"secret\.json", at(2)), config=_ONE),
    Bad("file-missing-near", 66, (r"secret\.json", r"secrets\.json"), config=_ONE, files={"secrets.json": CANARY}),
    Bad("file-below-file", 66, (r"a\.json/x",), config="outputs:\n  - {path: a, from: file://a.json/x}\n", files=A),
    Bad("file-fifo", 65, (r"secret\.json", "pipe"), config=_ONE, files={"secret.json": _fifo}),
    Bad("file-device", 65, ("/dev/zero", "device"), config="outputs:\n  - {path: a, from: file:///dev/zero}\n"),
    Bad("file-dead-link", 66, (r"secret\.json",), config=_ONE, files={"secret.json": _link_to_nothing}),
    Bad("file-link-loop", 65, (r"secret\.json",), config=_ONE, files={"secret.json": _link_to_itself}),
    Bad("file-large", 65, (r"secret\.json", "8 MiB"), config=_ONE, files={"secret.json": _sparse}),
    Bad("file-name-long", 66, ("nnn",), config=f"outputs:\n  - {{path: a, from: file://{'n' * 300}}}\n"),
    Bad(
        "directory-binary",
        65,
        ("conf/bin", "UTF-8"),
        config="outputs:\n  - {path: d/, from: file://conf}\n",
        files={"conf/bin": b"\xff" + CANARY.encode()},
    ),
    Bad(
        "directory-large",
        65,
        ("conf", "8 MiB"),
        config="outputs:\n  - {path: d/, from: file://conf}\n",
        files={"conf/a": _sparse, "conf/b": "x"},
    ),
    Bad(
        "directory-dead-link",
        65,
        ("conf/a",),
        config="outputs:\n  - {path: d/, from: file://conf}\n",
        files={"conf/a": _link_to_nothing},
    ),
]
