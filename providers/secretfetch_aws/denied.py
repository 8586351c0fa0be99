"""Refusals of permission, with what to allow and to whom. What does not belong here: other errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from secretfetch.provider import AccessDenied
from secretfetch_aws.arns import parse

if TYPE_CHECKING:
    from secretfetch_aws.services import About
    from secretfetch_aws.transport import Refusal, Transport

# The sentence that IAM writes for any service.
_SENTENCE = re.compile(
    r"User: (?P<user>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: (?P<resource>\S+?))?(?: (?P<why>with an explicit deny[^.]*|because no [^.]*?))?\.?$"
)


def explain(refusal: Refusal, about: About, transport: Transport) -> AccessDenied:
    """Return who was refused what, and what would allow it."""
    if is_about_kms(refusal):
        return _key_refused(about, transport)
    said = _SENTENCE.match(refusal.message)
    parts = said.groupdict() if said else {}
    user = parts.get("user") or transport.identity(about.region)
    action = parts.get("action") or _read_action(about)
    why = parts.get("why") or ""
    notes = [("you are", user)] if user else []
    notes.append(("missing", f"{action} on {_resource(about, user, parts.get('resource') or '')}"))
    notes.append(("also", "kms:Decrypt on its key, if that is a key of your own"))
    if why:
        notes.append(("AWS says", why))
    if "explicit deny" in why:
        notes.append(("fix", "a policy denies this outright: allowing it elsewhere does not help"))
    else:
        notes.append(("fix", "allow that action in a policy of this role or user"))
        notes.append(("or", "the name is wrong: AWS says the same of names that no policy covers"))
    return AccessDenied(f"access denied to {about.object} in {about.region}", *notes)


def is_about_kms(refusal: Refusal) -> bool:
    """Tell whether the key that a value is encrypted with is what was refused."""
    text = refusal.message.lower()
    return "kms" in text or "ciphertext" in text or "customer master key" in text or refusal.code == "DecryptionFailure"


def _key_refused(about: About, transport: Transport) -> AccessDenied:
    user = transport.identity(about.region)
    return AccessDenied(
        f"{about.object} in {about.region} cannot be decrypted",
        *([("you are", user)] if user else []),
        ("missing", "kms:Decrypt on the key that it is encrypted with, in your policy and in the key's"),
        ("fix", "allow it; or see whether the key is disabled, deleted or of another account"),
    )


def _read_action(about: About) -> str:
    if about.service.id == "ssm":
        return "ssm:GetParametersByPath" if about.plain.endswith("/") else "ssm:GetParameters"
    return "secretsmanager:GetSecretValue"


def _resource(about: About, user: str, said: str) -> str:
    """Return the ARN for a policy; Secrets Manager adds six signs of its own to a name."""
    if said.startswith("arn:"):
        return said
    caller = parse(user)
    partition = caller.partition if caller else "aws"
    account = caller.account if caller and caller.account else "*"
    given = parse(about.name)
    if given:
        partition, account = given.partition, given.account
    plain = about.plain or "*"
    tail = f"parameter/{plain.strip('/')}" if about.service.id == "ssm" else f"secret:{plain}-??????"
    return f"arn:{partition}:{about.service.id}:{about.region}:{account}:{tail}"
