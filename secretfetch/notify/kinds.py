"""The kinds of hooks, and where each is done. What does not belong here: doing it, and trying again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretfetch.errors import HookFailed
from secretfetch.plan import CommandHook, SignalHook, TouchHook, WebhookHook

if TYPE_CHECKING:
    from secretfetch.notify.commands import Children
    from secretfetch.plan import Hook

_KINDS = {SignalHook: "signal", CommandHook: "command", WebhookHook: "webhook", TouchHook: "touch"}


def kind_of(hook: Hook) -> str:
    """Return the word that a config has for a hook."""
    return _KINDS.get(type(hook), "exit")


def run(hook: Hook, paths: tuple[str, ...], children: Children, proc: str) -> None:
    """Do what a hook asks for, once.

    Raises:
        HookFailed: It has not worked.
    """
    try:
        _run(hook, paths, children, proc)
    except HookFailed as error:
        raise error.with_notes(where=str(hook.origin)) from None
    except Exception as error:  # noqa: BLE001 - one hook must not end the thread of all; the text may hold anything
        headline = f"the {kind_of(hook)} of this hook failed with {type(error).__name__}, which nobody expected"
        raise HookFailed(headline, ("note", "this is a bug"), where=str(hook.origin)) from None


def _run(hook: Hook, paths: tuple[str, ...], children: Children, proc: str) -> None:
    if isinstance(hook, SignalHook):
        from secretfetch.notify import signals  # noqa: PLC0415 - only what is asked for

        signals.send(hook, proc)
    elif isinstance(hook, CommandHook):
        children.run(hook, paths)
    elif isinstance(hook, WebhookHook):
        from secretfetch.notify import webhooks  # noqa: PLC0415 - only what is asked for

        webhooks.request(hook)
    elif isinstance(hook, TouchHook):
        from secretfetch.notify import touches  # noqa: PLC0415 - only what is asked for

        touches.touch(hook)
