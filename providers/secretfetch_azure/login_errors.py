"""Logins that failed, in words that lead to the cause. The texts of the SDK are not shown: some name the wrong thing.

What does not belong here: refusals of a vault (`trouble`).
"""

from __future__ import annotations

import json
import re
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING, TypeVar

from secretfetch.provider import AccessDenied, AuthFailed, ConfigError, SecretError, Unavailable
from secretfetch_azure import credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretfetch_azure.credentials import Candidate
    from secretfetch_azure.refusal import Refusal

_E = TypeVar("_E", bound=BaseException)

_AADSTS = re.compile(r"AADSTS(\d+)")
_SUBJECT = re.compile(r"assertion subject '([^']{1,200})'")
_OTHER_TENANT = re.compile(r"acquire tokens for tenant ([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)")
_MEANINGS = {
    "7000215": (
        "the client secret is wrong",
        "take the secret's value, not its id; az ad app credential reset --id CLIENT_ID",
    ),
    "7000222": ("the client secret has expired", "make a new one: az ad app credential reset --id CLIENT_ID"),
    "700016": ("the tenant has no such application", "see client_id, and whether tenant_id is the tenant it is in"),
    "7000112": ("the application is disabled", "enable its enterprise application in Entra ID"),
    "90002": ("there is no such tenant", "see tenant_id, and the cloud"),
    "900023": ("the tenant is neither an id nor a domain", "see tenant_id"),
    "900382": ("the application belongs to another cloud", 'see the setting "cloud"'),
    "70021": ("no federated credential fits the service account", "compare its issuer, subject and audience"),
    "700211": ("no federated credential has this cluster as issuer", "add one with the cluster's OIDC issuer URL"),
    "700212": (
        "no federated credential has the token's audience",
        "the audience is api://AzureADTokenExchange, in the projected token and in the credential",
    ),
    "700213": (
        "no federated credential has this service account as subject",
        "add one with that subject: az identity federated-credential create",
    ),
    "700024": ("the service account token has expired", "see the clock, and whether the kubelet renews the file"),
    "700027": ("the client certificate is not that of the application", "upload it to the app registration"),
    "700030": ("the client certificate is not trusted for the application", "see its subject and issuer"),
    "50027": ("the token or certificate sent is malformed", "see the file that it is read from"),
    "50034": ("the tenant has no such account", "see tenant_id"),
    "50076": ("the login wants a second factor", "run az login"),
    "50173": ("the login was revoked", "run az login"),
    "53003": ("a conditional access policy blocks the login", "ask whoever keeps the policies of the tenant"),
    "500011": ("the tenant does not know Key Vault", 'see the setting "cloud", and tenant_id'),
    "700082": ("the login of az has expired", "run az login"),
    "70043": ("the login of az has expired", "run az login"),
}


class NotHere(Exception):
    """A way to log in that is not there, so that another may be tried; the text says why."""


def within(error: BaseException, kind: type[_E]) -> _E | None:
    """Return the first of a kind among an exception and its causes."""
    return next((cause for cause in _causes(error) if isinstance(cause, kind)), None)


def is_away(error: Unavailable) -> bool:
    """Tell an address where nobody is from one that answers and fails."""
    return error.headline.startswith("cannot reach")


def alone(candidate: Candidate, error: NotHere) -> AuthFailed:
    """Return the failure of a way to log in that is the only one."""
    return AuthFailed(f"no login by {candidate.name}: {error}", ("fix", _HELP.get(candidate.name, "see its settings")))


def explain(error: Exception, refusal: Refusal | None, candidate: Candidate) -> SecretError | NotHere:
    """Return what an exception of a credential means.

    Args:
        error: Whatever the SDK raised.
        refusal: What the login endpoint answered last, if it was an error.
        candidate: How it was tried.
    """
    text = refusal.message if refusal else str(error)
    if known := _AADSTS.search(text):
        return _by_code(known[1], text, candidate)
    if other := _OTHER_TENANT.search(str(error)):
        return AuthFailed(
            f"the vault is in the tenant {other[1]}, the login is for another",
            ("fix", 'see "tenant_id" and the vault\'s name'),
        )
    if credentials.at(candidate.method) == "identity":
        return _identity(refusal)
    if candidate.name == "az":
        return _az(error)
    if "not well-known" in str(error) or "invalid_instance" in str(error):
        return ConfigError("the login host is none of Azure's", ("fix", "see AZURE_AUTHORITY_HOST"))
    says = f"HTTP {refusal.status}" if refusal else type(error).__name__
    return AuthFailed(f"the login as {candidate.name} failed", ("answer", says))


def _by_code(number: str, text: str, candidate: Candidate) -> SecretError:
    meaning, fix = _MEANINGS.get(number, ("the login is refused", "look the code up: login.microsoftonline.com/error"))
    notes = [("Entra ID says", f"AADSTS{number}")]
    if subject := _SUBJECT.search(text):
        notes.append(("subject", subject[1]))
    kind = AccessDenied if number == "53003" else AuthFailed
    return kind(f"the login as {candidate.name} failed: {meaning}", *notes, ("fix", fix))


def _identity(refusal: Refusal | None) -> SecretError:
    host = credentials.metadata_host()
    if refusal is None:
        return AuthFailed(f"no managed identity from {host}: the answer cannot be read")
    says = ("answer", _said(refusal))
    if refusal.status in (401, 403):
        return AuthFailed(
            f"no managed identity from {host}: the request is refused", says, ("fix", "see IDENTITY_HEADER")
        )
    return AuthFailed(
        "this machine has no such managed identity",
        says,
        (
            "fix",
            'assign it to the machine, or correct "client_id" or AZURE_CLIENT_ID (none: the system-assigned one)',
        ),
    )


def _said(refusal: Refusal) -> str:
    """Return the sentence of an error of a metadata service, which names ids alone."""
    try:
        told = json.loads(refusal.message)
        text = told.get("error_description") or told.get("message") or told.get("error") or ""
    except (ValueError, AttributeError):
        text = ""
    return " ".join(str(text).split())[:200] or f"HTTP {refusal.status}"


def _az(error: Exception) -> SecretError | NotHere:
    if within(error, TimeoutExpired):
        return Unavailable("az does not answer in time")
    text = str(error)
    if "not found on path" in text:
        return NotHere("there is no az on the PATH")
    if "az login" in text or "az account" in text:
        return NotHere("nobody is logged in to it")
    return AuthFailed(
        "az gives no token", ("fix", "run: az account get-access-token --resource https://vault.azure.net")
    )


_HELP = {"az": "install the Azure CLI and run az login"}


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
