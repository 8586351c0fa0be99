"""Outputs become files: formats, modes, order, and refusals that help."""

from __future__ import annotations

import re

import pytest

from secretfetch.bundle import File, Item
from secretfetch.errors import DataError, Several
from secretfetch.jsontext import Float
from secretfetch.plan import DataFile, Files, Origin, RawFile
from secretfetch.rendering import merge, render
from secretfetch.rendering.dialects import KUBELET_FILE, LINES
from secretfetch.rendering.documents import DOCUMENTS

ORIGIN = Origin("config.yaml", 8)
FORMATS = [*LINES, *DOCUMENTS]


def items(values):
    return {name: Item(value.encode() if isinstance(value, str) else value) for name, value in values.items()}


def refused(output, bundle):
    with pytest.raises((DataError, Several)) as raised:
        render(output, bundle)
    error = raised.value
    assert error.__cause__ is None
    return list(error.errors) if isinstance(error, Several) else [error]


def whole_text(error):
    return "\n".join([str(error), repr(error), *(f"{label}: {text}" for label, text in error.notes)])


@pytest.mark.parametrize("form", FORMATS)
def test_names_are_sorted_by_code_point(form):
    """In every format names stand in the order of their code points, whatever the order of the source."""
    names = ["b", "_z", "B", "a1", "a_", "aB", "A"]
    content = render(DataFile("f", format=form), items(dict.fromkeys(names, "x")))["f"].data.decode()
    assert re.findall(r"\b(\w+)\W*[=:]", content) == ["A", "B", "_z", "a1", "aB", "a_", "b"]


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_bundle_is_an_empty_file(form):
    """Without values a file of lines is empty and a document is an empty object."""
    assert render(DataFile("f", format=form), {})["f"].data == (b"{}\n" if form in DOCUMENTS else b"")


def test_mode_and_owner_are_the_outputs():
    """A file has the mode and owner of its output; in a directory, and raw, a value's own mode comes first."""
    bundle = {"a": Item(b"1", mode=0o400), "b": Item(b"2")}
    assert render(Files("d", mode=0o640, owner=(5, 6)), bundle) == {
        "d/a": File(b"1", 0o400, (5, 6)),
        "d/b": File(b"2", 0o640, (5, 6)),
    }
    assert render(DataFile("f", mode=0o600, owner=(5, 6), format="docker"), bundle) == {
        "f": File(b"a=1\nb=2\n", 0o600, (5, 6))
    }
    assert render(RawFile("r", mode=0o600), {"": Item(b"1", mode=0o400)}) == {"r": File(b"1", 0o400)}


def test_raw_is_verbatim_or_nothing():
    """A raw file is its one value, byte for byte; without a value there is no file."""
    assert render(RawFile("r"), {"": Item(b"\xff\0\r\n")})["r"].data == b"\xff\0\r\n"
    assert render(RawFile("r"), {}) == {}


def test_the_volume_itself_as_directory():
    """An empty path puts the files at the volume's root; names may make directories."""
    assert list(render(Files(""), items({"b/c": "1", "a.txt": "2"}))) == ["a.txt", "b/c"]
    assert list(render(Files("d/"), items({"b/c": "1"}))) == ["d/b/c"]


def test_documents_keep_types():
    """In JSON and YAML a selected number is a number in its own spelling, and a literal is text."""
    bundle = {"a": Item(b"1.50", node=Float("1.50")), "t": Item(b"1.50")}
    assert render(DataFile("f", format="json"), bundle)["f"].data == b'{\n  "a": 1.50,\n  "t": "1.50"\n}\n'
    assert render(DataFile("f", format="yaml"), bundle)["f"].data == b'a: 1.50\nt: "1.50"\n'
    assert render(DataFile("f", format="docker"), bundle)["f"].data == b"a=1.50\nt=1.50\n"


@pytest.mark.parametrize("form", sorted(LINES.keys() - {"properties"}))
@pytest.mark.parametrize("name", ["db-host", "1a", "", "ä", "A B", "A\n", "A=B", "#A"])
def test_names_are_never_changed(form, name):
    """A name that is no variable is refused in every dialect, with its origin, the output and a remedy."""
    output = DataFile("app.env", origin=ORIGIN, format=form)
    [error] = refused(output, {name: Item(b"s3cr3t", origin="db (config.yaml:9)")})
    assert error.exit_code == 65
    assert "\n" not in str(error)
    assert str(error).startswith("config.yaml:8: app.env: ")
    notes = dict(error.notes)
    assert notes["from"] == "db (config.yaml:9)"
    assert "`keys:`" in notes["fix"]
    assert "s3cr3t" not in whole_text(error)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("db-host", "`sanitize: true` in its `from` makes it db_host"),
        ("1a", "`prefix:` for"),
        ("1-a", "`prefix:` and `sanitize: true`"),
    ],
)
def test_remedies_for_names_would_help(name, remedy):
    """The remedy offered is one that makes this name a variable."""
    [error] = refused(DataFile("f"), items({name: "x"}))
    assert remedy in dict(error.notes)["fix"]


@pytest.mark.parametrize("form", ["properties", "json", "yaml"])
def test_other_formats_hold_any_name(form):
    """Properties and documents take names that are no variables."""
    assert render(DataFile("f", format=form), items({"db-host.é b": "x"}))["f"].data


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x", "", ".", "a/../b", "..a", "/a", "a\nb", "a//b", "x" * 256, "a\0b"]
)
def test_files_stay_in_the_volume(name):
    """A name that is no file of a volume is refused, and its value not shown."""
    [error] = refused(Files("files", origin=ORIGIN), items({name: "s3cr3t", "ok": "1"}))
    assert str(error).startswith("config.yaml:8: files: ")
    assert "\n" not in str(error)
    assert "s3cr3t" not in whole_text(error)


def test_a_file_is_no_directory():
    """Two names of one output of which one needs the other's file to be a directory are refused."""
    [error] = refused(Files("d"), items({"a": "1", "a/b": "2", "a.b": "3"}))
    assert '"a/b"' in str(error)
    assert '"a"' in str(error)


@pytest.mark.parametrize(
    ("form", "value", "able"),
    [
        ("dotenv", "it's $5, s3cr3t", "`shell`, `systemd`, `compose`, `docker`, `properties`, `json`, `yaml`"),
        ("dotenv", "s3cr3t\rx", "`shell`, `systemd`, `compose`, `docker`, `kubelet`, `properties`, `json`, `yaml`"),
        ("kubelet", "it's s3cr3t\n", "`shell`, `systemd`, `compose`, `dotenv`, `properties`, `json`, `yaml`"),
        ("docker", "s3cr3t\n", "`shell`, `systemd`, `compose`, `dotenv`, `kubelet`, `properties`, `json`, `yaml`"),
        ("systemd", "s3cr3t\0", "`properties`, `json`, `yaml`"),
        ("json", b"s3cr3t\xff", "`shell`"),
        ("yaml", b"s3cr3t\xff", "`shell`"),
        ("properties", b"s3cr3t\xff\0", ""),
        ("docker", "s3cr3t" * 20_000, "`shell`, `systemd`, `compose`, `dotenv`, `properties`, `json`, `yaml`"),
    ],
)
def test_refused_values_say_where_they_fit(form, value, able):
    """A value that does not fit is refused with its key, its origin and exactly the formats that hold it."""
    bundle = {
        "KEY": Item(value if isinstance(value, bytes) else value.encode(), origin="db#k (config.yaml:9)"),
        "OK": Item(b"1"),
    }
    [error] = refused(DataFile("app", origin=ORIGIN, format=form), bundle)
    notes = dict(error.notes)
    assert '"KEY"' in str(error)
    assert f"`{form}`" in str(error)
    assert notes["from"] == "db#k (config.yaml:9)"
    assert notes["fix"].startswith(
        f"a format that holds it ({able}), or a file of its own" if able else "a file of its own"
    )
    assert "s3cr3t" not in whole_text(error)


def test_a_format_is_not_offered_for_a_name_it_refuses():
    """To a value under a name that is no variable only formats for any name are offered."""
    [error] = refused(DataFile("f", format="properties"), items({"a-b": b"\xff"}))
    assert "format that holds" not in dict(error.notes)["fix"]


def test_all_that_is_wrong_is_said_at_once():
    """Every bad name and value of an output is in one failure."""
    errors = refused(DataFile("f", format="docker"), items({"a-b": "x\n", "C": "y\n", "D": "fine", "E": "z\r"}))
    assert [re.findall(r'"(.+?)"', str(error))[0] for error in errors] == ["C", "E", "a-b", "a-b"]


def test_the_kubelet_reads_64_kib():
    """A kubelet file of 65,536 bytes is written, one byte more is refused naming the largest value."""
    line = len(LINES["kubelet"]("A", b""))
    fits = items({"A": "x" * (KUBELET_FILE - line - line), "B": ""})
    assert len(render(DataFile("f", format="kubelet"), fits)["f"].data) == KUBELET_FILE
    [error] = refused(DataFile("f", format="kubelet"), fits | items({"B": "y"}))
    assert "65,536" in str(error)
    assert dict(error.notes)["largest"] == '"A"'


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_document_too_large_is_a_data_error(form):
    """A document beyond the limit is refused as data, not as a bug."""
    node: list = ["x" * 1000]
    for _ in range(30):
        node = [node, node]
    [error] = refused(DataFile("f", format=form), {"k": Item(b"", node=node)})
    assert error.exit_code == 65


def test_outputs_are_merged_in_order():
    """A volume's files are sorted by path over all its outputs."""
    merged = merge(
        [
            (output, render(output, items({"z": "1", "a": "2"})))
            for output in (Files("d"), DataFile("c", format="docker"))
        ]
    )
    assert list(merged) == ["c", "d/a", "d/z"]


@pytest.mark.parametrize(
    ("name", "words"), [("app.env", ["two outputs", "app.env"]), ("app.env/x", ["directory", "app.env/x"])]
)
def test_outputs_that_collide_are_refused(name, words):
    """A secret's key that is, or lies under, another output's file is a data error that names both."""
    outputs = [(DataFile("app.env"), items({"A": "s3cr3t"})), (Files("", origin=ORIGIN), items({name: "s3cr3t"}))]
    with pytest.raises(DataError) as raised:
        merge([(output, render(output, bundle)) for output, bundle in outputs])
    assert all(word in str(raised.value) for word in words)
    assert raised.value.where == "config.yaml:8"
    assert "exclude" in dict(raised.value.notes)["fix"]


def test_no_repr_shows_a_value():
    """Values are in no repr of what goes in and what comes out."""
    bundle = {"A": Item(b"s3cr3t", node="s3cr3t")}
    assert "s3cr3t" not in repr(bundle)
    assert "s3cr3t" not in repr(render(DataFile("f"), bundle))
