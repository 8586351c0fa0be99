"""What each auth method is sent. What does not belong here: sending it, and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretfetch.provider import ConfigError, read_credential
from secretfetch_vault import settings as kinds

if TYPE_CHECKING:
    from secretfetch_vault.places import Place
    from secretfetch_vault.settings import Login
    from secretfetch_vault.wrapping import SecretIds

Body = dict[str, Any]


def mount_of(method: str, login: Login) -> str:
    """Return where the method is mounted, below `auth/`."""
    given = getattr(login, "mount", "").strip("/")
    return str(given.removeprefix("auth/") or method)


def identity(place: Place, namespace: str, method: str, login: Login | None) -> str:
    """Return a digest of a server and of who asks it. Credentials are no part of it: they change."""
    import hashlib  # noqa: PLC0415 - only for what is handed over
    import json  # noqa: PLC0415 - only for what is handed over

    mount = "" if login is None else mount_of(method, login)
    who = [str(getattr(login, name, "")) for name in ("role", "role_id", "username")]
    parts = [place.address, place.namespace, namespace, method, mount, *who]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def question(method: str, login: Login, secret_ids: SecretIds) -> tuple[str, Body]:
    """Return path and body of a login, with credentials read anew from their files.

    Raises:
        SecretError: A file cannot be read, or there are no credentials of the cloud.
    """
    path = f"auth/{mount_of(method, login)}/login"
    if isinstance(login, kinds.UserPass):
        if "/" in login.username:
            raise ConfigError(f"auth.{method}.username has a slash")
        return f"{path}/{login.username}", {"password": _one(login.password, login.password_file, "the password")}
    return path, _body(login, secret_ids)


def _body(login: Login, secret_ids: SecretIds) -> Body:
    if isinstance(login, kinds.AppRole):
        body = {"role_id": _one(login.role_id, login.role_id_file, "the role id")}
        secret_id = secret_ids.get(login)
        return body | ({"secret_id": secret_id} if secret_id else {})
    if isinstance(login, kinds.Kubernetes | kinds.Jwt):
        jwt = read_credential(login.token_path, "the token of the login").strip()
        return _named(login.role) | {"jwt": jwt}
    if isinstance(login, kinds.Aws):
        from secretfetch_vault.aws_login import signed_identity  # noqa: PLC0415 - imports the SDK

        return _named(login.role) | signed_identity(login)
    if isinstance(login, kinds.Azure):
        from secretfetch_vault.azure_login import machine_identity  # noqa: PLC0415 - imports requests

        return _named(login.role) | machine_identity(login)
    if isinstance(login, kinds.Cert):
        return {"name": login.role} if login.role else {}
    raise TypeError(login)


def _named(role: str) -> Body:
    return {"role": role} if role else {}


def _one(value: str, file: str, what: str) -> str:
    return read_credential(file, what) if file else value
