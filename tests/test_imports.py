"""Imports: their direction holds, and what a person types first costs no library that it does not use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"

# The command line may cost click and the standard library; whatever else a command needs, it imports when it runs.
LIGHT = {"click", "posicional"}

# What it takes to read a layout and to write Parquet; and nothing of databases, clouds, calendars or terminals.
CONVERTING = LIGHT | {"numpy", "pyarrow", "cython_runtime", "yaml"}
CONVERTING |= {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}

# Runs a statement in a fresh interpreter and prints the libraries that it imported.
PROBE = """
import sys
before = set(sys.modules)
{statement}
roots = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print("imported:", *sorted(roots - sys.stdlib_module_names))
"""


def imported_by(statement: str) -> set[str]:
    """The libraries (top-level names, standard library aside) that a statement imports in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROBE.format(statement=statement)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].removeprefix("imported:").split())


def test_direction_of_dependencies_holds() -> None:
    """The contracts in pyproject.toml (shells -> steps -> backends -> rooms -> contract -> errors) are kept."""
    assert lint_imports(config_filename=str(PYPROJECT), no_cache=True, no_logo=True) == 0


LIGHT_MODULES = ["posicional", "posicional.errors", "posicional.ports", "posicional.cli", "posicional.records.hashing"]


@pytest.mark.parametrize("module", LIGHT_MODULES)
def test_importing_is_cheap(module: str) -> None:
    """Importing the package or its command line imports no library but click."""
    assert imported_by(f"import {module}") <= LIGHT


def test_help_is_cheap() -> None:
    """`posicional --help`, and the help of every command, answers without importing any library but click."""
    statement = """
from click import Context
from posicional.cli import commands
commands(["--help"], standalone_mode=False)
for name in commands.list_commands(Context(commands)):
    commands([name, "--help"], standalone_mode=False)
"""
    assert imported_by(statement) <= LIGHT


def test_converting_imports_what_it_must(tmp_path: Path) -> None:
    """A small file is mostly imports: `posicional convert` takes only the libraries that it cannot do without."""
    (tmp_path / "n.txt").write_text("0001Ana \n0002Ivo \n")
    (tmp_path / "n.yaml").write_text(
        "record: {length: 8}\nfields: [{name: n, width: 4, type: integer}, {name: nome, width: 4, type: string}]\n"
    )
    words = ["convert", f"{tmp_path}/n.txt", "--layout", f"{tmp_path}/n.yaml", "-o", f"{tmp_path}/out/"]
    statement = f"from posicional.cli import commands\ncommands({words!r}, standalone_mode=False)"
    assert {name for name in imported_by(statement) if not name.startswith("_")} <= CONVERTING
    assert (tmp_path / "out" / "part-00000.parquet").exists()


def test_probe_sees_a_heavy_import() -> None:
    """The measure itself works: a statement that imports numpy is seen to import it."""
    assert "numpy" in imported_by("import numpy")
