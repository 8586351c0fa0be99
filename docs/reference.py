"""Writes docs/config-reference.md from the structs that read a config. `--check`: only say whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from secretfetch.manifests.schema import json_schema

PAGE = Path(__file__).with_name("config-reference.md")
HEAD = """# Config fields

Made from the program's own structs by `make docs`; `secretfetch schema` prints the same as JSON Schema. What the fields
mean together is told in [the config language](config.md).
"""
ORDER = ("Secret", "Output", "Source", "Spread", "PathsTo", "Refresh", "OnChange", "Signal", "Command", "Webhook")
PLACES = {
    "Secret": "An entry of `secrets`.",
    "Output": "An entry of `outputs`.",
    "Source": "An entry of `keys`, or `from` of a raw file.",
    "Spread": "An item of `from`.",
    "PathsTo": "`paths_to` of an output.",
    "OnChange": "An entry of `on_change`.",
}


def kind(schema: dict[str, Any]) -> str:
    """Say what a field takes."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    if "anyOf" in schema:
        options = [kind(option) for option in schema["anyOf"] if option != {"type": "null"}]
        return "text or literal" if options[:2] == ["text", "whole number"] else " or ".join(options)
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if schema.get("type") == "object":
        below = schema.get("additionalProperties")
        return f"map to {kind(below)}" if isinstance(below, dict) and below.get("type") != "object" else "map"
    if isinstance(schema.get("type"), list):
        return "literal"
    names = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
    return names.get(schema.get("type", ""), "any")


def table(schema: dict[str, Any]) -> list[str]:
    """Make the table of one struct's fields."""
    rows = ["| field | takes | |", "| --- | --- | --- |"]
    for name, field in schema["properties"].items():
        default = field.get("default")
        needed = " **Required.**" if name in schema.get("required", ()) else ""
        unless = f" Unless given: `{default}`." if default not in (None, "", [], {}, False) else ""
        takes = kind(field).replace("|", "\\|")
        rows.append(
            f"| `{name}` | {takes} | {field.get('description', '').replace('|', chr(92) + '|')}{needed}{unless} |"
        )
    return rows


def page() -> str:
    """Make the whole page."""
    schema = json_schema()
    parts = [HEAD, "## Top level", "", *table(schema), ""]
    for name in ORDER:
        struct = schema["$defs"][name]
        parts += [f"## {name}", "", f"{PLACES.get(name, '')} {struct['description']}".strip(), "", *table(struct), ""]
    return "\n".join(parts)


def main() -> int:
    """Write or check the page."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text)
        return 0
    if PAGE.exists() and PAGE.read_text() == text:
        return 0
    print(f"{PAGE.name} is not what the structs say: run `make docs`")
    return 1


if __name__ == "__main__":
    sys.exit(main())
