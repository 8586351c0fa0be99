"""Rules of what a process that holds secrets does about itself and its children."""

import os
import subprocess
import sys

import pytest

from secretfetch import processes

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be two other users")

HARDENED = """
import ctypes, os, resource, sys
from secretfetch import processes
os.setgroups([]); os.setgid(65532); os.setuid(65532)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as after exec: to change one's user closes it too
if sys.argv[1] == "yes":
    processes.harden()
print("ready", flush=True)
sys.stdin.read()
"""


def readable(pid, name):
    code = f"import os; os.setgid(65532); os.setuid(65532); open('/proc/{pid}/{name}', 'rb').read(1)"
    return subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, check=False).returncode == 0


@needs_root
@pytest.mark.parametrize("hardened", ["no", "yes"])
def test_another_process_of_the_same_user_cannot_read_us(hardened):
    """Environment and memory map of a hardened process are closed; those of any other are open to its user."""
    child = subprocess.Popen(
        [sys.executable, "-c", HARDENED, hardened], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"
    )
    try:
        assert child.stdout.readline()
        assert [hardened == "no"] * 2 == [readable(child.pid, name) for name in ("environ", "maps")]
    finally:
        child.communicate()


CHILDREN = """
import ctypes, os, resource, subprocess, time
from secretfetch import processes
from secretfetch.notify.commands import Children
from secretfetch.plan import CommandHook
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
os.setgroups([]); os.setgid(65532); os.setuid(65532)
processes.harden()
began = time.monotonic()
Children().run(CommandHook(("/bin/true",)), ())
print(time.monotonic() - began, *resource.getrlimit(resource.RLIMIT_CORE))
"""


@needs_root
def test_a_hardened_process_starts_children_fast():
    """No core dump; closing files for a child does not go through a million numbers one by one."""
    done = subprocess.run([sys.executable, "-c", CHILDREN], capture_output=True, text=True, check=True, cwd="/")
    seconds, *core = done.stdout.split()
    assert "0" == core[0]
    assert float(seconds) < 2.0


def test_children_see_what_they_need_and_nothing_that_logs_in():
    """A short list of names passes, and what is given."""
    environ = {"PATH": "/bin", "LC_ALL": "C", "AWS_PROFILE": "x", "VAULT_ADDR": "x", "PYTHONPATH": "x", "FOO": "x"}
    assert {"PATH": "/bin", "LC_ALL": "C", "NEW": "1"} == processes.scrubbed(environ, {"NEW": "1"})


def test_a_zombie_that_nobody_buries_is_buried_at_the_second_look():
    """A child of ours that is waited for between two looks keeps its status; one that nobody waits for goes."""
    child = subprocess.Popen(["/bin/sh", "-c", "exit 7"])
    orphan = os.spawnv(os.P_NOWAIT, "/bin/true", ["true"])
    for pid in (child.pid, orphan):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    orphans = processes.Orphans()
    assert 0 == orphans.bury()
    assert 7 == child.wait()
    assert 1 == orphans.bury()
    with pytest.raises(ChildProcessError):
        os.waitpid(orphan, 0)
    assert 0 == orphans.bury()
