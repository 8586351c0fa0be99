"""Rules of errors and logs."""

import io
import json
import logging

import pytest

from secretfetch import log
from secretfetch.errors import (
    AccessDenied,
    AuthFailed,
    ConfigError,
    DataError,
    KeyNotFound,
    NotFound,
    OutputError,
    SecretError,
    Several,
    Unavailable,
    exit_code_of,
    meant,
    near,
    one_or_several,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ConfigError, 78),
        (NotFound, 66),
        (KeyNotFound, 66),
        (DataError, 65),
        (AccessDenied, 77),
        (AuthFailed, 77),
        (Unavailable, 75),
        (OutputError, 73),
    ],
)
def test_exit_codes_are_a_contract(kind, code):
    """Each class has its documented code, and only an outage is worth a retry."""
    error = kind("x")
    assert (code, kind is Unavailable) == (exit_code_of(error), error.retryable)


def test_the_first_permanent_failure_decides():
    """Of several failures the first that no retry can cure gives the exit code, else the first."""
    down = Unavailable("down")
    assert 66 == exit_code_of(Several([down, NotFound("x"), AccessDenied("y")]))
    assert 75 == exit_code_of(Several([down, down]))


def test_one_failure_stays_itself():
    """A single error is raised as it is."""
    error = NotFound("x")
    assert error is one_or_several([error])


def test_failures_are_flat_and_told_once():
    """Failures of failures are taken apart, so that each has its exit code, and repetitions are left out."""
    one, other = KeyNotFound("a", ("fix", "x"), where="c:1"), DataError("b")
    told = one_or_several([one_or_several([one, other]), KeyNotFound("a", ("fix", "x"), where="c:1"), other])
    assert isinstance(told, Several)
    assert (one, other) == told.errors
    assert 66 == exit_code_of(told)


def test_notes_are_added_to_a_copy():
    """The error of one secret can be told for several places; the original and its own data stay."""
    error = Unavailable("down", ("fix", "wait"), retry_after=7.0)
    told = error.with_notes(("needed", "db"), where="c.yaml:1")
    assert isinstance(told, Unavailable)
    assert (("fix", "wait"), ("needed", "db")) == told.notes
    assert (7.0, "c.yaml:1: down", "") == (told.retry_after, str(told), error.where)


def test_near_names():
    """Hints ignore case and are silent when nothing is near."""
    assert ["Username"] == near("usernmae", ["Username", "host"])
    assert () == meant("zzz", ["Username"])
    assert (("meant", '"host"?'),) == meant("hots", ["host"])


def test_every_class_is_in_the_tree():
    """The docstring draws all classes."""
    import secretfetch.errors as module

    assert all(kind.__name__ in module.__doc__ for kind in SecretError.__subclasses__())


@pytest.fixture
def records():
    """Restore the loggers that a test sets up."""
    root, ours = logging.getLogger(), logging.getLogger("secretfetch")
    before = root.handlers[:], root.level, ours.level
    yield io.StringIO()
    root.handlers[:], root.level, ours.level = before


def test_json_records_have_fields(records):
    """One JSON object a line, with time, level, message, event and fields."""
    log.setup("json", "info", records)
    log.event("warning", "retry", "grün", store="aws-sm", retry_in_s=1.5)
    record = json.loads(records.getvalue())
    assert record.pop("time").endswith("Z")
    assert {"level": "warning", "msg": "grün", "event": "retry", "store": "aws-sm", "retry_in_s": 1.5} == record


def test_other_loggers_are_capped(records):
    """At --log-level debug other packages still log warnings only: their debug records may hold values."""
    log.setup("text", "debug", records)
    logging.getLogger("botocore.parsers").debug("s3cr3t")
    logging.getLogger("botocore.parsers").info("s3cr3t")
    log.event("debug", "x", "ours")
    assert "s3cr3t" not in records.getvalue()
    assert "ours" in records.getvalue()
