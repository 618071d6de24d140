"""Parquet parts that DuckDB, Spark 3.5, polars and pyarrow read well. Each setting has a reason:

- How a column is encoded and whether it is compressed, its first rows decide: see `encodings`.
- Decimals of up to 18 digits as integers, as Spark itself writes them: half the bytes, faster to write and to read.
- Row groups of 128 k rows or more: DuckDB works on one row group with one thread, Spark skips whole ones.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from posicional.ports import Sink
from posicional.records.conversion import Part
from posicional.records.encodings import encodings

GROUP_ROWS = 1 << 17
GROUP_BYTES = 48 << 20
BUFFER = 4 << 20
"""Bytes that a part collects before it asks for the interpreter's lock: an encoder that must wait for it at every page
stands still while another thread decodes."""


class _Counted(io.RawIOBase):
    """The part's stream, counting; closing it is left to the part, so that a part given up is never closed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._stream.write(data)
        size = memoryview(data).nbytes
        self.size += size
        return size

    def tell(self) -> int:
        return self.size


class PartWriter:
    """One Parquet part being written. It comes into being with its first batch, and counts only once closed."""

    def __init__(self, sink: Sink, name: str, table: str, schema: pa.Schema) -> None:
        self._stream = sink.open(name)
        self._counted = _Counted(self._stream)
        self._buffered = pa.BufferedOutputStream(pa.PythonFile(self._counted, mode="w"), BUFFER)
        self._name = name
        self._table = table
        self._schema = schema
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._waiting_bytes = 0
        self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; they are written when there are enough for a row group."""
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        self._waiting_bytes += batch.nbytes
        if self._waiting_rows >= GROUP_ROWS or self._waiting_bytes >= GROUP_BYTES:
            self._write_group()

    def flush(self) -> None:
        """Write what waits: no more rows will come."""
        if self._waiting or self._writer is None:
            self._write_group()

    def close(self, footer: Mapping[str, str]) -> Part:
        """Write what waits and the footer with its metadata; the part is visible and durable after this."""
        self.flush()
        writer = self._open([])
        writer.add_key_value_metadata({f"posicional.{key}": value for key, value in footer.items()})
        writer.close()
        self._buffered.close()
        self._stream.close()
        return Part(self._name, self._table, self._rows, self._counted.size)

    def _write_group(self) -> None:
        batches, self._waiting = self._waiting, []
        self._rows += self._waiting_rows
        self._waiting_rows = self._waiting_bytes = 0
        writer = self._open(batches)
        if batches:
            table = pa.Table.from_batches(batches)
            # Every batch has dictionaries of its own; in one row group they must be one.
            writer.write_table(table.unify_dictionaries() if len(batches) > 1 else table, row_group_size=GROUP_ROWS * 8)

    def _open(self, batches: list[pa.RecordBatch]) -> pq.ParquetWriter:
        if self._writer is None:
            # Text that repeats itself comes as dictionaries, which is known from the first batch on.
            schema = batches[0].schema if batches else self._schema
            self._writer = pq.ParquetWriter(
                self._buffered,
                schema,
                store_schema=False,
                store_decimal_as_integer=True,
                **encodings(schema, batches[0] if batches else None),
            )
        return self._writer
