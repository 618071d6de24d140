"""What every test may use: the real files beside the checkout, Spark, an OpenSearch, repeatable examples."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.nodeid import NodeId
from hypothesis import settings

import real_opensearch
from posicional.backends.opensearch import connect
from posicional.contract.feed import OpenSearchTarget
from posicional.demo.osmem import start
from posicional.errors import PosicionalError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

# The same examples in every run, so that a failure is the change's and not the day's; a failure prints the line that
# repeats it. No deadline: time on a shared machine says nothing about the code. `--hypothesis-profile=search` looks for
# new examples at random.
settings.register_profile("repeatable", derandomize=True, print_blob=True, deadline=None)
settings.register_profile("search", print_blob=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real files, which are not part of the repository; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real files, which are not here: {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    """A Spark on this machine, one for all tests of a worker; they are `slow` and of the xdist group `spark`.

    Where pyspark or Java is missing the test is skipped; with `POSICIONAL_REQUIRE=spark` that is a failure.
    """
    try:
        from posicional.backends.spark_session import LocalSpark, open_session

        return open_session(LocalSpark(memory="1g", threads=2))
    except PosicionalError as reason:
        told = f"needs Spark (make test-slow installs it) and a Java 17: {reason}"
        if "spark" in os.environ.get("POSICIONAL_REQUIRE", ""):
            pytest.fail(told)
        pytest.skip(told)


@pytest.fixture(scope="session")
def node() -> Iterator[str]:
    """The URL of a real OpenSearch: the one that `OPENSEARCH_URL` names, else a node of our own for the whole session.

    Where there is none the test is skipped; with `POSICIONAL_REQUIRE=opensearch` that is a failure.
    """
    if url := os.environ.get("OPENSEARCH_URL"):
        if held := _indices(url):
            pytest.fail(f"OPENSEARCH_URL names a cluster that is in use ({held[0]}, …); the tests need an empty one")
        yield url
        _empty(url)
        return
    with ExitStack() as stack:
        try:
            running = stack.enter_context(real_opensearch.node())
        except real_opensearch.Absent as reason:
            told = f"needs a real OpenSearch, or OPENSEARCH_URL: {reason}"
            if "opensearch" in os.environ.get("POSICIONAL_REQUIRE", ""):
                pytest.fail(told)
            pytest.skip(told)
        yield running


ON_NODE = (pytest.mark.slow, pytest.mark.xdist_group("opensearch"))
"""One worker runs all tests of the real node, so that there is one node only."""


@pytest.fixture(params=["osmem", pytest.param("node", marks=ON_NODE)])
def cluster(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty endpoint: the demo's server in memory, and, among the slow tests, a real OpenSearch."""
    if request.param == "osmem":
        with start() as url:
            yield url
        return
    url = request.getfixturevalue("node")
    _empty(url)
    yield url


def _empty(url: str) -> None:
    endpoint = connect(OpenSearchTarget(url, {}))
    for name in _indices(url):
        endpoint.delete_index(name)


def _indices(url: str) -> list[str]:
    """All that are not the cluster's own."""
    return [name for name in connect(OpenSearchTarget(url, {})).indices("*") if not name.startswith(".")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask for the real files, so that `-m "not shared_data"` leaves them out; and those that ask
    for the real node, which are slow.
    """
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("shared_data")
        if "node" in getattr(item, "fixturenames", ()):
            for mark in ON_NODE:
                item.add_marker(mark)
        if item.config.getoption("loadgroup", default=False):
            _group(item)


def _group(item: pytest.Item) -> None:
    """Let one worker run all tests of an xdist group.

    pytest-xdist 3.8 says the group in the id of a test, in a way that pytest 9.2 no longer sees (pytest-xdist#1386).
    """
    if mark := item.get_closest_marker("xdist_group"):
        item._id = NodeId.parse(f"{item.nodeid}@{mark.args[0]}")  # noqa: SLF001 - there is no other way to it
