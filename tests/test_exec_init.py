"""Rules of `exec` as process 1 of a container: nothing is left behind, signals and status are the program's."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("secretfetch"))
SPACE = ["unshare", "--fork", "--kill-child", "--pid", "--mount-proc"]
PATIENCE = 20.0


def can_be_process_1():
    """Tell whether this system lets us make a space of process numbers."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*SPACE, "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not can_be_process_1(), reason="needs unshare, and the right to use it")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a secret."""
    monkeypatch.chdir(tmp_path)
    Path("db.json").write_text(json.dumps({"password": "s3cr3t-in-a-file"}))
    return tmp_path


def words(*command):
    return [*SPACE, PROGRAM, "exec", "file://db.json", "--", *command]


def run(*command):
    """Run a program below process 1; return its status and what it printed."""
    done = subprocess.run(words(*command), capture_output=True, text=True, check=False, timeout=PATIENCE)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["sh", "-c", "test $PPID = 1 && exit 7"], 7),
        (["true"], 0),
        (["sh", "-c", "kill -TERM $$"], 143),
        (["sh", "-c", "kill -KILL $$"], 137),
        (["no-such-program"], 127),
    ],
)
def test_the_status_is_passed_on(folder, command, code):
    """The program's own; 128 and the number of the signal that ended it."""
    assert code == run(*command)[0]


def test_failures_before_the_start_are_passed_on(folder):
    """With their code, and once."""
    Path("db.json").unlink()
    code, _, said = run("true")
    assert (66, 1) == (code, said.count("error:"))


ORPHANS = """
import os, sys
pids = []
for _ in range(20):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0)
        os.write(writing, b"%d" % grandchild)
        os._exit(0)
    os.waitpid(child, 0)
    pids.append(int(os.read(reading, 20)))
import time
end = time.monotonic() + 10
while any(os.path.exists(f"/proc/{pid}") for pid in pids):
    if time.monotonic() > end:
        sys.exit(1)
    os.sched_yield()
"""


def test_orphans_are_buried(folder):
    """Processes that lose their parent do not stay as zombies."""
    assert 0 == run(sys.executable, "-c", ORPHANS)[0]


def process_1(space):
    """Return the number, seen from here, of the process 1 that `unshare` has started."""
    children = Path(f"/proc/{space.pid}/task/{space.pid}/children")
    end = time.monotonic() + PATIENCE
    while not (found := children.read_text().split()):
        assert time.monotonic() < end
    return int(found[0])


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "ALRM", "PIPE", "RTMIN"])
def test_signals_are_passed_on(folder, name):
    """Whatever comes to process 1 comes to the program, which decides."""
    script = (
        "import signal, sys\n"
        f"number = signal.SIG{name}\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [number])\n"
        "print('ready', flush=True)\n"
        "sys.exit(5 if signal.sigwait([number]) == number else 1)\n"
    )
    with subprocess.Popen(words(sys.executable, "-c", script), stdout=subprocess.PIPE, text=True) as space:
        assert "ready\n" == space.stdout.readline()
        os.kill(process_1(space), getattr(signal, f"SIG{name}"))
        assert 5 == space.wait(PATIENCE)


MEMORY = """
import os, re, sys
secret, found = os.environb[b"password"], 0
with open("/proc/1/maps") as maps, open("/proc/1/mem", "rb", 0) as memory:
    for line in maps:
        begin, end, mode = re.match(r"(\\w+)-(\\w+) (....)", line).groups()
        if mode[0] == "r" and "[v" not in line:
            memory.seek(int(begin, 16))
            content = memory.read(int(end, 16) - int(begin, 16))
            found += content.count(secret)
            seen = seen + len(content) if "seen" in globals() else len(content)
print(seen > 1 << 20, found)
"""


def test_process_1_knows_no_secret(folder):
    """Its memory holds no value: it has never been there."""
    code, shown, said = run(sys.executable, "-c", MEMORY)
    assert (0, "True 0\n") == (code, shown), said


def test_a_key_on_the_terminal_is_one_signal(folder):
    """The program has the terminal, and is interrupted once: by the terminal and not by process 1 as well."""
    script = (
        "import os, signal, time\n"
        "seen = []\n"
        "signal.signal(signal.SIGINT, lambda *_: seen.append(1))\n"
        "print('ready', os.tcgetpgrp(0) == os.getpgrp(), flush=True)\n"
        "os.read(0, 10)\n"
        "print('seen', len(seen), flush=True)\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(SPACE[0], words(sys.executable, "-c", script))
    shown = b""
    while not shown.endswith(b"\n"):
        shown += os.read(terminal, 1024)
    os.write(terminal, b"\x03\n")
    while not shown.endswith(b"\n") or b"seen" not in shown:
        shown += os.read(terminal, 1024)
    os.waitpid(pid, 0)
    os.close(terminal)
    assert b"ready True" in shown
    assert b"seen 1" in shown
