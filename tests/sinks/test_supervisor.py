"""Rules of a program that is started anew: in time that only moves when told, and with real processes."""

import os
import signal
import sys
from queue import Empty

import pytest

from secretfetch.bundle import File
from secretfetch.errors import CommandNotFound, StartFailed
from secretfetch.sinks.children import System
from secretfetch.sinks.program import ProgramWriter
from secretfetch.sinks.supervisor import Manners, Supervisor

ONE, TWO, THREE = {b"A": b"1"}, {b"A": b"2"}, {b"A": b"3"}
ARGV = ("app", "--flag")


class Processes:
    """An operating system that notes what is asked of it."""

    def __init__(self):
        self.time = 100.0
        self.seen = []
        self.status = 0
        self.fault = None
        self.started = 0

    def now(self):
        return self.time

    def start(self, argv, environ):
        if self.fault is not None:
            raise self.fault
        self.started += 1
        self.seen.append(("start", environ[b"A"].decode()))
        return self.started

    def signal(self, pid, number):
        self.seen.append(("signal", pid, signal.Signals(number).name))

    def kill(self, pid):
        self.seen.append(("kill", pid))

    def bury(self, pid, *, whole_group):
        self.seen.append(("bury", pid, "group" if whole_group else "alone"))
        return self.status


class Impatient:
    """A queue in which time passes instead of being waited for."""

    def __init__(self, inbox, system):
        self._inbox = inbox
        self._system = system

    def put(self, event):
        self._inbox.put(event)

    def get(self, timeout=None):
        try:
            return self._inbox.get(block=False)
        except Empty:
            assert timeout is not None, "it would wait for ever"
            self._system.time += timeout
            raise


def supervised(**manners):
    """Return a supervisor whose program runs with the first environment, and its system."""
    system = Processes()
    made = Supervisor(ARGV, Manners(**manners), system=system)
    made._inbox = Impatient(made._inbox, system)
    made.use(ONE)
    made.step()
    assert [("start", "1")] == system.seen
    system.seen.clear()
    return made, system


def play(supervisor, *events):
    for event in events:
        event()
        supervisor.step()


def test_another_environment_is_a_new_start():
    """The program is asked to end, buried with what it has left behind, and started with the new one."""
    supervisor, system = supervised()
    play(supervisor, lambda: supervisor.use(TWO), supervisor.died)
    assert [("signal", 1, "SIGTERM"), ("bury", 1, "group"), ("start", "2")] == system.seen
    assert not supervisor.has_ended


def test_the_latest_change_wins():
    """What changes while the program ends is one start, with the last environment, and one signal."""
    supervisor, system = supervised(stop_signal=signal.SIGINT)
    play(supervisor, lambda: supervisor.use(TWO), lambda: supervisor.use(THREE), supervisor.died)
    assert [("signal", 1, "SIGINT"), ("bury", 1, "group"), ("start", "3")] == system.seen


def test_patience_ends():
    """A program that does not end is killed when its time is over, counted from the signal, and started then."""
    supervisor, system = supervised(stop_timeout=30.0)
    play(supervisor, lambda: supervisor.use(TWO))
    system.time += 10.0
    play(supervisor, lambda: supervisor.use(THREE))
    supervisor.step()
    assert (("kill", 1), 130.0) == (system.seen[-1], system.time)
    play(supervisor, supervisor.died)
    assert ("start", "3") == system.seen[-1]


def test_its_own_end_is_the_end():
    """A program that ends by itself is not started again; its status is ours."""
    supervisor, system = supervised()
    system.status = 7
    play(supervisor, supervisor.died)
    assert ([("bury", 1, "alone")], 7) == (system.seen, supervisor.status)


def test_told_to_stop_it_ends_for_good():
    """Also in the middle of a new start, and a change after that starts nothing."""
    for before in ([], [lambda one: one.use(TWO)]):
        supervisor, system = supervised()
        system.status = 143
        for event in before:
            event(supervisor)
            supervisor.step()
        play(supervisor, supervisor.stop, lambda supervisor=supervisor: supervisor.use(THREE), supervisor.died)
        assert [("signal", 1, "SIGTERM"), ("bury", 1, "alone")] == system.seen
        assert 143 == supervisor.status


def test_told_to_stop_before_the_start():
    """There is nothing to be ended."""
    system = Processes()
    supervisor = Supervisor(ARGV, Manners(), system=system)
    play(supervisor, supervisor.stop)
    assert (True, []) == (supervisor.has_ended, system.seen)


def test_signals_go_to_the_program():
    """Each of them, also while it ends; without a program there is nobody to get them."""
    supervisor, system = supervised()
    play(supervisor, lambda: supervisor.forward(signal.SIGUSR1), lambda: supervisor.use(TWO))
    play(supervisor, lambda: supervisor.forward(signal.SIGHUP))
    assert ["SIGUSR1", "SIGTERM", "SIGHUP"] == [number for _, _, number in system.seen]


def test_a_signal_in_the_place_of_a_new_start():
    """The program is told, and nothing else happens."""
    supervisor, system = supervised(change_signal=signal.SIGHUP)
    play(supervisor, lambda: supervisor.use(TWO))
    assert [("signal", 1, "SIGHUP")] == system.seen


def test_what_cannot_be_started_is_the_end():
    """At first, and again."""
    supervisor, system = supervised()
    system.fault = CommandNotFound("gone")
    play(supervisor, lambda: supervisor.use(TWO), supervisor.died)
    assert (system.fault, True) == (supervisor.error, supervisor.has_ended)


# ---- the writer ----


def files(**values):
    return {name: File(value, 0) for name, value in values.items()}


def test_only_another_environment_is_given():
    """The same values are no change; what has changed is told by name; no value is kept."""
    given = []
    writer = ProgramWriter(ARGV, {"HOME": "/"}, given.append)
    first = writer.stage(files(A=b"1", B=b"1"))
    assert (True, "") == (first.first, writer.seal(["A", "B"]))
    first.publish()
    first.publish()
    assert not writer.stage(files(A=b"1", B=b"1")).publish()
    change = writer.stage(files(A=b"2", C=b"1")).publish()
    assert ({"C"}, {"A"}, {"B"}) == (change.added, change.updated, change.removed)
    assert [{b"HOME": b"/", b"A": b"1", b"B": b"1"}, {b"HOME": b"/", b"A": b"2", b"C": b"1"}] == given
    assert not any(b"1" in value for value in writer._had.values() if len(value) == 1)


def test_a_program_without_secrets_is_started_too():
    """All of them may be optional."""
    given = []
    writer = ProgramWriter(ARGV, {}, given.append)
    writer.stage({}).publish()
    assert ([{}], "started", False) == (given, writer.seal([]), writer.is_full(""))


def test_an_environment_that_is_given_up_is_not_given():
    """After `abort` nothing is published."""
    given = []
    staged = ProgramWriter(ARGV, {}, given.append).stage(files(A=b"1"))
    staged.abort()
    staged.publish()
    assert [] == given


@pytest.mark.parametrize("count", [1, 100])
def test_too_large_an_environment_is_refused_before_the_stop(count):
    """One variable or all of them: the program that runs is left alone, and no value is shown."""
    values = {f"V{number}": b"v4lue" * (30_000 if count == 1 else 20_000) for number in range(count)}
    with pytest.raises(StartFailed) as caught:
        ProgramWriter(ARGV, {}, lambda _: None).stage(files(**values))
    assert "v4lue" not in str(caught.value) + str(caught.value.notes)


# ---- real processes ----


def test_a_real_program_is_started_anew():
    """Environment, own process group, the end of what it has left behind, and its status."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)  # noqa: FBT003 - has no name for it
    script = (
        "import os, signal, sys\n"
        "left = os.fork()\n"
        "if left:\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        f"    os.write({writing}, b'%s %d %d\\n' % (os.environb[b'A'], left, os.getpgrp() == os.getpid()))\n"
        "    sys.exit(signal.sigwait([signal.SIGTERM]))\n"
        "signal.pause()\n"
    )
    supervisor = Supervisor((sys.executable, "-c", script), Manners())
    supervisor.begin()
    with os.fdopen(reading, "rb") as told:
        supervisor.use(ONE)
        one, left, leads = told.readline().split()
        assert (b"1", b"1") == (one, leads)
        supervisor.use(TWO)
        two, other, _ = told.readline().split()
        assert b"2" == two
        assert _is_gone(int(left))
        supervisor.stop()
        supervisor.join()
        os.kill(int(other), signal.SIGKILL)
    os.close(writing)
    assert (signal.SIGTERM, None) == (supervisor.status, supervisor.error)


def _is_gone(pid):
    """Tell whether a process that is no child of ours is dead; somebody else may have to bury it."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            return stream.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_real_program_that_is_not_there():
    """The supervisor ends, with the error."""
    supervisor = Supervisor(("/absent/program",), Manners(), system=System(lambda: None))
    supervisor.begin()
    supervisor.use(ONE)
    supervisor.join()
    assert isinstance(supervisor.error, CommandNotFound)
