"""Refs, read and checked: which path of the API each one is. What does not belong here: asking."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretfetch.provider import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.provider import SecretRef
    from secretfetch_vault.mounts import Mount

# What of KV v2 can be read below its mount; `config` can be too, but a secret is called so more often than it is asked.
_PARTS = ("data", "metadata", "subkeys")
_INSTEAD = {"stage": "a KV v2 secret has versions: ?version=2", "label": "a KV v2 secret has versions: ?version=2"}


@dataclass(frozen=True, slots=True)
class Read:
    """One request for a secret. Refs that come to an equal one are one request.

    Attributes:
        path: Of the API.
        version: Of KV v2; empty is the current one.
        params: Make it a write.
        kv: Of the engine: 1, 2, 0 for any other; None where the server does not tell.
        key: As the first ref that asks for it has it, for messages.
        mount: Where the engine is mounted, with a slash at its end; empty where the server does not tell.
    """

    path: str
    version: str = ""
    params: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    kv: int | None = field(default=None, compare=False)
    key: str = field(default="", compare=False)
    mount: str = field(default="", compare=False)

    @property
    def digest(self) -> str:
        """What tells it from others without showing it: arguments may be secret."""
        import hashlib  # noqa: PLC0415 - only for what is handed over
        import json  # noqa: PLC0415 - only for what is handed over

        return hashlib.sha256(json.dumps([self.path, self.version, self.params]).encode()).hexdigest()

    @property
    def is_secret(self) -> bool:
        """It is a secret of KV v2, whose value has an envelope of its own."""
        if self.kv == 2:  # noqa: PLR2004 - the version of the engine
            return self.path.startswith(f"{self.mount}data/")
        return self.kv is None and not self.params and "/data/" in self.path

    @property
    def below(self) -> str:
        """The secret's own name: what is below the mount, without `data/`; the whole path where that is not known."""
        if self.kv == 2 and self.is_secret:  # noqa: PLR2004 - the version of the engine
            return self.path.removeprefix(f"{self.mount}data/")
        return self.path.removeprefix(self.mount)

    @property
    def object(self) -> str:
        """What messages call it."""
        return f'version {self.version} of secret "{self.key}"' if self.version else f'secret "{self.key}"'

    @property
    def listing(self) -> str:
        """The path that lists its neighbours; empty where there is no such thing."""
        folder = self.path.rpartition("/")[0]
        if self.kv == 2 and self.is_secret:  # noqa: PLR2004 - the version of the engine
            return f"{self.mount}metadata/{self.below.rpartition('/')[0]}".rstrip("/")
        return folder if self.kv == 1 else ""


def path_of(key: str, what: str = "path") -> str:
    """Return the path that a key is: without slashes around it or doubled.

    Raises:
        ConfigError: It is empty, leads out of itself, or has signs that no path has.
    """
    parts = [part for part in key.split("/") if part]
    if not parts:
        raise ConfigError(f"the {what} of the secret is missing", ("form", "vault://MOUNT/PATH"))
    if "." in parts or ".." in parts:
        raise ConfigError(f'the {what} "{key}" has a part "." or ".."', ("fix", "write the path in full"))
    if not key.isprintable():
        raise ConfigError(f"the {what} {key!r} has control characters")
    return "/".join(parts)


def check(ref: SecretRef) -> str:
    """Check what can be checked without the server, and return the path.

    Raises:
        ConfigError: The path or the version cannot be right.
    """
    path = path_of(ref.key)
    if ref.version and not (ref.version.isascii() and ref.version.isdigit() and int(ref.version) > 0):
        raise ConfigError(
            f'"{ref.version}" is no version of the secret "{ref.key}"',
            ("form", "versions are numbers from 1: ?version=2"),
        )
    return path


def resolve(ref: SecretRef, path: str, mount: Mount | None, kv_version: int | None) -> Read:
    """Return the request for a ref.

    Args:
        ref: Checked.
        path: Of the ref.
        mount: Where it lies; None where the server does not tell.
        kv_version: Of the settings, for that case.

    Raises:
        ConfigError: The engine has no such thing.
    """
    if mount is None and kv_version is not None:
        at, kv = path.partition("/")[0] + "/", kv_version
    elif mount is None:
        return Read(path, ref.version, ref.params, None, ref.key)
    else:
        at, kv = mount.path, mount.kv
    below = f"{path}/".removeprefix(at).rstrip("/")
    if not below:
        raise ConfigError(f'"{ref.key}" is a mount, not a secret', ("fix", f"name a secret below it: {ref.key}/NAME"))
    first = below.partition("/")[0]
    if kv == 2 and (first not in _PARTS or below == "data"):  # noqa: PLR2004 - the version of the engine
        path = f"{at}data/{below}"
    read = Read(path, ref.version, ref.params, kv, ref.key, at)
    _check_arguments(read, dict(ref.params))
    return read


def _check_arguments(read: Read, params: Mapping[str, str]) -> None:
    if read.version and not read.is_secret:
        engine = "a secret of KV v1 has no versions" if read.kv == 1 else "only secrets of KV v2 have versions"
        raise ConfigError(f'"version" does not go with "{read.key}": {engine}')
    if params and read.kv:
        names = ", ".join(sorted(params))
        instead = next((_INSTEAD[name] for name in params if name in _INSTEAD), "leave them out; they would be a write")
        raise ConfigError(
            f'"{names}" does not go with "{read.key}": a KV secret is read, not written', ("fix", instead)
        )
