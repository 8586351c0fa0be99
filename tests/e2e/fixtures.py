"""Fixtures of the tests that run containers, and the table of what they have checked.

A test module names this one in `pytest_plugins`. What does not belong here: a rule.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e import engine, images
from e2e.pods import Pod

HERE = Path(__file__).parent
_ROWS: list[tuple[str, str, str]] = []


@pytest.fixture(scope="session")
def containers():
    """Skip where no container can be run."""
    if reason := engine.missing():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def image(containers):
    """Give the name of the project's image, built from this working copy."""
    return images.secretfetch()


@pytest.fixture
def play(image, tmp_path):
    """Give a way to run a pod; it is removed at the end of the test."""
    pods = []

    def run(manifest=HERE / "pod.yaml", edit=lambda text: text, **change):
        pod = Pod(edit(manifest.read_text()), tmp_path, **change)
        pods.append(pod)
        return pod.__enter__()

    yield run
    for pod in pods:
        pod.__exit__()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Note each test that ran containers: what of, its rule, its seconds."""
    report = yield
    if call.when == "call" and "containers" in item.fixturenames:
        rule = (item.function.__doc__ or "").rstrip(".")
        name = item.name.removeprefix("test_").replace("_", " ")
        _ROWS.append((name, rule, f"{call.duration:.1f}" if report.passed else report.outcome))
    return report


def pytest_terminal_summary(terminalreporter):
    """Print the table."""
    if _ROWS:
        terminalreporter.section("checked with containers")
        for name, rule, seconds in _ROWS:
            terminalreporter.write_line(f"{name:<60} {seconds:>7}  {rule}")
