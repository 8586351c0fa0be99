"""Looking for secrets: below a path, by name, by custom metadata."""

import pytest
from servers.vault_server import refused

from secretfetch.provider import AccessDenied, ConfigError, Finder, NotFound, Query, SecretRef, Unavailable


@pytest.fixture(autouse=True)
def seeded(vault):
    """Let there be secrets in folders, one of them deleted."""
    for name in ("app/db", "app/cache/url", "app/cache/deep/er", "app/gone", "other"):
        vault.api("POST", f"secret/data/{name}", {"data": {"a": "b"}})
        vault.api("POST", f"legacy/{name}", {"a": "b"})
    vault.api("DELETE", "secret/data/app/gone")
    vault.api("POST", "secret/metadata/app/db", {"custom_metadata": {"env": "prod", "team": "shop"}})
    vault.api("POST", "secret/metadata/app/cache/url", {"custom_metadata": {"env": "production"}})


def keys(found):
    assert all(isinstance(ref, SecretRef) and ref.store == "" for ref in found)
    return [ref.key for ref in found]


def test_the_provider_is_a_finder(vault_store):
    """The core sees it by its method."""
    assert isinstance(vault_store(), Finder)


@pytest.mark.parametrize("path", ["secret/app", "secret/app/", "/secret/app"])
def test_a_folder_is_listed_with_all_below(vault, vault_store, path):
    """Deleted ones are left out, names are sorted, and can be fetched as they are."""
    provider = vault_store()
    found = provider.find(Query(path))

    assert keys(found) == ["secret/app/cache/deep/er", "secret/app/cache/url", "secret/app/db"]
    assert {outcome.data for outcome in provider.fetch(dict.fromkeys(found)).values()} == {b'{"a":"b"}'}


def test_a_mount_is_listed(vault_store):
    """The path may be a mount alone."""
    assert keys(vault_store().find(Query("legacy"))) == [
        "legacy/app/cache/deep/er",
        "legacy/app/cache/url",
        "legacy/app/db",
        "legacy/app/gone",
        "legacy/other",
    ]


def test_a_name_is_a_regular_expression_below_the_path(vault_store):
    """The path itself is no part of what is searched."""
    assert keys(vault_store().find(Query("secret/app", name="^cache/.*r"))) == [
        "secret/app/cache/deep/er",
        "secret/app/cache/url",
    ]
    assert keys(vault_store().find(Query("secret/app", name="app"))) == []


def test_tags_are_exact_pairs(vault_store):
    """`env: prod` is not `env: production`, and all pairs must be there."""
    assert keys(vault_store().find(Query("secret", tags=(("env", "prod"),)))) == ["secret/app/db"]
    assert keys(vault_store().find(Query("secret", tags=(("env", "prod"), ("team", "x"))))) == []


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        (Query("secret/nothing"), NotFound),
        (Query("legacy/nothing"), NotFound),
        (Query(""), ConfigError),
        (Query("secret/../x"), ConfigError),
        (Query("secret", name="("), ConfigError),
        (Query("sys"), ConfigError),
        (Query("nowhere/x"), ConfigError),
        (Query("legacy", tags=(("a", "b"),)), ConfigError),
    ],
)
def test_what_cannot_be_found(vault_store, query, kind):
    """Nothing below is not found; a query that makes no sense is an error of the config."""
    with pytest.raises(kind):
        vault_store().find(query)


def test_a_listing_that_is_denied_says_which(vault, vault_store):
    """With the policy that is missing."""
    vault.policy("some", ("secret/metadata/app/", "list"), ("secret/metadata/app/cache", "list"))
    provider = vault_store(auth={"token": {"token": vault.new_token("some")}})

    with pytest.raises(AccessDenied) as caught:
        provider.find(Query("secret/app"))

    assert 'path "secret/metadata/app/cache' in dict(caught.value.notes)["missing"]
    assert 'capabilities = ["list"]' in dict(caught.value.notes)["missing"]


def test_metadata_is_wanted_for_tags_only(vault, vault_store):
    """Where it may not be read, names are found all the same, deleted ones among them; tags are denied."""
    vault.policy("list", ("secret/metadata/*", "list"))
    provider = vault_store(auth={"token": {"token": vault.new_token("list")}})

    assert "secret/app/gone" in keys(provider.find(Query("secret/app")))
    with pytest.raises(AccessDenied):
        provider.find(Query("secret/app", tags=(("a", "b"),)))


def test_an_outage_is_raised(vault, vault_store):
    """Half a listing is none."""
    vault.faults.append(refused(503, "Vault is sealed", path="secret/metadata/app/cache/deep"))

    with pytest.raises(Unavailable):
        vault_store().find(Query("secret/app"))
