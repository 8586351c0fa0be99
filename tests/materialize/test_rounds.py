"""Rules of round after round: what is asked for, what is written, and what is kept."""

import gc
import os

import pytest
from materialize.worlds import Leasing, World, env, plan_of, source, volume

from secretfetch import materialize
from secretfetch.errors import AccessDenied, DataError, NotFound, OutputError, Throttled, Unavailable
from secretfetch.plan import Entries, Files, Spread
from secretfetch.provider import SecretValue, Unchanged
from secretfetch.testing import MemoryProvider


@pytest.fixture
def writers():
    """Give the volumes of a process."""
    with materialize.Writers() as made:
        yield made
        made.close(wait=False)


def read(path):
    return path.read_text()


def test_a_poll_asks_with_versions_and_writes_nothing(tmp_path, writers):
    """Nothing changed: one question with what is held, no write, no value read."""
    plan = plan_of(volume(tmp_path, env("a.env", source("a"), source("b"))))
    world = World(MemoryProvider({"a": b'{"A":"1"}', "b": b'{"B":"1"}'}), plan, writers)
    world.start()
    world.asked()
    before = {name: os.lstat(tmp_path / name).st_ctime_ns for name in os.listdir(tmp_path)}
    assert None is world.play().error
    assert [{"a": "1", "b": "1"}] == world.asked()
    assert before == {name: os.lstat(tmp_path / name).st_ctime_ns for name in os.listdir(tmp_path)}
    assert 1 == len(world.written)


def test_one_of_two_changes(tmp_path, writers):
    """The value of the other is asked for once more, and the set is published whole."""
    plan = plan_of(volume(tmp_path, env("a.env", source("a"), source("b"))))
    world = World(MemoryProvider({"a": b'{"A":"1"}', "b": b'{"B":"1"}'}), plan, writers)
    world.start()
    world.provider.set("a", b'{"A":"2"}')
    world.asked()
    world.play()
    assert [{"a": "1", "b": "1"}, {"b": None}] == world.asked()
    assert "A='2'\nB='1'\n" == read(tmp_path / "a.env")


def test_another_volume_is_not_touched(tmp_path, writers):
    """A change is written where it is used; the secrets of other volumes are not asked for again."""
    plan = plan_of(volume(tmp_path / "x", env("a.env", source("a"))), volume(tmp_path / "y", env("b.env", source("b"))))
    world = World(MemoryProvider({"a": b'{"A":"1"}', "b": b'{"B":"1"}'}), plan, writers)
    world.start()
    world.provider.set("a", b'{"A":"2"}')
    world.asked()
    world.play()
    assert [{"a": "1", "b": "1"}] == world.asked()
    assert [str(tmp_path / "x")] == [one.target.place for one in world.written[-1]]


def test_a_poll_never_touches_a_lease(tmp_path, writers):
    """Being asked means being due: a lease is asked for at its time, other secrets are not asked for then."""
    plan = plan_of(volume(tmp_path, env("a.env", source("a"), source("lease"))))
    world = World(Leasing({"a": b'{"A":"1"}'}), plan, writers)
    assert 1600.0 == world.start().due
    world.asked()
    world.clock.advance(300)
    world.play()
    world.clock.advance(300)
    world.play(poll=False)
    assert [{"a": "1"}, {"lease": "lease-1"}] == [call for call in world.asked() if call]
    assert 1 == world.provider.made


def test_a_failure_keeps_the_files_and_is_asked_for_at_every_try(tmp_path, writers):
    """What was published stays; what failed is asked for in the next round, poll or not; then all is well."""
    plan = plan_of(volume(tmp_path, env("a.env", source("a"), source("b"))))
    world = World(MemoryProvider({"a": b'{"A":"1"}', "b": b'{"B":"1"}'}), plan, writers)
    world.start()
    world.provider.fail(AccessDenied("no"), key="a", times=1)
    failed = world.play()
    assert (True, True, {"a": False, "b": True}) == (isinstance(failed.error, AccessDenied), failed.again, failed.read)
    assert "A='1'\nB='1'\n" == read(tmp_path / "a.env")
    world.asked()
    assert None is world.play(poll=False).error
    assert [{"a": "1"}] == world.asked()


def test_a_quota_that_spoils_a_part_of_a_poll_is_left_to_others(tmp_path, writers):
    """What a quota has refused is asked for at the next poll, not before; another failure is worth a try."""
    plan = plan_of(volume(tmp_path, env("a.env", source("a"), source("b"))))
    world = World(MemoryProvider({"a": b'{"A":"1"}', "b": b'{"B":"1"}'}), plan, writers)
    world.start()
    world.provider.fail(Throttled("much"), key="a", times=1)
    assert not world.play().again
    world.provider.fail(Unavailable("down"), key="a", times=3)
    assert world.play().again


def test_one_that_fails_holds_up_its_own_volumes_only(tmp_path, writers):
    """A target is the unit: the others get what is new."""
    plan = plan_of(volume(tmp_path / "x", env("a.env", source("a"))), volume(tmp_path / "y", env("b.env", source("b"))))
    world = World(MemoryProvider({"a": b'{"A":"1"}', "b": b'{"B":"1"}'}), plan, writers)
    world.start()
    world.provider.set("a", b'{"A":"2"}')
    world.provider.set("b", b'{"B":"2"}')
    world.provider.fail(Unavailable("down"), key="a")
    world.play()
    assert ("A='1'\n", "B='2'\n") == (read(tmp_path / "x" / "a.env"), read(tmp_path / "y" / "b.env"))


def test_a_change_that_met_a_failure_is_not_lost(tmp_path, writers):
    """A secret that changes while another one of its volume fails is published when that one is back."""
    plan = plan_of(volume(tmp_path, env("a.env", source("a"), source("b"))))
    world = World(MemoryProvider({"a": b'{"A":"1"}', "b": b'{"B":"1"}'}), plan, writers)
    world.start()
    world.provider.set("a", b'{"A":"2"}')
    world.provider.fail(AccessDenied("no"), key="b", times=1)
    world.play()
    assert "A='1'\nB='1'\n" == read(tmp_path / "a.env")
    world.play(poll=False)
    assert "A='2'\nB='1'\n" == read(tmp_path / "a.env")


def test_what_does_not_fit_is_not_fetched_again(tmp_path, writers):
    """Broken content stays an error at each round, and is read again only when its version is another one."""
    plan = plan_of(volume(tmp_path, env("a.env", source("a"), source("b"))))
    world = World(MemoryProvider({"a": b'{"A":"1"}', "b": b'{"B":"1"}'}), plan, writers)
    world.start()
    world.provider.set("a", b"no json")
    first = world.play()
    world.asked()
    second = world.play()
    assert [{"a": "2", "b": "1"}] == world.asked()
    assert (True, False) == (isinstance(first.error, DataError), first.again)
    assert str(first.error) == str(second.error)
    world.provider.set("a", b'{"A":"3"}')
    assert None is world.play().error
    assert "A='3'\nB='1'\n" == read(tmp_path / "a.env")


def test_a_volume_that_was_tampered_with_is_made_anew(tmp_path, writers):
    """A file, a link or a mode that somebody has changed comes back at the next round, without a change upstream."""
    plan = plan_of(volume(tmp_path, env("a.env", source("a")), env("d/b.env", source("a"))))
    world = World(MemoryProvider({"a": b'{"A":"1"}'}), plan, writers)
    world.start()
    tampering = [
        (tmp_path / "a.env").unlink,
        lambda: (tmp_path / "a.env").chmod(0o666),
        lambda: os.chmod(tmp_path / "..data" / "d" / "b.env", 0o600) or (tmp_path / "d/b.env").write_text("x"),
        lambda: os.unlink(tmp_path / "..data" / "d" / "b.env"),
        lambda: os.chmod(tmp_path / "..data" / "d", 0o700),
    ]
    for tamper in tampering:
        tamper()
        assert None is world.play().error
        assert ("A='1'\n", "A='1'\n") == (read(tmp_path / "a.env"), read(tmp_path / "d" / "b.env"))
        assert (0o440, 0o755) == ((tmp_path / "a.env").stat().st_mode & 0o777, (tmp_path / "d").stat().st_mode & 0o777)


def test_an_optional_secret_that_goes_takes_its_keys_along(tmp_path, writers):
    """Not found counts where it is forgiven; the answer is remembered, and the secret may come back."""
    plan = plan_of(volume(tmp_path, env("a.env", source("a"), source("b", optional=True))))
    world = World(MemoryProvider({"a": b'{"A":"1"}', "b": b'{"B":"1"}'}), plan, writers)
    world.start()
    world.provider.delete("b")
    world.play()
    assert "A='1'\n" == read(tmp_path / "a.env")
    count = len(world.written)
    world.play()
    assert count == len(world.written)
    world.provider.set("b", b'{"B":"3"}')
    world.play()
    assert "A='1'\nB='3'\n" == read(tmp_path / "a.env")


def test_a_required_secret_that_goes_takes_nothing_along(tmp_path, writers):
    """Deleted upstream: an error, and the files stay."""
    plan = plan_of(volume(tmp_path, env("a.env", source("a"))))
    world = World(MemoryProvider({"a": b'{"A":"1"}'}), plan, writers)
    world.start()
    world.provider.delete("a")
    assert isinstance(world.play().error, NotFound)
    assert "A='1'\n" == read(tmp_path / "a.env")


@pytest.mark.parametrize("allowed", [False, True])
def test_nothing_is_emptied_that_was_full(tmp_path, writers, allowed):
    """An env file or directory that would come out empty is an error that keeps it, unless that is allowed."""
    import msgspec

    folder = Files(path="d", entries=Entries(spreads=(Spread(source("a")),)))
    outputs = [msgspec.structs.replace(one, allow_empty=allowed) for one in (env("a.env", source("a")), folder)]
    world = World(MemoryProvider({"a": b'{"A":"1"}'}), plan_of(volume(tmp_path, *outputs)), writers)
    world.start()
    world.provider.set("a", b"{}")
    error = world.play().error
    assert allowed == (error is None)
    assert ("" if allowed else "A='1'\n") == read(tmp_path / "a.env")
    assert ([] if allowed else ["A"]) == [path.name for path in tmp_path.glob("d/*")]


def test_a_volume_that_cannot_be_written_is_written_later(tmp_path, writers):
    """The change is not lost, and the others are published; a retry asks again."""
    target = tmp_path / "x"
    plan = plan_of(volume(target, env("a.env", source("a"))), volume(tmp_path / "y", env("a.env", source("a"))))
    world = World(MemoryProvider({"a": b'{"A":"1"}'}), plan, writers)
    world.start()
    os.unlink(target / "a.env")
    os.mkdir(target / "a.env")
    (target / "a.env" / "of-others").write_text("")
    world.provider.set("a", b'{"A":"2"}')
    failed = world.play()
    assert (True, True) == (isinstance(failed.error, OutputError), failed.again)
    assert "A='2'\n" == read(tmp_path / "y" / "a.env")
    (target / "a.env" / "of-others").unlink()
    (target / "a.env").rmdir()
    assert None is world.play(poll=False).error
    assert "A='2'\n" == read(target / "a.env")


def test_a_start_tells_everything_and_publishes_nothing(tmp_path, writers):
    """Failures of stores and of content are told together, and no volume is begun."""
    plan = plan_of(
        volume(tmp_path / "x", env("a.env", source("a"))),
        volume(tmp_path / "y", env("b.env", source("b"))),
        volume(tmp_path / "z", env("c.env", source("c"))),
    )
    world = World(MemoryProvider({"a": b'{"A":"1"}', "b": b"no json"}), plan, writers)
    error = world.start().error
    assert ["DATA_INVALID", "SECRET_NOT_FOUND"] == [part.code for part in error.errors]
    assert [] == os.listdir(tmp_path)


def _holders(canary):
    """Return the kinds of what is reachable for the garbage collector and holds a text or bytes with the canary."""
    found = []
    for thing in gc.get_objects():
        for item in gc.get_referents(thing):
            if (type(item) is bytes and canary.encode() in item) or (type(item) is str and canary in item):
                found.append(type(thing).__name__)  # noqa: PERF401 - a comprehension would hold what is looked for
    return found


class _OnDisk(MemoryProvider):
    """A store that keeps its secret out of this process's memory."""

    def __init__(self, path):
        super().__init__({})
        self.path = path

    def _read(self, ref, held):
        version = str(self.path.stat().st_mtime_ns)
        return Unchanged() if held == version else SecretValue(self.path.read_bytes(), version)


@pytest.mark.parametrize("content", ['{"A":"%s"}', "not json %s", '{"A":"%s", "B": "\\u0000"}', '["%s"]'])
def test_no_value_outlives_its_round(tmp_path, writers, content):
    """After a round, good or bad, nothing that lives on leads to a value: not the error, not what is held."""
    canary = os.urandom(8).hex()
    secret = tmp_path / "secret"
    secret.write_text(content % canary)
    plan = plan_of(volume(tmp_path / "v", env("a.env", source("a"))))
    world = World(_OnDisk(secret), plan, writers)
    started = world.play()
    assert (started.error is None) == (content == '{"A":"%s"}')
    gc.collect()
    assert [] == _holders(canary)
    kept = [secret.read_text()]
    assert _holders(canary), kept
