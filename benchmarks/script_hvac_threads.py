"""What those write who know that requests can go side by side: as many connections as threads."""

import sys
from concurrent.futures import ThreadPoolExecutor

import hvac
import requests

THREADS = 25


def read(name: str) -> dict[str, str]:
    return client.secrets.kv.v2.read_secret_version(name, raise_on_deleted_version=False)["data"]["data"]


session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=THREADS))
client = hvac.Client(session=session)
with ThreadPoolExecutor(THREADS) as pool, open(sys.argv[1], "w") as file:
    for values in pool.map(read, sys.argv[2:]):
        file.writelines(f"{key}='{value}'\n" for key, value in sorted(values.items()))
