"""Lists what was installed: a bill of materials (CycloneDX 1.6, JSON), and the licences with their texts.

Written from what lies in the environment, not from what was asked for. What does not belong here: the base image's own
packages, which its distribution lists (`/var/lib/dpkg`).
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

TEXTS = ("licen", "copying", "notice", "authors")


def licence(distribution: Distribution) -> str:
    """Return what a package says of its licence: an SPDX expression where it has one, else its words."""
    meta = distribution.metadata
    words = [line.rpartition(" :: ")[2] for line in meta.get_all("Classifier") or () if line.startswith("License ::")]
    told = (meta.get("License") or "").strip()
    short = "" if "\n" in told else told  # some put the whole text there
    return meta.get("License-Expression") or short or " AND ".join(words) or "see its text"


def component(distribution: Distribution, kind: str = "library") -> dict[str, Any]:
    """Return the entry of a package."""
    name, version = distribution.name, distribution.version
    url = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    expression = distribution.metadata.get("License-Expression")
    said = {"expression": expression} if expression else {"license": {"name": licence(distribution)}}
    return {"type": kind, "bom-ref": url, "name": name, "version": version, "purl": url, "licenses": [said]}


def bill(packages: list[Distribution]) -> dict[str, Any]:
    """Return the document; the same packages give the same bytes."""
    (own,) = (package for package in packages if package.name == "secretfetch")
    python = {"type": "platform", "bom-ref": "python", "name": "python", "version": platform.python_version()}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component(own, "application")},
        "components": [python, *(component(package) for package in packages if package is not own)],
    }


def texts(distribution: Distribution) -> list[Path]:
    """Return the files of a package that hold its licence."""
    meta = Path(str(distribution.locate_file(""))).glob(f"{distribution.name.replace('-', '_')}-*.dist-info")
    files = (file for folder in meta for file in folder.rglob("*") if file.is_file())
    return sorted(file for file in files if file.name.lower().startswith(TEXTS))


def main(folder: Path) -> None:
    """Write `sbom.cdx.json`, `licences.txt` and `licences/PACKAGE/` into a folder."""
    packages = sorted(distributions(), key=lambda package: package.name.lower())
    folder.mkdir(parents=True)
    (folder / "sbom.cdx.json").write_text(json.dumps(bill(packages), indent=2) + "\n")
    lines = [f"{package.name} {package.version}: {licence(package)}\n" for package in packages]
    (folder / "licences.txt").write_text("".join(lines))
    for package in packages:
        for text in texts(package):
            target = folder / "licences" / package.name / text.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(text, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
