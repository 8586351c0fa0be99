"""Logins that are refused, and credentials that are not there -> our errors. What does not belong here: reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretfetch.provider import AuthFailed, SecretError
from secretfetch_vault import answers
from secretfetch_vault.outages import is_outage, outage, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretfetch_vault.places import Place
    from secretfetch_vault.transport import Answer

_FIXES = {
    "approle": "see the role id, and whether the secret id is used up, expired or bound to other addresses",
    "kubernetes": "see the role's bound_service_account_names, -namespaces and audience, and the reviewer of the mount",
    "jwt": "see the role's bound_audiences, bound_subject and bound_claims, and when the token expires",
    "aws": "see the role's bound_iam_principal_arn, the server id header, and the clock",
    "azure": "see the role's bound_subscription_ids, -resource_groups and -service_principal_ids, and the resource",
    "userpass": "see the name and the password",
    "ldap": "see the name and the password, and the mount's binddn",
    "cert": "see the certificate, its expiry, and the role's allowed names",
}


def refused(answer: Answer, method: str, path: str, body: Mapping[str, str], place: Place) -> SecretError:
    """Return what the answer to a login means.

    Args:
        answer: Anything but a token.
        method: Of the login.
        path: That was asked, `auth/kubernetes/login`.
        body: What was sent; no part of it is shown, except for the role.
        place: The server.
    """
    if is_outage(answer):
        return outage(answer, place.host)
    mount = path.partition("/login")[0]
    who = f'role "{body["role"]}" at {mount}' if body.get("role") else mount
    hidden = [str(value) for name, value in body.items() if name not in {"role", "name"}]
    said = words_of(answer, place.host, *hidden)
    notes = [("server says", said)] if said else [("answer", f"HTTP {answer.status}")]
    if answer.status == answers.MISSING:
        notes.append(("fix", f'is there an auth method at {mount} in this namespace? "mount" says where it is'))
    elif answer.status in {answers.OK, answers.NO_CONTENT}:
        notes.append(("note", "it gave no token; a login that asks for a second factor cannot be used"))
    else:
        notes.append(("fix", _FIXES[method]))
    return AuthFailed(f"the login by {method} ({who}) to {place.title} is refused", *notes)


def no_token(place: Place, tried: Sequence[str]) -> AuthFailed:
    """Return that nobody has a token for us."""
    return AuthFailed(
        f"no token for {place.title}",
        *(("tried", text) for text in tried),
        ("fix", 'set VAULT_TOKEN, log in (bao login, vault login), or give the store "auth"'),
    )


def dead_token(place: Place, source: str) -> AuthFailed:
    """Return that the server does not take a token."""
    return AuthFailed(
        f"{place.title} does not know the token from {source}: it is wrong, expired or revoked",
        ("fix", "log in again, or see who renews it"),
    )
