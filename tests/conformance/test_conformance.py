"""The conformance cases of the own config language: what a user writes, and byte for byte what comes of it."""

import pytest
from conformance.harness import differences, read, run

_SUITES = ("own.yaml", "more.yaml")
_CASES = [case for file in _SUITES for case in read(file)]


def test_names_of_cases_are_unique():
    """Two cases of one name would hide each other in a report."""
    names = [case.name for case in _CASES]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in _CASES])
def test_case(case, tmp_path):
    """Every case gives the files, the output, the exit code and the message that it expects."""
    ran = run(case, tmp_path)

    assert [] == differences(case, ran), f"{case.why}\nexit {ran.status}\n{ran.stdout}{ran.stderr}"
