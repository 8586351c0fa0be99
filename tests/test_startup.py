"""Start-up is everybody's cost: what is loaded for what."""

import subprocess
import sys

import pytest

HEAVY = {
    "asyncio", "azure", "boto3", "botocore", "click", "cryptography", "dotenv", "hvac", "importlib.metadata",
    "javaproperties", "jinja2", "jmespath", "lightkube", "msgspec", "prometheus_client", "tenacity", "yaml",
}  # fmt: skip

PROBE = """
import sys
from secretfetch.__main__ import main
import os
os._exit = lambda code: sys.exit(code)
sys.argv = ["secretfetch", *{arguments!r}]
try:
    main()
except SystemExit as end:
    code = end.code
else:
    code = 0
loaded = sorted(name for name in {heavy!r} if name in sys.modules)
print("LOADED", code, *loaded, file=sys.stderr)
"""


def loaded(*arguments, cwd):
    """Run the program in a new interpreter; return its exit code and the heavy modules that it loaded."""
    probe = PROBE.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=cwd, check=False)
    _, code, *names = done.stderr.splitlines()[-1].split()
    return int(code), set(names)


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (("--version",), set()),
        (("--help",), {"click"}),
        (("fetch", "--help"), {"click"}),
        (("fetch", "-c", "config.yaml", "--out", "out"), {"click", "yaml", "msgspec"}),
        (("get", "file://db.json#user"), {"click", "msgspec"}),
        (("fetch", "-c", "jmespath.yaml", "--out", "out2"), {"click", "yaml", "msgspec", "jmespath"}),
        (("fetch", "-c", "template.yaml", "--out", "out3"), {"click", "yaml", "msgspec", "jinja2", "asyncio"}),
    ],
)
def test_only_what_is_used_is_loaded(tmp_path, arguments, allowed):
    """No SDK and no library is imported before something needs it."""
    (tmp_path / "db.json").write_text('{"user": "shop", "list": [1]}')
    heads = {"config": "db#user", "jmespath": '"db#list[0]"', "template": '{template: "{{ db.user }}"}'}
    for name, source in heads.items():
        text = f"secrets: {{db: file://db.json}}\noutputs: [{{path: a.env, keys: {{A: {source}}}}}]\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    code, names = loaded(*arguments, cwd=tmp_path)
    assert 0 == code
    assert names <= allowed


def test_a_probe_loads_next_to_nothing(tmp_path):
    """A health check runs every few seconds: it loads the command line and nothing else."""
    code, names = loaded("healthcheck", "--out", str(tmp_path), cwd=tmp_path)
    assert 1 == code
    assert names <= {"click"}
