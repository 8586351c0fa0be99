"""Rules of the command line: flags, environment, what goes where. Exit codes of bad input are in test_bad_input."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from secretfetch import __version__
from secretfetch.cli import main
from secretfetch.cli.options import check_environment, flag_variables

PROGRAM = str(Path(sys.executable).with_name("secretfetch"))
CONFIG = "secrets: {db: file://db.json}\noutputs: [{path: db.env, from: db}]\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with a config and a secret; no flag in the environment."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "db.json").write_text('{"user":"shop","password":"s3cr3t"}')
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SECRETFETCH_")]:
        monkeypatch.delenv(name)
    return tmp_path


def read(path):
    return Path(path).read_text()


@pytest.mark.parametrize("command", ["--version", "-h", "--help", "fetch --help", "plan -h"])
def test_help_and_version(place, capsys, command):
    """They print to standard output and end well."""
    assert 0 == main(command.split())
    assert capsys.readouterr().out


def test_version_is_the_same_by_the_short_way():
    """The answer that loads nothing is the one that click would give."""
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert f"secretfetch {__version__}\n" == done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["-c", "config.yaml", "--out", "o", "fetch"],
        ["fetch", "--out", "o", "-c", "config.yaml"],
        ["--out", "x", "fetch", "-c", "config.yaml", "--out", "o"],
    ],
)
def test_global_flags_stand_before_or_after(place, words):
    """The same flags on both sides of the command; the later one wins."""
    assert 0 == main(words)
    assert "password='s3cr3t'\nuser='shop'\n" == read("o/db.env")


def test_flags_win_over_the_environment(place, monkeypatch):
    """Flag > environment > built-in, also for a flag before the command."""
    monkeypatch.setenv("SECRETFETCH_OUT", "from-env")
    monkeypatch.setenv("SECRETFETCH_CONFIG", "config.yaml")
    assert 0 == main(["fetch"])
    assert 0 == main(["--out", "from-flag", "fetch"])
    assert {"from-env", "from-flag"} <= set(os.listdir())


def test_a_config_flag_replaces_the_environment(place, monkeypatch):
    """-c does not add to SECRETFETCH_CONFIG."""
    monkeypatch.setenv("SECRETFETCH_CONFIG", "absent.yaml")
    assert 0 == main(["fetch", "-c", "config.yaml", "--out", "o"])


def test_a_config_path_may_hold_blanks(place, monkeypatch):
    """SECRETFETCH_CONFIG is one path."""
    Path("my config.yaml").write_text(CONFIG)
    monkeypatch.setenv("SECRETFETCH_CONFIG", "my config.yaml")
    assert 0 == main(["fetch", "--out", "o"])


def test_mistyped_variables_are_errors(place, monkeypatch, capsys):
    """A variable that looks like a flag's and is none is refused, with a near match."""
    monkeypatch.setenv("SECRETFETCH_OUTT", "o")
    assert 2 == main(["fetch", "-c", "config.yaml"])
    assert "SECRETFETCH_OUT" in capsys.readouterr().err


def test_service_links_are_no_flags():
    """What Kubernetes sets for a Service called `secretfetch` is let alone."""
    links = {
        "SECRETFETCH_SERVICE_HOST": "10.0.0.1",
        "SECRETFETCH_SERVICE_PORT": "80",
        "SECRETFETCH_SERVICE_PORT_HTTP": "80",
        "SECRETFETCH_PORT": "tcp://10.0.0.1:80",
        "SECRETFETCH_PORT_80_TCP": "tcp://10.0.0.1:80",
        "SECRETFETCH_PORT_80_TCP_PROTO": "tcp",
        "SECRETFETCH_PORT_80_TCP_ADDR": "10.0.0.1",
        "SECRETFETCH_WEB_SERVICE_HOST": "10.0.0.1",
        "SECRETFETCH_WEB_PORT_8080_TCP": "x",
    }
    check_environment({"SECRETFETCH_OUT"}, links)


def test_every_flag_has_a_variable():
    """Each option of each command, but for help and version."""
    from secretfetch.cli.app import app

    options = {
        "SECRETFETCH_" + max(option.opts, key=len).removeprefix("--").replace("-", "_").upper()
        for command in (app, *app.commands.values())
        for option in command.params
        if isinstance(option, click.Option) and option.name not in ("help", "version")
    }
    assert options == flag_variables(app)


def test_unchanged_is_one_line(place, capfd):
    """A run that changes nothing says so in one line; results go to standard error."""
    main(["fetch", "-c", "config.yaml", "--out", "o"])
    assert "1 file: 1 added" in capfd.readouterr().err
    main(["fetch", "-c", "config.yaml", "--out", "o"])
    out, err = capfd.readouterr()
    assert ("", 1) == (out, err.count("\n"))
    assert "nothing changed" in err


def test_json_lines(place, capfd):
    """With --log-format json every line of standard error is one JSON object, errors too."""
    main(["fetch", "-c", "config.yaml", "--out", "o", "--log-format", "json"])
    main(["get", "file://db.json#usr", "--log-format", "json"])
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert ["written", "failed"] == [line["event"] for line in lines]
    assert {"error_code": "KEY_NOT_FOUND", "exit_code": 66, "level": "error"}.items() <= lines[1].items()


def test_plan_shows_names_and_no_values(place, capfd):
    """plan lists files, modes, names and versions, writes nothing, and is 0 or 9."""
    assert 9 == main(["plan", "-c", "config.yaml", "--out", "o", "--exit-code"])
    out = capfd.readouterr().out
    assert "0440" in out
    assert "password, user" in out
    assert "s3cr3t" not in out
    assert not Path("o").exists()
    assert 0 == main(["plan", "-c", "config.yaml", "--out", "o"])
    main(["fetch", "-c", "config.yaml", "--out", "o"])
    assert 0 == main(["plan", "-c", "config.yaml", "--out", "o", "--exit-code"])


def test_plan_sees_each_kind_of_change(place, capfd):
    """+ for a new file, ~ for another content, - for one that goes, = for one that stays."""
    Path("config.yaml").write_text(
        "outputs: [" + ", ".join(f"{{path: {n}, from: {{value: '1'}}}}" for n in "abc") + "]"
    )
    main(["fetch", "-c", "config.yaml", "--out", "o"])
    Path("config.yaml").write_text(
        "outputs: [{path: a, from: {value: '1'}}, {path: b, from: {value: '2'}}, {path: d, from: {value: '1'}}]"
    )
    capfd.readouterr()
    main(["plan", "-c", "config.yaml", "--out", "o"])
    rows = [line.split()[:2] for line in capfd.readouterr().out.splitlines()[:4]]
    assert [("=", "a"), ("~", "b"), ("-", "c"), ("+", "d")] == [(sign, path[-1]) for sign, path in rows]


def test_plan_as_json_lines(place, capfd):
    """--log-format json makes the lines of plan JSON."""
    main(["plan", "-c", "config.yaml", "--out", "o", "--log-format", "json"])
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert ["+", "db"] == [lines[0]["change"], lines[1]["secret"]]


def test_targets_leave_their_neighbours_alone(place):
    """Two runs for two files leave two plain files and nothing else."""
    for name in ("a.env", "b.json"):
        assert 0 == main(["fetch", "file://db.json", "-o", str(place / "t" / name)])
    assert {"a.env", "b.json"} == set(os.listdir("t"))
    assert not Path("t/a.env").is_symlink()


def test_get_prints_bytes(place, capfdbinary):
    """The value as it is, nothing added."""
    Path("raw").write_bytes(b"\xff\x00x")
    assert 0 == main(["get", "file://raw"])
    sys.stdout.flush()
    assert b"\xff\x00x" == capfdbinary.readouterr().out


def test_get_of_an_absent_optional_secret(place, capfd):
    """There is no value to print: not found."""
    Path("config.yaml").write_text("secrets: {x: {ref: file://absent, optional: true}}")
    assert 66 == main(["get", "x", "-c", "config.yaml"])


@pytest.mark.parametrize(
    "words",
    [
        ["fetch", "file://db.json"],
        ["fetch", "-o", "x"],
        ["fetch", "file://db.json", "-o", "x", "--format", "nope"],
        ["fetch", "file://db.json", "-o", "x/", "--format", "json"],
        ["get"],
        ["fetsh"],
        ["fetch", "--nope"],
        ["fetch", "--timeout", "5"],
        ["completion", "csh"],
        ["--out", "", "fetch"],
    ],
)
def test_usage_errors(place, words, capfd):
    """A wrong command line is 2, in a few lines on standard error."""
    assert 2 == main(words)
    assert "Error" in capfd.readouterr().err


def test_schema_is_json(capfd):
    """schema prints the JSON Schema."""
    assert 0 == main(["schema"])
    assert "outputs" in json.loads(capfd.readouterr().out)["properties"]


def test_providers_are_listed(capfd):
    """One line for each scheme."""
    assert 0 == main(["providers"])
    names = {line.split()[0] for line in capfd.readouterr().out.splitlines()}
    assert {"aws-sm", "aws-ssm", "file", "env"} <= names


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell):
    """Each script names the program and completes its commands."""
    done = subprocess.run([PROGRAM, "completion", shell], capture_output=True, text=True, check=True)
    assert "_SECRETFETCH_COMPLETE" in done.stdout
    words = {"COMP_WORDS": "secretfetch pl", "COMP_CWORD": "1", "_SECRETFETCH_COMPLETE": "bash_complete"}
    completed = subprocess.run([PROGRAM], env={**os.environ, **words}, capture_output=True, text=True, check=True)
    assert "plain,plan" in completed.stdout


def on_a_terminal(words, cwd):
    """Run the program with a terminal as standard output and error; return its exit code and what it showed."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execv(PROGRAM, [PROGRAM, *words])
    shown = b""
    while True:
        try:
            part = os.read(fd, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_a_terminal_needs_reveal(place):
    """get shows no value on a terminal unless asked to, and ends it with a newline there."""
    code, shown = on_a_terminal(["get", "file://db.json#password"], place)
    assert 2 == code
    assert "s3cr3t" not in shown
    assert (0, "s3cr3t\r\n") == on_a_terminal(["get", "file://db.json#password", "--reveal"], place)


def test_a_terminal_gets_a_table(place):
    """fetch on a terminal lists the files that it wrote."""
    code, shown = on_a_terminal(["fetch", "-c", "config.yaml", "--out", "o"], place)
    assert 0 == code
    assert "+  " in shown
    assert "o/db.env" in shown


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_a_run_that_waits(place, number, code):
    """A store that is waited for does not keep the process from stopping, quietly and with the usual status."""
    environ = {**os.environ, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
    environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    words = [PROGRAM, "get", "aws-sm://x", "--log-level", "info"]
    with subprocess.Popen(words, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert "aws-sm" in process.stderr.readline()  # it is waiting for its second try
        begun = time.monotonic()
        process.send_signal(number)
        process.wait(10)
        rest = process.stderr.read()
    assert code == process.returncode
    assert time.monotonic() - begun < 5
    assert "Traceback" not in rest


def test_a_closed_pipe_is_no_traceback(place):
    """A reader that has gone ends the program without noise."""
    Path("big").write_bytes(b"x" * 1_000_000)
    done = subprocess.run(
        f"{PROGRAM} get file://big | true", shell=True, capture_output=True, text=True, check=False, cwd=place
    )
    assert "" == done.stderr
