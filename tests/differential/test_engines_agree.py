"""The same SQL on both engines: every value and every type, over generated queries and everything that the list allows.

The reference is Spark, which runs the text as it was written wherever it can (a `*` must not bring the underscore
columns, text is cast in its usual form only: these it runs as our plan says). DuckDB runs our translation.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq
import pytest

from differential.generator import Generator
from differential.tables import SCHEMAS, tables
from posicional.errors import SqlError
from posicional.sql.allowed import RULES
from posicional.sql.dialect import parse
from posicional.sql.plan import Plan, plan_query

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("spark")]

QUERIES = 360
CHUNKS = 6


@pytest.fixture(scope="module")
def both(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Both engines with the same tables."""
    folder = tmp_path_factory.mktemp("tables")
    spark.conf.set("spark.sql.shuffle.partitions", "1")
    spark.conf.set("spark.sql.adaptive.enabled", "false")  # plans of a few rows need no second thought
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        for name, table in tables().items():
            path = folder / f"{name}.parquet"
            pq.write_table(table, path)
            database.execute(f"create view {name} as select * from '{path}'")
            spark.read.parquet(str(path)).cache().createOrReplaceTempView(name)
        yield Engines(spark, database)


Rows = list[tuple[Any, ...]]


class Engines:
    """Both engines, and what each says to a query."""

    def __init__(self, spark: SparkSession, database: duckdb.DuckDBPyConnection) -> None:
        self.spark = spark
        self.database = database

    def by_spark(self, sql: str) -> tuple[list[str], Rows] | str:
        """Types and rows; `fails` where it fails."""
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import PySparkException

        try:
            frame = self.spark.sql(sql)
            types = [one.dataType.simpleString() for one in frame.schema]
            return types, [tuple(row) for row in frame.collect()]
        except (PySparkException, Py4JJavaError) as error:
            said = str(error).partition("\n")[0]
            assert "PARSE" not in said, f"{sql}: {said}"
            assert "UNRESOLVED" not in said, f"{sql}: {said}"
            return "fails"

    def by_duckdb(self, made: Plan) -> tuple[list[str], Rows] | str:
        """The same of DuckDB, its types in Spark's words."""
        try:
            found = self.database.sql(made.duckdb)
            types = [_WORDS.get(str(type_), str(type_).lower()) for type_ in found.types]
            return types, found.fetchall()
        except (duckdb.DataError, duckdb.OutOfRangeException, duckdb.InvalidInputException):
            return "fails"


_WORDS = {"INTEGER": "int", "VARCHAR": "string", "TIMESTAMP": "timestamp_ntz"}


def in_order(rows: Rows) -> list[tuple[str, ...]]:
    """Rows as texts, in an order of their own. How many zeros a decimal ends in is its type's, which is compared apart."""
    return sorted(tuple(f"{v.normalize():f}" if isinstance(v, Decimal) else repr(v) for v in row) for row in rows)


def assert_agree(both: Engines, sql: str, schemas: dict[str, dict[str, str]] = SCHEMAS) -> bool:
    """Both engines give the same for a query, or both fail. False where they fail."""
    made = plan_query(sql, "q.sql", schemas)
    as_written = "*" not in sql.replace("(*)", "") and "numero as" not in sql
    theirs = both.by_spark(sql if as_written else made.spark)
    ours = both.by_duckdb(made)
    if isinstance(theirs, str) or isinstance(ours, str):
        assert theirs == ours, sql
        return False
    assert [type_ for _, type_ in made.columns] == theirs[0], f"types of Spark: {sql}"
    assert in_order(ours[1]) == in_order(theirs[1]), sql
    return True


def generated(chunk: int) -> Iterator[str]:
    """A chunk of the queries; those that would need more than 38 digits are refused, and others made instead."""
    generator, made = Generator(seed=chunk), 0
    while made < QUERIES // CHUNKS:
        sql = generator.query()
        try:
            plan_query(sql, "q.sql", SCHEMAS)
        except SqlError as error:
            assert "digits" in error.message, f"{error}: {sql}"
            continue
        made += 1
        yield sql


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_generated_queries_agree(both: Engines, chunk: int) -> None:
    """Joins, filters, windows, aggregates, dates, decimals, nulls, accents: 60 queries of a seed that is its number."""
    answered = [assert_agree(both, sql) for sql in generated(chunk)]
    assert sum(answered) > 0.8 * len(answered), "too many of the queries fail on both engines to mean anything"


def test_everything_on_the_list_is_generated() -> None:
    """No kind of node is allowed that the queries above do not hold."""
    seen = {type(node) for chunk in range(CHUNKS) for sql in generated(chunk) for node in parse(sql).tree.walk()}
    assert {kind.__name__ for kind in RULES if kind not in seen} == set()
