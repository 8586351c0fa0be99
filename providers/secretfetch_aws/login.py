"""Credentials and the region: the SDK's own chain, plus a role where the settings name one.

What does not belong here: requests to a store.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from secretfetch.provider import AuthFailed

if TYPE_CHECKING:
    from secretfetch_aws.settings import Settings


def open_session(settings: Settings, pinned: str, config: Any) -> tuple[Any, str]:
    """Return a session of the SDK that has credentials, and the region of what names none itself (or nothing).

    Args:
        settings: Of the store.
        pinned: A region for the login's own requests where nothing else says one.
        config: For the clients that a login makes.

    Raises:
        SecretError: There are no credentials, or the configuration files are wrong.
    """
    import botocore.session  # noqa: PLC0415 - start-up cost
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - start-up cost

    from secretfetch_aws import models, sdk_errors  # noqa: PLC0415 - they import the SDK

    session = botocore.session.Session(profile=settings.profile or None)
    try:
        # The SDK alone would not read AWS_REGION.
        region = settings.region or os.environ.get("AWS_REGION") or session.get_config_variable("region") or ""
        if region or pinned:
            session.set_config_variable("region", region or pinned)
        session.set_default_client_config(config)
        session.register_component("data_loader", models.reader(session.get_config_variable("data_path")))
        if settings.role_arn:
            _assume(settings, session, region or pinned)
        if session.get_credentials() is None:
            raise AuthFailed("no AWS credentials", *_tried(settings, session))
    except (BotoCoreError, OSError, EOFError) as error:
        raise sdk_errors.explain(error, "the login", profile=profile_of(settings)) from None
    return session, region


def profile_of(settings: Settings) -> str:
    """Return the profile in use, or nothing where it is the default one."""
    return settings.profile or os.environ.get("AWS_PROFILE", "")


class _Given:
    """A provider of credentials, in the SDK's sense, that has them already."""

    METHOD = CANONICAL_NAME = "assume-role-of-settings"

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def load(self) -> Any:
        return self._credentials


def _assume(settings: Settings, session: Any, region: str) -> None:
    """Put the role's credentials, renewed when due, in the place of those that assume it."""
    from botocore import credentials as sdk  # noqa: PLC0415 - start-up cost

    base = sdk.create_credential_resolver(session, region_name=region or None).load_credentials()
    if base is None:
        raise AuthFailed(f"no AWS credentials to assume {settings.role_arn} with", *_tried(settings, session))
    extra = {"RoleSessionName": settings.session_name or "secretfetch"}
    if settings.external_id:
        extra["ExternalId"] = settings.external_id
    fetcher = sdk.AssumeRoleCredentialFetcher(
        partial(session.create_client, region_name=region or None), base, settings.role_arn, extra_args=extra
    )
    role = sdk.DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    session.register_component("credential_provider", sdk.CredentialResolver([_Given(role)]))


def _tried(settings: Settings, session: Any) -> list[tuple[str, str]]:
    """Tell, source by source in the SDK's order, why it gave nothing."""
    return [
        ("tried", f"environment: {_environment(settings)}"),
        ("tried", f"profile: {_profile(session)}"),
        ("tried", f"web identity: {_unset('AWS_WEB_IDENTITY_TOKEN_FILE', 'AWS_ROLE_ARN')}"),
        (
            "tried",
            "ECS or EKS Pod Identity: "
            + _unset("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", needed=1),
        ),
        ("tried", f"instance metadata: {_metadata(session)}"),
        ("fix", "set AWS_PROFILE or AWS_ACCESS_KEY_ID, or give the pod, task or instance a role"),
    ]


def _environment(settings: Settings) -> str:
    if settings.profile:
        return "not asked, as the settings name a profile"
    return _unset("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def _unset(*names: str, needed: int = 0) -> str:
    missing = [name for name in names if not os.environ.get(name)]
    if needed and len(missing) == len(names):
        return f"neither {' nor '.join(names)} is set"
    return f"{missing[0]} is not set" if missing else "gave none"


def _profile(session: Any) -> str:
    name = session.get_config_variable("profile") or "default"
    files = [session.get_config_variable(variable) for variable in ("config_file", "credentials_file")]
    there = [file for file in files if file and os.path.isfile(os.path.expanduser(file))]
    if not there:
        return f'"{name}": neither {" nor ".join(files)} exists'
    if name not in session.available_profiles:
        return f'"{name}": not in {" or ".join(there)}'
    return f'"{name}" of {" and ".join(there)} has no credentials'


def _metadata(session: Any) -> str:
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return "switched off by AWS_EC2_METADATA_DISABLED"
    host = session.get_config_variable("ec2_metadata_service_endpoint") or "169.254.169.254"
    return f"no role from {host} within {session.get_config_variable('metadata_service_timeout')} s"
