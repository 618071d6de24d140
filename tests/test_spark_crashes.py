"""A crash around the work of Spark's executors: the day of `test_crashes`, its datasets made by Spark.

What executors write is no operation of the process that may die: a dataset is one, from which it may come back or not,
when none or all of its parts are there. That some are there is shown by the killed processes of `test_spark_days`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from invariants import Began
from on_spark import MARKS
from posicional.backends.spark import SparkEngine
from posicional.contract.feed import Dataset
from posicional.ports import Offending, Place, Store, Written
from shaky import Fate, How, ShakySink
from test_crashes import sample_of_seven, whole_day

pytestmark = [*MARKS, pytest.mark.usefixtures("spark")]

POINTS: dict[int, How] = {2: "dies after", 3: "fails before", 4: "dies before", 6: "fails after"}
"""Number of the dataset that is made, and what becomes of it. The first run fails behind the first one, the second run
is superseded behind the second, two more runs make two each.
"""


class AtDatasets(Fate):
    """Counts the datasets only."""

    def next(self, what: str) -> How:
        """What becomes of a dataset; everything else goes well."""
        return super().next(what) if what.startswith("dataset ") else ""


@dataclass(frozen=True, slots=True)
class OnSpark:
    """Spark, with `then` behind every dataset."""

    store: Store
    then: Callable[[], None]
    name: str = "spark"

    def run(
        self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
    ) -> tuple[Written, ...]:
        """Run the dataset: what the process has seen when it begins is noted for every part that comes of it."""
        assert isinstance(sink, ShakySink)
        process, known = sink.process, sink.process.known

        def act() -> tuple[Written, ...]:
            written = SparkEngine().run(dataset, tables, sink.real, secret)
            process.history.began.extend(Began(process.who, sink.prefix + part.name, known) for part in written)
            return written

        written = process.do(f"dataset {dataset.name}", act)
        self.then()
        return written

    def offending(self, sql: str, path: str, tables: Mapping[str, Sequence[str]]) -> Offending:
        """As Spark says."""
        return SparkEngine().offending(sql, path, tables)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The seven files of the day."""
    return sample_of_seven(tmp_path_factory.mktemp("sample"))


@pytest.mark.parametrize(("n", "how"), POINTS.items())
def test_some_datasets(tmp_path: Path, sample: Mapping[str, bytes], n: int, how: How) -> None:
    """The n-th is the last thing that its process does, or fails, before or after: the day ends as it would have."""
    fate = AtDatasets(n, how)
    whole_day("folder", tmp_path, sample, fate, OnSpark)
    assert fate.hit
