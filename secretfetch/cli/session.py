"""One run of the layers for a command: read the input, fetch, build.

What does not belong here: flags and printing, except for progress on a terminal.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from secretfetch import manifests, materialize
from secretfetch.cli import telling
from secretfetch.cli.options import DEFAULT_CONFIG
from secretfetch.manifests import own
from secretfetch.manifests.catalog import Catalog, Surroundings
from secretfetch.stores import BUILT_IN, Stores, known_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from secretfetch.cli.options import Globals
    from secretfetch.errors import SecretError
    from secretfetch.manifests.document import Document
    from secretfetch.materialize import Rendered
    from secretfetch.plan import Plan
    from secretfetch.provider import SecretRef, SecretValue

_PATIENCE = 1.0  # seconds before a terminal is told what is waited for, and between the times that it is told


def surroundings(flags: Globals) -> Surroundings:
    """Tell the readers what they need to know of the world."""
    return Surroundings(
        out=os.path.abspath(flags.out),
        root=os.path.abspath(flags.root) if flags.root else "",
        environ=os.environ,
        is_provider=lambda name: name in BUILT_IN or name in known_names(),
        provider_names=known_names,
        kube_secrets=flags.kube_secrets.kind,
        kube_dir=os.path.abspath(flags.kube_secrets.path) if flags.kube_secrets.path else "",
    )


def plan_of_config(flags: Globals) -> Plan:
    """Read the config.

    Raises:
        ConfigError: It cannot be read, or is wrong.
    """
    return own.plan(manifests.load(flags.config or (DEFAULT_CONFIG,)), surroundings(flags))


def catalog(flags: Globals) -> Catalog:
    """Read what references on the command line may name; without a config, providers only.

    Raises:
        ConfigError: The config cannot be read, or is wrong.
    """
    document: Document | None = None
    if flags.config or os.path.exists(DEFAULT_CONFIG):
        document = manifests.load(flags.config or (DEFAULT_CONFIG,))
    return own.catalog(document, surroundings(flags))


def run(
    plan: Plan, timeout: float, *, lasting: bool = False
) -> tuple[list[Rendered], dict[SecretRef, SecretValue | SecretError]]:
    """Fetch and build everything; write nothing.

    `lasting`: what a store mints is used after this process, so that the stores are not closed, which may revoke it.

    Raises:
        SecretError: Whatever went wrong.
    """
    # A provider that hangs cannot be closed: the process ends without waiting for it.
    stores = Stores(plan.stores, on_retry=telling.retry)
    stores.check()
    with progress(plan):
        outcomes = materialize.fetch(plan, stores, deadline=time.monotonic() + timeout)
    if not lasting:
        stores.close()
    return materialize.build(plan, outcomes), outcomes


@contextmanager
def progress(plan: Plan) -> Iterator[Callable[[], object]]:
    """Show on a terminal what is being waited for, once a second has passed; what is yielded ends that before."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    count = len({source.ref for source in plan.sources()})
    done = threading.Event()

    def show() -> None:
        seconds = 0
        while not done.wait(_PATIENCE):
            seconds += 1
            sys.stderr.write(f"\rfetching {count} secrets from {', '.join(plan.stores)} ... {seconds} s ")
            sys.stderr.flush()
        if seconds:
            sys.stderr.write("\r\x1b[K")

    thread = threading.Thread(target=show, daemon=True)

    def end() -> None:
        done.set()
        thread.join()

    thread.start()
    try:
        yield end
    finally:
        end()


def references(words: Sequence[str], target: str, kind: str | None, flags: Globals) -> Plan:
    """Plan `fetch REF... -o TARGET`.

    Raises:
        ConfigError: As in a config.
    """
    return own.target_plan(words, target, kind, catalog(flags))
