"""Refs of Key Vault, read and checked. What does not belong here: asking."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretfetch.provider import ConfigError, meant
from secretfetch_azure import hosts

if TYPE_CHECKING:
    from secretfetch.provider import SecretRef, Version

KINDS = {"secrets": "secret", "keys": "key", "certificates": "certificate"}
FORMS = {
    "secrets": ("", "pem", "pfx"),
    "keys": ("pem", "jwk"),
    "certificates": ("pem", "der", "chain", "key", "bundle", "pfx"),
}
"""What a kind can be had as; the first is what it is without a word."""
_OF_THE_SECRET = ("chain", "key", "bundle", "pfx")
"""Forms of a certificate that only the secret behind it holds."""

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_VERSION = re.compile(r"[0-9a-zA-Z]{1,64}")
_INSTEAD = {
    "stage": "stages are of AWS Secrets Manager",
    "label": "labels are of AWS Parameter Store",
    "recursive": "paths are of AWS Parameter Store",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """One wanted ref.

    Attributes:
        ref: As the core has it.
        held: The version held.
        host: Of the vault.
        kind: `secrets`, `keys` or `certificates`.
        name: Of the secret, key or certificate.
        version: Its id; empty is the current one.
        form: One of `FORMS` of the kind.
    """

    ref: SecretRef
    held: Version | None
    host: str
    kind: str
    name: str
    version: str = ""
    form: str = ""

    @property
    def asked_kind(self) -> str:
        """Where the answer is: a certificate's private side is a secret of the same name and version."""
        return "secrets" if self.kind == "certificates" and self.form in _OF_THE_SECRET else self.kind

    @property
    def path(self) -> str:
        """What is asked of the vault."""
        return f"/{self.asked_kind}/{self.name}" + (f"/{self.version}" if self.version else "")

    @property
    def place(self) -> tuple[str, str]:
        """Host and path; two asks of one place have one answer. Vaults do not tell capitals from small letters."""
        return self.host, self.path.lower()

    @property
    def settled(self) -> bool:
        """A version never changes: who holds it need not ask."""
        return bool(self.version) and self.held == self.version

    @property
    def vault(self) -> str:
        """What messages call the vault."""
        return hosts.name_of(self.host)

    @property
    def object(self) -> str:
        """What messages call it: `secret "contoso/db"`, or `secret "db" in vault "contoso"`."""
        key = self.ref.key or self.name
        told = key.lower().startswith(self.vault.lower()) and "/" in key
        return f'{KINDS[self.kind]} "{key}"' + ("" if told else f' in vault "{self.vault}"')

    @property
    def versioned(self) -> str:
        """As `object`, with the version where one was asked for."""
        told = not self.version or self.version in self.ref.key
        return self.object if told else f"version {self.version} of {self.object}"


class Reader:
    """Reads the refs of one store.

    Args:
        host: The vault of refs that name none; empty if they all must.
        cloud: Where vaults are looked for by name.
        only_cloud: Whether hosts of other clouds are refused.
    """

    def __init__(self, host: str, cloud: str, *, only_cloud: bool) -> None:
        self._host = host
        self._cloud = cloud
        self._only_cloud = only_cloud

    def read(self, ref: SecretRef, held: Version | None) -> Ask:
        """Read a ref.

        Raises:
            ConfigError: It is malformed, contradicts itself or the settings, or has arguments that vaults do not have.
        """
        host, kind, name, in_path = self._place(ref.key)
        _check_name(kind, name)
        version = _one_version(ref, in_path)
        if hosts.is_hsm(host) and kind != "keys":
            raise ConfigError(f'a managed HSM holds keys only: "{ref.key}"', ("form", f"{host}/keys/{name}"))
        if self._only_cloud and hosts.cloud_of(host) not in {"", self._cloud}:
            raise ConfigError(f'{host} is not of the cloud "{self._cloud}"', ("fix", 'see the setting "cloud"'))
        return Ask(ref, held, host, kind, name, version, _form(ref, kind))

    def _place(self, key: str) -> tuple[str, str, str, str]:
        """Return host, kind, name and version of a key."""
        parts = key.split("/")
        if len(parts) > 2 and not parts[-1] and parts[-2] not in KINDS:  # noqa: PLR2004 - ids are often written so
            parts.pop()
        own_vault = bool(self._host) and not hosts.is_host(parts[0])
        if own_vault:
            host = self._host
        elif parts[0] in KINDS:
            raise ConfigError(f'the vault is missing in "{key}"', ("form", "VAULT/secrets/NAME[/VERSION]"))
        else:
            host = hosts.host_of(parts[0], self._cloud)
            parts = parts[1:]
        form = ("" if own_vault else "VAULT/") + "NAME or " + ("" if own_vault else "VAULT/") + "KIND/NAME[/VERSION]"
        if len(parts) == 1:
            return host, "secrets", parts[0], ""
        if len(parts) not in (2, 3):
            raise ConfigError(f'"{key}" is no name in a vault', ("form", form))
        kind, name, version = (*parts, "")[:3]
        if kind not in KINDS:
            known = ", ".join(KINDS)
            also = (("fix", 'the store\'s "vault_url" names the vault: leave it out here'),) if own_vault else ()
            raise ConfigError(
                f'"{kind}" in "{key}" is no kind of thing in a vault', *meant(kind, KINDS), ("known", known), *also
            )
        if len(parts) == 3 and not version:  # noqa: PLR2004 - kind, name, version
            raise ConfigError(f'the version is missing in "{key}"', ("form", form))
        return host, kind, name, version


def _check_name(kind: str, name: str) -> None:
    if not name:
        raise ConfigError(f"the name of the {KINDS[kind]} is missing", ("form", "azure-kv://VAULT/NAME"))
    if not _NAME.fullmatch(name):
        wrong = sorted(set(re.sub(r"[0-9a-zA-Z-]", "", name)))
        told = f"it has {' '.join(wrong)}" if wrong else "it is longer than 127"
        raise ConfigError(
            f'"{name}" is no name of a {KINDS[kind]}: {told}',
            *((("meant", f'"{name.replace("_", "-")}"?'),) if wrong == ["_"] else ()),
            ("form", "letters, digits and hyphens"),
        )


def _one_version(ref: SecretRef, in_path: str) -> str:
    if in_path and ref.version and in_path != ref.version:
        raise ConfigError(f'"{ref.key}" names a version, and another is asked for: {ref.version}')
    version = in_path or ref.version
    if version and (not _VERSION.fullmatch(version) or version.lower() == "latest"):
        fix = "leave it out for the current one" if version.lower() == "latest" else "an id of 32 hexadecimal digits"
        raise ConfigError(f'"{version}" is no version of "{ref.key}"', ("fix", fix))
    return version


def _form(ref: SecretRef, kind: str) -> str:
    known = FORMS[kind]
    for name, value in ref.params:
        if name != "as":
            instead = _INSTEAD.get(name, f'a {KINDS[kind]} has "version"')
            raise ConfigError(f'"{name}" does not go with {KINDS[kind]} "{ref.key}"', ("fix", instead))
        if value not in known:
            forms = ", ".join(form for form in known if form)
            raise ConfigError(f'a {KINDS[kind]} cannot be had as "{value}"', *meant(value, known), ("known", forms))
    return ref.param("as") or known[0]
