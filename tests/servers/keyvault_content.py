"""What a vault of tests holds, and the JSON of it. What does not belong here: HTTP, permissions, faults."""

from __future__ import annotations

import base64
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from servers.keyvault_authority import to_base64url

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = {"secrets": "secret", "keys": "key", "certificates": "certificate"}
PKCS12 = "application/x-pkcs12"
PEM = "application/x-pem-file"

Json = dict[str, Any]


@dataclass
class Version:
    """One version of something.

    Attributes:
        id: 32 hexadecimal digits.
        body: What is its own: the value, the key, the certificate.
        attributes: `enabled`, and as seconds `exp`, `nbf`, `created`, `updated`.
        tags: None is the same as none.
        managed: Part of a certificate.
    """

    id: str
    body: Json
    attributes: Json
    tags: Mapping[str, str] | None = None
    managed: bool = False


@dataclass
class Item:
    """Something with a name. `versions` by age: the last one is the current one, whatever its state."""

    name: str
    versions: list[Version] = field(default_factory=list)


class Vault:
    """One vault; names are compared without regard to case.

    Attributes:
        name: Of the vault.
        items: By kind and lower-case name.
        deleted: The same, of what can be recovered.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: dict[str, dict[str, Item]] = {kind: {} for kind in KINDS}
        self.deleted: dict[str, dict[str, Item]] = {kind: {} for kind in KINDS}

    def secret(self, name: str, value: str, **more: Any) -> str:
        """Put a new version of a secret, and return its id.

        Args:
            name: Of the secret.
            value: Of it.
            more: `id`, `content_type`, `tags`, `enabled`, `exp`, `nbf`, `managed`.
        """
        content_type = more.pop("content_type", None)
        body = {"value": value, **({"contentType": content_type} if content_type else {})}
        return self._put("secrets", name, body, **more)

    def key(self, name: str, jwk: Json, **more: Any) -> str:
        """Put a new version of a key, given as a JSON web key, and return its id."""
        return self._put("keys", name, {"key": {**jwk, "key_ops": ["verify"]}}, **more)

    def certificate(self, name: str, value: str, content_type: str = PKCS12, **more: Any) -> str:
        """Put a certificate as Key Vault keeps it: the secret with all of it, the key and the certificate.

        Args:
            name: Of all three.
            value: PEM, or base64 of PKCS 12 without a password.
            content_type: Which of them.
            more: As for a secret.
        """
        more.setdefault("id", uuid.uuid4().hex)
        self.secret(name, value, content_type=content_type, managed=True, **more)
        leaf = _leaf(value, content_type)
        self.key(name, jwk_of(leaf.public_key()), managed=True, **more)
        der = base64.b64encode(leaf.public_bytes(Encoding.DER)).decode()
        thumbprint = to_base64url(leaf.fingerprint(hashes.SHA1()))
        return self._put("certificates", name, {"cer": der, "x5t": thumbprint}, **more)

    def delete(self, kind: str, name: str) -> None:
        """Delete softly: it can be recovered, and is not found until then."""
        self.deleted[kind][name.lower()] = self.items[kind].pop(name.lower())

    def current(self, kind: str, name: str) -> Version:
        """Return the newest version, to be changed at will."""
        return self.items[kind][name.lower()].versions[-1]

    def find(self, kind: str, name: str, version: str) -> tuple[Item, Version] | None:
        """Return what is asked for; an empty version is the current one."""
        item = self.items[kind].get(name.lower())
        versions = [one for one in item.versions if version in ("", one.id)] if item else []
        return (item, versions[-1]) if item and versions else None

    def whole(self, base: str, kind: str, item: Item, version: Version) -> Json:
        """Return the JSON of one version."""
        own = {each: f"{base}/{each}/{item.name}/{version.id}" for each in KINDS}
        answer: Json = {**version.body, **_common(version)}
        if kind == "keys":
            return {**answer, "key": {"kid": own["keys"], **version.body["key"]}}
        answer["id"] = own[kind]
        if kind == "certificates":
            answer |= {"kid": own["keys"], "sid": own["secrets"]}
        elif version.managed:
            answer["kid"] = own["keys"]
        return answer

    def listed(self, base: str, kind: str, item: Item, version: Version | None = None) -> Json:
        """Return the JSON of an entry in a list, of items or of versions."""
        shown = version or item.versions[-1]
        place = f"{base}/{kind}/{item.name}" + (f"/{version.id}" if version else "")
        kept = {name: shown.body[name] for name in ("contentType", "x5t") if name in shown.body}
        return {("kid" if kind == "keys" else "id"): place, **kept, **_common(shown)}

    def tombstone(self, base: str, kind: str, item: Item) -> Json:
        """Return the JSON of something that can be recovered."""
        now = int(time.time())
        return {
            **self.listed(base, kind, item, item.versions[-1]),
            "recoveryId": f"{base}/deleted{kind}/{item.name}",
            "deletedDate": now,
            "scheduledPurgeDate": now + 90 * 86400,
        }

    def _put(self, kind: str, name: str, body: Json, **more: Any) -> str:
        now = int(time.time())  # the service counts whole seconds as well
        attributes = {"enabled": more.get("enabled", True), "created": now, "updated": now, "recoverableDays": 90}
        attributes |= {key: more[key] for key in ("exp", "nbf") if more.get(key) is not None}
        version = Version(
            more.get("id") or uuid.uuid4().hex, body, attributes, more.get("tags"), more.get("managed", False)
        )
        self.items[kind].setdefault(name.lower(), Item(name)).versions.append(version)
        return version.id


def jwk_of(key: Any) -> Json:
    """Return the JSON web key of a public key, RSA or on a NIST curve."""
    numbers = key.public_numbers()
    if isinstance(key, rsa.RSAPublicKey):
        return {"kty": "RSA", "n": _integer(numbers.n), "e": _integer(numbers.e)}
    assert isinstance(key, ec.EllipticCurvePublicKey)
    size = (key.key_size + 7) // 8
    curve = {256: "P-256", 384: "P-384", 521: "P-521"}[key.key_size]
    return {"kty": "EC", "crv": curve, "x": _integer(numbers.x, size), "y": _integer(numbers.y, size)}


def _integer(number: int, size: int = 0) -> str:
    return to_base64url(number.to_bytes(size or (number.bit_length() + 7) // 8, "big"))


def _leaf(value: str, content_type: str) -> x509.Certificate:
    if content_type == PEM:
        return x509.load_pem_x509_certificates(value.encode())[0]
    store = pkcs12.load_pkcs12(base64.b64decode(value), None)
    assert store.cert is not None
    return store.cert.certificate


def _common(version: Version) -> Json:
    answer: Json = {"attributes": dict(version.attributes)}
    if version.tags is not None:
        answer["tags"] = dict(version.tags)
    if version.managed:
        answer["managed"] = True
    return answer
