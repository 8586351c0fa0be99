"""The provider `sqlite` keeps the contract."""

from __future__ import annotations

import sqlite3

import pytest
from secretfetch_sqlite import connect

from secretfetch.provider import DataError, SecretRef
from secretfetch.testing import ProviderContract

TABLE = "CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL, version INTEGER NOT NULL)"
PUT = (
    "INSERT INTO secrets VALUES (?, ?, 1) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = version + 1"
)


class TestSqlite(ProviderContract):
    @pytest.fixture(autouse=True)
    def database(self, tmp_path):
        self.path = tmp_path / "secrets.db"
        self.database = sqlite3.connect(self.path)
        self.database.execute(TABLE)
        yield
        self.database.close()

    def connect(self, settings):
        return connect(settings)

    def settings(self):
        return {"path": str(self.path)}

    def put(self, name, data):
        with self.database:
            self.database.execute(PUT, (name, data))
        return SecretRef("sqlite", name)

    def unreachable(self):
        return {"path": str(self.path.with_name("not-there.db"))}

    def test_a_database_without_the_table_is_told(self, provider):
        """What only this store can get wrong."""
        self.database.execute("DROP TABLE secrets")
        with pytest.raises(DataError, match="no usable table"):
            provider.fetch({SecretRef("sqlite", "db"): None})
