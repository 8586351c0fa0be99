"""The one narrow call that everything AWS goes through: operation and parameters in, answer out.

Whatever takes its place keeps `open`, `call`, `identity` and `close`, answers with the same plain dicts, and raises
`Refusal` and errors of `secretfetch.provider` only. What does not belong here: what an answer means.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from secretfetch.provider import ConfigError, Unavailable
from secretfetch_aws.services import TITLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch_aws.http import CappedHttp
    from secretfetch_aws.settings import Settings

Answer = dict[str, Any]

# A member that each complete answer has: the SDK takes a body that is no JSON for an empty answer.
_ALWAYS = {
    "BatchGetSecretValue": "SecretValues",
    "DescribeParameters": "Parameters",
    "GetCallerIdentity": "Arn",
    "GetParameters": "Parameters",
    "GetParametersByPath": "Parameters",
    "GetSecretValue": "VersionId",
    "ListSecrets": "SecretList",
}
# After these the login is read anew at the next fetch: files may have been renewed since.
_STALE_LOGIN = ("ExpiredToken", "InvalidClientTokenId", "RequestExpired", "UnrecognizedClient", "InvalidSignature")
_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, RecursionError)


class Refusal(Exception):
    """A service answered with an error.

    Attributes:
        code: AWS's code, `AccessDeniedException`.
        message: AWS's text. May echo what was sent; to be shown only for codes known to echo names alone.
        status: Of HTTP.
        retry_after: Seconds that the service asks for.
        date: The service's clock, as HTTP writes it.
    """

    def __init__(
        self, code: str, message: str = "", *, status: int = 400, retry_after: float = 0.0, date: str = ""
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.date = date


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds."""

    connect: float = 5.0
    read: float = 10.0


class Transport:
    """Calls AWS through botocore, clients made once per service and region. Safe for threads."""

    def __init__(self, settings: Settings, timeouts: Timeouts = Timeouts()) -> None:
        self._settings = settings
        self._timeouts = timeouts
        self._lock = threading.RLock()
        self._session: Any = None
        self._region = ""
        self._clients: dict[tuple[str, str], Any] = {}
        self._https: list[CappedHttp] = []
        self._arn: str | None = None
        self._closed = False

    def open(self, pinned: str = "") -> str:
        """Log in unless that is done, and return the region of what names none itself (empty: there is none).

        Args:
            pinned: A region that some ref names, for the login where nothing else says one.

        Raises:
            SecretError: No credentials, or a wrong profile.
        """
        from secretfetch_aws import login  # noqa: PLC0415 - imports the SDK

        with self._lock:
            if self._closed:
                raise Unavailable("this connection to AWS is closed")
            if self._session is None:
                self._session, self._region = login.open_session(self._settings, pinned, self._config())
            return self._region

    def call(self, service: str, region: str, operation: str, parameters: Mapping[str, Any]) -> Answer:
        """Ask one question, once.

        Args:
            service: `secretsmanager`, `ssm` or `sts`.
            region: Must be given.
            operation: As AWS writes it, `GetSecretValue`.
            parameters: As AWS writes them; bytes for blobs.

        Raises:
            Refusal: The service answered with an error.
            SecretError: It did not answer, or nobody could log in.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - start-up cost

        from secretfetch_aws import login, sdk_errors  # noqa: PLC0415 - they import the SDK

        try:
            answer = _ask(self._client(service, region), operation, parameters)
        except ClientError as error:
            refusal = _refusal(error)
            if refusal.code.startswith(_STALE_LOGIN):
                self._log_out()
            if error.operation_name != operation:
                raise sdk_errors.login_refused(refusal, error.operation_name, self._settings.role_arn) from None
            raise refusal from None
        except (BotoCoreError, OSError, EOFError) as error:
            raise sdk_errors.explain(
                error,
                TITLES[service],
                region=region,
                profile=login.profile_of(self._settings),
                known_regions=partial(_known_regions, self._session, service),
            ) from None
        if _ALWAYS[operation] not in answer:
            raise Unavailable(f"the answer of {TITLES[service]} in {region} cannot be read")
        return answer

    def identity(self, region: str) -> str:
        """Return the caller's ARN, asked for once; empty where that cannot be learnt soon."""
        if self._arn is None:
            try:
                self._arn = str(self.call("sts", region, "GetCallerIdentity", {})["Arn"])
            except Exception:  # noqa: BLE001 - a proxy may answer with anything; the name is only for a message
                self._arn = ""
        return self._arn

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            self._closed = True
            self._log_out()

    def _log_out(self) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            for http in self._https:
                http.close()
            self._session = self._arn = None
            self._clients = {}
            self._https = []

    def _client(self, service: str, region: str) -> Any:
        with self._lock:
            if self._session is None:
                self.open(region)
            if (service, region) not in self._clients:
                self._clients[service, region] = self._make_client(service, region)
            return self._clients[service, region]

    def _make_client(self, service: str, region: str) -> Any:
        from secretfetch_aws.http import CappedHttp  # noqa: PLC0415 - imports the SDK

        quick = Timeouts(min(2.0, self._timeouts.connect), min(2.0, self._timeouts.read))
        timeouts = quick if service == "sts" else self._timeouts
        own_url = None if service == "sts" else self._settings.endpoint_url or None
        client = self._create(service, region, endpoint_url=own_url, config=self._config(timeouts))
        authority = self._session.get_config_variable("ca_bundle")
        http = CappedHttp(client.meta.endpoint_url, authority, (timeouts.connect, timeouts.read))
        client.meta.events.register("before-send", http.send)
        self._https.append(http)
        return client

    def _create(self, service: str, region: str, **options: Any) -> Any:
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - start-up cost

        try:
            return self._session.create_client(service, region_name=region, **options)
        except BotoCoreError:
            raise
        except ValueError:
            fix = 'see "endpoint_url", AWS_ENDPOINT_URL and its variants, and the region'
            raise ConfigError(f"the endpoint of {TITLES[service]} in {region} is no URL", ("fix", fix)) from None

    def _config(self, timeouts: Timeouts | None = None) -> Any:
        """The core retries, so the SDK does not."""
        from botocore.config import Config  # noqa: PLC0415 - start-up cost

        timeouts = timeouts or self._timeouts
        return Config(
            connect_timeout=timeouts.connect,
            read_timeout=timeouts.read,
            retries={"total_max_attempts": 1, "mode": "standard"},
            parameter_validation=False,
        )


def _ask(client: Any, operation: str, parameters: Mapping[str, Any]) -> Answer:
    """Return the answer; an empty one where the SDK stumbles over what it has read."""
    from botocore import xform_name  # noqa: PLC0415 - start-up cost
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - start-up cost

    ask = getattr(client, xform_name(operation))
    try:
        return dict(ask(**parameters))
    except BotoCoreError:
        raise  # some are a ValueError as well
    except _UNREADABLE:
        return {}


def _refusal(error: Any) -> Refusal:
    said = error.response.get("Error", {})
    meta = error.response.get("ResponseMetadata", {})
    headers = meta.get("HTTPHeaders", {})
    return Refusal(
        str(said.get("Code", "")),
        str(said.get("Message", "")),
        status=meta.get("HTTPStatusCode", 0),
        retry_after=_seconds(headers.get("retry-after", ""), headers.get("x-amz-retry-after", "")),
        date=headers.get("date", ""),
    )


def _seconds(seconds: str, milliseconds: str) -> float:
    """Read the two headers that ask for a pause; AWS's own counts milliseconds."""
    if seconds.isdigit():
        return float(seconds)
    return float(milliseconds) / 1000 if milliseconds.isdigit() else 0.0


def _known_regions(session: Any, service: str) -> set[str]:
    """Over all partitions; of none while the session is gone."""
    partitions = session.get_available_partitions() if session else ()
    return {region for name in partitions for region in session.get_available_regions(service, name)}
