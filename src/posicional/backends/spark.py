"""Spark as an engine: the ledger's parts in, the same SQL, and parts that the executors write themselves.

Nothing is collected by the driver but the names of the parts. The executors hand their rows to Python as Arrow batches,
where they are protected and written through the store's own sink: so a part is the same kind of file, lies where the
ledger says, and counts only when it is named there, whichever engine made it. The key is checked once the parts are
written: its columns alone are read again, which is cheaper than computing the dataset twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from posicional.backends.parts import PART_BYTES, check_any, empty_part, local_paths, scratch_folder, write_parts
from posicional.backends.spark_errors import explained
from posicional.backends.spark_session import LocalSpark, is_local, open_session
from posicional.backends.spark_work import WRITTEN, Carrying, Writing
from posicional.errors import EngineError
from posicional.ports import Offending, Place, Written
from posicional.sql.checks import check_key, key_query
from posicional.sql.dialect import parse, tables_of
from posicional.sql.plan import Plan, plan, plan_places, plan_query
from posicional.sql.protect import Protection, protection

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from posicional.contract.feed import Dataset

_KEYS = "posicional_keys"

Schemas = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class SparkEngine:
    """Runs datasets one after another, each in a session of its own, in the Spark that is there or one of our own."""

    local: LocalSpark = field(default_factory=LocalSpark)
    part_bytes: int = field(default=PART_BYTES, repr=False)

    @property
    def name(self) -> str:
        """The engine's word in a feed."""
        return "spark"

    def run(
        self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
    ) -> tuple[Written, ...]:
        """Run a dataset's SQL over `tables` (name -> located parts) and write its parts into `sink`.

        Raises `SqlError` for SQL that is wrong, `DataRefused` for a key that is null or not unique or a value that a
        cast cannot hold, `EngineError`, `UsageError` where hashes are wanted and `secret` is no key. No message holds
        the value of a field.
        """
        path, what = str(dataset.sql_path), f"dataset {dataset.name}"
        protect = protection(dataset.protect, secret)
        with self._opened(what, dataset.sql, path, tables) as (spark, schemas, scratch):
            made = plan(dataset, schemas)
            with explained(what, path, made):
                written = self._write(spark.sql(made.spark), protect, sink)
                if dataset.key:
                    _read(spark, _KEYS, [sink.locate(part.name) for part in written], scratch)
                    found = spark.sql(key_query(dataset.key, _KEYS).sql("spark", identify=True)).collect()[0]
                    check_key(dataset, *map(int, found))
        return written

    def offending(self, sql: str, path: str, tables: Mapping[str, Sequence[str]]) -> Offending:
        """How many rows a query gives that must give none, and the lines of some. Raises as `run` does."""
        what = f"expectation {path}"
        with self._opened(what, sql, path, tables) as (spark, schemas, _):
            asked = plan_query(sql, path, schemas)
            count, places = plan_places(asked)
            with explained(what, path, asked):
                rows = _first_number(spark, count)
                found = spark.sql(places.spark).collect() if rows and places else []
        return Offending(rows, tuple((str(file), int(line)) for file, line in found if line is not None))

    @contextmanager
    def _opened(
        self, what: str, sql: str, path: str, tables: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[SparkSession, Schemas, Path]]:
        """A session with the tables that a query reads, their columns with types in Spark's words, and a folder."""
        read = tables_of(parse(sql, path))
        with scratch_folder(self.local.temp_directory) as scratch:
            spark = open_session(self.local)
            schemas: Schemas = {name: {} for name in tables}  # also those that an unknown name may have meant
            for name, parts in tables.items():
                if name.lower() in read:
                    with explained(f"{what}: table {name}", path):
                        schemas[name] = _read(spark, name, parts, scratch)
            yield spark, schemas, scratch

    def _write(self, frame: DataFrame, protect: Protection, sink: Place) -> tuple[Written, ...]:
        """The executors write their rows; a result without any is one part that has only the schema."""
        from pyspark.sql.pandas.types import to_arrow_schema

        schema = pa.schema([pa.field(one.name, _nullable(one.type)) for one in to_arrow_schema(frame.schema)])
        work = Carrying(Writing(sink, schema, protect.apply, self.part_bytes))
        rows = frame.mapInArrow(work, WRITTEN).collect()
        written = tuple(Written(row["name"], row["rows"], row["bytes"]) for row in rows)
        if written:
            return written
        empty = protect.schema(schema)
        return write_parts(empty_part(empty), empty, sink, "part-{:05d}.parquet".format)


def _read(spark: SparkSession, name: str, parts: Sequence[str], scratch: Path) -> dict[str, str]:
    """Make a view of exactly these parts; its columns, with types in Spark's words.

    The schema is the first part's, and the folders of a part (`data=…`) are no columns. A Spark of our own has no file
    system for buckets, so parts that are in one are fetched through our store; a cluster reads them where they are.
    """
    check_any(name, parts)
    if any(part.startswith("memory:") for part in parts):
        hint = "use a folder or a bucket, or the engine duckdb"
        raise EngineError("Spark's processes cannot reach a store in memory", where=parts[0], hint=hint)
    paths = local_paths(name, parts, scratch) if is_local(spark) else list(parts)
    reader = spark.read.option("recursiveFileLookup", "true")
    schema = _schema_of(name, paths[0]) if is_local(spark) else reader.parquet(paths[0]).schema
    reader.schema(schema).parquet(*paths).createOrReplaceTempView(name)
    return {one.name: one.dataType.simpleString() for one in schema}


def _schema_of(table: str, path: str) -> StructType:
    """A part's schema, read here: Spark would begin a job for it."""
    from pyspark.sql.pandas.types import from_arrow_schema

    try:
        return from_arrow_schema(pq.read_schema(path), prefer_timestamp_ntz=True)
    except (pa.ArrowInvalid, OSError) as error:
        hint = "were they changed or removed? convert the file again"
        raise EngineError(
            f"the parts of {table} cannot be read: {type(error).__name__}", where=path, hint=hint
        ) from None


def _nullable(type_: pa.DataType) -> pa.DataType:
    """The type with nothing in it that is never null: what is written does not depend on what an engine knew."""
    if pa.types.is_list(type_):
        return pa.list_(pa.field("element", _nullable(type_.value_type)))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(one.name, _nullable(one.type)) for one in type_])
    return type_


def _first_number(spark: SparkSession, query: Plan) -> int:
    return int(spark.sql(query.spark).collect()[0][0])
