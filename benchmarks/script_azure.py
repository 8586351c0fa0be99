"""What people write instead: the secrets named, as one env file."""

import json
import sys

from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

client = SecretClient("https://bench.vault.azure.net", ManagedIdentityCredential())
with open(sys.argv[1], "w") as file:
    for name in sys.argv[2:]:
        values = json.loads(client.get_secret(name).value)
        file.writelines(f"{key}='{value}'\n" for key, value in sorted(values.items()))
