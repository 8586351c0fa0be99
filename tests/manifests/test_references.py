"""Rules of references, variables and durations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretfetch.errors import ConfigError
from secretfetch.manifests import durations, references
from secretfetch.manifests.variables import expand
from secretfetch.plan import Origin

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db"


@pytest.mark.parametrize(
    ("text", "store", "key", "params", "expression"),
    [
        ("aws-sm://prod/db", "aws-sm", "prod/db", {}, None),
        ("aws-sm://prod/db#user", "aws-sm", "prod/db", {}, "user"),
        ("aws-sm://prod/db?stage=S&version=v#a?b", "aws-sm", "prod/db", {"stage": "S", "version": "v"}, "a?b"),
        ("aws-ssm:///prod/app/?recursive=true", "aws-ssm", "/prod/app/", {"recursive": "true"}, None),
        ("file://a%23b%3Fc%3f%41%2523", "file", "a#b?c%3f%41%2523", {}, None),
        (ARN, "aws-sm", ARN, {}, None),
        (f"{ARN}:key::", "aws-sm", ARN, {}, "key"),
        (f"{ARN}:key:STAGE:vid", "aws-sm", ARN, {"stage": "STAGE", "version": "vid"}, "key"),
        (f"{ARN}:::vid", "aws-sm", ARN, {"version": "vid"}, None),
        (f"{ARN}:::vid#user", "aws-sm", ARN, {"version": "vid"}, "user"),
        (f"{ARN}:key", "aws-sm", ARN, {}, "key"),
        ("arn:aws-cn:ssm:cn-north-1:1:parameter/a:3", "aws-ssm", "arn:aws-cn:ssm:cn-north-1:1:parameter/a:3", {}, None),
        ("https://v.vault.azure.net/secrets/n/1", "azure-kv", "v.vault.azure.net/secrets/n/1", {}, None),
        ("https://v.vault.azure.cn/secrets/n", "azure-kv", "v.vault.azure.cn/secrets/n", {}, None),
        ("https://example.com/x", "https", "example.com/x", {}, None),
        ("my_store://a//b", "my_store", "a//b", {}, None),
    ],
)
def test_parts_of_a_reference(text, store, key, params, expression):
    """The first # ends the key, the first ? before it begins parameters; bare ARNs and Key Vault ids are references."""
    assert references.is_reference(text)
    assert references.Reference(store, key, params, expression) == references.parse(text)


@pytest.mark.parametrize("text", ["db", "db#user", "db#a://b", "", "1://x", "arn:aws:s3:::bucket"])
def test_what_names_a_secret_of_the_config(text):
    """Without a scheme it is a name."""
    assert not references.is_reference(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("aws-sm://", "no key"),
        ("aws-sm://?stage=x", "no key"),
        ("aws-sm://a#", "nothing behind the #"),
        ("aws-sm://a?stag=x", 'unknown parameter "stag"; meant stage'),
        ("aws-sm://a?", "unknown parameter"),
        ("aws-sm://a?stage", "no value"),
        ("aws-sm://a?stage=", "no value"),
        ("aws-sm://a?stage=x&stage=y", "given twice"),
        ("aws-ssm:///a/?recursive=yes", "true or false"),
        (f"{ARN}:key::#other", "both"),
        (f"{ARN}:key::v?version=w", "given twice"),
        (f"{ARN}:a:b:c:d", "too many parts"),
    ],
)
def test_malformed_references(text, says):
    """A reference that cannot be meant is refused, and says what to do."""
    with pytest.raises(references.Fault, match=says):
        references.parse(text)


ENVIRON = {"STAGE": "prod", "EMPTY": "", "NESTED": "${STAGE}"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/${STAGE}/b", "a/prod/b"),
        ("${EMPTY}|${EMPTY:-d}|${UNSET:-d}|${STAGE:-d}|${UNSET:-}", "|d|d|prod|"),
        ("$${STAGE}", "${STAGE}"),
        ("$$${STAGE}", "$${STAGE}"),
        ("${NESTED}", "${STAGE}"),
        ("$STAGE $ $$", "$STAGE $ $$"),
        ("${UNSET:-a:-b}", "a:-b"),
        ("${UNSET:-${}", "${"),
    ],
)
def test_variables(text, expected):
    """${VAR} and ${VAR:-default} are filled in once; $${ is a literal; a lone dollar is itself."""
    assert expected == expand(text, ENVIRON, Origin("c.yaml", 3))


@pytest.mark.parametrize(
    ("text", "says"),
    [("${UNSET}", "UNSET is not set"), ("${", "not followed"), ("${a-b}", "not followed"), ("${1}", "not followed")],
)
def test_variables_that_cannot_be_filled_in(text, says):
    """An unset variable and a malformed brace are errors of the config at their line."""
    with pytest.raises(ConfigError, match=says) as caught:
        expand(text, ENVIRON, Origin("c.yaml", 3))
    assert "c.yaml:3" == caught.value.where


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("0", 0),
        ("1h0m1s", 3601),
        (".5s", 0.5),
    ],
)
def test_durations(text, seconds):
    """Durations are those of Go."""
    assert pytest.approx(seconds) == durations.parse(text)


@pytest.mark.parametrize("text", ["", "5", "5 m", "5d", "m", "-5m", "5m ", "1h30", "५m", "1e3s", "1_0s"])
def test_what_is_no_duration(text):
    """A number without a unit is refused rather than guessed."""
    with pytest.raises(ValueError, match="90s, 5m or 1h30m"):
        durations.parse(text)


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_refused(text):
    """No text makes the parser fail in any other way."""
    try:
        found = references.parse("aws-sm://" + text)
    except references.Fault:
        return
    assert found.key
