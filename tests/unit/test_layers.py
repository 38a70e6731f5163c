"""Imports run one way, as ARCHITECTURE.md draws them; read from the source, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_freezecheck

PACKAGE = Path(str(pytest_freezecheck.__file__)).parent

#: A part may import from itself, from what it lists here, and from nothing else of ours.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "extents": {"errors"},
    "spec": {"errors", "extents"},
    "declaration": {"errors", "formats", "output_spec", "renaming", "settings", "spec"},
    "renaming": {"errors"},
    "settings": {"errors"},
    "compare": set(),
    "differences": {"compare"},
    "tolerance": {"compare", "differences"},
    "findings": set(),
    "proved": {"findings"},
    "judgement": {"errors"},
    "output_spec": {"errors"},
    "versions": set(),
    "paths": set(),
    "raised": {"errors"},
    "agreement": {"errors", "findings", "proved"},
    "inputs": {"spec", "errors", "extents", "raised"},
    "computation": set(),
    "models": {"computation", "errors", "output_spec", "spec"},
    "formats": {"computation", "errors", "models", "output_spec", "spec"},
    "recording": {"agreement"},
    "diagnosis": {"compare", "differences", "errors", "findings", "models"},
    "power": {"compare", "differences", "errors", "formats", "models", "tolerance"},
    "report": {"agreement", "errors", "findings", "judgement", "proved"},
    "comparing": {
        "agreement",
        "compare",
        "computation",
        "diagnosis",
        "differences",
        "errors",
        "findings",
        "formats",
        "inputs",
        "judgement",
        "models",
        "paths",
        "power",
        "proved",
        "report",
        "settings",
        "spec",
        "tolerance",
        "versions",
    },
    "checking": {
        "agreement",
        "comparing",
        "errors",
        "formats",
        "inputs",
        "judgement",
        "models",
        "output_spec",
        "paths",
        "recording",
        "report",
        "settings",
    },
    "job": {"declaration", "errors"},
    "runner": {
        "agreement",
        "declaration",
        "errors",
        "formats",
        "job",
        "judgement",
        "raised",
        "recording",
        "settings",
        "shipping",
        "workshop",
    },
    "apart": {"agreement", "errors"},
    "isolation": {"collection", "items", "raised", "runner"},
    "workshop": {"building", "declaration", "errors", "models", "raised"},
    "building": {"declaration", "errors", "models", "output_spec", "raised", "spec"},
    "shipping": {
        "building",
        "checking",
        "declaration",
        "errors",
        "formats",
        "job",
        "models",
        "paths",
        "raised",
        "report",
    },
    "pyproject": {"declaration", "errors"},
    "undeclared": {"errors", "pyproject"},
    "items": {
        "apart",
        "declaration",
        "errors",
        "formats",
        "job",
        "raised",
        "settings",
        "shipping",
        "workshop",
    },
    "distribution": {"items", "pyproject"},
    "collection": {"declaration", "errors", "items", "pyproject", "raised", "undeclared"},
    "replay": {"errors", "inputs"},
    "interrupts": set(),
    "expected": {"agreement", "formats", "items", "judgement", "report"},
    "verdict": {"errors", "expected", "report", "settings", "versions"},
    "gate": {
        "agreement",
        "apart",
        "collection",
        "distribution",
        "errors",
        "expected",
        "formats",
        "interrupts",
        "isolation",
        "items",
        "judgement",
        "recording",
        "replay",
        "settings",
        "verdict",
        "workshop",
    },
    "plugin": {"agreement", "checking", "errors", "formats", "gate", "models", "settings"},
    "__init__": {
        "agreement",
        "checking",
        "declaration",
        "errors",
        "formats",
        "models",
        "output_spec",
        "spec",
    },
}
#: Who may import what is not ours and not of the standard library.
OUTSIDE: dict[str, set[str]] = {
    "pytest": {
        "plugin",
        "gate",
        "apart",
        "collection",
        "distribution",
        "expected",
        "isolation",
        "items",
        "replay",
        "undeclared",
        "verdict",
    },
    "tensorflow": {"models", "formats", "comparing", "diagnosis", "runner"},
    "tf_slim": {"models"},
    "google": {"formats"},
    "hypothesis": {"inputs"},
    "numpy": {
        "compare",
        "computation",
        "differences",
        "tolerance",
        "inputs",
        "models",
        "formats",
        "diagnosis",
        "power",
        "comparing",
    },
}


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def _run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree, leaving out what is imported for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from _run_time(node)


def imports() -> list[tuple[str, str]]:
    """Return every (part that imports, module that it imports)."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in _run_time(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found += [(part, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import"
                found.append((part, str(node.module)))
                if node.module == "pytest_freezecheck":
                    found += [(part, f"pytest_freezecheck.{alias.name}") for alias in node.names]
    return found


def test_every_part_is_listed() -> None:
    parts = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.name[0] != "_"}
    assert parts - {"py.typed"} | {"__init__"} == set(ALLOWED)


def test_imports_run_one_way() -> None:
    wrong = [
        f"{part} imports {module}"
        for part, module in imports()
        if module.startswith("pytest_freezecheck.")
        and part_of(module) not in ALLOWED[part] | {part}
    ]
    assert wrong == []


@pytest.mark.parametrize("package", OUTSIDE)
def test_what_is_not_ours_is_imported_where_it_belongs(package: str) -> None:
    importers = {part for part, module in imports() if module.split(".")[0] == package}
    assert importers <= OUTSIDE[package]


def test_nothing_imports_the_plugin() -> None:
    assert [p for p, m in imports() if m == "pytest_freezecheck.plugin"] == []


def test_modules_are_short() -> None:
    long = {
        path.name: len(path.read_text().splitlines())
        for path in PACKAGE.rglob("*.py")
        if len(path.read_text().splitlines()) > 320
    }
    assert long == {}
