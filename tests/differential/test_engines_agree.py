"""The same SQL on both engines: every value and every type, over generated queries and everything that the list allows.

The reference is Spark, which runs the text as it was written wherever it can (a `*` must not bring the underscore
columns, text is cast in its usual form only: these it runs as our plan says). DuckDB runs our translation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from differential.edges import EDGES
from differential.generator import Generator
from differential.tables import SCHEMAS, tables
from posicional.errors import SqlError
from posicional.sql.allowed import RULES
from posicional.sql.dialect import parse
from posicional.sql.duckdb_words import OTHER_LOWER, OTHER_UPPER
from posicional.sql.instead import FUNCTIONS
from posicional.sql.plan import Plan, plan_query

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("spark"),
    # pyspark leaves the sockets through which rows come to the collector of garbage.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

QUERIES = 360
CHUNKS = 6


@pytest.fixture(scope="module")
def both(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Both engines with the same tables."""
    folder = tmp_path_factory.mktemp("tables")
    spark.conf.set("spark.sql.shuffle.partitions", "1")
    # Plans of a few rows need no second thought, and no code of their own: writing it takes longer than they do.
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    spark.conf.set("spark.sql.codegen.wholeStage", "false")
    spark.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        for name, table in tables().items():
            path = folder / f"{name}.parquet"
            pq.write_table(table, path)
            database.read_parquet(str(path)).create_view(name)
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
    """Rows as texts, in an order of their own. The zeros that a decimal ends in are its type's, which is compared."""
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
            if "digits" not in error.message:
                raise
            continue
        made += 1
        yield sql


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_generated_queries_agree(both: Engines, chunk: int) -> None:
    """Joins, filters, windows, aggregates, dates, decimals, nulls, accents: 60 queries of a seed that is its number."""
    answered = [assert_agree(both, sql) for sql in generated(chunk)]
    assert sum(answered) > 0.8 * len(answered), "too many of the queries fail on both engines to mean anything"


def test_edges_agree(both: Engines) -> None:
    """Halves, ends of months, empty texts, strange forms of numbers and days, as one query of many columns."""
    sql = f"select {', '.join(f'{edge} as e{number}' for number, edge in enumerate(EDGES))}"
    made = plan_query(sql, "q.sql", {})
    theirs, ours = both.by_spark(made.spark), both.by_duckdb(made)
    assert not isinstance(theirs, str)
    assert not isinstance(ours, str)
    assert dict(zip(EDGES, ours[0], strict=True)) == dict(zip(EDGES, theirs[0], strict=True))
    assert [type_ for _, type_ in made.columns] == theirs[0]
    told = [dict(zip(EDGES, in_order(rows)[0], strict=True)) for _, rows in (ours, theirs)]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("1.5 / 0", "fails"),
        ("1 % 0", "fails"),
        ("2147483647 + 1", "fails"),
        ("cast(3000000000 as int)", "fails"),
        ("cast(123456.789 as decimal(5,2))", "fails"),
        ("cast(concat('2026', '') as date)", "fails"),
        ("cast(concat('x', '') as boolean)", "fails"),
    ],
)
def test_what_cannot_be_fails_on_both(both: Engines, sql: str, answer: str) -> None:
    """A value that does not fit, a zero to divide by, a text in no usual form."""
    made = plan_query(f"select {sql} as x", "q.sql", {})
    assert (both.by_spark(made.spark), both.by_duckdb(made)) == (answer, answer)


def test_every_letter_has_the_same_other_case_or_is_refused(both: Engines) -> None:
    """All that Unicode has in its first two planes, on both engines; none that differs is let through."""
    letters = [chr(code) for code in range(1, 0x20000) if not 0xD800 <= code < 0xE000]
    both.spark.createDataFrame([(letter,) for letter in letters], "s string").createOrReplaceTempView("letters")
    rows = both.spark.sql("select s, upper(s), lower(s), length(s) from letters").collect()
    theirs = {row[0]: tuple(row)[1:] for row in rows}
    values = pa.table({"s": letters})
    both.database.register("letters", values)
    ours = both.database.sql("select s, upper(replace(s, 'ß', 'SS')), lower(s), length(s) from letters").fetchall()
    refused = [re.compile(f"[{letters}]") for letters in (OTHER_UPPER, OTHER_LOWER)]
    other = [
        letter
        for letter, upper, lower, length in ours
        if length != theirs[letter][2]
        or (upper != theirs[letter][0] and not refused[0].match(letter))
        or (lower != theirs[letter][1] and not refused[1].match(letter))
    ]
    assert other == []


def test_everything_on_the_list_is_generated() -> None:
    """No kind of node is allowed that the queries above do not hold."""
    seen = {type(node) for chunk in range(CHUNKS) for sql in generated(chunk) for node in parse(sql).tree.walk()}
    assert {kind.__name__ for kind in RULES if kind not in seen} == set()


def test_every_function_that_is_promised_is_generated() -> None:
    """By every name under which docs/sql.md allows it: a rule may be the same for two of them, the engines are not."""
    page = Path(__file__).parents[2].joinpath("docs", "sql.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:text|numbers|dates|many rows) \| (.*) \|$", page, re.MULTILINE)
    promised = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert promised == set(FUNCTIONS.split())
    text = "\n".join(sql for chunk in range(CHUNKS) for sql in generated(chunk))
    assert {word for word in promised if not re.search(rf"\b{word}\(", text)} == set()
