"""Asking the stores for what a plan uses, each secret once. What does not belong here: when, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from secretfetch.errors import NotFound, SecretError
from secretfetch.mapping import shown
from secretfetch.provider import SecretValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretfetch.plan import Plan, Source
    from secretfetch.provider import Outcome, SecretRef, Version
    from secretfetch.stores import Patience, Stores

_FEW = 4


class Question(NamedTuple):
    """What is asked for: each ref with the version that is held, until when, how patiently."""

    wanted: Mapping[SecretRef, Version | None]
    deadline: float
    patience: Patience


class Uses:
    """Who uses which secret of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.by_ref: dict[SecretRef, list[Source]] = {}
        for source in plan.sources():
            self.by_ref.setdefault(source.ref, []).append(source)
        self.forgiven = {ref for ref, sources in self.by_ref.items() if all(source.optional for source in sources)}

    def ask(self, stores: Stores, question: Question) -> dict[SecretRef, Outcome]:
        """Ask; a failure that somebody does not forgive says which places need the secret."""
        if not question.wanted:
            return {}
        wanted, deadline, patience = question
        answers = stores.fetch(wanted, deadline=deadline, forgiven=self.forgiven, patience=patience)
        needed: dict[int, list[Source]] = {}  # by failure: that of a store is one and the same for all of its secrets
        for ref, answer in answers.items():
            if isinstance(answer, SecretError):
                needed.setdefault(id(answer), []).extend(
                    use for use in self.by_ref[ref] if not is_forgiven(use, answer)
                )
        told = {
            id(answer): _told(answer, needed[id(answer)])
            for answer in answers.values()
            if isinstance(answer, SecretError)
        }
        return {ref: told.get(id(answer), answer) for ref, answer in answers.items()}


def fetch(plan: Plan, stores: Stores, *, deadline: float) -> dict[SecretRef, SecretValue | SecretError]:
    """Fetch every secret that a plan uses, each once, as patiently as a start does.

    Args:
        plan: Complete.
        stores: Of the plan.
        deadline: When to be back, by the clock of `stores`.

    Returns:
        Values and failures; a failure that somebody does not forgive says which places need the secret.
    """
    from secretfetch.stores import START  # noqa: PLC0415 - kept beside its only use

    uses = Uses(plan)
    outcomes = uses.ask(stores, Question(dict.fromkeys(uses.by_ref), deadline, START))
    return {ref: outcome for ref, outcome in outcomes.items() if isinstance(outcome, SecretValue | SecretError)}


def is_forgiven(source: Source, outcome: Outcome) -> bool:
    """Tell whether a secret that does not exist is no failure for one who uses it."""
    return source.optional and isinstance(outcome, NotFound)


def _told(error: SecretError, sources: list[Source]) -> SecretError:
    """Say which secrets are lacking now, and which parts of the config need them, if any do."""
    if not sources:
        return error
    names = _few([shown(source) for source in sources], "secrets")
    places = _few([str(source.origin) for source in sources if source.origin.file], "places")
    needed = ("needed", f"{names}, in {places}" if places else names)
    return error.with_notes(needed, where=error.where or str(sources[0].origin))


def _few(texts: Iterable[str], what: str) -> str:
    """List a few of many."""
    once = list(dict.fromkeys(texts))
    more = f" and {len(once) - _FEW} more {what}" if len(once) > _FEW else ""
    return ", ".join(once[:_FEW]) + more
