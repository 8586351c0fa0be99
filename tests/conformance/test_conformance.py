"""The conformance cases of the own config language: what a user writes, and byte for byte what comes of it."""

import pytest
from conformance.harness import differences, read, run

_SUITES = ("own.yaml", "more.yaml")
_CASES = [case for file in _SUITES for case in read(file)]

# Not run yet; each with what it waits for.
_LATER = {
    "kubernetes-secret": "there are no outputs of Kubernetes Secrets",
}


def test_left_out_cases_are_those_that_need_what_is_not_there():
    """No case is left out but those that need Kubernetes Secrets."""
    waiting = {case.name for case in _CASES if "kubernetes" in case.needs}

    assert set(_LATER) == waiting


def test_names_of_cases_are_unique():
    """Two cases of one name would hide each other in a report."""
    names = [case.name for case in _CASES]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in _CASES if case.name not in _LATER])
def test_case(case, tmp_path):
    """Every case gives the files, the output, the exit code and the message that it expects."""
    ran = run(case, tmp_path)

    assert [] == differences(case, ran), f"{case.why}\nexit {ran.status}\n{ran.stdout}{ran.stderr}"
