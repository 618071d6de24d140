"""A run's Parquet parts as Arrow batches, through whatever store they are in, in constant memory."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from posicional.errors import StoreError
from posicional.ports import Source, Store

if TYPE_CHECKING:
    from typing_extensions import Buffer

BATCH_ROWS = 16_384


def schema_of(store: Store, key: str) -> pa.Schema:
    """The schema of a part. Raises `StoreError`."""
    with _open(store, key) as part:
        return part.schema_arrow


def batches(
    store: Store, keys: Iterable[str], rows: int = BATCH_ROWS, only: Collection[str] = ()
) -> Iterator[pa.RecordBatch]:
    """The rows of parts, one after another, at most `rows` at once; of the columns only those (in lower case).

    Raises `StoreError`.
    """
    for key in keys:
        with _open(store, key) as part:
            wanted = [name for name in part.schema_arrow.names if name.lower() in only] if only else None
            yield from part.iter_batches(batch_size=rows, columns=wanted)


def _open(store: Store, key: str) -> pq.ParquetFile:
    source = store.source(store.head(key))
    try:
        return pq.ParquetFile(_SeekableSource(source))
    except pa.ArrowInvalid:
        raise StoreError("this is not a Parquet file", where=key, hint="process the day again with --again") from None


class _SeekableSource(io.RawIOBase):
    """A source as a file that can be read from anywhere, as Parquet must be: each read opens its own range."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        stop = min(self._position + len(view), self._source.size)
        filled = 0
        if stop > self._position:
            with self._source.open(self._position, stop) as stream:
                while filled < stop - self._position and (data := stream.read(stop - self._position - filled)):
                    view[filled : filled + len(data)] = data
                    filled += len(data)
        self._position += filled
        return filled
