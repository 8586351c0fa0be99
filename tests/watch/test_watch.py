"""Rules of the sidecar as a process, over files."""

import http.client
import json
import os
import signal
import subprocess

import pytest
from watch.processes import PROGRAM, Sidecar

CONFIG = "secrets: {db: file://db.json}\noutputs: [{path: db.env, from: db}]\n"
NEVER = ("--period", "24h")


@pytest.fixture
def folder(tmp_path):
    """Give a folder with a config and a secret."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    put(tmp_path, "1")
    return tmp_path


def put(folder, value):
    (folder / "new.json").write_text(json.dumps({"A": value}))
    os.replace(folder / "new.json", folder / "db.json")


def test_a_poll_finds_what_has_changed(folder):
    """Within a period the new value is published, without anybody's help."""
    with Sidecar(folder, "--period", "100ms") as sidecar:
        sidecar.until("fresh")
        put(folder, "2")
        sidecar.until("published", updated=1)
        assert "A='2'\n" == sidecar.read("db.env")


def test_hup_is_now(folder):
    """SIGHUP polls at once, however long the period is."""
    with Sidecar(folder, *NEVER) as sidecar:
        sidecar.until("fresh")
        put(folder, "2")
        sidecar.refresh()
        sidecar.until("published", updated=1)
        assert "A='2'\n" == sidecar.read("db.env")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_ends_in_less_than_a_second_with_0(folder, number):
    """After the first full set the end is a success, and the files stay."""
    with Sidecar(folder, *NEVER) as sidecar:
        sidecar.until("fresh")
        code, seconds = sidecar.end(number)
        assert (0, True) == (code, seconds < 1.0)
        assert "A='1'\n" == sidecar.read("db.env")
        assert "stopped" == json.loads(sidecar.read("..status"))["phase"]


def test_told_to_stop_before_the_first_set_it_ends_with_143(folder):
    """Nothing has been published: whoever waits for it must not go on. It need not answer first."""
    (folder / "config.yaml").write_text("outputs: [{path: a, from: 'vault://secret/a'}]\n")
    env = {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": "x"}
    with Sidecar(folder, env=env) as sidecar:
        sidecar.until("retry")
        code, seconds = sidecar.end()
        assert (143, True) == (code, seconds < 1.0)
        assert not (folder / "out" / "a").exists()


def test_a_failure_keeps_the_files_and_readiness(folder):
    """A secret that goes makes it stale; it says so, stays ready, and recovers by itself."""
    with Sidecar(folder, "--period", "100ms", "--http-bind", "127.0.0.1:0", "--status-file", "status") as sidecar:
        sidecar.until("fresh")
        (folder / "db.json").unlink()
        record = sidecar.until("round_failed", phase="stale")
        assert ("SECRET_NOT_FOUND", "A='1'\n") == (record["error_code"], sidecar.read("db.env"))
        status = json.loads((folder / "status").read_text())
        assert ("stale", True, "SECRET_NOT_FOUND") == (status["phase"], status["ready"], status["error"]["code"])
        put(folder, "2")
        sidecar.until("fresh")
        assert "A='2'\n" == sidecar.read("db.env")


@pytest.mark.parametrize(
    ("flags", "refresh", "code"),
    [(("--max-failures", "2"), "", 66), (("--max-stale", "300ms"), "", 66), ((), "refresh: {on_error: exit}\n", 66)],
)
def test_what_ends_a_sidecar_that_fails(folder, flags, refresh, code):
    """Too many failures, files that are too old, or `on_error: exit`: the failure's own code, and the files stay."""
    (folder / "config.yaml").write_text(refresh + CONFIG)
    with Sidecar(folder, "--period", "50ms", *flags) as sidecar:
        sidecar.until("fresh")
        (folder / "db.json").unlink()
        assert code == sidecar.wait()
        assert "A='1'\n" == sidecar.read("db.env")


def test_a_start_that_fails_for_good_ends_at_once(folder):
    """A wrong key is no reason to wait: its code, its fix in the termination message, nothing written."""
    (folder / "config.yaml").write_text("secrets: {db: file://db.json}\noutputs: [{path: a, from: db#B}]\n")
    (folder / "termination").write_text("")
    with Sidecar(folder, "--termination-log", "termination") as sidecar:
        assert 66 == sidecar.wait()
    assert not (folder / "out").exists()
    assert "KEY_NOT_FOUND" in (folder / "termination").read_text()
    assert "fix" in (folder / "termination").read_text()


def test_the_config_is_read_again(folder):
    """Another config is used when it is right; a wrong one is told and the old one stays in use."""
    with Sidecar(folder, *NEVER) as sidecar:
        sidecar.until("fresh")
        (folder / "config.yaml").write_text(CONFIG + "nonsense: 1\n")
        refused = sidecar.until("config_refused")
        assert 'unknown field "nonsense"' in refused["msg"]
        assert "A='1'\n" == sidecar.read("db.env")
        (folder / "config.yaml").write_text(CONFIG.replace("db.env", "other.env"))
        sidecar.until("config_read")
        sidecar.until("published", added=1, removed=1)
        assert "A='1'\n" == sidecar.read("other.env")
        assert not (folder / "out" / "db.env").exists()


def test_hooks_run_after_a_change_and_not_before(folder):
    """The first publication is no change; the next one is, and the hook finds the new file in place."""
    hook = "on_change: [{command: [/bin/sh, -c, 'cat $SECRETFETCH_CHANGED >> %s']}]\n" % (folder / "seen")
    (folder / "config.yaml").write_text(hook + CONFIG)
    with Sidecar(folder, *NEVER) as sidecar:
        sidecar.until("fresh")
        assert not (folder / "seen").exists()
        put(folder, "2")
        sidecar.refresh()
        sidecar.until("hook")
        assert "A='2'\n" == (folder / "seen").read_text()


def test_a_hook_that_fails_changes_nothing_else(folder):
    """It is logged and tried again; the sidecar is fresh, and fetches nothing for it."""
    (folder / "config.yaml").write_text("on_change: [{command: [/bin/false]}]\n" + CONFIG)
    with Sidecar(folder, *NEVER) as sidecar:
        sidecar.until("fresh")
        put(folder, "2")
        sidecar.refresh()
        failed = sidecar.until("hook_failed", attempt=2)
        assert ("HOOK_FAILED", "fresh") == (failed["error_code"], json.loads(sidecar.read("..status"))["phase"])
        assert 1 == len([one for one in sidecar.seen if one["event"] == "published" and one["updated"]])


@pytest.mark.parametrize("said", ["flag", "hook"])
def test_exit_80_when_what_was_first_published_has_changed(folder, said):
    """After the hooks, and with the new files in place; what replaces an earlier process's set is the first."""
    hooks = f"{{touch: {folder}/touched}}, {{exit: 80}}" if said == "hook" else f"{{touch: {folder}/touched}}"
    (folder / "config.yaml").write_text(f"on_change: [{hooks}]\n" + CONFIG)
    flag = ("--exit-on-change",) if said == "flag" else ()
    subprocess.run([PROGRAM, "fetch", "-c", "config.yaml", "--out", "out"], cwd=folder, check=True, capture_output=True)
    (folder / "out" / "..state").unlink()
    put(folder, "2")
    with Sidecar(folder, *NEVER, *flag) as sidecar:
        sidecar.until("fresh")
        put(folder, "3")
        sidecar.refresh()
        assert 80 == sidecar.wait()
        assert "A='3'\n" == sidecar.read("db.env")
    assert (folder / "touched").exists()


def test_a_sidecar_takes_over_from_its_init_container(folder):
    """What was fetched a moment ago is not fetched again: fresh at once, the secret may even be gone by then."""
    subprocess.run([PROGRAM, "fetch", "-c", "config.yaml", "--out", "out"], cwd=folder, check=True, capture_output=True)
    (folder / "db.json").unlink()
    with Sidecar(folder, *NEVER) as sidecar:
        sidecar.until("fresh")
        assert [] == [one for one in sidecar.seen if one["event"] == "published"]


def test_two_sidecars_do_not_share_a_volume(folder):
    """The second one waits for the first, and then says who is in its way."""
    with Sidecar(folder, *NEVER) as first:
        first.until("fresh")
        with Sidecar(folder, *NEVER) as second:
            assert 73 == second.wait()
            assert "another secretfetch is writing" in second.seen[-1]["msg"]


def test_replayed_hooks_run_once_more_after_a_kill(folder):
    """With --replay-hooks a hook that a killed process has not run to its end is run by the next one."""
    gate = folder / "gate"
    hook = f"on_change: [{{command: [/bin/sh, -c, 'test -e {gate} && echo x >> {folder}/seen']}}]\n"
    (folder / "config.yaml").write_text(hook + CONFIG)
    with Sidecar(folder, *NEVER, "--replay-hooks") as sidecar:
        sidecar.until("fresh")
        put(folder, "2")
        sidecar.refresh()
        sidecar.until("hook_failed")
        sidecar.end(signal.SIGKILL)
    gate.write_text("")
    with Sidecar(folder, *NEVER, "--replay-hooks") as sidecar:
        sidecar.until("hook")
        assert "x\n" == (folder / "seen").read_text()
        assert "A='2'\n" == sidecar.read("db.env")


def test_one_time_is_fetch(folder):
    """As init containers of other tools are told."""
    with Sidecar(folder, "--one-time") as sidecar:
        assert 0 == sidecar.wait()
        assert "A='1'\n" == sidecar.read("db.env")


def test_whoever_is_in_the_pod_may_ask_for_a_poll(folder):
    """POST /-/refresh publishes what is new; readiness and metrics are told over the same port."""
    with Sidecar(folder, *NEVER, "--http-bind", "127.0.0.1:18473") as sidecar:
        sidecar.until("fresh")
        put(folder, "2")
        assert 202 == ask(18473, "POST", "/-/refresh")[0]
        sidecar.until("published", updated=1)
        assert (200, "fresh\n") == ask(18473, "GET", "/readyz")
        assert 'secretfetch_source_stale{source="db"} 0.0' in ask(18473, "GET", "/metrics")[1]


def ask(port, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text
