"""What runs on AWS, packed on this machine without Docker: the Lambdas' zip, the Glue job's wheels, a feed's contract.

The same input gives the same bytes: exact versions, sorted names, no times. So a package stands under its digest, and
one that was uploaded before need not be uploaded again.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path

import posicional
from posicional.contract.feed import Feed
from posicional.day import revision
from posicional.errors import OutsideError, UsageError

PACKAGE = Path(posicional.__file__).parent

PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_24", "manylinux_2_17", "manylinux2014")
"""What Lambda (Amazon Linux 2023) and Glue 5 (glibc 2.34) run, the newest first."""

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""AWS's word for an architecture -> the wheels' word."""

GLUE_PYTHON = "3.11"

_LEFT_OUT = (
    "tests",
    "include",
    "__pycache__",
    "bin",
    "*.pyx",
    "*.pxd",
    "*.pxi",
    "*.pyi",
    "*.h",
    "*.hpp",
    "*.a",
    "f2py",
    "locale",  # of holidays, whose names nobody is told
)
"""Names of files and folders that no Lambda needs."""

_PYARROW_LEFT_OUT = (
    "src",
    "libarrow_flight*",
    "libarrow_python_flight*",
    "libarrow_s3*",
    "_flight*",
    "_s3fs*",
    "_gcsfs*",
    "_azurefs*",
    "_hdfs*",
    "_orc*",
    "_substrait*",
    "_dataset_parquet_encryption*",
    "_parquet_encryption*",
    "_pyarrow_cpp_tests*",
    "libarrow_python.so.*.*",  # a second copy
    "libarrow_python.so",  # a third
    "libarrow_python_parquet_encryption*",
)
"""Of pyarrow: other file systems, Flight, ORC, and copies of libraries. Without libarrow_substrait it does not load."""


@dataclass(frozen=True, slots=True)
class Package:
    """A packed file: its bytes, and a name that holds their digest. `unpacked` is its size when unpacked."""

    name: str
    data: bytes
    unpacked: int

    @property
    def mebibytes(self) -> str:
        """Its sizes, for a person."""
        return f"{len(self.data) / 2**20:.1f} MiB, {self.unpacked / 2**20:.1f} MiB unpacked"


def deploy_files() -> Path:
    """Where the template and the lists of versions are: in the package, or in the checkout it is developed in."""
    inside = PACKAGE / "deploy"
    return inside if inside.is_dir() else PACKAGE.parents[1] / "deploy"


def lambda_package(python: str = "3.13", architecture: str = "x86_64") -> Package:
    """The Lambdas' code and libraries, for a Python and an architecture. Raises `OutsideError` when pip fails."""
    with tempfile.TemporaryDirectory(prefix="posicional-lambda-") as scratch:
        folder = Path(scratch)
        words = ["install", "--no-compile", "--target", scratch]
        _pip(words, deploy_files() / "lambda.txt", python, architecture)
        files = {path.relative_to(folder).as_posix(): path for path in _kept(folder)}
        files |= dict(_own_files())
        return _packed("lambda", {name: path.read_bytes() for name, path in files.items()})


def glue_package() -> Package:
    """All wheels of the Glue job, our own among them. Raises `OutsideError` when pip fails."""
    with tempfile.TemporaryDirectory(prefix="posicional-glue-") as scratch:
        folder = Path(scratch)
        _pip(["download", "--dest", scratch], deploy_files() / "glue.txt", GLUE_PYTHON, "x86_64")
        wheels = {path.name: path.read_bytes() for path in folder.iterdir()}
        name, data = own_wheel()
        return _packed("glue", wheels | {name: data}, ending=".gluewheels.zip", compress=False)


def glue_script() -> Package:
    """The two lines that the Glue job begins with."""
    data = (deploy_files() / "glue_job.py").read_bytes()
    return Package(f"glue-{_digest(data)}.py", data, len(data))


def contract_package(feed: Feed) -> Package:
    """The contract, as `feed.yaml` and what stands beside it. Raises `UsageError` for one that reaches outside."""
    root = feed.path.resolve().parent
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in _contract_files(root)}
    files["feed.yaml"] = feed.path.read_bytes()
    package = _packed("contract", files)
    with tempfile.TemporaryDirectory(prefix="posicional-contract-") as scratch:
        for name, data in files.items():
            place = Path(scratch) / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        unpacked = Feed.load(Path(scratch) / "feed.yaml")
    readings = [{name: revision.reading(file) for name, file in one.files.items()} for one in (feed, unpacked)]
    if readings[0] != readings[1] or revision.contract(feed) != revision.contract(unpacked):
        raise UsageError(
            "the contract means something else when it stands alone",
            where=str(feed.path),
            hint="keep its layouts, SQL and calendars in its own folder",
        )
    return package


def own_wheel() -> tuple[str, bytes]:
    """Our own wheel, made of the files that run here: name and bytes."""
    words = metadata("posicional")
    version = words["Version"]
    info = f"posicional-{version}.dist-info"
    files = {name: path.read_bytes() for name, path in _own_files()}
    files[f"{info}/METADATA"] = str(words).encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: posicional\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    lines = [f"{name},sha256={_urlsafe(data)},{len(data)}" for name, data in sorted(files.items())]
    files[f"{info}/RECORD"] = "".join(f"{line}\n" for line in [*lines, f"{info}/RECORD,,"]).encode()
    return f"posicional-{version}-py3-none-any.whl", _zipped(files, compress=True)


def _urlsafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _own_files() -> Iterator[tuple[str, Path]]:
    """What the handlers and the job run: the package without its demo, its board and its caches."""
    for path in sorted(PACKAGE.rglob("*")):
        name = path.relative_to(PACKAGE)
        if path.is_file() and "__pycache__" not in name.parts and name.parts[0] not in ("demo", "board", "deploy"):
            yield f"posicional/{name.as_posix()}", path


def _contract_files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.is_file() and not hidden and path.suffix in (".yaml", ".yml", ".sql", ".csv", ".cpy"):
            yield path


def _kept(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not path.is_file() or _matches(name, _LEFT_OUT):
            continue
        if name.parts[0] == "pyarrow" and _matches(Path(*name.parts[1:]), _PYARROW_LEFT_OUT):
            continue
        yield path


def _matches(name: Path, patterns: Iterable[str]) -> bool:
    return any(Path(part).match(pattern) for part in name.parts for pattern in patterns)


def _pip(words: list[str], requirements: Path, python: str, architecture: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words, "--no-deps"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    for platform in PLATFORMS:
        command += ["--platform", f"{platform}_{MACHINES[architecture]}"]
    done = subprocess.run([*command, "-r", str(requirements)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OutsideError(
            "pip could not fetch the libraries",
            where=str(requirements),
            got=done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "",
            hint="check the network, and that pip is installed",
        )


def _packed(kind: str, files: Mapping[str, bytes], ending: str = ".zip", *, compress: bool = True) -> Package:
    data = _zipped(files, compress=compress)
    return Package(f"{kind}-{_digest(data)}{ending}", data, sum(map(len, files.values())))


def _zipped(files: Mapping[str, bytes], *, compress: bool) -> bytes:
    """A zip of files, the same for the same files: sorted, of one time, readable by everybody."""
    with tempfile.TemporaryFile() as scratch:
        with zipfile.ZipFile(scratch, "w") as packed:
            for name, data in sorted(files.items()):
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o100644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
                packed.writestr(entry, data)
        scratch.seek(0)
        return scratch.read()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
