"""A real OpenSearch for the tests: one node on this machine, from jars that Maven fetches; no Docker.

Which one depends on the Java that is there (`JAVA_HOME`, else the one on the PATH): 3.8 on Java 21 and later, 2.19 on
Java 17. The jars are kept in the user's cache and held against the checksums in `opensearch_node/` at every start.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

RECIPE = Path(__file__).parent / "opensearch_node"

VERSIONS = ((21, "3.8.0.0"), (17, "2.19.1.0"))
"""The oldest Java that carries it -> version of the runner, whose first three numbers are OpenSearch's."""

SECONDS = 240.0
"""How long a node may take to begin; it usually takes ten."""

HEAP = ("-Xms512m", "-Xmx768m")
HINT = "install a JDK (17 or later) and Maven (Debian, Ubuntu: apt-get install maven default-jdk-headless)"


class Absent(Exception):
    """This machine cannot run a node; the text says what is missing and how to get it."""


def check() -> None:
    """Raise `Absent` where something is missing that a node needs; nothing is fetched or begun."""
    _, version = _java()
    if not _folder(version).is_dir() and shutil.which("mvn") is None:
        raise Absent(f"there is no Maven -> {HINT}")


@contextmanager
def node() -> Iterator[str]:
    """The URL of a node with nothing in it, while it runs. Should this process die, it ends by itself.

    Raises `Absent`, and `RuntimeError` when it is all there and does not work.
    """
    java, version = _java()
    jars = _jars(version)
    with tempfile.TemporaryDirectory(prefix="posicional-opensearch-") as folder:
        command = [java, *HEAP, "-cp", f"{jars}/*", str(RECIPE / "Node.java"), folder]
        log = Path(folder, "log")
        with (
            log.open("wb") as errors,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as process,
        ):
            try:
                yield _url(process, log)
            finally:
                _stop(process)


def _java() -> tuple[str, str]:
    """The Java that runs the node, and the version that it carries."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else "java"
    if shutil.which(java) is None:
        raise Absent(f"there is no Java -> {HINT}")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=True, timeout=30).stderr
    found = re.search(r'version "(\d+)', said)
    number = int(found[1]) if found else 0
    for oldest, version in VERSIONS:
        if number >= oldest:
            modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=True, timeout=30)
            if "jdk.compiler@" not in modules.stdout:
                raise Absent(f"the Java that is there has no compiler -> {HINT}")
            return java, version
    raise Absent(f"the Java that is there is too old ({number}) -> {HINT}")


def _jars(version: str) -> Path:
    """The folder of the node's jars, fetched once for all."""
    folder = _folder(version)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once fetch once
        if not folder.is_dir():
            _fetch(version, folder)
    wanted = (RECIPE / f"{version}.sha256").read_text(encoding="ascii")
    got = "".join(
        f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in sorted(folder.glob("*.jar"))
    )
    if sorted(got.splitlines()) != sorted(wanted.splitlines()):
        raise RuntimeError(f"the jars in {folder} are not those of {version}.sha256 -> remove that folder")
    return folder


def _folder(version: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "posicional" / f"opensearch-{version}"


def _fetch(version: str, folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise Absent(f"there is no Maven -> {HINT}")
    coming = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}-"))
    command = ["mvn", "-q", "-B", "-f", str(RECIPE / "pom.xml"), f"-Drunner={version}"]
    command += ["dependency:copy-dependencies", f"-DoutputDirectory={coming}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        shutil.rmtree(coming)
        said = next((line for line in done.stdout.splitlines() if "ERROR" in line), f"exit code {done.returncode}")
        raise Absent(f"Maven could not fetch the jars ({said[:200]}) -> is its repository in reach?")
    coming.rename(folder)


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    """What it says once it answers; before that it prints where its folders are."""
    assert process.stdout is not None
    until = monotonic() + SECONDS
    while (left := until - monotonic()) > 0:
        ready, _, _ = select.select([process.stdout], [], [], left)
        line = process.stdout.readline().decode() if ready else ""
        if line.startswith("URL "):
            return line.removeprefix("URL ").strip()
        if not line:
            break
    raise RuntimeError(f"the node did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Close its input, which tells it to end."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
