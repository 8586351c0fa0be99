"""Handover between the processes of a pod: nothing is minted twice, nothing outlives its token unseen."""

import json

import pytest
from secretfetch_vault.clock import SYSTEM
from servers.vault_server import Fault, leased, refused

from secretfetch.provider import Handover, SecretRef, SecretValue, Unchanged

WEB = SecretRef("vault", "pki/issue/web", "", (("common_name", "web.example.com"), ("ttl", "50m")))
CREDS = SecretRef("vault", "database/creds/app")
READ = ("pki/issue/web", "update")
RENEW = ("auth/token/renew-accessor", "update")
REVOKE = ("auth/token/revoke-accessor", "update")
LEASES = ("sys/leases/revoke", "update")
MINTED = "PUT pki/issue/web"
LOGIN = "POST auth/userpass/login/bob"
BY_ACCESSOR = "PUT auth/token/renew-accessor"


@pytest.fixture
def pod(vault, vault_store, fake_time):
    """Give a way to start processes of one pod: a real engine with leases, real logins, each as `bob`.

    Where the process has a clock of the test, that of the server stands almost still.
    """
    vault.mount("pki", "pki")
    vault.api("POST", "pki/root/generate/internal", {"common_name": "example.com", "ttl": "24h"})
    vault.api("POST", "pki/roles/web", {"allow_any_name": True, "max_ttl": "1h", "generate_lease": True})
    vault.api("DELETE", "sys/auth/userpass")
    vault.api("POST", "sys/auth/userpass", {"type": "userpass"})

    def start(*rules, state=None, token_ttl="10m", **settings):
        vault.policy("web", READ, *rules)
        user = {"password": "pw", "token_policies": "web", "token_ttl": token_ttl, "token_max_ttl": "2h"}
        vault.api("POST", "auth/userpass/users/bob", user)
        auth = {"userpass": {"username": "bob", "password": "pw"}}
        provider = vault_store(**{"clock": fake_time.clock, "auth": auth} | settings)
        if state is not None:
            provider.take_over(json.loads(json.dumps(state)))
        return provider

    return start


def fetched(provider, ref=WEB, held=None):
    """Return the outcome of one ref."""
    return provider.fetch({ref: held})[ref]


def lives(vault, lease):
    """Tell whether the server knows a lease."""
    try:
        vault.api("PUT", "sys/leases/lookup", {"lease_id": lease})
    except ValueError as error:
        return "invalid lease" not in str(error)
    return True


def ends(vault, lease):
    """Wait for what the server does a moment after a token has ended."""
    for _ in range(250):
        if not lives(vault, lease):
            return True
        vault.released.wait(0.02)
    return False


def test_a_successor_asks_nobody_before_something_is_due(vault, pod):
    """No login, no look-up, no read: what the init container has fetched is known to the sidecar."""
    init = pod()
    value = fetched(init)
    state = init.hand_over()
    vault.requests.clear()

    outcome = fetched(pod(state=state), held=value.version)

    assert isinstance(init, Handover)
    assert outcome == Unchanged(pytest.approx(value.refresh_after))
    assert not vault.requests


def test_the_state_holds_no_secret(vault, pod):
    """Neither token nor value, nor the arguments of a write; JSON types alone."""
    init = pod(revoke_on_shutdown=True)
    value = json.loads(fetched(init).data)

    text = json.dumps(init.hand_over())

    token = next(request.token for request in vault.requests if request.token)
    assert not [secret for secret in (token, "web.example.com", "50m", value["private_key"]) if secret in text]
    assert not init.hand_over().keys() - {"server", "at", "tokens", "leases"}


def test_the_token_of_the_predecessor_is_kept_alive(vault, pod, fake_time):
    """By its accessor, where a policy allows that: nothing is minted in the time of four of its lives."""
    init = pod(RENEW)
    value = fetched(init)
    sidecar = pod(RENEW, state=init.hand_over())
    end = fake_time.seconds + 2400
    while fake_time.seconds < end:
        outcome = fetched(sidecar, held=value.version)
        assert isinstance(outcome, Unchanged)
        fake_time.seconds += min(outcome.refresh_after, end - fake_time.seconds)

    assert vault.counts[MINTED] == 1
    assert vault.counts[BY_ACCESSOR] >= 5
    assert lives(vault, value.version)


def test_a_lease_outlives_the_first_end_of_its_token(vault, pod):
    """By the real clock of server and process: the token of the predecessor had three seconds, and lives after four."""
    import time

    init = pod(RENEW, token_ttl="3s", clock=SYSTEM)
    end = time.monotonic() + 4
    value = fetched(init)
    sidecar = pod(RENEW, state=init.hand_over(), token_ttl="3s", clock=SYSTEM)
    while (left := end - time.monotonic()) > 0:
        outcome = fetched(sidecar, held=value.version)
        assert isinstance(outcome, Unchanged)
        vault.released.wait(min(outcome.refresh_after, left))

    assert lives(vault, value.version)
    assert vault.counts[MINTED] == 1


def test_where_that_is_forbidden_it_is_read_anew_before_the_token_ends(vault, pod, fake_time):
    """Shortly before the end of the predecessor's token, not of the lease; the refusal is remembered."""
    init = pod()
    started = fake_time.seconds
    version = fetched(init).version
    sidecar = pod(state=init.hand_over())
    outcome = Unchanged(0)
    while isinstance(outcome, Unchanged):
        fake_time.seconds += outcome.refresh_after
        assert fake_time.seconds - started < 600, "the token has ended, and the lease with it"
        outcome = fetched(sidecar, held=version)

    assert isinstance(outcome, SecretValue)
    assert fake_time.seconds - started > 600 * 0.85
    assert (vault.counts[MINTED], vault.counts[BY_ACCESSOR], vault.counts[LOGIN]) == (2, 1, 2)


def test_a_predecessor_that_has_ended_is_found_out(vault, pod, fake_time):
    """Its token was revoked in between: the first time that something is due, the path is read anew."""
    init = pod(RENEW)
    value = fetched(init)
    state = init.hand_over()
    vault.api("POST", "auth/token/revoke-accessor", {"accessor": state["tokens"][0]["accessor"]})
    sidecar = pod(RENEW, state=state)
    fake_time.seconds += value.refresh_after

    assert isinstance(fetched(sidecar, held=value.version), SecretValue)


def test_a_token_that_both_were_given_is_one_token(vault, pod, fake_time):
    """It is renewed as one's own, and not by its accessor."""
    vault.policy("web", READ)
    auth = {"token": {"token": vault.new_token("web", ttl="10m", renewable=True)}}
    init = pod(auth=auth)
    value = fetched(init)
    sidecar = pod(state=init.hand_over(), auth=auth)
    for _ in range(4):
        fake_time.seconds += fetched(sidecar, held=value.version).refresh_after

    assert vault.counts[MINTED] == 1
    assert vault.counts[BY_ACCESSOR] == 0
    assert vault.counts["PUT auth/token/renew-self"] >= 2


def test_a_chain_of_restarts(vault, pod, fake_time):
    """A lease of the first process is known to the third."""
    first = pod(RENEW)
    value = fetched(first)
    second = pod(RENEW, state=first.hand_over())
    fake_time.seconds += value.refresh_after
    assert isinstance(fetched(second, held=value.version), Unchanged)

    third = pod(RENEW, state=second.hand_over())
    fake_time.seconds += 10

    assert isinstance(fetched(third, held=value.version), Unchanged)
    assert (vault.counts[MINTED], vault.counts[LOGIN]) == (1, 2)


def test_what_hangs_on_no_token_is_kept_until_it_is_due(vault, pod, fake_time):
    """A certificate without a lease, a static role: no token is told of them, none is needed."""
    static = SecretRef("vault", "database/static-creds/app")
    answer = {"password": "one", "rotation_period": 60, "ttl": 40}
    vault.faults += [
        Fault("database/static-creds/app", json={"lease_id": "", "data": answer}),
        Fault("pki/issue/web", json={"data": {"certificate": "C", "expiration": fake_time.clock.wall() + 3000}}),
    ]
    init = pod()
    first = init.fetch({static: None, WEB: None})
    held = {ref: value.version for ref, value in first.items()}
    state = init.hand_over()
    sidecar = pod(state=state)
    vault.requests.clear()
    fake_time.seconds += 30
    outcomes = sidecar.fetch(held)
    assert outcomes[static] == Unchanged(pytest.approx(11))
    assert isinstance(outcomes[WEB], Unchanged)
    assert not vault.requests
    fake_time.seconds += 11

    sidecar.fetch(held)

    assert state["tokens"] == []
    assert vault.counts["GET database/static-creds/app"] == 1
    assert vault.counts[MINTED] == 0


def test_who_has_lost_the_value_gets_a_new_one(vault, pod):
    """The successor knows no value: without the version there is nothing to go on with."""
    init = pod()
    value = fetched(init)
    sidecar = pod(state=init.hand_over())

    outcome = fetched(sidecar, held=None)

    assert outcome.version != value.version
    assert fetched(sidecar, held=outcome.version).refresh_after > 0
    assert vault.counts[MINTED] == 2


def test_a_resumed_lease_is_not_thought_to_hang_on_our_login(vault, pod):
    """Without a state only the id is known: the life of our own token says nothing about that lease."""
    vault.faults += [Fault("sys/leases/renew", json=leased(CREDS.key, "one", 3600.0))]
    sidecar = pod(token_ttl="60s")

    outcome = fetched(sidecar, CREDS, f"{CREDS.key}/one")

    assert outcome.refresh_after > 2000


class TestRevoking:
    """`revoke_on_shutdown` of the last process."""

    @pytest.mark.parametrize("rule", [REVOKE, LEASES], ids=["token", "leases"])
    def test_what_the_predecessor_minted_is_revoked(self, vault, pod, rule):
        """Its token by the accessor, or where that is forbidden its leases one by one, although nothing was due."""
        init = pod(rule, revoke_on_shutdown=True)
        value = fetched(init)
        sidecar = pod(rule, state=init.hand_over(), revoke_on_shutdown=True)
        fetched(sidecar, held=value.version)
        assert lives(vault, value.version)
        sidecar.close()

        assert ends(vault, value.version)
        assert sidecar.hand_over() == {}

    def test_a_token_without_leases_is_revoked_too(self, vault, pod):
        """The login of an init container is over with the pod, whatever it was for."""
        vault.api("POST", "secret/data/app", {"data": {"a": "b"}})
        init = pod(REVOKE, ("secret/data/app", "read"), revoke_on_shutdown=True)
        fetched(init, SecretRef("vault", "secret/app"))
        state = init.hand_over()
        pod(REVOKE, state=state, revoke_on_shutdown=True).close()

        with pytest.raises(ValueError, match="invalid accessor"):
            vault.api("POST", "auth/token/lookup-accessor", {"accessor": state["tokens"][0]["accessor"]})

    def test_handing_over_revokes_nothing(self, vault, pod):
        """What is handed over is used; who has fetched nothing has nothing to tell."""
        init = pod()
        value = fetched(init)
        init.hand_over()

        assert lives(vault, value.version)
        assert pod().hand_over() == {}

    def test_a_server_that_is_away_does_not_keep_the_process(self, vault, pod):
        """One failure is enough."""
        init = pod(revoke_on_shutdown=True)
        value = fetched(init)
        sidecar = pod(state=init.hand_over(), revoke_on_shutdown=True)
        fetched(sidecar, held=value.version)
        vault.faults.append(refused(503, "Vault is sealed"))
        vault.requests.clear()

        sidecar.close()

        assert len(vault.requests) == 1


class TestBadStates:
    """What cannot be used is left out, and never an error."""

    @pytest.fixture
    def state(self, pod):
        init = pod()
        self.version = fetched(init).version
        return init.hand_over()

    @pytest.mark.parametrize(
        "damage",
        [
            {"server": "another"},
            {"server": 7},
            {"at": "yesterday"},
            {"at": float("nan")},
            {"tokens": []},
            {"tokens": [{}]},
            {"tokens": None},
            {"leases": {}},
            {"leases": [None, 1, "x", {"read": []}]},
            {"leases": [[[[]]]]},
        ],
        ids=str,
    )
    def test_damage(self, pod, state, damage):
        """A state that is damaged or of another server is none: the path is read."""
        assert isinstance(fetched(pod(state=state | damage), held=self.version), SecretValue)

    @pytest.mark.parametrize("what", ["tokens", "leases"])
    def test_what_is_over(self, pod, state, fake_time, what):
        """A token or a lease that has ended meanwhile is not believed in."""
        state[what][0]["ends"] = fake_time.clock.wall() - 1

        assert isinstance(fetched(pod(state=state), held=self.version), SecretValue)

    def test_a_huge_number(self, pod, state):
        """JSON may hold numbers that are none of the machine's."""
        state["leases"][0]["due"] = 10**400

        assert isinstance(fetched(pod(state=state), held=self.version), SecretValue)

    def test_another_login(self, vault_store, state, fake_time):
        """What one role was given is not another role's."""
        other = vault_store(clock=fake_time.clock)  # by the token of the environment
        other.take_over(state)

        assert isinstance(fetched(other, held=self.version), SecretValue)

    def test_a_clock_that_was_set_back(self, pod, state):
        """It makes nothing hold for longer than it would have at the handover."""
        due = state["leases"][0]["due"] - state["at"]
        state["at"] += 7200
        for told in (*state["leases"], *state["tokens"]):
            told |= {name: told[name] + 7200 for name in ("due", "ends")}

        outcome = fetched(pod(state=state), held=self.version)

        assert outcome.refresh_after <= due
