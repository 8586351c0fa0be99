"""`${VAR}` in references and store settings: expanded once, from the environment, and nowhere else.

What does not belong here: deciding which texts are expanded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from secretfetch.errors import ConfigError, meant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretfetch.plan import Origin

_VARIABLE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(:-((?:[^}])*))?\})?")


def expand(text: str, environ: Mapping[str, str], origin: Origin) -> str:
    """Fill in `${VAR}` and `${VAR:-default}`; `$${` stands for `${`. What was filled in is not looked at again.

    Raises:
        ConfigError: A variable is unset and has no default, or the braces do not hold a name.
    """

    def fill(found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "${"
        name = found[1]
        if name is None:
            raise ConfigError(
                "${ is not followed by the name of a variable and }",
                ("fix", "write $${ for a literal ${"),
                where=str(origin),
            )
        value = environ.get(name, "")
        if value or (name in environ and found[2] is None):
            return value
        if found[2] is not None:
            return found[3]
        raise ConfigError(
            f"the environment variable {name} is not set",
            *meant(name, environ),
            ("fix", f"set it, give a default: ${{{name}:-VALUE}}, or write $${{ for a literal ${{"),
            where=str(origin),
        )

    return _VARIABLE.sub(fill, text)


def expand_all(value: Any, environ: Mapping[str, str], origin: Origin) -> Any:
    """Expand every text in a setting; names of nested settings stay as they are."""
    if isinstance(value, str):
        return expand(value, environ, origin)
    if isinstance(value, dict):
        return {name: expand_all(item, environ, origin) for name, item in value.items()}
    return [expand_all(item, environ, origin) for item in value] if isinstance(value, list) else value
