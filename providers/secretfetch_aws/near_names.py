"""Hints: names near to one that does not exist, where the caller may list. Never an error of its own.

One request per connection, region and beginning; after a refusal none at all. What does not belong here: fetching.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from secretfetch.provider import SecretError, meant
from secretfetch_aws.transport import Refusal

if TYPE_CHECKING:
    from secretfetch_aws.services import Service
    from secretfetch_aws.transport import Transport

Notes = tuple[tuple[str, str], ...]


class NearNames:
    """Looks names up and remembers them."""

    def __init__(self, transport: Transport, service: Service) -> None:
        self._transport = transport
        self._service = service
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], list[str]] = {}
        self._refused: set[str] = set()

    def notes(self, region: str, name: str) -> Notes:
        """Return the note `meant "prod/db"?`, or none."""
        with self._lock:
            return meant(name, [known for known in self._names(region, name) if known != name])

    def has(self, region: str, name: str) -> bool:
        """Tell whether a name is listed; False also where that cannot be learnt."""
        with self._lock:
            return name in self._names(region, name)

    def folder_notes(self, region: str, path: str) -> Notes:
        """Return the note for a path that ends in `/`: the paths of near names."""
        with self._lock:
            names = self._names(region, path.rstrip("/"))
        return meant(path, {name.rpartition("/")[0] + "/" for name in names if "/" in name[1:]})

    def _names(self, region: str, name: str) -> list[str]:
        start = _beginning(name)
        if region not in self._refused and (region, start) not in self._known:
            try:
                self._known[region, start] = self._list(region, start)
            except (Refusal, SecretError):
                self._refused.add(region)
        return self._known.get((region, start), [])

    def _list(self, region: str, start: str) -> list[str]:
        parameters: dict[str, Any]
        if self._service.id == "ssm":
            only = [{"Key": "Name", "Option": "BeginsWith", "Values": [start]}]
            parameters = {"MaxResults": 50, "ParameterFilters": only}
            member = "Parameters"
        else:
            parameters = {"MaxResults": 100, "Filters": [{"Key": "name", "Values": [start]}]}
            member = "SecretList"
        answer = self._transport.call(self._service.id, region, self._service.list_operation, parameters)
        return [item["Name"] for item in answer[member] if "Name" in item]


def _beginning(name: str) -> str:
    """Most slips are in the last part of a name, so the first is what one page is asked for."""
    folder = name.rpartition("/")[0]
    return folder + "/" if folder else name[:2]
