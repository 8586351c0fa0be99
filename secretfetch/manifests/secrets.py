"""`kubernetes_secret` outputs of a config -> Kubernetes Secrets, or the files that they would be mounted as.

What does not belong here: names and values (`entries`), and writing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from secretfetch.manifests import schema
from secretfetch.manifests.decoding import at, decode, decode_text, kind_of
from secretfetch.manifests.places import Place
from secretfetch.names import printable
from secretfetch.plan import Entries, Entry, Files, KubeSecret

if TYPE_CHECKING:
    from secretfetch.manifests.document import Document, Path
    from secretfetch.manifests.entries import Reader

FIELD = "kubernetes_secret"
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_WORD = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LONGEST_SUBDOMAIN, _LONGEST_WORD = 253, 63
_CONTENT = ("from", "keys", "defaults", "template")


def read(document: Document, path: Path, reader: Reader) -> KubeSecret:
    """Read one output.

    Raises:
        ConfigError: It is malformed, or no Secret can be like that.
    """
    spec = decode(document, path, schema.KubeSecret)
    _check(document, (*path, FIELD), spec.kubernetes_secret, _SUBDOMAIN, _LONGEST_SUBDOMAIN)
    given = at(document, path)
    if "namespace" in given:
        _check(document, (*path, "namespace"), spec.namespace, _LABEL, _LONGEST_WORD)
    if not any(name in given for name in _CONTENT):
        raise document.error(path, f"Secret {spec.kubernetes_secret} has no content", ("fix", "give it from: or keys:"))
    entries = Entries(
        reader.literals((*path, "defaults")) if "defaults" in given else (),
        reader.spreads((*path, "from")) if "from" in given else (),
        (
            *(reader.keys((*path, "keys"), modes=False) if "keys" in given else ()),
            *_templates(document, path, reader),
        ),
    )
    return KubeSecret(
        spec.kubernetes_secret,
        entries,
        spec.namespace,
        spec.type,
        _marks(document, (*path, "labels")),
        _marks(document, (*path, "annotations")),
        origin=document.at(*path, FIELD),
        allow_empty=spec.allow_empty,
    )


def as_files(secret: KubeSecret, root: str) -> tuple[Place, Files]:
    """Return the directory that a Secret would be mounted as, below `root`."""
    output = Files(
        secret.name, origin=secret.origin, allow_empty=secret.allow_empty, entries=secret.entries, is_secret=True
    )
    return Place(root, secret.name, directory=True, seen=root), output


def _templates(document: Document, path: Path, reader: Reader) -> list[Entry]:
    value, where = at(document, path).get("template"), (*path, "template")
    if value is None and "template" not in at(document, path):
        return []
    if not isinstance(value, dict):
        raise document.error(
            where,
            f"template of a Secret must be a map of keys and their templates, it is {kind_of(value)}",
            ("fix", "template: {KEY: ...}, or keys: {KEY: {template: ...}}"),
        )
    both = sorted(value.keys() & at(document, path).get("keys", {}).keys())
    if both:
        raise document.error((*where, both[0]), f'"{printable(both[0])}" stands under keys and under template')
    return [
        Entry(
            name,
            reader.template(name, decode_text(document, (*where, name), f'"{name}"'), document.at(*where, name)),
        )
        for name in value
    ]


def _marks(document: Document, path: Path) -> tuple[tuple[str, str], ...]:
    """Read labels or annotations."""
    try:
        names = at(document, path)
    except KeyError:
        return ()
    found = []
    for name in names:
        prefix, _, word = name.rpartition("/")
        if prefix:
            _check(document, (*path, name), prefix, _SUBDOMAIN, _LONGEST_SUBDOMAIN)
        _check(document, (*path, name), word, _WORD, _LONGEST_WORD)
        text = decode_text(document, (*path, name), f'"{name}"')
        if text and path[-1] == "labels":
            _check(document, (*path, name), text, _WORD, _LONGEST_WORD)
        found.append((name, text))
    return tuple(found)


def _check(document: Document, path: Path, name: str, form: re.Pattern[str], longest: int) -> None:
    if not form.fullmatch(name) or len(name) > longest:
        raise document.error(
            path,
            f'{path[-1]}: Kubernetes takes no such name: "{printable(name)}"',
            ("form", f"{_FORMS[form]}, at most {longest} characters"),
        )


_FORMS = {
    _SUBDOMAIN: "small letters, digits, - and ., beginning and ending with a letter or digit",
    _LABEL: "small letters, digits and -, beginning and ending with a letter or digit",
    _WORD: "letters, digits, -, _ and ., beginning and ending with a letter or digit",
}
