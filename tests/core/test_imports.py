"""No module of econ imports itself by way of others, at its top or inside a function."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import econ


def modules_below(root: Path) -> dict[str, Path]:
    """Modules of a package by their full name; a package stands for its ``__init__``."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes that some call may execute: what stands under ``if TYPE_CHECKING`` is for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for other in child.orelse:
                yield other
                yield from executed(other)
        else:
            yield child
            yield from executed(child)


def imported(tree: ast.AST, modules: dict[str, Path]) -> set[str]:
    """Modules of the package that a syntax tree imports anywhere."""
    names: set[str] = set()
    for node in executed(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import, which this test does not follow: {ast.unparse(node)}"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names.update(name if name in modules else str(node.module) for name in whole)
    return names & set(modules)


def circle_below(root: Path) -> list[str]:
    """One circle of imports, its first module also the last; empty if there is none."""
    modules = modules_below(root)
    graph = {name: imported(ast.parse(path.read_text(encoding="utf-8")), modules) - {name} for name, path in modules.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_in_a_circle():
    root = Path(econ.__file__).parent
    assert len(modules_below(root)) > 100
    circle = circle_below(root)
    assert not circle, f"a circle of imports ({' <- '.join(circle)}): move what they share into a module below them"


@pytest.mark.parametrize(
    ("lower", "found"),
    [
        ("from toy.upper import high", True),
        ("import toy.upper", True),
        ("def late():\n    from toy import upper", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from toy.upper import high\nelse:\n    import toy.upper", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from toy.upper import high", False),
        ("import typing\nif typing.TYPE_CHECKING:\n    import toy.upper", False),
        ("import upper", False),
    ],
)
def test_a_circle_is_found_where_code_may_run_it(tmp_path, lower, found):
    root = tmp_path / "toy"
    root.mkdir()
    (root / "__init__.py").touch()
    (root / "upper.py").write_text("from toy.middle import between\n")
    (root / "middle.py").write_text("from toy import lower\n")
    (root / "lower.py").write_text(lower)
    circle = circle_below(root)
    assert set(circle) == ({"toy.upper", "toy.middle", "toy.lower"} if found else set())
