"""The SDK's own exceptions -> ours: nobody answered, or nobody could log in.

The one place for exceptions of botocore. What a service *answers* is in `trouble`. What does not belong here: the SDK's
messages, as some hold what a server or a credential process has said.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from botocore import exceptions as sdk

from secretfetch.provider import AuthFailed, ConfigError, SecretError, Throttled, Unavailable, meant
from secretfetch_aws.http import host_of
from secretfetch_aws.services import TITLES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from secretfetch_aws.transport import Refusal


def _classes(*names: str) -> tuple[type[Exception], ...]:
    """Return exceptions by name, less those that this version of the SDK does not have."""
    return tuple(getattr(sdk, name) for name in names if hasattr(sdk, name))


_SIGN_IN = _classes("SSOError", "LoginError", "TokenRetrievalError", "NoAuthTokenError", "UnknownTokenProviderError")
_CONFIG = _classes(
    "BaseEndpointResolverError",
    "ConfigNotFound",
    "ConfigParseError",
    "EndpointProviderError",
    "InvalidConfigError",
    "InvalidEndpointConfigurationError",
    "InvalidIMDSEndpointError",
    "InvalidIMDSEndpointModeError",
    "InvalidProxiesConfigError",
    "InvalidRegionError",
    "InvalidRetryConfigurationError",
    "UnknownCredentialError",
)
_QUOTA = {"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"}
_NETWORK = (sdk.ConnectionError, sdk.HTTPClientError)


def explain(
    error: Exception,
    title: str,
    *,
    region: str = "",
    profile: str = "",
    known_regions: Callable[[], Collection[str]] = frozenset,
) -> SecretError:
    """Return what an exception of the SDK means.

    Args:
        error: A `BotoCoreError`; an `OSError` of a file; an `EOFError` where a code was to be typed in.
        title: Of the service that was to be asked.
        region: That was to be asked; nothing for a login.
        profile: In use.
        known_regions: Looks up the regions that the SDK knows.
    """
    kwargs = getattr(error, "kwargs", {})
    if isinstance(error, _NETWORK):
        return _unreachable(error, title, region, known_regions)
    if isinstance(error, sdk.PartialCredentialsError):
        missing = f"{kwargs['cred_var']}" if isinstance(kwargs["cred_var"], str) else ", ".join(kwargs["cred_var"])
        return AuthFailed(f"half of AWS credentials: {missing} is missing", ("source", str(kwargs["provider"])))
    if isinstance(error, sdk.ProfileNotFound):
        return _no_profile(str(kwargs["profile"]))
    if isinstance(error, _SIGN_IN):
        return _sign_in_again(profile)
    if isinstance(error, sdk.NoCredentialsError):
        return AuthFailed("no AWS credentials")
    if isinstance(error, _CONFIG):
        return _misconfigured(error, title, region)
    if isinstance(error, OSError):
        return AuthFailed(f"cannot log in to AWS: {error.filename or 'a file'}: {error.strerror or 'cannot be read'}")
    return _no_login(error)


def login_refused(refusal: Refusal, operation: str, role_arn: str) -> SecretError:
    """Return what STS, or whoever gives credentials, has against the caller."""
    if refusal.status == 429 or refusal.code in _QUOTA:  # noqa: PLR2004 - HTTP
        return Throttled(f"the login is throttled: {operation} answers {refusal.code}", retry_after=refusal.retry_after)
    if refusal.status >= 500:  # noqa: PLR2004 - HTTP
        return Unavailable(f"the login fails: {operation} answers {refusal.code}", retry_after=refusal.retry_after)
    if operation == "AssumeRole":
        role = role_arn or "the role of the profile"
        return AuthFailed(
            f"not allowed to assume {role}" if refusal.code == "AccessDenied" else f"cannot assume {role}",
            ("AWS says", refusal.code),
            (
                "fix",
                "the role's trust policy must name the caller (and the external id), the caller needs sts:AssumeRole",
            ),
        )
    fix = "the role's trust policy must name this service account and the cluster's identity provider"
    web = (("fix", fix),) if operation == "AssumeRoleWithWebIdentity" else ()
    return AuthFailed(f"the login is refused: {operation}", ("AWS says", refusal.code), *web)


def _unreachable(error: Any, title: str, region: str, known_regions: Callable[[], Collection[str]]) -> SecretError:
    host = host_of(str(error.kwargs.get("endpoint_url") or error.kwargs.get("proxy_url") or "")) or title
    if isinstance(error, sdk.ProxyConnectionError):
        return Unavailable(f"cannot reach the proxy {host}", ("fix", "see HTTPS_PROXY and NO_PROXY"))
    if isinstance(error, sdk.ReadTimeoutError):
        return Unavailable(f"{host} does not answer in time")
    if isinstance(error, sdk.ConnectTimeoutError):
        return Unavailable(f"cannot reach {host}: no connection in time", ("fix", "see routes, proxy and VPC endpoint"))
    if isinstance(error, sdk.SSLError):
        note = ("fix", "AWS_CA_BUNDLE names the file of the authority behind a proxy or private endpoint")
        return Unavailable(f"no trusted TLS connection to {host}", note)
    if isinstance(error, sdk.ConnectionClosedError):
        return Unavailable(f"{host} closed the connection without an answer")
    if not _unresolved(error):
        return Unavailable(f"cannot reach {host}")
    if region and f".{region}." in host and region not in (known := known_regions()):
        return ConfigError(f'no such region: "{region}" ({host} does not resolve)', *meant(region, sorted(known)))
    return Unavailable(f"cannot reach {host}: the name does not resolve")


def _unresolved(error: Any) -> bool:
    from urllib3.exceptions import NameResolutionError  # noqa: PLC0415 - start-up cost

    return isinstance(error.kwargs.get("error"), NameResolutionError | socket.gaierror)


def _no_profile(name: str) -> SecretError:
    import botocore.session  # noqa: PLC0415 - start-up cost

    known = botocore.session.Session().available_profiles
    return ConfigError(
        f'no profile "{name}" in the AWS configuration files',
        *meant(name, known),
        ("known", ", ".join(sorted(known)) or "none at all"),
    )


def _sign_in_again(profile: str) -> SecretError:
    command = f"aws sso login --profile {profile}" if profile else "aws sso login"
    return AuthFailed("the AWS sign-in has expired or was never made", ("fix", command))


def _misconfigured(error: Exception, title: str, region: str) -> SecretError:
    path = getattr(error, "kwargs", {}).get("path")
    where = f" ({path})" if path else ""
    place = f" for {title} in {region}" if region and title in TITLES.values() else ""
    says = getattr(error, "kwargs", {}).get("error_msg")  # InvalidConfigError has it, and speaks of names alone
    notes = [("SDK says", str(says))] if says else []
    return ConfigError(f"the AWS configuration does not work{place}: {type(error).__name__}{where}", *notes)


def _no_login(error: Any) -> SecretError:
    provider = error.kwargs.get("provider") if hasattr(error, "kwargs") else None
    if isinstance(error, sdk.CredentialRetrievalError):
        return AuthFailed(f"no credentials from {provider}", ("fix", _HELP.get(str(provider), "see its own log")))
    if isinstance(error, sdk.MetadataRetrievalError):
        return AuthFailed("no credentials from the metadata endpoint")
    if isinstance(error, sdk.RefreshWithMFAUnsupportedError | EOFError):
        return AuthFailed("the role wants a code of an MFA device, which cannot be asked for here")
    return AuthFailed(f"cannot log in to AWS: {type(error).__name__}")


_HELP = {
    "container-role": "see AWS_CONTAINER_CREDENTIALS_FULL_URI: the ECS or EKS Pod Identity agent refuses or is away",
    "custom-process": "run the profile's credential_process by hand",
    "assume-role": "see the profile's role_arn and source_profile",
    "iam-role": "see the instance's profile: the metadata service has no role",
}
