"""The API server, through lightkube: the few calls that Secrets need. What does not belong here: their content."""

from __future__ import annotations

import base64
import os
import random
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from secretfetch import redaction
from secretfetch.errors import AccessDenied, ConfigError, NotFound, Unavailable
from secretfetch.names import printable
from secretfetch.sinks.kubernetes import refusals
from secretfetch.sinks.kubernetes.contents import MANAGER
from secretfetch.sinks.kubernetes.refusals import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lightkube import Client

    from secretfetch.plan import KubeSecret

_T = TypeVar("_T")

_CONNECT, _READ = 5.0, 10.0  # seconds
_TRIES = 4
_LONGEST_WAIT = 10.0  # seconds that the server may ask us to wait for, within one try of a round
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_ABOVE = {"ReplicaSet": "apps_v1", "Job": "batch_v1"}  # kinds that are themselves made by a controller


class Cluster:
    """The API server, as the pod's service account or as the caller's kubeconfig has it.

    Args:
        client: Of lightkube.
        pod: Our own name, where we are a pod.
        sleep: Waits so many seconds.
    """

    def __init__(self, client: Client, *, pod: str = "", sleep: Callable[[float], object] = time.sleep) -> None:
        self._client = client
        self._pod = pod
        self._sleep = sleep
        self._owners: list[dict[str, str]] | None = None

    def get(self, target: KubeSecret, *, tries: int = _TRIES) -> dict[str, Any] | None:
        """Return a Secret as the server has it, None if it does not exist.

        Args:
            target: Which.
            tries: How often to ask a server that is away for a moment.

        Raises:
            SecretError: It cannot be read.
        """
        from lightkube.resources.core_v1 import Secret  # noqa: PLC0415 - start-up cost

        asked = self._asked("get", target)
        try:
            found = self._ask(asked, lambda: self._client.get(Secret, target.name, namespace=asked.namespace), tries)
        except NotFound:
            return None
        return found.to_dict()

    def apply(self, target: KubeSecret, body: Mapping[str, Any], *, dry_run: bool) -> dict[str, Any]:
        """Apply a Secret, and return it as the server has it then; nobody else's fields are taken over.

        Raises:
            SecretError: The server does not take it, or cannot be asked.
        """
        from lightkube.resources.core_v1 import Secret  # noqa: PLC0415 - start-up cost

        asked = self._asked("patch", target)
        placed = {**body, "metadata": {**body["metadata"], "namespace": asked.namespace}}
        secret = cast("Secret", Secret.from_dict(placed))
        try:
            # What admission says of a Secret is repeated, and may be about what is in it.
            with redaction.known(base64.b64decode(text) for text in body["data"].values()):
                made = self._ask(
                    asked,
                    lambda: self._client.apply(secret, field_manager=MANAGER, force=False, dry_run=dry_run),
                )
        except refusals.NoDryRun:
            if not dry_run:
                raise
            return placed
        return made.to_dict()

    def owners(self, namespace: str) -> list[dict[str, str]]:
        """Return who owns what we make in a namespace: the controller of our pod, where it can be read.

        Raises:
            Unavailable: The server cannot be asked.
        """
        if not self._pod or (namespace and namespace != self._client.namespace):
            return []
        if self._owners is None:
            self._owners = self._controllers()
        return self._owners

    def _controllers(self) -> list[dict[str, str]]:
        found = self._controller("core_v1", "Pod", self._pod)
        if found is not None and found["kind"] in _ABOVE:
            found = self._controller(_ABOVE[found["kind"]], found["kind"], found["name"]) or found
        return [] if found is None else [found]

    def _controller(self, group: str, kind: str, name: str) -> dict[str, str] | None:
        from importlib import import_module  # noqa: PLC0415 - kept beside its only use

        resource = getattr(import_module(f"lightkube.resources.{group}"), kind)
        asked = Asked("get", f"{kind} {name}", self._client.namespace, name)
        try:
            there = self._ask(asked, lambda: self._client.get(resource, name, namespace=self._client.namespace))
        except (AccessDenied, NotFound):
            return None
        for owner in there.metadata.ownerReferences or []:
            if owner.controller:
                return {"apiVersion": owner.apiVersion, "kind": owner.kind, "name": owner.name, "uid": owner.uid}
        return None

    def _asked(self, verb: str, target: KubeSecret) -> Asked:
        namespace = target.namespace or self._client.namespace
        return Asked(verb, f"Secret {namespace}/{target.name}", namespace, target.name, str(target.origin))

    def _ask(self, asked: Asked, call: Callable[[], _T], tries: int = _TRIES) -> _T:
        """Ask; what a moment later may be otherwise is asked again."""
        for attempt in range(1, tries + 1):
            try:
                return self._once(asked, call)
            except Unavailable as error:
                if attempt == tries or error.retry_after > _LONGEST_WAIT:
                    raise
                self._sleep(max(error.retry_after, random.random() * min(5.0, 0.25 * 2**attempt)))  # noqa: S311 - spreads
        raise AssertionError  # pragma: no cover - the last try has returned or raised

    def _once(self, asked: Asked, call: Callable[[], _T]) -> _T:
        import httpx2  # noqa: PLC0415 - start-up cost
        from lightkube import ApiError  # noqa: PLC0415 - start-up cost
        from lightkube.core.exceptions import ConfigError as NoLogin  # noqa: PLC0415 - start-up cost

        try:
            return call()
        except ApiError as error:
            raise refusals.refused(asked, error.status.to_dict(), _retry_after(error.response)) from None
        except httpx2.HTTPStatusError as error:
            status = {"code": error.response.status_code}
            raise refusals.refused(asked, status, _retry_after(error.response)) from None
        except httpx2.HTTPError as error:
            raise refusals.unreachable(asked, str(self._client.config.cluster.server), error) from None
        except NoLogin:
            raise refusals.no_login(asked) from None
        except (KeyError, ValueError):
            raise Unavailable(f"cannot {asked.verb} {asked.what}: the answer is not Kubernetes'") from None


def _retry_after(response: Any) -> float:
    try:
        return max(0.0, float(response.headers.get("Retry-After", 0)))
    except ValueError:
        return 0.0


@lru_cache(maxsize=1)
def cluster() -> Cluster:
    """Connect, as the pod's service account or as the current context of the kubeconfig; nothing is asked yet.

    Raises:
        ConfigError: There is neither, or lightkube is not installed.
    """
    try:
        import httpx2  # noqa: PLC0415 - start-up cost
        from lightkube import Client, KubeConfig  # noqa: PLC0415 - start-up cost
        from lightkube.core.exceptions import ConfigError as Wrong  # noqa: PLC0415 - start-up cost
    except ImportError:
        raise ConfigError(
            "Kubernetes Secrets cannot be applied: lightkube is not installed",
            ("fix", "pip install 'secretfetch[kubernetes]'"),
        ) from None
    timeout = httpx2.Timeout(_READ, connect=_CONNECT)
    in_pod = os.path.exists(f"{ACCOUNT}/token")
    try:
        config = KubeConfig.from_env().get()
        client = Client(config=config, field_manager=MANAGER, timeout=timeout)
    except (Wrong, KeyError, OSError, ValueError, TypeError, AssertionError, AttributeError) as error:
        reason = printable(str(error), 200) if isinstance(error, Wrong | OSError) else type(error).__name__
        raise _no_way(reason, in_pod=in_pod) from None
    return Cluster(client, pod=(os.environ.get("POD_NAME") or os.environ.get("HOSTNAME", "")) if in_pod else "")


def _no_way(reason: str, *, in_pod: bool) -> ConfigError:
    if in_pod:
        return ConfigError(
            f"cannot log in to the API server as the pod: {reason}",
            ("fix", "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be set, as the kubelet does"),
        )
    return ConfigError(
        f"cannot log in to a Kubernetes API server: {reason}",
        ("in a pod", "automountServiceAccountToken: true, and a serviceAccountName that may write the Secrets"),
        ("elsewhere", "KUBECONFIG, or ~/.kube/config with a current context"),
    )
