"""What is in a Secret that is there, and what of it is ours. Pure. What does not belong here: asking for it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from secretfetch.sinks.writer import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWNER, _END = 'k:{"uid":"', '"}'  # how managed fields name an owner
MANAGER = "secretfetch"
"""Our field manager: what a person sees in `kubectl get secret -o yaml --show-managed-fields`."""


@dataclass(frozen=True, slots=True)
class Found:
    """A Secret as it is there.

    Attributes:
        data: By key.
        kind: Its type.
        marks: Labels and annotations, by `label/NAME` and `annotation/NAME`.
        owners: The uids of its owners.
        owned: What our field manager has applied: `data/KEY`, `label/NAME`, `annotation/NAME`, `owner/UID`.
    """

    data: Mapping[str, bytes] = field(repr=False)
    kind: str
    marks: Mapping[str, str] = field(repr=False)
    owners: frozenset[str]
    owned: frozenset[str]

    def ours(self) -> frozenset[str]:
        """Return the keys that we have applied."""
        return frozenset(name.removeprefix("data/") for name in self.owned if name.startswith("data/"))


def found(secret: Mapping[str, Any]) -> Found:
    """Read a Secret as the API server gives it."""
    metadata = secret.get("metadata") or {}
    return Found(
        {key: _decoded(text) for key, text in (secret.get("data") or {}).items()},
        secret.get("type") or "Opaque",
        _marks(metadata),
        frozenset(owner["uid"] for owner in metadata.get("ownerReferences") or []),
        frozenset(_owned(metadata.get("managedFields") or [])),
    )


def change(there: Found | None, body: Mapping[str, Any]) -> Change:
    """Return what applying a body changes for those who read the Secret."""
    wanted = {key: _decoded(text) for key, text in body["data"].items()}
    if there is None:
        return Change(added=frozenset(wanted))
    return Change(
        frozenset(wanted.keys() - there.data.keys()),
        frozenset(key for key, value in wanted.items() if there.data.get(key, value) != value),
        (there.ours() & there.data.keys()) - wanted.keys(),
    )


def is_settled(there: Found, body: Mapping[str, Any]) -> bool:
    """Tell whether applying a body would change nothing at all, who has applied what included."""
    if there.kind != body["type"]:
        return False
    marks = _marks(body["metadata"])
    owners = {owner["uid"] for owner in body["metadata"].get("ownerReferences", [])}
    names = {*(f"data/{key}" for key in body["data"]), *marks, *(f"owner/{uid}" for uid in owners)}
    return (
        not change(there, body)
        and there.owned == names
        and owners <= there.owners
        and all(there.marks.get(name) == text for name, text in marks.items())
    )


def _marks(metadata: Mapping[str, Any]) -> dict[str, str]:
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return {f"label/{name}": text for name, text in labels.items()} | {
        f"annotation/{name}": text for name, text in annotations.items()
    }


def _owned(managed: list[Mapping[str, Any]]) -> list[str]:
    fields = [entry.get("fieldsV1") or {} for entry in managed if _is_ours(entry)]
    names: list[str] = []
    for own in fields:
        metadata = own.get("f:metadata") or {}
        names += _names("data", own.get("f:data"))
        names += _names("label", metadata.get("f:labels"))
        names += _names("annotation", metadata.get("f:annotations"))
        owners = metadata.get("f:ownerReferences") or {}
        names += [f"owner/{name.removeprefix(_OWNER).removesuffix(_END)}" for name in owners if _OWNER in name]
    return names


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == MANAGER and entry.get("operation") == "Apply"


def _names(kind: str, fields: Mapping[str, Any] | None) -> list[str]:
    return [f"{kind}/{name[2:]}" for name in fields or {} if name.startswith("f:")]


def _decoded(text: str | None) -> bytes:
    try:
        return base64.b64decode(text or "")
    except (binascii.Error, ValueError):  # the server takes no such thing
        return b""
