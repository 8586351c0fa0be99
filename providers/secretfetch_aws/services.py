"""The two services, and what is passed about them between modules. What does not belong here: behaviour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """A store of AWS.

    Attributes:
        id: The SDK's name, which is also the prefix of its actions in IAM.
        title: What messages call it.
        kind: What it holds.
        list_operation: Lists names, for hints.
    """

    id: str
    title: str
    kind: str
    list_operation: str


SECRETS_MANAGER = Service("secretsmanager", "Secrets Manager", "secret", "ListSecrets")
PARAMETER_STORE = Service("ssm", "Parameter Store", "parameter", "DescribeParameters")
TITLES = {"secretsmanager": SECRETS_MANAGER.title, "ssm": PARAMETER_STORE.title, "sts": "STS"}


@dataclass(frozen=True, slots=True)
class About:
    """What a request was about, for messages.

    Attributes:
        service: That was asked.
        region: That was asked.
        name: As the ref has it, ARN or name; empty where the request was for several.
        plain: The name alone, for looking for near ones and for the ARN in a policy.
        version: What was asked for beside the current one, as words: `stage AWSPENDING`.
    """

    service: Service
    region: str
    name: str = ""
    plain: str = ""
    version: str = ""

    @property
    def object(self) -> str:
        """What messages call it: `secret "prod/db"`."""
        return f'{self.service.kind} "{self.name}"' if self.name else f"these {self.service.kind}s"
