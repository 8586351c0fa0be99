"""The caller's own token, where the settings describe no login. What does not belong here: logging in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretfetch.provider import AuthFailed, read_credential
from secretfetch_vault.login_trouble import no_token
from secretfetch_vault.tokens import is_sendable

if TYPE_CHECKING:
    from secretfetch_vault.places import Place
    from secretfetch_vault.settings import Token

_VARIABLES = ("BAO_TOKEN", "VAULT_TOKEN")
_FILES = ("BAO_TOKEN_FILE", "VAULT_TOKEN_FILE")
_HELPER = "~/.vault-token"  # where the CLIs keep the token of a login


def given_token(login: Token | None, place: Place) -> tuple[str, str]:
    """Return a token that somebody else has made, and where it is from. Files are read anew each time.

    Raises:
        AuthFailed: There is none, or a file that is named cannot be read.
    """
    token, source = _of_settings(login) if login else _of_the_caller(place)
    if not is_sendable(token):
        raise AuthFailed(f"what {source} holds is no token")
    return token, source


def _of_settings(login: Token) -> tuple[str, str]:
    if login.token:
        return login.token.strip(), "the settings"
    return read_credential(login.token_file, "the token").strip(), login.token_file


def _of_the_caller(place: Place) -> tuple[str, str]:
    for name in _VARIABLES:
        if token := os.environ.get(name, "").strip():
            return token, name
    for name in _FILES:
        if path := os.environ.get(name, ""):
            return read_credential(path, f"the token of {name}").strip(), path
    path = os.path.expanduser(_HELPER)
    if os.path.isfile(path):
        return read_credential(path, "the token").strip(), path
    unset = [f"environment: neither {' nor '.join(names)} is set" for names in (_VARIABLES, _FILES)]
    raise no_token(place, [*unset, f"file: no {path}"])
