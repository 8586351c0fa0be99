"""Logins of pods: Vault's `auth/jwt` mounted as `kubernetes`, with a signing key of our own.

It checks what a kubelet's token says and who signed it, as a cluster would; a cluster is not needed. What does not
belong here: the server (`vault_server`).
"""

from __future__ import annotations

import base64
import json
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

if TYPE_CHECKING:
    from servers.vault_server import VaultServer

ISSUER = "https://kubernetes.default.svc"


@lru_cache(maxsize=1)
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def token(account: str = "web", namespace: str = "shop", *, lifetime: float = 600) -> str:
    """Return a signed token of a service account."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": f"system:serviceaccount:{namespace}:{account}",
        "aud": ["vault"],
        "iat": now - 1,
        "nbf": now - 1,
        "exp": now + int(lifetime),
    }
    signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
    signature = _key().sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_encoded(signature)}"


def trust(server: VaultServer, mount: str = "kubernetes") -> None:
    """Let a server take our tokens at `auth/<mount>`."""
    public = _key().public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    if f"{mount}/" not in server.api("GET", "sys/auth")["data"]:
        server.api("POST", f"sys/auth/{mount}", {"type": "jwt"})
    server.api("POST", f"auth/{mount}/config", {"jwt_validation_pubkeys": [pem], "bound_issuer": ISSUER})


def role(server: VaultServer, name: str, *policies: str, mount: str = "kubernetes") -> None:
    """Make a role for any service account of the namespace `shop`."""
    server.api(
        "POST",
        f"auth/{mount}/role/{name}",
        {
            "role_type": "jwt",
            "user_claim": "sub",
            "bound_audiences": ["vault"],
            "bound_claims_type": "glob",
            "bound_claims": {"sub": "system:serviceaccount:shop:*"},
            "token_policies": list(policies),
            "token_ttl": "1h",
        },
    )


def _part(document: Any) -> str:
    return _encoded(json.dumps(document, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
