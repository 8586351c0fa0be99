"""Rules of templates."""

import pytest

from secretfetch import jsontext, templates

DB = templates.wrap(
    jsontext.parse(
        '{"host":"pg","port":5432,"rate":1.50,"on":true,"off":false,"items":"a key","null":null,"_id":"u",'
        '"o":{"a":[1,2.50,null,"grün"]},"pem":"l1\\nl2"}'.encode()
    )
)


def render(template, **values):
    return templates.render(template, {"db": DB, "absent": templates.Absent(), **values})


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ db.host }}:{{ db.port }}\n", "pg:5432\n"),
        ("{{ db.rate }} {{ db['rate'] }} {{ db.on }} {{ db.off }}", "1.50 1.50 true false"),
        ("{{ db.rate ~ '/' ~ db.on ~ '/' ~ db.o }}", '1.50/true/{"a":[1,2.50,null,"grün"]}'),
        ("{{ [db.on, db.rate] | join(',') }}", "true,1.50"),
        ("{{ db.o }}{{ db.o | tojson }}", '{"a":[1,2.50,null,"grün"]}{"a":[1,2.50,null,"grün"]}'),
        ("{{ db.items }}", "a key"),
        ("{{ db.o.items() | list | length }}", "1"),
        ("{{ db._id }}", "u"),
        ("{{ db.port + 1 }}", "5433"),
        ("{% if db.on and not db.off %}y{% endif %}", "y"),
        ("{{ db.on is boolean }} {{ db.host is string }} {{ db.port is number }}", "true true true"),
        ("{{ 'ä b/c?' | urlencode }}", "%C3%A4%20b%2Fc%3F"),
        ("{{ '-._~' | urlencode }}", "-._~"),
        ('{{ "it\'s" | quote }}', "'it'\"'\"'s'"),
        ("{{ db.host | b64encode }} {{ 'cGc=' | b64decode }}", "cGc= pg"),
        ("{{ db.pem | indent(2) }}", "l1\n  l2"),
        ("{{ db.nope | default('d') }} {{ db.null | default('n') }}", "d n"),
        ("{{ db.nope is defined }} {{ db.null is defined }}", "false false"),
        ("{{ absent.key | default('d') }}{% if absent %}no{% endif %}{% for x in absent %}no{% endfor %}", "d"),
        ("{{ secrets['db'].host }}{{ secrets.db.port }}", "pg5432"),
        ("{% for key in db.o %}{{ key }}{% endfor %}", "a"),
        ("{{ db.o.a[1] }}", "2.50"),
        ("{{ '%s %s' | format(db.on, db.rate) }}", "true 1.50"),
        ("a\n{#- c #}\n", "a\n"),
    ],
)
def test_values_print_as_in_json(template, expected):
    """Keys win over methods, null is nothing, numbers and booleans print by source text, objects as compact JSON."""
    assert expected == render(template)


@pytest.mark.parametrize(
    ("template", "path", "line"),
    [
        ("x\n{{ db.nope }}", "nope", 2),
        ("{{ db.null }}", "null", 1),
        ("{{ db.nope.deeper }}", "nope", 1),
        ("{{ db['no such'] }}", "no such", 1),
        ("{% if db.nope %}{% endif %}", "nope", 1),
        ("{{ db.nope ~ 'x' }}", "nope", 1),
        ("{{ absent.key }}", "key", 1),
        ("{% for x in db.nope %}{% endfor %}", "nope", 1),
        ("{{ db.o.a[2] }}", "2", 1),
    ],
)
def test_an_undefined_key_never_prints(template, path, line):
    """Using a key that is not there is an error with its name and line, whatever is done with it."""
    with pytest.raises(templates.Undefined) as caught:
        render(template)
    assert (path, line) == (caught.value.path, caught.value.line)


def test_undefined_names_the_keys_that_there_are():
    """The error of a wrong key can suggest the right one."""
    with pytest.raises(templates.Undefined) as caught:
        render("{{ db.hots }}")
    assert "host" in caught.value.keys


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("a\n{{ db.host", 2),
        ("{% if %}", 1),
        ("{{ db | nofilter }}", 1),
        ("{{ db is notest }}", 1),
        ("\n\n{% include 'x' %}", 3),
        ("{% extends 'x' %}", 1),
        ("{% import 'x' as y %}", 1),
        ("{{ db.__class__ }}", 1),
        ("{{ db['__init__'] }}", 1),
        ("{{ db | random }}", 1),
        ("{% macro f() %}{% endfor %}", 1),
    ],
)
def test_faults_are_found_without_data(template, line):
    """Syntax errors, unknown filters and tests, other files and what the sandbox refuses show before any fetch."""
    with pytest.raises(templates.Fault) as caught:
        templates.used_names(template, ["db"])
    assert line == caught.value.line


@pytest.mark.parametrize(
    "template",
    [
        "{{ db.update({'a': 1}) }}",
        "{{ ''|attr('__class__') }}",
        "{{ '{0.__class__}'.format(db) }}",
        "{{ range(1000000000) | list }}",
        "{{ db.items.__globals__ }}",
    ],
)
def test_the_sandbox_holds(template):
    """Python's inside, mutation and endless ranges are out of reach at run time too."""
    with pytest.raises((templates.Fault, templates.Unfit, templates.Undefined)):
        render(template)


def test_used_names_are_found():
    """Only the secrets that a template uses are fetched; what is no secret is told with its line."""
    found = templates.used_names("{{ db.x }}\n{{ dbx }}{{ secrets['my-db'].y }}{{ secrets.zz }}", ["db", "my-db", "c"])
    assert ({"db", "my-db"}, [("dbx", 2), ("zz", 2)]) == found


@pytest.mark.parametrize("template", ["{{ secrets[x] }}", "{% for n in secrets %}{% endfor %}", "{{ secrets }}"])
def test_a_computed_name_uses_every_secret(template):
    """Where it cannot be told which secret is meant, all are."""
    used, _ = templates.used_names(template, ["a", "b"])
    assert {"a", "b"} == used


def test_local_names_are_no_secrets():
    """What a template sets itself is not looked up, and a global function is no secret."""
    text = "{% set y = db.x %}{{ y }}{% for i in range(2) %}{{ i }}{{ loop.index }}{% endfor %}"
    assert ({"db"}, []) == templates.used_names(text, ["db", "c"])


@pytest.mark.parametrize(
    ("data", "template", "expected"),
    [
        (b"plain", "{{ v }}", "plain"),
        (b'"quoted"', "{{ v }}", '"quoted"'),
        (b"007", "{{ v }}", "007"),
        (b' {"a" : 1 }', "{{ v }} {{ v.a }}", '{"a":1} 1'),
        (b"{not json", "{{ v }}", "{not json"),
        (b"\xff\x00", "{{ v | b64encode }}", "/wA="),
        ("grün".encode(), "{{ v }}", "grün"),
    ],
)
def test_whole_values(data, template, expected):
    """A whole value is its text; an object or list is one, and prints compact; a binary value can be encoded."""
    assert expected == render(template, v=templates.value_of(data))


def test_binary_values_do_not_print():
    """A value that is no text is refused where a text is needed."""
    with pytest.raises(templates.Unfit, match="b64encode"):
        render("{{ v }}", v=templates.value_of(b"\xff"))


@pytest.mark.parametrize("template", ["{{ db.host + 1 }}", "{{ 1 // 0 }}", "{{ 'zz' | b64decode }}"])
def test_data_that_does_not_suit(template):
    """What fails on the data says where, and neither the data nor another's exception."""
    with pytest.raises(templates.Unfit) as caught:
        render(template)
    assert "pg" not in repr(caught.value)
    assert caught.value.__suppress_context__


def test_output_is_bounded():
    """A loop cannot fill the memory."""
    with pytest.raises(templates.Unfit, match="too large"):
        render("{% for i in range(90000) %}{{ v }}{% endfor %}", v="x" * 1000)
