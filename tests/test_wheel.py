"""The wheel: what a user who installs it gets, without the checkout."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its output is printed, so that a failed test shows it."""
    done = subprocess.run([*map(str, words)], cwd=cwd, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr, sep="\n")
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    assert run(*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder).returncode == 0
    return next(folder.glob("posicional-*.whl"))


@pytest.fixture(scope="module")
def posicional(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, from an environment that holds the wheel and its core dependencies only."""
    folder = tmp_path_factory.mktemp("core")
    venv.create(folder, with_pip=True)
    pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet"]
    assert run(*pip, "install", "--constraint", ROOT / "constraints.txt", wheel, cwd=folder).returncode == 0
    return folder / "bin" / "posicional"


def test_wheel_carries_the_demo_feed_the_types_mark_and_the_licence(wheel: Path) -> None:
    """Every file of examples/planos stands in the package, beside py.typed and the licence."""
    feed = ROOT / "examples" / "planos"
    wanted = {f"posicional/demo/planos/{path.relative_to(feed)}" for path in feed.rglob("*") if path.is_file()}
    assert "posicional/demo/planos/feed.yaml" in wanted
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wanted | {"posicional/py.typed"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_core_alone_samples_and_converts(posicional: Path, tmp_path: Path) -> None:
    """Without any extra, the demo's files can be made, and one converted with the layout that the wheel carries."""
    assert run(posicional, "sample", "files", "--date", "2026-11-20", "--rows", "100", cwd=tmp_path).returncode == 0
    layout = next(
        (posicional.parents[1] / "lib").glob("python*/site-packages/posicional/demo/planos/layouts/contratos.yaml")
    )
    source = tmp_path / "files" / "CONTRATOS_20261120.txt"
    done = run(posicional, "convert", source, "--layout", layout, "-o", "contratos.parquet", cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "contratos.parquet").read_bytes()[:4] == b"PAR1"


@pytest.mark.parametrize("command", ["check", "run"])
def test_core_alone_names_the_extra_that_a_command_needs(posicional: Path, tmp_path: Path, command: str) -> None:
    """A complete day whose datasets need SQL ends with the words that install what is missing, and exit code 2."""
    feed = next((posicional.parents[1] / "lib").glob("python*/site-packages/posicional/demo/planos/feed.yaml"))
    incoming = tmp_path / "dados" / "dados-posicionais"
    assert run(posicional, "sample", incoming, "--date", "2026-11-20", "--rows", "100", cwd=tmp_path).returncode == 0
    day = ["--date", "2026-11-20", "--store", "dados", "--no-publish"] if command == "run" else []
    done = run(posicional, command, feed, *day, cwd=tmp_path)
    assert "pip install 'posicional[sql]'" in done.stderr
    assert done.returncode == 2
