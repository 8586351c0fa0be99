"""The provider `aws-sm`: batches where they are allowed, single requests else, a second region where one is set.

What does not belong here: HTTP and logins (`transport`), the meaning of refusals (`trouble`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from secretfetch.provider import SecretError, Throttled, Unavailable, Unchanged, in_parallel
from secretfetch_aws import secret_asks
from secretfetch_aws.outcomes import no_region, raise_if_all_alike
from secretfetch_aws.services import SECRETS_MANAGER, About
from secretfetch_aws.transport import Refusal
from secretfetch_aws.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from secretfetch.provider import Outcome, SecretRef, Version
    from secretfetch_aws.secret_asks import Ask
    from secretfetch_aws.transport import Transport

Outcomes = dict["SecretRef", "Outcome"]

_BATCH = 20
# Also what older imitations of AWS say of an action that they do not have.
_NO_BATCH = ("AccessDenied", "UnauthorizedOperation", "UnknownOperation", "NotImplemented", "InvalidAction", "501")


class SecretsManager:
    """A connection to Secrets Manager."""

    def __init__(self, transport: Transport, *, failover_region: str = "") -> None:
        self._transport = transport
        self._failover = failover_region
        self._trouble = Trouble(transport, SECRETS_MANAGER)
        self._no_batch: set[str] = set()

    def fetch(self, wanted: Mapping[SecretRef, Version | None], /) -> Outcomes:
        """Read secrets; see `secretfetch.provider.Provider`."""
        outcomes: Outcomes = {}
        asks: list[Ask] = []
        for ref, held in wanted.items():
            try:
                ask = secret_asks.read(ref, held)
            except SecretError as error:
                outcomes[ref] = error
                continue
            if ask.settled:
                outcomes[ref] = Unchanged()
            else:
                asks.append(ask)
        if asks:
            outcomes |= self._ask_each_region(asks)
        raise_if_all_alike(outcomes)
        return {ref: outcomes[ref] for ref in wanted}

    def close(self) -> None:
        """Let go of connections."""
        self._transport.close()

    def _ask_each_region(self, asks: Sequence[Ask]) -> Outcomes:
        default = self._transport.open(next((ask.region for ask in asks if ask.region), ""))
        asks = [ask if ask.pinned else replace(ask, region=default) for ask in asks]
        outcomes: Outcomes = {ask.ref: no_region(ask.id) for ask in asks if not ask.region}
        asks = [ask for ask in asks if ask.region]
        outcomes |= self._ask(asks)
        if self._failover not in {"", default}:
            outcomes |= self._ask_second_region([ask for ask in asks if not ask.pinned], outcomes)
        return outcomes

    def _ask_second_region(self, asks: Sequence[Ask], first: Outcomes) -> Outcomes:
        """Ask again what an outage has kept from being answered; what was answered in any way stands."""
        out = [ask for ask in asks if isinstance(first[ask.ref], Unavailable) and not _throttled(first[ask.ref])]
        if not out:
            return {}
        second = self._ask([replace(ask, region=self._failover) for ask in out])
        return {ref: _with_both(first[ref], outcome, self._failover) for ref, outcome in second.items()}

    def _ask(self, asks: Sequence[Ask]) -> Outcomes:
        """Answer asks whose regions are known."""
        batches = self._batches(asks)
        batched = {ask for _, also in batches for ask in also}
        jobs: list[Callable[[], Outcomes]] = [partial(self._batch, ids, also) for ids, also in batches]
        jobs += [partial(self._single, ask) for ask in asks if ask not in batched]
        outcomes = _merged(in_parallel(jobs))
        left = [ask for ask in asks if ask.ref not in outcomes]
        return outcomes | _merged(in_parallel([partial(self._single, ask) for ask in left]))

    def _batches(self, asks: Sequence[Ask]) -> list[tuple[list[str], list[Ask]]]:
        """Return, region by region, the ids of batches and the asks that each can answer, which may be more."""
        batches = []
        for region in dict.fromkeys(ask.region for ask in asks):
            here = [ask for ask in asks if ask.region == region and ask.current]
            if len(here) < 2 or region in self._no_batch:  # noqa: PLR2004 - one needs no batch
                continue
            chosen = secret_asks.apart(here)
            spellings = set(here).difference(chosen)
            for start in range(0, len(chosen), _BATCH):
                part = chosen[start : start + _BATCH]
                names = set().union(*(ask.names for ask in part))
                also = [ask for ask in spellings if not names.isdisjoint(ask.names)]
                batches.append(([ask.id for ask in part], [*part, *also]))
        return batches

    def _single(self, ask: Ask) -> Outcomes:
        try:
            answer = self._transport.call(SECRETS_MANAGER.id, ask.region, "GetSecretValue", ask.parameters)
        except Refusal as refusal:
            return {ask.ref: self._trouble.explain(refusal, ask.about)}
        except SecretError as error:
            return {ask.ref: error}
        return {ask.ref: secret_asks.value_of(answer, ask)}

    def _batch(self, ids: Sequence[str], asks: Sequence[Ask]) -> Outcomes:
        """Answer what a batch can; the refs that are missing from the result are to be asked for one by one."""
        region = asks[0].region
        try:
            values, errors = self._pages(region, ids)
        except Refusal as refusal:
            return self._batch_refused(refusal, asks)
        except SecretError as error:
            return {ask.ref: error for ask in asks}
        answers = secret_asks.match(asks, set(ids), values)
        outcomes = {ask.ref: secret_asks.value_of(answer, ask) for ask, answer in answers.items()}
        for ask in asks:
            if ask.id in errors and ask not in answers:
                outcomes[ask.ref] = self._trouble.explain(errors[ask.id], ask.about)
        return outcomes

    def _pages(self, region: str, ids: Sequence[str]) -> tuple[list[Mapping[str, Any]], dict[str, Refusal]]:
        values: list[Mapping[str, Any]] = []
        errors: dict[str, Refusal] = {}
        token: dict[str, str] = {}
        for _ in ids:  # no more pages than ids, whatever the server says
            parameters = {"SecretIdList": list(ids), **token}
            answer = self._transport.call(SECRETS_MANAGER.id, region, "BatchGetSecretValue", parameters)
            values += answer["SecretValues"]
            for error in answer.get("Errors", []):
                errors[error.get("SecretId", "")] = Refusal(error.get("ErrorCode", ""), error.get("Message", ""))
            if not answer.get("NextToken") or len(values) + len(errors) >= len(ids):
                break
            token = {"NextToken": answer["NextToken"]}
        return values, errors

    def _batch_refused(self, refusal: Refusal, asks: Sequence[Ask]) -> Outcomes:
        region = asks[0].region
        error = self._trouble.of_the_store(refusal, About(SECRETS_MANAGER, region))
        if refusal.code.startswith(_NO_BATCH) or isinstance(error, Throttled):
            self._no_batch.add(region)
            return {}
        return {ask.ref: error for ask in asks} if error else {}


def _merged(parts: Sequence[Outcomes]) -> Outcomes:
    return {ref: outcome for part in parts for ref, outcome in part.items()}


def _throttled(outcome: Outcome) -> bool:
    return isinstance(outcome, Throttled)


def _with_both(first: Outcome, second: Outcome, region: str) -> Outcome:
    """A region that is no help does not hide the outage of the other, which a retry may cure."""
    if isinstance(second, SecretError) and isinstance(first, SecretError):
        return first.with_notes((f"failover to {region}", second.headline))
    return second
