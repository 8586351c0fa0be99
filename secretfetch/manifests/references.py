"""References: `SCHEME://KEY[?param=value&...][#EXPRESSION]`, bare ARNs and bare Key Vault ids.

What does not belong here: whether the store exists, and what a provider makes of the key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

PARAMS = ("version", "stage", "label", "recursive")

_SCHEME = re.compile(r"([A-Za-z_][A-Za-z0-9_+.-]*)://")
_ARN = re.compile(r"arn:aws[a-z0-9-]*:(secretsmanager|ssm):")
_ARN_STORES = {"secretsmanager": "aws-sm", "ssm": "aws-ssm"}
_ARN_PARTS = 7  # arn:partition:service:region:account:secret:name
_ECS_PARTS = 10  # the same and json-key, stage, version-id
_KEY_VAULT = re.compile(
    r"https://([a-z0-9-]+\.(?:vault|managedhsm)\.(?:azure\.net|azure\.cn|usgovcloudapi\.net|microsoftazure\.de)/.+)",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"%(23|3F)")


class Fault(ValueError):
    """The reference is malformed; the text says how, `fix` what to do."""

    def __init__(self, problem: str, fix: str = "") -> None:
        super().__init__(problem)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference taken apart. `expression`: None where there is none."""

    store: str
    key: str
    params: dict[str, str] = field(default_factory=dict)
    expression: str | None = None


def is_reference(text: str) -> bool:
    """Tell a whole reference from the name of a secret."""
    return _SCHEME.match(text) is not None or _ARN.match(text) is not None


def parse(text: str) -> Reference:
    """Take a reference apart.

    Raises:
        Fault: Empty key or expression, unknown, repeated or empty parameter, an ECS suffix beside an expression.
    """
    head, hash_sign, expression = text.partition("#")
    if hash_sign and not expression:
        raise Fault("there is nothing behind the #", "leave the # out, or write %23 where it is part of the key")
    head, question, query = head.partition("?")
    params = _params(query) if question else {}
    store, key = _place(head)
    selected = expression or None
    if (ecs := _ecs(head)) is not None:
        if selected is not None and ecs[1]:
            raise Fault("both the ARN's suffix and the # select a key", "keep one of them")
        key, selected = ecs[0], ecs[1] or selected
        params = _merged(params, ecs[2])
    key = _ESCAPED.sub(lambda found: "#" if found[1] == "23" else "?", key)
    if not key:
        raise Fault("there is no key behind the scheme", "write SCHEME://KEY")
    return Reference(store, key, params, selected)


def _place(head: str) -> tuple[str, str]:
    if found := _ARN.match(head):
        return _ARN_STORES[found[1]], head
    if found := _KEY_VAULT.fullmatch(head):
        return "azure-kv", found[1]
    scheme, _, key = head.partition("://")
    return scheme, key


def _ecs(head: str) -> tuple[str, str, dict[str, str]] | None:
    """Take the suffix `:json-key:stage:version-id` off a bare ARN of Secrets Manager; any part may be empty."""
    parts = head.split(":")
    if not _ARN.match(head) or parts[2] != "secretsmanager" or len(parts) <= _ARN_PARTS:
        return None
    if len(parts) > _ECS_PARTS:
        raise Fault("the ARN has too many parts", "the suffix is :json-key:stage:version-id")
    key, stage, version = (*parts[_ARN_PARTS:], "", "", "")[:3]
    params = {name: value for name, value in (("stage", stage), ("version", version)) if value}
    return ":".join(parts[:_ARN_PARTS]), key, params


def _params(query: str) -> dict[str, str]:
    params: dict[str, str] = {}
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        if name not in PARAMS:
            from secretfetch.errors import near  # noqa: PLC0415 - needed only here

            hint = "".join(f"; meant {found}?" for found in near(name, PARAMS, 1))
            raise Fault(
                f'unknown parameter "{name}"{hint}',
                f"known are {', '.join(PARAMS)}; write %3F for a ? of the key",
            )
        if not equals or not value:
            raise Fault(f'the parameter "{name}" has no value', f"write {name}=VALUE")
        params = _merged(params, {name: value})
    if params.get("recursive") not in (None, "true", "false"):
        raise Fault("recursive is true or false")
    return params


def _merged(params: dict[str, str], more: dict[str, str]) -> dict[str, str]:
    for name in more:
        if name in params:
            raise Fault(f'the parameter "{name}" is given twice', "keep one of them")
    return {**params, **more}
