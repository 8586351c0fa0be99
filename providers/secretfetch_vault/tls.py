"""Whom the connection trusts and what it shows of itself. What does not belong here: connecting, and its failures."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from secretfetch.provider import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch_vault.places import Place

# What other programs of the same container are told about authorities.
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def make_context(place: Place, environ: Mapping[str, str]) -> ssl.SSLContext:
    """Read the files and return what connections are made with.

    Raises:
        ConfigError: A file is missing or holds nothing of use.
    """
    context = ssl.create_default_context() if _is_public(place, environ) else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not place.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        for path in _authorities(place, environ):
            _trust(context, path)
    if place.client_cert:
        _show(context, place)
    return context


def _is_public(place: Place, environ: Mapping[str, str]) -> bool:
    return place.verify and not _named(place, environ)


def _named(place: Place, environ: Mapping[str, str]) -> str:
    """Return the file or directory of authorities that somebody named, or nothing."""
    return place.ca_file or place.ca_dir or next((environ[name] for name in _BUNDLES if environ.get(name)), "")


def _authorities(place: Place, environ: Mapping[str, str]) -> list[str]:
    named = _named(place, environ)
    if not named:
        import certifi  # noqa: PLC0415 - only where nobody has named authorities

        # Beside the system's own: slim images have none.
        return [certifi.where()]
    if not os.path.isdir(named):
        return [named]
    try:
        files = sorted(entry.path for entry in os.scandir(named) if entry.is_file())
    except OSError as error:
        raise _unreadable("the directory of authorities", named, error) from None
    return files or [named]


def _trust(context: ssl.SSLContext, path: str) -> None:
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise ConfigError(f"the file of authorities {path} holds no certificate in PEM") from None
    except OSError as error:
        raise _unreadable("the file of authorities", path, error) from None


def _show(context: ssl.SSLContext, place: Place) -> None:
    try:
        # Asked for a passphrase, OpenSSL would stop and read the terminal.
        context.load_cert_chain(place.client_cert, place.client_key or None, password=lambda: "")
    except ssl.SSLError:
        of = place.client_key or place.client_cert
        raise ConfigError(
            f"the client certificate {place.client_cert} and the key in {of} do not fit, or are no PEM",
            ("note", "a key with a passphrase cannot be used"),
        ) from None
    except OSError as error:
        raise _unreadable("the client certificate or its key", place.client_cert, error) from None


def _unreadable(what: str, path: str, error: OSError) -> ConfigError:
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return ConfigError(f"cannot read {what} {path}: {reason}", ("fix", "mount the file, or correct its path"))
