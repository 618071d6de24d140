"""Spark 3.5 reads our Parquet parts as pyarrow does: every type, encoding and null. (DuckDB, polars: test_parquet.)

A file's parts are written by us, a dataset's by its engine, and a dataset may be read by another engine than made it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from on_spark import MARKS
from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.store import open_store
from posicional.contract.feed import Dataset
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


def test_spark_reads_what_duckdb_writes(spark: SparkSession, tmp_path: Path) -> None:
    """A dataset of every type: the same types and values as its source has, all of them nullable."""
    part = tmp_path / "part.parquet"
    part.write_bytes(converted(lines(), MADE).sink.closed["part-00000.parquet"])
    sink = open_store(tmp_path / "out").sink("r/")
    dataset = Dataset("d", "select * from t", Path("d.sql"), ("_line",))
    [written] = DuckDbEngine().run(dataset, {"t": [str(part)]}, sink)
    frame = spark.read.parquet(sink.locate(written.name))
    names = pq.read_schema(part).names
    assert sorted(frame.dtypes) == sorted(zip(names, TYPES, strict=True))
    assert all(column.nullable for column in frame.schema)
    made = pq.read_table(sink.locate(written.name)).sort_by("_line")
    assert made.select(names).cast(pq.read_schema(part)).equals(pq.read_table(part))
    assert [row.asDict() for row in frame.orderBy("_line").collect()] == made.to_pylist()
