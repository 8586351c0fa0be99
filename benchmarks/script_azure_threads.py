"""What those write who know that requests can go side by side: the first one logs in for all."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from requests import Session
from requests.adapters import HTTPAdapter

THREADS = 16


def read(name: str) -> dict[str, str]:
    return json.loads(client.get_secret(name).value)


session = Session()
session.mount("https://", HTTPAdapter(pool_maxsize=THREADS))
transport = RequestsTransport(session=session)
client = SecretClient("https://bench.vault.azure.net", ManagedIdentityCredential(), transport=transport)
names = sys.argv[2:]
with ThreadPoolExecutor(THREADS) as pool, open(sys.argv[1], "w") as file:
    for values in [read(names[0]), *pool.map(read, names[1:])]:
        file.writelines(f"{key}='{value}'\n" for key, value in sorted(values.items()))
