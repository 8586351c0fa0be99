"""Manifests of the deploy examples, taken apart: their configs, containers and volumes.

What does not belong here: running any of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[1] / "deploy-examples"
IMAGE = "secretfetch"
WORKLOADS = ("pod.yaml", "job.yaml", "deployment.yaml")


def manifests() -> list[Path]:
    """Return every manifest of an example that is written to be applied as it is."""
    return sorted(
        path for name in WORKLOADS for path in EXAMPLES.glob(f"*/{name}") if path.parent.name != "portkey-app-aws"
    )


def documents(path: Path) -> list[dict[str, Any]]:
    """Read a manifest."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def workload(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the pod of a manifest, as `{metadata, spec}`."""
    (one,) = [document for document in found if document["kind"] in ("Pod", "Job", "Deployment")]
    return one if one["kind"] == "Pod" else one["spec"]["template"]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all containers of a pod in the order of their start."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def ours(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the containers that run secretfetch."""
    return [container for container in containers(pod) if container["image"].partition(":")[0] == IMAGE]


def config_maps(found: list[dict[str, Any]]) -> dict[str, str]:
    """Return the config of each ConfigMap by its name."""
    return {one["metadata"]["name"]: one["data"]["config.yaml"] for one in found if one["kind"] == "ConfigMap"}


def mounts(pod: dict[str, Any], container: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the volumes of a container by the paths where it sees them."""
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    return {mount["mountPath"]: volumes[mount["name"]] | mount for mount in container["volumeMounts"]}
