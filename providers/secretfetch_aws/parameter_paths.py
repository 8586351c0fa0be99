"""A path of Parameter Store as one JSON object. What does not belong here: single parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from secretfetch.provider import MAX_VALUE_BYTES, DataError, NotFound, SecretValue, Unavailable, Unchanged, Version
from secretfetch_aws.parameter_asks import encoded, stamp
from secretfetch_aws.services import PARAMETER_STORE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.provider import Outcome
    from secretfetch_aws.parameter_asks import Ask
    from secretfetch_aws.transport import Transport
    from secretfetch_aws.trouble import Trouble


def fetch(ask: Ask, transport: Transport, trouble: Trouble) -> Outcome:
    """Read everything below a path.

    Raises:
        Refusal: AWS refuses.
        SecretError: AWS cannot be reached, or holds more than fits.
    """
    below = _below(ask, transport)
    if not below:
        return NotFound(
            f'no parameter {"" if ask.recursive else "directly "}below "{ask.name}" in {ask.region}',
            *trouble.near.folder_notes(ask.region, ask.name),
        )
    version = _version(below)
    if version == ask.held:
        return Unchanged()
    values = {name: below[name].get("Value") for name in sorted(below)}
    data = encoded(json.dumps(values, ensure_ascii=False, separators=(",", ":")))
    if data is None:
        return DataError(f'a parameter below "{ask.name}" in {ask.region} holds no text')
    return SecretValue(data, version)


def _below(ask: Ask, transport: Transport) -> dict[str, Mapping[str, Any]]:
    """Return the parameters by their names below the path."""
    parameters: dict[str, Any] = {
        "Path": ask.name.rstrip("/") or "/",
        "Recursive": ask.recursive,
        "WithDecryption": True,
        "MaxResults": 10,
    }
    found: dict[str, Mapping[str, Any]] = {}
    seen = {""}
    size = 0
    while True:
        answer = transport.call(PARAMETER_STORE.id, ask.region, "GetParametersByPath", parameters)
        for item in answer["Parameters"]:
            found[str(item["Name"]).removeprefix(ask.name)] = item
            size += len(item.get("Value", ""))
        if size > MAX_VALUE_BYTES:
            raise DataError(f'below "{ask.name}" in {ask.region} are more than {MAX_VALUE_BYTES} bytes')
        token = answer.get("NextToken") or ""
        if not token:
            return found
        if token in seen:
            raise Unavailable(f"{PARAMETER_STORE.title} in {ask.region} repeats itself while listing {ask.name}")
        seen.add(token)
        parameters["NextToken"] = token


def _version(below: Mapping[str, Mapping[str, Any]]) -> Version:
    """Return what changes with every parameter that is added, written or removed."""
    from hashlib import sha256  # noqa: PLC0415 - only for paths

    states = [[name, item.get("Version"), stamp(item.get("LastModifiedDate"))] for name, item in sorted(below.items())]
    return Version(sha256(json.dumps(states).encode()).hexdigest())
