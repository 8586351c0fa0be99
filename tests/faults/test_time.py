"""F5 and F6: a day and a quarter of a year of fake time; clocks that jump and machines that sleep."""

from __future__ import annotations

import gc
import os
import random
from itertools import pairwise
from pathlib import Path

import pytest
from faults.figures import FULL
from materialize.worlds import Leasing, World, env, plan_of, source, volume

from secretfetch import materialize, sidecar
from secretfetch.errors import AuthFailed, Throttled, Unavailable
from secretfetch.sidecar import Phase, Policy, Wake
from secretfetch.testing import FakeClock

HOUR, DAY = 3600.0, 86400.0
PERIOD = 300.0
DAYS = (1, 90) if FULL else (1,)


class Life:
    """A sidecar in fake time: what happens in the stores happens at its moment, also in the middle of a wait.

    Attributes:
        events: Moments, and what happens then, in order.
        stale: The longest time for which a file was not what its store said, outages apart.
        polls: When each poll was.
    """

    def __init__(self, folder, end, seed=1):
        self.chance = random.Random(seed)
        self.clock = FakeClock(1000.0)
        self.provider = Leasing({"a": b'{"A":"0"}', "b": b'{"B":"0"}'})
        plan = plan_of(volume(folder, env("a.env", source("a"), source("b"), source("lease"))))
        self.writers = materialize.Writers()
        self.shift = 0.0
        self.notes = materialize.Notes(lambda: self.clock.now() + self.shift, self.clock.now)
        self.world = World(self.provider, plan, self.writers, clock=self.clock)
        self.path = Path(folder) / "a.env"
        self.end = 1000.0 + end
        self.events, self.polls, self.rounds, self.missed = [], [], 0, 0
        self.down_until, self.rotated = 0.0, {}
        self.stale = 0.0
        self.number = 0

    # What the loop asks for.

    def now(self):
        return self.clock.now()

    def random(self):
        return self.chance.random()

    def round(self, order, /):
        self.rounds += 1
        if order.poll:
            self.polls.append(order.now)
        result = self.world.rounds.play(order)
        self.notes.write(self.world.rounds)
        if self.rounds % 50 == 0:
            gc.collect()  # as the program does after each
        return result

    def told(self, state, round_, /):
        if round_.error is None and round_.polled:
            self.look()
        return sidecar.stopped(state, self.now()) if self.now() >= self.end else state

    def wait(self, until, /):
        while self.events and self.events[0][0] <= until:
            at, happen = self.events.pop(0)
            self.clock.advance(max(0.0, at - self.clock.now()))
            happen()
        self.clock.advance(max(0.0, until - self.clock.now()))
        return Wake.DUE

    # What happens.

    def look(self):
        """After a good round every file is what the stores say; how late was it?"""
        text = self.path.read_text()
        for key, (value, at) in list(self.rotated.items()):
            if f"{key.upper()}='{value}'" not in text:
                self.missed += 1
            self.stale = max(self.stale, self.now() - max(at, self.down_until))
            del self.rotated[key]

    def rotate(self, key):
        self.number += 1
        self.provider.set(key, b'{"%s":"%d"}' % (key.upper().encode(), self.number))
        self.rotated[key] = (self.number, self.clock.now())

    def break_down(self, error, seconds):
        self.provider.fail(error)
        self.down_until = self.clock.now() + seconds
        self.events.append((self.down_until, self.provider._faults.clear))
        self.events.sort(key=lambda event: event[0])

    def plan_a_life(self, days):
        """Rotations some times a day, an outage each day: the store, its login, a quota."""
        kinds = [Unavailable("down"), AuthFailed("expired"), Throttled("much", retry_after=30.0)]
        for day in range(days):
            begin = 1000.0 + day * DAY
            for _ in range(6):
                key = self.chance.choice("ab")
                self.events.append((begin + self.chance.uniform(HOUR, DAY), lambda key=key: self.rotate(key)))
            error, seconds = kinds[day % 3], self.chance.uniform(60, 2 * HOUR)
            at = begin + self.chance.uniform(HOUR, DAY - 3 * HOUR)
            self.events.append((at, lambda error=error, seconds=seconds: self.break_down(error, seconds)))
        self.events.sort(key=lambda event: event[0])

    def run(self):
        policy = Policy(self.now() + 300.0, period=PERIOD)
        return sidecar.run(self, policy, sidecar.begin(self.now()))


def _open_files():
    return len(os.listdir("/proc/self/fd"))


def _pages():
    return int(Path("/proc/self/statm").read_text().split()[1])


@pytest.mark.timeout(900)
@pytest.mark.parametrize("days", DAYS)
def test_days_of_rotations_and_outages(memory_path, figures, days):
    """No rotation is missed, none is late by more than a period and a wait; nothing grows, no lease is made twice."""
    life = Life(memory_path / "v", days * DAY)
    life.plan_a_life(days)
    life.world.clock.sleeps = _Nothing()
    life.world.provider.calls = _Nothing()
    life.world.written = _Nothing()
    files, pages = _open_files(), _pages()
    state = life.run()
    grown = (_pages() - pages) * os.sysconf("SC_PAGE_SIZE") / 2**20
    life.writers.close(wait=False)

    case = f"{days} days"
    figures.add("F5", "rounds", life.rounds, case)
    figures.add("F5", "polls", len(life.polls), case)
    figures.add("F5", "rotations", life.number, case)
    figures.add("F5", "missed rotations", life.missed, case)
    figures.add("F5", "latest, s", round(life.stale), case)
    figures.add("F5", "leases made", life.provider.made, case)
    figures.add("F5", "files left open", _open_files() - files, case)
    figures.add("F5", "memory grown, MiB", round(max(grown, 0.0), 1), case)
    assert (Phase.STOPPED, 0) == (state.phase, state.exit_code)
    assert (0, 1) == (life.missed, life.provider.made)
    assert life.number >= 3 * days
    assert life.stale <= 1.1 * PERIOD + 300.0
    assert 0.9 * days * DAY / PERIOD <= len(life.polls)
    assert _open_files() <= files
    assert grown < 8


class _Nothing(list):
    """A list that stays empty: what a test would count grows with time by itself."""

    def append(self, _):
        pass


@pytest.mark.parametrize("jump", [-HOUR, HOUR, -DAY, DAY, 1.0, -1.0])
def test_a_clock_that_jumps(memory_path, figures, jump):
    """The time of day may go anywhere: polls go on one by one, and nothing is stopped or made anew."""
    life = Life(memory_path / "v", 2 * HOUR)
    life.events = [(1000.0 + HOUR, lambda: setattr(life, "shift", jump))]
    state = life.run()
    life.writers.close(wait=False)
    gaps = [later - earlier for earlier, later in pairwise(life.polls)]
    figures.add("F6", "polls in 2 h", len(life.polls), f"clock {jump:+g} s")
    figures.add("F6", "shortest gap after the first, s", round(min(gaps[1:])), f"clock {jump:+g} s")
    assert (Phase.STOPPED, 0, 1) == (state.phase, state.exit_code, life.provider.made)
    assert min(gaps[1:]) >= 0.9 * PERIOD
    assert len(life.polls) <= 2 * HOUR / (0.9 * PERIOD) + 2


def test_a_machine_that_sleeps(memory_path, figures):
    """After eight hours of sleep there is one poll, at once, and a lease that is due is looked at; no burst follows."""
    life = Life(memory_path / "v", 10 * HOUR)
    wait = life.wait

    def sleepy(until, /):
        wake = wait(until)
        if life.now() > 1000.0 + HOUR and not life.shift:
            life.shift = 1.0
            life.clock.advance(8 * HOUR)
        return wake

    life.wait = sleepy
    state = life.run()
    life.writers.close(wait=False)
    after = [at for at in life.polls if at > 1000.0 + 8 * HOUR]
    figures.add("F6", "polls in 2 h", len(life.polls), "asleep for 8 h")
    gaps = [later - earlier for earlier, later in pairwise(after)]
    figures.add("F6", "shortest gap after the first, s", round(min(gaps)), "asleep for 8 h")
    assert (Phase.STOPPED, 0, 1) == (state.phase, state.exit_code, life.provider.made)
    assert min(gaps) >= 0.9 * PERIOD
