"""Rules of mapping: fetched values + entries -> names and values."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretfetch.bundle import MISSING
from secretfetch.errors import AccessDenied, DataError, KeyNotFound, NotFound, Several
from secretfetch.mapping import Documents, project, shown
from secretfetch.mapping.decoding import decode
from secretfetch.mapping.rewriting import rewritten
from secretfetch.plan import (
    DataFile,
    Entries,
    Entry,
    Literal,
    Origin,
    PathsTo,
    RawFile,
    Rewrite,
    Select,
    Source,
    Spread,
    Template,
)
from secretfetch.provider import SecretRef, SecretValue, Version

REF = SecretRef("mem", "db")


def source(*expressions, name="db", ref=REF, optional=False):
    return Source(ref, name, tuple(Select(text) for text in expressions), optional, Origin("c.yaml", 4))


def documents(data, **more):
    return Documents({REF: SecretValue(data, Version("1"), **more)})


def values(entries, held):
    return {name: item.data.decode() for name, item in project(DataFile(path="x.env", entries=entries), held).items()}


def picked(data, *expressions, **settings):
    item = project(RawFile(path="x", entry=Entry("x", source(*expressions), **settings)), documents(data)).get("")
    return None if item is None else item.data


def test_plain_key_wins_over_jmespath():
    """The expression's text is first a key of the top object, whatever signs it has."""
    data = b'{"a.b": "plain", "a": {"b": "nested"}, "c": {"d": "deep"}, "x[0]": "odd"}'
    assert [b"plain", b"deep", b"odd"] == [picked(data, text) for text in ("a.b", "c.d", "x[0]")]


def test_whole_values_are_verbatim():
    """Without an expression nothing is parsed."""
    assert b'\xff{ "a" : 1 }\n' == picked(b'\xff{ "a" : 1 }\n')


def test_a_view_is_selected_from_and_never_written():
    """Where a store gives text in another notation, keys come from its JSON view and the whole is the text."""
    held = documents(b"user: shop\n", view=b'{"user":"shop"}')
    bundle = project(RawFile(path="x", entry=Entry("x", source())), held)
    assert b"user: shop\n" == bundle[""].data
    assert {"user": "shop"} == values(Entries(spreads=(Spread(source()),)), held)


def test_a_secret_that_is_text_inside_of_another_is_a_document():
    """What the reference of a secret selects is what the secret is: JSON as text is JSON for a further selection."""
    inner = Source(REF, "inner", (Select("blob", whole=True),), origin=Origin("c.yaml", 4))
    deeper = Source(REF, "inner", (Select("blob", whole=True), Select("a")), origin=Origin("c.yaml", 4))
    held = documents(b'{"blob": "{\\"a\\": 1.50}", "text": "s3cr3t"}')
    entries = Entries(spreads=(Spread(inner),), keys=(Entry("whole", inner), Entry("key", deeper)))
    assert {"a": "1.50", "key": "1.50", "whole": '{"a": 1.50}'} == values(entries, held)
    with pytest.raises(DataError, match="is not JSON"):
        documents(b'{"blob": "s3cr3t"}').node(deeper)


@pytest.mark.parametrize("settings", [{"optional": True}, {"default": b"d"}])
def test_literals_and_templates_take_the_same_fields(settings):
    """decode, default and optional go with a literal and a template as with a secret."""
    template = Template("{{ db.b }}", (("db", source()),), Origin("c.yaml", 5))
    gone = Template("{{ db.nope }}", (("db", source()),), Origin("c.yaml", 6))
    held = documents(b'{"b": "NQ=="}')
    entries = Entries(
        keys=(
            Entry("L", Literal(b"NQ=="), "base64", **settings),
            Entry("T", template, "base64", **settings),
            Entry("G", gone, **settings),
        )
    )
    expected = {"L": "5", "T": "5"} | ({"G": "d"} if "default" in settings else {})
    assert expected == values(entries, held)


def test_null_and_nothing_are_missing():
    """A missing value takes the default, is left out if optional, and is an error otherwise."""
    data = b'{"nil": null, "empty": "", "no": false}'
    assert b"d" == picked(data, "nil", default=b"d")
    assert None is picked(data, "nope", optional=True)
    assert [b"", b"false"] == [picked(data, text, default=b"d") for text in ("empty", "no")]
    with pytest.raises(KeyNotFound):
        picked(data, "nil")


def test_the_error_of_a_missing_key_helps():
    """It names near keys, all keys, the place, and says that it is no permission problem; never a value."""
    with pytest.raises(KeyNotFound) as caught:
        picked(b'{"username": "s3cr3t", "host": "h"}', "usernmae")
    notes = dict(caught.value.notes)
    assert '"username"?' == notes["meant"]
    assert "2 keys: host, username" == notes["holds"]
    assert "c.yaml:4" == caught.value.where
    assert "permission" in notes["note"]
    assert "s3cr3t" not in repr(caught.value) + str(notes)


def test_what_is_written_to_a_store_is_not_shown():
    """Arguments of a Vault write may be secrets: a message names the path, and the selectors of a version."""
    ref = SecretRef("vault", "auth/x", "2", (("password", "s3cr3t"), ("stage", "S")))
    assert '"x" (vault://auth/x?version=2&stage=S)' == shown(Source(ref, "x"))


def test_near_matches_look_where_the_path_ends():
    """In a dotted path the hint is about the part that is wrong."""
    with pytest.raises(KeyNotFound) as caught:
        picked(b'{"tls": {"certificate": "c"}}', "tls.certifcate")
    assert '"certificate"?' == dict(caught.value.notes)["meant"]


def test_every_failure_of_an_output_is_told():
    """Several wrong keys are one error with all of them."""
    keys = tuple(Entry(name, source(name)) for name in ("A", "B"))
    with pytest.raises(Several) as caught:
        project(DataFile(path="x.env", entries=Entries(keys=keys)), documents(b"{}"))
    assert 2 == len(caught.value.errors)


def test_a_document_that_is_no_json_fails_once():
    """However many keys want it, the fault of a secret is one and the same error."""
    keys = tuple(Entry(name, source(name)) for name in ("A", "B"))
    with pytest.raises(DataError, match="line 1") as caught:
        project(DataFile(path="x.env", entries=Entries(keys=keys)), documents(b'{"a": s3cr3t}'))
    assert "s3cr3t" not in str(caught.value)


def test_precedence():
    """defaults < spread < keys; a missing optional key leaves what lies under it."""
    entries = Entries(
        defaults=(Entry("A", Literal(b"default")), Entry("B", Literal(b"default")), Entry("C", Literal(b"default"))),
        spreads=(Spread(source()),),
        keys=(Entry("B", source("X")), Entry("C", source("nope"), optional=True)),
    )
    assert {"A": "1", "B": "x", "C": "default", "X": "x"} == values(entries, documents(b'{"A":"1","B":"2","X":"x"}'))


def test_absent_optional_secrets():
    """Of an optional secret that does not exist every key is optional, and its spread is empty."""
    held = Documents({REF: NotFound("no such secret")})
    entries = Entries(
        spreads=(Spread(source(optional=True)),),
        keys=(Entry("A", source("a", optional=True)), Entry("B", source("b", optional=True), default=b"d")),
    )
    assert {"B": "d"} == values(entries, held)
    assert {} == project(RawFile(path="x", entry=Entry("x", source(optional=True))), held)


@pytest.mark.parametrize("error", [AccessDenied("no"), NotFound("gone")])
def test_optional_keys_do_not_forgive_their_secret(error):
    """A key's own `optional` is about the key; a secret that is denied, or not there and needed, is an error."""
    with pytest.raises(type(error)):
        project(RawFile(path="x", entry=Entry("x", source("a"), optional=True)), Documents({REF: error}))


def test_collisions_of_spreads_name_both():
    """Two items that give one name are refused, equal values or not; so are two keys that become equal."""
    twice = Entries(spreads=(Spread(source()), Spread(source("inner"))))
    with pytest.raises(DataError, match=r'"A".*db .*db#inner'):
        values(twice, documents(b'{"A":"1","inner":{"A":"1"}}'))
    with pytest.raises(DataError, match=r'"a" and "A"|"A" and "a"'):
        values(Entries(spreads=(Spread(source(), Rewrite(case="upper")),)), documents(b'{"a":"1","A":"2"}'))


@pytest.mark.parametrize("data", [b"[1]", b'"text"', b"5", b"true", b"null"])
def test_only_objects_are_spread(data):
    """Everything else is an error that names the kind, not the content."""
    with pytest.raises(DataError, match="only an object"):
        values(Entries(spreads=(Spread(source()),)), documents(data))


def test_json_types_are_kept_beside_the_text():
    """A selected value carries its node; a whole, decoded or default one is text."""
    bundle = project(
        DataFile(
            path="x.json",
            entries=Entries(
                keys=(
                    Entry("n", source("n")),
                    Entry("w", source()),
                    Entry("d", source("b"), decode="base64"),
                    Entry("f", source("nope"), default=b"5"),
                )
            ),
        ),
        documents(b'{"n": 1.50, "b": "NQ=="}'),
    )
    assert ["1.50", MISSING, MISSING, MISSING] == [
        bundle[name].node if name != "n" else str(bundle[name].node) for name in ("n", "w", "d", "f")
    ]
    assert b"5" == bundle["d"].data


def test_paths_name_the_files_that_will_be_there():
    """The variables are the directory's names less what is missing, with case and suffix."""
    folder = Entries(keys=(Entry("user", source("user")), Entry("nope", source("nope"), optional=True)))
    entries = Entries(paths=PathsTo(folder, "/mnt/files", "_FILE", "upper"))
    assert {"USER_FILE": "/mnt/files/user"} == values(entries, documents(b'{"user":"u"}'))


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        (b"aGVsbG8", "base64", b"hello"),
        (b" aGVs\n bG8= ", "base64", b"hello"),
        (b"QQ=", "base64", b"A"),
        (b"_-7dzA", "base64url", b"\xff\xee\xdd\xcc"),
        (b"68 65\n6C6c6f", "hex", b"hello"),
        (b"", "base64", b""),
        (b"", "hex", b""),
    ],
)
def test_decoding_forgives_blanks_and_padding(text, encoding, expected):
    """White space and missing padding are accepted."""
    assert expected == decode(text, encoding)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (b"a*b", "base64"),
        (b"_-7dzA", "base64"),
        (b"/+7dzA==", "base64url"),
        (b"aGVsbG8==", "base64"),
        (b"aGV=sbG8", "base64"),
        (b"A", "base64"),
        (b"=", "base64"),
        (b"abc", "hex"),
        (b"0x41", "hex"),
        (b"zz", "hex"),
        ("é".encode(), "hex"),
    ],
)
def test_decoding_refuses_everything_else(text, encoding):
    """Other alphabets, wrong lengths and padding in the middle are refused without showing the text."""
    with pytest.raises(ValueError, match=f"^not {encoding}$"):
        decode(text, encoding)


@given(st.binary(max_size=100))
def test_decoding_inverts_encoding(data):
    """What was encoded comes back, with its padding or without."""
    assert data == decode(base64.b64encode(data).rstrip(b"="), "base64")
    assert data == decode(base64.urlsafe_b64encode(data), "base64url")
    assert data == decode(data.hex().encode(), "hex")


def test_rewriting_has_an_order():
    """include, exclude, strip_prefix, prefix, case, sanitize."""
    rewrite = Rewrite(("a_*",), ("*x",), "a_", "p.", "upper", sanitize=True)
    assert [("a_b.c", "P_B_C")] == list(rewritten(["a_b.c", "a_x", "b", "A_d"], rewrite))
    assert [("b", "b"), ("a_c", "c")] == list(rewritten(["b", "a_c"], Rewrite(strip_prefix="a_")))
