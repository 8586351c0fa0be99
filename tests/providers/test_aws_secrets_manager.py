"""Secrets Manager over HTTP against moto: values, references, batches and what they cost."""

import json

import pytest
from servers.aws_server import ACCOUNT, REGION, Fault, denied

from secretfetch.provider import (
    AccessDenied,
    AuthFailed,
    ConfigError,
    DataError,
    NotFound,
    SecretRef,
    SecretValue,
    Unavailable,
    Unchanged,
)

OLD = "11111111-1111-4111-8111-111111111111"
NEW = "22222222-2222-4222-8222-222222222222"


def ref(key, version="", **params):
    return SecretRef("aws-sm", key, version, tuple(sorted(params.items())))


def seed(aws, *names, region=REGION):
    client = aws.client("secretsmanager", region)
    for name in names:
        client.create_secret(Name=name, SecretString=f"value of {name}")


def seed_two_versions(aws):
    client = aws.client("secretsmanager")
    client.create_secret(Name="prod/token", SecretString="old", ClientRequestToken=OLD)
    client.put_secret_value(SecretId="prod/token", SecretString="new", ClientRequestToken=NEW)


def fetch(provider, *refs):
    return provider.fetch(dict.fromkeys(refs))


def data(outcomes):
    return {asked.key: outcome.data for asked, outcome in outcomes.items()}


def test_text_and_bytes_come_byte_for_byte(aws, secrets_manager):
    """SecretString is UTF-8, SecretBinary is what was put in, alone and in a batch."""
    client = aws.client("secretsmanager")
    client.create_secret(Name="text", SecretString="zürich\n")
    client.create_secret(Name="bytes", SecretBinary=b"\x00\xff\n")
    provider = secrets_manager()

    together = data(fetch(provider, ref("text"), ref("bytes")))
    alone = data(fetch(provider, ref("text"))) | data(fetch(provider, ref("bytes")))

    assert together == alone == {"text": "zürich\n".encode(), "bytes": b"\x00\xff\n"}


def test_stage_and_version_pin(aws, secrets_manager):
    """Without either it is the current version; `stage` and `version` choose another."""
    seed_two_versions(aws)
    asked = [
        ref("prod/token"),
        ref("prod/token", stage="AWSPREVIOUS"),
        ref("prod/token", OLD),
        ref("prod/token", NEW),
    ]

    outcomes = fetch(secrets_manager(), *asked)

    assert [outcomes[one].data for one in asked] == [b"new", b"old", b"old", b"new"]
    assert outcomes[asked[0]].version == NEW


def test_version_held_is_unchanged(aws, secrets_manager):
    """Who holds the current VersionId gets `Unchanged`, who holds another one a value, alone and in a batch."""
    seed_two_versions(aws)
    seed(aws, "other")
    provider = secrets_manager()
    token, other = ref("prod/token"), ref("other")

    assert provider.fetch({token: NEW}) == {token: Unchanged()}
    assert provider.fetch({token: OLD})[token].data == b"new"
    assert provider.fetch({token: NEW, other: "x"})[token] == Unchanged()


def test_pinned_and_held_asks_nothing(aws, secrets_manager):
    """A version never changes: held and pinned by its id costs no request."""
    provider = secrets_manager()

    assert provider.fetch({ref("prod/token", OLD): OLD}) == {ref("prod/token", OLD): Unchanged()}
    assert not aws.requests


def test_two_or_more_are_one_batch(aws, secrets_manager):
    """Four secrets are one BatchGetSecretValue, one secret is one GetSecretValue."""
    names = ["a", "b", "c", "d"]
    seed(aws, *names)
    provider = secrets_manager()

    outcomes = fetch(provider, *map(ref, names))

    assert data(outcomes) == {name: f"value of {name}".encode() for name in names}
    assert aws.counts == {"BatchGetSecretValue": 1}
    aws.forget()
    fetch(provider, ref("a"))
    assert aws.counts == {"GetSecretValue": 1}


def test_twenty_ids_a_batch(aws, secrets_manager):
    """45 secrets are three batches of at most twenty ids."""
    names = [f"n{number}" for number in range(45)]
    seed(aws, *names)

    outcomes = fetch(secrets_manager(), *map(ref, names))

    assert data(outcomes) == {name: f"value of {name}".encode() for name in names}
    assert sorted(len(request.body["SecretIdList"]) for request in aws.requests) == [5, 20, 20]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "UnknownOperationException"])
def test_without_batches_single_requests(aws, secrets_manager, code):
    """A batch that is denied, throttled or unknown is replaced by single requests, and not tried again."""
    names = ["a", "b", "c", "d"]
    seed(aws, *names)
    aws.faults.append(Fault("BatchGetSecretValue", code=code, message="no"))
    provider = secrets_manager()

    first = data(fetch(provider, *map(ref, names)))
    assert aws.counts == {"BatchGetSecretValue": 1, "GetSecretValue": 4}
    aws.forget()
    second = data(fetch(provider, *map(ref, names)))

    assert aws.counts == {"GetSecretValue": 4}
    assert first == second == {name: f"value of {name}".encode() for name in names}


def test_errors_of_a_batch_are_per_secret(aws, secrets_manager):
    """One missing secret does not spoil the others, and costs no single request."""
    seed(aws, "prod/a", "prod/b")

    outcomes = fetch(secrets_manager(), ref("prod/a"), ref("prod/x"), ref("prod/b"))

    assert outcomes[ref("prod/a")].data == b"value of prod/a"
    assert isinstance(outcomes[ref("prod/x")], NotFound)
    assert aws.counts["GetSecretValue"] == 0


def test_refused_batch_is_told_apart_one_by_one(aws, secrets_manager):
    """A batch that is refused for the sake of one name gives each its own answer, and batches stay in use."""
    seed(aws, "a", "b")
    aws.faults.append(Fault("BatchGetSecretValue", code="ValidationException", message="Invalid name", times=1))
    provider = secrets_manager()

    assert data(fetch(provider, ref("a"), ref("b"))) == {"a": b"value of a", "b": b"value of b"}
    aws.forget()
    fetch(provider, ref("a"), ref("b"))
    assert aws.counts == {"BatchGetSecretValue": 1}


def test_silent_batch_is_asked_again_one_by_one(aws, secrets_manager):
    """A ref that a batch answers neither with a value nor with an error is not left out."""
    seed(aws, "a", "b")
    aws.faults.append(Fault("BatchGetSecretValue", status=200, body=b'{"SecretValues":[],"Errors":[]}'))

    assert data(fetch(secrets_manager(), ref("a"), ref("b"))) == {"a": b"value of a", "b": b"value of b"}


def test_pages_of_a_batch(aws, secrets_manager):
    """A batch may come in pages."""
    first = {"SecretValues": [_answer("a")], "Errors": [], "NextToken": "2"}
    second = {"SecretValues": [_answer("b")], "Errors": []}
    last = lambda request: "NextToken" in request.body  # noqa: E731 - short
    aws.faults += [
        Fault("BatchGetSecretValue", when=last, status=200, body=json.dumps(second).encode()),
        Fault("BatchGetSecretValue", status=200, body=json.dumps(first).encode()),
    ]

    assert data(fetch(secrets_manager(), ref("a"), ref("b"))) == {"a": b"a", "b": b"b"}
    assert aws.counts == {"BatchGetSecretValue": 2}


def test_endless_pages_end(aws, secrets_manager):
    """A server that repeats one page forever is asked no more often than there are ids."""
    page = {"SecretValues": [], "Errors": [], "NextToken": "again"}
    aws.faults.append(Fault("BatchGetSecretValue", status=200, body=json.dumps(page).encode()))
    seed(aws, "a", "b")

    fetch(secrets_manager(), ref("a"), ref("b"))

    assert aws.counts == {"BatchGetSecretValue": 2, "GetSecretValue": 2}


def _answer(name, account=ACCOUNT, signs="AbCdEf"):
    arn = f"arn:aws:secretsmanager:{REGION}:{account}:secret:{name}-{signs}"
    return {"ARN": arn, "Name": name, "VersionId": OLD, "SecretString": name if account == ACCOUNT else account}


def test_every_spelling_of_a_secret_is_answered(aws, secrets_manager):
    """Name, partial and full ARN reach one secret; together they are one id of one batch."""
    client = aws.client("secretsmanager")
    arn = client.create_secret(Name="prod/key", SecretString="k")["ARN"]
    seed(aws, "other")
    spellings = ["prod/key", arn, arn.rpartition("-")[0]]

    outcomes = fetch(secrets_manager(), *map(ref, spellings), ref("other"))

    assert data(outcomes) == dict.fromkeys(spellings, b"k") | {"other": b"value of other"}
    assert aws.counts == {"BatchGetSecretValue": 1}
    assert sorted(aws.requests[0].body["SecretIdList"]) == ["other", "prod/key"]


def test_equal_names_of_two_accounts_are_not_confused(aws, secrets_manager):
    """A name is of the own account, whatever ARN of another account has the same name."""
    theirs = _answer("prod/key", account="999999999999")
    mine = _answer("prod/key")
    aws.faults += [
        Fault("BatchGetSecretValue", status=200, body=json.dumps({"SecretValues": [mine]}).encode()),
        Fault("GetSecretValue", status=200, body=json.dumps(theirs).encode()),
    ]

    outcomes = fetch(secrets_manager(), ref(theirs["ARN"]), ref("prod/key"))

    assert data(outcomes) == {theirs["ARN"]: b"999999999999", "prod/key": b"prod/key"}
    assert aws.requests[0].body["SecretIdList"] == ["prod/key"]
    assert aws.requests[1].body["SecretId"] == theirs["ARN"]


def test_arn_chooses_the_region(aws, secrets_manager):
    """The region of an ARN is asked, not the ambient one."""
    seed(aws, "prod/key")
    west = aws.client("secretsmanager", "eu-west-1").create_secret(Name="prod/key", SecretString="west")["ARN"]

    outcomes = fetch(secrets_manager(), ref("prod/key"), ref(west), ref(west.rpartition("-")[0]))

    assert [outcome.data for outcome in outcomes.values()] == [b"value of prod/key", b"west", b"west"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (ref("a", label="x"), ["label", "stage"]),
        (ref("a", recursive="true"), ["recursive"]),
        (ref("a", colour="red"), ["colour", "stage"]),
        (ref(""), ["name"]),
        (ref("arn:aws:ssm:us-east-1:123456789012:parameter/a"), ["aws-ssm"]),
        (ref("arn:aws:s3:::bucket"), ["arn:aws:s3:::bucket"]),
        (ref("arn:aws:secretsmanager:us-east-1"), ["no complete ARN"]),
        (ref("arn:aws:secretsmanager:us-east-1:123456789012:key:a"), ["no ARN of a secret"]),
    ],
)
def test_wrong_reference_is_a_config_error_of_its_own(aws, secrets_manager, asked, words):
    """A ref that cannot be right is told so without a request, and the others are fetched."""
    seed(aws, "good")

    outcomes = fetch(secrets_manager(), asked, ref("good"))

    error = outcomes[asked]
    assert type(error) is ConfigError
    text = f"{error} {error.notes}"
    assert all(word in text for word in words), text
    assert outcomes[ref("good")].data == b"value of good"
    assert len(aws.requests) == 1


def test_missing_secret_names_region_and_near_names(aws, secrets_manager):
    """NotFound names the region that was asked and near names, which are listed once a connection."""
    seed(aws, "prod/db", "prod/api")
    provider = secrets_manager()

    error = fetch(provider, ref("prod/bd"))[ref("prod/bd")]
    fetch(provider, ref("prod/bd"))

    assert type(error) is NotFound
    assert str(error) == 'no secret "prod/bd" in us-east-1'
    assert '"prod/db"' in dict(error.notes)["meant"]
    assert aws.counts["ListSecrets"] == 1


def test_hints_are_given_up_where_listing_is_denied(aws, secrets_manager):
    """A role that may not list gets the same error without a hint, and is not asked to list again."""
    aws.faults.append(denied("ListSecrets", "*"))
    provider = secrets_manager()

    errors = [fetch(provider, ref(name))[ref(name)] for name in ("prod/x", "test/y", "z")]

    assert {type(error) for error in errors} == {NotFound}
    assert [error.notes for error in errors] == [(), (), ()]
    assert aws.counts["ListSecrets"] == 1


def test_missing_version_is_not_a_missing_secret(aws, secrets_manager):
    """Where the secret is there, the message says that the version or stage is not."""
    seed_two_versions(aws)
    gone = "33333333-3333-4333-8333-333333333333"
    asked = [ref("prod/token", stage="AWSPENDING"), ref("prod/token", gone)]

    errors = list(fetch(secrets_manager(), *asked).values())

    assert [type(error) for error in errors] == [NotFound, NotFound]
    assert "has no stage AWSPENDING" in str(errors[0])
    assert f"has no version {gone}" in str(errors[1])


def test_secret_without_value_is_not_found(aws, secrets_manager):
    """A secret that was made and never given a value says so."""
    said = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
    aws.faults.append(Fault("GetSecretValue", code="ResourceNotFoundException", message=said))

    error = fetch(secrets_manager(), ref("empty"))[ref("empty")]

    assert type(error) is NotFound
    assert "has no value yet" in str(error)


def test_secret_marked_for_deletion_says_how_to_restore(aws, secrets_manager):
    """A deleted secret is not found, and the fix is the command that restores it, alone and in a batch."""
    seed(aws, "prod/db", "prod/b")
    aws.client("secretsmanager").delete_secret(SecretId="prod/db")
    provider = secrets_manager()

    for others in ([], [ref("prod/b")]):
        error = fetch(provider, ref("prod/db"), *others)[ref("prod/db")]
        assert type(error) is NotFound
        assert "scheduled for deletion" in str(error)
        assert dict(error.notes)["fix"].startswith("aws secretsmanager restore-secret --region us-east-1")


def test_answer_without_a_value_is_a_data_error(aws, secrets_manager):
    """An answer that has a version and neither text nor bytes is no empty value."""
    aws.faults.append(Fault(status=200, body=b'{"ARN":"a","Name":"a","VersionId":"v"}'))

    assert type(fetch(secrets_manager(), ref("a"))[ref("a")]) is DataError


@pytest.mark.parametrize("fault", [{"status": 503, "code": "ServiceUnavailable"}, {"reset": True}])
def test_failover_answers_for_a_region_that_is_out(aws, secrets_manager, fault):
    """Where the region fails, names are asked for in the second; its answers count."""
    seed(aws, "a", "b", region="eu-west-1")
    aws.faults.append(Fault(region=REGION, **fault))

    outcomes = fetch(secrets_manager(failover_region="eu-west-1"), ref("a"), ref("b"))

    assert data(outcomes) == {"a": b"value of a", "b": b"value of b"}


def test_failover_is_for_outages_only(aws, secrets_manager):
    """Not found, denied and throttled are answers: the second region is not asked."""
    seed(aws, "a", "b", "c", region="eu-west-1")
    aws.faults += [
        denied("BatchGetSecretValue", "*"),
        Fault("GetSecretValue", when=lambda request: request.body["SecretId"] == "b", code="ThrottlingException"),
        Fault("GetSecretValue", when=lambda request: request.body["SecretId"] == "c", code="AccessDeniedException"),
    ]

    outcomes = fetch(secrets_manager(failover_region="eu-west-1"), ref("a"), ref("b"), ref("c"))

    assert isinstance(outcomes[ref("a")], NotFound)
    assert isinstance(outcomes[ref("b")], Unavailable)
    assert isinstance(outcomes[ref("c")], AccessDenied)
    assert {request.region for request in aws.requests} == {REGION}


def test_failover_leaves_arns_alone(aws, secrets_manager):
    """An ARN names its region: it is not looked for in another one."""
    arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:a"
    seed(aws, "a", region="eu-west-1")
    aws.faults.append(Fault(region=REGION, status=500, code="InternalServiceError"))

    with pytest.raises(Unavailable):
        fetch(secrets_manager(failover_region="eu-west-1"), ref(arn))
    assert {request.region for request in aws.requests} == {REGION}


def test_failed_failover_keeps_the_outage(aws, secrets_manager):
    """If the second region is no help either, the error is the first one's, which a retry may cure, and tells both."""
    aws.faults.append(Fault("GetSecretValue", region=REGION, status=500, code="InternalServiceError"))

    with pytest.raises(Unavailable) as raised:
        fetch(secrets_manager(failover_region="eu-west-1"), ref("a"))

    assert REGION in str(raised.value)
    assert dict(raised.value.notes)["failover to eu-west-1"] == 'no secret "a" in eu-west-1'


def test_trouble_of_one_region_is_not_that_of_the_store(aws, secrets_manager):
    """Where one region answers and another fails, each ref has its own outcome."""
    seed(aws, "a")
    aws.faults.append(Fault(region="eu-west-1", status=500, code="InternalServiceError"))
    west = ref(f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:a")

    outcomes = fetch(secrets_manager(), ref("a"), west)

    assert isinstance(outcomes[ref("a")], SecretValue)
    assert isinstance(outcomes[west], Unavailable)


@pytest.mark.parametrize(
    ("code", "kind"), [("ExpiredTokenException", AuthFailed), ("InternalServiceError", Unavailable)]
)
def test_trouble_of_the_store_is_raised(aws, secrets_manager, code, kind):
    """A login or a service that fails for all is raised, once, not returned per ref; a batch is not repeated singly."""
    aws.faults.append(Fault(code=code))

    with pytest.raises(kind):
        fetch(secrets_manager(), ref("a"), ref("b"))
    assert len(aws.requests) == 1


def test_close_twice_and_from_elsewhere(aws, secrets_manager):
    """`close` may be called twice; afterwards a fetch is refused instead of opening anew."""
    seed(aws, "a")
    provider = secrets_manager()
    fetch(provider, ref("a"))

    provider.close()
    provider.close()

    with pytest.raises(Unavailable, match="closed"):
        fetch(provider, ref("a"))
