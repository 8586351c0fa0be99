"""Rules of reading the own config: what becomes of a text, as a plan. Bytes and errors are in tests/conformance."""

import os

import pytest

from secretfetch.errors import ConfigError
from secretfetch.manifests import load, own
from secretfetch.manifests.catalog import Surroundings
from secretfetch.manifests.document import parse
from secretfetch.manifests.schema import json_schema
from secretfetch.plan import DataFile, Files, RawFile, Select, Volume
from secretfetch.provider import SecretRef

AROUND = Surroundings(out="/secrets", root="", environ={"STAGE": "prod"}, is_provider={"aws-sm", "file"}.__contains__)


def read(text, around=AROUND):
    (document,) = parse(text.encode(), "dir/config.yaml")
    return own.plan(document, around)


def test_one_secret_is_one_ref_whatever_names_it():
    """The same secret by name, by whole reference and by ${VAR} is one ref: one fetch."""
    plan = read("""
secrets: {db: "aws-sm://prod/db", again: "aws-sm://${STAGE}/db#x"}
outputs:
  - {path: a.env, keys: {A: db#a, B: "aws-sm://prod/db#b", C: again}}
  - {path: b/, from: db}
""")
    assert {SecretRef("aws-sm", "prod/db")} == {source.ref for source in plan.sources()}


def test_only_used_secrets_and_stores_are_in_the_plan():
    """A secret that no output uses is not fetched, nor is its store connected."""
    plan = read("""
stores: {west: {provider: aws-sm}, other: {provider: file}}
secrets: {a: west://a, b: other://b}
outputs: [{path: a, from: a}]
""")
    assert ["west"] == list(plan.stores)


def test_selections_are_applied_one_after_the_other():
    """An expression in the reference selects what the secret is, the one behind the name selects from that."""
    plan = read('secrets: {db: "aws-sm://db#inner"}\noutputs: [{path: a, from: "db#key"}]')
    (source,) = plan.sources()
    assert (Select("inner", whole=True), Select("key")) == source.select


def test_files_lie_beside_the_config():
    """A relative file:// key begins at the config's directory."""
    plan = read("outputs: [{path: a, from: file://sub/x.json}]")
    (source,) = plan.sources()
    assert os.path.abspath("dir/sub/x.json") == source.ref.key


def test_parameters_of_a_secret_are_part_of_its_ref():
    """version, stage, label, recursive and params make another ref; false is the same as nothing."""
    plan = read("""
secrets:
  a: {ref: aws-sm://a, version: 3, stage: S}
  b: {ref: aws-sm://b/, recursive: true, params: {ttl: 1h, n: 1.50}}
  c: {ref: "aws-sm://c?recursive=false"}
outputs: [{path: x/, keys: {a: a, b: b, c: c}}]
""")
    assert [
        SecretRef("aws-sm", "a", "3", (("stage", "S"),)),
        SecretRef("aws-sm", "b/", "", (("n", "1.50"), ("recursive", "true"), ("ttl", "1h"))),
        SecretRef("aws-sm", "c"),
    ] == [source.ref for source in plan.sources()]


def test_outputs_are_grouped_into_volumes():
    """Relative outputs are one volume; an absolute one is a volume of its directory; --root goes before it."""
    around = Surroundings(out="/out", root="/laptop", is_provider=AROUND.is_provider)
    plan = read(
        """
outputs:
  - {path: a.env, keys: {A: {value: a}}}
  - {path: /etc/app/b.env, keys: {A: {value: a}}}
  - {path: ./, keys: {c: {value: a}}}
  - {path: /etc/app/d, from: {value: a}}
  - {path: /run/tls/, keys: {e: {value: a}}, layout: flat}
""",
        around,
    )
    shape = [(v.root, v.layout, [(type(o), o.path) for o in v.outputs]) for v in plan.targets if isinstance(v, Volume)]
    assert [
        ("/out", "swap", [(DataFile, "a.env"), (Files, "")]),
        ("/laptop/etc/app", "swap", [(DataFile, "b.env"), (RawFile, "d")]),
        ("/laptop/run/tls", "flat", [(Files, "")]),
    ] == shape


def test_an_absolute_path_may_be_the_relative_volume():
    """/secrets/x beside relative outputs below /secrets is the same volume, and is published with them."""
    plan = read("outputs: [{path: a, from: {value: a}}, {path: /secrets/b, from: {value: b}}]")
    assert [2] == [len(volume.outputs) for volume in plan.targets if isinstance(volume, Volume)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{path: a, from: {value: x}}", "{path: a/b, from: {value: x}}"),
        ("{path: a/b, from: {value: x}}", "{path: ./a, from: {value: x}}"),
        ("{path: d/, keys: {x: {value: x}}}", "{path: d/x, from: {value: x}}"),
        ("{path: d/, defaults: {x/y: x}}", "{path: d/x, from: {value: x}}"),
        ("{path: d/, keys: {x: {value: x}}}", "{path: d/, keys: {y: {value: x}}}"),
        ("{path: /secrets/a, from: {value: x}}", "{path: a, from: {value: x}}"),
        ("{path: sub/a, from: {value: x}}", "{path: /secrets/sub/b, from: {value: x}}"),
    ],
)
def test_collisions_that_the_config_shows(one, other):
    """Two outputs for one path, a file where another needs a directory, a volume inside of an output: refused."""
    with pytest.raises(ConfigError) as caught:
        read(f"outputs:\n  - {one}\n  - {other}\n")
    assert caught.value.where in ("dir/config.yaml:2", "dir/config.yaml:3")


def test_paths_to_follow_the_volume_that_the_reader_sees():
    """seen_at is --out unless given; an absolute output is seen at its own path, without --root."""
    around = Surroundings(out="/out", root="/laptop")
    plan = read(
        """
outputs:
  - {path: d/, keys: {x: {value: a}}}
  - {path: /run/e/, keys: {x: {value: a}}}
  - {path: a.env, paths_to: d/}
  - {path: b.env, paths_to: /run/e/}
  - {path: c.env, paths_to: {output: d/, seen_at: /mnt/s/}}
""",
        around,
    )
    outputs = {output.path: output for volume in plan.targets for output in volume.outputs}
    assert ["/out/d", "/run/e", "/mnt/s/d"] == [
        outputs[name].entries.paths.directory for name in ("a.env", "b.env", "c.env")
    ]


def test_a_whole_reference_with_a_default_forgives_its_secret():
    """A key that names its secret by a whole reference speaks for the secret too; one that uses a name does not."""
    plan = read("""
secrets: {db: aws-sm://db}
outputs:
  - path: a.env
    keys:
      A: {from: db#a, optional: true}
      B: {from: "aws-sm://other#b", optional: true}
      C: {from: "aws-sm://third#c", default: ""}
""")
    assert [False, True, True] == [source.optional for source in plan.sources()]


@pytest.mark.parametrize(
    ("target", "kind", "root", "path", "layout"),
    [
        ("db.env", None, "/secrets", "db.env", "flat"),
        ("sub/db.env", None, "/secrets/sub", "db.env", "flat"),
        ("/x/db.env", None, "/x", "db.env", "flat"),
        ("db/", None, "/secrets/db", "", "swap"),
        ("/x/db/", None, "/x/db", "", "swap"),
    ],
)
def test_targets_of_the_command_line(target, kind, root, path, layout):
    """A file is written alone and leaves its neighbours be; a directory is a volume of its own."""
    made = own.catalog(None, AROUND)
    (volume,) = own.target_plan(["aws-sm://db"], target, kind, made).targets
    assert isinstance(volume, Volume)
    assert (root, layout, layout == "flat") == (volume.root, volume.layout, volume.keep)
    assert [path] == [output.path for output in volume.outputs]


def test_references_of_the_command_line_may_name_secrets():
    """With a config its secrets can be named; files are relative to the working directory."""
    (document,) = parse(b"secrets: {db: aws-sm://db}", "dir/config.yaml")
    named, local = own.sources(["db#x", "file://y"], own.catalog(document, AROUND))
    assert SecretRef("aws-sm", "db") == named.ref
    assert os.path.abspath("y") == local.ref.key


def test_a_directory_stands_for_its_yaml_files(tmp_path):
    """-c DIR reads the one config in it, as a mounted ConfigMap has it; hidden names are left out."""
    (tmp_path / "config.yaml").write_text("outputs: []\n")
    (tmp_path / "..data").mkdir()
    (tmp_path / "notes.txt").write_text("no")
    assert str(tmp_path / "config.yaml") == load([str(tmp_path)]).file


def test_the_schema_allows_what_the_reader_allows():
    """The JSON Schema lists each field of each struct and closes them."""
    schema = json_schema()
    assert {"stores", "secrets", "outputs", "refresh", "on_change"} == set(schema["properties"])
    assert {"Secret", "Source", "Spread", "PathsTo", "Output", "Refresh", "OnChange"} <= set(schema["$defs"])
    assert all(part["additionalProperties"] is False for part in (schema, *schema["$defs"].values()))
    assert "from" in schema["$defs"]["Output"]["properties"]
