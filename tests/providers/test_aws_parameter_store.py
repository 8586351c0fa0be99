"""Parameter Store over HTTP against moto: parameters by tens, versions, paths and what they cost."""

import json

import pytest
from servers.aws_server import ACCOUNT, REGION, Fault, denied

from secretfetch.provider import AccessDenied, ConfigError, NotFound, SecretRef, SecretValue, Unavailable, Unchanged


def ref(key, version="", **params):
    return SecretRef("aws-ssm", key, version, tuple(sorted(params.items())))


def put(aws, region=REGION, **parameters):
    client = aws.client("ssm", region)
    for name, value in parameters.items():
        client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)


def quota(aws):
    """Make `/prod/quota` with versions 1 to 3, of which 2 is labelled `stable`."""
    for value in ("10", "20", "30"):
        put(aws, **{"/prod/quota": value})
    aws.client("ssm").label_parameter_version(Name="/prod/quota", ParameterVersion=2, Labels=["stable"])


def fetch(provider, *refs):
    return provider.fetch(dict.fromkeys(refs))


def data(outcomes):
    return [outcome.data for outcome in outcomes.values()]


@pytest.mark.parametrize("kind", ["String", "StringList", "SecureString"])
def test_each_type_comes_as_it_was_put(aws, parameter_store, kind):
    """A SecureString is decrypted, a StringList is not split, nothing is added."""
    aws.client("ssm").put_parameter(Name="motd", Value="zürich,b\n", Type=kind)

    assert data(fetch(parameter_store(), ref("motd"))) == ["zürich,b\n".encode()]


def test_every_way_to_pin(aws, parameter_store):
    """Version and label, in the name or beside it, by name or ARN; each is right although all are of one name."""
    quota(aws)
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/prod/quota"
    asked = {
        ref("/prod/quota"): b"30",
        ref("/prod/quota:1"): b"10",
        ref("/prod/quota:stable"): b"20",
        ref("/prod/quota", "1"): b"10",
        ref("/prod/quota", label="stable"): b"20",
        ref(arn): b"30",
        ref(f"{arn}:1"): b"10",
        ref(arn, label="stable"): b"20",
    }

    outcomes = fetch(parameter_store(), *asked)

    assert data(outcomes) == list(asked.values())


def test_versions_of_one_name_are_asked_apart(aws, parameter_store):
    """AWS mixes up several versions of one name in a request, so no request has two; other names share them."""
    quota(aws)
    put(aws, a="1", b="2")

    fetch(parameter_store(), ref("/prod/quota:1"), ref("a"), ref("/prod/quota:2"), ref("b"), ref("/prod/quota"))

    requests = sorted(sorted(request.body["Names"]) for request in aws.requests)
    assert requests == [["/prod/quota"], ["/prod/quota:1", "a", "b"], ["/prod/quota:2"]]


def test_arn_chooses_the_region(aws, parameter_store):
    """The region of an ARN is asked, not the ambient one; a name without a slash works too."""
    put(aws, motd="east")
    put(aws, region="eu-west-1", motd="west")
    arns = [f"arn:aws:ssm:{region}:{ACCOUNT}:parameter/motd" for region in (REGION, "eu-west-1")]

    assert data(fetch(parameter_store(), *map(ref, arns))) == [b"east", b"west"]


def test_ten_a_request(aws, parameter_store):
    """25 parameters are three requests."""
    names = {f"/app/p{number}": f"v{number}" for number in range(25)}
    put(aws, **names)

    outcomes = fetch(parameter_store(), *map(ref, names))

    assert data(outcomes) == [value.encode() for value in names.values()]
    assert aws.counts == {"GetParameters": 3}


def test_version_held_is_unchanged(aws, parameter_store):
    """What is held and current is `Unchanged`; a new version, and the same number after a new start, is a value."""
    put(aws, a="1")
    provider = parameter_store()
    held = fetch(provider, ref("a"))[ref("a")].version

    assert provider.fetch({ref("a"): held}) == {ref("a"): Unchanged()}
    put(aws, a="2")
    assert provider.fetch({ref("a"): held})[ref("a")].data == b"2"
    aws.client("ssm").delete_parameter(Name="a")
    put(aws, a="3")
    assert provider.fetch({ref("a"): held})[ref("a")].data == b"3"


def test_reference_to_a_secret_changes_with_it(aws, parameter_store):
    """A secret read through Parameter Store has no version of its own there; a change is seen all the same."""
    asked = ref("/aws/reference/secretsmanager/prod/db")
    answer = {"Name": asked.key, "Version": 0, "LastModifiedDate": 1700000000.0, "SourceResult": "{}"}
    tell = lambda value: Fault(status=200, body=json.dumps({"Parameters": [{**answer, "Value": value}]}).encode())  # noqa: E731
    provider = parameter_store()

    aws.faults[:] = [tell("1")]
    held = fetch(provider, asked)[asked].version
    assert provider.fetch({asked: held}) == {asked: Unchanged()}
    aws.faults[:] = [tell("2")]
    assert provider.fetch({asked: held})[asked].data == b"2"


def test_missing_parameter_names_region_and_near_names(aws, parameter_store):
    """One missing name is that ref's NotFound with a hint; the others of its request are there."""
    put(aws, **{"/prod/db/user": "shop"})

    outcomes = fetch(parameter_store(), ref("/prod/db/uesr"), ref("/prod/db/user"))

    error = outcomes[ref("/prod/db/uesr")]
    assert type(error) is NotFound
    assert str(error) == 'no parameter "/prod/db/uesr" in us-east-1'
    assert error.notes == (("meant", '"/prod/db/user"?'),)
    assert outcomes[ref("/prod/db/user")].data == b"shop"


@pytest.mark.parametrize(("pin", "words"), [("9", "has no version 9"), ("beta", "has no label beta")])
def test_missing_version_is_not_a_missing_parameter(aws, parameter_store, pin, words):
    """Where the name is there, the message says that the version or label is not, and which is the newest."""
    quota(aws)

    error = fetch(parameter_store(), ref(f"/prod/quota:{pin}"))[ref(f"/prod/quota:{pin}")]

    assert type(error) is NotFound
    assert words in str(error)
    assert error.notes == (("newest", "version 3"),)


def test_missing_name_with_a_version_is_a_missing_parameter(aws, parameter_store):
    """A pinned name that does not exist is reported without talk of versions, whatever further requests say."""
    aws.faults.append(denied("DescribeParameters", "*"))
    error = fetch(parameter_store(), ref("/prod/quota:2"))[ref("/prod/quota:2")]

    assert (type(error), str(error)) == (NotFound, 'no parameter "/prod/quota" in us-east-1')


def below(aws):
    put(
        aws,
        **{
            "/prod/app/user": "shop",
            "/prod/app/password": "p=w dü",
            "/prod/app/cache/url": "redis://c",
            "/prod/application": "other",
        },
    )


def test_path_is_one_object(aws, parameter_store):
    """What is directly below a path is compact JSON, by name, text unescaped; the whole tree with `recursive`."""
    below(aws)
    path, tree = ref("/prod/app/"), ref("/prod/app/", recursive="true")

    outcomes = fetch(parameter_store(), path, tree)

    assert outcomes[path].data.decode() == '{"password":"p=w dü","user":"shop"}'
    assert outcomes[tree].data.decode() == '{"cache/url":"redis://c","password":"p=w dü","user":"shop"}'


@pytest.mark.parametrize("key", ["/", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/prod/app/"])
def test_root_and_arn_are_paths_too(aws, parameter_store, key):
    """The root is a path; so is an ARN that ends in a slash."""
    below(aws)

    value = json.loads(fetch(parameter_store(), ref(key, recursive="true"))[ref(key, recursive="true")].data)

    assert value["prod/app/user" if key == "/" else "user"] == "shop"


def test_path_in_pages(aws, parameter_store):
    """A path with 25 parameters is read to its end, ten a request."""
    put(aws, **{f"/app/p{number}": str(number) for number in range(25)})

    value = fetch(parameter_store(), ref("/app/"))[ref("/app/")]

    assert json.loads(value.data) == {f"p{number}": str(number) for number in range(25)}
    assert aws.counts == {"GetParametersByPath": 3}


def test_path_that_repeats_itself_ends(aws, parameter_store):
    """A server that gives one page forever is unavailable, not a hang."""
    page = json.dumps({"Parameters": [], "NextToken": "again"}).encode()
    aws.faults.append(Fault("GetParametersByPath", status=200, body=page))

    with pytest.raises(Unavailable, match="repeats"):
        fetch(parameter_store(), ref("/app/"))


def test_version_of_a_path_tells_every_change(aws, parameter_store):
    """A parameter added, written or removed changes the version of the path; nothing else does."""
    below(aws)
    provider = parameter_store()
    path = ref("/prod/app/", recursive="true")
    held = fetch(provider, path)[path].version
    client = aws.client("ssm")
    changes = [
        lambda: put(aws, **{"/prod/app/new": "1"}),
        lambda: put(aws, **{"/prod/app/user": "shop"}),
        lambda: client.delete_parameter(Name="/prod/app/cache/url"),
    ]

    assert provider.fetch({path: held}) == {path: Unchanged()}
    for change in changes:
        change()
        outcome = provider.fetch({path: held})[path]
        assert isinstance(outcome, SecretValue)
        held = outcome.version


def test_nothing_below_is_not_found(aws, parameter_store):
    """An empty path is not found, with near paths."""
    below(aws)

    error = fetch(parameter_store(), ref("/prod/apps/"))[ref("/prod/apps/")]

    assert type(error) is NotFound
    assert str(error) == 'no parameter directly below "/prod/apps/" in us-east-1'
    assert dict(error.notes)["meant"].startswith('"/prod/app/"')


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (ref("a", stage="AWSCURRENT"), ["stage", "label"]),
        (ref("a", colour="red"), ["colour", "recursive"]),
        (ref("a", recursive="true"), ["recursive", "ends in /"]),
        (ref("/a/", recursive="maybe"), ["neither true nor false"]),
        (ref("/a/", "3"), ["/a/", "version"]),
        (ref("/a/", label="x"), ["/a/", "label"]),
        (ref("a/b/"), ["must begin with /", "/a/b/"]),
        (ref("a:3", "4"), ["3 and 4"]),
        (ref("a", "4", label="x"), ["4 and x"]),
        (ref(""), ["name"]),
        (ref(":3"), ["name"]),
        (ref(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:a"), ["aws-sm://arn"]),
        (ref(f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/a"), ["no ARN of a parameter"]),
    ],
)
def test_wrong_reference_is_a_config_error_of_its_own(aws, parameter_store, asked, words):
    """A ref that cannot be right is told so without a request, and the others are fetched."""
    put(aws, good="1")

    outcomes = fetch(parameter_store(), asked, ref("good"))

    error = outcomes[asked]
    assert type(error) is ConfigError
    text = f"{error} {error.notes}"
    assert all(word in text for word in words), text
    assert outcomes[ref("good")].data == b"1"
    assert len(aws.requests) == 1


def test_denial_of_one_is_not_that_of_ten(aws, parameter_store):
    """AWS refuses ten names for the sake of one; only that one is denied in the end."""
    put(aws, a="1", b="2", c="3")
    refusal = denied("GetParameters", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/b")
    refusal.when = lambda request: "b" in request.body["Names"]
    aws.faults.append(refusal)

    outcomes = fetch(parameter_store(), ref("a"), ref("b"), ref("c"))

    assert [outcomes[ref(name)].data for name in "ac"] == [b"1", b"3"]
    assert isinstance(outcomes[ref("b")], AccessDenied)
    missing = dict(outcomes[ref("b")].notes)["missing"]
    assert missing == f"ssm:GetParameters on arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/b"


def test_denied_path_is_an_outcome(aws, parameter_store):
    """A path that may not be read is denied by name, with the action that is missing."""
    put(aws, a="1")
    aws.faults.append(denied("GetParametersByPath", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/prod/app/"))

    outcomes = fetch(parameter_store(), ref("/prod/app/"), ref("a"))

    error = outcomes[ref("/prod/app/")]
    assert isinstance(error, AccessDenied)
    assert dict(error.notes)["missing"].startswith("ssm:GetParametersByPath on ")


@pytest.mark.parametrize(("key", "action"), [("/a/", "ssm:GetParametersByPath"), ("/a/b", "ssm:GetParameters")])
def test_denial_without_a_sentence_names_the_action(aws, parameter_store, key, action):
    """Where AWS does not say what is missing, it is what the ref needs."""
    aws.faults.append(Fault(action.partition(":")[2], code="AccessDeniedException"))

    error = fetch(parameter_store(), ref(key))[ref(key)]

    where = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{key.strip('/')}"
    assert dict(error.notes)["missing"] == f"{action} on {where}"


def test_store_that_fails_is_raised_without_repeating(aws, parameter_store):
    """An outage is the store's: raised, one request per chunk, not one per name."""
    aws.faults.append(Fault(status=500, code="InternalServerError"))

    with pytest.raises(Unavailable):
        fetch(parameter_store(), ref("a"), ref("b"))
    assert len(aws.requests) == 1
