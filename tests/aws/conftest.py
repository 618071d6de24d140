"""The emulator, an OpenSearch endpoint, and the demo feed deployed to them: once for all tests of this folder."""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Iterator

import pytest

from aws.cloud import Stack
from aws.emulator import PYTHON, Emulator, emulator
from commands import EXAMPLES
from posicional.backends import packages, stack
from posicional.demo.osmem import start


@pytest.fixture(scope="session")
def patch() -> Iterator[pytest.MonkeyPatch]:
    """Changes of the environment for as long as the session lasts."""
    with pytest.MonkeyPatch.context() as inner:
        yield inner


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """An OpenSearch-compatible endpoint."""
    with start() as url:
        yield url


@pytest.fixture(scope="session")
def aws(patch: pytest.MonkeyPatch, endpoint: str) -> Iterator[Emulator]:
    """The emulator. Everything in this process that speaks to AWS speaks to it; packages are made once."""
    if not PYTHON.exists():
        pytest.fail("the emulator's environment is not there: make test-aws")
    if sys.version_info[:2] != (3, 11):
        pytest.fail("Glue runs Python 3.11, and its runs are this Python's here: make test-aws PYTHON=python3.11")
    patch.setattr(packages, "lambda_package", functools.cache(packages.lambda_package))
    patch.setattr(packages, "glue_package", functools.cache(packages.glue_package))
    patch.setattr(stack, "POLL", 0.2)
    with emulator() as running:
        for name, value in {**running.environment, "OPENSEARCH_URL": endpoint}.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(scope="session")
def planos(aws: Emulator, endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The demo feed, in a bucket that its stack makes."""
    folder = tmp_path_factory.mktemp("planos") / "planos"
    shutil.copytree(EXAMPLES / "planos", folder, ignore=shutil.ignore_patterns("dados"))
    deployed = Stack(aws, "posicional-planos", folder / "feed.yaml", "meu-bucket-dados")
    deployed.deploy("-p", f"OpenSearchUrl={endpoint}", "-p", "Engine=duckdb")
    return deployed
