"""Keys and certificates between JWK, PKCS 12 and PEM. Errors are `ValueError`; what they say is not to be shown.

What does not belong here: vaults.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
    "P-256K": ec.SECP256K1,
}


class Parts(NamedTuple):
    """The private key, PKCS 8, and the certificates from leaf to root, both PEM."""

    key: bytes
    chain: bytes


def public_key(jwk: Mapping[str, Any]) -> bytes:
    """Return a JSON web key as a PEM `PUBLIC KEY`.

    Raises:
        ValueError: It is neither RSA nor EC, or its numbers are wrong. Also `KeyError`, `TypeError`.
    """
    kind = str(jwk["kty"]).removesuffix("-HSM")
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    if kind == "RSA":
        key = rsa.RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"])).public_key()
    elif kind == "EC":
        curve = _CURVES[jwk["crv"]]()
        key = ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), curve).public_key()
    else:
        raise ValueError(kind)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def of_pkcs12(data: bytes) -> Parts:
    """Take apart what Key Vault keeps, which has no password.

    Raises:
        ValueError: It is none.
    """
    store = pkcs12.load_pkcs12(data, None)
    certificates = [store.cert.certificate] if store.cert else []
    certificates += [extra.certificate for extra in store.additional_certs]
    return _parts(store.key, certificates)


def of_pem(data: bytes) -> Parts:
    """Take apart a PEM file with a key and certificates, in any order.

    Raises:
        ValueError: It is none.
    """
    key = load_pem_private_key(data, None) if b"PRIVATE KEY-----" in data else None
    return _parts(key, x509.load_pem_x509_certificates(data))


def to_pkcs12(data: bytes) -> bytes:
    """Return a PEM file as PKCS 12 without a password.

    Raises:
        ValueError: It is none.
    """
    key: Any = load_pem_private_key(data, None)
    leaf, *rest = ordered(x509.load_pem_x509_certificates(data))
    return pkcs12.serialize_key_and_certificates(None, key, leaf, rest, NoEncryption())


def ordered(certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Return certificates from leaf to root; what does not belong to the chain comes last, in its own order.

    The leaf is the first one that has issued none of the others.
    """
    left = list(certificates)
    leaf = next((one for one in left if not any(_issued(one, other) for other in left if other is not one)), None)
    chain: list[x509.Certificate] = []
    following = leaf or (left[0] if left else None)
    while following is not None:
        chain.append(following)
        left.remove(following)
        following = next((one for one in left if _issued(one, chain[-1])), None)
    return chain + left


def _issued(issuer: x509.Certificate, other: x509.Certificate) -> bool:
    if issuer.subject != other.issuer:
        return False
    wanted, given = _key_id(other, x509.AuthorityKeyIdentifier), _key_id(issuer, x509.SubjectKeyIdentifier)
    return not wanted or not given or wanted == given


def _key_id(certificate: x509.Certificate, kind: Any) -> bytes:
    try:
        value: Any = certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return b""
    return bytes(getattr(value, "key_identifier", None) or b"")


def _parts(key: Any, certificates: Sequence[x509.Certificate]) -> Parts:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) if key is not None else b""
    return Parts(private, b"".join(one.public_bytes(Encoding.PEM) for one in ordered(certificates)))


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
