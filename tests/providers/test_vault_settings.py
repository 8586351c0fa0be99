"""What a store's entry and the environment say: checked without a server, a setting before a variable."""

import pytest
from secretfetch_vault import connect
from secretfetch_vault.places import locate
from secretfetch_vault.settings import decode

from secretfetch.provider import ConfigError


def place(environ, **settings):
    return locate(decode(settings), environ)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    from servers.vault_fixtures import clean_environment

    clean_environment(monkeypatch, tmp_path)


def test_a_setting_is_before_bao_and_bao_before_vault():
    """For each thing that can be said in three places."""
    environ = {
        "VAULT_ADDR": "https://vault:8200",
        "BAO_ADDR": "https://bao:8200/",
        "VAULT_NAMESPACE": "one",
        "BAO_NAMESPACE": "/two/",
        "VAULT_CACERT": "/v.pem",
        "VAULT_CAPATH": "/dir",
        "VAULT_CLIENT_CERT": "/c.pem",
        "VAULT_CLIENT_KEY": "/k.pem",
        "VAULT_TLS_SERVER_NAME": "name",
        "VAULT_SKIP_VERIFY": "true",
        "BAO_SKIP_VERIFY": "f",
    }
    found = place(environ)
    set_ = place(environ, address="https://own:1/x/", namespace="own", ca_file="/own.pem", client_cert="/own-c.pem")

    assert (found.address, found.namespace, found.named_by) == ("https://bao:8200", "two", "BAO_ADDR")
    assert (found.ca_file, found.ca_dir, found.server_name, found.verify) == ("/v.pem", "", "name", True)
    assert (found.client_cert, found.client_key) == ("/c.pem", "/k.pem")
    assert (set_.address, set_.namespace, set_.ca_file) == ("https://own:1/x", "own", "/own.pem")
    assert (set_.client_cert, set_.client_key) == ("/own-c.pem", "")
    assert set_.title == "https://own:1/x (namespace own)"


@pytest.mark.parametrize(
    ("environ", "settings"),
    [
        ({}, {}),
        ({"VAULT_ADDR": " "}, {}),
        ({}, {"address": "vault:8200"}),
        ({}, {"address": "unix:///run/vault.sock"}),
        ({}, {"address": "https://"}),
        ({}, {"address": "https://bob:canary@vault:8200"}),
        ({}, {"address": "https://vault:8200?x=canary"}),
        ({}, {"address": "https://vault:8200", "namespace": "a b"}),
        ({}, {"address": "https://vault:8200", "namespace": "a\nX: canary"}),
        ({"VAULT_SKIP_VERIFY": "canary"}, {"address": "https://vault:8200"}),
        ({}, {"address": "https://vault:8200", "client_key": "/canary"}),
        ({}, {"address": "https://vault:8200", "kv_version": 3}),
        ({}, {"address": 8200}),
        ({}, {"address": "https://vault:8200", "auth": {"cert": {}}}),
        ({}, {"address": "http://vault:8200", "auth": {"cert": {}}, "client_cert": "/c.pem"}),
        ({}, {"address": "https://vault:8200", "auth": {"jwt": {"token_path": "/t", "namespace": "a b"}}}),
    ],
)
def test_what_cannot_work_is_found_offline(environ, settings, monkeypatch):
    """A ConfigError from connect, which shows no value."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError) as caught:
        connect(settings)

    assert "canary" not in f"{caught.value} {caught.value.notes}"


def test_connect_imports_no_sdk():
    """A plan is checked without hvac and requests."""
    import subprocess
    import sys

    code = (
        "import sys; from secretfetch_vault import connect; connect({'address': 'https://x'}).close();"
        "print(*{'hvac', 'requests', 'urllib3', 'botocore', 'ssl'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []
