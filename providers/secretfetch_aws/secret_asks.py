"""Refs of Secrets Manager, read and checked; and which of its answers belongs to which.

What does not belong here: asking.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secretfetch.provider import ConfigError, DataError, SecretValue, Unchanged, Version
from secretfetch_aws import arns
from secretfetch_aws.services import SECRETS_MANAGER, About

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretfetch.provider import Outcome, SecretRef

_INSTEAD = {
    "label": 'labels are of Parameter Store; a secret has "stage" and "version"',
    "recursive": "only paths of Parameter Store have it",
}
_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")


@dataclass(frozen=True, slots=True)
class Ask:
    """One wanted ref.

    Attributes:
        ref: As the core has it.
        held: The version held.
        name: The secret's name; of an ARN it may still have the six signs that Secrets Manager adds.
        region: To ask; empty until known.
        pinned: The ref itself names the region, by an ARN.
    """

    ref: SecretRef
    held: Version | None
    name: str
    region: str
    pinned: bool

    @property
    def id(self) -> str:
        """What Secrets Manager is asked for."""
        return self.ref.key

    @property
    def stage(self) -> str:
        """The staging label asked for, or nothing."""
        return self.ref.param("stage")

    @property
    def current(self) -> bool:
        """Neither version nor stage: what a batch can answer."""
        return not self.ref.version and not self.stage

    @property
    def settled(self) -> bool:
        """A version never changes: who holds it need not ask."""
        return bool(self.ref.version) and not self.stage and self.held == self.ref.version

    @property
    def parameters(self) -> dict[str, str]:
        """Of `GetSecretValue`."""
        given = {"SecretId": self.id, "VersionId": self.ref.version, "VersionStage": self.stage}
        return {name: value for name, value in given.items() if value}

    @property
    def about(self) -> About:
        """For messages."""
        words = [f"version {self.ref.version}"] if self.ref.version else []
        words += [f"stage {self.stage}"] if self.stage else []
        return About(SECRETS_MANAGER, self.region, self.id, self.plain, " with ".join(words))

    @property
    def plain(self) -> str:
        """The name without the signs of a full ARN, for messages."""
        return _SUFFIX.sub("", self.name) if self.pinned else self.name

    @property
    def names(self) -> set[str]:
        """The names that this may be: a full ARN cannot be told from a partial one."""
        return {self.name, self.plain}


def read(ref: SecretRef, held: Version | None) -> Ask:
    """Read a ref.

    Raises:
        ConfigError: An argument that secrets do not have, or an ARN of something else.
    """
    for name, _ in ref.params:
        if name != "stage":
            instead = _INSTEAD.get(name, 'a secret has "stage" and "version"')
            raise ConfigError(f'"{name}" does not go with the secret "{ref.key}"', ("fix", instead))
    if not ref.key:
        raise ConfigError("the name of the secret is missing", ("form", "aws-sm://NAME or aws-sm://ARN"))
    arn = arns.of_service(ref.key, "secretsmanager", "secret:")
    if arn is None:
        return Ask(ref, held, ref.key, "", pinned=False)
    return Ask(ref, held, arn.resource.removeprefix("secret:"), arn.region, pinned=True)


def apart(asks: Sequence[Ask]) -> list[Ask]:
    """Return asks that certainly are different secrets, names before ARNs, so that each answer fits one of them."""
    taken: set[str] = set()
    chosen = []
    for ask in sorted(asks, key=lambda ask: ask.pinned):
        if taken.isdisjoint(ask.names):
            taken |= ask.names
            chosen.append(ask)
    return chosen


def match(asks: Sequence[Ask], sent: set[str], answers: Sequence[Mapping[str, Any]]) -> dict[Ask, Mapping[str, Any]]:
    """Find the answer of each ask in one batch, where it has one.

    Args:
        asks: Also some that were not sent: another spelling of the same secret is answered as well.
        sent: The ids that were.
        answers: `SecretValues` of the batch.
    """
    found = {}
    for ask in asks:
        for answer in answers:
            arn, name = answer.get("ARN", ""), answer.get("Name")
            if arn == ask.id or (_is_partial(ask.id, arn) if ask.pinned else name == ask.id and ask.id in sent):
                found[ask] = answer
                break
    return found


def _is_partial(asked: str, arn: str) -> bool:
    return _SUFFIX.sub("", arn) == asked


def value_of(answer: Mapping[str, Any], ask: Ask) -> Outcome:
    """Return what an answer holds, byte for byte."""
    version = Version(answer.get("VersionId", ""))
    if version and version == ask.held:
        return Unchanged()
    text, binary = answer.get("SecretString"), answer.get("SecretBinary")
    try:
        data = text.encode() if isinstance(text, str) else binary
    except UnicodeEncodeError:
        data = None
    if not isinstance(data, bytes):
        return DataError(f"{ask.about.object} in {ask.region} holds neither text nor bytes")
    return SecretValue(data, version)
