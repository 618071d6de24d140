"""Parquet parts that DuckDB, Spark 3.5, polars and pyarrow read well. Each setting has a reason:

- zstd, level 1: 40 % smaller than snappy for a few per cent more time; every engine reads it.
- A dictionary only for columns whose first batch repeats itself: on every column it costs 40 % of the time.
- DELTA_BINARY_PACKED for whole numbers, dates and decimals of up to 18 digits: half the time of plain pages under
  zstd, and smaller; `_line` and `_byte`, which are nearly sequences, cost almost nothing. Never BYTE_STREAM_SPLIT,
  which Spark 3.5.6 cannot read.
- No statistics of text: its least and greatest value seldom lets a reader skip anything, and finding them costs as much
  as encoding it.
- Decimals of up to 18 digits as integers, as Spark itself writes them: half the bytes, faster to write and to read.
- Row groups of 128 k rows or more: DuckDB works on one row group with one thread, Spark skips whole ones.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from posicional.ports import Sink
from posicional.records.conversion import Part
from posicional.records.swar import MOST

GROUP_ROWS = 1 << 17
GROUP_BYTES = 48 << 20
SAMPLE = 1 << 13
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
                compression="zstd",
                compression_level=1,
                store_schema=False,
                store_decimal_as_integer=True,
                **encodings(schema, batches[0] if batches else None),
            )
        return self._writer


def encodings(schema: pa.Schema, sample: pa.RecordBatch | None) -> dict[str, Any]:
    """Which columns get a dictionary, and the encoding of those that a delta suits, judged by the first batch."""
    dictionary = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    delta: dict[str, str] = {}
    for field in schema:
        if field.name in dictionary:
            continue
        if sample is not None and _repeats(sample.column(field.name).slice(0, SAMPLE)):
            dictionary.append(field.name)
        elif _is_whole(field.type):
            delta[field.name] = "DELTA_BINARY_PACKED"
    measured = [field.name for field in schema if not _is_text(field.type)]
    return {"use_dictionary": dictionary, "column_encoding": delta, "write_statistics": measured}


def _is_whole(arrow: pa.DataType) -> bool:
    """Whether Parquet stores the type as 32- or 64-bit integers."""
    if pa.types.is_decimal(arrow):
        return bool(arrow.precision <= MOST)
    return bool(pa.types.is_integer(arrow) or pa.types.is_date(arrow) or pa.types.is_timestamp(arrow))


def _is_text(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_string(arrow) or pa.types.is_binary(arrow) or pa.types.is_dictionary(arrow))


def _repeats(values: pa.Array) -> bool:
    """Whether a dictionary pays: few different values among many."""
    if len(values) < 256 or pa.types.is_nested(values.type) or pa.types.is_boolean(values.type):
        return False
    return bool(pc.count_distinct(values).as_py() <= len(values) // 16)
