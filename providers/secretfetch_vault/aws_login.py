"""The login by AWS identity: a request to STS, signed and not sent, that the server sends in our stead.

Credentials are those of the SDK where it is installed, else those of the environment. What does not belong here: the
stores of AWS.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any

from secretfetch.provider import AuthFailed

if TYPE_CHECKING:
    from secretfetch_vault.settings import Aws

_BODY = "Action=GetCallerIdentity&Version=2011-06-15"


def signed_identity(login: Aws) -> dict[str, str]:
    """Return the four members of a login of type iam.

    Raises:
        AuthFailed: There are no credentials.
    """
    import requests  # noqa: PLC0415 - start-up cost
    from hvac.aws_utils import SigV4Auth  # noqa: PLC0415 - start-up cost

    host = "sts.amazonaws.com" if login.region == "us-east-1" else f"sts.{login.region}.{_domain(login.region)}"
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Host": host}
    if login.server_id:
        headers["X-Vault-AWS-IAM-Server-ID"] = login.server_id
    request = requests.Request("POST", f"https://{host}/", headers=headers, data=_BODY).prepare()
    key_id, secret, session_token = _credentials()
    SigV4Auth(key_id, secret, session_token, login.region).add_auth(request)
    return {
        "iam_http_request_method": "POST",
        "iam_request_url": _base64(str(request.url)),
        "iam_request_body": _base64(_BODY),
        "iam_request_headers": _base64(json.dumps(dict(request.headers))),
    }


def _domain(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _credentials() -> tuple[str, str, str | None]:
    try:
        import botocore.session  # noqa: PLC0415 - only where it is installed
    except ImportError:
        return _of_the_environment()
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - only where it is installed

    found: Any = None
    kind = ""
    try:
        credentials = botocore.session.Session().get_credentials()
        found = credentials and credentials.get_frozen_credentials()
    except (BotoCoreError, OSError) as error:
        kind = type(error).__name__
    if kind:
        raise AuthFailed("the login by aws has no AWS credentials", ("SDK says", kind))
    if not found:
        raise AuthFailed(
            "the login by aws has no AWS credentials",
            ("tried", "all that the AWS SDK knows: environment, profile, web identity, container, instance"),
            ("fix", "give the pod, task or instance a role, or set AWS_PROFILE"),
        )
    return found.access_key, found.secret_key, found.token


def _of_the_environment() -> tuple[str, str, str | None]:
    key_id, secret = os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", "")
    if not key_id or not secret:
        raise AuthFailed(
            "the login by aws has no AWS credentials",
            ("tried", "environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set"),
            ("fix", "pip install 'secretfetch[aws]' for all other sources: profiles, IRSA, containers, instances"),
        )
    return key_id, secret, os.environ.get("AWS_SESSION_TOKEN") or None
