"""Spark 3.5 reads our Parquet parts as pyarrow does: every type, encoding and null. (DuckDB, polars: test_parquet.)"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from on_spark import MARKS
from test_parquet import MADE, ROWS, lines
from test_reader import converted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = MARKS

TYPES = [
    "string",
    "string",
    "bigint",
    "decimal(8,2)",
    "decimal(25,3)",
    "date",
    "timestamp_ntz",
    "string",
    "boolean",
    "array<bigint>",
    "string",
    "string",
    "bigint",
    "bigint",
]


def test_spark_reads_what_pyarrow_reads(spark: SparkSession, tmp_path: Path) -> None:
    """Types and values of all columns, lineage included, and of the rejects."""
    found = converted(lines() + b"rubbish\n" * 40, MADE)
    part, refused = tmp_path / "part.parquet", tmp_path / "refused.parquet"
    part.write_bytes(found.sink.closed["part-00000.parquet"])
    refused.write_bytes(found.rejects.closed["part-00000.parquet"])
    frame = spark.read.parquet(str(part))
    assert [kind for _, kind in frame.dtypes] == TYPES
    table = pq.read_table(part)
    assert table.num_rows == ROWS
    assert [row.asDict() for row in frame.orderBy("_line").collect()] == table.to_pylist()
    rows = [row.asDict() for row in spark.read.parquet(str(refused)).orderBy("line").collect()]
    assert [row | {"raw": bytes(row["raw"])} for row in rows] == pq.read_table(refused).to_pylist()
    assert len(rows) == 40
