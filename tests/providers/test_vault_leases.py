"""What holds for a time: renewed, read anew before its end, never minted twice while valid, never in a storm."""

import json
from itertools import pairwise

import pytest
from servers.vault_server import Fault, leased, refused

from secretfetch.provider import SecretRef, SecretValue, Unavailable, Unchanged

CREDS = SecretRef("vault", "database/creds/app")


class Database:
    """An engine that gives credentials with leases, by the test's clock. It is what the relay answers.

    Attributes:
        minted: When each lease was made.
        ends: When each lease ends.
        refusing: Status that renewals are answered with, or None.
        renewals: When there was one.
    """

    def __init__(self, vault, time, *, seconds=30.0, most=90.0, renewable=True):
        self.time, self.seconds, self.most, self.renewable = time, seconds, most, renewable
        self.minted, self.ends, self.renewals = {}, {}, []
        self.refusing = None
        vault.faults += [
            Fault("database/creds/app", "GET", make=self.mint),
            Fault("sys/leases/renew", "PUT", when=lambda _: self.refusing is not None, status=400, make=self.refuse),
            Fault("sys/leases/renew", "PUT", make=self.renew),
        ]

    def mint(self, _):
        number = f"lease-{len(self.minted)}"
        document = leased(CREDS.key, number, self.seconds, renewable=self.renewable, password=number)
        self.minted[document["lease_id"]] = self.time.seconds
        self.ends[document["lease_id"]] = self.time.seconds + self.seconds
        return document

    def refuse(self, _):
        self.renewals.append(self.time.seconds)
        return {"errors": ["lease not found"]}

    def renew(self, request):
        lease = request.body["lease_id"]
        assert self.time.seconds < self.ends[lease], "an ended lease is not renewed"
        self.renewals.append(self.time.seconds)
        self.ends[lease] = min(self.time.seconds + self.seconds, self.minted[lease] + self.most)
        return leased(CREDS.key, lease.rpartition("/")[2], self.ends[lease] - self.time.seconds)


class Keeper:
    """Does what the core does: asks when it is time, with what it holds."""

    def __init__(self, provider, time, ref=CREDS):
        self.provider, self.time, self.ref = provider, time, ref
        self.version = self.value = None
        self.values = []

    def ask(self):
        """Return in how many seconds it is to be asked again."""
        outcome = self.provider.fetch({self.ref: self.version})[self.ref]
        if isinstance(outcome, SecretValue):
            self.version, self.value = outcome.version, outcome.data
            self.values.append(outcome.version)
        else:
            assert isinstance(outcome, Unchanged), outcome
        assert outcome.refresh_after >= 1
        return outcome.refresh_after

    def until(self, end, late=0.0):
        """Go on until some moment, a little late each time."""
        while self.time.seconds < end:
            self.time.seconds += self.ask() + late


@pytest.mark.parametrize("renewable", [True, False])
@pytest.mark.parametrize("most", [30.0, 50.0, 90.0, 100.0, 1000.0])
def test_five_minutes_of_short_leases(vault, vault_store, fake_time, renewable, most):
    """No credential is minted while the one before is good for more than a fifth; none ends while it is held."""
    database = Database(vault, fake_time, most=most, renewable=renewable)
    keeper = Keeper(vault_store(clock=fake_time.clock), fake_time)
    start = fake_time.seconds
    while fake_time.seconds < start + 300:
        wait = keeper.ask()
        held = keeper.version
        fake_time.seconds += wait
        assert fake_time.seconds < database.ends[held]

    made = sorted(database.minted.values())
    life = max(30.0, most) if renewable else 30.0
    assert all(second - first >= 0.8 * life for first, second in pairwise(made))
    assert len(made) <= 300 / (0.8 * life) + 1
    assert keeper.values == list(database.minted)


def test_asked_early_it_asks_nobody(vault, vault_store, fake_time):
    """Before its time a held lease is Unchanged, with the rest of the time, and without a request."""
    Database(vault, fake_time)
    provider = vault_store(clock=fake_time.clock)
    first = provider.fetch({CREDS: None})[CREDS]
    fake_time.seconds += 5
    vault.requests.clear()

    again = provider.fetch({CREDS: first.version})[CREDS]

    assert again == Unchanged(first.refresh_after - 5)
    assert 30 * 0.6 <= first.refresh_after <= 30 * 0.73
    assert not vault.requests


def test_a_second_user_shares_the_lease(vault, vault_store, fake_time):
    """A ref that comes later, or has lost its value, gets the credential that is valid, not another one."""
    database = Database(vault, fake_time)
    provider = vault_store(clock=fake_time.clock)
    other = SecretRef("vault", "/database/creds/app/")
    first = provider.fetch({CREDS: None})[CREDS]

    answer = provider.fetch({CREDS: first.version, other: None})

    assert answer[CREDS] == Unchanged(first.refresh_after)
    assert answer[other] == first
    assert len(database.minted) == 1


def test_a_restart_takes_the_lease_over(vault, vault_store, fake_time):
    """The version is the lease's id: another process that holds it renews it and mints nothing."""
    database = Database(vault, fake_time)
    first = vault_store(clock=fake_time.clock).fetch({CREDS: None})[CREDS]
    fake_time.seconds += 10

    outcome = vault_store(clock=fake_time.clock).fetch({CREDS: first.version})[CREDS]

    assert isinstance(outcome, Unchanged)
    assert (len(database.minted), len(database.renewals)) == (1, 1)


def test_a_lease_of_the_past_is_read_anew(vault, vault_store, fake_time):
    """One that cannot be renewed any more is of no use."""
    database = Database(vault, fake_time)
    database.refusing = 400

    outcome = vault_store(clock=fake_time.clock).fetch({CREDS: f"{CREDS.key}/gone"})[CREDS]

    assert isinstance(outcome, SecretValue)
    assert len(database.minted) == 1


def test_a_refused_renewal_is_a_new_read(vault, vault_store, fake_time):
    """A lease that the server has forgotten is of no use, however long it was to last."""
    database = Database(vault, fake_time, seconds=3600.0)
    keeper = Keeper(vault_store(clock=fake_time.clock), fake_time)
    fake_time.seconds += keeper.ask()
    database.refusing = 400

    keeper.ask()

    assert len(database.minted) == 2


@pytest.mark.parametrize("seconds", [2.0, 5.0, 12.0, 30.0, 3600.0])
def test_refusals_are_no_storm(vault, vault_store, fake_time, seconds):
    """Whatever the lease says: between readings that follow refusals lie ten seconds at least, then twice as many."""
    database = Database(vault, fake_time, seconds=seconds)
    database.refusing = 400
    keeper = Keeper(vault_store(clock=fake_time.clock), fake_time)
    keeper.until(fake_time.seconds + 300)

    made = sorted(database.minted.values())
    assert all(second - first >= min(10.0, 0.85 * seconds) for first, second in pairwise(made))
    assert len(made) <= 300 / min(10.0, 0.85 * seconds) + 1
    assert len(database.renewals) <= len(made)


def test_a_policy_against_renewing_costs_no_credential(vault, vault_store, fake_time):
    """Forbidden to renew, the lease itself is good to its end: it is read anew shortly before."""
    database = Database(vault, fake_time, seconds=100.0)
    keeper = Keeper(vault_store(clock=fake_time.clock), fake_time)
    fake_time.seconds += keeper.ask()
    vault.faults.insert(0, refused(403, "permission denied", path="sys/leases/renew"))

    wait = keeper.ask()

    assert len(database.minted) == 1
    assert fake_time.seconds + wait < database.ends[keeper.version]
    fake_time.seconds += wait
    keeper.ask()
    assert len(database.minted) == 2


def test_an_outage_at_renewal_is_retried(vault, vault_store, fake_time):
    """Unavailable is for the core to retry; nothing is minted, and the lease is renewed when the server is back."""
    database = Database(vault, fake_time)
    provider = vault_store(clock=fake_time.clock)
    keeper = Keeper(provider, fake_time)
    fake_time.seconds += keeper.ask()
    vault.faults.insert(0, refused(503, "Vault is sealed", path="sys/leases/renew", times=1))
    with pytest.raises(Unavailable):
        provider.fetch({CREDS: keeper.version})

    keeper.ask()

    assert (len(database.minted), len(database.renewals)) == (1, 1)


def test_leases_end_with_their_token(vault, vault_store, fake_time):
    """A lease of an hour on a token of a minute: the token is renewed in time, and no lease outlives it."""
    database = Database(vault, fake_time, seconds=3600.0, most=7200.0)
    token = {"client_token": vault.token, "lease_duration": 60, "renewable": True}
    vault.faults += [
        Fault("auth/userpass/login/bob", json={"auth": token}),
        Fault("auth/token/renew-self", json={"auth": token}, times=2),
        refused(403, "permission denied", path="auth/token/renew-self"),
    ]
    auth = {"userpass": {"username": "bob", "password": "pw"}}
    keeper = Keeper(vault_store(clock=fake_time.clock, auth=auth), fake_time)
    assert keeper.ask() <= 60 * 0.73
    for _ in range(2):
        fake_time.seconds += 40
        keeper.ask()
    assert (len(database.minted), vault.counts["PUT auth/token/renew-self"]) == (1, 2)
    fake_time.seconds += 40

    keeper.ask()

    assert vault.counts["POST auth/userpass/login/bob"] == 2
    assert len(database.minted) == 2


def test_the_life_of_a_given_token_is_learnt(vault, vault_store, fake_time):
    """For a lease, and for that alone, the server is asked how long the caller's own token lives; it is renewed too."""
    Database(vault, fake_time, seconds=36000.0)
    token = vault.new_token("default", ttl="60s")
    keeper = Keeper(vault_store(clock=fake_time.clock, auth={"token": {"token": token}}), fake_time)

    wait = keeper.ask()

    assert wait <= 60 * 0.73
    assert vault.counts["GET auth/token/lookup-self"] == 1
    fake_time.seconds += wait
    keeper.ask()
    assert vault.counts["PUT auth/token/renew-self"] == 1


def test_leases_of_a_revoked_token_are_read_anew(vault, vault_store, fake_time):
    """With the token the credential is gone, although its time has not come."""
    vault.policy("app", ("secret/data/app", "read"), ("database/*", "read"))
    vault.api("POST", "secret/data/app", {"data": {"a": "b"}})
    database = Database(vault, fake_time, seconds=3600.0)
    tokens = iter([vault.new_token("app"), vault.new_token("app")])
    vault.faults.append(
        Fault(
            "auth/userpass/login/bob", make=lambda _: {"auth": {"client_token": next(tokens), "lease_duration": 7200}}
        )
    )
    provider = vault_store(clock=fake_time.clock, auth={"userpass": {"username": "bob", "password": "pw"}})
    app = SecretRef("vault", "secret/app")
    first = provider.fetch({CREDS: None, app: None})
    vault.api("POST", "auth/token/revoke", {"token": vault.requests[-1].token})
    fake_time.seconds += 60
    held = {CREDS: first[CREDS].version, app: first[app].version}
    provider.fetch(held)

    outcome = provider.fetch(held)[CREDS]

    assert isinstance(outcome, SecretValue)
    assert len(database.minted) == 2


def test_a_static_role_is_read_after_its_rotation(vault, vault_store, fake_time):
    """One second after the end of its time; the time that counts down is no change."""
    answer = {"password": "one", "rotation_period": 60, "ttl": 12}
    vault.faults.append(Fault("database/static-creds/app", make=lambda _: {"lease_id": "", "data": dict(answer)}))
    ref = SecretRef("vault", "database/static-creds/app")
    keeper = Keeper(vault_store(clock=fake_time.clock), fake_time, ref)

    assert keeper.ask() == 13
    fake_time.seconds += 5
    assert keeper.ask() == 8
    fake_time.seconds += 8
    answer["ttl"] = 59
    assert keeper.ask() == 60
    assert len(keeper.values) == 1
    fake_time.seconds += 60
    answer["password"] = "two"
    keeper.ask()

    assert len(keeper.values) == 2
    assert vault.counts["GET database/static-creds/app"] == 3


@pytest.mark.parametrize("schedule", [None, ""])
def test_a_ttl_alone_makes_no_static_role(vault, vault_store, schedule):
    """A secret may have a key of that name."""
    document = {"data": {"ttl": 12, "rotation_period": schedule}} if schedule is None else {"data": {"ttl": 12}}
    vault.faults.append(Fault("custom/x", json=document))
    ref = SecretRef("vault", "custom/x")

    assert vault_store().fetch({ref: None})[ref].refresh_after is None


def test_certificates_are_issued_anew_before_they_end(vault, vault_store, fake_time):
    """A real engine: 85 to 95 % of the remaining life, and not before."""
    import time

    fake_time.seconds = time.time() - 1_800_000_000.0  # the wall clock is the machine's own
    vault.mount("pki", "pki")
    vault.api("POST", "pki/root/generate/internal", {"common_name": "example.com", "ttl": "24h"})
    vault.api("POST", "pki/roles/web", {"allow_any_name": True, "max_ttl": "1h", "not_before_duration": "1s"})
    ref = SecretRef("vault", "pki/issue/web", "", (("common_name", "web.example.com"), ("ttl", "30s")))
    keeper = Keeper(vault_store(clock=fake_time.clock), fake_time, ref)

    wait = keeper.ask()
    expires = json.loads(keeper.value)["expiration"]
    now = fake_time.clock.wall()
    assert (expires - now) * 0.85 - 1 <= wait <= (expires - now) * 0.95
    fake_time.seconds += wait / 2
    keeper.ask()
    assert vault.counts["PUT pki/issue/web"] == 1
    fake_time.seconds += wait / 2
    keeper.ask()

    assert vault.counts["PUT pki/issue/web"] == 2
    assert len(keeper.values) == 2


def test_an_ended_certificate_is_no_storm(vault, vault_store, fake_time):
    """Clocks that do not agree make a new certificate look old: it is not issued again and again without a pause."""
    vault.faults.append(Fault("pki/issue/web", json={"data": {"certificate": "C", "expiration": 5}}))
    ref = SecretRef("vault", "pki/issue/web", "", (("common_name", "x"),))
    keeper = Keeper(vault_store(clock=fake_time.clock), fake_time, ref)
    keeper.until(fake_time.seconds + 100)

    assert vault.counts["PUT pki/issue/web"] <= 11


class TestRealEngine:
    """Leases of a real engine: certificates of a role that generates them."""

    @pytest.fixture
    def issuing(self, vault):
        vault.mount("pki", "pki")
        vault.api("POST", "pki/root/generate/internal", {"common_name": "example.com", "ttl": "24h"})
        vault.api("POST", "pki/roles/web", {"allow_any_name": True, "max_ttl": "1h", "generate_lease": True})
        return SecretRef("vault", "pki/issue/web", "", (("common_name", "web.example.com"), ("ttl", "10m")))

    def test_the_version_is_the_lease(self, vault, vault_store, issuing):
        """And it is held without being asked for."""
        provider = vault_store()
        value = provider.fetch({issuing: None})[issuing]

        assert value.version.startswith("pki/issue/web/")
        assert value.refresh_after <= 600 * 0.95
        assert isinstance(provider.fetch({issuing: value.version})[issuing], Unchanged)
        assert vault.counts["PUT pki/issue/web"] == 1

    def is_gone(self, vault, lease):
        """Wait for what the server does a moment after the token is revoked."""
        for _ in range(250):
            try:
                vault.api("PUT", "sys/leases/lookup", {"lease_id": lease})
            except ValueError as error:
                return "invalid lease" in str(error)
            vault.released.wait(0.02)
        return False

    @pytest.mark.parametrize("login", [True, False])
    def test_close_revokes_leases(self, vault, vault_store, issuing, login):
        """With `revoke_on_shutdown`: by their token if a login made it, else one by one."""
        vault.policy("pki", ("pki/issue/web", "update"), ("sys/leases/revoke", "update"))
        if login:
            vault.api("DELETE", "sys/auth/userpass")
            vault.api("POST", "sys/auth/userpass", {"type": "userpass"})
            vault.api("POST", "auth/userpass/users/bob", {"password": "pw", "token_policies": "pki"})
            auth = {"userpass": {"username": "bob", "password": "pw"}}
        else:
            auth = {"token": {"token": vault.new_token("pki")}}
        provider = vault_store(auth=auth, revoke_on_shutdown=True)
        value = provider.fetch({issuing: None})[issuing]
        assert vault.api("PUT", "sys/leases/lookup", {"lease_id": value.version})["data"]["ttl"] > 0
        provider.close()

        assert self.is_gone(vault, value.version)
        assert vault.counts["PUT sys/leases/revoke"] == (0 if login else 1)
