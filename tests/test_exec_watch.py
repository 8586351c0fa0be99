"""Rules of `exec --watch`: a program that is started anew when its secrets change, as real processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from servers.shared_aws import seed_secret, shared_aws

PROGRAM = str(Path(sys.executable).with_name("secretfetch"))
PATIENCE = 20.0
# Says what it has, and ends with a status of its own when it is asked to; told HUP, it says so.
APP = """
import os, signal, sys
def said(text): os.write(1, (text + "\\n").encode())
signal.signal(signal.SIGTERM, lambda *_: (said("term"), os._exit(7)))
signal.signal(signal.SIGHUP, lambda *_: said("hup " + os.environ["A"]))
signal.signal(signal.SIGUSR1, lambda *_: (said("usr1"), os._exit(9)))
said("has " + os.environ["A"])
while True: signal.pause()
"""
DEAF = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
os.write(1, ("has " + os.environ["A"] + "\\n").encode())
while True: signal.pause()
"""
SPACE = ("unshare", "--fork", "--kill-child", "--pid", "--mount-proc")


class Running:
    """`exec --watch` with the program above; what that says is read line by line."""

    def __init__(self, folder, *more, app=(sys.executable, "-c", APP), env=None, prefix=()):
        argv = [*prefix, PROGRAM, "exec", "--watch", "--period", "200ms", "--log-format", "json", *more, "--", *app]
        clean = {"PATH": os.environ["PATH"], "HOME": str(folder), **(env or {})}
        self.errors = folder / "errors"
        with self.errors.open("wb") as stream:
            self.process = subprocess.Popen(argv, cwd=folder, env=clean, stdout=subprocess.PIPE, stderr=stream)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def says(self):
        """Return the next line of the program; the test's own time limit ends a wait for one that does not come."""
        return self.process.stdout.readline().decode().rstrip("\n")

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def log(self):
        return self.errors.read_text()

    def until(self, event):
        """Wait for a record of the log."""
        while f'"{event}"' not in self.log():
            assert self.process.poll() is None
        return next(line for line in self.log().splitlines() if f'"{event}"' in line)


@pytest.fixture
def folder(tmp_path):
    """A working directory with a secret and a config."""
    put(tmp_path, A="canary-1")
    (tmp_path / "config.yaml").write_text("outputs: [{path: app.env, from: 'file://a.json'}]\n")
    return tmp_path


def put(folder, **values):
    """Replace the secret in one step."""
    (folder / "new").write_text(json.dumps(values))
    (folder / "new").rename(folder / "a.json")


def test_a_change_is_a_new_start_with_the_new_values(folder):
    """The program is asked to end, and has the new value the next time; our end is its end, with its status."""
    with Running(folder, "-c", "config.yaml") as running:
        assert "has canary-1" == running.says()
        put(folder, A="canary-2")
        assert ["term", "has canary-2"] == [running.says(), running.says()]
        assert 7 == running.end()
        assert "canary" not in running.log()
        assert {"a.json", "config.yaml", "errors"} == set(os.listdir(folder))


def test_a_value_that_stays_is_no_new_start(folder):
    """A secret of another version with the same values leaves the program alone."""
    with Running(folder, "-c", "config.yaml", "--log-level", "debug") as running:
        assert "has canary-1" == running.says()
        put(folder, A="canary-1")
        running.process.send_signal(signal.SIGHUP)
        assert "hup canary-1" == running.says()
        put(folder, A="canary-3")
        assert ["term", "has canary-3"] == [running.says(), running.says()]


def test_a_signal_in_the_place_of_a_new_start(folder):
    """With --signal the program is told and lives on, with the environment that it had."""
    with Running(folder, "-c", "config.yaml", "--signal", "HUP") as running:
        assert "has canary-1" == running.says()
        put(folder, A="canary-2")
        assert "hup canary-1" == running.says()
        assert 7 == running.end()


def test_a_program_that_ends_by_itself_is_the_end(folder):
    """Nothing is started again that has ended by itself; other signals are passed on to it."""
    with Running(folder, "-c", "config.yaml") as running:
        running.says()
        assert 9 == running.end(signal.SIGUSR1)


def test_a_bad_answer_leaves_the_program_alone(folder):
    """A store that fails, or holds what does not fit, changes nothing; the program goes on with what it has."""
    with Running(folder, "-c", "config.yaml") as running:
        running.says()
        (folder / "a.json").write_text("{canary")
        while '"round_failed"' not in running.log():
            assert running.process.poll() is None
        running.process.send_signal(signal.SIGHUP)
        assert "hup canary-1" == running.says()
        put(folder, A="canary-2")
        assert ["term", "has canary-2"] == [running.says(), running.says()]
        assert "canary" not in running.log()


def test_a_first_fetch_that_fails_starts_nothing(folder):
    """Without all secrets there is no program, and the exit code is that of the failure."""
    (folder / "a.json").unlink()
    with Running(folder, "-c", "config.yaml") as running:
        assert 66 == running.process.wait(PATIENCE)
        assert "" == running.says()


def test_a_program_that_is_not_there(folder):
    """As without --watch: 127."""
    with Running(folder, "-c", "config.yaml", app=("/absent/program",)) as running:
        assert 127 == running.process.wait(PATIENCE)
        assert "there is no program" in running.log()


def test_rotation_of_a_real_store(folder):
    """A value that changes in Secrets Manager reaches the program within a period and its start."""
    server = shared_aws()
    server.reset()
    seed_secret(server, {"name": "prod/a", "string": '{"A":"canary-1"}'})
    with Running(folder, "aws-sm://prod/a", env=server.env()) as running:
        assert "has canary-1" == running.says()
        server.client("secretsmanager").put_secret_value(SecretId="prod/a", SecretString='{"A":"canary-2"}')
        assert ["term", "has canary-2"] == [running.says(), running.says()]


def test_another_config_is_a_new_start(folder):
    """A config that changes is read again, as by `watch`."""
    with Running(folder, "-c", "config.yaml") as running:
        assert "has canary-1" == running.says()
        (folder / "config.yaml").write_text("outputs: [{path: other.env, keys: {A: {value: other}}}]\n")
        assert ["term", "has other"] == [running.says(), running.says()]


def test_a_program_that_does_not_stop_is_killed(folder):
    """After --stop-timeout: when it is to be started anew, and when we are told to stop."""
    with Running(folder, "--stop-timeout", "200ms", "file://a.json", app=(sys.executable, "-c", DEAF)) as running:
        assert "has canary-1" == running.says()
        put(folder, A="canary-2")
        assert "has canary-2" == running.says()
        assert '"level":"warning"' in running.until("killed").replace(" ", "")
        assert 137 == running.end()


@pytest.mark.parametrize("flags", [("--max-failures", "2"), ("--max-stale", "300ms")])
def test_when_we_give_up_the_program_is_ended(folder, flags):
    """Too many failures, or too old: the program is asked to end, and the failure's code is ours."""
    with Running(folder, *flags, "file://a.json") as running:
        assert "has canary-1" == running.says()
        (folder / "a.json").unlink()
        assert "term" == running.says()
        assert 66 == running.process.wait(PATIENCE)


def test_an_environment_that_would_become_empty_is_refused(folder):
    """As a file is: the program that runs keeps what it has."""
    with Running(folder, "file://a.json") as running:
        assert "has canary-1" == running.says()
        put(folder)
        assert "would become empty" in running.until("round_failed")
        assert 7 == running.end()


def test_it_can_be_probed(folder):
    """The status file is written, and `healthcheck` reads it."""
    with Running(folder, "--status-file", "status", "file://a.json") as running:
        running.says()
        running.until("fresh")
        done = subprocess.run([PROGRAM, "healthcheck", "--status-file", "status"], cwd=folder, check=False)
        assert 0 == done.returncode


@pytest.mark.parametrize("flag", ["--period=1s", "--signal=HUP", "--stop-timeout=1s", "--max-stale=1s"])
def test_flags_that_need_watch_are_usage_errors_without_it(folder, flag):
    """They would do nothing: 2."""
    done = subprocess.run([PROGRAM, "exec", flag, "a", "--", "true"], cwd=folder, capture_output=True, check=False)
    assert (2, True) == (done.returncode, b"--watch" in done.stderr)


def test_an_unknown_signal_is_a_usage_error(folder):
    """With a near one."""
    words = [PROGRAM, "exec", "--watch", "--signal", "HUPP", "a", "--", "true"]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    assert (2, True) == (done.returncode, b'"HUP"' in done.stderr)


def can_be_process_1():
    """Tell whether this system lets us make a space of process numbers."""
    try:
        return subprocess.run([*SPACE, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not can_be_process_1(), reason="needs unshare, and the right to use it")
def test_below_process_1(folder):
    """The init passes signals through both of us, a change is a new start, and the status comes back."""
    with Running(folder, "file://a.json", prefix=SPACE) as running:
        assert "has canary-1" == running.says()
        put(folder, A="canary-2")
        assert ["term", "has canary-2"] == [running.says(), running.says()]
        number = running.process.pid
        first = int(Path(f"/proc/{number}/task/{number}/children").read_text().split()[0])
        os.kill(first, signal.SIGHUP)
        assert "hup canary-2" == running.says()
        os.kill(first, signal.SIGTERM)
        assert "term" == running.says()
        assert 7 == running.process.wait(PATIENCE)
