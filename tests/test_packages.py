"""What is packed for AWS: small enough, complete, the same every time; fetched as `posicional deploy` does."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from aws.lambda_python import installed, lambda_python
from commands import PLANOS, ROOT
from posicional.backends import packages
from posicional.contract.feed import Feed
from posicional.errors import UsageError
from worlds import write_feed

LIMIT = 180 * 2**20
"""Bytes of the Lambdas' code and libraries when unpacked; AWS allows 250 MiB."""


def pins(path: Path) -> dict[str, str]:
    """Name -> version of a list of exact versions."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {name.lower().replace("_", "-"): version for name, _, version in (line.partition("==") for line in lines)}


@pytest.mark.parametrize("name", ["lambda.txt", "glue.txt"])
def test_what_is_deployed_is_what_is_tested(name: str) -> None:
    """The versions are those of constraints.txt."""
    tested = pins(ROOT / "constraints.txt")
    found = pins(packages.deploy_files() / name)
    assert found == {one: tested[one] for one in found}


def test_a_contract_is_the_same_bytes_every_time_and_means_the_same() -> None:
    """So it stands under its digest, and nothing that was made by it is another's."""
    feed = Feed.load(PLANOS)
    first, second = packages.contract_package(feed), packages.contract_package(feed)
    assert first == second
    assert re.fullmatch(r"contract-[0-9a-f]{16}\.zip", first.name)


def test_a_contract_that_reaches_outside_of_its_folder_is_refused(tmp_path: Path) -> None:
    """What it names would not be there."""
    write_feed(tmp_path / "feed")
    (tmp_path / "feed" / "clientes.yaml").rename(tmp_path / "clientes.yaml")
    feed = tmp_path / "feed" / "feed.yaml"
    feed.write_text(feed.read_text().replace("layout: clientes.yaml", "layout: ../clientes.yaml"))
    with pytest.raises(UsageError):
        packages.contract_package(Feed.load(feed))


def test_our_own_wheel_is_one_that_pip_takes(tmp_path: Path) -> None:
    """Made without a build: the files that run here, with their hashes."""
    name, data = packages.own_wheel()
    (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", "there", name]
    subprocess.run([*command, "--disable-pip-version-check"], cwd=tmp_path, check=True)
    assert (tmp_path / "there" / "posicional" / "glue.py").is_file()
    assert (tmp_path / "there" / "posicional" / "schemas" / "feed.schema.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize("python", ["3.12", "3.13"])
def test_the_lambdas_fit(python: str, architecture: str, tmp_path: Path) -> None:
    """Below 180 MiB unpacked, the same bytes every time, and they import in 3.13, and in 3.12 where there is one."""
    package = packages.lambda_package(python, architecture)
    assert package.unpacked < LIMIT
    if (python, architecture) == ("3.13", "arm64"):
        assert packages.lambda_package(python, architecture) == package
    if architecture != "x86_64":
        return
    interpreter = lambda_python() if python == "3.13" else installed(python)
    if interpreter is None:
        return
    (tmp_path / "lambda.zip").write_bytes(package.data)
    with zipfile.ZipFile(tmp_path / "lambda.zip") as packed:
        packed.extractall(tmp_path / "task")
    # The runtime brings the SDK; here our own environment's stands for it, behind the package.
    sdk = subprocess.run(
        [sys.executable, "-c", "import boto3, pathlib; print(pathlib.Path(boto3.__file__).parents[1])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (tmp_path / "sdk").mkdir()
    for name in ("boto3", "botocore", "s3transfer", "urllib3"):
        (tmp_path / "sdk" / name).symlink_to(Path(sdk) / name)
    paths = [str(tmp_path / "task"), str(tmp_path / "sdk")]
    check = f"import sys; sys.path[:0] = {paths!r}; import posicional.lambdas, posicional.records.reader, holidays"
    subprocess.run([str(interpreter), "-I", "-c", check], check=True, timeout=120)


@pytest.mark.slow
def test_the_wheels_install_without_an_index(tmp_path: Path) -> None:
    """All that the Glue job needs is in one zip, and pip is content with it: nothing is missing, nothing disagrees."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("Glue 5 runs Python 3.11")
    (tmp_path / "wheels.zip").write_bytes(packages.glue_package().data)
    with zipfile.ZipFile(tmp_path / "wheels.zip") as packed:
        packed.extractall(tmp_path / "wheels")
    venv.create(tmp_path / "glue", with_pip=True)
    python = str(tmp_path / "glue" / "bin" / "python")
    wheels = sorted(map(str, (tmp_path / "wheels").glob("*.whl")))
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", *wheels], check=True, timeout=280)
    subprocess.run([*pip, "check"], check=True)
    subprocess.run([python, "-I", "-c", "import posicional.backends.duckdb, posicional.sql.dialect"], check=True)
