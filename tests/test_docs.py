"""What README and docs say is true: commands are run, links lead somewhere, tables match the program."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from servers.aws_server import AwsServer

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "deploy-examples").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECRET = '{"username":"shop","password":"correct horse & staple","host":"pg.shop.example","port":5432}'


def blocks(page, *kinds):
    """Return the code blocks of a page."""
    return [text for kind, text in BLOCK.findall(page.read_text()) if kind in kinds]


@pytest.fixture(scope="module")
def environ():
    """An environment in which the program is on PATH and AWS holds what the README speaks of."""
    server = AwsServer()
    server.start()
    try:
        env = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": "/nonexistent",
            "AWS_ENDPOINT_URL": server.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        server.client("secretsmanager").create_secret(Name="prod/db", SecretString=SECRET)
        yield env
    finally:
        server.stop()


def shell(text, environ, folder):
    """Run a line as a reader would; return its output and errors."""
    done = subprocess.run(text, shell=True, env=environ, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_every_console_block_of_the_readme_shows_what_happens(environ, tmp_path):
    """Each line behind a $ is run, and prints what stands below it."""
    (config,) = blocks(ROOT / "README.md", "yaml")
    (tmp_path / "config.yaml").write_text(config)
    for block in blocks(ROOT / "README.md", "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            shown = shell(command, environ, tmp_path)
            assert expected.rstrip("\n") == shown.rstrip("\n")


def test_every_shell_block_of_the_readme_is_run():
    """Make targets are the only other commands; CI runs each of them."""
    ci = (ROOT / ".ci" / "run").read_text()
    for block in blocks(ROOT / "README.md", "sh"):
        for line in block.splitlines():
            name = re.fullmatch(r"make (\w+)", line)[1]
            assert re.search(rf"^make .*\b{name}$", ci, re.MULTILINE)
            shell(f"make -n {name}", {"PATH": os.environ["PATH"]}, ROOT)


def test_commands_of_the_quick_start_run(environ, tmp_path):
    """Each command of the page works as it stands."""
    for block in blocks(ROOT / "docs" / "quickstart.md", "sh"):
        for line in block.splitlines():
            if not line.startswith("make "):
                shell(line, environ, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Each relative link names a file that is there."""
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), link


def test_pages_are_in_the_navigation():
    """mkdocs lists every page but the decisions, which have a page of their own."""
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text()))
    held = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert held - {name for name in held if re.match(r"adr/\d", name)} == listed


def test_configs_of_the_docs_are_read(environ, tmp_path):
    """Each YAML block that is a whole config is accepted by the program."""
    for page in PAGES:
        for text in blocks(page, "yaml"):
            data = yaml.safe_load(text)
            if isinstance(data, dict) and "outputs" in data and "apiVersion" not in data:
                (tmp_path / "config.yaml").write_text(text)
                script = (
                    "import sys; from secretfetch.manifests import load, own; from secretfetch.manifests.catalog import"
                    " Surroundings; own.plan(load(sys.argv[1:]), Surroundings('/secrets', environ={'APP': 'x'}))"
                )
                subprocess.run([sys.executable, "-c", script, str(tmp_path / "config.yaml")], check=True, env=environ)


def test_the_config_reference_is_up_to_date():
    """The generated page is what the structs say."""
    subprocess.run([sys.executable, "docs/reference.py", "--check"], cwd=ROOT, check=True)


def test_the_exit_codes_are_all_told():
    """docs/errors.md has each class of error with its code."""
    from secretfetch.errors import SecretError

    text = (ROOT / "docs" / "errors.md").read_text()
    for kind in SecretError.__subclasses__():
        if kind.__name__ != "Several":
            assert f"`{kind.code}`" in text
            assert f"| {kind.exit_code} |" in text
