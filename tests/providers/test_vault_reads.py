"""Which request a ref is, and what comes of the answer: KV v1, KV v2, any other path, writes."""

import json
import time

import pytest
from servers.vault_server import Fault, refused

from secretfetch.provider import (
    AccessDenied,
    ConfigError,
    DataError,
    NotFound,
    SecretRef,
    SecretValue,
    Unavailable,
    Unchanged,
)


def ref(key, version="", **params):
    return SecretRef("vault", key, version, tuple(sorted(params.items())))


def read(provider, *refs):
    """Return the outcomes, in order."""
    answer = provider.fetch(dict.fromkeys(refs))
    return [answer[one] for one in refs]


def data(outcome):
    assert isinstance(outcome, SecretValue), outcome
    return outcome.data


def put(vault, path, **values):
    vault.api("POST", path, {"data": values} if "/data/" in path else values)


@pytest.mark.parametrize(
    "key", ["secret/shop/db", "secret/data/shop/db", "/secret/shop/db", "secret//shop/db/", "secret/data//shop/db"]
)
def test_every_spelling_of_a_kv2_path_is_the_secret(vault, vault_store, key):
    """With data/ or without, with slashes around or doubled: one secret, its data alone."""
    put(vault, "secret/data/shop/db", user="shop")

    (outcome,) = read(vault_store(), ref(key))

    assert data(outcome) == b'{"user":"shop"}'
    assert vault.counts["GET secret/data/shop/db"] == 1


def test_spellings_of_one_secret_are_one_read(vault, vault_store):
    """However a path is written and however many refs it has, it is asked for once, and all get the same value."""
    put(vault, "secret/data/app", a="1")
    refs = [ref("secret/app"), ref("secret/data/app"), ref("/secret/app"), SecretRef("other", "secret/app")]

    outcomes = read(vault_store(), *refs)

    assert {outcome.version for outcome in outcomes} == {outcomes[0].version}
    assert vault.counts == {"GET sys/internal/ui/mounts/secret/app": 1, "GET secret/data/app": 1}


def test_a_folder_called_data_is_reached(vault, vault_store):
    """Below data/ a name is taken as it is: secret/data/data/x is the secret data/x."""
    put(vault, "secret/data/data/x", a="deep")
    put(vault, "secret/data/shop/data/x", a="middle")

    put(vault, "secret/data/config/app", a="config")
    keys = ["secret/data/data/x", "secret/shop/data/x", "secret/config/app"]

    assert [data(one) for one in read(vault_store(), *map(ref, keys))] == [
        b'{"a":"deep"}',
        b'{"a":"middle"}',
        b'{"a":"config"}',
    ]


def test_a_mount_may_have_a_path(vault, vault_store):
    """The mount is what the server says, not the first part of the path."""
    vault.mount("group/kv")
    put(vault, "group/kv/data/x", a="b")

    assert data(read(vault_store(), ref("group/kv/x"))[0]) == b'{"a":"b"}'


def test_kv1_is_read_as_it_is(vault, vault_store):
    """KV v1 has no data/; a secret with such a name is one like any other."""
    put(vault, "legacy/app", a="1")
    vault.api("POST", "legacy/data/app", {"a": "2"})

    plain, folder = read(vault_store(), ref("legacy/app"), ref("legacy/data/app"))

    assert (data(plain), data(folder)) == (b'{"a":"1"}', b'{"a":"2"}')


def test_numbers_keep_the_servers_text(vault, vault_store):
    """1.50 stays 1.50, 20 digits stay exact, and members keep the order of the answer."""
    body = b'{"data":{"z": 1.50, "n": 12345678901234567890, "e": 1E5, "u": "\\u20ac\\n", "o": {"b": [1.0, null]}}}'
    vault.faults.append(Fault("legacy/app", body=body))

    (outcome,) = read(vault_store(), ref("legacy/app"))

    expected = '{"z":1.50,"n":12345678901234567890,"e":1E5,"u":"€\\n","o":{"b":[1.0,null]}}'
    assert data(outcome).decode() == expected


def test_a_version_is_read(vault, vault_store):
    """?version= pins a version of KV v2; it is another request than the current one."""
    put(vault, "secret/data/rot", k="one")
    put(vault, "secret/data/rot", k="two")

    old, new = read(vault_store(), ref("secret/rot", "1"), ref("secret/rot"))

    assert (data(old), data(new)) == (b'{"k":"one"}', b'{"k":"two"}')
    assert old.version != new.version


@pytest.mark.parametrize("version", ["0", "-1", "x", "1.0", "²"])
def test_a_version_is_a_number(vault, vault_store, version):
    """What cannot be a version is an error of the config, and nothing is asked."""
    (outcome,) = read(vault_store(), ref("secret/rot", version))

    assert isinstance(outcome, ConfigError)
    assert not vault.requests


@pytest.mark.parametrize("key", ["legacy/app", "secret/metadata/app", "sys/policies/acl/default", "cubbyhole/x"])
def test_only_kv2_has_versions(vault, vault_store, key):
    """A version of anything else is an error of the config, which is known before the read."""
    (outcome,) = read(vault_store(), ref(key, "1"))

    assert isinstance(outcome, ConfigError)
    assert key in str(outcome)


@pytest.mark.parametrize("key", ["legacy/app", "secret/app"])
def test_a_kv_secret_is_never_written(vault, vault_store, key):
    """Arguments would turn the read into a write, which would replace the secret."""
    (outcome,) = read(vault_store(), ref(key, stage="AWSCURRENT"))

    assert isinstance(outcome, ConfigError)
    assert {request.method for request in vault.requests} == {"GET"}


@pytest.mark.parametrize(
    ("key", "part"),
    [("secret", "mount"), ("secret/", "mount"), ("", "missing"), ("secret/../sys/raw", ".."), ("a/\n", "control")],
)
def test_a_path_that_cannot_be_is_a_config_error(vault, vault_store, key, part):
    """A mount alone, an empty path, one that leads out of itself, one with control characters."""
    (outcome,) = read(vault_store(), ref(key))

    assert isinstance(outcome, ConfigError)
    assert part in str(outcome)


def test_odd_names_are_quoted(vault, vault_store):
    """Blanks, percent signs, question marks, number signs and other scripts are part of a name."""
    name = "a b/100%/ü?x=1#é+&"
    vault.faults.append(
        Fault(
            ".*",
            when=lambda one: one.path == f"secret/data/{name}",
            json={"data": {"data": {"k": "v"}, "metadata": {"version": 1}}},
        )
    )

    assert data(read(vault_store(), ref(f"secret/{name}"))[0]) == b'{"k":"v"}'


def test_metadata_is_a_path_like_any_other(vault, vault_store):
    """secret/metadata/app is read as it is."""
    put(vault, "secret/data/app", a="1")
    vault.api("POST", "secret/metadata/app", {"custom_metadata": {"team": "x"}})

    (outcome,) = read(vault_store(), ref("secret/metadata/app"))

    assert json.loads(data(outcome))["custom_metadata"] == {"team": "x"}


def test_a_missing_secret_names_near_ones(vault, vault_store):
    """The folder is listed, once, where that is allowed; the message names key, path and server."""
    put(vault, "secret/data/shop/db", a="1")
    put(vault, "legacy/shop/db", a="1")
    provider = vault_store()

    two, again, one = read(provider, ref("secret/shop/dv"), ref("secret/shop/dw"), ref("legacy/shop/dv"))

    assert isinstance(two, NotFound)
    assert str(two) == f'no secret "secret/shop/dv" at {vault.url}'
    assert dict(two.notes) == {"path": "secret/data/shop/dv", "meant": '"secret/shop/db"?'}
    assert dict(again.notes)["meant"] == '"secret/shop/db"?'
    assert dict(one.notes) == {"meant": '"legacy/shop/db"?'}
    assert vault.counts["GET secret/metadata/shop"] == 1


def test_a_hint_is_never_an_error_of_its_own(vault, vault_store):
    """Where listing is refused there is no hint, and the secret is as missing as before."""
    vault.faults.append(refused(403, "permission denied", path="secret/metadata.*"))

    (outcome,) = read(vault_store(), ref("secret/nope"))

    assert isinstance(outcome, NotFound)
    assert "meant" not in dict(outcome.notes)


def test_a_deleted_version_says_how_to_get_it_back(vault, vault_store):
    """Deleted is told from missing and from destroyed."""
    put(vault, "secret/data/app", a="1")
    put(vault, "secret/data/app", a="2")
    vault.api("DELETE", "secret/data/app")
    vault.api("PUT", "secret/destroy/app", {"versions": [1]})

    deleted, destroyed, none = read(vault_store(), ref("secret/app"), ref("secret/app", "1"), ref("secret/app", "7"))

    assert [type(one) for one in (deleted, destroyed, none)] == [NotFound] * 3
    assert str(deleted) == 'version 2 of secret "secret/app" is deleted'
    assert "undelete -versions=2 secret/app" in dict(deleted.notes)["fix"]
    assert str(destroyed) == 'version 1 of secret "secret/app" is destroyed'
    assert str(none) == f'no version 7 of secret "secret/app" at {vault.url}'
    assert "meant" not in dict(none.notes)


def test_a_secret_made_anew_has_a_new_version(vault, vault_store):
    """KV v2 counts from 1 again after the metadata is deleted; the version that is held is another one."""
    provider = vault_store()
    put(vault, "secret/data/app", a="1")
    (first,) = read(provider, ref("secret/app"))
    vault.api("DELETE", "secret/metadata/app")
    put(vault, "secret/data/app", a="2")

    outcome = provider.fetch({ref("secret/app"): first.version})[ref("secret/app")]

    assert data(outcome) == b'{"a":"2"}'


@pytest.mark.parametrize(("key", "path"), [("secret/app", "secret/data/app"), ("legacy/app", "legacy/app")])
def test_kv_is_polled(vault, vault_store, key, path):
    """A KV secret has no time of its own, whatever lease_duration KV v1 reports; the held version is Unchanged."""
    put(vault, path, a="1")
    provider = vault_store()
    (first,) = read(provider, ref(key))

    again = provider.fetch({ref(key): first.version})[ref(key)]

    assert first.refresh_after is None
    assert again == Unchanged()
    assert vault.counts[f"GET {path}"] == 2


def test_a_fingerprint_tells_nothing(vault, vault_store):
    """The version of a KV v1 value is keyed: it is not the plain hash of the value."""
    from hashlib import blake2b

    put(vault, "legacy/app", a="1")
    (outcome,) = read(vault_store(), ref("legacy/app"))

    assert outcome.version != blake2b(outcome.data, digest_size=16).hexdigest()


def test_nothing_mounted_is_not_found(vault, vault_store):
    """A path without an engine is missing, and mounts with near names are shown."""
    (outcome,) = read(vault_store(), ref("secrt/app"))

    assert isinstance(outcome, NotFound)
    assert "nothing is mounted there" in str(outcome)
    assert dict(outcome.notes) == {"meant": '"secret/"?'}


def test_params_make_it_a_write(vault, vault_store):
    """pki/issue/web is sent its arguments, once for all refs, in any order of them."""
    vault.mount("pki", "pki")
    vault.api("POST", "pki/root/generate/internal", {"common_name": "example.com", "ttl": "24h"})
    vault.api("POST", "pki/roles/web", {"allow_any_name": True, "max_ttl": "1h"})
    one = ref("pki/issue/web", common_name="web.example.com", ttl="10m")
    two = SecretRef("vault", "/pki/issue/web", "", (("common_name", "web.example.com"), ("ttl", "10m")))

    outcomes = read(vault_store(), one, two)

    assert data(outcomes[0]) == data(outcomes[1])
    assert vault.counts["PUT pki/issue/web"] == 1
    assert json.loads(data(outcomes[0])).keys() >= {"certificate", "private_key", "issuing_ca"}
    assert 600 * 0.85 - 35 <= outcomes[0].refresh_after <= 600 * 0.95


def test_refused_arguments_are_a_config_error(vault, vault_store):
    """The server's own words are shown for arguments that it does not take."""
    vault.mount("pki", "pki")
    vault.api("POST", "pki/root/generate/internal", {"common_name": "example.com", "ttl": "24h"})
    vault.api("POST", "pki/roles/web", {"allowed_domains": ["example.com"], "max_ttl": "1h"})

    (outcome,) = read(vault_store(), ref("pki/issue/web", common_name="web.example.org"))

    assert isinstance(outcome, ConfigError)
    assert "not allowed by this role" in dict(outcome.notes)["server says"]


def test_a_path_that_is_written_says_so(vault, vault_store):
    """Read without arguments, an issuing path is no missing secret."""
    vault.mount("pki", "pki")
    vault.api("POST", "pki/roles/web", {"allow_any_name": True})

    (outcome,) = read(vault_store(), ref("pki/issue/web"))

    assert isinstance(outcome, ConfigError)
    assert "params" in dict(outcome.notes)["fix"]


@pytest.mark.parametrize("fault", [{"status": 204}, {"body": b""}, {"json": {"data": None}}, {"json": {}}])
def test_an_empty_answer_is_an_error(vault, vault_store, fault):
    """No data is neither a crash nor a missing secret."""
    vault.faults.append(Fault("cubbyhole/x", **fault))

    (outcome,) = read(vault_store(), ref("cubbyhole/x"))

    assert isinstance(outcome, DataError)
    assert "cubbyhole/x" in str(outcome)


def test_text_that_cannot_be_written_is_an_error(vault, vault_store):
    """Half a surrogate pair is no character; what is around it is not shown."""
    vault.faults.append(Fault("legacy/x", body=b'{"data":{"a":"canary-4d\\ud800"}}'))

    with pytest.raises(Unavailable) as caught:
        read(vault_store(), ref("legacy/x"))

    assert "canary-4d" not in f"{caught.value!r} {caught.value.notes} {caught.value.__context__!r}"


def test_what_is_nested_too_deep_is_a_data_error(vault, vault_store):
    """A document that nobody could map is refused, without a word of it."""
    vault.faults.append(Fault("legacy/x", body=b'{"data":{"canary-4d":' + b"[" * 600 + b"]" * 600 + b"}}"))

    (outcome,) = read(vault_store(), ref("legacy/x"))

    assert isinstance(outcome, DataError)
    assert "canary-4d" not in f"{outcome!r} {outcome} {outcome.notes} {outcome.__context__!r}"


def test_namespaces_are_asked(vault, vault_store):
    """The store's namespace goes with every request; one that does not exist is an error of the config."""
    vault.api("POST", "sys/namespaces/team")
    vault.mount("kv", namespace="team")
    vault.api("POST", "kv/data/x", {"data": {"a": "b"}}, namespace="team")

    assert data(read(vault_store(namespace="team"), ref("kv/x"))[0]) == b'{"a":"b"}'
    assert {request.namespace for request in vault.requests} == {"team"}
    (outcome,) = read(vault_store(namespace="nope"), ref("kv/x"))
    assert isinstance(outcome, ConfigError)
    assert 'no namespace "nope"' in str(outcome)


class TestWithoutMounts:
    """The server does not tell what is mounted: an explicit denial, or a proxy that lets only some paths through."""

    @pytest.fixture(autouse=True)
    def silent(self, vault):
        vault.faults.append(refused(403, "permission denied", path="sys/internal/ui/mounts/.*"))
        put(vault, "secret/data/app", a="2")
        put(vault, "legacy/app", a="1")

    def test_a_path_is_taken_as_it_is(self, vault, vault_store):
        """With data/ it is found to be KV v2 by its answer; KV v1 needs nothing."""
        two, one = read(vault_store(), ref("secret/data/app"), ref("legacy/app"))

        assert (data(two), data(one)) == (b'{"a":"2"}', b'{"a":"1"}')
        assert two.version.startswith("1@")

    def test_a_kv2_path_without_data_says_what_to_do(self, vault, vault_store):
        """The server's hint becomes ours."""
        (outcome,) = read(vault_store(), ref("secret/app"))

        assert isinstance(outcome, NotFound)
        assert "kv_version: 2" in dict(outcome.notes)["fix"]

    def test_the_setting_says_the_version(self, vault, vault_store):
        """kv_version is for paths whose mount is not told."""
        assert data(read(vault_store(kv_version=2), ref("secret/app"))[0]) == b'{"a":"2"}'
        assert data(read(vault_store(kv_version=1), ref("legacy/app"))[0]) == b'{"a":"1"}'

    def test_a_folder_is_asked_about_once(self, vault, vault_store):
        """A refusal is remembered for the folder, and for the next round."""
        provider = vault_store()
        for _ in range(2):
            read(provider, *(ref(f"legacy/app{number}") for number in range(5)))

        assert sum(number for name, number in vault.counts.items() if "mounts" in name) == 1

    @pytest.mark.parametrize("status", [400, 403, 404, 405])
    def test_other_engines_are_read(self, vault, vault_store, status):
        """A look-up that fails in any way leads to a plain read of the path."""
        vault.faults[0].status = status
        vault.faults.append(Fault("database/creds/app", json={"data": {"a": "b"}}))

        assert data(read(vault_store(), ref("database/creds/app"))[0]) == b'{"a":"b"}'

    def test_an_outage_of_the_look_up_is_one_of_the_store(self, vault, vault_store):
        """A server that is down is not taken for one without KV."""
        vault.faults[0].status = 503

        with pytest.raises(Unavailable):
            read(vault_store(), ref("secret/app"))


def test_denied_names_policy_and_caller(vault, vault_store):
    """What is missing is shown as it is written into a policy, with who was refused; one question learns that."""
    vault.policy("narrow", ("secret/data/other", "read"))
    token = vault.new_token("narrow", display_name="web")
    put(vault, "secret/data/app", a="1")

    outcomes = read(vault_store(auth={"token": {"token": token}}), ref("secret/app"), ref("secret/app2"))

    assert isinstance(outcomes[0], AccessDenied)
    notes = dict(outcomes[0].notes)
    assert str(outcomes[0]) == f'access denied to secret "secret/app" at {vault.url}'
    assert notes["missing"] == 'path "secret/data/app" { capabilities = ["read"] } in a policy of that token'
    assert notes["you are"] == "token-web (policies: default, narrow), the token from the settings"
    assert vault.counts["GET auth/token/lookup-self"] == 1
    assert token not in f"{outcomes}{[one.notes for one in outcomes]}"


class TestCounts:
    """What a round costs."""

    def test_fifty_paths_are_fifty_reads_side_by_side(self, vault, vault_store):
        """No login for a token that is given, one look-up for the mount, one read each, not one after the other."""
        for number in range(50):
            put(vault, f"secret/data/many/{number}", n=number)
        vault.latency = 0.02
        refs = [ref(f"secret/many/{number}") for number in range(50)]
        began = time.monotonic()

        outcomes = read(vault_store(), *refs)

        assert time.monotonic() - began < 1.0 < 52 * 0.02
        assert [data(outcome) for outcome in outcomes] == [b'{"n":%d}' % number for number in range(50)]
        assert len(vault.requests) == 51
        assert sum("mounts" in request.path for request in vault.requests) == 1

    def test_one_look_up_per_mount_for_good(self, vault, vault_store):
        """The second round asks for the secrets alone."""
        put(vault, "secret/data/a", x="1")
        put(vault, "legacy/a", x="1")
        provider = vault_store()
        refs = [ref("secret/a"), ref("legacy/a")]
        read(provider, *refs)
        vault.requests.clear()

        read(provider, *refs)

        assert vault.counts == {"GET secret/data/a": 1, "GET legacy/a": 1}

    def test_connections_are_kept(self, vault, vault_store):
        """Rounds one after the other use one connection."""
        put(vault, "secret/data/a", x="1")
        provider = vault_store()
        before = vault.connections
        for _ in range(3):
            read(provider, ref("secret/a"))

        assert vault.connections - before == 1
