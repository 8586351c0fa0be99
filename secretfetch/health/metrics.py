"""The counts of a sidecar in the text format of Prometheus.

What does not belong here: counting. A secret is called by its name in the config; one that has none is called by its
reference, which may hold a path: of that only a keyed digest is shown, the key being this process's own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry

from secretfetch import __version__
from secretfetch.health.state import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from secretfetch.health.state import Counts, Health

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_DIGITS = 12


class Metrics:
    """Renders what a `Health` has counted; resident memory, CPU time and open files of the process too."""

    def __init__(self, health: Health) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Counts(health))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return the page."""
        return generate_latest(self._registry)


class _Counts(Collector):
    def __init__(self, health: Health) -> None:
        self._health = health
        self._key = os.urandom(16)

    def collect(self) -> Iterator[Metric]:
        counts, status = self._health.counts(), self._health.now()
        yield _counter("build_info", "The program's version.", ("version",), {(__version__,): 1}, gauge=True)
        yield GaugeMetricFamily("secretfetch_ready", "Whether a full set is published.", value=float(status.serving))
        stale = GaugeMetricFamily("secretfetch_stale_seconds", "How long the files may have been out of date.")
        stale.add_metric([], self._health.age() if status.phase == "stale" else 0.0)
        yield stale
        rounds = {(result,): number for result, number in counts.rounds.items()}
        yield _counter("sync", "Rounds, by their result.", ("result",), rounds)
        yield self._durations(counts)
        sources = {(self._named(name),): source for name, source in counts.sources.items()}
        yield _counter(
            "source_last_success_timestamp_seconds",
            "When a secret was last read, or last said to be unchanged.",
            ("source",),
            {key: source.last_success for key, source in sources.items() if source.last_success is not None},
            gauge=True,
        )
        failing = {key: float(source.stale) for key, source in sources.items()}
        yield _counter("source_stale", "Whether the last try to read it failed.", ("source",), failing, gauge=True)
        labels = ("provider", "operation", "code")
        yield _counter("provider_requests", "Requests to stores, by how they ended.", labels, counts.requests)
        yield _counter("hook", "Hooks that were run, by their result.", ("hook", "result"), counts.hooks)

    def _durations(self, counts: Counts) -> Metric:
        total, buckets = 0, []
        for bound, number in zip((*map(str, BUCKETS), "+Inf"), counts.buckets, strict=True):
            total += number
            buckets.append((bound, float(total)))
        family = HistogramMetricFamily("secretfetch_sync_duration_seconds", "How long rounds take.")
        family.add_metric([], buckets, sum_value=counts.seconds)
        return family

    def _named(self, name: str) -> str:
        if "://" not in name and not name.startswith("arn:"):
            return name
        from _blake2 import blake2b  # noqa: PLC0415 - kept beside its only use

        return blake2b(name.encode(), key=self._key).hexdigest()[:_DIGITS]


def _counter(
    name: str,
    text: str,
    labels: tuple[str, ...],
    values: Mapping[Any, float],
    *,
    gauge: bool = False,
) -> Metric:
    kind = GaugeMetricFamily if gauge else CounterMetricFamily
    family = kind(f"secretfetch_{name}", text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(list(key), float(value))
    return family
