"""What `exec` gives to a program: the env outputs of a plan, or references of the command line, as one `Process`.

What does not belong here: the config language (`own`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from secretfetch.errors import ConfigError
from secretfetch.manifests import own
from secretfetch.plan import VARIABLES, DataFile, Entries, Entry, Plan, Process, Spread, Volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretfetch.manifests.catalog import Catalog

# A scheme ends in a colon and no secret of a config has a = in its name: this is nothing else.
_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.+)", re.DOTALL)


def of_plan(plan: Plan) -> Plan:
    """Reduce a plan to its env outputs; secrets that nothing else uses are not asked for.

    Raises:
        ConfigError: There is none.
    """
    volumes = [target for target in plan.targets if isinstance(target, Volume)]
    outputs = [output for volume in volumes for output in volume.outputs]
    found = tuple(output for output in outputs if isinstance(output, DataFile) and output.format in VARIABLES)
    if not found:
        raise ConfigError(
            "the config has no env output, and so no variables for the program",
            ("fix", "add an output such as {path: app.env, from: SECRET}, or name REFs before the --"),
            where=plan.files[-1] if plan.files else "",
        )
    return _plan(plan, Process(found))


def of_references(words: Sequence[str], made: Catalog) -> Plan:
    """Plan `exec REF... NAME=REF... -- CMD`: the spread of each REF, one variable for each NAME.

    Raises:
        ConfigError: As in a config, or a NAME is given twice.
    """
    named = {word: match for word in words if (match := _NAMED.fullmatch(word))}
    names = [match[1] for match in named.values()]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f'"{name}" is given twice on the command line', ("fix", "keep one of them"))
    spreads = own.sources([word for word in words if word not in named], made)
    keys = own.sources([match[2] for match in named.values()], made)
    entries = Entries(
        spreads=tuple(Spread(source) for source in spreads),
        keys=tuple(Entry(name, source) for name, source in zip(names, keys, strict=True)),
    )
    process = Process((DataFile(path="", origin=own.COMMAND_LINE, entries=entries),))
    return _plan(Plan(made.stores, (process,), files=tuple(made.files)), process)


def _plan(whole: Plan, process: Process) -> Plan:
    """Keep what the process needs."""
    draft = Plan({}, (process,), whole.refresh, (), whole.files)
    used = {source.ref.store for source in draft.sources()}
    stores = {name: store for name, store in whole.stores.items() if name in used}
    return Plan(stores, draft.targets, draft.refresh, draft.on_change, draft.files)
