"""Takes out of the installed packages what no run needs: other services' models, tests, type stubs, installers' notes.

Runs in the build stage of the Dockerfile, in the environment it takes from. What does not belong here: what is
installed at all (pyproject.toml, uv.lock).
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

# The stores and the SDK's logins: assumed roles and web identities, single sign-on, `aws login`.
SERVICES = {"secretsmanager", "ssm", "sts", "sso", "sso-oidc", "signin"}
FOLDERS = {"__pycache__", "tests", "test"}
ENDINGS = (".pyi", ".pyx", ".pxd", ".c", ".h")
NOTES = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
PROGRAMS = {"secretfetch"}


def trim(site: Path, programs: Path) -> None:
    """Take away what is not needed.

    Args:
        site: The folder of the packages.
        programs: The folder of their programs.
    """
    for service in (site / "botocore" / "data").glob("*/"):
        if service.name not in SERVICES:
            shutil.rmtree(service)
    for examples in (site / "botocore" / "data").glob("*/*/examples-1*"):
        examples.unlink()
    _thin(site)
    for rest in (".gitignore", ".lock", "CACHEDIR.TAG"):  # of the environment's maker
        (programs.parent / rest).unlink(missing_ok=True)
    for program in programs.iterdir():
        if program.name not in PROGRAMS and not program.name.startswith("python"):
            program.unlink()


def _thin(site: Path) -> None:
    for folder, inner, files in os.walk(site):
        for name in FOLDERS.intersection(inner):
            shutil.rmtree(Path(folder) / name)
            inner.remove(name)
        for name in files:
            if name.endswith(ENDINGS) or (folder.endswith(".dist-info") and name in NOTES):
                (Path(folder) / name).unlink()


if __name__ == "__main__":
    trim(Path(sysconfig.get_path("purelib")), Path(sys.prefix) / "bin")
