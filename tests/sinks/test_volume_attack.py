"""Another container that may write to the volume puts links in the way: nothing is ever written outside."""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from sinks.volumes import Time, fingerprint, tree, visible, wanted, write

from secretfetch.errors import OutputError
from secretfetch.sinks.volume import VolumeWriter, compare

if TYPE_CHECKING:
    from pathlib import Path

OLD = tree(app_env="A='1'", tls__tls_crt="cert")
NEW = tree(app_env="A='2'", tls__tls_crt="cert2", tls__tls_key="key")


@pytest.fixture
def outside(tmp_path):
    """A directory with files that no test may change."""
    path = tmp_path / "outside"
    (path / "tls").mkdir(parents=True)
    (path / "app.env").write_text("precious")
    (path / "tls/tls.crt").write_text("precious")
    return path


def _instead(path: Path, target: Path) -> None:
    """Put a link where something was."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        path.rename(path.with_name("moved"))
    path.symlink_to(target)


@pytest.mark.parametrize("layout", ["swap", "flat"])
@pytest.mark.parametrize("name", ["app.env", "tls", "..data", "generation", "generation file", "generation directory"])
def test_a_link_that_leads_outside_is_replaced_or_refused(tmp_path, outside, layout, name):
    """Wherever the link is: what it leads to is neither written nor removed, nor given another mode."""
    root = tmp_path / "v"
    write(root, OLD, layout=layout)
    live = root / (os.readlink(root / "..data") if layout == "swap" else "..2020_01_01_01_01_01.1")
    live.mkdir(exist_ok=True)
    path = {"generation": live, "generation file": live / "app.env", "generation directory": live / "tls"}.get(
        name, root / name
    )
    _instead(
        path, outside / "app.env" if path.name == "app.env" else outside / "tls" if path.name == "tls" else outside
    )
    before = fingerprint(outside)
    with suppress(OutputError):
        write(root, NEW, layout=layout)
        assert visible(root).items() >= wanted(NEW).items()
        write(root, {}, layout=layout)
    assert fingerprint(outside) == before


@pytest.mark.parametrize("layout", ["swap", "flat"])
def test_a_lock_that_is_a_link_is_refused(tmp_path, outside, layout):
    """Neither followed nor made."""
    root = tmp_path / "v"
    root.mkdir()
    (root / "..lock").symlink_to(outside / "made")
    with pytest.raises(OutputError, match="a symbolic link is in the way"):
        write(root, NEW, layout=layout)
    assert not (outside / "made").exists()


@pytest.mark.parametrize("layout", ["swap", "flat"])
@pytest.mark.parametrize(
    "forged",
    [
        {
            "files": ["../outside/app.env", "/etc/hostname", "link/app.env", "a/../../outside/app.env"],
            "directories": ["../outside"],
        },
        {"files": ["link/tls/tls.crt"], "directories": ["link/tls", "link"]},
        {"files": [1, None, ["x"]], "directories": [{}]},
        {"files": 1, "directories": None},
        [],
        "text",
    ],
)
def test_a_forged_list_removes_nothing_outside(tmp_path, outside, layout, forged):
    """The list of a flat volume is checked like anything that others could have written."""
    root = tmp_path / "v"
    write(root, OLD, layout="flat")
    (root / "link").symlink_to(outside)
    (root / "..files").write_text(json.dumps(forged))
    before = fingerprint(outside)
    with suppress(OutputError):
        write(root, NEW, layout=layout)
    with suppress(OutputError):
        write(root, {}, layout=layout)
    assert fingerprint(outside) == before


def test_a_list_that_is_a_link_or_no_json_is_no_list(tmp_path, outside):
    """It is replaced by a sound one, and what it led to stays."""
    root = tmp_path / "v"
    for damage in (
        lambda: (root / "..files").symlink_to(outside / "app.env"),
        lambda: (root / "..files").write_text("{"),
    ):
        write(root, OLD, layout="flat")
        (root / "..files").unlink()
        damage()
        write(root, NEW, layout="flat")
        assert not (root / "..files").is_symlink()
        assert json.loads((root / "..files").read_text())["files"] == sorted(NEW)
    assert (outside / "app.env").read_text() == "precious"


@pytest.mark.parametrize("layout", ["swap", "flat"])
@pytest.mark.parametrize("name", ["tls", "tls/tls.crt"])
def test_comparing_follows_no_link(tmp_path, outside, layout, name):
    """What stands outside is not taken for what was written, even where the bytes are the same."""
    root = tmp_path / "v"
    files = tree(tls__tls_crt="precious")
    (outside / "tls/tls.crt").chmod(0o440)
    write(root, files, layout=layout)
    _instead((root if layout == "flat" else root / os.readlink(root / "..data")) / name, outside / name)
    assert compare(str(root), files)


def test_a_fifo_does_not_hold_us_up(tmp_path):
    """A pipe is never waited for: one of ours is replaced, one that stands where a file belongs is refused."""
    write(tmp_path, OLD, layout="flat")
    (tmp_path / "..files").unlink()
    os.mkfifo(tmp_path / "..files")
    write(tmp_path, NEW, layout="flat")
    assert visible(tmp_path) == wanted(NEW)
    (tmp_path / "app.env").unlink()
    os.mkfifo(tmp_path / "app.env")
    with pytest.raises(OutputError, match=r"app\.env.*pipe"):
        write(tmp_path, OLD, layout="flat")


@pytest.mark.parametrize("layout", ["swap", "flat"])
def test_links_that_come_and_go_while_we_write(memory_path, outside, layout):
    """An attacker flips names of the volume between links and nothing as fast as it can: nothing changes outside."""
    root = memory_path / "v"
    write(root, OLD, layout=layout)
    before = fingerprint(outside)
    stop, flips = threading.Event(), 0

    def attack() -> None:
        nonlocal flips
        while not stop.is_set():
            for name in os.listdir(root):
                path = root / name
                aside = root / f"aside{flips}"
                with suppress(OSError):
                    path.rename(aside)
                    path.symlink_to(outside)
                    flips += 1
                with suppress(OSError):
                    path.unlink()

    attacker = threading.Thread(target=attack)
    attacker.start()
    published = 0
    for number in range(300):
        writer = VolumeWriter(str(root), layout=layout, grace=0, outside=Time().outside(lock_timeout=0))
        with suppress(OutputError):
            writer.stage(NEW if number % 2 else OLD).publish()
            published += 1
        writer.close()
        if flips > 3000:
            break
    stop.set()
    attacker.join()
    assert flips > 20
    assert fingerprint(outside) == before
