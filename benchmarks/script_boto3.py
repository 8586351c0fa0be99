"""What people write instead: the secrets named, as one env file."""

import json
import sys

import boto3

client = boto3.client("secretsmanager")
with open(sys.argv[1], "w") as file:
    for name in sys.argv[2:]:
        values = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
        file.writelines(f"{key}='{value}'\n" for key, value in sorted(values.items()))
