"""What is built is what lies here: folders, wheel contents, entry points, the table of names."""

import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from secretfetch import __version__
from secretfetch.stores import BUILT_IN, GROUP

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_provider_folder_is_packaged():
    """hatchling leaves out a folder that its list lacks, without a word."""
    folders = {
        f"providers/{path.name}" for path in (ROOT / "providers").iterdir() if path.name.startswith("secretfetch")
    }
    listed = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert folders | {"secretfetch"} == listed


def test_the_table_of_names_is_that_of_the_entry_points():
    """Our own providers are found by a table; others by entry points; both say the same of ours."""
    declared = PROJECT["project"]["entry-points"][GROUP]
    installed = {
        point.name: point.value
        for point in entry_points(group=GROUP)
        if point.dist and point.dist.name == "secretfetch"
    }
    assert declared == BUILT_IN == installed


def test_the_linter_contracts_name_every_provider():
    """A new provider is held to the rules from its first day."""
    packages = {path.name for path in (ROOT / "providers").iterdir() if path.name.startswith("secretfetch")}
    contracts = {contract["name"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
    assert packages <= set(contracts["The core knows no provider and no SDK"]["forbidden_modules"])
    assert packages == set(contracts["A provider imports only secretfetch.provider"]["source_modules"])
    assert packages == set(contracts["Providers do not know each other"]["modules"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel, without the network."""
    target = tmp_path_factory.mktemp("wheel")
    build = f"import hatchling.build as b; print(b.build_wheel({str(target)!r}))"
    subprocess.run([sys.executable, "-c", build], cwd=ROOT, check=True, capture_output=True)
    (file,) = target.glob("*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_holds_the_packages_and_nothing_else(wheel):
    """Every module of the packages, their type markers, and no test or document."""
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    expected = {
        str(file.relative_to(ROOT)).removeprefix("providers/")
        for package in packages
        for file in (ROOT / package).rglob("*")
        if file.suffix == ".py" or file.name == "py.typed"
    }
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert expected == held
    assert {f"{package.removeprefix('providers/')}/py.typed" for package in packages} <= held


def test_the_wheel_says_what_it_is(wheel):
    """Version, licence and the console script."""
    names = {name.rpartition("/")[2]: name for name in wheel.namelist() if ".dist-info/" in name}
    metadata = wheel.read(names["METADATA"]).decode()
    assert f"Version: {__version__}" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert "LICENSE" in names
    assert "secretfetch = secretfetch.__main__:main" in wheel.read(names["entry_points.txt"]).decode()
