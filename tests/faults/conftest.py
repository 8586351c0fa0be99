"""What the tests of faults share."""

from __future__ import annotations

import os

import pytest
from faults.figures import Figures
from sinks.conftest import memory_path

__all__ = ["memory_path"]


@pytest.fixture(scope="session")
def figures():
    """Where figures are added."""
    return Figures(os.environ.get("FAULT_FIGURES", ""))
