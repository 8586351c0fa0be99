"""`exec` as process 1 of a container of the image: status, signals, orphans, and a new start."""

import contextlib
import uuid

import pytest
from e2e.engine import attempt, podman, until

pytest_plugins = ["e2e.fixtures"]
RUN = ("--network=host", "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
# Leaves an orphan that ends at once, says what it has, and ends with 7 when it is asked to.
APP = """
import os, signal
if not os.fork():
    above = os.getpid()
    if os.fork(): os._exit(0)
    while os.getppid() == above: pass
    os._exit(0)
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
print("has", os.environ["A"], flush=True)
while True: signal.pause()
"""


@contextlib.contextmanager
def running(image, *words, volume):
    """Run a container in the background; give its name."""
    name = f"e2e-exec-{uuid.uuid4().hex[:8]}"
    mount = f"--volume={volume}:/store:ro"
    podman("run", "--detach", f"--name={name}", *RUN, mount, image, "exec", *words, "--", "python3", "-c", APP)
    try:
        yield name
    finally:
        attempt("rm", "--force", "--time=0", name)


def states(name):
    """Return the states of the container's processes."""
    lines = podman("top", name, "hpid").splitlines()[1:]
    found = []
    for pid in lines:
        with contextlib.suppress(OSError), open(f"/proc/{pid.strip()}/stat") as stream:
            found.append(stream.read().rpartition(")")[2].split()[0])
    return found


@pytest.fixture
def store(tmp_path):
    """A folder with a secret that any user may read."""
    folder = tmp_path / "store"
    folder.mkdir()
    folder.chmod(0o755)
    put(folder, '{"A": "canary-1"}')
    return folder


def put(folder, text):
    (folder / "new").write_text(text)
    (folder / "new").chmod(0o644)
    (folder / "new").rename(folder / "a.json")


@pytest.mark.parametrize("more", [(), ("--watch", "--period=300ms")], ids=["once", "watch"])
def test_process_1_is_an_init(image, store, more):
    """Orphans are buried, a stop is passed on and taken at once, and the program's status is the container's."""
    with running(image, *more, "file:///store/a.json", volume=store) as name:
        until(lambda: "has canary-1" in attempt("logs", name).stdout, lambda: attempt("logs", name).stderr)
        until(lambda: "Z" not in states(name), "a zombie stays", seconds=10)
        podman("stop", "--time=8", name)
        assert "7" == podman("inspect", "--format={{.State.ExitCode}}", name)
        assert "canary" not in attempt("logs", name).stderr


def test_a_rotation_starts_the_program_anew(image, store):
    """In a container with a read-only root and no capability, as anywhere."""
    with running(image, "--watch", "--period=300ms", "file:///store/a.json", volume=store) as name:
        until(lambda: "has canary-1" in attempt("logs", name).stdout, lambda: attempt("logs", name).stderr)
        put(store, '{"A": "canary-2"}')
        until(lambda: "has canary-2" in attempt("logs", name).stdout, lambda: attempt("logs", name).stderr)


@pytest.mark.parametrize(
    ("program", "status"), [(("sh", "-c", "exit 9"), 9), (("/nowhere",), 127), (("/etc/passwd",), 126)]
)
def test_statuses(image, store, program, status):
    """Those of the program, of one that is not there, of one that cannot be run."""
    mount = f"--volume={store}:/store:ro"
    done = attempt("run", "--rm", *RUN, mount, image, "exec", "file:///store/a.json", "--", *program)
    assert status == done.returncode, done.stderr
