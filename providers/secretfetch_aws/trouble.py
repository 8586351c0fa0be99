"""What a store answers instead of a value -> our errors: the one table of AWS's codes.

What does not belong here: exceptions of the SDK (`sdk_errors`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from secretfetch.provider import AccessDenied, AuthFailed, ConfigError, NotFound, SecretError, Throttled, Unavailable
from secretfetch_aws import denied
from secretfetch_aws.near_names import NearNames

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretfetch_aws.services import About, Service
    from secretfetch_aws.transport import Refusal, Transport


class Trouble:
    """Explains the refusals of one service."""

    def __init__(self, transport: Transport, service: Service) -> None:
        self._transport = transport
        self.near = NearNames(transport, service)

    def explain(self, refusal: Refusal, about: About) -> SecretError:
        """Return what a refusal means for a ref, or for several where `about` has no name."""
        return self._meaning(refusal)(self, refusal, about)

    def of_the_store(self, refusal: Refusal, about: About) -> SecretError | None:
        """Return what a refusal of a request for several means for all of them; None: it may be about one alone."""
        meaning = self._meaning(refusal)
        if meaning in _OF_ONE:
            return None
        error = meaning(self, refusal, about)
        return error if isinstance(error, AuthFailed | Unavailable) else None

    def _meaning(self, refusal: Refusal) -> Callable[[Trouble, Refusal, About], SecretError]:
        otherwise = Trouble._key if refusal.code.startswith("KMS") else Trouble._unknown
        return self._TABLE.get(_bare(refusal.code), otherwise)

    def no_such_name(self, about: About) -> NotFound:
        """Return that there is no secret or parameter of a name; where it is listed, what is missing is its version."""
        if about.version and self.near.has(about.region, about.plain):
            return NotFound(f"{about.object} in {about.region} has no {about.version}")
        return NotFound(
            f"no {about.object} in {about.region}",
            *self.near.notes(about.region, about.plain),
        )

    def _not_found(self, refusal: Refusal, about: About) -> SecretError:
        if "secret value for" not in refusal.message:
            return self.no_such_name(about)
        if about.version:
            return NotFound(f"{about.object} in {about.region} has no {about.version}")
        return NotFound(f"{about.object} in {about.region} has no value yet")

    def _invalid_request(self, refusal: Refusal, about: About) -> SecretError:
        if "delet" not in refusal.message:
            return self._refused(refusal, about)
        return NotFound(
            f"{about.object} in {about.region} is scheduled for deletion",
            ("fix", f"aws secretsmanager restore-secret --region {about.region} --secret-id {about.name}"),
        )

    def _refused(self, refusal: Refusal, about: About) -> SecretError:
        says = " ".join(refusal.message.split())[:300] or refusal.code
        return ConfigError(f"{about.service.title} refuses {about.object} in {about.region}", ("AWS says", says))

    def _denied(self, refusal: Refusal, about: About) -> SecretError:
        return denied.explain(refusal, about, self._transport)

    def _key(self, refusal: Refusal, about: About) -> SecretError:
        return AccessDenied(
            f"{about.object} in {about.region} cannot be decrypted",
            ("AWS says", refusal.code),
            ("fix", "see whether its KMS key is enabled, and whether its policy allows kms:Decrypt"),
        )

    def _expired(self, _refusal: Refusal, _about: About) -> SecretError:
        return AuthFailed(
            "the AWS credentials have expired", ("fix", "log in again (aws sso login), or renew AWS_SESSION_TOKEN")
        )

    def _unknown_key(self, refusal: Refusal, _about: About) -> SecretError:
        return AuthFailed(
            "AWS does not know these credentials",
            ("AWS says", refusal.code),
            ("fix", "see AWS_ACCESS_KEY_ID, its AWS_SESSION_TOKEN and the partition; the key may be deleted"),
        )

    def _signature(self, refusal: Refusal, _about: About) -> SecretError:
        skew = _skew(refusal.date)
        if abs(skew) > _MOST_SKEW or "xpired" in refusal.message or "not yet current" in refusal.message:
            ahead = f"{abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
            return AuthFailed(
                "AWS refuses the signature: this machine's clock is wrong",
                ("clock", ahead if skew else "AWS does not say by how much"),
                ("fix", "set the clock (NTP)"),
            )
        return AuthFailed("AWS refuses the signature", ("fix", "AWS_SECRET_ACCESS_KEY does not belong to the key id"))

    def _throttled(self, refusal: Refusal, about: About) -> SecretError:
        return Throttled(f"{about.service.title} in {about.region} throttles", retry_after=refusal.retry_after)

    def _unavailable(self, refusal: Refusal, about: About) -> SecretError:
        return Unavailable(
            f"{about.service.title} in {about.region} fails",
            ("AWS says", f"{refusal.code} (HTTP {refusal.status})"),
            retry_after=refusal.retry_after,
        )

    def _not_enabled(self, refusal: Refusal, about: About) -> SecretError:
        return AccessDenied(
            f"the account may not use {about.service.title} in {about.region}",
            ("AWS says", refusal.code),
            ("fix", "enable the region for the account"),
        )

    def _unknown(self, refusal: Refusal, about: About) -> SecretError:
        if refusal.status == _TOO_MANY:
            return self._throttled(refusal, about)
        if refusal.status >= _SERVER_FAULT or refusal.status == _REQUEST_TIMEOUT:
            return self._unavailable(refusal, about)
        if refusal.code.isdigit():
            return ConfigError(
                f"what answers for {about.service.title} in {about.region} is not AWS",
                ("answer", f"HTTP {refusal.code} without an AWS error"),
                ("fix", "see endpoint_url, AWS_ENDPOINT_URL and the proxy"),
            )
        note = ("AWS says", refusal.code)
        return ConfigError(f"{about.service.title} refuses {about.object} in {about.region}", note)

    _TABLE: ClassVar[dict[str, Callable[[Trouble, Refusal, About], SecretError]]] = {
        "ResourceNotFound": _not_found,
        "ParameterNotFound": _not_found,
        "ParameterVersionNotFound": _not_found,
        "InvalidRequest": _invalid_request,
        "InvalidParameter": _refused,
        "InvalidFilterKey": _refused,
        "Validation": _refused,
        "AccessDenied": _denied,
        "UnauthorizedOperation": _denied,
        "DecryptionFailure": _denied,
        "InvalidKeyId": _key,
        "ExpiredToken": _expired,
        "InvalidClientTokenId": _unknown_key,
        "UnrecognizedClient": _unknown_key,
        "MissingAuthenticationToken": _unknown_key,
        "IncompleteSignature": _unknown_key,
        "InvalidSignature": _signature,
        "SignatureDoesNotMatch": _signature,
        "RequestExpired": _signature,
        "OptInRequired": _not_enabled,
        "Throttling": _throttled,
        "ThrottledException": _throttled,
        "RequestLimitExceeded": _throttled,
        "TooManyRequests": _throttled,
        "LimitExceeded": _throttled,
        "InternalService": _unavailable,
        "InternalServer": _unavailable,
        "InternalFailure": _unavailable,
        "ServiceUnavailable": _unavailable,
        "RequestTimeout": _unavailable,
    }


_OF_ONE = (Trouble._not_found, Trouble._invalid_request, Trouble._refused, Trouble._denied, Trouble._key)  # noqa: SLF001 - same module
_TOO_MANY = 429
_REQUEST_TIMEOUT = 408
_SERVER_FAULT = 500
_MOST_SKEW = 240  # seconds; AWS tolerates five minutes


def _bare(code: str) -> str:
    """`ThrottlingException` and `Throttling`, `InternalServiceError` and the exception, are one."""
    return code.removesuffix("Exception").removesuffix("Error")


def _skew(date: str) -> float:
    """Return the seconds that this clock is ahead of the service's."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - only for this
    from time import time  # noqa: PLC0415 - only for this

    try:
        return time() - parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return 0.0
