"""Compiles what a run imports, so that no start does: the packages, and the part of the standard library they use.

The official Python images have no bytecode of the standard library, and a container that may not write cannot keep any:
each start would compile it anew. The files are marked as unchecked, as an image does not change.
What does not belong here: what is in the image (`trim`).
"""

from __future__ import annotations

import ast
import compileall
import contextlib
import importlib
import py_compile
import sys
import sysconfig
from importlib.util import cache_from_source
from pathlib import Path

UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH
# What the interpreter and the SDKs import only when they have a use for it.
LATE = {"encodings.ascii", "encodings.idna", "encodings.latin_1", "encodings.utf_8_sig", "http.client", "traceback"}


def imported(site: Path) -> set[str]:
    """Return the names of our own modules and of all that they import, late imports included."""
    names = set(LATE)
    for source in site.glob("secretfetch*/**/*.py"):
        names.add(".".join(source.relative_to(site).with_suffix("").parts).removesuffix(".__init__"))
        for node in ast.walk(ast.parse(source.read_bytes())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def of_the_standard_library(names: set[str]) -> set[Path]:
    """Import these, and return the sources of the standard library that are loaded then."""
    for name in names:
        with contextlib.suppress(ImportError):  # an extra that is not installed, or no module but a name in one
            importlib.import_module(name)
    library = Path(sysconfig.get_path("stdlib"))
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    sources = {Path(file) for file in files if file and file.endswith(".py")}
    # A module may stand for another one there, as `_collections_abc` does for `collections.abc`.
    sources |= {library / f"{name.replace('.', '/')}.py" for name in list(sys.modules)}
    return {source for source in sources if _is_there(source, library)}


def _is_there(source: Path, library: Path) -> bool:
    return source.is_relative_to(library) and "site-packages" not in source.parts and source.exists()


def main(image: Path) -> None:
    """Compile the packages in place, and what the base image left uncompiled into the same places below `image`."""
    site = Path(sysconfig.get_path("purelib"))
    if not compileall.compile_dir(site, quiet=1, workers=0, invalidation_mode=UNCHECKED):
        sys.exit("a package cannot be compiled")
    for source in of_the_standard_library(imported(site)):
        compiled = Path(cache_from_source(str(source)))
        if not compiled.exists():
            target = image / compiled.relative_to("/")
            py_compile.compile(str(source), str(target), doraise=True, invalidation_mode=UNCHECKED)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
