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


def test_a_record_that_cannot_be_written_shows_nothing(stream, capfd):
    """A library's record whose arguments do not fit its text is dropped; its arguments are printed nowhere."""
    (handler,) = (one for one in logging.getLogger().handlers if isinstance(one, log._Handler))
    handler.handle(logging.LogRecord("urllib3", logging.WARNING, __file__, 1, "%s %s", (VALUES[0],), None))
    assert [] == leaks(stream.getvalue() + "".join(capfd.readouterr()))


def test_a_library_cannot_raise_its_own_voice(stream):
    """A logger that has set a level for itself is heard from warnings up all the same."""
    library = logging.getLogger("botocore.parsers")
    library.setLevel(logging.DEBUG)
    try:
        library.debug("value %s", VALUES[0])
    finally:
        library.setLevel(logging.NOTSET)
    assert "" == stream.getvalue()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b'{"doc": "{\\"key\\": \\"inner-secret-1\\"}"}', "read inner-secret-1 now"),
        (b'{"pem": "-----BEGIN-----\\nMIIEvQIBADANBgkq\\n-----END-----"}', "line MIIEvQIBADANBgkq"),
        (b"\xff\xfe\x00binary\xff", "cached //4AYmluYXJ5/w=="),
        (b'{"pin": 12345678}', "pin=12345678"),
    ],
)
def test_values_inside_of_values(stream, value, shown):
    """JSON inside of JSON, single lines of a key, binary data in base64, numbers."""
    with redaction.known([value]):
        logging.getLogger("library").warning(shown)
        logging.getLogger("library").warning("x", extra={"fields": {"list": [shown], "error": ValueError(shown)}})
    assert 3 <= stream.getvalue().count(redaction.HIDDEN)


def test_a_name_begins_no_line(stream):
    """Line breaks and escape sequences in what is logged are shown, not obeyed."""
    logging.getLogger("secretfetch").warning("a\nb \x1b[2J")
    assert 1 == stream.getvalue().count("\n")
    assert "\x1b" not in stream.getvalue()
