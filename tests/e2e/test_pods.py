"""A pod with an init container: who sees what, in which order, and what is left when something fails."""

import os
import stat

import pytest

pytest_plugins = ["e2e.fixtures"]
VALUE = "correct-horse"


def test_the_app_starts_after_the_files_are_there(play):
    """The init container ends before the app begins, which finds the file at once."""
    pod = play()
    pod.says("app", "13 /secrets/db")
    assert 0 == pod.ended("secrets")
    assert pod.state("secrets")["FinishedAt"] <= pod.state("app")["StartedAt"]
    assert "1 file: 1 added" in pod.log("secrets")
    assert VALUE not in pod.log("secrets") + pod.log("app")


def test_files_are_read_by_their_group(play):
    """Another user of the same group reads a file of mode 0440; one outside of the group does not."""
    pod = play()
    pod.says("app", "/secrets/db")
    assert VALUE == pod.sh("app", "cat /secrets/db")
    assert "1000:65532:4321:440" == pod.sh("app", "echo $(id -u):$(stat -L -c %u:%g:%a /secrets/db)")
    file = pod.volume() / "db"
    assert 0o440 == stat.S_IMODE(file.stat().st_mode)
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(2000)
        os.setuid(2000)
        os._exit(0 if os.access(file, os.R_OK) else 13)
    assert 13 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_volume_is_memory_and_the_root_is_not_written(play):
    """Files lie in a tmpfs; both containers have a read-only root and no capability."""
    pod = play()
    pod.says("app", "/secrets/db")
    assert "tmpfs" == pod.sh("app", "awk '$2 == \"/secrets\" {print $3}' /proc/mounts")
    assert "ro" == pod.sh("app", "awk '$2 == \"/\" {print $4}' /proc/mounts | cut -d, -f1")
    assert "0000000000000000" == pod.sh("app", "awk '/CapBnd/ {print $2}' /proc/self/status")


@pytest.mark.parametrize("uid", [1, 65532, 1000660000])
def test_any_user_will_do(play, uid):
    """The image runs as a user that no passwd file knows."""
    pod = play(edit=lambda text: text.replace("runAsUser: 65532", f"runAsUser: {uid}"))
    pod.says("app", "13 /secrets/db")
    assert uid == (pod.volume() / "db").stat().st_uid


def test_a_failing_init_container_keeps_the_app_from_starting(play):
    """A secret that is not there: exit 66, its message in the log, an empty volume, no app."""
    pod = play(config="secrets: {db: 'env://ABSENT'}\noutputs: [{path: db, from: db}]\n")
    assert 66 == pod.state("secrets")["ExitCode"]
    assert "[SECRET_NOT_FOUND, exit 66]" in pod.log("secrets")
    assert "running" != pod.state("app").get("Status")
    assert "" == pod.log("app")
    assert [] == [name for name in os.listdir(pod.volume()) if not name.startswith("..")]
    assert pod.refusal


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("outputs: [{path: db, from: dbb}]\nsecrets: {db: 'env://SECRET'}\n", "config.yaml:1"),
        ("}{ no: yaml\n", "config.yaml:1"),
        ("", "empty"),
        ("\x00", "config"),
    ],
    ids=["unknown secret", "no yaml", "empty", "binary"],
)
def test_nonsense_in_the_config_map_is_told(play, config, said):
    """A config that cannot be read: exit 78, file and line in the log, no app."""
    pod = play(config=config or "\n")
    assert 78 == pod.state("secrets")["ExitCode"]
    assert said in pod.log("secrets")
    assert "Traceback" not in pod.log("secrets")
    assert "" == pod.log("app")


def test_a_full_volume_is_told(play):
    """More than `sizeLimit`: exit 73 and what to raise in the log, nothing half written, no app."""
    config = f"outputs: [{{path: db, template: '{'x' * 10_000}'}}, {{path: other, template: small}}]\n"
    pod = play(edit=lambda text: text.replace("sizeLimit: 1Mi", "sizeLimit: 4Ki"), config=config)
    assert 73 == pod.state("secrets")["ExitCode"]
    assert "no space left  [OUTPUT_FAILED, exit 73]" in pod.log("secrets")
    assert "raise the volume's sizeLimit" in pod.log("secrets")
    assert [] == os.listdir(pod.volume())
    assert "" == pod.log("app")
