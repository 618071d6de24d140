"""What Spark's executors do for us, in Python processes of their own: light to import, and all of it picklable.

An error of ours that happens there travels to the driver inside the text of Spark's own.
"""

from __future__ import annotations

import base64
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar

import pyarrow as pa

from posicional.backends.parts import write_parts
from posicional.errors import PosicionalError
from posicional.ports import Sink

P = ParamSpec("P")
T = TypeVar("T")

WRITTEN = "name string, rows long, bytes long"
"""The columns of what `Writing` gives: one row for each part."""


@dataclass(frozen=True, slots=True)
class Writing:
    """Writes the rows of a partition as parts in `sink`, each batch changed by `change` and cast to `schema`."""

    sink: Sink
    schema: pa.Schema
    change: Callable[[pa.RecordBatch], pa.RecordBatch]
    part_bytes: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Names, rows and bytes of the parts. A task that is tried again, or twice at once, has names of its own."""
        from pyspark import TaskContext

        context = TaskContext.get()
        place, attempt = (context.partitionId(), context.taskAttemptId()) if context else (0, 0)
        changed = (self.change(batch.cast(self.schema)) for batch in batches if batch.num_rows)
        first = next(changed, None)
        if first is None:
            return
        parts = write_parts(
            _and_then(first, changed),
            first.schema,
            self.sink,
            lambda number: f"part-{place:05d}-{number:03d}-{attempt}.parquet",
            self.part_bytes,
        )
        names, rows, sizes = [p.name for p in parts], [p.rows for p in parts], [p.bytes for p in parts]
        arrays = [pa.array(names, pa.string()), pa.array(rows, pa.int64()), pa.array(sizes, pa.int64())]
        yield pa.RecordBatch.from_arrays(arrays, names=["name", "rows", "bytes"])


def _and_then(first: T, others: Iterator[T]) -> Iterator[T]:
    yield first
    yield from others


# --- errors on their way to the driver --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Carrying(Generic[P, T]):
    """Work whose errors reach the driver; what Spark calls."""

    work: Callable[P, Iterator[T]]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        """The work's results."""
        try:
            yield from self.work(*args, **kwargs)
        except PosicionalError as error:
            raise _Carried(base64.b64encode(pickle.dumps(error)).decode()) from None


class _Carried(Exception):
    """An error of ours, pickled, as the text of another."""

    def __init__(self, text: str) -> None:
        super().__init__(f"posicional-error<{text}>")


def carried(text: str) -> PosicionalError | None:
    """The error of ours that stands in what Spark says."""
    found = re.search(r"posicional-error<([A-Za-z0-9+/=]+)>", text)
    error = pickle.loads(base64.b64decode(found[1])) if found else None  # noqa: S301 - what our own executors wrote
    return error if isinstance(error, PosicionalError) else None


# --- work item by item ------------------------------------------------------------------------------------------------


def each(work: bytes, items: Iterator[bytes]) -> Iterator[bytes]:
    """The pickled results of pickled work for pickled items."""
    do = pickle.loads(work)  # noqa: S301 - what our own driver has pickled
    for item in items:
        yield pickle.dumps(do(pickle.loads(item)))  # noqa: S301 - as above
