"""What the API server says -> our errors: what it was about, why, and what to do.

Nothing of an answer is repeated but names of fields and managers, and what admission says, without any value of ours
that it may have found worth saying. The texts were read off a kube-apiserver 1.36. What does not belong here: asking.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from secretfetch import redaction
from secretfetch.errors import AccessDenied, AuthFailed, DataError, NotFound, OutputError, Throttled, Unavailable
from secretfetch.names import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.errors import SecretError

_USER = re.compile(r'User "([^"]*)"')
_MANAGER = re.compile(r'conflict with "([^"]*)"')
_ADMISSION = re.compile(r"admission webhook|ValidatingAdmissionPolicy|denied (the )?request|violates PodSecurity")
_TOO_MANY, _SERVER_FAULT = 429, 500
_LONGEST = 300


class Asked(NamedTuple):
    """What was asked: `get` or `patch`, of `Secret NAMESPACE/NAME`; `where` the config says so."""

    verb: str
    what: str
    namespace: str
    name: str
    where: str = ""


class NoDryRun(OutputError):
    """An admission webhook is in the way of the dry run, and not of the write itself."""


def refused(asked: Asked, status: Mapping[str, Any], retry_after: float) -> SecretError:
    """Return the error for an answer of 400 or more.

    Args:
        asked: What was asked.
        status: The `Status` object; of an answer that is none, its `code` alone.
        retry_after: Seconds that the server asks us to wait.
    """
    error = _refused(asked, status, retry_after)
    error.where = asked.where
    return error


def _refused(asked: Asked, status: Mapping[str, Any], retry_after: float) -> SecretError:
    code, message = status.get("code", 0), status.get("message") or ""
    if code == _TOO_MANY:
        return Throttled(f"cannot {asked.verb} {asked.what}: the API server is asked too much", retry_after=retry_after)
    if code >= _SERVER_FAULT or not code:
        return Unavailable(f"cannot {asked.verb} {asked.what}: the API server answers {code}", retry_after=retry_after)
    if "exceeded quota" in message:
        return _not_written(asked, "a quota of the namespace is used up", ("fix", "kubectl describe quota; raise it"))
    if "being terminated" in message:
        return _not_written(asked, "the namespace is being deleted", ("fix", "wait, or name another one"))
    if _ADMISSION.search(message):
        if "dry run" in message:
            return NoDryRun(f"cannot try out {asked.what}: an admission webhook supports no dry run")
        return _not_written(asked, "admission does not take it", ("it says", _repeated(message)))
    return _by_reason(asked, status, message)


def _by_reason(asked: Asked, status: Mapping[str, Any], message: str) -> SecretError:
    reason = status.get("reason") or ""
    if reason == "Unauthorized":
        return no_login(asked)
    if reason == "Forbidden":
        return _denied(asked, message)
    if reason == "NotFound":
        return _not_found(asked, message)
    if reason == "Conflict":
        return _conflict(asked, status)
    if reason == "Invalid":
        return _invalid(asked, status)
    if reason == "RequestEntityTooLarge":
        return DataError(f"{asked.what} is larger than the API server takes")
    told = f"{status.get('code')} {printable(reason)}".rstrip()
    return OutputError(f"cannot {asked.verb} {asked.what}: the API server answers {told}")


def _denied(asked: Asked, message: str) -> SecretError:
    user = _USER.search(message)
    verb = next((verb for verb in ("create", "patch", "get") if f"cannot {verb} " in message), asked.verb)
    account = user[1].removeprefix("system:serviceaccount:").replace(":", "/") if user else ""
    rule = f"apiGroups [''], resources [secrets], resourceNames [{asked.name}], verbs [get, patch, create]"
    return AccessDenied(
        f"the API server does not let us {verb} {asked.what}",
        *([("you are", f"{'service account ' if '/' in account else ''}{printable(account)}")] if account else []),
        ("fix", f"a Role in namespace {asked.namespace} with {rule}, and a RoleBinding to it"),
    )


def _not_found(asked: Asked, message: str) -> SecretError:
    if message.startswith("namespaces "):
        return _not_written(asked, "there is no such namespace", ("fix", f"kubectl create namespace {asked.namespace}"))
    return NotFound(f"{asked.what} does not exist")


def _conflict(asked: Asked, status: Mapping[str, Any]) -> SecretError:
    causes = [cause for cause in _causes(status) if cause.get("reason") == "FieldManagerConflict"]
    if not causes:
        return Unavailable(f"cannot write {asked.what}: it is being changed by somebody else")
    managers = sorted({found[1] for cause in causes if (found := _MANAGER.search(cause.get("message", "")))})
    fields = sorted(str(cause.get("field", "")).removeprefix(".") for cause in causes)
    return OutputError(
        f"cannot write {asked.what}: {', '.join(map(printable, fields))} belongs to "
        f"{', '.join(printable(name) for name in managers) or 'somebody else'}",
        ("note", "nothing of it is taken over, and nothing was written"),
        ("fix", "leave the key out of this config; or delete the Secret, or let the other one give the field up"),
    )


def _invalid(asked: Asked, status: Mapping[str, Any]) -> SecretError:
    causes = _causes(status)
    texts = " ".join(str(cause.get("message", "")) for cause in causes)
    fields = ", ".join(dict.fromkeys(printable(str(cause.get("field", ""))) for cause in causes))
    if "when `immutable` is set" in texts:
        fix = ("fix", f"kubectl -n {asked.namespace} delete secret {asked.name}; or write to another name")
        return _not_written(asked, "it is immutable", fix)
    if any(cause.get("field") == "type" for cause in causes):
        fix = ("fix", f"set `type` to the one it has; or kubectl -n {asked.namespace} delete secret {asked.name}")
        return _not_written(asked, "it has another type, which cannot be changed", fix)
    if any("FieldValueRequired" in str(cause.get("reason")) for cause in causes):
        return DataError(f"{asked.what} lacks what its type demands: {fields}", ("fix", "name them under `keys:`"))
    if "Too long" in texts and "data" in fields:
        return DataError(f"{asked.what} is larger than the API server takes: {fields}")
    if any(str(cause.get("field", "")).startswith("data") for cause in causes):
        return DataError(f"{asked.what}: the API server does not take {fields}: not what its type demands")
    told = [("it says", _repeated(f"{cause.get('field')}: {cause.get('message')}")) for cause in causes[:3]]
    return _not_written(asked, "the API server finds it invalid", *told)


def _causes(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return (status.get("details") or {}).get("causes") or []


def _repeated(text: str) -> str:
    return printable(redaction.redacted(text, ours=False), _LONGEST)


def _not_written(asked: Asked, why: str, *notes: tuple[str, str]) -> SecretError:
    return OutputError(f"cannot write {asked.what}: {why}", *notes)


def no_login(asked: Asked) -> SecretError:
    """Return the error for a token that is not taken, or not there."""
    return AuthFailed(
        f"cannot {asked.verb} {asked.what}: the API server does not take the login",
        ("fix", "the service account must exist and its token be its own; or renew the kubeconfig's login"),
    )


def unreachable(asked: Asked, server: str, error: Exception) -> SecretError:
    """Return the error for a server that does not answer."""
    timed_out = "timeout" in type(error).__name__.lower()
    text = "no answer in time" if timed_out else printable(str(error), 200) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        text = "its certificate is not to be trusted"
    return Unavailable(f"cannot {asked.verb} {asked.what}: {server}: {text}")
