"""A provider of somebody else: installed beside secretfetch it is found, listed, connected and asked."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent / "secretfetch-sqlite"
PAGE = Path(__file__).parents[2] / "docs" / "write-a-provider.md"

RUN = """
import json, sys, time
from secretfetch.plan import Store
from secretfetch.provider import SecretRef
from secretfetch.stores import Stores, installed

ref = SecretRef("app", "db")
with Stores({"app": Store("app", "sqlite", {"path": sys.argv[1]})}) as stores:
    stores.check()
    value = stores.fetch({ref: None}, deadline=time.monotonic() + 60)[ref]
print(json.dumps({
    "value": value.data.decode(),
    "listed": [one for one in installed() if one.name == "sqlite"],
    "from": sys.modules["secretfetch_sqlite"].__file__,
}))
"""


@pytest.fixture
def site(tmp_path):
    """Give a directory with the example as an installer leaves it: the package, and metadata made from its project."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    folder = tmp_path / "site"
    shutil.copytree(EXAMPLE / "secretfetch_sqlite", folder / "secretfetch_sqlite")
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(metadata)
    groups = project["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in named.items()) for group, named in groups
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture
def database(tmp_path):
    """Give a database with one secret."""
    path = tmp_path / "secrets.db"
    database = sqlite3.connect(path)
    with database:
        database.execute("CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL, version INTEGER NOT NULL)")
        database.execute("INSERT INTO secrets VALUES ('db', 'hunter2', 1)")
    database.close()
    return path


def test_an_installed_provider_is_found_and_used(site, database):
    """Nothing but its metadata on the path makes `sqlite` a provider, in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(site)}
    run = subprocess.run([sys.executable, "-c", RUN, database], env=env, capture_output=True, text=True, check=True)
    said = json.loads(run.stdout)
    assert said == {
        "value": "hunter2",
        "listed": [["sqlite", "secretfetch_sqlite:connect", "secretfetch-sqlite", "1.0", ""]],
        "from": str(site / "secretfetch_sqlite" / "__init__.py"),
    }


def test_without_its_metadata_it_is_unknown(site, database):
    """A package that merely lies there is no provider; the message says what there is."""
    shutil.rmtree(next(site.glob("*.dist-info")))
    env = {**os.environ, "PYTHONPATH": str(site)}
    run = subprocess.run([sys.executable, "-c", RUN, database], env=env, capture_output=True, text=True, check=False)
    assert 'store "app": unknown provider "sqlite"' in run.stderr


def test_the_page_shows_the_example_as_it_is():
    """Every code block of the page that names a file is a part of that file, and every file is shown."""
    blocks = re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)
    for name, block in blocks:
        assert block in (EXAMPLE / name).read_text(), f"{name} does not hold\n{block}"
    shown = {name for name, _ in blocks}
    assert shown == {"pyproject.toml", "secretfetch_sqlite/__init__.py", "tests/test_sqlite_contract.py"}
