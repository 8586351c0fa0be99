"""Rules of `exec`: what a program gets, what it inherits, and what is told when it cannot be started."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from secretfetch.cli import main
from secretfetch.rendering.environment import runs_code

PROGRAM = str(Path(sys.executable).with_name("secretfetch"))
ENV = shutil.which("env")
VALUE = 's3cr3t "quoted" $HOME `x` \\ \n second line\t\u00e9\u4e2d '


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with secrets; no flag in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SECRETFETCH_")]:
        monkeypatch.delenv(name)
    put("db.json", password=VALUE, user="shop")
    return tmp_path


def put(name, **values):
    Path(name).write_text(json.dumps(values))


def run(*words, env=None, **more):
    """Run exec; return what it ends as, with its output as bytes."""
    return subprocess.run([PROGRAM, "exec", *words], env=env, capture_output=True, check=False, **more)


def environ(*words, env=None):
    """Return the environment that a program gets."""
    done = run(*words, "--", ENV, "-0", env={"PATH": os.environ["PATH"]} if env is None else env)
    assert 0 == done.returncode, done.stderr
    return dict(line.split(b"=", 1) for line in done.stdout.split(b"\0") if line)


def refused(capfd, *words):
    """Run exec in this process where it must not come to starting; return its exit code and what it said."""
    code = main(["exec", *words, "--", "/absent/program"])
    return code, capfd.readouterr().err


def test_values_arrive_as_they_are(folder):
    """Line feeds, quotes, dollars and UTF-8 of a spread, and bytes that are no text, without any quoting."""
    Path("key.bin").write_bytes(b"\xff\xfe\x01\n")
    found = environ("file://db.json", "KEY=file://key.bin", "AGAIN=file://db.json#user")
    expected = {b"password": VALUE.encode(), b"user": b"shop", b"KEY": b"\xff\xfe\x01\n", b"AGAIN": b"shop"}
    assert expected == {name: found[name] for name in expected}


def test_a_config_gives_the_variables_of_its_env_outputs(folder):
    """All of them, paths of files too; other outputs are not written and their secrets are not asked for."""
    put("one.json", A="1", SAME="x")
    put("two.json", B="a line\nfeed", SAME="x")
    Path("config.yaml").write_text(
        "secrets: {one: file://one.json, two: file://two.json, gone: file://gone.json}\noutputs:\n"
        "- {path: a.env, from: one, defaults: {C: '3'}}\n- {path: b.env, format: docker, from: two}\n"
        "- {path: files/, from: one}\n- {path: c.sh, paths_to: {output: files/, suffix: _FILE}}\n"
        "- {path: d.json, from: gone}\n- {path: raw, from: gone}\n- {path: more/, from: gone}\n"
        "- {path: e.properties, from: gone}\n- {path: t, template: '{{ gone.x }}'}\n"
    )
    found = environ("-c", "config.yaml", "--out", "/made/nowhere", env={})
    paths = {b"A_FILE": b"/made/nowhere/files/A", b"SAME_FILE": b"/made/nowhere/files/SAME"}
    assert {b"A": b"1", b"B": b"a line\nfeed", b"C": b"3", b"SAME": b"x"} | paths == found
    assert {"config.yaml", "db.json", "one.json", "two.json"} == set(os.listdir())


def test_a_config_without_env_output_is_78(folder, capfd):
    """Nothing would come of it: what to add is said."""
    Path("config.yaml").write_text("outputs: [{path: a.json, from: 'file://db.json'}]\n")
    code, said = refused(capfd, "-c", "config.yaml")
    assert 78 == code
    assert "no env output" in said
    assert "config.yaml" in said


def test_two_outputs_do_not_disagree(folder, capfd):
    """The same name with two values is 65, names both outputs, and shows no value."""
    put("other.json", user="someone")
    Path("config.yaml").write_text(
        "outputs: [{path: a.env, from: 'file://db.json'}, {path: b.env, from: 'file://other.json'}]\n"
    )
    code, said = refused(capfd, "-c", "config.yaml")
    assert 65 == code
    assert all(part in said for part in ('"user"', "a.env", "b.env"))
    assert "someone" not in said


@pytest.mark.parametrize(
    ("values", "words", "told"),
    [
        ({"my-key": "v4lue"}, ["file://x.json"], "my-key"),
        ({"A": "v4lue\0"}, ["file://x.json"], "NUL"),
        ({"A": "v4lue"}, ["file://x.json#A"], "NAME=REF"),
        ({"LD_PRELOAD": "v4lue"}, ["file://x.json"], "NAME=REF"),
        ({"PATH": "v4lue"}, ["file://x.json"], "runs code"),
    ],
)
def test_what_cannot_be_a_variable_is_65(folder, capfd, values, words, told):
    """A name or value that does not fit, and a name by which code is run, are refused with what to do instead."""
    put("x.json", **values)
    code, said = refused(capfd, *words)
    assert 65 == code
    assert told in said.replace("programs run code", "runs code")
    assert "v4lue" not in said


@pytest.mark.parametrize(
    "name",
    [
        "LD_LIBRARY_PATH",
        "DYLD_INSERT_LIBRARIES",
        "GCONV_PATH",
        "BASH_ENV",
        "IFS",
        "PATH",
        "PYTHONSTARTUP",
        "PERL5OPT",
        "RUBYOPT",
        "NODE_OPTIONS",
        "JAVA_TOOL_OPTIONS",
        "COR_PROFILER_PATH",
        "OPENSSL_CONF",
        "GIT_SSH_COMMAND",
        "GIT_CONFIG_COUNT",
    ],
)
def test_names_by_which_code_is_run(name):
    """They are known."""
    assert runs_code(name)


@pytest.mark.parametrize("name", ["ENV", "GIT_TOKEN", "PYTHONUNBUFFERED", "JAVA_OPTS", "NODE_ENV", "MY_PATH", "path"])
def test_names_that_applications_use(name):
    """What only looks like one of those is let through."""
    assert not runs_code(name)


def test_a_name_that_the_user_wrote_is_meant(folder):
    """On the command line, under keys and under defaults even the loader's variables are allowed."""
    put("x.json", p="/x.so")
    assert b"/x.so" == environ("LD_AUDIT_X=file://x.json#p")[b"LD_AUDIT_X"]
    Path("config.yaml").write_text(
        "outputs: [{path: a.env, keys: {NODE_OPTIONS: 'file://x.json#p'}, defaults: {RUBYOPT: -W0}}]\n"
    )
    found = environ("-c", "config.yaml")
    assert (b"/x.so", b"-W0") == (found[b"NODE_OPTIONS"], found[b"RUBYOPT"])


def test_a_name_is_given_once(folder, capfd):
    """Twice on one command line is a mistake: 78."""
    assert 78 == refused(capfd, "A=file://db.json#user", "A=file://db.json#password")[0]


def test_a_missing_optional_secret_is_left_out(folder):
    """As in a file; the rest is there."""
    Path("config.yaml").write_text("secrets: {x: {ref: file://absent, optional: true}, db: file://db.json}\n")
    found = environ("-c", "config.yaml", "A=x", "B=db#user")
    assert (b"shop", False) == (found[b"B"], b"A" in found)


INHERITED = {
    "FOO": "1",
    "user": "ours",
    "SECRETFETCH_LOG_LEVEL": "error",
    "VAULT_TOKEN": "x",
    "BAO_TOKEN": "x",
    "VAULT_ADDR": "http://v",
    "AWS_ROLE_ARN": "r",
    "AWS_ACCESS_KEY_ID": "k",
    "LC_ALL": "C",
}


def test_a_program_inherits_what_is_not_about_us(folder):
    """All but SECRETFETCH_ and what logs in to a Vault; a secret wins over what is inherited under its name."""
    found = environ("file://db.json", env=INHERITED)
    assert {b"FOO", b"VAULT_ADDR", b"AWS_ROLE_ARN", b"AWS_ACCESS_KEY_ID", b"LC_ALL", b"user", b"password"} == {*found}
    assert b"shop" == found[b"user"]


def test_a_token_is_passed_on_by_name(folder):
    """An application that needs the login too is given it in so many words."""
    assert b"x" == environ("VAULT_TOKEN=env://VAULT_TOKEN", env=INHERITED)[b"VAULT_TOKEN"]


def test_pristine_is_the_secrets_and_what_every_program_needs(folder):
    """Nothing else is inherited."""
    assert {b"LC_ALL", b"user", b"password"} == {*environ("--pristine", "file://db.json", env=INHERITED)}


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["sh", "-c", "exit 7"], 7),
        (["true"], 0),
        (["sh", "-c", "kill -TERM $$"], -signal.SIGTERM),
        (["no-such-program"], 127),
        (["./no-such-program"], 127),
        (["./bad-interpreter"], 127),
        (["./db.json"], 126),
        (["./no-format"], 126),
        (["/"], 126),
    ],
)
def test_the_status_is_the_programs(folder, command, code):
    """Its own, and 126 or 127 where there is none, as shells and docker have it."""
    for name, text in (("bad-interpreter", "#!/no/such/shell\n"), ("no-format", "\x00\x01 no program")):
        Path(name).write_text(text)
        Path(name).chmod(0o755)
    assert code == run("file://db.json", "--", *command).returncode


@pytest.mark.parametrize(("count", "told"), [(1, "the variable BIG_0 has 140,006 bytes"), (60, "limit")])
def test_too_large_an_environment_is_125(folder, count, told):
    """Which limit, which variable, and what to do instead."""
    put("big.json", **{f"BIG_{number}": "v4lue" * (28_000 // min(count, 2)) for number in range(count)})
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    limit = (8 << 20 if soft == resource.RLIM_INFINITY else min(soft, 8 << 20), hard)
    done = run("file://big.json", "--", "true", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, limit))
    assert 125 == done.returncode
    assert told.encode() in done.stderr
    assert b"paths_to" in done.stderr
    assert b"v4lue" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["file://db.json"], 2),
        ([], 2),
        (["file://db.json", "--"], 2),
        (["--nope", "--", "true"], 2),
        (["file://absent", "--", "true"], 66),
        (["nothing", "--", "true"], 78),
    ],
)
def test_failures_before_the_start_have_our_codes(folder, words, code):
    """Those that `fetch` has: the program has not been run."""
    assert code == main(["exec", *words])


def test_a_flag_behind_the_mark_is_the_programs(folder):
    """What stands behind the first -- is not looked at."""
    done = run("file://db.json", "--", "echo", "--help", "--", "-c", "x")
    assert b"--help -- -c x\n" == done.stdout


def test_nothing_stays_behind(folder):
    """The program runs in the place of the process: its number, its standard streams, its signals."""
    script = (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
        "print(os.getpid(), flush=True)\n"
        "signal.sigwait([signal.SIGUSR1])\n"
        "sys.exit(3)\n"
    )
    words = [PROGRAM, "exec", "file://db.json", "--", sys.executable, "-c", script]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.pid == int(child.stdout.readline())
        child.send_signal(signal.SIGUSR1)
        assert 3 == child.wait(20)


def before(ignored):
    """Be another parent: no core dumps, or signals that are ignored."""
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most if ignored else 0, most))
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("ignored", [(), (signal.SIGINT, signal.SIGHUP)])
def test_signals_and_limits_are_as_they_were(folder, ignored):
    """What was ignored or limited before is so in the program, and nothing else."""
    show = ["cat", "/proc/self/status", "/proc/self/limits"]
    wanted = subprocess.run(show, capture_output=True, check=True, text=True, preexec_fn=lambda: before(ignored))
    found = subprocess.run(
        [PROGRAM, "exec", "file://db.json", "--", *show],
        capture_output=True,
        check=True,
        text=True,
        preexec_fn=lambda: before(ignored),
    )
    kept = ("SigIgn", "SigBlk", "SigCgt", "Max core", "Max open", "Max stack")
    lines = lambda text: [line for line in text.splitlines() if line.startswith(kept)]  # noqa: E731
    assert 6 == len(lines(found.stdout))
    assert lines(wanted.stdout) == lines(found.stdout)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_nothing_is_written_to_disk(folder):
    """No file is created, opened for writing, or renamed, from the start to the program."""
    calls = (
        "open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mknod,execve"
    )
    words = [
        "strace",
        "-f",
        "-o",
        "/dev/stderr",
        "-e",
        f"trace={calls}",
        PROGRAM,
        "exec",
        "file://db.json",
        "--",
        "true",
    ]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    )
    assert 0 == done.returncode, done.stderr[-500:]
    ours = [line for line in done.stderr.splitlines() if "(" in line]
    assert any("db.json" in line for line in ours)
    changing = [
        line for line in ours if "open" in line and any(f in line for f in ("O_WRONLY", "O_RDWR", "O_CREAT"))
    ] + [line for line in ours if any(f"{call}(" in line for call in calls.split(",")[3:-1])]
    assert [] == [line for line in changing if "/dev/" not in line]


def test_it_is_json_of_aws_too(folder):
    """Secrets Manager through the whole program, with the same server as everything else."""
    from servers.shared_aws import shared_aws

    server = shared_aws()
    server.reset()
    server.client("secretsmanager").create_secret(Name="prod/db", SecretString=json.dumps({"password": VALUE}))
    found = environ("aws-sm://prod/db", env={"PATH": os.environ["PATH"], **server.env()})
    assert VALUE.encode() == found[b"password"]
