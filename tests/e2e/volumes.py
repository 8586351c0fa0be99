"""Volumes as the kubelet makes them, for podman, which knows no `medium`, `sizeLimit` or `fsGroup`.

What does not belong here: what is mounted where.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9}


def empty_dir(folder: Path, spec: dict[str, Any], group: int | None) -> None:
    """Make an emptyDir: in memory if it says so, as large as it says, of the pod's group and passing it on.

    Args:
        folder: Where it is to be; does not exist.
        spec: `emptyDir` of the volume.
        group: `fsGroup`, or None.
    """
    folder.mkdir(parents=True)
    if spec.get("medium") == "Memory":
        number, unit = re.fullmatch(r"(\d+)(\w*)", str(spec.get("sizeLimit", "64Mi"))).groups()  # type: ignore[union-attr]
        size = int(number) * _UNITS[unit]
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    if group is not None:
        os.chown(folder, 0, group)
    folder.chmod(0o777 if group is None else 0o2777)


def remove(folder: Path) -> None:
    """Unmount what `empty_dir` has mounted."""
    if os.path.ismount(folder):
        subprocess.run(["umount", "--lazy", folder], check=True)
