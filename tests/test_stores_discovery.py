"""Finding providers by name: the table, the metadata, and what is said when neither knows or both do."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from secretfetch_file import connect_file

from secretfetch.errors import ConfigError
from secretfetch.stores import BUILT_IN, GROUP, discovery, find, installed, known_names

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def distribution(folder: Path, name: str, entry_points: dict[str, str], code: str = "") -> None:
    """Lay down what an installer would: a module and its metadata."""
    info = folder / f"{name.replace('-', '_')}-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    lines = "".join(f"{key} = {value}\n" for key, value in entry_points.items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")
    (folder / f"{name.replace('-', '_')}.py").write_text(code)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Give a directory that Python looks for packages in."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_the_table_is_what_the_package_declares():
    """Our own providers are entry points as anybody's, and the table repeats them."""
    declared = tomllib.loads(PROJECT.read_text())["project"]["entry-points"][GROUP]
    assert declared == BUILT_IN


def test_a_built_in_name_is_found_without_metadata(monkeypatch):
    """Metadata costs tens of milliseconds, so no built-in name reads it."""
    monkeypatch.setattr(discovery, "_claims", lambda *_: pytest.fail("metadata was read"))
    assert find("file") is connect_file


def test_finding_one_imports_no_other():
    """Only the provider that is asked for is imported."""
    code = (
        "import sys; from secretfetch.stores import find; find('file');"
        "print([name for name in ('secretfetch_aws', 'importlib.metadata', 'tenacity', 'msgspec', 'yaml', "
        "'concurrent.futures', 'random', 'logging') if name in sys.modules])"
    )
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"


def test_another_distribution_is_found_through_its_entry_point(site):
    """Third parties come in by the same door."""
    distribution(site, "sf-shelf", {"shelf": "sf_shelf:connect"}, "def connect(settings): return 'connected'")
    assert find("shelf")({}) == "connected"
    assert "shelf" in known_names()


def test_two_owners_of_a_name_are_an_error(site):
    """Never last wins: whoever installed both has to choose."""
    distribution(site, "sf-one", {"shelf2": "sf_one:connect"})
    distribution(site, "sf-two", {"shelf2": "sf_two:connect"})
    with pytest.raises(ConfigError, match=r"sf-one \(sf_one:connect\) and sf-two \(sf_two:connect\)"):
        find("shelf2")


def test_a_stranger_cannot_take_a_built_in_name(site):
    """The table wins without looking, and the listing tells of the claim."""
    distribution(site, "sf-thief", {"file": "sf_thief:connect"}, "raise SystemExit")
    assert find("file") is connect_file
    claims = [one for one in installed() if one.name == "file"]
    assert [(one.distribution, one.problem) for one in claims] == [
        ("secretfetch", ""),
        ("sf-thief", "not used: the name belongs to secretfetch"),
    ]


def test_the_listing_has_all_and_imports_none(site):
    """Every name with its owner and version, problems told; not even a broken provider is run."""
    distribution(site, "sf-loud", {"loud": "sf_loud:connect", "lost": "sf_lost:connect"}, "raise SystemExit")
    distribution(site, "sf-rival", {"loud": "sf_rival:connect"})
    listed = installed()
    assert {one.name for one in listed} >= {*BUILT_IN, "loud", "lost"}
    assert [one for one in listed if one.name in ("loud", "lost")] == [
        ("lost", "sf_lost:connect", "sf-loud", "1.5", "not found: sf_lost"),
        ("loud", "sf_loud:connect", "sf-loud", "1.5", "not used: offered by more than one distribution"),
        ("loud", "sf_rival:connect", "sf-rival", "1.5", "not used: offered by more than one distribution"),
    ]


def test_the_listing_tells_of_an_extra_that_is_not_installed(monkeypatch):
    """A provider of ours whose SDK is missing is listed with the command that brings it."""
    monkeypatch.setattr(discovery, "_can_be_found", lambda module: module != "botocore")
    problems = {one.name: one.problem for one in installed() if one.distribution == "secretfetch"}
    assert problems["aws-sm"] == "needs pip install 'secretfetch[aws]'"
    assert problems["file"] == ""


def test_an_unknown_name_is_told_with_near_matches():
    """A typing error in a scheme names what was meant, and all that there is."""
    with pytest.raises(ConfigError, match='unknown provider "aws-smm"') as caught:
        find("aws-smm")
    notes = dict(caught.value.notes)
    assert '"aws-sm"' in notes["meant"]
    assert notes["known"].startswith("aws-sm, aws-ssm, azure-kv, env, file, vault")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import no_such_sdk", "no_such_sdk cannot be imported"),
        ("", "names sf_poor:connect, which is no function"),
        ("connect = 1", "names sf_poor:connect, which is no function"),
    ],
)
def test_a_provider_that_cannot_be_loaded_is_an_error_of_the_config(site, code, message):
    """The message names the provider and what is missing; the fix names its distribution."""
    sys.modules.pop("sf_poor", None)
    distribution(site, "sf-poor", {"poor": "sf_poor:connect"}, code)
    with pytest.raises(ConfigError, match="poor") as caught:
        find("poor")
    assert message in str(caught.value)
    if "import" in message:
        assert caught.value.notes == (("fix", "pip install --upgrade sf-poor"),)


def test_a_missing_sdk_of_ours_names_the_extra(monkeypatch):
    """The fix can be copied into a shell."""
    monkeypatch.setitem(sys.modules, "secretfetch_aws", None)
    with pytest.raises(ConfigError, match="aws-sm") as caught:
        find("aws-sm")
    assert caught.value.notes == (("fix", "pip install 'secretfetch[aws]'"),)
