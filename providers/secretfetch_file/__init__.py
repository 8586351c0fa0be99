"""The providers `file` and `env`: secrets that are already on this machine.

They need no login and no network, so they are also what a config is tried out with. This module connects; `files` reads
files and directories, `formats` and `yamltext` make JSON views, `environment` reads variables. What does not belong
here: whose directory a relative path means; the core has made paths absolute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretfetch.provider import decode_settings
from secretfetch_file.environment import EnvironmentProvider
from secretfetch_file.files import FileProvider

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.provider import Provider

__all__ = ["connect_env", "connect_file"]


def connect_file(settings: Mapping[str, Any], /) -> Provider:
    """Connect to the file system.

    Raises:
        ConfigError: There is a setting; there are none.
    """
    _refuse(settings)
    return FileProvider()


def connect_env(settings: Mapping[str, Any], /) -> Provider:
    """Connect to the environment of this process.

    Raises:
        ConfigError: There is a setting; there are none.
    """
    _refuse(settings)
    return EnvironmentProvider()


def _refuse(settings: Mapping[str, Any]) -> None:
    if settings:
        import msgspec  # noqa: PLC0415 - start-up cost, and only needed to complain

        decode_settings(settings, msgspec.defstruct("NoSettings", []))
