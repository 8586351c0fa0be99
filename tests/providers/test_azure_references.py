"""What a ref of Key Vault may look like, and what is said of others; offline."""

import pytest
from secretfetch_azure import connect
from servers.shared_keyvault import shown

from secretfetch.provider import ConfigError, SecretRef, Unchanged, Version

OLD = "0123456789abcdef0123456789abcdef"
CONTOSO = "https://contoso.vault.azure.net"


def asked(key, version="", **settings):
    """Return what a ref asks of which host."""
    from secretfetch_azure.key_vault import KeyVault
    from secretfetch_azure.settings import decode

    ask = KeyVault(decode(settings))._reader.read(SecretRef("azure-kv", key, version), None)
    return f"{ask.host}{ask.path}"


def fault(key, version="", settings=None, **params):
    """Return the outcome of a ref that cannot be asked for."""
    ref = SecretRef("azure-kv", key, version, tuple(params.items()))
    provider = connect(settings or {})
    outcome = provider.fetch({ref: None})[ref]
    provider.close()
    assert ConfigError is type(outcome)
    return shown(outcome)


@pytest.mark.parametrize(
    ("key", "version", "asks"),
    [
        ("contoso/db", "", "contoso.vault.azure.net/secrets/db"),
        ("Contoso/DB", "", "contoso.vault.azure.net/secrets/DB"),
        ("contoso/secrets/db", "", "contoso.vault.azure.net/secrets/db"),
        ("contoso/secrets/db/", "", "contoso.vault.azure.net/secrets/db"),
        ("contoso/secrets", "", "contoso.vault.azure.net/secrets/secrets"),
        (f"contoso/secrets/db/{OLD}", "", f"contoso.vault.azure.net/secrets/db/{OLD}"),
        (f"contoso/secrets/db/{OLD}", OLD, f"contoso.vault.azure.net/secrets/db/{OLD}"),
        ("contoso/db", OLD, f"contoso.vault.azure.net/secrets/db/{OLD}"),
        ("contoso/keys/sign", "", "contoso.vault.azure.net/keys/sign"),
        ("contoso/certificates/web", "", "contoso.vault.azure.net/certificates/web"),
        ("contoso.vault.azure.cn/secrets/db", "", "contoso.vault.azure.cn/secrets/db"),
        ("contoso.vault.usgovcloudapi.net/db", "", "contoso.vault.usgovcloudapi.net/secrets/db"),
        ("hsm1.managedhsm.azure.net/keys/sign", "", "hsm1.managedhsm.azure.net/keys/sign"),
        ("kv.internal.example:8443/db", "", "kv.internal.example:8443/secrets/db"),
    ],
)
def test_vault_in_the_ref(key, version, asks):
    """A vault by name or host, a kind, a name, a version in the path or beside it."""
    assert asks == asked(key, version)


@pytest.mark.parametrize(
    ("key", "asks"),
    [
        ("db", "/secrets/db"),
        (f"secrets/db/{OLD}", f"/secrets/db/{OLD}"),
        ("keys/sign", "/keys/sign"),
        ("secrets", "/secrets/secrets"),
    ],
)
def test_vault_in_the_settings(key, asks):
    """With `vault_url` a ref leaves the vault out."""
    assert f"contoso.vault.azure.net{asks}" == asked(key, vault_url=CONTOSO)


def test_a_host_in_the_ref_wins_over_the_settings():
    """A whole id of another vault means that vault."""
    assert "other.vault.azure.net/secrets/db" == asked("other.vault.azure.net/secrets/db", vault_url=CONTOSO)


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({"cloud": "china"}, "contoso.vault.azure.cn"),
        ({"cloud": "usgov"}, "contoso.vault.usgovcloudapi.net"),
        ({}, "contoso.vault.azure.net"),
    ],
)
def test_names_belong_to_the_cloud(settings, host):
    """A vault's name is completed by the cloud of the store."""
    assert f"{host}/secrets/db" == asked("contoso/db", **settings)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("contoso", "is no name in a vault"),
        ("contoso/", "name of the secret is missing"),
        ("contoso/secrets/", "name of the secret is missing"),
        ("secrets/db", "the vault is missing"),
        ("c/db", "no name of a vault"),
        ("con toso/db", "no name of a vault"),
        ("contoso..example/db", "no host of a vault"),
        ("contoso/db_password", 'meant: "db-password"?'),
        ("contoso/my_db.x", "it has . _"),
        (f"contoso/{'a' * 128}", "longer than 127"),
        ("contoso/secret/db", 'meant: "secrets"?'),
        ("contoso/secrets/db/v/w", "is no name in a vault"),
        ("contoso/secrets/db//", "the version is missing"),
        ("contoso/secrets/db/latest", "leave it out"),
        ("contoso/secrets/db/v-1", "is no version"),
        ("hsm1.managedhsm.azure.net/db", "holds keys only"),
    ],
)
def test_malformed_refs(key, words):
    """Each is told by what is wrong with it."""
    assert words in fault(key)


def test_ref_with_a_vault_where_the_settings_have_one():
    """The remedy is told: the vault is named twice."""
    assert "leave it out here" in fault("contoso/db", settings={"vault_url": CONTOSO})


def test_two_versions_contradict():
    """A version in the path and another beside it are no version at all."""
    assert "another is asked for" in fault(f"contoso/secrets/db/{OLD}", "f" * 32)


def test_host_of_another_cloud():
    """Where the settings name the cloud, a host of another one is a mistake."""
    text = fault("contoso.vault.azure.cn/db", settings={"cloud": "usgov"})
    assert 'not of the cloud "usgov"' in text


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"stage": "AWSCURRENT"}, "Secrets Manager"),
        ({"label": "x"}, "Parameter Store"),
        ({"recursive": "true"}, "Parameter Store"),
        ({"colour": "red"}, '"version"'),
        ({"as": "jwk"}, 'cannot be had as "jwk"'),
    ],
)
def test_arguments_of_other_stores(params, words):
    """What a vault does not have is told with where it belongs."""
    assert words in fault("contoso/db", **params)


def test_a_version_that_is_held_is_not_asked_for():
    """A version never changes; this needs no network, wherever it is written."""
    refs = [SecretRef("azure-kv", f"contoso/secrets/db/{OLD}"), SecretRef("azure-kv", "contoso/db", OLD)]
    provider = connect({})
    assert dict.fromkeys(refs, Unchanged()) == provider.fetch(dict.fromkeys(refs, Version(OLD)))
    provider.close()
