"""Refs of Parameter Store, read and checked; and how they go together in requests.

What does not belong here: asking.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secretfetch.provider import ConfigError, DataError, SecretValue, Unchanged, Version
from secretfetch_aws import arns
from secretfetch_aws.services import PARAMETER_STORE, About

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretfetch.provider import Outcome, SecretRef

_CHUNK = 10  # the most names of one GetParameters
_KEY = os.urandom(16)


@dataclass(frozen=True, slots=True)
class Ask:
    """One wanted ref.

    Attributes:
        ref: As the core has it.
        held: The version held.
        base: Name or ARN as written, without version or label.
        name: The name alone; of an ARN with a slash in front, which the parameter itself may lack.
        selector: Version or label, or nothing.
        region: To ask; empty until known.
        recursive: Of a path: the whole tree.
    """

    ref: SecretRef
    held: Version | None
    base: str
    name: str
    selector: str
    region: str
    recursive: bool

    @property
    def is_path(self) -> bool:
        """Everything below a path, rather than one parameter."""
        return self.name.endswith("/")

    @property
    def asked(self) -> str:
        """What `GetParameters` is asked for."""
        return f"{self.base}:{self.selector}" if self.selector else self.base

    @property
    def about(self) -> About:
        """For messages."""
        kind = "version" if self.selector.isdigit() else "label"
        version = f"{kind} {self.selector}" if self.selector else ""
        return About(PARAMETER_STORE, self.region, self.base, self.name, version)


def read(ref: SecretRef, held: Version | None) -> Ask:
    """Read a ref.

    Raises:
        ConfigError: An argument that parameters do not have, two versions, or an ARN of something else.
    """
    _check_params(ref)
    arn = arns.of_service(ref.key, "ssm", "parameter/")
    resource = arn.resource.removeprefix("parameter") if arn else ref.key
    name, _, selector = resource.partition(":")
    base = ref.key.removesuffix(f":{selector}") if selector else ref.key
    if not name.strip("/") and name != "/":
        raise ConfigError("the name of the parameter is missing", ("form", "aws-ssm://NAME or aws-ssm:///PATH/NAME"))
    selectors = [text for text in (selector, ref.version, ref.param("label")) if text]
    if len(selectors) > 1:
        raise ConfigError(f'"{ref.key}" is to have one version or label, not {" and ".join(selectors)}')
    ask = Ask(
        ref, held, base, name, "".join(selectors), arn.region if arn else "", ref.param("recursive").lower() == "true"
    )
    _check_path(ask)
    return ask


def _check_params(ref: SecretRef) -> None:
    for name, value in ref.params:
        if name == "stage":
            fix = 'stages are of Secrets Manager; a parameter has "label" and "version"'
            raise ConfigError(f'"stage" does not go with the parameter "{ref.key}"', ("fix", fix))
        if name not in {"label", "recursive"}:
            fix = 'a parameter has "label" and "version", a path has "recursive"'
            raise ConfigError(f'"{name}" does not go with the parameter "{ref.key}"', ("fix", fix))
        if name == "recursive" and value.lower() not in {"true", "false", ""}:
            raise ConfigError(f'"recursive" of "{ref.key}" is neither true nor false')


def _check_path(ask: Ask) -> None:
    if not ask.is_path:
        if ask.recursive:
            raise ConfigError(f'"recursive" does not go with "{ask.base}"', ("fix", "a path ends in /"))
        return
    if ask.selector:
        raise ConfigError(f'the path "{ask.base}" can have no version or label', ("fix", "only a parameter has them"))
    if not ask.name.startswith("/"):
        raise ConfigError(f'the path "{ask.base}" must begin with /', ("meant", f'"/{ask.base}"?'))


def chunks(asks: Iterable[Ask]) -> list[dict[str, list[Ask]]]:
    """Return requests: the names of each, and the asks that wait for them.

    No request names one parameter twice, whatever the version or spelling: of those AWS answers one, or refuses all.
    """
    waiting: dict[str, list[Ask]] = {}
    for ask in asks:
        waiting.setdefault(ask.asked, []).append(ask)
    requests: list[dict[str, list[Ask]]] = []
    taken: list[set[str]] = []
    for asked, those in waiting.items():
        key = _key(those[0].name)
        place = next((at for at, keys in enumerate(taken) if key not in keys and len(keys) < _CHUNK), len(requests))
        if place == len(requests):
            requests.append({})
            taken.append(set())
        requests[place][asked] = those
        taken[place].add(key)
    return requests


def match(names: Iterable[str], answers: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Find the answer of each name asked for in one request; within it parameters are told apart by their names."""
    by_key = {}
    for answer in answers:
        by_key[_key(answer.get("Name", ""))] = answer
    found = {}
    for asked in names:
        key = _key(asked.partition(":parameter")[2] if asked.startswith("arn:") else asked)
        if key in by_key:
            found[asked] = by_key[key]
    return found


def _key(name: str) -> str:
    """An ARN does not tell `/a` from `a`; nor does this, which only keeps the two out of one request."""
    if name.startswith("arn:"):
        name = name.partition(":parameter")[2]
    return re.sub(r":[^:/]*$", "", name).lstrip("/")


def value_of(answer: Mapping[str, Any], ask: Ask) -> Outcome:
    """Return what an answer holds, byte for byte."""
    data = encoded(answer.get("Value"))
    if data is None:
        return DataError(f"{ask.about.object} in {ask.region} holds no text")
    version = Version(f"{answer.get('Version')}@{stamp(answer.get('LastModifiedDate'))}{_foreign(answer, data)}")
    return Unchanged() if version == ask.held else SecretValue(data, version)


def _foreign(answer: Mapping[str, Any], data: bytes) -> str:
    """Tell states of `/aws/reference/secretsmanager/...` apart: another service's value, whose version is always 0.

    The key makes the text useless for guessing the value.
    """
    if not answer.get("SourceResult"):
        return ""
    from hashlib import blake2b  # noqa: PLC0415 - rarely needed

    return "#" + blake2b(data, digest_size=16, key=_KEY).hexdigest()


def encoded(text: Any) -> bytes | None:
    """Return text as bytes, None where there is none."""
    try:
        return text.encode() if isinstance(text, str) else None
    except UnicodeEncodeError:
        return None


def stamp(moment: Any) -> str:
    """Return a moment, which may be a `datetime` or seconds, as text that is the same on every machine."""
    seconds = moment.timestamp() if hasattr(moment, "timestamp") else moment
    return f"{seconds:.3f}" if isinstance(seconds, int | float) else ""
