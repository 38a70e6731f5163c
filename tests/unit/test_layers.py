"""Imports go down, as the table in ARCHITECTURE.md says; read from the source, nothing is run."""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_freezecheck

PACKAGE = Path(str(pytest_freezecheck.__file__)).parent
OURS = "pytest_freezecheck"
#: Packages that only those parts may import whose row says so.
OTHERS = (
    *("pytest", "hypothesis", "numpy", "jinja2", "matplotlib"),
    *("tensorflow", "tf_slim", "keras", "google"),
)
FLOORS, LINES = 9, 320


@dataclasses.dataclass(frozen=True)
class Part:
    """A row of the table.

    Attributes:
        floor: 1 is the lowest.
        ours: parts that it may import.
        others: packages of others that it may import.
    """

    floor: int
    ours: frozenset[str]
    others: frozenset[str]


def table() -> dict[str, Part]:
    """Return the rows of the table of parts, by name."""
    lines = (PACKAGE.parent / "ARCHITECTURE.md").read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("| floor | part |"))
    found = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        floor, names, _, ours, others = (cell.strip() for cell in line.strip("|").split("|"))
        for name in _quoted(names):
            found[name] = Part(int(floor), frozenset(_quoted(ours)), frozenset(_quoted(others)))
    return found


def _quoted(cell: str) -> list[str]:
    return re.findall(r"`(\w+)[^`]*`", cell)


PARTS = table()


def _run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree, leaving out what is imported for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from _run_time(node)


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "a relative import"
        module = str(node.module)
        return [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return []


@functools.cache  # reading the whole package takes a second
def _names() -> dict[Path, list[str]]:
    """Return {file of the package: modules and names that it imports when it runs}."""
    return {
        path: [name for node in _run_time(ast.parse(path.read_text())) for name in _imported(node)]
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def imports() -> list[tuple[str, str]]:
    """Return every (part that imports, module or name that it imports)."""
    return [
        (path.relative_to(PACKAGE).parts[0].removesuffix(".py"), name)
        for path, names in _names().items()
        for name in names
    ]


def _part_of(name: str) -> str | None:
    """Return the part that an imported name is of; None if it is not ours, or a public name."""
    parts = name.split(".")
    return parts[1] if parts[0] == OURS and len(parts) > 1 and parts[1] in PARTS else None


def test_every_part_has_a_row_and_every_row_a_part() -> None:
    there = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.name[0] != "_"}
    assert there - {"py"} - {"py.typed"} | {"__init__", "__main__"} == set(PARTS)


def test_nothing_imports_what_its_row_does_not_allow() -> None:
    wrong = sorted(
        f"{part} imports {name}"
        for part, name in set(imports())
        if (other := _part_of(name)) not in (None, part) and other not in PARTS[part].ours
    )
    assert wrong == []


def test_nothing_is_allowed_that_is_not_imported() -> None:
    used = {(part, _part_of(name)) for part, name in imports()}
    used |= {(part, name.split(".")[0]) for part, name in imports()}
    allowed = {(p, other) for p, row in PARTS.items() for other in (*row.ours, *row.others)}
    assert sorted(allowed - used - {("__init__", o) for o in PARTS["__init__"].ours}) == []


def test_imports_go_down_and_floors_are_few() -> None:
    wrong = sorted(
        f"{part} ({row.floor}) imports {other} ({PARTS[other].floor})"
        for part, row in PARTS.items()
        for other in row.ours
        if PARTS[other].floor >= row.floor
    )
    assert wrong == []
    assert max(row.floor for row in PARTS.values()) == FLOORS


@pytest.mark.parametrize("package", OTHERS)
def test_what_is_not_ours_is_imported_where_the_table_says(package: str) -> None:
    importers = {part for part, name in imports() if name.split(".")[0] == package}
    assert importers == {part for part, row in PARTS.items() if package in row.others}


def test_nothing_imports_the_plugin() -> None:
    assert [part for part, name in imports() if _part_of(name) == "plugin"] == []


def _graph() -> dict[str, set[str]]:
    """Return {module: modules of ours that it imports when it runs, at once or later}."""
    files = {
        ".".join((OURS, *path.relative_to(PACKAGE).with_suffix("").parts)): names
        for path, names in _names().items()
        if path.name != "__init__.py"
    }
    return {
        module: {name for name in names if name in files and name != module}
        for module, names in files.items()
    }


def test_no_modules_import_each_other() -> None:
    graph = _graph()
    while True:  # what imports nothing that is left is in no circle
        free = {module for module, others in graph.items() if not others & graph.keys()}
        if not free:
            break
        graph = {module: others for module, others in graph.items() if module not in free}
    circles = {module: sorted(others & graph.keys()) for module, others in graph.items()}
    assert circles == {}


def test_modules_are_short() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > LINES} == {}
