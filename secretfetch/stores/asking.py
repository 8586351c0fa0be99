"""One question to one provider, and nothing of it believed unseen.

A provider may be anybody's code. What it raises becomes an outcome if it is an expected error; anything else is a bug
of the provider, told by its type and place and never by its text, which may hold a value. What does not belong here:
asking again.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from secretfetch.provider import Outcome, SecretError, SecretRef, SecretValue, Unchanged, Version
from secretfetch.stores.discovery import missing_module, owner_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretfetch.provider import Provider

_T = TypeVar("_T")


def ask(name: str, provider: Provider, wanted: Mapping[SecretRef, Version | None]) -> dict[SecretRef, Outcome]:
    """Fetch once.

    Args:
        name: What messages call the provider.
        provider: Connected.
        wanted: Refs of its store, each with the version held.

    Returns:
        An outcome for each wanted ref; a failure of the store is the same object for all of them.

    Raises:
        RuntimeError: The provider has a bug: it raised something unexpected, or its answer does not fit the question.
    """
    try:
        answer = guarded(name, "fetch", lambda: provider.fetch(MappingProxyType(dict(wanted))))
    except SecretError as error:
        return dict.fromkeys(wanted, error)
    if (fault := _fault(answer, wanted)) is not None:
        raise RuntimeError(f'provider "{name}" {fault}')
    return {ref: answer[ref] for ref in wanted}


def guarded(name: str, action: str, call: Callable[[], _T]) -> _T:
    """Call into a provider.

    Raises:
        SecretError: The provider raised it, or `ConfigError` instead of an `ImportError`.
        RuntimeError: The provider raised anything else. It has neither cause nor context, which could hold a value.
    """
    failure: Exception
    try:
        return call()
    except SecretError:
        raise
    except ImportError as error:
        failure = missing_module(name, owner_of(name), error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - SystemExit too: in a thread it would end in silence
        failure = RuntimeError(f'provider "{name}" raised {type(error).__name__} in {action} ({_place(error)})')
    raise failure


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "no traceback"
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}, line {trace.tb_lineno}"


def _fault(answer: object, wanted: Mapping[SecretRef, Version | None]) -> str | None:
    if not isinstance(answer, Mapping):
        return f"answered with {type(answer).__name__} instead of a mapping"
    if unanswered := [ref.key for ref in wanted if ref not in answer]:
        return f"did not answer {_listed(unanswered)}"
    if extra := len(answer.keys() - wanted.keys()):
        return f"answered {extra} that nobody asked for"
    for ref, held in wanted.items():
        outcome = answer[ref]
        if not isinstance(outcome, SecretValue | Unchanged | SecretError):
            return f'answered "{ref.key}" with {type(outcome).__name__} instead of an outcome'
        if isinstance(outcome, Unchanged) and held is None:
            return f'answered "{ref.key}" with Unchanged, though nothing was held'
    return None


def _listed(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
