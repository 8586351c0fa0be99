"""The SDK's credentials, made as the settings and the environment say. What does not belong here: asking them.

Everything is tried in the order environment, workload identity, managed identity, `az`, as the SDK's own default does;
`AZURE_TOKEN_CREDENTIALS` narrows that down. Left out are those of desktops, which wait for a person.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from secretfetch.provider import AuthFailed, ConfigError, read_credential
from secretfetch_azure.settings import (
    Ambient,
    AzureCli,
    ManagedIdentity,
    Method,
    ServicePrincipal,
    Settings,
    WorkloadIdentity,
    method_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azure.core.pipeline.transport import RequestsTransport

_ENVIRONMENT = "EnvironmentCredential"
_WORKLOAD = "WorkloadIdentityCredential"
_MANAGED = "ManagedIdentityCredential"
_CLI = "AzureCliCredential"
_PRODUCTION = (_ENVIRONMENT, _WORKLOAD, _MANAGED)
_CHAIN = (*_PRODUCTION, _CLI)
_AZ_SECONDS = 10
_METADATA = "169.254.169.254"


class Candidate(NamedTuple):
    """One way to log in.

    Attributes:
        name: What messages call it.
        method: As settings would say it.
        missing: Why it cannot be tried here; empty if it can.
    """

    name: str
    method: Method
    missing: str = ""


def candidates(settings: Settings) -> list[Candidate]:
    """Return the ways to try, in order.

    Raises:
        ConfigError: AZURE_TOKEN_CREDENTIALS names something that is not among them.
    """
    method = method_of(settings)
    if not isinstance(method, Ambient):
        return [Candidate(_names(method), method)]
    environment = _of_environment()
    offered = {
        _ENVIRONMENT: Candidate(
            "environment", environment, _unset("AZURE_CLIENT_ID", "AZURE_TENANT_ID", *_secret_variables())
        ),
        _WORKLOAD: Candidate("workload identity", WorkloadIdentity(), _unset("AZURE_FEDERATED_TOKEN_FILE")),
        _MANAGED: Candidate("managed identity", ManagedIdentity()),
        _CLI: Candidate("az", AzureCli()),
    }
    return [offered[name] for name in _chosen()]


def _chosen() -> tuple[str, ...]:
    wish = os.environ.get("AZURE_TOKEN_CREDENTIALS", "").strip().lower()
    named = {name.lower(): (name,) for name in _CHAIN}
    known = {"": _CHAIN, "prod": _PRODUCTION, "dev": (_CLI,), **named}
    if wish not in known:
        raise ConfigError(f'AZURE_TOKEN_CREDENTIALS is "{wish}"', ("known", ", ".join(["prod", "dev", *_CHAIN])))
    return known[wish]


def _of_environment() -> ServicePrincipal:
    get = os.environ.get
    if get("AZURE_CLIENT_SECRET"):
        return ServicePrincipal(client_secret=get("AZURE_CLIENT_SECRET", ""))
    return ServicePrincipal(certificate_file=get("AZURE_CLIENT_CERTIFICATE_PATH", ""))


def _secret_variables() -> tuple[str, ...]:
    return () if os.environ.get("AZURE_CLIENT_CERTIFICATE_PATH") else ("AZURE_CLIENT_SECRET",)


def _unset(*names: str) -> str:
    missing = next((name for name in names if not os.environ.get(name)), "")
    return f"{missing} is not set" if missing else ""


def _names(method: Method) -> str:
    names = {WorkloadIdentity: "workload identity", ManagedIdentity: "managed identity", AzureCli: "az"}
    return names.get(type(method), "service principal")


def at(method: Method) -> str:
    """Return what kind of thing a login talks to: `identity` on this machine, or `login`."""
    return "identity" if isinstance(method, ManagedIdentity) else "login"


def metadata_host() -> str:
    """Return where this machine gives out managed identities."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - loaded with the SDK anyway

    names = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST")
    url = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return urlsplit(url).netloc or _METADATA


def is_certain(method: Method) -> bool:
    """Tell whether what gives out tokens must be there: then silence is an outage, else it is merely another place."""
    announced = os.environ.get("IDENTITY_ENDPOINT") or os.environ.get("MSI_ENDPOINT")
    return not isinstance(method, ManagedIdentity) or bool(announced)


def make(method: Method, settings: Settings, authority: str, transport: RequestsTransport) -> Any:
    """Return the SDK's credential.

    Args:
        method: How to log in.
        settings: For ids that the method leaves out.
        authority: Host to log in at; empty is what the SDK takes by itself.
        transport: For its requests.

    Raises:
        SecretError: Something that it needs is missing or cannot be read.
    """
    options: dict[str, Any] = {"transport": transport, "retry_total": 0}
    if authority:
        options["authority"] = authority
    if isinstance(method, ManagedIdentity):
        return _managed(method.client_id or settings.client_id or os.environ.get("AZURE_CLIENT_ID", ""), options)
    if isinstance(method, AzureCli):
        from azure.identity import AzureCliCredential  # noqa: PLC0415 - start-up cost

        return AzureCliCredential(tenant_id=method.tenant_id or settings.tenant_id, process_timeout=_AZ_SECONDS)
    if isinstance(method, WorkloadIdentity):
        return _workload(method, _ids(method, settings), options)
    assert isinstance(method, ServicePrincipal)  # noqa: S101 - the last one there is
    return _principal(method, _ids(method, settings), options)


def _managed(client_id: str, options: Mapping[str, Any]) -> Any:
    from azure.identity import ManagedIdentityCredential  # noqa: PLC0415 - start-up cost

    options = {name: value for name, value in options.items() if name != "authority"}
    # Without the last one the SDK turns to workload identity where its variables are set, though not asked to.
    return ManagedIdentityCredential(
        client_id=client_id or None, retry_status=0, _exclude_workload_identity_credential=True, **options
    )


def _workload(method: WorkloadIdentity, ids: Mapping[str, str], options: Mapping[str, Any]) -> Any:
    from azure.identity import ClientAssertionCredential  # noqa: PLC0415 - start-up cost

    path = method.token_file or os.environ.get("AZURE_FEDERATED_TOKEN_FILE", "")
    if not path:
        raise AuthFailed(
            "workload identity has no token file",
            ("fix", 'label the pod azure.workload.identity/use: "true", or set "token_file"'),
        )
    return ClientAssertionCredential(func=_reader(path), **ids, **options)


def _reader(path: str) -> Callable[[], str]:
    """Read the token at each login, as it is renewed on disk: the SDK's own would keep one for ten minutes."""
    return lambda: read_credential(path, "the service account token")


def _principal(method: ServicePrincipal, ids: Mapping[str, str], options: Mapping[str, Any]) -> Any:
    if method.certificate_file:
        return _with_certificate(method, ids, options)
    from azure.identity import ClientSecretCredential  # noqa: PLC0415 - start-up cost

    secret = method.client_secret or read_credential(method.client_secret_file, "the client secret")
    return ClientSecretCredential(client_secret=secret, **ids, **options)


def _with_certificate(method: ServicePrincipal, ids: Mapping[str, str], options: Mapping[str, Any]) -> Any:
    from azure.identity import CertificateCredential  # noqa: PLC0415 - start-up cost

    path = method.certificate_file
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise AuthFailed(f"cannot read the client certificate from {path}: {reason}") from None
    try:
        return CertificateCredential(certificate_data=data, password=_password(method), **ids, **options)
    except (ValueError, TypeError):
        raise AuthFailed(
            f"the client certificate in {path} cannot be used",
            ("fix", "it needs a certificate and its unencrypted RSA key, PEM or PKCS 12, or the right password"),
        ) from None


def _password(method: ServicePrincipal) -> str | None:
    if method.certificate_password_file:
        return read_credential(method.certificate_password_file, "the password of the client certificate")
    return os.environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD")


def _ids(method: WorkloadIdentity | ServicePrincipal, settings: Settings) -> dict[str, str]:
    ids = {}
    for name in ("client_id", "tenant_id"):
        ids[name] = getattr(method, name) or getattr(settings, name) or os.environ.get(f"AZURE_{name.upper()}", "")
        if not ids[name]:
            raise AuthFailed(f"no {name} for the login", ("fix", f'set "{name}", or AZURE_{name.upper()}'))
    return ids
