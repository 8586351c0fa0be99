"""What goes wrong with the Key Vault of tests: faults on the way, refused permissions, and requests to match them by.

What does not belong here: carrying them out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from servers.keyvault_authority import TENANT

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACTIONS = {
    "secrets/get": "secrets/getSecret/action",
    "secrets/list": "secrets/readMetadata/action",
    "keys/get": "keys/read",
    "keys/list": "keys/read",
    "certificates/get": "certificates/read",
    "certificates/list": "certificates/read",
}


@dataclass(frozen=True)
class Request:
    """One request: to a vault by its name, to `login` or to `identity`.

    Attributes:
        target: That was asked.
        operation: Such as `secrets/get`, `secrets/list`, `deletedsecrets/get`; `token`, `discovery`.
        name: Of the secret, or the client id.
        path: As asked, without the query.
        authorized: Whether there was a token.
    """

    target: str
    operation: str
    name: str = ""
    path: str = ""
    authorized: bool = True


@dataclass
class Fault:
    """What happens instead of an answer. The first one that fits is used.

    Attributes:
        target: The name of a vault, `login` or `identity`; empty is any vault.
        operation: Only this one; empty is any.
        name: Only about this; empty is any.
        times: How often; None is always.
        status: Of the answer.
        code: Of the error in it.
        message: Of that.
        inner: Its inner code.
        body: Sent as it is, in the place of an error.
        headers: More headers.
        hang: No answer before the server is reset or stopped.
        reset: The connection is reset.
        cut: Only so many bytes of what would be the answer.
        huge: So many bytes of a JSON text.
        drip: Seconds before each byte of the body; `inf`: only the headers come.
    """

    target: str = ""
    operation: str = ""
    name: str = ""
    times: int | None = None
    status: int = 0
    code: str = ""
    message: str = ""
    inner: str = ""
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    reset: bool = False
    cut: int | None = None
    huge: int = 0
    drip: float = 0.0

    def fits(self, request: Request) -> bool:
        """Tell whether a request meets this; counts `times` down."""
        others = {"login", "identity"}
        fits = (
            (request.target == self.target if self.target else request.target not in others)
            and self.operation in {"", request.operation}
            and self.name in {"", request.name}
            and self.times != 0
        )
        if fits and self.times is not None:
            self.times -= 1
        return fits


@dataclass(frozen=True)
class Denial:
    """A refused permission in a vault.

    Attributes:
        operation: Such as `secrets/get`; empty is all.
        name: Of one secret alone; empty is all.
        by: `role`, `policy`, `firewall` or `private-link`.
    """

    operation: str = ""
    name: str = ""
    by: str = "role"

    def fits(self, request: Request) -> bool:
        """Tell whether a request is refused."""
        return self.operation in {"", request.operation} and self.name in {"", request.name}


def refusal(by: str, vault: str, request: Request, caller: str) -> tuple[str, str]:
    """Return message and inner code of a refused permission."""
    kind, verb = request.operation.split("/")
    place = f"{vault};location=westeurope"
    if by == "firewall":
        refused = "Client address is not authorized and caller is not a trusted service.\r\nClient address: 127.0.0.1"
        return f"{refused}\r\nCaller: {caller}\r\nVault: {place}", "ForbiddenByFirewall"
    if by == "private-link":
        refused = "Public network access is disabled and request is not from a trusted service nor via an approved"
        return f"{refused} private link.\r\nCaller: {caller}\r\nVault: {place}", "ForbiddenByConnection"
    if by == "policy":
        who = f"The user, group or application '{caller}'"
        return f"{who} does not have {kind} {verb} permission on key vault '{place}'.", "AccessDenied"
    action = _ACTIONS.get(request.operation, request.operation)
    resource = f"/subscriptions/{TENANT}/resourcegroups/shop/providers/microsoft.keyvault/vaults/{vault}"
    resource += f"/{kind}/{request.name}" if request.name else ""
    lines = [
        "Caller is not authorized to perform action on resource.",
        "If role assignments were changed recently, please observe propagation time.",
        f"Caller: {caller}",
        f"Action: 'Microsoft.KeyVault/vaults/{action}'",
        f"Resource: '{resource}'",
        "Assignment: (not found)",
        "DenyAssignmentId: null",
        "DecisionReason: null ",
        f"Vault: {place}",
    ]
    return "\r\n".join(lines), "ForbiddenByRbac"
