"""Whether a real OpenSearch can be run here: what is missing is said in a line, with how to get it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import real_opensearch


def program(folder: Path, name: str, script: str) -> None:
    """A program that stands for another."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is installed, with a cache of its own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return programs


def java(folder: Path, number: str, modules: str = "jdk.compiler@1") -> None:
    """A Java that says so of itself."""
    said = f'openjdk version \\"{number}\\"'
    program(folder, "java", f'[ "$1" = -version ] && echo "{said}" >&2 || echo "{modules}"')


def missing() -> str:
    """What is said of it."""
    with pytest.raises(real_opensearch.Absent) as caught, real_opensearch.node():
        pass
    return str(caught.value)


def test_a_machine_without_java(empty: Path) -> None:
    """No Java, an old one, one without its compiler; then Maven is missed."""
    assert missing().startswith("there is no Java -> install a JDK (17 or later) and Maven")
    java(empty, "11.0.2")
    assert missing().startswith("the Java that is there is too old (11) -> ")
    java(empty, "17.0.9", modules="java.base@17")
    assert missing().startswith("the Java that is there has no compiler -> ")
    java(empty, "17.0.9")
    assert missing().startswith("there is no Maven -> ")


def test_a_repository_out_of_reach(empty: Path) -> None:
    """What Maven says of it, and nothing half fetched is left behind."""
    java(empty, "21")
    program(empty, "mvn", "echo '[ERROR] Unknown host repo'; exit 1")
    assert missing() == "Maven could not fetch the jars ([ERROR] Unknown host repo) -> is its repository in reach?"
    assert [path.name for path in (empty.parent / "cache" / "posicional").iterdir()] == ["opensearch-3.8.0.0.lock"]


def test_jars_that_are_not_those_we_know(empty: Path) -> None:
    """Another jar than the one whose checksum we have is an error, and never run."""
    java(empty, "17")
    folder = empty.parent / "cache" / "posicional" / "opensearch-2.19.1.0"
    folder.mkdir(parents=True)
    (folder / "opensearch-2.19.1.jar").write_bytes(b"something else")
    match = r"not those of 2\.19\.1\.0\.sha256 -> remove that folder"
    with pytest.raises(RuntimeError, match=match), real_opensearch.node():
        pass


def test_this_machine_runs_one() -> None:
    """Where it cannot, the slow tests are skipped, and this line of the quick ones says what to install."""
    try:
        real_opensearch.check()
    except real_opensearch.Absent as reason:
        pytest.skip(f"the slow tests of a real OpenSearch cannot run here: {reason}")
    assert shutil.which("java")
