"""Rules of the house that no linter knows."""

import ast
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = [path for folder in ("secretfetch", "providers") for path in sorted((ROOT / folder).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


def functions(path):
    """Yield the functions of a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(node):
    """Count a function's lines without its docstring."""
    first = node.body[0]
    doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return node.end_lineno - node.lineno + 1 - (first.end_lineno - first.lineno + 1 if doc else 0)


def test_modules_are_small():
    """The median below 150 lines, none over 500."""
    sizes = {path.name: len(path.read_text().splitlines()) for path in MODULES}
    assert statistics.median(sizes.values()) < 150
    assert {} == {name: size for name, size in sizes.items() if size > 500}


def test_functions_fit_on_a_screen():
    """The median at most 8 lines, nine in ten below 30, none over 60, five parameters at most beside self."""
    found = {f"{path.name}:{node.name}": node for path in MODULES for node in functions(path)}
    sizes = sorted(lines_of(node) for node in found.values())
    assert statistics.median(sizes) <= 8
    assert sizes[len(sizes) * 9 // 10] < 30
    assert [] == [name for name, node in found.items() if lines_of(node) > 60]
    parameters = {
        name: len(
            [
                a
                for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
                if a.arg not in ("self", "cls")
            ]
        )
        for name, node in found.items()
    }
    assert {} == {name: count for name, count in parameters.items() if count > 6}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_say_what_they_are_for(path):
    """The first docstring says what a module is for."""
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_state_their_rule(path):
    """Each test function has a docstring of one line, the rule that it proves, and none of them sleeps."""
    text = path.read_text()
    for node in functions(path):
        if node.name.startswith("test_"):
            doc = ast.get_docstring(node)
            assert doc, node.name
            assert 1 == len(doc.splitlines()), node.name
    assert not re.search(r"\btime\.sleep\(", text)
