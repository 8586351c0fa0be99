"""Names and values of one output: `from`, `keys`, `defaults` and what may stand in them.

What does not belong here: paths, formats and volumes (`outputs`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from secretfetch.errors import ConfigError, meant
from secretfetch.manifests import references, schema
from secretfetch.manifests.decoding import at, decode, decode_text, kind_of, name_of
from secretfetch.plan import Entry, Literal, Rewrite, Spread, Template

if TYPE_CHECKING:
    from secretfetch.manifests.catalog import Catalog
    from secretfetch.manifests.document import Document, Path
    from secretfetch.plan import Origin, Source

MODE_FORM = 'quoted octal, such as "0440"'


class Reader:
    """Reads entries of one document."""

    def __init__(self, document: Document, catalog: Catalog) -> None:
        self.document = document
        self.catalog = catalog

    def literals(self, path: Path) -> tuple[Entry, ...]:
        """Read `defaults`."""
        names = at(self.document, path)
        return tuple(Entry(name, self._literal((*path, name), f'"{name}"')) for name in names)

    def keys(self, path: Path, *, modes: bool) -> tuple[Entry, ...]:
        """Read `keys`. `modes`: an entry may give a mode."""
        return tuple(self.entry(name, (*path, name), modes=modes) for name in at(self.document, path))

    def entry(self, name: str, path: Path, *, modes: bool = False) -> Entry:
        """Read one name's source: text, or a map.

        Raises:
            ConfigError: It is malformed, contradicts itself, or names what does not exist.
        """
        value, origin = at(self.document, path), self.document.at(*path)
        if isinstance(value, str):
            return Entry(name, self.catalog.source(value, origin))
        if not isinstance(value, dict):
            raise self.document.error(path, f"{name_of(path)} must be text or a map, it is {kind_of(value)}")
        spec = decode(self.document, path, schema.Source)
        kinds = [kind for kind in ("from", "template", "value") if kind in value]
        if len(kinds) != 1:
            raise self.document.error(
                path,
                f"{name_of(path)} needs one of from, template and value, it has {' and '.join(kinds) or 'none'}",
            )
        default = None
        if "default" in value:
            default = self._literal((*path, "default"), "default").text
        forgiven = spec.optional or default is not None
        what = self._what(name, path, forgiven=forgiven)
        return Entry(name, what, spec.decode, self._entry_mode(value, path, modes=modes), spec.optional, default)

    def _what(self, name: str, path: Path, *, forgiven: bool) -> Source | Literal | Template:
        value = at(self.document, path)
        if "value" in value:
            return self._literal((*path, "value"), "value")
        if "template" in value:
            text = decode_text(self.document, (*path, "template"), "template")
            return self.template(name, text, self.document.at(*path, "template"))
        text = decode_text(self.document, (*path, "from"), "from")
        source = self.catalog.source(text, self.document.at(*path, "from"))
        # A key that names its secret by a whole reference speaks for the secret too.
        return replace(source, optional=True) if forgiven and references.is_reference(text) else source

    def _literal(self, path: Path, what: str) -> Literal:
        return Literal(decode_text(self.document, path, what).encode())

    def template(self, name: str, text: str, origin: Origin) -> Template:
        """Check a template and find the secrets that it uses.

        Raises:
            ConfigError: A fault in it, or a name that is no secret.
        """
        from secretfetch import templates  # noqa: PLC0415 - start-up cost

        try:
            used, unknown = templates.used_names(text, self.catalog.secrets)
        except templates.Fault as fault:
            raise ConfigError(f"bad template for {name}: {fault}", where=str(origin)) from None
        for wrong, line in unknown:
            raise ConfigError(
                f'the template for {name} names "{wrong}", which is no secret of this config (its line {line})',
                *meant(wrong, self.catalog.secrets),
                ("known", ", ".join(self.catalog.secrets) or "none"),
                where=str(origin),
            )
        sources = tuple((secret, replace(self.catalog.secrets[secret], origin=origin)) for secret in sorted(used))
        return Template(text, sources, origin)

    def spreads(self, path: Path) -> tuple[Spread, ...]:
        """Read `from` of an output that holds names and values: one item or a list."""
        value = at(self.document, path)
        if isinstance(value, list):
            return tuple(self._spread((*path, index)) for index in range(len(value)))
        return (self._spread(path),)

    def _spread(self, path: Path) -> Spread:
        value, origin = at(self.document, path), self.document.at(*path)
        if isinstance(value, str):
            return Spread(self.catalog.source(value, origin))
        if not isinstance(value, dict):
            raise self.document.error(path, f"{name_of(path)} must be text or a map, it is {kind_of(value)}")
        if "secret" not in value and "from" in value:
            raise self.document.error(
                path, f"{name_of(path)}: a spread names its secret with secret:", ("fix", "secret: NAME")
            )
        spec = decode(self.document, path, schema.Spread)
        source = self.catalog.source(spec.secret, self.document.at(*path, "secret"))
        rewrite = Rewrite(
            tuple(spec.include), tuple(spec.exclude), spec.strip_prefix, spec.prefix, spec.case or "", spec.sanitize
        )
        return Spread(source, rewrite)

    def mode(self, path: Path) -> int:
        """Read a mode.

        Raises:
            ConfigError: It is not quoted octal text.
        """
        value = at(self.document, path)
        if isinstance(value, str) and 3 <= len(value) <= 4 and set(value) <= set("01234567"):  # noqa: PLR2004 - digits
            return int(value, 8)
        shown = self.document.texts.get(path, "")
        digits = shown if shown.isdigit() else "0440"
        raise self.document.error(path, f"{name_of(path)} must be {MODE_FORM}", ("fix", f'mode: "{digits}"'))

    def _entry_mode(self, value: dict[str, Any], path: Path, *, modes: bool) -> int | None:
        if "mode" not in value:
            return None
        if not modes:
            raise self.document.error(
                (*path, "mode"), f"{name_of(path)}: only a file of a directory has a mode of its own"
            )
        return self.mode((*path, "mode"))
