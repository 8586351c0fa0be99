"""Rules of each kind of hook, with real processes, files and servers."""

import errno
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from secretfetch.errors import HookFailed
from secretfetch.notify import kinds
from secretfetch.notify.commands import Children
from secretfetch.plan import CommandHook, Origin, SignalHook, TouchHook, WebhookHook

AT = Origin("c.yaml", 9)


def run(hook, paths=()):
    kinds.run(hook, tuple(paths), Children(), "/proc")


def failure(hook):
    with pytest.raises(HookFailed) as caught:
        run(hook)
    return caught.value


def test_what_nobody_expected_is_a_failure_too():
    """One hook never ends the thread of all; its text is not shown."""
    error = failure(WebhookHook("http://[canary/", origin=AT))
    assert "ValueError" in error.headline
    assert "canary" not in f"{error}{error.notes}"
    assert "c.yaml:9" == error.where


# Commands.


def test_a_command_sees_what_has_changed_and_no_credentials(tmp_path, monkeypatch):
    """Its environment has the changed paths and what every program needs, nothing that logs in."""
    for name in ("AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN", "AZURE_CLIENT_SECRET", "SECRETFETCH_OUT", "APP_PASSWORD"):
        monkeypatch.setenv(name, "canary")
    target = tmp_path / "seen"
    run(CommandHook(("/bin/sh", "-c", f"env > {target}; pwd >> {target}")), ["/s/a", "/s/b"])
    text = target.read_text()
    assert "SECRETFETCH_CHANGED=/s/a\n/s/b\n" in text
    assert "canary" not in text
    assert text.endswith("\n/\n")
    assert {"SECRETFETCH_CHANGED", "PATH"} <= {line.partition("=")[0] for line in text.splitlines()}


def test_a_command_has_no_streams(capfd):
    """What it prints could be a secret: it is not ours to log."""
    run(CommandHook(("/bin/sh", "-c", "echo canary; echo canary >&2; ! read line")))
    assert ("", "") == capfd.readouterr()


def test_a_command_that_fails_is_told_by_its_status_and_never_by_its_arguments():
    """The program's name, the status, the place in the config; arguments may be anything."""
    error = failure(CommandHook(("/bin/sh", "-c", "exit 3", "canary"), origin=AT))
    assert 'the command "/bin/sh" ended with status 3' == error.headline
    assert "c.yaml:9" == error.where
    assert "signal 9" in failure(CommandHook(("/bin/sh", "-c", "kill -9 $$"))).headline


@pytest.mark.parametrize(
    ("argv", "reason"), [(("/no/such",), "No such file"), (("/etc/passwd",), "Permission"), (("/",), "Permission")]
)
def test_a_command_that_cannot_be_started(argv, reason):
    """Not there, or no program: what it is, and that it runs in our own container."""
    error = failure(CommandHook(argv))
    assert reason in error.headline
    assert "in this container" in dict(error.notes)["fix"]


def test_a_command_that_is_too_slow_is_ended_with_all_its_children(tmp_path):
    """The whole session goes, politely first; a child that ignores that goes too."""
    pids = tmp_path / "pids"
    script = f"sh -c 'trap \"\" TERM; echo $$ >> {pids}; while :; do sleep 1; done' & echo $$ >> {pids}; wait"
    error = failure(CommandHook(("/bin/sh", "-c", script), timeout=0.3))
    assert "longer than 0.3 s" in error.headline
    end = time.monotonic() + 10
    for pid in pids.read_text().split():
        while _alive(int(pid)) and time.monotonic() < end:
            os.sched_yield()  # a signal that is sent is not yet a process that has ended
        assert not _alive(int(pid)), pid


def _alive(pid):
    try:
        return b"Z" not in Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2][:3]
    except OSError:
        return False


def test_what_a_command_starts_in_the_background_goes_on(tmp_path):
    """To restart the application is what a command may be for: only at its timeout is anything ended."""
    run(CommandHook(("/bin/sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid")))
    pid = int((tmp_path / "pid").read_text())
    held = os.pidfd_open(pid)
    try:
        assert ([], [], []) == select.select([held], [], [], 0.2)  # readable: it has ended
        signal.pidfd_send_signal(held, signal.SIGKILL)
    finally:
        os.close(held)


def test_a_command_is_killed_from_another_thread(tmp_path):
    """A process that ends does not wait for a program."""
    children, ended = Children(), []

    def work():
        with pytest.raises(HookFailed) as caught:
            children.run(CommandHook(("/bin/sh", "-c", f"echo > {tmp_path}/up; sleep 60")), ())
        ended.append(caught.value.headline)

    thread = threading.Thread(target=work)
    thread.start()
    while not (tmp_path / "up").exists():
        os.sched_yield()
    children.kill()
    thread.join(10)
    assert ["killed by signal 9" in text for text in ended] == [True]


def test_children_that_are_killed_are_not_started_again():
    """A process that ends kills what runs, and starts nothing more."""
    children = Children()
    children.kill()
    with pytest.raises(HookFailed):
        children.run(CommandHook(("/bin/true",)), ())


# Signals.

WAITING = "import signal, sys; print(1, flush=True); sys.exit(signal.sigwait([{number}]) + 100)"


@pytest.fixture
def program(tmp_path):
    """Start programs of a name of ours that wait for a signal, and tell which has come by their status."""
    started = []

    def start(name, *more):
        path = tmp_path / name
        if not path.exists():
            os.symlink(sys.executable, path)
        blocked = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [1, 10]); "
        code = blocked + WAITING.format(number="1, 10")
        # A process of somebody else's: its parent is not this one.
        child = subprocess.Popen([path, "-c", code, *more], stdout=subprocess.PIPE, executable=sys.executable)
        assert child.stdout.readline()
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


@pytest.fixture
def as_other(monkeypatch):
    """Let the test's own children count as those of others."""
    monkeypatch.setattr(os, "getpid", lambda: 999_999_999)


def test_a_process_is_found_by_its_name(program, as_other):
    """By the name of the program that was started."""
    child = program("shop-server")
    other = program("shop-other")
    run(SignalHook(signal.SIGHUP, process="shop-server"))
    assert 101 == child.wait(10)
    assert None is other.poll()


def test_a_process_is_found_by_its_command_line(program, as_other):
    """A text with a blank or a slash is looked for in the whole command line."""
    one, other = program("shop-x", "--port 1", "/etc/one.conf"), program("shop-x", "--port 2", "/etc/two.conf")
    run(SignalHook(signal.SIGUSR1, process="/etc/two.conf"))
    assert 110 == other.wait(10)
    assert None is one.poll()


def test_our_own_children_are_not_meant(program):
    """What we have started ourselves is not the application."""
    program("shop-mine")
    assert 'no process "shop-mine" can be seen' in failure(SignalHook(1, process="shop-mine")).headline


def test_a_process_is_found_by_its_pid_file(program, tmp_path):
    """The number in a file, white space around it allowed."""
    child = program("shop-pid")
    (tmp_path / "pid").write_text(f" {child.pid}\n")
    run(SignalHook(signal.SIGHUP, pid_file=str(tmp_path / "pid")))
    assert 101 == child.wait(10)


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "1 2", "99999999999", None])
def test_a_pid_file_that_names_nobody(tmp_path, text):
    """Missing, empty, no number, nobody: told with the file, never a signal to anybody else."""
    path = tmp_path / "pid"
    if text is not None:
        path.write_text(text)
    assert str(path) in failure(SignalHook(signal.SIGKILL, pid_file=str(path))).headline


def test_a_pid_file_that_is_a_pipe(tmp_path):
    """No writer, no wait: it is no file."""
    os.mkfifo(tmp_path / "pid")
    assert "no pid of another process" in failure(SignalHook(signal.SIGHUP, pid_file=str(tmp_path / "pid"))).headline


def test_a_process_that_has_ended_is_nobody(tmp_path):
    """Its number is still taken as long as its parent has not waited, but nothing hears the signal."""
    child = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    (tmp_path / "pid").write_text(str(child.pid))
    assert f"no process {child.pid} can" in failure(SignalHook(signal.SIGHUP, pid_file=str(tmp_path / "pid"))).headline
    child.wait()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_a_system_without_descriptors_of_processes(program, tmp_path, monkeypatch, number):
    """gVisor, and what old runtimes filter: the signal goes by number."""

    def none(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pidfd_open", none)
    child = program("shop-number")
    (tmp_path / "pid").write_text(str(child.pid))
    run(SignalHook(signal.SIGHUP, pid_file=str(tmp_path / "pid")))
    assert 101 == child.wait(10)


def test_a_pid_file_with_our_own_number_is_refused(tmp_path):
    """We do not signal ourselves."""
    (tmp_path / "pid").write_text(str(os.getpid()))
    assert "no pid of another process" in failure(SignalHook(signal.SIGKILL, pid_file=str(tmp_path / "pid"))).headline


def test_a_process_that_is_not_there():
    """The fix names what Kubernetes needs for it."""
    error = failure(SignalHook(1, process="no-such-program"))
    assert "shareProcessNamespace" in dict(error.notes)["fix"]


def test_a_process_of_another_user(program, tmp_path):
    """Not allowed is told as that, with our user."""
    if os.geteuid():
        pytest.skip("needs root to be somebody else")
    child = program("shop-root")
    code = (
        "import os, sys\n"
        "from secretfetch.notify import signals\nfrom secretfetch.plan import SignalHook\n"
        "from secretfetch.errors import HookFailed\nos.setuid(65532)\n"
        "try: signals.send(SignalHook(1, process='shop-root'))\n"
        "except HookFailed as error: print(error, error.notes)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert f"process {child.pid} may not be signalled by uid 65532" in done.stdout
    assert "capability KILL" in done.stdout
    assert None is child.poll()


def test_of_a_master_and_its_workers_the_master_gets_it(tmp_path):
    """Workers of the same name are left to their master."""
    proc = tmp_path / "proc"
    for pid, parent in ((10, 1), (11, 10), (12, 10), (13, 1)):
        (proc / str(pid)).mkdir(parents=True)
        name = "other" if pid == 13 else "nginx"
        (proc / str(pid) / "cmdline").write_bytes(f"{name}: process\0".encode())
        (proc / str(pid) / "stat").write_bytes(f"{pid} ({name}) S {parent} 0".encode())
    from secretfetch.notify import signals

    assert [10] == [one.pid for one in signals._found("nginx", str(proc))]


# Files.


def test_touch_makes_a_file_and_renews_its_time(tmp_path):
    """A missing file is made, empty and readable; one that is there keeps its content."""
    path, umask = tmp_path / "changed", os.umask(0o077)
    try:
        run(TouchHook(str(path)))
    finally:
        os.umask(umask)
    assert (0, 0o644) == (path.stat().st_size, path.stat().st_mode & 0o777)
    path.write_text("x")
    os.utime(path, (1, 1))
    run(TouchHook(str(path)))
    assert path.stat().st_mtime > 1
    assert "x" == path.read_text()


@pytest.mark.parametrize("kind", ["link", "directory", "fifo", "missing"])
def test_touch_refuses_what_is_no_file(tmp_path, kind):
    """A link is not followed, a directory, device or pipe is not opened, directories are not made."""
    path = tmp_path / "x"
    if kind == "link":
        os.symlink(tmp_path / "elsewhere", path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path = tmp_path / "no" / "x"
    assert f"cannot touch {path}" in failure(TouchHook(str(path))).headline
    assert not (tmp_path / "elsewhere").exists()


# Webhooks.


@pytest.fixture
def server():
    """Give an HTTP server that answers as told, and remembers what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.seen.append((self.command, self.path, dict(self.headers)))
            self.send_response(self.server.answer)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            self.wfile.write(b"x" * 1000)

        do_GET = do_PUT = do_POST  # noqa: N815 - the names are the library's

        def log_message(self, *_):
            pass

    made = HTTPServer(("127.0.0.1", 0), Handler)
    made.seen, made.answer = [], 200
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    made.url = f"http://127.0.0.1:{made.server_port}"
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_a_webhook_is_one_request_without_a_body(server, monkeypatch):
    """Method and path as said; no proxy stands between us and a neighbour."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    run(WebhookHook(f"{server.url}/-/reload?a=b", method="PUT"))
    ((method, path, headers),) = server.seen
    assert ("PUT", "/-/reload?a=b", "0") == (method, path, headers["Content-Length"])
    assert headers["User-Agent"].startswith("secretfetch/")


def test_a_webhook_logs_in_with_what_its_url_says(server):
    """User and password of the URL are sent, and never shown."""
    server.answer = 401
    error = failure(WebhookHook(server.url.replace("//", "//me:c%61nary@") + "/x?token=canary"))
    assert "Basic bWU6Y2FuYXJ5" == server.seen[0][2]["Authorization"]
    assert "canary" not in f"{error}{error.notes}"
    assert error.headline.endswith("/x answered 401")


@pytest.mark.parametrize(
    ("answer", "success", "works"),
    [(204, 0, True), (302, 0, True), (404, 0, False), (200, 202, False), (202, 202, True), (500, 500, True)],
)
def test_what_counts_as_done(server, answer, success, works):
    """Any status below 400, or exactly the one that is asked for; a redirection is not followed."""
    server.answer = answer
    hook = WebhookHook(server.url, success=success)
    if works:
        run(hook)
    else:
        assert str(answer) in failure(hook).headline
    assert 1 == len(server.seen)


def test_a_webhook_that_nobody_hears():
    """Nobody listens: refused."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        assert "connection refused" in failure(WebhookHook(url)).headline


@pytest.mark.parametrize("drip", [False, True])
def test_a_webhook_has_its_time_and_no_more(drip):
    """Silent, or a byte now and then: over after its timeout."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                while drip and not stop.wait(0.05):
                    try:
                        connection.send(b"H")
                    except OSError:
                        return
                stop.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        hook = WebhookHook(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.3)
        assert "the webhook" in failure(hook).headline
        for one in threading.enumerate():
            if one.name == "webhook":  # nothing stays behind, however long the other end drips
                one.join(10)
                assert not one.is_alive()
        stop.set()
        thread.join()
