"""Outages of a real server through the whole program: exit code, message, and files that stay as they were."""

import ssl

import pytest
from in_process import Place
from servers.certificates import authority
from servers.vault_fixtures import clean_environment
from servers.vault_server import VaultServer

CONFIG = """
stores:
  vault: {address: "%s", ca_file: "%s", auth: {%s}}
outputs:
  - path: app.env
    from: vault://secret/app
"""


class World:
    """A server that keeps its data, a program that reads it, and ways to break both.

    Args:
        server: With a secret.
        ca: That its certificates are from.
        place: Where the program runs.
    """

    def __init__(self, server, ca, place):
        self.server, self.ca, self.place = server, ca, place
        server.policy("app", ("secret/data/app", "read"))
        self.token = server.new_token("app")
        self.address = server.address
        self.auth = f"token: {{token: {self.token}}}"

    def fetch(self):
        """Run the program; return exit code and messages."""
        self.place.write({"config.yaml": CONFIG % (self.address, self.ca.file, self.auth)})
        code, out, err = self.place.run("--timeout", "300ms", "fetch", "-c", "{dir}/config.yaml")
        return code, out + err

    def files(self):
        """Return all that lies in the volume, with inodes and times."""
        volume = str(self.place.root / "out")
        return {path: told for path, told in self.place.state().items() if path.startswith(volume)}

    def tls(self, name, *hosts, days):
        """Lead the program through an entrance with a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.ca.issue(name, *hosts, days=days))
        self.address = self.server.relay(context)

    # Ways to break it, each followed by the way to mend it.

    def killed(self):
        self.server.kill()
        yield
        self.server.run()
        self.server.unseal()

    def sealed(self):
        self.server.seal()
        yield
        self.server.unseal()

    def token_revoked(self):
        self.server.api("POST", "auth/token/revoke", {"token": self.token})
        yield
        self.auth = f"token: {{token: {self.server.new_token('app')}}}"

    def policy_narrowed(self):
        self.server.policy("app", ("secret/data/other", "read"))
        yield
        self.server.policy("app", ("secret/data/app", "read"))

    def tls_expired(self):
        self.tls("old", "localhost", days=(-1.9, -0.1))
        yield
        self.tls("new", "localhost", days=(-1, 1))

    def tls_of_another(self):
        self.tls("other", "vault.example", days=(-1, 1))
        yield
        self.tls("right", "localhost", days=(-1, 1))

    def login_refused(self):
        before, self.auth = self.auth, "userpass: {username: bob, password: canary-wrong}"
        yield
        self.auth = before

    def secret_deleted(self):
        self.server.api("DELETE", "secret/data/app")
        yield
        self.server.api("POST", "secret/undelete/app", {"versions": [1]})


OUTAGES = {
    "killed": (75, ["cannot reach 127.0.0.1:", "connection refused"]),
    "sealed": (75, ["is sealed", "unseal it"]),
    "token_revoked": (77, ["does not know the token from the settings", "expired or revoked"]),
    "policy_narrowed": (
        77,
        ["access denied to secret", 'path "secret/data/app" { capabilities = ["read"] }', "token (policies"],
    ),
    "tls_expired": (75, ["TLS certificate of localhost:", "has expired"]),
    "tls_of_another": (78, ["is for another name than localhost", "tls_server_name"]),
    "login_refused": (77, ["the login by userpass (auth/userpass)", "is refused"]),
    "secret_deleted": (66, ['version 1 of secret "secret/app" is deleted', "undelete -versions=1 secret/app"]),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Give a server that can be killed and started again, with one secret."""
    server = VaultServer(tmp_path_factory.mktemp("data")).start()
    server.mount("secret")
    server.api("POST", "secret/data/app", {"data": {"user": "shop", "password": "canary-pw"}})
    server.api("POST", "sys/auth/userpass", {"type": "userpass"})
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    """Give an authority."""
    return authority(tmp_path_factory.mktemp("ca"), "authority")


@pytest.fixture
def world(server, ca, tmp_path, monkeypatch, capfdbinary):
    """Give server and program, both well."""
    (tmp_path / "place").mkdir()
    world = World(server, ca, Place(tmp_path / "place", capfdbinary))
    clean_environment(monkeypatch, tmp_path / "place" / "home")
    monkeypatch.setenv("SECRETFETCH_OUT", str(tmp_path / "place" / "out"))
    return world


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_changes_no_file(world, outage):
    """The exit code is that of its kind, the message says what and where, the volume stays; mended, it works again."""
    assert world.fetch()[0] == 0
    before = world.files()
    code, words = OUTAGES[outage]

    happening = getattr(world, outage)()
    next(happening)
    try:
        found, said = world.fetch()
        after = world.files()
    finally:
        for _ in happening:
            pass

    assert (code, []) == (found, [word for word in words if word not in said]), said
    assert before == after
    assert any(path.endswith("/app.env") for path in after)
    assert "canary" not in said
    assert world.token not in said
    assert world.fetch()[0] == 0
