"""`exec`: fetch, and become the program.

What does not belong here: flags (`command_line`), and how a program is started (`sinks`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretfetch.cli import ignored_before, session
from secretfetch.manifests import environment
from secretfetch.processes import as_started, harden, inherited, scrubbed
from secretfetch.sinks import init, process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretfetch.cli.options import Globals
    from secretfetch.plan import Plan


def run(refs: Sequence[str], program: Sequence[str], flags: Globals, *, pristine: bool) -> int:
    """Run a program with secrets in its environment, in the place of this process. Process 1 stays, as its init.

    Returns:
        The program's status; of process 1 alone.

    Raises:
        SecretError: It was not started.
    """
    if os.getpid() == 1 and (status := init.split(harden)) is not None:
        return status
    environ = as_started(os.environ)
    undo = harden()
    rendered, _ = session.run(_plan(refs, flags), flags.timeout, lasting=True)
    values = {name: file.data for item in rendered for name, file in item.files.items()}
    around = scrubbed(environ, {}) if pristine else inherited(environ)
    undo()
    return process.replace(program, process.encoded(around, values), ignored_before)


def _plan(refs: Sequence[str], flags: Globals) -> Plan:
    if refs:
        return environment.of_references(refs, session.catalog(flags))
    return environment.of_plan(session.plan_of_config(flags))
