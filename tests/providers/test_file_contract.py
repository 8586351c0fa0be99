"""The providers `file` and `env` keep the contract of all providers."""

from __future__ import annotations

import os

import pytest
from secretfetch_file import connect_env, connect_file, files

from secretfetch.provider import SecretRef
from secretfetch.testing import ProviderContract


class TestFile(ProviderContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path, monkeypatch):
        self.folder = tmp_path
        self.monkeypatch = monkeypatch

    def connect(self, settings):
        return connect_file(settings)

    def put(self, name, data):
        (self.folder / name).write_bytes(data)
        return SecretRef("file", str(self.folder / name))

    def denied(self):
        ref = self.put("contract-denied", b"canary-5f1b7a")
        opened = files._open

        def refuse(path, flags):
            if path == ref.key:
                raise PermissionError(13, "Permission denied", path)
            return opened(path, flags)

        self.monkeypatch.setattr(files, "_open", refuse)
        return ref


class TestDirectory(ProviderContract):
    """A directory is one secret: an object of its files."""

    holds = "objects"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path

    def connect(self, settings):
        return connect_file(settings)

    def put(self, name, data):
        import json

        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        for key, value in json.loads(data).items():
            (folder / key).write_text(value)
        return SecretRef("file", str(folder))

    def verbatim(self):
        return b'{"a":"1","canary-5f1b7a":"2"}'


class TestEnv(ProviderContract):
    holds = "text"

    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch):
        self.monkeypatch = monkeypatch

    def connect(self, settings):
        return connect_env(settings)

    def put(self, name, data):
        self.monkeypatch.setenv(name, os.fsdecode(data))
        return SecretRef("env", name)
