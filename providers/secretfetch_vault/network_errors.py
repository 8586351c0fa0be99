"""Exceptions of urllib3 -> ours: nobody answered, or nobody who can be trusted.

What does not belong here: answers (`trouble`); and the texts of those exceptions, which hold URLs and headers.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from urllib3 import exceptions as urllib3

from secretfetch.provider import ConfigError, SecretError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretfetch_vault.places import Place

# OpenSSL's numbers (X509_V_ERR_...).
_NOT_YET_VALID, _EXPIRED = 9, 10
_WRONG_NAME = {62, 64}  # of a host; of an IP address
_DEPTH = 12


def explain(error: BaseException, place: Place) -> SecretError:
    """Return what an exception means."""
    chain = list(_chain(error))
    for fault in chain:
        if isinstance(fault, ssl.SSLError):
            return _tls(fault, place)
    if any(isinstance(fault, urllib3.ProxyError) for fault in chain):
        return Unavailable(f"cannot reach {place.host} through the proxy", ("fix", "see HTTPS_PROXY and NO_PROXY"))
    # What could not connect at all is, for urllib3, a kind of what could not connect in time.
    if any(isinstance(fault, urllib3.ConnectTimeoutError) and not _is_new(fault) for fault in chain):
        note = ("fix", "see the address, routes and network policies")
        return Unavailable(f"cannot reach {place.host}: no connection in time", note)
    if any(isinstance(fault, urllib3.ReadTimeoutError) for fault in chain):
        return Unavailable(f"{place.host} does not answer in time")
    if any(isinstance(fault, _URLS) for fault in chain):
        return ConfigError(f"{place.named_by} is no URL that can be asked: {place.address}")
    return _connection(chain, place)


def _is_new(fault: BaseException) -> bool:
    return isinstance(fault, urllib3.NewConnectionError)


_URLS = (urllib3.LocationValueError, urllib3.ProxySchemeUnknown, urllib3.ProxySchemeUnsupported)


def _connection(chain: list[BaseException], place: Place) -> SecretError:
    source = ("address", f"{place.address}, from {place.named_by}")
    for fault in chain:
        if isinstance(fault, urllib3.NameResolutionError | socket.gaierror):
            return Unavailable(f"cannot reach {place.host}: the name does not resolve", source)
        if isinstance(fault, ConnectionRefusedError):
            return Unavailable(f"cannot reach {place.host}: connection refused", source)
        if isinstance(fault, urllib3.IncompleteRead):
            return Unavailable(f"the answer of {place.host} ended early")
    if any(isinstance(fault, ConnectionResetError | BrokenPipeError | urllib3.ProtocolError) for fault in chain):
        return Unavailable(f"{place.host} closed the connection without an answer")
    return Unavailable(f"cannot reach {place.host}", source)


def _tls(error: ssl.SSLError, place: Place) -> SecretError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(error, place)
    reason = (error.reason or "").upper()
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        return ConfigError(
            f"{place.host} does not speak TLS", ("fix", f"correct {place.named_by}: http:// instead of https://")
        )
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason or "BAD_CERTIFICATE" in reason:
        return ConfigError(
            f"{place.host} wants another client certificate", ("fix", 'see "client_cert" and "client_key" of the store')
        )
    return Unavailable(f"no TLS connection to {place.host}", ("OpenSSL says", reason or type(error).__name__))


def _untrusted(error: ssl.SSLCertVerificationError, place: Place) -> SecretError:
    """An expired certificate is renewed by somebody; authorities and names are corrected in the config."""
    if error.verify_code == _EXPIRED:
        return Unavailable(
            f"the TLS certificate of {place.host}, or of its authority, has expired",
            ("fix", "renew it on the server; see this machine's clock if it has not expired"),
        )
    if error.verify_code == _NOT_YET_VALID:
        return Unavailable(
            f"the TLS certificate of {place.host} is not valid yet",
            ("fix", "see the clocks of this machine and of the server"),
        )
    if error.verify_code in _WRONG_NAME:
        return ConfigError(
            f"the TLS certificate of {place.host} is for another name than {place.server_name or place.host}",
            ("fix", 'correct the address, or set "tls_server_name" to the name in the certificate'),
        )
    trusted = place.ca_file or place.ca_dir
    return ConfigError(
        f"the TLS certificate of {place.host} is from an authority that is not trusted",
        ("trusted", f"only {trusted}" if trusted else "the public authorities"),
        ("fix", 'set "ca_file" of the store, or VAULT_CACERT, to the authority of that server'),
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and all that it was made from."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(seen) < _DEPTH:
        fault = waiting.pop(0)
        if isinstance(fault, BaseException) and fault not in seen:
            seen.append(fault)
            yield fault
            waiting += [getattr(fault, "reason", None), *fault.args, fault.__cause__, fault.__context__]
