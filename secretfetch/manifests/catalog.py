"""Stores and secrets of a config: the text `db#user` or `aws-sm://prod/db#user` -> a `Source`.

What does not belong here: outputs. References on the command line are read here too, with or without a config.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from secretfetch import expressions
from secretfetch.errors import ConfigError, meant
from secretfetch.manifests import references, schema
from secretfetch.manifests.decoding import at, decode, decode_text, kind_of
from secretfetch.manifests.variables import expand, expand_all
from secretfetch.plan import Origin, Select, Source, Store
from secretfetch.provider import SecretRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from secretfetch.manifests.document import Document, Path

_NAME = re.compile(schema.NAME)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What reading an input needs to know of the world.

    Attributes:
        out: Absolute path of the directory that relative outputs lie below.
        root: Put before absolute outputs.
        environ: For `${VAR}`.
        is_provider: Tells whether a name is that of an installed provider.
        provider_names: All of them; only asked when something is wrong.
        kube_secrets: What becomes of Kubernetes Secrets: files, an apply, or a manifest on standard output.
        kube_dir: Absolute path of the directory for `dir`; empty is `out`.
    """

    out: str
    root: str = ""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_provider: Callable[[str], bool] = lambda _: True
    provider_names: Callable[[], Iterable[str]] = lambda: ()
    kube_secrets: Literal["dir", "apply", "manifest"] = "dir"
    kube_dir: str = ""


class Catalog:
    """The stores and secrets that references may name.

    Args:
        around: What is outside of the config.
        folder: Where relative `file://` keys begin: the config's directory; it may change between references.
    """

    def __init__(self, around: Surroundings, folder: str) -> None:
        self.around = around
        self.folder = os.path.abspath(folder)
        self.stores: dict[str, Store] = {}
        self.secrets: dict[str, Source] = {}
        self.files: list[str] = []

    def read(self, document: Document) -> None:
        """Take in `stores` and `secrets` of a config.

        Raises:
            ConfigError: One of them is malformed, or names what does not exist.
        """
        for name, settings in document.data.get("stores", {}).items():
            path = ("stores", name)
            self._check_name(name, "store", document, path)
            if not isinstance(settings, dict):
                raise document.error(
                    path,
                    f'store "{name}" must be a map, it is {kind_of(settings)}',
                    ("fix", "an empty map is written {}"),
                )
            self.stores[name] = self._store(name, settings, document, path)
        for name in document.data.get("secrets", {}):
            path = ("secrets", name)
            self._check_name(name, "secret", document, path)
            self.secrets[name] = self._secret(name, document, path)

    def source(self, text: str, origin: Origin) -> Source:
        """Read `secret`, `secret#EXPRESSION` or a whole reference.

        Raises:
            ConfigError: It is malformed, or names a secret, store or provider that does not exist.
        """
        text = expand(text, self.around.environ, origin)
        if references.is_reference(text):
            return self._whole(text, {}, origin)
        name, hash_sign, expression = text.partition("#")
        known = self.secrets.get(name)
        if known is None:
            scheme = meant(name, self.secrets) or (("fix", "declare it under secrets:, or write SCHEME://KEY"),)
            raise ConfigError(f'unknown secret "{name}"', *scheme, _listed("secrets", self.secrets), where=str(origin))
        if not hash_sign:
            return replace(known, origin=origin)
        return replace(known, select=(*known.select, _select(expression, origin)), origin=origin)

    def _check_name(self, name: str, what: str, document: Document, path: Path) -> None:
        if not _NAME.fullmatch(name):
            raise document.error(
                path, f'"{name}" cannot be the name of a {what}', ("fix", f"names match {schema.NAME[1:-1]}")
            )

    def _store(self, name: str, settings: dict[str, Any], document: Document, path: Path) -> Store:
        if "provider" in settings and not isinstance(settings["provider"], str):
            raise document.error((*path, "provider"), f"provider must be text, it is {kind_of(settings['provider'])}")
        expanded = {
            key: expand_all(value, self.around.environ, document.at(*path, key)) for key, value in settings.items()
        }
        provider = expanded.pop("provider", name)
        if not self.around.is_provider(provider):
            where = (*path, "provider") if "provider" in settings else path
            names = list(self.around.provider_names())
            raise document.error(
                where, f'unknown provider "{provider}"', *meant(provider, names), _listed("providers", names)
            )
        return Store(name, provider, expanded, document.at(*path))

    def _secret(self, name: str, document: Document, path: Path) -> Source:
        value, origin = at(document, path), document.at(*path)
        if isinstance(value, str):
            return _declared(self._whole_only(value, {}, origin), name)
        if not isinstance(value, dict):
            raise document.error(path, f'secret "{name}" must be a reference or a map, it is {kind_of(value)}')
        spec = decode(document, path, schema.Secret)
        given: dict[str, str] = {
            param: expand(decode_text(document, (*path, param), param), self.around.environ, document.at(*path, param))
            for param in ("version", "stage", "label")
            if param in value
        }
        if spec.recursive:
            given["recursive"] = "true"
        source = self._whole_only(spec.ref, given, document.at(*path, "ref"))
        written = {
            param: expand(
                decode_text(document, (*path, "params", param), param),
                self.around.environ,
                document.at(*path, "params", param),
            )
            for param in spec.params
        }
        if clash := written.keys() & dict(source.ref.params).keys():
            raise document.error(path, f'"{min(clash)}" is given twice', ("fix", "keep one of them"))
        params = tuple(sorted((*source.ref.params, *written.items())))
        ref = SecretRef(source.ref.store, source.ref.key, source.ref.version, params)
        source = replace(source, optional=spec.optional, ref=ref)
        return _declared(source, name)

    def _whole_only(self, text: str, given: dict[str, str], origin: Origin) -> Source:
        text = expand(text, self.around.environ, origin)
        if not references.is_reference(text):
            raise ConfigError(
                f'"{text}" is no reference', ("fix", "write SCHEME://KEY, such as aws-sm://prod/db"), where=str(origin)
            )
        return self._whole(text, given, origin)

    def _whole(self, text: str, given: dict[str, str], origin: Origin) -> Source:
        try:
            reference = references.parse(text)
        except references.Fault as fault:
            notes = (("fix", fault.fix),) if fault.fix else ()
            raise ConfigError(f'"{text}": {fault}', *notes, where=str(origin)) from None
        store = self._resolve(reference.store, origin)
        for param in given:
            if param in reference.params:
                raise ConfigError(f'"{text}" already says {param}', ("fix", "keep one of them"), where=str(origin))
        params = reference.params | given
        version = params.pop("version", "")
        if params.get("recursive") == "false":
            del params["recursive"]
        key = self._key(store, reference.key, origin)
        select = () if reference.expression is None else (_select(reference.expression, origin),)
        ref = SecretRef(store.name, key, version, tuple(sorted(params.items())))
        return Source(ref, text.partition("#")[0], select, origin=origin)

    def _resolve(self, name: str, origin: Origin) -> Store:
        store = self.stores.get(name)
        if store is None:
            if not self.around.is_provider(name):
                names = sorted({*self.stores, *self.around.provider_names()})
                raise ConfigError(
                    f'unknown scheme "{name}": no store and no provider has that name',
                    *meant(name, names),
                    _listed("schemes", names),
                    where=str(origin),
                )
            store = self.stores[name] = Store(name, name, {}, origin)
        return store

    def _key(self, store: Store, key: str, origin: Origin) -> str:
        """Make a file's path absolute; every other key is the provider's own business."""
        if any(ord(sign) < ord(" ") for sign in key):
            raise ConfigError("a key holds a control character", where=str(origin))
        return os.path.join(self.folder, key) if store.provider == "file" else key


def _declared(source: Source, name: str) -> Source:
    """Make a reference a secret of the config: what its expression selects is what the secret is."""
    return replace(source, name=name, select=tuple(replace(select, whole=True) for select in source.select))


def _select(expression: str, origin: Origin) -> Select:
    try:
        expressions.check(expression)
    except expressions.Fault as fault:
        raise ConfigError(
            f"bad expression {expression[:120]}: {fault}",
            ("fix", "write a key of the object, or JMESPath"),
            where=str(origin),
        ) from None
    return Select(expression)


def _listed(what: str, names: Iterable[str]) -> tuple[str, str]:
    return "known", f"{what}: {', '.join(sorted(names)) or 'none'}"
