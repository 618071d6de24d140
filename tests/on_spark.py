"""What every module of Spark's tests says: `pytestmark = MARKS`."""

from __future__ import annotations

import pytest

MARKS = [
    pytest.mark.slow,
    pytest.mark.xdist_group("spark"),  # one worker runs them all, so that there is one Spark only
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # pyspark leaves closing to Python
    pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated"),  # and compares versions with them
]
