"""Which providers there are: a table for the built-in names, package metadata for all others.

Reading the metadata of every installed package takes tens of milliseconds, a table takes none; so metadata is read for
a name that is not in the table, for a listing, and when something is wrong already. One provider is imported: the one
that is asked for. What does not belong here: connecting.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, cast

from secretfetch.errors import ConfigError, meant

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from secretfetch.provider import Connect

GROUP = "secretfetch.providers"
OURS = "secretfetch"
BUILT_IN = {
    "aws-sm": "secretfetch_aws:connect_secrets_manager",
    "aws-ssm": "secretfetch_aws:connect_parameter_store",
    "azure-kv": "secretfetch_azure:connect",
    "env": "secretfetch_file:connect_env",
    "file": "secretfetch_file:connect_file",
    "vault": "secretfetch_vault:connect",
}
_EXTRAS = {
    "secretfetch_aws": ("aws", "botocore"),
    "secretfetch_azure": ("azure", "azure.identity"),
    "secretfetch_vault": ("vault", "hvac"),
}
"""Import package of ours -> the extra that brings its SDK, and the module that shows whether it is there."""


class Installed(NamedTuple):
    """One provider as `secretfetch providers` lists it. `problem` says why it cannot be used, or is empty."""

    name: str
    target: str
    distribution: str
    version: str
    problem: str


def find(provider: str) -> Connect:
    """Return the function that connects a provider, imported.

    Args:
        provider: A built-in name, or the name of an entry point in the group `secretfetch.providers`.

    Raises:
        ConfigError: Nobody or more than one distribution offers the name, or it cannot be imported.
    """
    if (target := BUILT_IN.get(provider)) is not None:
        return _load(provider, target, OURS)
    claims = _claims(provider)
    if not claims:
        names = known_names()
        raise ConfigError(f'unknown provider "{provider}"', *meant(provider, names), ("known", ", ".join(names)))
    if len(claims) > 1:
        owners = " and ".join(sorted(f"{_owner(claim)} ({claim.value})" for claim in claims))
        raise ConfigError(
            f'the provider "{provider}" is offered twice: by {owners}', ("fix", "uninstall all of them but one")
        )
    return _load(provider, claims[0].value, _owner(claims[0]))


def known_names() -> list[str]:
    """Return the names of all providers, sorted. It reads metadata: call it only when something is wrong."""
    return sorted({*BUILT_IN, *(claim.name for claim in _claims())})


def installed() -> list[Installed]:
    """List all providers by name, without importing them; each claim to a name that is taken is listed, and told."""
    from secretfetch import __version__  # noqa: PLC0415 - kept beside its only use

    ours = [Installed(name, target, OURS, __version__, _unmet(target)) for name, target in BUILT_IN.items()]
    others = [claim for claim in _claims() if _owner(claim) != OURS]
    names = [*BUILT_IN, *(claim.name for claim in others)]
    return sorted(
        [*ours, *(_listed(claim, taken=names.count(claim.name) > 1) for claim in others)],
        key=lambda one: (one.name, one.distribution != OURS, one.distribution),
    )


def missing_module(provider: str, owner: str, error: ImportError) -> ConfigError:
    """Return what to say when a provider, or the SDK it needs, cannot be imported.

    Args:
        provider: Its name.
        owner: The distribution that it belongs to, or nothing if that is not known.
        error: Python's own; the name of the module is taken from it.
    """
    module = error.name or "a module"
    extra, _ = _EXTRAS.get(BUILT_IN.get(provider, "").partition(":")[0], ("", ""))
    fix = f"pip install '{OURS}[{extra}]'" if extra else f"pip install --upgrade {owner}" if owner else ""
    headline = f'the provider "{provider}" cannot be loaded: {module} cannot be imported'
    return ConfigError(headline, *((("fix", fix),) if fix else ()))


def owner_of(provider: str) -> str:
    """Return the distribution that offers a provider, or nothing. It reads metadata for names that are not built in."""
    return OURS if provider in BUILT_IN else next((_owner(claim) for claim in _claims(provider)), "")


def _claims(name: str | None = None) -> list[EntryPoint]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - start-up cost

    return list(entry_points(group=GROUP) if name is None else entry_points(group=GROUP, name=name))


def _owner(claim: EntryPoint) -> str:
    return claim.dist.name.lower().replace("_", "-") if claim.dist else "a distribution without metadata"


def _listed(claim: EntryPoint, *, taken: bool) -> Installed:
    problem = ""
    if claim.name in BUILT_IN:
        problem = f"not used: the name belongs to {OURS}"
    elif taken:
        problem = "not used: offered by more than one distribution"
    elif not _can_be_found(claim.module):
        problem = f"not found: {claim.module}"
    return Installed(claim.name, claim.value, _owner(claim), claim.dist.version if claim.dist else "", problem)


def _unmet(target: str) -> str:
    package = target.partition(":")[0]
    extra, module = _EXTRAS.get(package, ("", package))
    if not _can_be_found(package):
        return f"not found: {package}"
    return "" if _can_be_found(module) else f"needs pip install '{OURS}[{extra}]'"


def _can_be_found(module: str) -> bool:
    from importlib.util import find_spec  # noqa: PLC0415 - kept beside its only use

    try:
        return find_spec(module.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def _load(provider: str, target: str, owner: str) -> Connect:
    module, _, attributes = target.partition(":")
    try:
        found: object = import_module(module)
    except ImportError as error:
        raise missing_module(provider, owner, error) from error
    try:
        for attribute in attributes.partition("[")[0].strip().split("."):
            found = getattr(found, attribute)
    except AttributeError:
        found = None
    if not callable(found):
        raise ConfigError(f'the provider "{provider}" of {owner} names {target}, which is no function')
    return cast("Connect", found)
