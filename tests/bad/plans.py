"""Configs whose fields are right and do not fit together: references, expressions, templates, places."""

from __future__ import annotations

import json

from bad.table import OK, A, Bad, at
from servers.aws_server import ACCOUNT, REGION


def _reference(name: str, text: str, *says: str) -> Bad:
    return Bad(f"reference-{name}", 78, (at(2), *says), config=f"outputs:\n  - {{path: a, from: {json.dumps(text)}}}\n")


_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/db"

REFERENCES = [
    _reference("unknown-scheme", "asw-sm://prod/db", "asw-sm", "aws-sm"),
    _reference("unknown-secret", "databse#x", "databse"),
    _reference("no-key", "aws-sm://", "no key"),
    _reference("nothing-behind-hash", "env://HOME#", "nothing behind the #"),
    _reference("unknown-param", "aws-sm://a?stge=X", "stge", "stage"),
    _reference("param-without-value", "aws-sm://a?stage=", "stage", "no value"),
    _reference("param-twice", "aws-sm://a?stage=X&stage=Y", "twice"),
    _reference("recursive-maybe", "aws-ssm:///a/?recursive=maybe", "recursive"),
    _reference("arn-two-selections", f"{_ARN}:password::#user", "keep one"),
    _reference("arn-stage-twice", f"{_ARN}::AWSPREVIOUS:?stage=X", "twice"),
    _reference("arn-too-many-parts", f"{_ARN}:a:b:c:d", "too many parts"),
    _reference("unset-variable", "env://${SHOP_SURELY_UNSET}", "SHOP_SURELY_UNSET", ":-"),
    _reference("broken-variable", "env://${", "variable"),
    _reference("jmespath-unclosed", "env://HOME#a[0", r"a\[0", r"position"),
    _reference("jmespath-operator", "env://HOME#a ||| b", "position"),
    _reference("jmespath-function", "env://HOME#lenght(a)", "lenght", "length"),
    _reference("jmespath-arguments", "env://HOME#join(a)", r"join\(\)", "2 arguments"),
    _reference("jmespath-bad-literal", "env://HOME#`{a", "syntax"),
    _reference("jmespath-too-long", "env://HOME#" + "a." * 600 + "a", "longer"),
    _reference("jmespath-too-deep", "env://HOME#" + "[" * 400, "env|expression"),
    Bad(
        "reference-unknown-provider",
        78,
        (at(2), "aws_sm", '"aws-sm"'),
        config="stores:\n  west: {provider: aws_sm}\n" + OK,
    ),
    Bad(
        "reference-unset-in-store",
        78,
        (at(2), "SURELY_UNSET"),
        config="stores:\n  aws-sm: {region: '${SURELY_UNSET}'}\n" + OK,
    ),
    Bad(
        "store-mistyped-setting",
        78,
        (at(2), "region"),
        config="stores:\n  aws-sm: {region: 5}\noutputs:\n  - {path: a, from: aws-sm://a}\n",
    ),
    Bad(
        "store-setting-of-files",
        78,
        (at(2), "root"),
        config="stores:\n  file: {root: /}\noutputs:\n  - {path: a, from: file://a}\n",
    ),
    Bad(
        "store-bad-endpoint",
        78,
        (at(2), "endpoint_url"),
        config="stores:\n  aws-sm: {endpoint_url: localhost}\noutputs:\n  - {path: a, from: aws-sm://a}\n",
    ),
    Bad(
        "store-bad-role",
        78,
        (at(2), "role_arn"),
        config="stores:\n  aws-sm: {role_arn: admin}\noutputs:\n  - {path: a, from: aws-sm://a}\n",
    ),
    Bad(
        "version-of-a-file",
        78,
        ("version", at(2)),
        config="outputs:\n  - {path: a, from: 'file://a.json?version=1'}\n",
        files=A,
    ),
]


def _template(name: str, text: str, *says: str, code: int = 78) -> Bad:
    config = f"secrets:\n  a: file://a.json\noutputs:\n  - path: t\n    template: {json.dumps(text)}\n"
    return Bad(f"template-{name}", code, (at(5), *says), config=config, files=A)


TEMPLATES = [
    _template("unclosed", "one\n{{ a.username", "line 2"),
    _template("unknown-tag", "{% fro x in a %}{% endfor %}", "fro"),
    _template("unknown-filter", "{{ a.username | urlencod }}", "urlencod"),
    _template("unknown-secret", "{{ b.username }}", '"b"'),
    _template("include", "{% include '/etc/passwd' %}", "include"),
    _template("import", "{% from 'x' import y %}", "import"),
    _template("dunder", "{{ a.__class__.__mro__ }}", "__class__|__mro__"),
    _template("dunder-index", "{{ a['__class__'] }}", "__class__"),
    _template("format-escape", "{{ '{0.__class__}'.format(a) }}", "sandbox|refused"),
    _template("undefined", "one\ntwo {{ a.usernmae }}", "usernmae", '"username"', "line 2", code=66),
    _template("null", "{{ a.nothing }}", "nothing|null", code=66),
    _template("wrong-type", "{{ a.username + 1 }}", "template", code=65),
    _template("division", "{{ 1 / 0 }}", "template", code=65),
    _template(
        "endless",
        "{% for i in range(99999) %}{% for j in range(99999) %}{{ a.username }}{% endfor %}{% endfor %}",
        code=65,
    ),
    _template("huge-repeat", "{{ a.username * 999999999999 }}", "template", code=65),
    _template("huge-padding", "{{ a.username | indent(999999999999) }}", "template", code=65),
    _template("binary-filter", "{{ a.username | b64decode }}", "b64decode", code=65),
]


PLACES = [
    Bad("path-out", 78, (at(2), r"\.\./x"), config="outputs:\n  - {path: ../x, from: env://HOME}\n"),
    Bad("path-out-inside", 78, (at(2), r"a/\.\./\.\./x"), config="outputs:\n  - {path: a/../../x, from: env://HOME}\n"),
    Bad("path-out-absolute", 78, (at(2), r"/a/\.\./x"), config="outputs:\n  - {path: /a/../x, from: env://HOME}\n"),
    Bad("path-two-dots-name", 78, (at(2), r"\.\.data"), config="outputs:\n  - {path: ..data/x, from: env://HOME}\n"),
    Bad("path-newline", 78, (at(2), "line break"), config='outputs:\n  - {path: "a\\nb", from: env://HOME}\n'),
    Bad("path-nul", 78, (at(2), "NUL"), config='outputs:\n  - {path: "a\\0b", from: env://HOME}\n'),
    Bad("path-long", 78, (at(2), "255"), config=f"outputs:\n  - {{path: {'a' * 300}, from: env://HOME}}\n"),
    Bad("path-empty-part", 78, (at(2), "empty part"), config="outputs:\n  - {path: a//b, from: env://HOME}\n"),
    Bad(
        "collide-same",
        78,
        (at(3), r"a\.env"),
        config="outputs:\n  - {path: a.env, from: env://A}\n  - {path: a.env, from: env://B}\n",
    ),
    Bad(
        "collide-file-dir",
        78,
        (at(3),),
        config="outputs:\n  - {path: a, from: env://A}\n  - {path: a/b, from: env://B}\n",
    ),
    Bad(
        "collide-absolute",
        78,
        (at(3),),
        config="outputs:\n  - {path: /x/a, from: env://A}\n  - {path: /x/a, from: env://B}\n",
    ),
    Bad(
        "collide-key-with-output",
        78,
        ("d/x", at("[24]")),
        config="outputs:\n  - path: d/\n    keys: {x: env://A}\n  - {path: d/x, from: env://B}\n",
    ),
    Bad("no-outputs", 78, ("outputs", r"config\.yaml"), config="secrets:\n  a: env://A\n"),
    Bad("empty-outputs", 78, ("outputs", r"config\.yaml"), config="outputs: []\n"),
]
