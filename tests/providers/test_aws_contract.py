"""The rules that every provider keeps, for the two of AWS."""

import contextlib
import socket

import pytest
from secretfetch_aws import connect_parameter_store, connect_secrets_manager
from servers.aws_server import ACCOUNT, REGION, denied

from secretfetch.provider import SecretRef
from secretfetch.testing import ProviderContract


class _Contract(ProviderContract):
    @pytest.fixture(autouse=True)
    def server(self, aws):
        self.aws = aws

    def settings(self):
        return {"region": REGION, "endpoint_url": self.aws.url}

    def unreachable(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            return {"region": REGION, "endpoint_url": f"http://127.0.0.1:{taken.getsockname()[1]}"}


class TestSecretsManager(_Contract):
    """`aws-sm`."""

    def connect(self, settings):
        return connect_secrets_manager(settings)

    def put(self, name, data):
        client = self.aws.client("secretsmanager")
        with contextlib.suppress(client.exceptions.ResourceExistsException):
            client.create_secret(Name=name)
        client.put_secret_value(SecretId=name, SecretBinary=data)
        return SecretRef("aws-sm", name)

    def denied(self):
        self.put("contract-denied", b"{}")
        refusal = denied("GetSecretValue", "contract-denied")
        refusal.when = lambda request: request.body["SecretId"] == "contract-denied"
        self.aws.faults += [denied("BatchGetSecretValue", "*"), refusal]
        return SecretRef("aws-sm", "contract-denied")


class TestParameterStore(_Contract):
    """`aws-ssm`."""

    holds = "text"

    def connect(self, settings):
        return connect_parameter_store(settings)

    def put(self, name, data):
        client = self.aws.client("ssm")
        client.put_parameter(Name=f"/{name}", Value=data.decode(), Type="SecureString", Overwrite=True)
        return SecretRef("aws-ssm", f"/{name}")

    def denied(self):
        refusal = denied("GetParameters", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/contract-denied")
        refusal.when = lambda request: "/contract-denied" in request.body["Names"]
        self.aws.faults.append(refusal)
        return SecretRef("aws-ssm", "/contract-denied")
