"""Bad input of every kind: the documented exit code, a message that helps, and nothing else happens."""

import ctypes
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bad.aws import AWS
from bad.commands import BY_REFERENCE, USAGE
from bad.data import DATA
from bad.fields import FIELDS
from bad.files import FILES
from bad.local import LOCAL
from bad.plans import PLACES, REFERENCES, TEMPLATES
from bad.table import CANARY
from in_process import Place, clean_environment
from servers.shared_aws import shared_aws

_ALL = [*FILES, *FIELDS, *REFERENCES, *TEMPLATES, *PLACES, *DATA, *LOCAL, *AWS, *USAGE, *BY_REFERENCE]
_EACH = [pytest.param(bad, id=bad.id) for bad in _ALL]
_JSON = [pytest.param(bad, id=bad.id) for bad in _ALL if bad.exit != 2 and not bad.slow]
_KEY = "canary-of-the-key"


@pytest.fixture
def place(tmp_path, capfdbinary, monkeypatch):
    """Give a place whose output directory holds a set from before."""
    made = Place(tmp_path, capfdbinary)
    clean_environment(monkeypatch, made)
    old = tmp_path / "old.yaml"
    old.write_text(
        "outputs:\n  - {path: a.env, keys: {OLD: {value: x}}}\n  - {path: d/, keys: {x: {value: y}}}\n"
        "  - {path: /x/a, from: {value: z}}\n"
    )
    code, _, _ = made.run("fetch", "-c", str(old), "--out", "{out}", "--root", "{root}")
    assert code == 0
    return made


def _prepare(place, bad, monkeypatch):
    if bad.secrets is not None:
        _seed(bad, monkeypatch)
    for name, value in bad.env.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, place.fill(value))
    place.write(bad.files)
    if bad.config:
        place.write({"config.yaml": bad.config})


def _seed(bad, monkeypatch):
    server = shared_aws()
    server.reset()
    for name, text in bad.secrets.items():
        server.client("secretsmanager").create_secret(Name=name, SecretString=text)
    for name, text in bad.parameters.items():
        server.client("ssm").put_parameter(Name=name, Value=text, Type="SecureString")
    server.faults[:] = bad.faults()
    for name, value in server.env().items():
        monkeypatch.setenv(name, value)


def _release(bad):
    if bad.secrets is not None:
        shared_aws().released.set()


@pytest.mark.parametrize("bad", _EACH)
def test_bad_input(bad, place, monkeypatch):
    """Bad input ends with the documented code, names what is wrong, shows no value and touches nothing."""
    _prepare(place, bad, monkeypatch)
    before = place.state()

    code, out, err = place.run(*bad.args)
    _release(bad)

    said = err.replace(str(place.root), "")
    assert bad.exit == code, err
    assert [] == [pattern for pattern in bad.says if not re.search(pattern, said)], err
    assert "" == out
    assert before == place.state()
    _assert_decent(err)
    if code != 2:
        assert re.match(r"error: .+  \[[A-Z_]+, exit \d\d\]\n", re.sub(r"(?m)^\d{4}-.*\n", "", err)), err


@pytest.mark.parametrize("bad", _JSON)
def test_bad_input_in_json_with_every_log_line(bad, place, monkeypatch):
    """With JSON lines and the loudest log level, every line is an object, and the values stay as hidden."""
    _prepare(place, bad, monkeypatch)

    code, out, err = place.run(*bad.args, "--log-format", "json", "--log-level", "debug")
    _release(bad)

    lines = [json.loads(line) for line in err.removesuffix("\n").split("\n")]
    assert bad.exit == code, err
    assert "" == out
    assert lines[-1]["exit_code"] == code
    assert all(line.keys() >= {"time", "level", "msg"} for line in lines)
    _assert_decent(err)


def _assert_decent(err):
    assert "Traceback" not in err
    assert CANARY not in err
    assert _KEY not in err
    odd = {sign for sign in err if sign != "\n" and not sign.isprintable()}
    assert set() == odd, f"{odd} can command a terminal"
    assert all(len(line) < 2000 for line in err.splitlines()), "a line nobody reads to its end"


def test_table_is_complete():
    """The table has at least 110 inputs, each of its own name and each told something."""
    names = [bad.id for bad in _ALL]

    assert len(set(names)) == len(names)
    assert len(names) >= 110
    assert {bad.exit for bad in _ALL} == {2, 65, 66, 75, 77, 78}


# ---- places that cannot be written to or read from ----


def _drop_privileges():
    """Take from root, before the program starts, what lets it pass over permissions; of others nothing is taken."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        _LIBC.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


_LIBC = ctypes.CDLL(None)


def _program(place, *args):
    """Run the program as somebody whom permissions bind."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("secretfetch")), *map(place.fill, args)],
        preexec_fn=_drop_privileges,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr


_GOOD = "outputs:\n  - {path: a.env, from: file://a.json}\n"
_GOOD_FILES = {"config.yaml": _GOOD, "a.json": json.dumps({"A": f"{CANARY}-new"})}
_FETCH = ("fetch", "-c", "{dir}/config.yaml", "--out", "{out}")


def test_config_that_may_not_be_read(place):
    """A config without read permission is 78 and named."""
    place.write(_GOOD_FILES)
    os.chmod(place.root / "dir" / "config.yaml", 0)

    code, err = _program(place, *_FETCH)

    assert 78 == code
    assert re.search(r"config\.yaml: Permission denied", err)


def test_secret_file_that_may_not_be_read(place):
    """A file without read permission is 77, like a secret of any store that denies."""
    place.write(_GOOD_FILES)
    os.chmod(place.root / "dir" / "a.json", 0)
    before = place.state()

    code, err = _program(place, *_FETCH)

    assert 77 == code, err
    assert "a.json" in err
    assert before == place.state()


def test_volume_that_may_not_be_written(place):
    """A volume without write permission is 73, says whose it is and how to help, and stays as it was."""
    place.write(_GOOD_FILES)
    before = place.state()
    os.chmod(place.root / "out", 0o555)

    code, err = _program(place, *_FETCH)
    os.chmod(place.root / "out", 0o755)

    assert 73 == code, err
    assert re.search(r"out: permission denied(?s:.*)fix", err)
    assert before == place.state()
    _assert_decent(err)


def test_volume_that_may_not_be_made(place):
    """A volume below a directory without write permission is 73 and named."""
    place.write(_GOOD_FILES)
    os.chmod(place.root / "work", 0o555)

    code, err = _program(place, *_FETCH[:-1], str(place.root / "work" / "new"))

    assert 73 == code, err
    assert re.search(r"work/new: permission denied", err)
    _assert_decent(err)


@pytest.mark.parametrize("target", ["pipe", "a.json", "a.json/x", "lost", "loop"])
def test_place_that_is_no_directory(place, target):
    """A volume that is no directory, or lies below what is none, is 73, names it and leaves all as it is."""
    place.write({**_GOOD_FILES, "pipe": os.mkfifo, "lost": lambda path: os.symlink("no/where", path)})
    os.symlink("loop", place.root / "dir" / "loop")
    before = place.state()

    code, _, err = place.run(*_FETCH[:-1], "{dir}/" + target)

    assert 73 == code, err
    assert re.search(target.partition("/")[0].replace(".", r"\."), err)
    assert before == place.state()
    _assert_decent(err)


@pytest.mark.parametrize("target", ["pipe", "link"])
def test_target_that_is_not_ours_to_replace(place, target):
    """A pipe, or a link that somebody else made, is not replaced by a file: 73, named, left as it is."""
    place.write({**_GOOD_FILES, "pipe": os.mkfifo})
    os.symlink("/proc/self/fd/1", place.root / "dir" / "link")
    before = place.state()

    code, _, err = place.run("fetch", "file://{dir}/a.json#A", "-o", "{dir}/" + target)

    assert (73, before) == (code, place.state()), err
    assert target in err


def test_second_volume_in_the_way(place):
    """When the second of two volumes cannot be written, the first is not published either."""
    config = _GOOD + "  - {path: /x/a/b, from: file://a.json, format: json}\n"
    place.write({**_GOOD_FILES, "config.yaml": config})
    before = place.state()

    code, _, err = place.run(*_FETCH, "--root", "{root}")

    assert 73 == code, err
    assert re.search("x/a", err)
    assert before == place.state()


def test_directory_of_somebody_else_in_the_way(place):
    """A directory where a file has to be is not replaced: 73, named, nothing changes."""
    place.write({**_GOOD_FILES, "config.yaml": _GOOD + "  - {path: mine.txt, from: {value: x}}\n"})
    (place.root / "out" / "mine.txt").mkdir()
    before = place.state()

    code, _, err = place.run(*_FETCH)

    assert (73, before) == (code, place.state()), err
    assert "mine.txt" in err


@pytest.fixture
def full(place):
    """Give a volume of 64 KiB that is full."""
    point = place.root / "full"
    point.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", point], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield point
    subprocess.run(["umount", "-l", point], check=True)


def test_full_volume(place, full):
    """A full volume is 73, says so and how to get room; the set from before stays, and nothing half-written."""
    place.write({**_GOOD_FILES, "small.yaml": "outputs:\n  - {path: a.env, keys: {OLD: {value: x}}}\n"})
    assert place.run("fetch", "-c", "{dir}/small.yaml", "--out", str(full))[0] == 0
    place.write({"a.json": json.dumps({"A": CANARY * 20_000})})
    before = place.state()

    code, _, err = place.run(*_FETCH[:-1], str(full))

    assert 73 == code, err
    assert re.search(r"full\S*: no space left(?s:.*)fix", err)
    assert before == place.state()
    _assert_decent(err)


def test_standard_output_that_is_closed(place):
    """A reader that goes away ends `get` without a traceback and without a value on standard error."""
    place.write({"a.json": json.dumps({"A": CANARY * 100_000})})
    read, write = os.pipe()
    os.close(read)
    program = str(Path(sys.executable).with_name("secretfetch"))

    done = subprocess.run(
        [program, "get", f"file://{place.root}/dir/a.json#A"], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)

    assert 73 == done.returncode
    assert b"" == done.stderr
