"""What a store's entry may set. What does not belong here: acting on it, and the environment (`places`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from secretfetch.provider import ConfigError, decode_settings, meant
from secretfetch_vault.quiet import Quiet

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path


class Method(Quiet, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every login has.

    Attributes:
        mount: Where the auth method is mounted, below `auth/`; its own name where it is empty.
        namespace: Of the login; None is that of the store.
    """

    mount: str = ""
    namespace: str | None = None


class Token(Quiet, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A token that somebody else has made: one of the two."""

    token: str = ""
    token_file: str = ""


class AppRole(Method, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`approle`; `wrapped`: the secret id is a wrapping token that is to be unwrapped, once."""

    role_id: str = ""
    role_id_file: str = ""
    secret_id: str = ""
    secret_id_file: str = ""
    wrapped: bool = False


class Kubernetes(Method, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`kubernetes`: the token of the pod's service account."""

    role: str
    token_path: str = SERVICE_ACCOUNT_TOKEN


class Jwt(Method, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`jwt`: a signed token from a file; the mount may have a default role."""

    role: str = ""
    token_path: str


class Aws(Method, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`aws`, type iam: a signed request that shows who the caller is. `server_id` goes into its header."""

    role: str = ""
    region: str = "us-east-1"
    server_id: str = ""


class Azure(Method, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`azure`: the token of the machine's managed identity; `client_id` chooses one of several."""

    role: str
    resource: str = "https://management.azure.com/"
    client_id: str = ""


class UserPass(Method, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`userpass`."""

    username: str
    password: str = ""
    password_file: str = ""


class Ldap(UserPass, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`ldap`."""


class Cert(Method, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`cert`: the client certificate of the connection; the server tries all roles where none is named."""

    role: str = ""


class Settings(Quiet, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of the store; empty is the same as absent, and a setting is before the environment.

    Attributes:
        address: `https://HOST:PORT`.
        namespace: Of reads.
        auth: One login, `{METHOD: {...}}`; none is the caller's own token.
        ca_file: Authorities that the server's certificate may be from; no other is trusted then.
        client_cert: A certificate to show, PEM.
        client_key: Its key, PEM; nothing where it is in the same file.
        tls_server_name: The name that the server's certificate must have, if that is not the host's.
        tls_skip_verify: Do not verify the server's certificate.
        revoke_on_shutdown: Revoke what this connection minted when it is closed.
        kv_version: How to read paths of mounts that the server does not tell about.
    """

    address: str = ""
    namespace: str = ""
    auth: dict[str, dict[str, Any] | None] = msgspec.field(default_factory=dict)
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    tls_server_name: str = ""
    tls_skip_verify: bool | None = None
    revoke_on_shutdown: bool = False
    kv_version: Literal[1, 2] | None = None


Login = Token | AppRole | Kubernetes | Jwt | Aws | Azure | UserPass | Ldap | Cert
METHODS: dict[str, type[Any]] = {
    "token": Token,
    "approle": AppRole,
    "kubernetes": Kubernetes,
    "jwt": Jwt,
    "aws": Aws,
    "azure": Azure,
    "userpass": UserPass,
    "ldap": Ldap,
    "cert": Cert,
}

# Settings that hold the same thing; exactly one must be given, or at most one.
_ONE_OF: dict[type[Any], list[tuple[str, str]]] = {
    Token: [("token", "token_file")],
    AppRole: [("role_id", "role_id_file")],
    UserPass: [("password", "password_file")],
    Ldap: [("password", "password_file")],
}
_AT_MOST_ONE_OF: dict[type[Any], list[tuple[str, str]]] = {AppRole: [("secret_id", "secret_id_file")]}


def decode(settings: Mapping[str, Any]) -> Settings:
    """Decode and check; the login too, which `login_of` gives.

    Raises:
        ConfigError: A setting that is unknown, has the wrong type, or cannot work.
    """
    decoded = decode_settings(settings, Settings)
    method, login = login_of(decoded)
    if decoded.client_key and not decoded.client_cert:
        raise ConfigError('the setting "client_key" belongs to a certificate', ("fix", 'set "client_cert" as well'))
    if isinstance(login, AppRole) and login.wrapped and not (login.secret_id or login.secret_id_file):
        raise ConfigError(f'"auth.{method}.wrapped" is of a secret id, and none is set')
    return decoded


def login_of(settings: Settings) -> tuple[str, Login | None]:
    """Return the login that the settings describe, and its method; nothing and None for the caller's own token.

    Raises:
        ConfigError: More than one method, an unknown one, or one whose settings are wrong.
    """
    if not settings.auth:
        return "", None
    if len(settings.auth) > 1:
        raise ConfigError(f'"auth" needs exactly one method, it has {" and ".join(sorted(settings.auth))}')
    ((method, given),) = settings.auth.items()
    if method not in METHODS:
        known = ("known", ", ".join(sorted(METHODS)))
        raise ConfigError(f'unknown method "{method}" in "auth"', *meant(method, METHODS), known)
    return method, _decode_login(method, given or {})


def _decode_login(method: str, given: Mapping[str, Any]) -> Any:
    into = METHODS[method]
    try:
        login = decode_settings(given, into)
    except ConfigError as error:
        raise ConfigError(f"auth.{method}: {error.headline}", *error.notes) from None
    for names in _ONE_OF.get(into, ()):
        if sum(bool(getattr(login, name)) for name in names) != 1:
            raise ConfigError(f"auth.{method} needs exactly one of {' and '.join(names)}")
    for names in _AT_MOST_ONE_OF.get(into, ()):
        if all(getattr(login, name) for name in names):
            raise ConfigError(f"auth.{method} needs at most one of {' and '.join(names)}")
    return login
