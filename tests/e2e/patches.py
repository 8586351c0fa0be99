"""A user's manifest, changed as kustomize would change it, and what podman lacks put in its place.

podman 4.3 plays pods and ConfigMaps. A Job or Deployment gives its pod; a sidecar among the init containers becomes an
ordinary container, to be started before the others; `fsGroup` becomes a supplemental group; volumes become folders of
this machine; probes and variables of the kubelet's are left out. What does not belong here: running anything.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_UNKNOWN = ("startupProbe", "readinessProbe", "livenessProbe", "restartPolicyRules")


@dataclass(frozen=True)
class Patch:
    """What a user would change.

    Attributes:
        name: Of the pod, in place of the manifest's.
        images: By the manifest's names, without registry and tag.
        env: Set in the containers of secretfetch.
        folder: Where its volumes lie on this machine.
        mounts: Further folders of this machine in the containers of secretfetch, by path in the container.
        args: Further arguments of secretfetch, by container.
        config: In place of the ConfigMap's `config.yaml`.
        restart: `restartPolicy`; podman starts failed init containers again and again, without the kubelet's pause.
    """

    name: str
    images: Mapping[str, str]
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, Path] = field(default_factory=dict)
    args: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    config: str = ""
    restart: str = "Never"


@dataclass(frozen=True)
class Patched:
    """What podman plays.

    Attributes:
        text: YAML.
        empty_dirs: Folder of this machine -> `emptyDir`.
        tokens: Files of this machine that are to hold a service account's token -> its audience.
        group: `fsGroup`.
        sidecars: Name of a container that was a sidecar among the init containers -> its startup probe.
        others: Names of the other ordinary containers.
        containers: Names of all, init containers first.
    """

    text: str
    empty_dirs: dict[Path, dict[str, Any]]
    tokens: dict[Path, str]
    group: int | None
    sidecars: dict[str, dict[str, Any]]
    others: list[str]
    containers: list[str]


def patched(manifest: str, patch: Patch) -> Patched:
    """Return a manifest as podman plays it."""
    documents = [document for document in yaml.safe_load_all(manifest) if document]
    configs = [_config(document, patch) for document in documents if document["kind"] == "ConfigMap"]
    (pod,) = (_pod_of(document) for document in documents if document["kind"] in ("Pod", "Job", "Deployment"))
    spec = pod["spec"]
    spec.pop("serviceAccountName", None)
    spec["restartPolicy"] = patch.restart
    context = spec.get("securityContext", {})
    group = context.pop("fsGroup", None)
    if group is not None:
        context["supplementalGroups"] = sorted({group, *context.get("supplementalGroups", ())})
    folders: dict[Path, dict[str, Any]] = {}
    tokens: dict[Path, str] = {}
    spec["volumes"] = [_volume(volume, patch, folders, tokens) for volume in spec.get("volumes", ())]
    sidecars = _containers(spec, patch)
    others = [container["name"] for container in spec["containers"] if container["name"] not in sidecars]
    names = [container["name"] for container in (*spec["initContainers"], *spec["containers"])]
    # podman forgets an init container that has ended, and its log, unless told to run it at each start.
    annotations = {"io.podman.annotations.init.container.type": "always"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": patch.name, "annotations": annotations},
        "spec": spec,
    }
    return Patched(
        yaml.safe_dump_all([*configs, pod], sort_keys=False), folders, tokens, group, sidecars, others, names
    )


def _config(document: dict[str, Any], patch: Patch) -> dict[str, Any]:
    document = copy.deepcopy(document)
    document["metadata"]["name"] = f"{patch.name}-{document['metadata']['name']}"
    if patch.config:
        document["data"]["config.yaml"] = patch.config
    return document


def _pod_of(document: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(document if document["kind"] == "Pod" else document["spec"]["template"])


def _volume(
    volume: dict[str, Any], patch: Patch, folders: dict[Path, dict[str, Any]], tokens: dict[Path, str]
) -> dict[str, Any]:
    name, folder = volume["name"], patch.folder / volume["name"]
    if "configMap" in volume:
        return {**volume, "configMap": {**volume["configMap"], "name": f"{patch.name}-{volume['configMap']['name']}"}}
    if "emptyDir" in volume:
        folders[folder] = volume["emptyDir"] or {}
    elif "projected" in volume:
        for source in volume["projected"]["sources"]:
            token = source["serviceAccountToken"]
            tokens[folder / token["path"]] = token.get("audience", "")
    else:
        raise AssertionError(f"a volume of a kind that podman does not know: {volume}")
    return {"name": name, "hostPath": {"path": str(folder), "type": "Directory"}}


def _containers(spec: dict[str, Any], patch: Patch) -> dict[str, dict[str, Any]]:
    """Patch all containers; sidecars go to the ordinary ones. Return the sidecars' probes by name."""
    inits = spec.pop("initContainers", [])
    sidecars = [container for container in inits if container.pop("restartPolicy", "") == "Always"]
    probes = {container["name"]: container.get("startupProbe", {}) for container in sidecars}
    spec["initContainers"] = [container for container in inits if container not in sidecars]
    spec["containers"] = [*sidecars, *spec["containers"]]
    for number, path in enumerate(patch.mounts.values()):
        spec["volumes"].append({"name": f"patch-{number}", "hostPath": {"path": str(path), "type": "Directory"}})
    for container in (*spec["initContainers"], *spec["containers"]):
        for name in _UNKNOWN:
            container.pop(name, None)
        container["env"] = [v for v in container.get("env", ()) if "fileKeyRef" not in v.get("valueFrom", ())]
        image = container["image"].rpartition("/")[2].partition(":")[0]
        if image not in patch.images:  # an application of the user's
            container["command"] = ["sleep", "600"]
        container["image"] = patch.images.get(image, patch.images["busybox"])
        container["imagePullPolicy"] = "Never"
        if image == "secretfetch":
            _ours(container, patch)
    return probes


def _ours(container: dict[str, Any], patch: Patch) -> None:
    kept = [variable for variable in container["env"] if variable["name"] not in patch.env]
    container["env"] = kept + [{"name": name, "value": value} for name, value in patch.env.items()]
    container["args"] = [*container.get("args", ()), *patch.args.get(container["name"], ())]
    for number, path in enumerate(patch.mounts):
        container["volumeMounts"].append({"name": f"patch-{number}", "mountPath": path, "readOnly": True})
