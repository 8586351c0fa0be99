"""ARNs of secrets and parameters, taken apart. What does not belong here: asking AWS."""

from __future__ import annotations

from dataclasses import dataclass

from secretfetch.provider import ConfigError

_SCHEMES = {"secretsmanager": "aws-sm", "ssm": "aws-ssm"}
_PARTS = 6


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`; the resource may hold colons."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


def parse(text: str) -> Arn | None:
    """Take an ARN apart; None for a text that does not begin as one."""
    parts = text.split(":", _PARTS - 1)
    if parts[0] != "arn" or len(parts) < _PARTS:
        return None
    return Arn(*parts[1:])


def of_service(text: str, service: str, prefix: str) -> Arn | None:
    """Return the ARN that a key is, or None where it is a name.

    Args:
        text: The key of a ref.
        service: What it must belong to.
        prefix: What its resource must begin with, `secret:` or `parameter/`.

    Raises:
        ConfigError: An ARN of something else, or half of one.
    """
    if not text.startswith("arn:"):
        return None
    arn = parse(text)
    form = ("form", f"arn:aws:{service}:REGION:ACCOUNT:{prefix}NAME")
    if arn is None or not arn.region:
        raise ConfigError(f'"{text}" is no complete ARN', form)
    if arn.service != service:
        scheme = _SCHEMES.get(arn.service)
        fix = (("fix", f"write it as {scheme}://{text}"),) if scheme else ()
        raise ConfigError(f'"{text}" is an ARN of {arn.service}, not of {service}', *fix)
    if not arn.resource.startswith(prefix) or arn.resource == prefix:
        raise ConfigError(f'"{text}" is no ARN of a {prefix[:-1]}', form)
    return arn
