"""What the two providers do alike with outcomes. What does not belong here: how they come about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretfetch.provider import AuthFailed, ConfigError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.provider import Outcome, SecretRef


def raise_if_all_alike(outcomes: Mapping[SecretRef, Outcome]) -> None:
    """Raise the failure of a login or a region where it is the only thing that has come out: the store is at fault.

    Raises:
        SecretError: `AuthFailed` or `Unavailable`, which all refs share.
    """
    first = next(iter(outcomes.values()), None)
    if not isinstance(first, AuthFailed | Unavailable):
        return
    if all(type(other) is type(first) and str(other) == str(first) for other in outcomes.values()):
        raise first


def no_region(name: str) -> ConfigError:
    """Return what is wrong where nothing says the region."""
    return ConfigError(
        f'no AWS region for "{name}"',
        ("fix", 'set AWS_REGION, or "region" of the store or the profile, or use an ARN, which names its region'),
    )
