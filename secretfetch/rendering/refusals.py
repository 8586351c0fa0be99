"""What is said when a name or a value does not fit an output: which, where from, why, and what to do instead.

What does not belong here: finding out (`secretfetch.rendering`), and the values themselves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from secretfetch.errors import DataError
from secretfetch.names import printable, secret_key_fault, variable_fault
from secretfetch.plan import VARIABLES
from secretfetch.rendering.dialects import KUBELET_FILE, LINES, CannotHold, decoded
from secretfetch.rendering.documents import DOCUMENTS

if TYPE_CHECKING:
    from secretfetch.bundle import Item
    from secretfetch.plan import DataFile, Files, KubeSecret, Output

_ELSEWHERE = "leave the name out of one output with `exclude`, or give one output another path"
_RENAME = "leave it out with `exclude`, or give it another name under `keys:`"


def no_variable(output: DataFile, name: str, item: Item) -> DataError:
    """Refuse a name that no environment variable can have."""
    clean = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if not clean:
        fix = "name it yourself under `keys:`"
    elif not variable_fault(clean):
        fix = f"`sanitize: true` in its `from` makes it {printable(clean)}; or name it yourself under `keys:`"
    else:
        more = " and `sanitize: true`" if clean != name else ""
        fix = f"name it yourself under `keys:`; or a `prefix:`{more} for all names of its `from`"
    return _about(output, item, f"{_shown(name)} {variable_fault(name)}: `{output.format}` holds variables", fix)


def no_file(output: Files, name: str, item: Item, fault: str) -> DataError:
    """Refuse a name that no file of a volume can have."""
    return _about(output, item, f"{_shown(name)} {fault}", _RENAME)


def no_secret_key(output: KubeSecret | Files, name: str, item: Item, fault: str) -> DataError:
    """Refuse a name that no key of a Kubernetes Secret can have."""
    clean = re.sub(r"[^A-Za-z0-9_]", "_", name)
    fix = f"`sanitize: true` in its `from` makes it {printable(clean)}; or name it yourself under `keys:`"
    fix = _RENAME if secret_key_fault(clean) or clean == name else fix
    return _about(output, item, f"{_shown(name)} {fault}: it cannot be a key of a Kubernetes Secret", fix)


def too_much_for_a_secret(output: KubeSecret | Files, largest: str) -> DataError:
    """Refuse more data than a Kubernetes Secret holds."""
    return DataError(
        f"{_name(output)}: the data is over 1,048,576 bytes, which is the most that a Kubernetes Secret holds",
        ("largest", _shown(largest)),
        ("fix", "divide it among several Secrets, or write large values to a volume"),
        where=str(output.origin),
    )


def under_a_file(output: Files, name: str, parent: str, item: Item) -> DataError:
    """Refuse a name that makes a directory of another name's file."""
    return _about(output, item, f"{_shown(name)} needs a directory where {_shown(parent)} is a file", _RENAME)


def unfit(output: DataFile, name: str, item: Item, why: CannotHold) -> DataError:
    """Refuse a value, and name the formats that hold this very value."""
    able = ", ".join(f"`{other}`" for other in (*LINES, *DOCUMENTS) if _fits(other, name, item))
    formats = f"a format that holds it ({able}), or " if able else ""
    headline = f"the value of {_shown(name)} does not fit the format `{output.format}`: {why}"
    return _about(output, item, headline, f"{formats}a file of its own (an output whose path ends in /)")


def too_much_for_kubelet(output: DataFile, largest: str) -> DataError:
    """Refuse a file that is larger than the kubelet reads."""
    return DataError(
        f"{output.path}: the file is over {KUBELET_FILE:,} bytes, which the kubelet does not read",
        ("largest", _shown(largest)),
        ("fix", "divide it among several outputs, or make large values files of their own (a path that ends in /)"),
        where=str(output.origin),
    )


def too_large(output: DataFile, why: Exception) -> DataError:
    """Refuse a document. `why` is a `TooLarge`, whose text has nothing of the document."""
    return DataError(f"{output.path}: the file cannot be written: {why}", where=str(output.origin))


def twice(output: Output, other: Output, path: str) -> DataError:
    """Refuse a path that two outputs write."""
    headline = f"two outputs write {_shown(path)}: {_name(other)} and {_name(output)}"
    return DataError(headline, ("fix", _ELSEWHERE), where=str(output.origin))


def blocked(output: Output, path: str, parent: str) -> DataError:
    """Refuse a path that lies under another output's file."""
    headline = f"{_shown(path)} needs a directory where {_shown(parent)} is a file"
    return DataError(headline, ("fix", _ELSEWHERE), where=str(output.origin))


def _about(output: Output, item: Item, headline: str, fix: str) -> DataError:
    origin = (("from", item.origin),) if item.origin else ()
    return DataError(f"{_name(output)}: {headline}", *origin, ("fix", fix), where=str(output.origin))


def _name(output: Output) -> str:
    return output.path or "./"


def _shown(name: str) -> str:
    return f'"{printable(name)}"'


def _fits(form: str, name: str, item: Item) -> bool:
    if form in VARIABLES and variable_fault(name):
        return False
    try:
        line = LINES[form](name, item.data) if form in LINES else decoded(item.data)
    except CannotHold:
        return False
    return form != "kubelet" or len(line) <= KUBELET_FILE
