"""The provider `azure-kv`: one login, one challenge a vault, then reads side by side.

What does not belong here: HTTP and logins (`vault`, `login`), the meaning of refusals (`trouble`), forms of values.
"""

from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING, NamedTuple

from secretfetch.provider import (
    AuthFailed,
    ConfigError,
    NotFound,
    SecretError,
    SecretRef,
    SecretValue,
    Unavailable,
    Unchanged,
    Version,
    fetch_each,
)
from secretfetch_azure import hosts
from secretfetch_azure.asks import Reader
from secretfetch_azure.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretfetch.provider import Outcome, Query
    from secretfetch_azure.asks import Ask
    from secretfetch_azure.hints import Hints
    from secretfetch_azure.login import Login
    from secretfetch_azure.settings import Settings
    from secretfetch_azure.vault import Answer, Vault

Outcomes = dict["SecretRef", "Outcome"]

_SECRET = re.compile(r"[0-9a-zA-Z-]{1,127}")
_WORKERS = 12


class _Open(NamedTuple):
    vault: Vault
    hints: Hints


class KeyVault:
    """A connection to vaults, all with one login (a cloud)."""

    def __init__(self, settings: Settings) -> None:
        from secretfetch_azure.validity import Validity  # noqa: PLC0415 - it is made here only

        self._settings = settings
        self._host = hosts.host_of_url(settings.vault_url) if settings.vault_url else ""
        self._cloud = settings.cloud or hosts.cloud_of(self._host) or _cloud_of_environment()
        self._reader = Reader(self._host, self._cloud, only_cloud=bool(settings.cloud))
        self._validity = Validity(refuse=settings.expired == "refuse")
        self._lock = threading.Lock()
        self._logins: dict[str, Login] = {}
        self._open: dict[str, _Open] = {}
        self._greeted: set[str] = set()
        self._closed = False

    def fetch(self, wanted: Mapping[SecretRef, Version | None], /) -> Outcomes:
        """Read secrets; see `secretfetch.provider.Provider`."""
        outcomes: Outcomes = {}
        asks: list[Ask] = []
        for ref, held in wanted.items():
            try:
                ask = self._reader.read(ref, held)
            except SecretError as error:
                outcomes[ref] = error
                continue
            if ask.settled:
                outcomes[ref] = Unchanged()
            else:
                asks.append(ask)
        outcomes |= self._greet(asks)
        outcomes |= self._read([ask for ask in asks if ask.ref not in outcomes])
        _raise_if_all_alike(outcomes)
        return {ref: outcomes[ref] for ref in wanted}

    def find(self, query: Query, /) -> list[SecretRef]:
        """List the enabled secrets of the store's vault that match; see `secretfetch.provider.Finder`.

        With a `path`, the name of a secret, its enabled versions are listed, the newest first; the name is not looked
        at then.

        Returns:
            Refs whose store is empty: a provider does not know what its store is called.
        """
        if not self._host:
            raise ConfigError("nothing can be listed without a vault", ("fix", 'set "vault_url" of the store'))
        if query.path:
            return self._versions(query)
        pattern = _pattern(query.name)
        refs: list[SecretRef] = []
        try:
            for page in self._opened(self._host).vault.pages("/secrets"):
                refs += [SecretRef("", name) for item in page if (name := _match(item, pattern, query))]
        except Refusal as refusal:
            raise self._listing_failed(refusal) from None
        if not refs:
            raise NotFound(f'no secret in vault "{hosts.name_of(self._host)}" matches')
        return refs

    def _versions(self, query: Query) -> list[SecretRef]:
        if not _SECRET.fullmatch(query.path):
            raise ConfigError(f'"{query.path}" cannot be a secret of a vault', ("fix", "name one secret as the path"))
        found: list[tuple[int, str]] = []
        try:
            for page in self._opened(self._host).vault.pages(f"/secrets/{query.path}/versions"):
                found += [_made(item) for item in page if _is_wanted(item, query)]
        except Refusal as refusal:
            raise self._listing_failed(refusal) from None
        if not found:
            raise NotFound(f'no version of "{query.path}" in vault "{hosts.name_of(self._host)}"')
        newest = sorted(found, reverse=True)
        return [SecretRef("", query.path, version) for _, version in newest]

    def close(self) -> None:
        """Let go of connections and of the token."""
        with self._lock:
            self._closed = True
            opened, self._open = list(self._open.values()), {}
            logins, self._logins = list(self._logins.values()), {}
        for one in opened:
            one.vault.close()
        for login in logins:
            login.close()

    def _greet(self, asks: Sequence[Ask]) -> Outcomes:
        """Read one ref of each vault that is new, so that the login and the vault's challenge are met once.

        Where that fails the vault is out for all of its refs: fifty tries more would tell nothing.
        """
        first = {ask.host: ask for ask in reversed(asks) if ask.host not in self._greeted}
        outcomes = self._read([ask for ask in asks if ask.host in first and ask.place == first[ask.host].place])
        for host, ask in first.items():
            outcome = outcomes[ask.ref]
            if isinstance(outcome, AuthFailed | Unavailable):
                outcomes |= {other.ref: outcome for other in asks if other.host == host}
            else:
                self._greeted.add(host)
        return outcomes

    def _read(self, asks: Sequence[Ask]) -> Outcomes:
        """Read side by side; what is spelled in two ways, or wanted in two forms, is read once."""
        same: dict[tuple[str, str], list[Ask]] = {}
        for ask in asks:
            same.setdefault(ask.place, []).append(ask)
        groups = {group[0].ref: group for group in same.values()}
        outcomes: Outcomes = {}

        def read(ref: SecretRef, _held: Version | None) -> Outcome:
            outcomes.update(self._read_one(groups[ref]))
            return outcomes[ref]

        fetch_each({ref: group[0].held for ref, group in groups.items()}, read, workers=_WORKERS)
        return outcomes

    def _read_one(self, asks: Sequence[Ask]) -> Outcomes:
        from secretfetch_azure import trouble  # noqa: PLC0415 - needed only for what fails

        ask = asks[0]
        try:
            vault, hints = self._opened(ask.host)
            try:
                answer = vault.get(ask.path)
            except Refusal as refusal:
                return {each.ref: trouble.explain(refusal, each, hints) for each in asks}
        except SecretError as error:
            return {each.ref: error for each in asks}
        return {each.ref: self._outcome(each, answer) for each in asks}

    def _outcome(self, ask: Ask, answer: Answer) -> Outcome:
        from secretfetch_azure import forms  # noqa: PLC0415 - needed only here

        version = _version(answer)
        attributes = answer.get("attributes")
        try:
            if not version:
                raise Unavailable(f"the answer of {ask.host} cannot be read")
            self._validity.check(ask, version, attributes if isinstance(attributes, dict) else {})
            if version == ask.held:
                return Unchanged()
            return SecretValue(forms.data_of(ask, answer), Version(version))
        except SecretError as error:
            return error

    def _opened(self, host: str) -> _Open:
        from secretfetch_azure.hints import Hints  # noqa: PLC0415 - imports the SDK
        from secretfetch_azure.login import Login  # noqa: PLC0415 - imports the SDK
        from secretfetch_azure.vault import Vault  # noqa: PLC0415 - imports the SDK

        with self._lock:
            if self._closed:
                raise Unavailable("this connection to Key Vault is closed")
            if host not in self._open:
                authority = self._authority(host)
                if authority not in self._logins:
                    self._logins[authority] = Login(self._settings, authority)
                vault = Vault(host, self._logins[authority])
                self._open[host] = _Open(vault, Hints(vault))
            return self._open[host]

    def _authority(self, host: str) -> str:
        """Return where one logs in for a vault; empty is what the SDK takes by itself."""
        if self._settings.cloud:
            return hosts.CLOUDS[self._settings.cloud].authority
        if os.environ.get("AZURE_AUTHORITY_HOST"):
            return ""
        return hosts.CLOUDS[hosts.cloud_of(host) or self._cloud].authority

    def _listing_failed(self, refusal: Refusal) -> SecretError:
        from secretfetch_azure import denied, trouble  # noqa: PLC0415 - needed only for what fails
        from secretfetch_azure.asks import Ask  # noqa: PLC0415 - as above

        if refusal.status in (401, 403):
            ask = Ask(SecretRef("", ""), None, self._host, "secrets", "*")
            return denied.explain(refusal, ask)
        return trouble.of_the_vault(refusal, self._host, hosts.name_of(self._host))


def _cloud_of_environment() -> str:
    return hosts.cloud_of_login(os.environ.get("AZURE_AUTHORITY_HOST", "")) or "public"


def _version(answer: Answer) -> str:
    """Return the version in the id of an answer: `https://HOST/secrets/NAME/VERSION`."""
    key = answer.get("key")
    text = answer.get("id") or (key.get("kid") if isinstance(key, dict) else "") or ""
    parts = str(text).split("/")
    return parts[5] if len(parts) > 5 else ""  # noqa: PLR2004 - scheme, nothing, host, kind, name, version


def _pattern(name: str) -> re.Pattern[str]:
    try:
        return re.compile(name)
    except re.error as error:
        raise ConfigError(f"the regular expression for names is wrong: {error}") from None


def _match(item: Answer, pattern: re.Pattern[str], query: Query) -> str:
    """Return the name of a listed secret if it is wanted."""
    from secretfetch_azure.hints import name_in  # noqa: PLC0415 - imports the SDK

    name = name_in(item)
    return name if _is_wanted(item, query) and pattern.search(name) else ""


def _is_wanted(item: Answer, query: Query) -> bool:
    attributes, tags = item.get("attributes") or {}, item.get("tags") or {}
    return attributes.get("enabled") is not False and all(tags.get(key) == value for key, value in query.tags)


def _made(item: Answer) -> tuple[int, str]:
    """Return when a listed version was made, and its id."""
    return int((item.get("attributes") or {}).get("created") or 0), str(item.get("id", "")).rpartition("/")[2]


def _raise_if_all_alike(outcomes: Outcomes) -> None:
    """Raise the failure of a login or a vault where it is the only thing that has come out: the store is at fault."""
    first = next(iter(outcomes.values()), None)
    if not isinstance(first, AuthFailed | Unavailable):
        return
    if all(type(other) is type(first) and str(other) == str(first) for other in outcomes.values()):
        raise first
