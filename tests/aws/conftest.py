"""The emulator, an OpenSearch endpoint, and three feeds deployed to them: once for all tests of this folder.

Whoever looks at what a schedule does asks for its feed early: its deadline then comes while other tests go on.
"""

from __future__ import annotations

import functools
import json
import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from aws.cloud import Stack
from aws.emulator import PYTHON, Emulator, emulator
from aws.feeds import HASH_KEY, PASSWORD, write_notas, write_saude
from aws.locked import locked
from commands import EXAMPLES
from posicional.backends import packages, stack
from posicional.demo.osmem import start

SOON = timedelta(minutes=8)
"""When a feed is due, from when it is written: what was due before, the deployment's own sweep tells."""


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
def door(endpoint: str) -> Iterator[str]:
    """The endpoint, behind a door that asks for a password."""
    with locked(endpoint, "posicional", PASSWORD) as url:
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
    """The demo feed, in a bucket that its stack makes, with all that the template sets by itself."""
    folder = tmp_path_factory.mktemp("planos") / "planos"
    shutil.copytree(EXAMPLES / "planos", folder, ignore=shutil.ignore_patterns("dados"))
    deployed = Stack(aws, "posicional-planos", folder / "feed.yaml", "meu-bucket-dados")
    deployed.deploy("-p", f"OpenSearchUrl={endpoint}")
    deployed.subscribe()
    return deployed


@pytest.fixture(scope="session")
def secret(aws: Emulator) -> str:
    """What the second feed must not tell, in Secrets Manager; the secret's ARN."""
    held = json.dumps({"OPENSEARCH_PASSWORD": PASSWORD, "POSICIONAL_HMAC_KEY": HASH_KEY})
    return str(aws.client("secretsmanager").create_secret(Name="saude", SecretString=held)["ARN"])


@pytest.fixture(scope="session")
def saude(planos: Stack, aws: Emulator, door: str, secret: str, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A feed that is due soon, on the bucket of the first; its larger file is too large for its Lambda."""
    path = write_saude(tmp_path_factory.mktemp("saude"), SOON)
    deployed = Stack(aws, "posicional-saude", path, planos.bucket)
    words = {"OpenSearchUrl": door, "SecretArn": secret, "LambdaLimit": "63"}
    deployed.deploy(*(word for name, value in words.items() for word in ("-p", f"{name}={value}")))
    deployed.subscribe()
    return deployed


@pytest.fixture(scope="session")
def notas(aws: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A feed that is due soon, not deployed yet, for a bucket that somebody else will have made."""
    return Stack(aws, "posicional-notas", write_notas(tmp_path_factory.mktemp("notas"), SOON), "bucket-de-todos")
