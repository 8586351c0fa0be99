"""The provider `aws-ssm`: parameters by tens, paths page by page.

What does not belong here: HTTP and logins (`transport`), the meaning of refusals (`trouble`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from secretfetch.provider import NotFound, SecretError, in_parallel
from secretfetch_aws import parameter_asks, parameter_paths
from secretfetch_aws.outcomes import no_region, raise_if_all_alike
from secretfetch_aws.services import PARAMETER_STORE, About
from secretfetch_aws.transport import Refusal
from secretfetch_aws.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from secretfetch.provider import Outcome, SecretRef, Version
    from secretfetch_aws.parameter_asks import Ask
    from secretfetch_aws.transport import Answer, Transport

Outcomes = dict["SecretRef", "Outcome"]
Request = dict[str, list["Ask"]]


class ParameterStore:
    """A connection to Parameter Store."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._trouble = Trouble(transport, PARAMETER_STORE)

    def fetch(self, wanted: Mapping[SecretRef, Version | None], /) -> Outcomes:
        """Read parameters; see `secretfetch.provider.Provider`."""
        outcomes: Outcomes = {}
        asks: list[Ask] = []
        for ref, held in wanted.items():
            try:
                asks.append(parameter_asks.read(ref, held))
            except SecretError as error:
                outcomes[ref] = error
        if asks:
            outcomes |= self._ask_each_region(asks)
        raise_if_all_alike(outcomes)
        return {ref: outcomes[ref] for ref in wanted}

    def close(self) -> None:
        """Let go of connections."""
        self._transport.close()

    def _ask_each_region(self, asks: Sequence[Ask]) -> Outcomes:
        default = self._transport.open(next((ask.region for ask in asks if ask.region), ""))
        asks = [ask if ask.region else replace(ask, region=default) for ask in asks]
        outcomes: Outcomes = {ask.ref: no_region(ask.base) for ask in asks if not ask.region}
        jobs: list[Callable[[], Outcomes]] = [partial(self._path, ask) for ask in asks if ask.region and ask.is_path]
        for region in dict.fromkeys(ask.region for ask in asks if ask.region):
            here = [ask for ask in asks if ask.region == region and not ask.is_path]
            jobs += [partial(self._chunk, region, request) for request in parameter_asks.chunks(here)]
        for part in in_parallel(jobs):
            outcomes |= part
        return outcomes

    def _path(self, ask: Ask) -> Outcomes:
        try:
            return {ask.ref: parameter_paths.fetch(ask, self._transport, self._trouble)}
        except Refusal as refusal:
            return {ask.ref: self._trouble.explain(refusal, ask.about)}
        except SecretError as error:
            return {ask.ref: error}

    def _chunk(self, region: str, request: Request) -> Outcomes:
        try:
            answer = self._get(region, list(request), decrypt=True)
        except Refusal as refusal:
            return self._chunk_refused(refusal, region, request)
        except SecretError as error:
            return {ask.ref: error for asks in request.values() for ask in asks}
        answers = parameter_asks.match(request, answer["Parameters"])
        outcomes: Outcomes = {}
        for asked, found in answers.items():
            outcomes |= {ask.ref: parameter_asks.value_of(found, ask) for ask in request[asked]}
        missing = [ask for asked, asks in request.items() if asked not in answers for ask in asks]
        return outcomes | self._missing(region, missing)

    def _chunk_refused(self, refusal: Refusal, region: str, request: Request) -> Outcomes:
        """AWS refuses ten for the sake of one, so each is asked for alone unless the fault is the store's."""
        error = self._trouble.of_the_store(refusal, About(PARAMETER_STORE, region))
        if error is not None:
            return {ask.ref: error for asks in request.values() for ask in asks}
        if len(request) > 1:
            alone = [partial(self._chunk, region, {asked: asks}) for asked, asks in request.items()]
            return {ref: outcome for part in in_parallel(alone) for ref, outcome in part.items()}
        (asks,) = request.values()
        return {ask.ref: self._trouble.explain(refusal, ask.about) for ask in asks}

    def _missing(self, region: str, asks: Sequence[Ask]) -> Outcomes:
        """Tell a version that is missing from a name that is, with one more request where versions were asked for."""
        pinned = {ask.base: [ask] for ask in asks if ask.selector}
        newest: Mapping[str, Mapping[str, object]] = {}
        if pinned:
            try:
                answer = self._get(region, list(pinned), decrypt=False)
                newest = parameter_asks.match(pinned, answer["Parameters"])
            except (Refusal, SecretError):
                pass
        return {ask.ref: self._not_found(ask, newest) for ask in asks}

    def _not_found(self, ask: Ask, newest: Mapping[str, Mapping[str, object]]) -> SecretError:
        about = ask.about
        if ask.selector and ask.base in newest:
            version = newest[ask.base].get("Version")
            note = ("newest", f"version {version}")
            return NotFound(f"{about.object} in {ask.region} has no {about.version}", note)
        return self._trouble.no_such_name(about)

    def _get(self, region: str, names: Sequence[str], *, decrypt: bool) -> Answer:
        parameters = {"Names": list(names), "WithDecryption": decrypt}
        return self._transport.call(PARAMETER_STORE.id, region, "GetParameters", parameters)
