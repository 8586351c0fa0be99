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


class Running:
    """`exec --watch` with the program above; what that says is read line by line."""

    def __init__(self, folder, *more, app=(sys.executable, "-c", APP), env=None):
        argv = [PROGRAM, "exec", "--watch", "--period", "200ms", "--log-format", "json", *more, "--", *app]
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
