"""Trust for the Key Vault of tests: a throw-away certificate authority, and access tokens that can be checked.

What does not belong here: HTTP, and what a vault holds.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import os
import ssl
import threading
import time
import uuid
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"


def to_base64url(raw: bytes) -> str:
    """Encode as tokens and JSON web keys do."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Decode what tokens and JSON web keys hold."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authority:
    """Signs a certificate for any host that is asked for.

    Attributes:
        file: Its own certificate, for `REQUESTS_CA_BUNDLE`.
        expired: Hosts whose certificate is out of date.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _named("The authority of tests")
        own = self._builder(self._subject, self._key.public_key(), days=2)
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        own = own.add_extension(_may_sign_certificates(), critical=True)
        own = own.add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        self.file = os.path.join(folder, "authority.pem")
        with open(self.file, "wb") as stream:
            stream.write(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        self.expired: set[str] = set()
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}

    def context(self, host: str) -> ssl.SSLContext:
        """Return what a server called `host` does TLS with."""
        key = (host, host in self.expired)
        with self._lock:
            if key not in self._contexts:
                self._contexts[key] = self._make(*key)
            return self._contexts[key]

    def _make(self, host: str, expired: bool) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_named(host[:60]), key.public_key(), days=-1 if expired else 1)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = builder.add_extension(issuer, critical=False).sign(self._key, hashes.SHA256())
        path = os.path.join(self._folder, f"{uuid.uuid4().hex}.pem")
        with open(path, "wb") as stream:
            stream.write(signed.public_bytes(serialization.Encoding.PEM))
            stream.write(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        os.unlink(path)
        return context

    def _builder(self, subject: x509.Name, key: Any, *, days: int) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=3))
            .not_valid_after(now + dt.timedelta(days=days))
        )


class Tokens:
    """Issues access tokens and knows its own again.

    Attributes:
        lifetime: Seconds.
    """

    def __init__(self) -> None:
        self.lifetime = 3600
        self.revoke()

    def revoke(self) -> None:
        """Refuse what was issued up to now."""
        self._key = os.urandom(32)

    def issue(self, audience: str, client_id: str, tenant: str = TENANT) -> str:
        """Return a token; no two are equal."""
        now = int(time.time())
        claims = {
            "aud": audience,
            "appid": client_id,
            "oid": object_id(client_id),
            "iss": f"https://sts.windows.net/{tenant}/",
            "exp": now + self.lifetime,
            "nbf": now,
            "uti": uuid.uuid4().hex,
        }
        parts = [to_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
        return ".".join([*parts, to_base64url(self._sign(".".join(parts)))])

    def read(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token of ours, else None."""
        signed, _, signature = token.rpartition(".")
        try:
            genuine = hmac.compare_digest(from_base64url(signature), self._sign(signed))
            claims: dict[str, Any] = json.loads(from_base64url(signed.split(".")[1]))
        except (ValueError, IndexError):
            return None
        return claims if genuine else None

    def _sign(self, text: str) -> bytes:
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()


def object_id(client_id: str) -> str:
    """Return the id that Entra ID has for a client."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, client_id))


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _may_sign_certificates() -> x509.KeyUsage:
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, decipher_only=False, **dict.fromkeys(others, False)
    )
