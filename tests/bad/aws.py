"""What AWS, or what stands between, answers instead of a secret."""

from __future__ import annotations

import json
from typing import Any

from bad.table import CANARY, DOC, FETCH, Bad
from servers.aws_server import ACCOUNT, REGION, Fault, denied

_SM = "secrets:\n  db: aws-sm://prod/db\noutputs:\n  - path: a.env\n    from: db\n"
_SSM = "secrets:\n  db: aws-ssm:///prod/db\noutputs:\n  - path: a\n    from: db\n"
_HELD = {"prod/db": DOC}
_QUICK = (*FETCH, "--timeout", "1s")


def _aws(
    name: str,
    code: int,
    says: tuple[str, ...],
    *faults: Fault,
    config: str = _SM,
    args: tuple[str, ...] = FETCH,
    **more: Any,
) -> Bad:
    # A fresh copy for each run: a fault counts itself down.
    fresh = lambda: tuple(Fault(**vars(fault)) for fault in faults)  # noqa: E731 - a line of the table
    return Bad(
        f"aws-{name}",
        code,
        says,
        config=config,
        args=args,
        faults=fresh,
        **{"secrets": _HELD, "parameters": {"/prod/db": CANARY}, **more},
    )


def _error(code: str, message: str = "", status: int = 400, on: str = "") -> Fault:
    return Fault(on, code=code, message=message, status=status)


_NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_EC2_METADATA_DISABLED": "true"}
_WHO = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/web-7d9f"

AWS = [
    _aws("no-such-secret", 66, ("prod/dbb", '"prod/db"', REGION), config=_SM.replace("prod/db", "prod/dbb")),
    _aws("no-such-parameter", 66, ("/prod/dbb", "/prod/db"), config=_SSM.replace("/prod/db", "/prod/dbb")),
    _aws(
        "no-such-arn",
        66,
        ("prod/none",),
        config=f"outputs:\n  - {{path: a, from: 'arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/none'}}\n",
    ),
    _aws("empty-path", 66, ("/prod/x/",), config="outputs:\n  - {path: d/, from: 'aws-ssm:///prod/x/'}\n"),
    _aws("no-such-stage", 66, ("prod/db", "AWSPENDING"), config=_SM.replace("prod/db", "prod/db?stage=AWSPENDING")),
    _aws(
        "no-such-version",
        66,
        ("prod/db", "33333333"),
        config=_SM.replace("prod/db", "prod/db?version=33333333-3333-4333-8333-333333333333"),
    ),
    _aws("no-such-label", 66, ("/prod/db", "stable"), config=_SSM.replace("/prod/db", "/prod/db?label=stable")),
    _aws("no-such-number", 66, ("/prod/db", "7"), config=_SSM.replace("/prod/db", "/prod/db:7")),
    _aws(
        "invalid-label",
        78,
        ("/prod/db", "AWS says|label"),
        _error("ValidationException", "1 validation error detected: Value at 'name' failed to satisfy constraint"),
        config=_SSM.replace("/prod/db", "/prod/db?label=9!"),
    ),
    _aws("label-of-a-secret", 78, ("label",), config=_SM.replace("prod/db", "prod/db?label=x")),
    _aws("stage-of-a-parameter", 78, ("stage",), config=_SSM.replace("/prod/db", "/prod/db?stage=x")),
    _aws(
        "deleted",
        66,
        ("prod/db", "deletion", "restore-secret"),
        _error(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        ),
    ),
    _aws(
        "wrong-key",
        66,
        ("usernmae", '"username"', "permission"),
        config=_SM.replace("from: db", "keys: {A: db#usernmae}"),
    ),
    _aws(
        "arn-of-another-service", 78, ("s3",), config="outputs:\n  - {path: a, from: 'aws-sm://arn:aws:s3:::bucket'}\n"
    ),
    _aws(
        "arn-of-the-other-store",
        78,
        ("aws-ssm://arn:aws:ssm",),
        config=f"outputs:\n  - {{path: a, from: 'aws-sm://arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/a'}}\n",
    ),
    _aws("not-json", 65, ("db", "line 1"), secrets={"prod/db": f"password={CANARY}"}),
    _aws("truncated-in-store", 65, ("db", "line 1"), secrets={"prod/db": DOC[:-3]}),
    _aws(
        "dots-from-store",
        65,
        (r"\.\./x",),
        config=_SM.replace("a.env", "d/"),
        secrets={"prod/db": json.dumps({"../x": f"{CANARY}-0"})},
    ),
    _aws(
        "denied",
        77,
        ("prod/db", _WHO, "secretsmanager:GetSecretValue", "fix"),
        denied("GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/db"),
    ),
    _aws(
        "denied-parameter",
        77,
        ("/prod/db", _WHO, "ssm:GetParameters"),
        denied("GetParameters", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/prod/db"),
        config=_SSM,
    ),
    _aws(
        "denied-explicitly",
        77,
        ("prod/db", "explicit deny"),
        _error(
            "AccessDeniedException",
            f"User: {_WHO} is not authorized to perform: secretsmanager:GetSecretValue on resource: prod/db "
            "with an explicit deny in an identity-based policy",
        ),
    ),
    _aws(
        "denied-kms",
        77,
        ("prod/db", "kms:Decrypt"),
        _error("AccessDeniedException", "Access to KMS is not allowed", on="GetSecretValue"),
    ),
    _aws(
        "denied-ciphertext",
        77,
        ("/prod/db", "kms:Decrypt"),
        _error(
            "AccessDeniedException",
            "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
            "or you are not allowed to access.",
            on="GetParameters",
        ),
        config=_SSM,
    ),
    _aws("denied-sts-answers-json", 77, ("prod/db", "GetSecretValue"), _error("AccessDeniedException")),
    _aws(
        "denied-sts-answers-html",
        77,
        ("prod/db", "GetSecretValue"),
        _error("AccessDeniedException", on="GetSecretValue"),
        Fault("GetCallerIdentity", status=200, body=b"<html>proxy</html>"),
    ),
    _aws(
        "denied-optional",
        77,
        ("prod/db",),
        denied("GetSecretValue", "prod/db"),
        config=_SM.replace("aws-sm://prod/db", "{ref: aws-sm://prod/db, optional: true}"),
    ),
    _aws(
        "expired",
        77,
        ("expired",),
        _error("ExpiredTokenException", "The security token included in the request is expired"),
    ),
    _aws(
        "unknown-credentials",
        77,
        ("credentials", "AWS_ACCESS_KEY_ID"),
        _error("UnrecognizedClientException", "The security token included in the request is invalid."),
    ),
    _aws(
        "bad-signature",
        77,
        ("signature", "AWS_SECRET_ACCESS_KEY"),
        _error(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
        ),
    ),
    _aws("no-credentials", 77, ("no AWS credentials", "environment", "profile", "fix"), env=_NO_KEYS),
    _aws(
        "half-credentials",
        77,
        ("AWS_SECRET_ACCESS_KEY|secret_key",),
        env={"AWS_SECRET_ACCESS_KEY": None, "AWS_EC2_METADATA_DISABLED": "true"},
    ),
    _aws(
        "unknown-profile",
        78,
        ("prdo", '"prod"|prod'),
        env={"AWS_PROFILE": "prdo", "AWS_CONFIG_FILE": "{dir}/aws"},
        files={"aws": "[profile prod]\nregion = us-east-1\n"},
    ),
    _aws("no-region", 78, ("region", "AWS_REGION"), env={"AWS_REGION": None}),
    _aws(
        "no-such-region",
        78,
        ("us-esat-1", "us-east-1"),
        env={"AWS_REGION": "us-esat-1", "AWS_ENDPOINT_URL": None},
        args=_QUICK,
    ),
    _aws("wrong-region", 66, ("prod/db", "eu-west-1"), env={"AWS_REGION": "eu-west-1"}),
    _aws(
        "other-server",
        78,
        ("not AWS", "404|HTTP"),
        Fault(body=b"<html>nginx</html>", status=404, headers={"Content-Type": "text/html"}),
    ),
    _aws("huge-answer", 65, ("larger",), Fault("GetSecretValue", huge=100 * 2**20)),
    _aws("throttled", 75, ("throttles", "tried"), _error("ThrottlingException", "Rate exceeded"), args=_QUICK),
    _aws(
        "outage",
        75,
        ("Secrets Manager", "503|ServiceUnavailable"),
        _error("ServiceUnavailable", status=503),
        args=_QUICK,
    ),
    _aws("hang", 75, ("1 s",), Fault(hang=True), args=_QUICK),
    _aws("reset", 75, ("127.0.0.1|Secrets Manager",), Fault(reset=True), args=_QUICK),
    _aws("cut", 75, ("ended early|cannot be read",), Fault("GetSecretValue", cut=30), args=_QUICK),
    _aws(
        "no-json-answer",
        75,
        ("cannot be read",),
        Fault(status=200, body=f"<html>{CANARY}</html>".encode()),
        args=_QUICK,
    ),
    _aws(
        "half-json-answer",
        75,
        ("cannot be read",),
        Fault(status=200, body=f'{{"SecretString":"{CANARY}'.encode()),
        args=_QUICK,
    ),
    _aws(
        "nothing-listens",
        75,
        ("127.0.0.1:9",),
        config="stores:\n  aws-sm: {endpoint_url: 'http://127.0.0.1:9'}\n" + _SM,
        args=_QUICK,
    ),
    _aws(
        "permanent-decides",
        66,
        ("prod/db", "SURELY_UNSET"),
        _error("ThrottlingException"),
        config="outputs:\n  - {path: a, from: aws-sm://prod/db}\n  - {path: b, from: env://SURELY_UNSET}\n",
        args=_QUICK,
    ),
]
