"""The ledger of figures, and the page that is made of it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from faults.figures import Figures

SCRIPT = Path(__file__).parents[2] / "docs" / "faults.py"


@pytest.fixture
def script():
    """docs/faults.py as a module."""
    spec = importlib.util.spec_from_file_location("faults_page", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_figures_of_several_processes_do_not_mix(tmp_path):
    """Each figure is one whole line, whoever else writes at the same time."""
    program = f"import sys; sys.path[:0] = [{str(SCRIPT.parents[1] / 'tests')!r}]; from faults.figures import Figures\n"
    program += f"for at in range(500): Figures({str(tmp_path / 'f')!r}).add('F1', 'n' * 300, at)"
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [0, 0] == [process.wait() for process in running]
    assert sorted([*range(500), *range(500)]) == sorted(
        json.loads(line)["value"] for line in (tmp_path / "f").read_text().splitlines()
    )


def test_without_a_ledger_figures_are_dropped(tmp_path, monkeypatch):
    """No variable, no file."""
    monkeypatch.chdir(tmp_path)
    Figures("").add("F1", "n", 1)
    assert os.listdir() == []


def test_a_fault_is_a_table(tmp_path, script, monkeypatch):
    """Cases are rows, names are columns; other text and other tables stay; a fault without a place gets one."""
    page = tmp_path / "page.md"
    page.write_text(
        "# P\n\nWords.\n\n<!-- F1 begin -->\nold\n<!-- F1 end -->\n\n<!-- F2 begin -->\nkept\n<!-- F2 end -->\n"
    )
    monkeypatch.setattr(script, "PAGE", page)
    figures = Figures(str(tmp_path / "ledger"))
    figures.add("F1", "kills", 1234, case="update")
    figures.add("F10", "n", "a|b")
    figures.add("F1", "torn", 0, case="grow")
    script.main(str(tmp_path / "ledger"))
    text = page.read_text()
    table = "|  | kills | torn |\n| --- | ---: | ---: |\n| update | 1,234 |  |\n| grow |  | 0 |"
    assert f"Words.\n\n<!-- F1 begin -->\n{table}\n<!-- F1 end -->\n\n<!-- F2 begin -->\nkept\n" in text
    assert "## F10\n\n<!-- F10 begin -->\n|  | n |\n| --- | ---: |\n|  | a\\|b |\n<!-- F10 end -->\n" in text
    script.main(str(tmp_path / "ledger"))
    assert page.read_text() == text
