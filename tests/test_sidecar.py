"""Rules of the state machine: when the next round is, and when there is none."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretfetch import sidecar
from secretfetch.errors import AccessDenied, NotFound, Several, Unavailable
from secretfetch.materialize import Round
from secretfetch.sidecar import Phase, Policy, State, Wake, after, begin, order, stopped

POLICY = Policy(start_by=300.0, period=100.0, jitter=0.1)
GOOD = Round(polled=True)
DOWN = Round(error=Unavailable("down"), again=True, polled=True)
DENIED = Round(error=AccessDenied("no"), again=True, polled=True)
BROKEN = Round(error=NotFound("gone"), again=False, polled=True)


def half():
    return 0.5


def fresh(at=0.0):
    return after(begin(0.0), GOOD, at, POLICY, half)


def test_a_start_that_succeeds_is_fresh():
    """The first good round makes a process ready."""
    assert (Phase.FRESH, True) == (fresh().phase, fresh().is_ready)


def test_once_stops_at_the_first_fresh_state():
    """An init container is a sidecar that stops then, with 0."""
    state = after(begin(0.0), GOOD, 1.0, POLICY._replace(once=True), half)
    assert (Phase.STOPPED, 0) == (state.phase, state.exit_code)


def test_a_start_waits_for_what_a_retry_can_cure_until_its_time_is_over():
    """STARTING stays while the deadline is ahead, then ends with the failure's code."""
    state = after(begin(0.0), DOWN, 10.0, POLICY, half)
    assert (Phase.STARTING, 10.5, 1) == (state.phase, state.due, state.failures)
    late = after(state, DOWN, 299.9, POLICY, half)
    assert (Phase.STOPPED, 75) == (late.phase, late.exit_code)


def test_a_start_does_not_wait_for_what_no_retry_cures():
    """A permanent failure ends a start at once, also beside one that could be cured."""
    for error in (AccessDenied("no"), Several([Unavailable("down"), AccessDenied("no")])):
        state = after(begin(0.0), Round(error=error, again=True, polled=True), 1.0, POLICY, half)
        assert (Phase.STOPPED, 77) == (state.phase, state.exit_code)


@pytest.mark.parametrize("bad", [DOWN, DENIED, BROKEN], ids=["outage", "denied", "gone"])
def test_a_failure_after_the_start_makes_it_stale_and_ready_still(bad):
    """STALE goes on serving, whatever the failure is, and the next good round makes it fresh again."""
    stale = after(fresh(), bad, 50.0, POLICY, half)
    assert (Phase.STALE, True, 50.0) == (stale.phase, stale.is_ready, stale.since)
    again = after(stale, GOOD, 60.0, POLICY, half)
    assert (Phase.FRESH, 0, None, 60.0) == (again.phase, again.failures, again.error, again.fresh_at)


def test_what_only_another_version_cures_waits_for_the_next_poll():
    """A secret that is there and does not fit is not looked at again before the next poll."""
    state = after(fresh(), BROKEN, 50.0, POLICY, half)
    assert state.poll == state.due == 150.0


def test_the_waits_after_failures_grow():
    """Full jitter: half of 1, 2, 4, ... seconds with a chance of one half."""
    state, waits = fresh(), []
    for _ in range(5):
        state = after(state, DOWN._replace(polled=False), 10.0, POLICY, half)
        waits.append(state.due - 10.0)
    assert [0.5, 1.0, 2.0, 4.0, 8.0] == waits


def test_too_many_failures_stop():
    """`max_failures` are borne, one more is not; a good round begins to count anew."""
    policy = POLICY._replace(max_failures=2)
    state = fresh()
    for _ in range(2):
        state = after(state, DOWN, 1.0, policy, half)
    assert Phase.STALE is state.phase
    over = after(state, DOWN, 1.0, policy, half)
    assert (Phase.STOPPED, 75) == (over.phase, over.exit_code)
    assert Phase.STALE is after(after(state, GOOD, 1.0, policy, half), DOWN, 1.0, policy, half).phase


def test_on_error_exit_stops_at_the_first_failure():
    """`on_error: exit` bears no failure after the start."""
    state = after(fresh(), DENIED, 1.0, POLICY._replace(exits=True), half)
    assert (Phase.STOPPED, 77) == (state.phase, state.exit_code)


def test_what_is_too_old_is_not_served():
    """`max_stale` after the last fresh state there is a round, and if it fails the process ends."""
    policy = POLICY._replace(max_stale=120.0)
    state = after(fresh(), BROKEN, 110.0, policy, half)
    assert (Phase.STALE, 120.0) == (state.phase, state.due)
    assert Phase.STOPPED is after(state, BROKEN, 120.0, policy, half).phase


def test_told_to_stop():
    """143 before the first full set, 0 after it, fresh or stale."""
    assert 143 == stopped(begin(0.0), 1.0).exit_code
    assert 0 == stopped(fresh(), 1.0).exit_code
    assert 0 == stopped(after(fresh(), DOWN, 1.0, POLICY, half), 1.0).exit_code


def test_the_first_poll_is_at_any_moment_of_a_period():
    """Pods that start together poll spread over a whole period."""
    polls = [after(begin(0.0), GOOD, 0.0, POLICY, lambda share=share: share / 10).poll for share in range(10)]
    assert [10.0 * number for number in range(10)] == pytest.approx(polls)


def test_a_lease_comes_between_two_polls():
    """A round for a lease leaves the next poll where it was."""
    state = after(fresh(), Round(due=20.0), 10.0, POLICY, half)
    assert (20.0, 50.0) == (state.due, state.poll)
    assert not order(state, Wake.DUE, 20.0, POLICY).poll
    assert order(state, Wake.DUE, 50.0, POLICY).poll


def test_who_wants_to_see_now_gets_a_poll():
    """SIGHUP and a request are a poll before its time, after which the period begins anew."""
    assert order(fresh(), Wake.REFRESH, 1.0, POLICY).poll
    assert 101.0 == after(fresh(), GOOD, 1.0, POLICY, half).poll


def test_a_start_publishes_all_or_nothing_and_is_patient():
    """Before the first full set a round is whole and lasts until the deadline; later ones are short."""
    first, later = order(begin(0.0), Wake.DUE, 5.0, POLICY), order(fresh(), Wake.DUE, 60.0, POLICY)
    assert (True, True, 300.0) == (first.whole, first.poll, first.deadline)
    assert (False, 90.0) == (later.whole, later.deadline)


ROUNDS = st.builds(
    Round,
    error=st.sampled_from([None, None, Unavailable("down"), NotFound("gone")]),
    due=st.one_of(st.just(inf), st.floats(-1e3, 1e6)),
    again=st.booleans(),
    polled=st.booleans(),
)


@given(st.lists(st.tuples(ROUNDS, st.floats(0, 1000)), max_size=30), st.floats(0, 0.999))
def test_there_is_always_a_next_round_in_time(rounds, chance):
    """Whatever happens, a live process has a next round, not in the past and not later than the next poll."""
    state: State = begin(0.0)
    now = 0.0
    for round_, passed in rounds:
        now = max(now + passed, state.due)
        state = after(state, round_, now, POLICY, lambda: chance)
        if state.phase is Phase.STOPPED:
            assert not state.is_ready
            return
        assert now <= state.due <= max(state.poll, now) <= now + 110.0 + 1e-6
        assert (state.phase is Phase.STARTING) is not state.is_ready


class _World:
    """A world in which rounds come from a list and time passes at once."""

    def __init__(self, rounds):
        self.rounds, self.time, self.orders, self.states = list(rounds), 0.0, [], []

    def now(self):
        return self.time

    def random(self):
        return 0.5

    def round(self, wanted, /):
        self.orders.append(wanted)
        return self.rounds.pop(0)

    def told(self, state, _, /):
        self.states.append(state)
        return state if self.rounds else stopped(state, self.time)

    def wait(self, until, /):
        self.time = until
        return Wake.DUE


def test_the_loop_does_round_after_round_until_it_is_stopped():
    """Each round begins when the state says so; whoever is told can end it."""
    world = _World([GOOD, GOOD, DOWN, GOOD])
    state = sidecar.run(world, POLICY, begin(0.0))
    assert (Phase.STOPPED, 0) == (state.phase, state.exit_code)
    assert [0.0, 50.0, 150.0, 150.5] == [wanted.now for wanted in world.orders]
    assert [Phase.FRESH, Phase.FRESH, Phase.STALE, Phase.FRESH] == [state.phase for state in world.states]
