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


@pytest.mark.parametrize("module", ["posicional", "posicional.errors", "posicional.ports", "posicional.cli"])
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


def test_probe_sees_a_heavy_import() -> None:
    """The measure itself works: a statement that imports numpy is seen to import it."""
    assert "numpy" in imported_by("import numpy")
