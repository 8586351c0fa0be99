"""Refusals of permission: by a role, by an access policy, by the network. What does not belong here: other errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from secretfetch.provider import AccessDenied
from secretfetch_azure.asks import KINDS

if TYPE_CHECKING:
    from secretfetch_azure.asks import Ask
    from secretfetch_azure.refusal import Refusal

_APP = re.compile(r"appid=([0-9a-zA-Z-]+)")
_OBJECT = re.compile(r"oid=([0-9a-zA-Z-]+)")
_ACTION = re.compile(r"Action: '([\w./-]+)'")
_RESOURCE = re.compile(r"Resource: '([^']+)'")
_POLICY = re.compile(r"does not have (\w+) (\w+) permission")
_ADDRESS = re.compile(r"Client address: ([0-9a-fA-F.:]+)")
_DENIED_OUTRIGHT = re.compile(r"DenyAssignmentId: '?(?!null)[0-9a-fA-F-]+")
_ACTIONS = {
    "secrets": "Microsoft.KeyVault/vaults/secrets/getSecret/action",
    "keys": "Microsoft.KeyVault/vaults/keys/read",
    "certificates": "Microsoft.KeyVault/vaults/certificates/read",
}
_ROLES = {
    "secrets": "Key Vault Secrets User",
    "keys": "Key Vault Reader",
    "certificates": "Key Vault Reader",
}


def explain(refusal: Refusal, ask: Ask) -> AccessDenied:
    """Return who was refused what, and what would allow it."""
    if refusal.code in ("ForbiddenByFirewall", "ForbiddenByConnection") or "Client address" in refusal.message:
        return _by_network(refusal, ask)
    headline = f"access denied to {ask.object}"
    if found := _POLICY.search(refusal.message):
        return AccessDenied(
            headline,
            *_caller(refusal),
            ("missing", f'"{found[2]}" of {found[1]} in the access policy of vault "{ask.vault}"'),
            ("fix", _policy_command(refusal, ask, found[1], found[2])),
        )
    if found := _ACTION.search(refusal.message):
        return _by_role(refusal, ask, found[1])
    return AccessDenied(headline, *_caller(refusal), ("Key Vault says", refusal.code or f"HTTP {refusal.status}"))


def _by_role(refusal: Refusal, ask: Ask, action: str) -> AccessDenied:
    kind = ask.asked_kind
    scope = _RESOURCE.search(refusal.message)
    notes = [*_caller(refusal), ("missing", action or _ACTIONS[kind])]
    notes += [("on", scope[1])] if scope else []
    if _DENIED_OUTRIGHT.search(refusal.message):
        notes.append(("fix", "a deny assignment forbids it: another role does not help"))
    else:
        notes.append(("fix", f'give it the role "{_ROLES[kind]}" on the vault; a new role takes minutes to be known'))
    if ask.kind != kind:
        notes.append(("also", f"the private side of a {KINDS[ask.kind]} is a secret"))
    return AccessDenied(f"access denied to {ask.object}", *notes)


def _by_network(refusal: Refusal, ask: Ask) -> AccessDenied:
    address = _ADDRESS.search(refusal.message)
    notes = [("your address", address[1])] if address else []
    if refusal.code == "ForbiddenByConnection":
        fix = "public access is off: go by the vault's private endpoint, from its network and with its DNS"
    else:
        fix = "allow that address or this network in the vault's firewall, or use its private endpoint"
    return AccessDenied(
        f'the firewall of vault "{ask.vault}" refuses this machine', *_caller(refusal), *notes, ("fix", fix)
    )


def _caller(refusal: Refusal) -> list[tuple[str, str]]:
    app, principal = _APP.search(refusal.message), _OBJECT.search(refusal.message)
    told = [f"application {app[1]}"] if app else []
    told += [f"object id {principal[1]}"] if principal else []
    return [("you are", ", ".join(told))] if told else []


def _policy_command(refusal: Refusal, ask: Ask, kind: str, verb: str) -> str:
    principal = _OBJECT.search(refusal.message)
    who = principal[1] if principal else "OBJECT_ID"
    option = kind[:-1] if kind in ("secrets", "keys", "certificates") else kind
    return f"az keyvault set-policy --name {ask.vault} --object-id {who} --{option}-permissions {verb}"
