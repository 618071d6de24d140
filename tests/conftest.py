"""What every test may use: the real files beside the checkout, and repeatable examples from hypothesis."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask for the real files, so that `-m "not shared_data"` leaves them out."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("shared_data")
