"""The programs that read env files, run for real: what is written is what they see. One start per batch of values."""

from __future__ import annotations

import pytest
from rendering import readers
from rendering.values import many

from secretfetch.rendering.dialects import LINES, CannotHold

BATCH = 1500


def written(form, values):
    """Return the file of all values that the dialect holds, and those values by name."""
    lines, held = [], {}
    for place, value in enumerate(values):
        try:
            lines.append(LINES[form](f"V{place}", value))
        except CannotHold:
            continue
        held[f"V{place}"] = value
    return b"".join(lines), held


@pytest.mark.parametrize("program", ["bash", "dash"])
@pytest.mark.parametrize("form", ["shell", "systemd", "dotenv"])
def test_shells_read_the_values_and_run_nothing(program, form):
    """A shell that sources shell, systemd or portable dotenv files gets every value back and executes none of it."""
    data, held = written(form, [value.encode() for value in many(BATCH)])
    assert len(held) > BATCH / 4
    assert readers.posix(program)(data, list(held)) == held


@pytest.mark.parametrize("program", ["bash", "dash"])
def test_shells_read_bytes(program):
    """Shell files keep bytes that are no text, every single one and pairs of the special ones."""
    values = [bytes([byte]) for byte in range(1, 256)]
    values += [bytes([first, second]) for first in (0x27, 0x5C, 0x81, 0x88, 0xC3, 0xFF) for second in range(1, 256)]
    data, held = written("shell", values)
    assert len(held) == len(values)
    assert readers.posix(program)(data, list(held)) == held


def test_node_reads_portable_dotenv():
    """`node --env-file` gets every value of a portable dotenv file back."""
    data, held = written("dotenv", [value.encode() for value in many(BATCH)])
    assert len(held) > BATCH / 4
    assert readers.node(data, list(held)) == held


@pytest.mark.parametrize("form", ["systemd", "dotenv"])
def test_systemd_reads_what_is_written_for_it(form):
    """The parser of systemd itself gets every value of systemd and portable dotenv files back."""
    values = [value.encode() for value in many(BATCH) if not {"\ufffe", "\uffff"} & set(value)]
    data, held = written(form, values)
    assert len(held) > BATCH / 4
    assert readers.libsystemd(data) == held


def test_systemd_takes_noncharacters_for_broken_text():
    """The reason for refusing noncharacters: systemd drops a whole file over one of them."""
    with pytest.raises(readers.Unreadable):
        readers.libsystemd(LINES["dotenv"]("K", "\uffff".encode()))


def test_systemd_and_its_re_reader_agree():
    """The re-reader that stands in for systemd elsewhere reads each file as systemd does."""
    for form in ("systemd", "dotenv"):
        for value in many(300):
            data, held = written(form, [value.encode()])
            assert outcome(readers.systemd, data) == outcome(readers.libsystemd, data), held


def outcome(read, data):
    try:
        return read(data)
    except readers.Unreadable:
        return None


def test_java_reads_properties():
    """Java's Properties gets every name and value back, names of any characters included."""
    values = [*many(BATCH), "\0", "a\0b"]
    named = {f"{value}{place}" if place % 2 else f"{place}{value}": value for place, value in enumerate(values)}
    data = b"".join(LINES["properties"](name, value.encode()) for name, value in named.items())
    assert readers.java(data) == named
