"""Rules of `on_change` in a config."""

import signal

import pytest

from secretfetch.errors import ConfigError
from secretfetch.manifests import hooks
from secretfetch.manifests.catalog import Surroundings
from secretfetch.manifests.document import parse
from secretfetch.plan import CommandHook, ExitHook, SignalHook, TouchHook, WebhookHook

AROUND = Surroundings(out="/out", root="/r")


def read(text):
    (document,) = parse(f"on_change:\n  - {text}\n".encode(), "c.yaml")
    (hook,) = hooks.read(document, AROUND)
    assert ("c.yaml", 2) == (hook.origin.file, hook.origin.line)
    return hook


@pytest.mark.parametrize(
    ("text", "number"),
    [("HUP", 1), ("SIGUSR1", 10), ("RTMIN+3", signal.SIGRTMIN + 3), ("RTMAX-1", signal.SIGRTMAX - 1)],
)
def test_signals_have_the_names_of_the_system(text, number):
    """With or without SIG; real-time signals are counted from an end."""
    hook = read(f"signal: {{process: nginx, signal: {text}}}")
    assert isinstance(hook, SignalHook)
    assert (number, "nginx") == (hook.signal, hook.process)


@pytest.mark.parametrize("text", ["HPU", "RTMIN+99", "HUP+1", "RTMIN+", "RTMAX-99"])
def test_a_signal_that_does_not_exist(text):
    """Told with the line, and with the near name where there is one."""
    with pytest.raises(ConfigError, match=f'unknown signal "{text[:3]}') as caught:
        read(f"signal: {{process: x, signal: {text}}}")
    assert "c.yaml:2" == caught.value.where
    assert text != "HPU" or '"HUP"?' in dict(caught.value.notes)["meant"]


def test_defaults_are_those_of_the_schema():
    """HUP; 30 s for a command; POST, 1 s and any status below 400 for a webhook; 80."""
    assert 1 == read("signal: {pid_file: /run/x.pid}").signal
    command, webhook = read("command: [a, b]"), read("webhook: http://127.0.0.1/")
    assert isinstance(command, CommandHook)
    assert isinstance(webhook, WebhookHook)
    assert (("a", "b"), 30.0) == (command.argv, command.timeout)
    assert ("POST", 1.0, 0) == (webhook.method, webhook.timeout, webhook.success)
    assert isinstance(read("exit: 80"), ExitHook)


@pytest.mark.parametrize(("text", "path"), [("x/y", "/out/x/y"), (".changed", "/out/.changed"), ("/a/b", "/r/a/b")])
def test_touch_lies_where_an_output_would(text, path):
    """A relative path below `--out`, an absolute one behind `--root`."""
    hook = read(f"touch: {text}")
    assert isinstance(hook, TouchHook)
    assert path == hook.path


@pytest.mark.parametrize("text", ["touch: ../x", "touch: x/", "touch: ..data", "command: {run: [x], timeout: 0s}",
                                  "webhook: {url: 'http://x/', timeout: 0s}", "webhook: 'http://x/ y'",
                                  "webhook: 'http://[::1/'", "webhook: 'http://h:x/'", "webhook: 'http:///x'",
                                  "signal: {process: ''}", "exit: null"])  # fmt: skip
def test_what_no_hook_can_be(text):
    """Refused before anything is fetched, with its line."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert "c.yaml:2" == caught.value.where
