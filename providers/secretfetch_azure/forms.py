"""Answers of a vault -> bytes, in the form that is asked for.

Secrets are what they are. Keys have a public side only. Behind a certificate is a secret with its private key, PKCS 12
or PEM as its content type says. What does not belong here: asking.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from secretfetch.provider import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch_azure.asks import Ask

_PKCS12 = "application/x-pkcs12"
_PEM = "application/x-pem-file"
_PUBLIC = ("kid", "kty", "crv", "n", "e", "x", "y", "key_ops")


def data_of(ask: Ask, answer: Mapping[str, Any]) -> bytes:
    """Return what an answer holds.

    Raises:
        DataError: It does not hold that.
    """
    if ask.kind == "keys":
        return _key(ask, answer.get("key"))
    if ask.asked_kind == "certificates":
        return _certificate(ask, answer.get("cer"))
    value = answer.get("value")
    try:
        data = value.encode() if isinstance(value, str) else None
    except UnicodeEncodeError:  # JSON can write half a character
        data = None
    if data is None:
        raise DataError(f"{ask.versioned} holds no text")
    if not ask.form or (ask.kind == "secrets" and not answer.get("kid")):
        return data
    return _private_side(ask, str(answer.get("contentType") or ""), data)


def _key(ask: Ask, jwk: Any) -> bytes:
    if not isinstance(jwk, dict):
        raise DataError(f"{ask.versioned} holds no key")
    if ask.form == "jwk":
        public = {name: jwk[name] for name in _PUBLIC if name in jwk}
        return json.dumps(public, ensure_ascii=False, separators=(",", ":")).encode()
    from secretfetch_azure import pem  # noqa: PLC0415 - start-up cost: loads cryptography

    try:
        return pem.public_key(jwk)
    except (ValueError, KeyError, TypeError):
        kind = str(jwk.get("kty", "unknown"))[:20]
        raise DataError(f"{ask.versioned} has no PEM form: it is of type {kind}") from None


def _certificate(ask: Ask, text: Any) -> bytes:
    try:
        der = base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        der = b""
    if not der:
        raise DataError(f"{ask.versioned} holds no certificate")
    if ask.form == "der":
        return der
    import ssl  # noqa: PLC0415 - needed only here

    return ssl.DER_cert_to_PEM_cert(der).encode()


def _private_side(ask: Ask, content_type: str, data: bytes) -> bytes:
    """Return the secret behind a certificate in another form than it is kept in."""
    from secretfetch_azure import pem  # noqa: PLC0415 - start-up cost: loads cryptography

    if content_type not in (_PKCS12, _PEM):
        raise DataError(f'{ask.versioned} is of the content type "{content_type[:80]}", not of a certificate')
    if ask.form == "pem" and content_type == _PEM:
        return data
    try:
        if ask.form == "pfx":
            return base64.b64decode(data) if content_type == _PKCS12 else pem.to_pkcs12(data)
        parts = pem.of_pkcs12(base64.b64decode(data)) if content_type == _PKCS12 else pem.of_pem(data)
    except (ValueError, TypeError):
        raise DataError(f"{ask.versioned} cannot be read as {content_type}") from None
    if not parts.key and ask.form in ("key", "bundle", "pem"):
        raise DataError(f"{ask.versioned} holds no private key")
    return {"key": parts.key, "chain": parts.chain}.get(ask.form, parts.key + parts.chain)
