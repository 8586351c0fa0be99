"""What a store's entry may set. What does not belong here: acting on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from secretfetch.provider import ConfigError, decode_settings, meant
from secretfetch_azure import hosts

if TYPE_CHECKING:
    from collections.abc import Mapping

_TENANT = re.compile(r"[0-9a-zA-Z.-]+")


class WorkloadIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Kubernetes service account; what is empty comes from the variables of the AKS webhook.

    Attributes:
        client_id: Of the app registration or the managed identity that trusts the service account.
        tenant_id: Of that.
        token_file: The projected token, of the audience api://AzureADTokenExchange.
    """

    client_id: str = ""
    tenant_id: str = ""
    token_file: str = ""


class ManagedIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The identity of the machine. `client_id`: which of several; empty is the system-assigned one."""

    client_id: str = ""


class ServicePrincipal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An app registration; exactly one of a client secret, its file, or the file of a certificate.

    Attributes:
        client_id: Of the app registration.
        tenant_id: Of that.
        client_secret: Itself.
        client_secret_file: Holds it.
        certificate_file: PEM or PKCS 12, with the private key.
        certificate_password_file: Holds its password.
    """

    client_id: str = ""
    tenant_id: str = ""
    client_secret: str = ""
    client_secret_file: str = ""
    certificate_file: str = ""
    certificate_password_file: str = ""

    def __repr__(self) -> str:
        """Return it without the secret."""
        return f"ServicePrincipal(client_id={self.client_id!r})"


class AzureCli(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whoever is logged in to `az`."""

    tenant_id: str = ""


class Ambient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first of the other four that the environment offers."""


Method = WorkloadIdentity | ManagedIdentity | ServicePrincipal | AzureCli | Ambient


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of these."""

    workload_identity: WorkloadIdentity | None = None
    managed_identity: ManagedIdentity | None = None
    service_principal: ServicePrincipal | None = None
    azure_cli: AzureCli | None = None
    ambient: Ambient | None = None


_BARE: dict[str, Method] = {
    "workload_identity": WorkloadIdentity(),
    "managed_identity": ManagedIdentity(),
    "service_principal": ServicePrincipal(),
    "azure_cli": AzureCli(),
    "ambient": Ambient(),
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of a store; empty is the same as absent.

    Attributes:
        vault_url: The vault of refs that name none.
        tenant_id: For a login that names none itself.
        client_id: As `tenant_id`.
        auth: How to log in; a text is one of its fields, with nothing set.
        cloud: Where vaults are looked for by name, and where one logs in.
        expired: What to do about a value out of its time: `warn` and use it, or `refuse` it.
    """

    vault_url: str = ""
    tenant_id: str = ""
    client_id: str = ""
    auth: str | Auth = ""
    cloud: Literal["", "public", "china", "usgov"] = ""
    expired: Literal["warn", "refuse"] = "warn"


def decode(settings: Mapping[str, Any]) -> Settings:
    """Decode and check.

    Raises:
        ConfigError: A setting that is unknown, has the wrong type, or cannot work.
    """
    decoded = decode_settings(settings, Settings)
    if decoded.vault_url:
        of_vault = hosts.cloud_of(hosts.host_of_url(decoded.vault_url))
        if decoded.cloud and of_vault not in {"", decoded.cloud}:
            raise ConfigError(f'"vault_url" is of the cloud "{of_vault}", the setting "cloud" is "{decoded.cloud}"')
    method = method_of(decoded)
    if isinstance(method, ServicePrincipal):
        _check_principal(method)
    for tenant in (decoded.tenant_id, getattr(method, "tenant_id", "")):
        if tenant and not _TENANT.fullmatch(tenant):
            raise ConfigError('the setting "tenant_id" is no tenant', ("form", "its id, or a domain of it"))
    return decoded


def method_of(settings: Settings) -> Method:
    """Return the one way to log in.

    Raises:
        ConfigError: There are several, or none by that name.
    """
    auth = settings.auth
    names = Auth.__struct_fields__
    if isinstance(auth, str):
        if auth not in ("", *names):
            raise ConfigError(f'unknown "auth": "{auth}"', *meant(auth, names), ("known", ", ".join(names)))
        return _BARE[auth or "ambient"]
    given = [name for name in names if getattr(auth, name) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise ConfigError(f'"auth" needs exactly one way to log in, it has {found}', ("known", ", ".join(names)))
    return getattr(auth, given[0])  # type: ignore[no-any-return]


def _check_principal(principal: ServicePrincipal) -> None:
    names = ("client_secret", "client_secret_file", "certificate_file")
    given = [name for name in names if getattr(principal, name)]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise ConfigError(f'"service_principal" needs exactly one of {", ".join(names)}, it has {found}')
    if principal.certificate_password_file and not principal.certificate_file:
        raise ConfigError('"certificate_password_file" belongs to a certificate', ("fix", 'set "certificate_file"'))
