"""Entra ID and the identities of machines, as far as a login by program needs them.

What does not belong here: HTTP itself, and vaults.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from servers.keyvault_authority import TENANT, Tokens, from_base64url

if TYPE_CHECKING:
    from collections.abc import Mapping

Answer = tuple[int, Any]


@dataclass
class App:
    """A registered application; what is empty is not checked.

    Attributes:
        secret: Its client secret.
        secret_expired: Nobody may use that any more.
        subject: Of the service account that it trusts.
        certificate: PEM, with an RSA key.
    """

    secret: str = ""
    secret_expired: bool = False
    subject: str = ""
    certificate: bytes = b""


class Login:
    """The token endpoints.

    Attributes:
        apps: By client id; while there are none, anybody may log in.
        identities: Client ids of the user-assigned identities; None: any.
        tenants: Those that exist.
        header: The secret of the App Service endpoint.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self.header = "canary-identity-header"
        self.reset()

    def reset(self) -> None:
        """Forget whoever was registered."""
        self.apps: dict[str, App] = {}
        self.identities: list[str] | None = None
        self.tenants = {TENANT}

    def discover(self, host: str, path: list[str]) -> Answer:
        """Answer the two questions that precede a login: is this host Azure's, and where does a tenant log in."""
        if path[:3] == ["common", "discovery", "instance"]:
            known = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
            return 200, {
                "tenant_discovery_endpoint": f"https://{host}/{TENANT}/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [known],
            }
        if path[1:] == ["v2.0", ".well-known", "openid-configuration"]:
            if path[0] not in self.tenants:
                return self._no_tenant(path[0])
            root = f"https://{host}/{path[0]}"
            return 200, {
                "issuer": f"{root}/v2.0",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
            }
        return 404, {"error": "not_found"}

    def token(self, tenant: str, form: Mapping[str, str]) -> Answer:
        """Log an application in."""
        if tenant not in self.tenants:
            return self._no_tenant(tenant)
        client = form.get("client_id", "")
        app = self.apps.get(client)
        if self.apps and app is None:
            return _refused(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client}' was not found in the directory '{tenant}'.",
            )
        refusal = self._check(app or App(), client, form)
        if refusal:
            return refusal
        audience = form["scope"].removesuffix("/.default").rstrip("/")
        seconds = self._tokens.lifetime
        token = self._tokens.issue(audience, client, tenant)
        return 200, {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}

    def machine(self, style: str, query: Mapping[str, str]) -> Answer:
        """Give out the identity of the machine.

        Args:
            style: `app-service` or `imds`.
            query: Of the request.
        """
        wanted = query.get("client_id", "")
        if wanted and self.identities is not None and wanted not in self.identities:
            if style == "imds":
                return 400, {"error": "invalid_request", "error_description": "Identity not found"}
            return 400, {"statusCode": 400, "message": "No managed identity was found for the specified ClientId."}
        client = wanted or "system-assigned"
        token = self._tokens.issue(query["resource"].rstrip("/"), client)
        expires = int(time.time()) + self._tokens.lifetime
        return 200, {
            "access_token": token,
            "expires_on": str(expires),
            "expires_in": str(self._tokens.lifetime),
            "resource": query["resource"],
            "token_type": "Bearer",
            "client_id": client,
        }

    def _check(self, app: App, client: str, form: Mapping[str, str]) -> Answer | None:
        if "client_assertion" in form:
            if app.certificate:
                return None if _signed_by(form["client_assertion"], app.certificate) else _bad_key()
            return _check_subject(app, form["client_assertion"])
        if app.secret_expired:
            return _refused(
                401,
                "invalid_client",
                7000222,
                f"The provided client secret keys for app '{client}' are expired. Visit the portal to create new keys.",
            )
        if app.secret and form.get("client_secret") != app.secret:
            return _refused(
                401, "invalid_client", 7000215, f"Invalid client secret provided. A secret was added to app '{client}'."
            )
        return None

    def _no_tenant(self, tenant: str) -> Answer:
        return _refused(400, "invalid_request", 90002, f"Tenant '{tenant}' not found. Check the tenant and the cloud.")


def _check_subject(app: App, assertion: str) -> Answer | None:
    claims = json.loads(from_base64url(assertion.split(".")[1]))
    if claims.get("exp", 0) < time.time():
        return _refused(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")
    if app.subject and claims.get("sub") != app.subject:
        return _refused(
            401,
            "invalid_client",
            700213,
            "No matching federated identity record found for presented assertion subject"
            f" '{claims.get('sub')}'. Check the subject, audience and issuer.",
        )
    return None


def _bad_key() -> Answer:
    return _refused(401, "invalid_client", 700027, "The certificate with this thumbprint is not registered.")


def _refused(status: int, error: str, number: int, text: str) -> Answer:
    return status, {"error": error, "error_description": f"AADSTS{number}: {text}", "error_codes": [number]}


def _signed_by(assertion: str, certificate: bytes) -> bool:
    """Tell whether an assertion was signed with the key of a certificate."""
    signed, _, signature = assertion.rpartition(".")
    header = json.loads(from_base64url(signed.split(".")[0]))
    key = x509.load_pem_x509_certificate(certificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    scheme: Any = pss if header["alg"] == "PS256" else padding.PKCS1v15()
    try:
        key.verify(from_base64url(signature), signed.encode(), scheme, hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def service_account_token(subject: str, *, seconds: int = 3600) -> str:
    """Return a token as the kubelet projects it; nobody here checks its signature."""
    now = int(time.time())
    claims = {
        "iss": "https://oidc.example/",
        "sub": subject,
        "aud": ["api://AzureADTokenExchange"],
        "exp": now + seconds,
    }
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"signature"))
