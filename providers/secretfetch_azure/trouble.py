"""What a vault answers instead of a value -> our errors. What does not belong here: refused permissions (`denied`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from secretfetch.provider import AuthFailed, ConfigError, DataError, NotFound, SecretError, Throttled, Unavailable
from secretfetch_azure import denied
from secretfetch_azure.asks import KINDS

if TYPE_CHECKING:
    from secretfetch_azure.asks import Ask
    from secretfetch_azure.hints import Hints
    from secretfetch_azure.refusal import Refusal

_LONGEST = 300
_CODE = re.compile(r"AKV\d+")
_FOUND = re.compile(r"found:? '?(https?://[^\s',]{1,100})")


def explain(refusal: Refusal, ask: Ask, hints: Hints) -> SecretError:
    """Return what a refusal means for a ref."""
    if refusal.status == 401:  # noqa: PLR2004 - HTTP
        return _token_refused(refusal, ask)
    if refusal.status == 403:  # noqa: PLR2004 - HTTP
        return disabled(ask) if refusal.code.endswith("Disabled") else denied.explain(refusal, ask)
    if refusal.status == 404 and refusal.code.endswith("NotFound"):  # noqa: PLR2004 - HTTP
        return _not_found(ask, hints)
    return of_the_vault(refusal, ask.host, ask.vault)


def of_the_vault(refusal: Refusal, host: str, vault: str) -> SecretError:
    """Return what a refusal means that is about no secret."""
    if refusal.status == 429:  # noqa: PLR2004 - HTTP
        return Throttled(f'vault "{vault}" throttles', retry_after=refusal.retry_after)
    if refusal.status >= 500 or refusal.status == 408:  # noqa: PLR2004 - HTTP
        says = f"{refusal.code} (HTTP {refusal.status})" if refusal.code else f"HTTP {refusal.status}"
        return Unavailable(f'vault "{vault}" fails', ("Key Vault says", says), retry_after=refusal.retry_after)
    if not refusal.code:
        return ConfigError(
            f"what answers at {host} is not Key Vault",
            ("answer", f"HTTP {refusal.status} without an error of Key Vault"),
            ("fix", "see the vault's host, the proxy and DNS"),
        )
    says = " ".join(refusal.message.split())[:_LONGEST] or refusal.code
    return ConfigError(f'vault "{vault}" refuses the request', ("Key Vault says", says))


def disabled(ask: Ask) -> DataError:
    """Return that something is switched off, which no permission changes."""
    versions = "" if ask.version else "; an older version is not taken in its place"
    command = f"az keyvault {_command(ask)} set-attributes --vault-name {ask.vault} --name {ask.name} --enabled true"
    return DataError(
        f"{ask.versioned} is disabled",
        ("fix", f"enable it, or set a new version{versions}"),
        ("command", command),
    )


def _command(ask: Ask) -> str:
    return KINDS[ask.kind]


def _not_found(ask: Ask, hints: Hints) -> NotFound:
    if hints.is_deleted(ask):
        return NotFound(
            f"{ask.object} is deleted",
            ("fix", f"az keyvault {_command(ask)} recover --vault-name {ask.vault} --name {ask.name}"),
        )
    if ask.version and hints.has(ask):
        return NotFound(f"{ask.object} has no version {ask.version}")
    return NotFound(f"no {ask.versioned}", *hints.near(ask))


def _token_refused(refusal: Refusal, ask: Ask) -> AuthFailed:
    notes = [("Key Vault says", code[0])] if (code := _CODE.search(refusal.message)) else []
    if "xpired" in refusal.message:
        return AuthFailed(f'vault "{ask.vault}" refuses the token: it has expired', *notes, ("fix", "see the clock"))
    if "audience" in refusal.message:
        found = _FOUND.search(refusal.message)
        notes += [("audience", found[1])] if found else []
        return AuthFailed(
            f'vault "{ask.vault}" refuses the token: it is for something else', *notes, ("fix", 'see "cloud"')
        )
    if "issuer" in refusal.message:
        return AuthFailed(
            f'vault "{ask.vault}" refuses the token: it is of another tenant', *notes, ("fix", 'see "tenant_id"')
        )
    return AuthFailed(f'vault "{ask.vault}" refuses the token', *notes)
