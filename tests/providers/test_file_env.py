"""Environment variables as secrets."""

from __future__ import annotations

import pytest
from secretfetch_file import connect_env

from secretfetch.provider import ConfigError, NotFound, SecretRef, SecretValue, Unchanged


def fetch(name, **more):
    ref = SecretRef("env", name, **more)
    return connect_env({}).fetch({ref: None})[ref]


def test_a_value_need_not_be_text(monkeypatch):
    """A variable is bytes, and so is its value."""
    monkeypatch.setenv("SHOP_TOKEN", b"\xff \xc3\xa4\n".decode("utf-8", "surrogateescape"))
    assert fetch("SHOP_TOKEN").data == b"\xff \xc3\xa4\n"


def test_an_empty_variable_is_an_empty_value(monkeypatch):
    """Set and empty is not the same as not set."""
    monkeypatch.setenv("SHOP_TOKEN", "")
    assert fetch("SHOP_TOKEN").data == b""


def test_an_unset_variable_is_told_with_near_names_only(monkeypatch):
    """The message has names that are near, and no value."""
    monkeypatch.setenv("SHOP_TOKEN", "canary-81")
    outcome = fetch("SHOP_TOKNE")
    assert isinstance(outcome, NotFound)
    assert str(outcome) == 'the environment variable "SHOP_TOKNE" is not set'
    assert '"SHOP_TOKEN"' in dict(outcome.notes)["meant"]
    assert "canary-81" not in repr(outcome.notes)


@pytest.mark.parametrize("name", ["", "A=B", "nul\0", "\ud800"])
def test_a_name_that_no_variable_can_have_is_not_set(name):
    """Odd names end as any other that is not there."""
    assert isinstance(fetch(name), NotFound)


@pytest.mark.parametrize(("more", "named"), [({"version": "3"}, "version"), ({"params": (("stage", "x"),)}, "stage")])
def test_a_variable_has_no_versions_and_takes_no_parameters(more, named):
    """What cannot be meant is an error of the config that names it."""
    outcome = fetch("HOME", **more)
    assert isinstance(outcome, ConfigError)
    assert f'takes no "{named}"' in str(outcome)


def test_versions_tell_nothing_of_the_value(monkeypatch):
    """Two connections give the same value different versions: no hash of it that could be guessed back."""
    monkeypatch.setenv("SHOP_TOKEN", "1234")
    assert fetch("SHOP_TOKEN").version != fetch("SHOP_TOKEN").version


def test_a_version_stays_until_the_value_changes(monkeypatch):
    """Within one connection a version stands for one value; back to an earlier value is a change too."""
    ref, provider = SecretRef("env", "SHOP_TOKEN"), connect_env({})
    monkeypatch.setenv("SHOP_TOKEN", "a")
    first = provider.fetch({ref: None})[ref]
    assert provider.fetch({ref: first.version})[ref] == Unchanged()
    monkeypatch.setenv("SHOP_TOKEN", "b")
    second = provider.fetch({ref: first.version})[ref]
    monkeypatch.setenv("SHOP_TOKEN", "a")
    third = provider.fetch({ref: second.version})[ref]
    assert isinstance(third, SecretValue)
    assert len({first.version, second.version, third.version}) == 3


def test_a_new_connection_trusts_no_version_of_an_old_one(monkeypatch):
    """A value that changed between two connections is never taken for the one that is held."""
    ref = SecretRef("env", "SHOP_TOKEN")
    monkeypatch.setenv("SHOP_TOKEN", "a")
    held = connect_env({}).fetch({ref: None})[ref].version
    monkeypatch.setenv("SHOP_TOKEN", "b")
    assert connect_env({}).fetch({ref: held})[ref].data == b"b"
