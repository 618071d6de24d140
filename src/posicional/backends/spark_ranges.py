"""Work that Spark's executors do item by item: how the ranges of a large file are read by a cluster.

Work, items and results travel pickled. What a range leaves is its parts, which the executor writes itself, and a note
of a few kilobytes: the driver holds no row.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from posicional.backends.spark_errors import explained
from posicional.backends.spark_session import LocalSpark, open_session
from posicional.backends.spark_work import Carrying, each

if TYPE_CHECKING:
    from posicional.ports import Together

T = TypeVar("T")
R = TypeVar("R")


def by_spark(local: LocalSpark) -> Together:
    """Has work done by Spark's executors, one task for each item; the results come in the items' order."""
    return partial(_do, local)


def _do(local: LocalSpark, work: Callable[[T], R], items: Sequence[T]) -> Iterable[R]:
    spark = open_session(local)
    doing: Any = Carrying(partial(each, pickle.dumps(work)))
    with explained("conversion", ""):
        numbered = spark.sparkContext.parallelize([pickle.dumps(item) for item in items], max(1, len(items)))
        done: list[bytes] = numbered.mapPartitions(doing).collect()
    return _loaded(done)


def _loaded(done: Sequence[bytes]) -> Iterator[Any]:
    return (pickle.loads(one) for one in done)  # noqa: S301 - what our own executors have pickled
