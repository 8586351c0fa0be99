"""`kubernetes_secret` outputs: what a config may say of a Secret, and what is refused before anything is asked."""

import pytest

from secretfetch.errors import ConfigError
from secretfetch.manifests import load, own
from secretfetch.manifests.catalog import Surroundings
from secretfetch.plan import Files, KubeSecret, Volume


def planned(tmp_path, text, sink="apply", **more):
    (tmp_path / "config.yaml").write_text(text)
    around = Surroundings(out="/secrets", kube_secrets=sink, is_provider={"file", "env"}.__contains__, **more)
    return own.plan(load((str(tmp_path / "config.yaml"),)), around)


def outputs(*lines):
    return "secrets: {a: 'file://a.json'}\noutputs:\n" + "".join(f"  - {line}\n" for line in lines)


def test_a_secret_is_a_target_of_its_own(tmp_path):
    """Type, labels, annotations and namespace are as written, numbers as their text."""
    text = outputs(
        "{kubernetes_secret: db, namespace: shop, type: Opaque, labels: {app: shop, tier: 1.50},"
        " annotations: {example.com/a: 'x y'}, from: a}"
    )
    (target,) = planned(tmp_path, text).targets

    assert isinstance(target, KubeSecret)
    assert ("db", "shop", "apply") == (target.name, target.namespace, target.sink)
    assert (("app", "shop"), ("tier", "1.50")) == target.labels
    assert (("example.com/a", "x y"),) == target.annotations
    assert "Secret shop/db" == target.place


def test_as_files_it_lies_where_it_would_be_mounted(tmp_path):
    """`dir` makes a directory of the Secret's name, in the volume of the other outputs."""
    (volume,) = planned(tmp_path, outputs("{kubernetes_secret: db, from: a}", "{path: a.env, from: a}"), "dir").targets

    assert isinstance(volume, Volume)
    assert "/secrets" == volume.root
    assert [("db", True), ("a.env", False)] == [(one.path, isinstance(one, Files)) for one in volume.outputs]


def test_as_files_elsewhere_it_is_a_volume_of_its_own(tmp_path):
    """`dir=PATH` leaves the other outputs where they are."""
    text = outputs("{kubernetes_secret: db, from: a}", "{path: a.env, from: a}")
    roots = [target.place for target in planned(tmp_path, text, "dir", kube_dir="/kube").targets]

    assert ["/kube", "/secrets"] == roots


def test_a_template_gives_each_key_a_text(tmp_path):
    """`template` is a map: the keys of a Secret have no order and no file to be in."""
    (target,) = planned(tmp_path, outputs("{kubernetes_secret: db, template: {URL: 'x://{{ a.user }}'}}")).targets

    assert ["URL"] == [entry.name for entry in target.entries.keys]
    assert ["a"] == [source.name for source in planned(tmp_path, (tmp_path / "config.yaml").read_text()).sources()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{kubernetes_secret: Shop, from: a}", 'Kubernetes takes no such name: "Shop"'),
        ("{kubernetes_secret: a_b, from: a}", "Kubernetes takes no such name"),
        ("{kubernetes_secret: '', from: a}", "Kubernetes takes no such name"),
        ("{kubernetes_secret: " + "x" * 254 + ", from: a}", "at most 253 characters"),
        ("{kubernetes_secret: db, namespace: a.b, from: a}", "namespace: Kubernetes takes no such name"),
        ("{kubernetes_secret: db, labels: {app: 'a b'}, from: a}", "app: Kubernetes takes no such name"),
        ("{kubernetes_secret: db, labels: {'-a': x}, from: a}", "Kubernetes takes no such name"),
        ("{kubernetes_secret: db, labels: {app: null}, from: a}", '"app" must be text, it is null'),
        ("{kubernetes_secret: db}", "Secret db has no content"),
        ("{kubernetes_secret: db, path: x, from: a}", 'unknown field "path"'),
        ("{kubernetes_secret: db, mode: '0400', from: a}", 'unknown field "mode"'),
        ("{kubernetes_secret: db, template: '{{ a.b }}'}", "must be a map of keys and their templates, it is text"),
        ("{kubernetes_secret: db, template: {K: x}, keys: {K: a#b}}", '"K" stands under keys and under template'),
        ("{kubernetes_secret: db, template: {K: '{{ b.c }}'}}", 'names "b", which is no secret'),
        ("{kubernetes_secret: 5, from: a}", "must be text"),
        ("{kubernetes_secret: null, from: a}", "must be text"),
        ("{kubernetes_secret: db, type: '', from: a}", "type"),
    ],
)
@pytest.mark.parametrize("sink", ["dir", "apply", "manifest"])
def test_what_no_secret_can_be_is_refused(tmp_path, line, words, sink):
    """A fault of a Secret is a fault of the config wherever it goes, and names its line."""
    with pytest.raises(ConfigError) as caught:
        planned(tmp_path, outputs(line), sink)

    assert words in caught.value.headline + repr(caught.value.notes)
    assert "config.yaml:3" in caught.value.where


@pytest.mark.parametrize("sink", ["dir", "apply", "manifest"])
def test_two_outputs_do_not_make_one_secret(tmp_path, sink):
    """The same name twice is a collision that the config shows."""
    with pytest.raises(ConfigError, match="db") as caught:
        planned(tmp_path, outputs("{kubernetes_secret: db, from: a}", "{kubernetes_secret: db, from: a}"), sink)

    assert "config.yaml:4" in caught.value.where


def test_a_secret_and_a_file_of_one_name_collide(tmp_path):
    """A Secret as files is a directory like another."""
    with pytest.raises(ConfigError, match="collides"):
        planned(tmp_path, outputs("{kubernetes_secret: db, from: a}", "{path: db, from: a#x}"), "dir")
