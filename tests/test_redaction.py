"""Rules of the second line of defence: a known value is taken out of the log, whoever logs it."""

import io
import json
import logging

import pytest
from canaries import DOCUMENT, VALUES, leaks

from secretfetch import log, redaction


@pytest.fixture(params=["text", "json"])
def stream(request):
    """Give what is logged, in each style; the process's own handlers come back."""
    root, ours = logging.getLogger(), logging.getLogger("secretfetch")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    made = io.StringIO()
    log.setup(request.param, "debug", made)
    yield made
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


@pytest.mark.parametrize("name", ["botocore.parsers", "urllib3", "secretfetch.vault"])
def test_known_values_are_taken_out_of_every_record(stream, name):
    """Message, arguments and fields: none of 50 values is seen, whole or as a part of their document."""
    with redaction.known([json.dumps(DOCUMENT).encode()]):
        logging.getLogger(name).warning("answer %s", json.dumps(DOCUMENT))
        logging.getLogger(name).warning("values %r", VALUES)
        logging.getLogger(name).warning("fields", extra={"fields": {"a": VALUES[0], "b": VALUES[1]}})
    assert redaction.HIDDEN in stream.getvalue()
    assert [] == leaks(stream.getvalue())[:3]


def test_a_record_shows_no_exception(stream):
    """A traceback, and the text of an exception, may hold anything: neither is written, known or not."""
    try:
        int(VALUES[3])
    except ValueError:
        logging.getLogger("urllib3").exception("failed")
    assert "failed" in stream.getvalue()
    assert [] == leaks(stream.getvalue())


def test_what_was_known_is_known_no_more(stream):
    """A value is kept for its round only; two rounds may know the same."""
    with redaction.known([b"shop-password"]), redaction.known([b"shop-password"]):
        pass
    assert [] == redaction._known
    logging.getLogger("x").warning("shop-password")
    assert "shop-password" in stream.getvalue()


def test_short_values_may_be_names(stream):
    """A short value in a record of ours is a name that happens to be equal; in a library's it is taken out."""
    with redaction.known([b'{"env": "prod"}']):
        logging.getLogger("secretfetch").warning("aws-sm://prod/db")
        logging.getLogger("library").warning("read prod")
    assert "aws-sm://prod/db" in stream.getvalue()
    assert "read [redacted]" in stream.getvalue()


def test_libraries_are_heard_from_warnings_up_only(stream):
    """botocore logs values below that; the loudest level of ours does not change it."""
    logging.getLogger("botocore").debug("quiet please")
    logging.getLogger("botocore").info("quiet please")
    assert "" == stream.getvalue()
