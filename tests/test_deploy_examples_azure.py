"""The deploy example of Key Vault, run as a user runs it: a process, a vault under its real name, every byte."""

import os
import subprocess
import sys
from pathlib import Path

from servers.shared_keyvault import seed, shared_keyvault

EXAMPLES = Path(__file__).parents[1] / "deploy-examples"
CLIENT = "11111111-1111-1111-1111-111111111111"


def test_aeterna(tmp_path):
    """Two secrets of one vault become one env file: two reads, one login as the identity that the config names."""
    server = shared_keyvault()
    server.reset()
    server.login.identities = [CLIENT]
    seed(server.vault("my-vault"), {"secrets": {"aeterna-postgres-password": "p'w", "aeterna-llm-api-key": "sk-1$"}})
    argv = [Path(sys.executable).with_name("secretfetch"), "fetch", "--out", tmp_path / "out"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "IDENTITY_CLIENT_ID": CLIENT, **server.env()}

    done = subprocess.run(
        [*argv, "-c", EXAMPLES / "aeterna-azure/config.yaml"], env=env, capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stdout), done.stderr
    assert "LLM_API_KEY='sk-1$'\nPOSTGRES_PASSWORD=\"p'w\"\n" == (tmp_path / "out/aeterna.env").read_text()
    assert {"token": 1, "secrets/get": 2} == dict(server.counts)
