"""Fixtures of the provider tests: one AWS server a session, empty for every test."""

from __future__ import annotations

import os

import pytest
from servers.aws_server import AwsServer
from servers.vault_fixtures import fake_time, vault, vault_running, vault_store  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def aws_running():
    """Give the running server; tests want `aws`."""
    server = AwsServer().start()
    yield server
    server.stop()


@pytest.fixture
def aws(aws_running, monkeypatch, tmp_path):
    """Give an empty AWS; the environment leads to it, whatever the machine is configured for."""
    aws_running.reset()
    for name in list(os.environ):
        if name.startswith("AWS_") or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in aws_running.env().items():
        monkeypatch.setenv(name, value)
    yield aws_running
    aws_running.released.set()


@pytest.fixture
def secrets_manager(aws):
    """Give a way to connect to Secrets Manager; what it gives is closed at the end."""
    yield from _connections("aws-sm")


@pytest.fixture
def parameter_store(aws):
    """Give a way to connect to Parameter Store; what it gives is closed at the end."""
    yield from _connections("aws-ssm")


def _connections(scheme):
    import secretfetch_aws

    connect = {
        "aws-sm": secretfetch_aws.connect_secrets_manager,
        "aws-ssm": secretfetch_aws.connect_parameter_store,
    }[scheme]
    opened = []

    def open_one(**settings):
        opened.append(connect(settings))
        return opened[-1]

    yield open_one
    for provider in opened:
        provider.close()
