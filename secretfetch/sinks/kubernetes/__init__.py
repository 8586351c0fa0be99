"""Kubernetes Secrets: written by server-side apply, or printed as a manifest.

Each Secret is read before it is written: one that is as it has to be is not touched, and one that would not be taken is
refused by the server in a dry run, before anything else is published. Keys of other field managers are left alone. What
does not belong here: the volume of a pod that stands for a Secret (`volume`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secretfetch.plan import KubeSecret
    from secretfetch.sinks.writer import Writer


def writer(target: KubeSecret) -> Writer:
    """Return the writer of a Secret.

    Raises:
        ConfigError: There is no way to the API server, or the library for it is not installed.
    """
    if target.sink == "manifest":
        from secretfetch.sinks.kubernetes.manifest import ManifestWriter  # noqa: PLC0415 - start-up cost

        return ManifestWriter(target)
    from secretfetch.sinks.kubernetes.applying import SecretWriter  # noqa: PLC0415 - start-up cost
    from secretfetch.sinks.kubernetes.cluster import cluster  # noqa: PLC0415 - start-up cost

    return SecretWriter(target, cluster())
