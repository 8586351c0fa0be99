"""Throw-away authorities and certificates for tests. What does not belong here: servers."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from pathlib import Path

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Authority:
    """An authority, and the folder in which what it makes is put."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def file(self) -> str:
        """Its own certificate, PEM."""
        return str(self.folder / f"{self.name}.pem")

    def issue(
        self, name: str, *hosts: str, days: tuple[float, float] = (-1, 1), client: bool = False, group: str = ""
    ) -> tuple[str, str]:
        """Make a certificate; return its file and that of its key.

        Args:
            name: Of the subject and of the files.
            hosts: Names and addresses.
            days: Valid from and until, counted from now.
            client: For a client instead of a server.
            group: The organisation, which Kubernetes takes for a group.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        use = x509.ExtendedKeyUsageOID.CLIENT_AUTH if client else x509.ExtendedKeyUsageOID.SERVER_AUTH
        builder = _builder(name, days, group).issuer_name(self.certificate.subject).public_key(key.public_key())
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        if hosts:
            names = [_general(host) for host in hosts]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        return _write(self.folder, name, builder.sign(self.key, hashes.SHA256()), key)


def authority(folder: Path, name: str) -> Authority:
    """Make an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, (-2, 2)).issuer_name(_name(name)).public_key(key.public_key())
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(folder, name, certificate, key)
    return Authority(folder, name, key, certificate)


def _builder(name: str, days: tuple[float, float], group: str = "") -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name, group))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
    )


def _name(text: str, group: str = "") -> x509.Name:
    groups = [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, group)] if group else []
    return x509.Name([*groups, x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> tuple[str, str]:
    pem, secret = folder / f"{name}.pem", folder / f"{name}-key.pem"
    pem.write_bytes(certificate.public_bytes(_PEM))
    kind = serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(_PEM, kind, serialization.NoEncryption()))
    return str(pem), str(secret)
