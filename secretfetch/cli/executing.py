"""`exec`: fetch, and become the program; or stay beside it, with `--watch`.

What does not belong here: flags (`command_line`), how a program is started (`sinks`), and the loop (`supervising`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from secretfetch.cli import ignored_before, session
from secretfetch.manifests import environment
from secretfetch.processes import as_started, harden, inherited, scrubbed
from secretfetch.sinks import init, process

if TYPE_CHECKING:
    from secretfetch.cli.command_line import ProgramWishes
    from secretfetch.cli.options import Globals
    from secretfetch.cli.wishes import Wishes
    from secretfetch.plan import Plan


class Run(NamedTuple):
    """What is to be run: references, the program with its arguments, and how."""

    refs: tuple[str, ...]
    program: tuple[str, ...]
    wishes: ProgramWishes

    def start(self, flags: Globals, wishes: Wishes) -> int:
        """Run the program with secrets in its environment. Process 1 stays, as its init.

        Returns:
            The program's status: of process 1, and with --watch. Else the program is in the place of this process.

        Raises:
            SecretError: It was not started.
        """
        if os.getpid() == 1 and (status := init.split(harden)) is not None:
            return status
        started = as_started(os.environ)
        around = scrubbed(started, {}) if self.wishes.pristine else inherited(started)
        if self.wishes.watch:
            from secretfetch.cli import supervising  # noqa: PLC0415 - start-up cost

            return supervising.watch(supervising.Program(self.program, around, self.wishes), flags, wishes, self._plan)
        return self._become(flags, around)

    def _become(self, flags: Globals, around: dict[str, str]) -> NoReturn:
        undo = harden()
        rendered, _ = session.run(self._plan(flags), flags.timeout, lasting=True)
        values = {name: file.data for item in rendered for name, file in item.files.items()}
        undo()
        process.replace(self.program, process.encoded(around, values), ignored_before)

    def _plan(self, flags: Globals) -> Plan:
        if self.refs:
            return environment.of_references(self.refs, session.catalog(flags))
        return environment.of_plan(session.plan_of_config(flags))
