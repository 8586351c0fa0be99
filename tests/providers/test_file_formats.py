"""Notations as JSON: YAML, dotenv, Java properties, chosen by the file's name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secretfetch_file import connect_file
from secretfetch_file.formats import view_of
from secretfetch_file.yamltext import NotYamlError, yaml_to_json

from secretfetch.provider import DataError, SecretRef

CANARY = "canary-3a"
_TEXT = st.text(st.characters(categories=["L", "N", "P", "S"], include_characters=" \n\t"))


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("a.yaml", b'{"k":"v # c"}'),
        ("a.yml", b'{"k":"v # c"}'),
        ("A.YAML", b'{"k":"v # c"}'),
        ("a.json", None),
        ("a.txt", None),
        ("yaml", None),
        ("a.yaml.bak", None),
    ],
)
def test_the_suffix_decides(tmp_path, name, view):
    """`data` is the file as it is; `view` is JSON where the name says that it is another notation."""
    data = b'\xef\xbb\xbf\nk:  "v # c"\n'
    (tmp_path / name).write_bytes(data)
    ref = SecretRef("file", str(tmp_path / name))
    value = connect_file({}).fetch({ref: None})[ref]
    assert (value.data, value.view) == (data, view)


class TestYaml:
    @pytest.mark.parametrize(
        ("written", "view"),
        [
            ("1.50", "1.50"),
            ("12345678901234567890", "12345678901234567890"),
            ("-0.0", "-0.0"),
            ("1e3", "1e3"),
            ("true", "true"),
            ("False", "false"),
            ("null", "null"),
            ("~", "null"),
            ("", "null"),
            ("yes", '"yes"'),
            ("NO", '"NO"'),
            ("2024-01-02", '"2024-01-02"'),
            ("2024-01-02 03:04:05", '"2024-01-02 03:04:05"'),
            ("0x1F", '"0x1F"'),
            ("0755", '"0755"'),
            ("1_000", '"1_000"'),
            ("+1", '"+1"'),
            (".5", '".5"'),
            (".inf", '".inf"'),
            ("12:30", '"12:30"'),
            ('"1"', '"1"'),
            ("'true'", '"true"'),
            ("!!str 1", '"1"'),
            ('!!int "1"', "1"),
            ("! 1", '"1"'),
            ("!ours x", '"x"'),
            ("ä", '"ä"'),
            ('"\\u00e4\\n"', '"ä\\n"'),
        ],
    )
    def test_a_scalar_is_what_was_written(self, written, view):
        """Numbers that JSON can hold keep their text, `true false null` are themselves, all else is text."""
        assert yaml_to_json(f"k: {written}").decode() == f'{{"k":{view}}}'

    @pytest.mark.parametrize(
        ("text", "view"),
        [
            ("", "null"),
            ("# nothing\n", "null"),
            ("---\n...\n", "null"),
            ("text", '"text"'),
            ("[a, {b: 1}, []]", '["a",{"b":1},[]]'),
            ("1: a\nyes: b\n~: c\n2024-01-02: d", '{"1":"a","yes":"b","~":"c","2024-01-02":"d"}'),
            ("a: 1\na: 2", '{"a":2}'),
            ("a: |\n  x\n  y\nb: >\n  x\n  y\n", '{"a":"x\\ny\\n","b":"x y\\n"}'),
            ("a: &x 1\nb: *x", '{"a":1,"b":1}'),
            ("a: &x 1\nb: &x 2\nc: *x", '{"a":1,"b":2,"c":2}'),
            ("a: &o [&i b]\nc: *i\nd: *o", '{"a":["b"],"c":"b","d":["b"]}'),
            ("&k a: b\nc: *k", '{"a":"b","c":"a"}'),
            ("a: &x {p: 1, q: 2}\nb: {q: 3, <<: *x}", '{"a":{"p":1,"q":2},"b":{"p":1,"q":3}}'),
            ("a: &x {p: 1}\nb: {<<: [{p: 2}, *x]}", '{"a":{"p":1},"b":{"p":2}}'),
            ('"<<": {a: 1}', '{"<<":{"a":1}}'),
        ],
    )
    def test_a_document_keeps_its_shape(self, text, view):
        """Keys as written and in order, the last of a repeated key, aliases and merges put in."""
        assert yaml_to_json(text).decode() == view

    @pytest.mark.parametrize(
        ("text", "line", "why"),
        [
            (f"a: b\n{CANARY}: [", 3, ""),
            (f"a: b\n\tc: {CANARY}", 2, ""),
            (f"a: {CANARY}\n---\nb: c", 2, "a second document"),
            ("a: b\nc: *nowhere", 2, "an alias of nothing"),
            ("a: b\nc: &x [*x]", 2, "an alias of what it stands in"),
            ("a: b\n? [x]\n: y", 2, "a key that is a list or a map"),
            ("a: b\n<<: c", 2, "a merge of what is no map"),
            (f"a: b\n{CANARY}: \x01", 2, "a character that YAML forbids"),
            ("\n" + "[" * 100_000, 2, "nested deeper than 200 levels"),
            ("- " * 5_000 + "x", 1, "nested deeper than 200 levels"),
        ],
        ids=range(10),
    )
    def test_a_fault_is_told_by_its_line(self, text, line, why):
        """And by a reason that holds nothing of the text."""
        with pytest.raises(NotYamlError) as caught:
            yaml_to_json(text)
        assert (caught.value.line, caught.value.why) == (line, why)
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)

    def test_aliases_cannot_grow_without_bounds(self):
        """Ten lines that stand for billions are refused, in nodes and in bytes."""
        nodes = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
        text = f"a: &a {'x' * 1_000_000}\nb: [{', '.join(['*a'] * 9)}]"
        for document in (nodes, text):
            with pytest.raises(NotYamlError, match="line"):
                yaml_to_json(document)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
            lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner),
            max_leaves=10,
        )
    )
    def test_json_is_yaml(self, value):
        """JSON that is written into a .yaml file comes out with the same meaning."""
        assert json.loads(yaml_to_json(json.dumps(value, ensure_ascii=False))) == value


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("A=b\nexport C='d e' # comment\n", '{"A":"b","C":"d e"}'),
        ('M="one\\ntwo\nthree"\n', '{"M":"one\\ntwo\\nthree"}'),
        ("A=${HOME}\n", '{"A":"${HOME}"}'),
        ("ONLY_A_NAME\nA=\n", '{"A":""}'),
        ("A=1\nA=2\r\n", '{"A":"2"}'),
        ("", "{}"),
    ],
)
@pytest.mark.parametrize("path", ["/x/app.env", "/x/.env"])
def test_dotenv(path, text, view):
    """Quotes and escapes are resolved, references are not; a name without a value is left out."""
    assert view_of(path, text.encode()).decode() == view


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("# c\n! c\ndb.user = me\ndb\\:x:y\nflag\n", '{"db.user":"me","db:x":"y","flag":""}'),
        ("a = one\\\n    two\n", '{"a":"onetwo"}'),
        ("a=\\u00e4\\t\\uD83D\\uDD11", '{"a":"ä\\t🔑"}'),
        ("a=1\r\na=2", '{"a":"2"}'),
        ("a=ä", '{"a":"ä"}'),
    ],
)
def test_properties(text, view):
    """As Java reads them; UTF-8, or Latin-1 where it is not UTF-8."""
    assert view_of("a.properties", text.encode()).decode() == view
    assert view_of("a.properties", b"a=\xe4").decode() == '{"a":"ä"}'


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.yaml", f"a: b\n{CANARY}: [".encode(), "is not usable YAML: line 3"),
        ("a.yaml", b"a: b\n---\n", "is not usable YAML: line 2, a second document"),
        ("a.yaml", b"a: b\nc: \xff\n", "is not UTF-8 text: line 2"),
        ("a.env", f"A=b\n\n  B='{CANARY}\nC=d\n".encode(), "is not a dotenv file: line 3"),
        ("a.env", b"\xff", "is not UTF-8 text: line 1"),
        (
            "a.properties",
            f"a=b\nc=d\\\n e\nf={CANARY}\\u12".encode(),
            "is not a properties file: line 4, a \\u without",
        ),
        ("a.properties", b"a=\\ud800", "holds half a surrogate pair"),
    ],
    ids=range(7),
)
def test_a_fault_names_file_and_line(tmp_path, name, data, message):
    """Whoever has to repair it finds the place; nobody reads the value in a log."""
    (tmp_path / name).write_bytes(data)
    ref = SecretRef("file", str(tmp_path / name))
    outcome = connect_file({}).fetch({ref: None})[ref]
    assert isinstance(outcome, DataError)
    assert f'"{ref.key}" {message}' in str(outcome)
    assert CANARY not in f"{outcome!r}{outcome}{outcome.notes}"
    assert (outcome.__cause__, outcome.__context__) == (None, None)
