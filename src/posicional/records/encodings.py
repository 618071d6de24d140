"""How each column of a Parquet part is encoded and whether it is compressed: judged by its first rows.

- zstd, level 1: 40 % smaller than snappy for a few per cent more time; every engine reads it. Not for numbers that a
  delta has packed to their last bit: it seldom makes them smaller, and trying takes a third of the column's time.
- A dictionary only for columns whose first rows repeat themselves: on every column it costs 40 % of the time.
- DELTA_BINARY_PACKED for whole numbers, dates and decimals of up to 18 digits: half the time of plain pages under
  zstd, and smaller; `_line` and `_byte`, which are nearly sequences, cost almost nothing. Never BYTE_STREAM_SPLIT,
  which Spark 3.5.6 cannot read, nor DELTA_LENGTH_BYTE_ARRAY, of which it reads other texts where there are nulls.
- No statistics of text: its least and greatest value seldom lets a reader skip anything, and finding them costs as much
  as encoding it.
- Thousands of values are encoded in one go, but not more than fill a page: only in between is a page's size looked at.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from posicional.records.swar import MOST

SAMPLE = 1 << 13
"""Rows that are looked at."""

LEAST = 256
"""Fewer tell nothing."""

FEW, MANY = 1 << 10, 1 << 14
"""Values that are encoded in one go, at least and at most."""

PAGE = 1 << 20
"""Bytes that a page should hold."""

CODEC, LEVEL = "zstd", 1

SMALLER = 0.95
"""What compression must make of packed numbers to be worth its time."""


def encodings(schema: pa.Schema, first: pa.RecordBatch | None) -> dict[str, Any]:
    """The settings of a `pyarrow.parquet.ParquetWriter` for rows of which `first` is the first batch, if any."""
    sample = None if first is None or first.num_rows < LEAST else first.slice(0, SAMPLE)
    dictionary = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    dictionary += [] if sample is None else [n for n in schema.names if n not in dictionary and _repeats(sample[n])]
    delta = [field.name for field in schema if field.name not in dictionary and _is_whole(field.type)]
    chosen = {
        "use_dictionary": dictionary,
        "column_encoding": dict.fromkeys(delta, "DELTA_BINARY_PACKED"),
        "write_statistics": [field.name for field in schema if not _is_text(field.type)],
        "compression": CODEC,
        "compression_level": LEVEL,
    }
    if sample is None:
        return chosen
    columns = _written(sample, chosen)
    compressed = [path for path, one in columns.items() if path not in delta or not _is_dense(one, len(sample))]
    codecs = dict.fromkeys(columns, "none") | dict.fromkeys(compressed, CODEC)
    widest = max(column.nbytes for column in sample.columns) // len(sample)
    return {
        **chosen,
        "compression": codecs,
        "compression_level": dict.fromkeys(compressed, LEVEL),
        "write_batch_size": max(FEW, min(MANY, PAGE // max(1, widest))),
    }


def _written(sample: pa.RecordBatch, settings: dict[str, Any]) -> dict[str, pq.ColumnChunkMetaData]:
    """What becomes of each column, by its path in Parquet, when the sample is written so."""
    out = pa.BufferOutputStream()
    with pq.ParquetWriter(out, sample.schema, store_schema=False, store_decimal_as_integer=True, **settings) as writer:
        writer.write_batch(sample)
    group = pq.ParquetFile(pa.BufferReader(out.getvalue())).metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    return {one.path_in_schema: one for one in columns}


def _is_dense(column: pq.ColumnChunkMetaData, rows: int) -> bool:
    """Whether compression makes little of a column; one that takes next to nothing does not tell yet."""
    size = column.total_compressed_size
    return bool(size >= rows and size > column.total_uncompressed_size * SMALLER)


def _is_whole(arrow: pa.DataType) -> bool:
    """Whether Parquet stores the type as 32- or 64-bit integers."""
    if pa.types.is_decimal(arrow):
        return bool(arrow.precision <= MOST)
    return bool(pa.types.is_integer(arrow) or pa.types.is_date(arrow) or pa.types.is_timestamp(arrow))


def _is_text(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_string(arrow) or pa.types.is_binary(arrow) or pa.types.is_dictionary(arrow))


def _repeats(values: pa.Array) -> bool:
    """Whether a dictionary pays: few different values among many."""
    if pa.types.is_nested(values.type) or pa.types.is_boolean(values.type):
        return False
    return bool(pc.count_distinct(values).as_py() <= len(values) // 16)
