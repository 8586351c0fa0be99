"""Runs one conformance case as a user would, and tells where the outcome differs from what the case expects.

The cases are data (`own.yaml`, `more.yaml`; the head of each file explains the form). What does not belong here: which
cases are run, and how a difference is reported.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from servers import shared_keyvault, shared_vault
from servers.shared_aws import seed_parameter, seed_secret, shared_aws
from servers.vault_server import ROOT

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).with_name("secretfetch")
TIME_LIMIT = 30
DOCUMENTED = {65, 66, 73, 75, 77, 78}
AWS_WORDS = ("aws-sm", "aws-ssm", "arn:aws")


@dataclass(frozen=True)
class Case:
    """One entry of a case file."""

    file: str
    name: str
    why: str
    config: str
    args: list[str] | None
    seed: dict[str, Any]
    expect: dict[str, Any]

    @property
    def words(self) -> str:
        """All that the program is told, for finding out what a case needs."""
        return " ".join([self.config, *(self.args or [])])

    @property
    def needs(self) -> set[str]:
        """What of the world outside a case needs: `aws`, `vault`, `azure-kv`, `kubernetes`."""
        marks = {
            "aws": AWS_WORDS,
            "vault": ("vault://",),
            "azure-kv": ("azure-kv", ".vault.azure.net"),
            "kubernetes": ("kubernetes_secret", "--kube-secrets"),
        }
        found = {need for need, words in marks.items() if any(word in self.words for word in words)}
        seeds = {"secretsmanager": "aws", "ssm": "aws", "vault": "vault", "keyvault": "azure-kv"}
        return found | {seeds[key] for key in self.seed if key in seeds}


def read(file: str) -> list[Case]:
    """Return the cases of a file beside this one, in its order.

    Raises:
        ValueError: An entry has a key that nobody would look at.
    """
    entries = yaml.load((HERE / file).read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [_case(file, entry) for entry in entries]


_SEEDS = {"secretsmanager", "ssm", "vault", "keyvault", "files", "env", "stdin"}
_EXPECTATIONS = {"files", "stdout", "stderr", "exit", "error", "no_leak"}


def _case(file: str, entry: dict[str, Any]) -> Case:
    seed, expect = entry.get("seed", {}), entry["expect"]
    surplus = entry.keys() - {"name", "why", "seed", "config", "args", "expect"}
    surplus |= (seed.keys() - _SEEDS) | (expect.keys() - _EXPECTATIONS)
    if surplus:
        raise ValueError(f"{file}, {entry['name']}: unknown {surplus}")
    return Case(file, entry["name"], entry["why"], entry.get("config", ""), entry.get("args"), seed, expect)


@dataclass(frozen=True)
class Run:
    """What a run of the program left behind."""

    place: Path
    status: int
    stdout: str
    stderr: str
    details: str = field(default="", repr=False)

    @cached_property
    def said(self) -> str:
        """Standard error without the path of this run, in which a name of the case could be found by chance."""
        return self.stderr.replace(str(self.place), "")


def run(case: Case, place: Path) -> Run:
    """Run a case in a new, empty directory."""
    for name in ("dir", "out", "root", "home", "work"):
        (place / name).mkdir()
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(place / "home")}
    for need, prepare in (("aws", _aws), ("vault", _vault), ("azure-kv", _keyvault)):
        env |= prepare(case) if need in case.needs else {}
    env |= {name: filled(value, place) for name, value in case.seed.get("env", {}).items()}
    for name, content in case.seed.get("files", {}).items():
        path = place / "dir" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_seeded(content))
    done = subprocess.run(
        [str(PROGRAM), *_arguments(case, place)],
        input=filled(case.seed.get("stdin", ""), place).encode(),
        capture_output=True,
        env=env,
        cwd=place / "work",
        umask=0o022,
        timeout=TIME_LIMIT,
        check=False,
    )
    return Run(place, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def _aws(case: Case) -> dict[str, str]:
    server = shared_aws()
    server.reset()
    for secret in case.seed.get("secretsmanager", []):
        seed_secret(server, secret)
    for parameter in case.seed.get("ssm", []):
        seed_parameter(server, parameter)
    names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return {name: server.env()[name] for name in names}


def _vault(case: Case) -> dict[str, str]:
    server = shared_vault.shared_vault()
    shared_vault.empty(server)
    shared_vault.seed(server, case.seed.get("vault", {}))
    return {"VAULT_ADDR": server.url, "VAULT_TOKEN": ROOT}


def _keyvault(case: Case) -> dict[str, str]:
    server = shared_keyvault.shared_keyvault()
    server.reset()
    shared_keyvault.seed(server.vault("contoso-kv"), case.seed.get("keyvault", {}))
    return server.env()


def _seeded(content: Any) -> bytes:
    if isinstance(content, str):
        return content.encode()
    if "b64" in content:
        return base64.b64decode(content["b64"])
    text, times = content["repeat"]
    return str(text * times).encode()


def _arguments(case: Case, place: Path) -> list[str]:
    config: list[str] = []
    if case.config:
        (place / "dir" / "config.yaml").write_text(case.config, encoding="utf-8")
        config = ["-c", str(place / "dir" / "config.yaml")]
    if case.args is not None:
        return [filled(word, place) for word in case.args] + config
    return ["fetch", *config, "--out", str(place / "out"), "--root", str(place / "root")]


def filled(text: str, place: Path) -> str:
    """Put the run's directories in the place of {out}, {dir} and {root}."""
    for name in ("out", "dir", "root"):
        text = text.replace("{" + name + "}", str(place / name))
    return text


def differences(case: Case, ran: Run) -> list[str]:
    """Say where a run differs from what its case expects; nothing if it does not."""
    expect = case.expect
    found = _status_differences(expect, ran)
    both = ran.stdout + ran.stderr
    if "Traceback" in both:
        found.append("a traceback is shown")
    if "error" in expect and not re.search(expect["error"], ran.said):
        found.append(f"standard error does not match {expect['error']!r}")
    if "stdout" in expect and ran.stdout != filled(expect["stdout"], ran.place):
        found.append(f"standard output is {ran.stdout!r}, not {filled(expect['stdout'], ran.place)!r}")
    if "stderr" in expect and ran.stderr != expect["stderr"]:
        found.append(f"standard error is {ran.stderr!r}, not {expect['stderr']!r}")
    found += [f"{text!r} is shown" for text in expect.get("no_leak", []) if text in both]
    return found + _file_differences(expect.get("files", {}), ran.place)


def _status_differences(expect: dict[str, Any], ran: Run) -> list[str]:
    if "exit" not in expect and "error" in expect:
        return [] if ran.status in DOCUMENTED else [f"exit status {ran.status} is not one of {sorted(DOCUMENTED)}"]
    wanted = expect.get("exit", 0)
    return [] if ran.status == wanted else [f"exit status {ran.status}, not {wanted}"]


def _file_differences(expected: dict[str, Any], place: Path) -> list[str]:
    held = contents(place / "out") | {f"/{name}": file for name, file in contents(place / "root").items()}
    found = [f"{name} is lacking" for name in expected.keys() - held.keys()]
    found += [f"{name} is not expected" for name in held.keys() - expected.keys()]
    for name in expected.keys() & held.keys():
        found += [f"{name} {fault}" for fault in _content_differences(expected[name], held[name], place)]
    return sorted(found)


def contents(root: Path) -> dict[str, Path]:
    """Return every file below a directory as a reader sees it: names that begin with two dots are left out.

    Raises:
        AssertionError: A link leads to nothing or out of the directory.
    """
    held: dict[str, Path] = {}
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith("..")]
        for name in names:
            path = Path(folder, name)
            if name.startswith(".."):
                continue
            assert path.exists(), f"{path} leads to nothing"
            assert path.resolve().is_relative_to(root.resolve()), f"{path} leads out"
            held[str(path.relative_to(root))] = path
    return held


def _content_differences(wanted: Any, path: Path, place: Path) -> list[str]:
    wanted = wanted if isinstance(wanted, dict) else {"content": wanted}
    data, mode = path.read_bytes(), f"{path.stat().st_mode & 0o7777:04o}"
    found = [f"has mode {mode}, not {wanted['mode']}"] if wanted.get("mode", mode) != mode else []
    if wanted.get("size", len(data)) != len(data):
        found.append(f"has {len(data)} bytes, not {wanted['size']}")
    if "sha256" in wanted and hashlib.sha256(data).hexdigest() != wanted["sha256"]:
        found.append("has another SHA-256")
    exact = filled(wanted["content"], place).encode() if "content" in wanted else None
    exact = base64.b64decode(wanted["b64"]) if "b64" in wanted else exact
    if exact is not None and data != exact:
        found.append(f"holds\n{data[:2000]!r}, not\n{exact[:2000]!r}")
    if "json" in wanted and not _same(json.loads(data), json.loads(filled(json.dumps(wanted["json"]), place))):
        found.append(f"parses to {data!r}")
    if "yaml" in wanted and not _same(yaml.safe_load(data), wanted["yaml"]):
        found.append(f"parses to {yaml.safe_load(data)!r}")
    return found


def _same(one: Any, other: Any) -> bool:
    """Equal, and of equal types: true is not 1."""
    return json.dumps(one, sort_keys=True, default=repr) == json.dumps(other, sort_keys=True, default=repr)
