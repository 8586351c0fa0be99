"""F7: a thousand sidecars and one quota. No start fails, a fleet at rest stays below it, polls yield to starts."""

from __future__ import annotations

import pytest
from faults.fleet import Fleet, Pod, Quota

from secretfetch.stores import POLL, START

PODS = 1000
QUOTAS = {  # of a region or a vault: requests a second, and how many of them twenty secrets take
    "SSM GetParameters": (40, 2),
    "Key Vault": (400, 20),
    "Secrets Manager batch": (100, 1),
}


def fleet(name, **more):
    rate, calls = QUOTAS[name]
    return Fleet(Quota(rate), calls, **more)


@pytest.mark.parametrize("seconds", [1, 5])
@pytest.mark.parametrize("name", QUOTAS)
def test_cold_start(figures, name, seconds):
    """All pods of a cluster at once, many times the quota: each has its secrets within the 300 s that a start has."""
    pods = fleet(name)
    for _ in range(PODS):
        Pod(pods, pods.chance() * seconds)
    pods.run(320.0)

    case = f"cold start in {seconds} s: {name}"
    figures.add("F7", "failed starts", pods.failed, case)
    figures.add("F7", "seconds to start, p50", round(pods.percentile(50), 1), case)
    figures.add("F7", "seconds to start, p99", round(pods.percentile(99), 1), case)
    figures.add("F7", "peak requests / quota", round(pods.quota.peak(), 1), case)
    assert (pods.failed, len(pods.seconds)) == (0, PODS)
    assert pods.percentile(99) < 100.0


@pytest.mark.parametrize("name", QUOTAS)
def test_fleet_at_rest(figures, name):
    """Pods that began together do not poll together, from the first poll on; in an hour no poll meets the quota."""
    pods = fleet(name)
    for _ in range(PODS):
        Pod(pods, pods.chance())
    pods.run(400.0)
    spoilt, refused = pods.rounds["throttled"], pods.quota.refused
    pods.run(4000.0)

    polls = sum(pods.rounds.values())
    figures.add("F7", "polls in an hour", polls, f"at rest: {name}")
    figures.add("F7", "peak requests / quota", round(pods.quota.peak(400.0), 2), f"at rest: {name}")
    assert pods.quota.peak(400.0) < 1.0
    assert (pods.rounds["throttled"], pods.quota.refused) == (spoilt, refused)
    assert 11 * PODS < polls < 15 * PODS


def restarted(name, polling):
    """Restart a quarter of the pods within 10 s, while all of them poll each minute."""
    pods = fleet(name, period=60.0, polling=polling)
    old = [Pod(pods, pods.chance() * 60.0) for _ in range(PODS)]
    pods.run(1200.0)
    assert pods.failed == 0
    pods.seconds.clear()

    def restart(pod):
        pod.gone = True
        Pod(pods, pods.now)

    for pod in old[: PODS // 4]:
        pods.at(1200.0 + pods.chance() * 10.0, lambda pod=pod: restart(pod))
    refused = pods.quota.refused
    pods.run(1600.0)
    pods.quota.refused -= refused
    return pods


@pytest.mark.parametrize("name", QUOTAS)
def test_rolling_restart(figures, name):
    """No start fails; where the quota is short, starts are sooner done, with fewer requests, as polls yield to them."""
    yielding, stubborn = restarted(name, POLL), restarted(name, START)

    for pods, how in ((yielding, "polls yield"), (stubborn, "polls retry")):
        case = f"rolling restart, {how}: {name}"
        figures.add("F7", "failed starts", pods.failed, case)
        figures.add("F7", "seconds to start, p50", round(pods.percentile(50), 1), case)
        figures.add("F7", "seconds to start, p99", round(pods.percentile(99), 1), case)
        figures.add("F7", "peak requests / quota", round(pods.quota.peak(1200.0), 1), case)
        figures.add("F7", "requests refused", pods.quota.refused, case)
    assert (yielding.failed, len(yielding.seconds)) == (0, PODS // 4)
    if stubborn.quota.refused:
        assert yielding.percentile(50) < stubborn.percentile(50)
        assert yielding.percentile(99) < stubborn.percentile(99)
        assert yielding.quota.refused < stubborn.quota.refused


def test_quota_is_what_it_says():
    """The bucket of the model grants its rate, and no more than a second's worth at once."""
    quota = Quota(10)
    assert sum(quota.grant(0.0) for _ in range(50)) == 10
    assert sum(quota.grant(second / 4) for second in range(1, 41) for _ in range(5)) == 100
    assert quota.peak() == 6.5
