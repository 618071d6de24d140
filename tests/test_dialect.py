"""A dataset's SQL: what is refused says where, and what instead; what is allowed means on DuckDB what Spark means."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from posicional.contract.feed import Dataset, Feed
from posicional.errors import SqlError
from posicional.sql.dialect import faults_of, parse, sql_error, tables_of
from posicional.sql.feed import feed_faults, order
from posicional.sql.plan import plan, plan_query
from worlds import write_feed

EXAMPLES = Path(__file__).parents[1] / "examples"


def dataset(name: str, sql: str, key: tuple[str, ...] = ("id",)) -> Dataset:
    """A dataset whose SQL stands in `<name>.sql`."""
    return Dataset(name=name, sql=sql, sql_path=Path(f"{name}.sql"), key=key)


def refusal(sql: str) -> SqlError:
    """The error in which a query ends, whatever its tables."""
    try:
        query = parse(sql, "q.sql")
    except SqlError as error:
        return error
    return sql_error(faults_of(query, tables_of(query))[0])


def to_duckdb(sql: str, database: duckdb.DuckDBPyConnection | None = None) -> str:
    """A query of Spark SQL in DuckDB's words, over the tables of a database."""
    columns: dict[str, dict[str, str]] = {}
    known = "select table_name, column_name, data_type from duckdb_columns()"
    rows = database.sql(known).fetchall() if database else []
    for table, column, type_ in rows:
        words = {"INTEGER": "int", "VARCHAR": "string"}
        columns.setdefault(table, {})[column] = words.get(type_, type_.lower())
    return plan_query(sql, "q.sql", columns).duckdb


def evaluate(expression: str) -> Any:
    """An expression of Spark SQL, evaluated by DuckDB."""
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        row = database.sql(to_duckdb(f"select {expression} as x")).fetchall()[0]
        return row[0]


# --- tables and order -------------------------------------------------------------------------------------------------


def test_tables_are_the_real_ones() -> None:
    """Names of CTEs are no tables; tables in joins, subqueries and CTEs are; case does not matter."""
    sql = """
        create or replace temporary view pagos as select * from Parcelas;
        with ativos as (select * from Contratos), soma as (select * from ativos join pagamentos using (id))
        select * from soma join pagos using (id)
        where exists (select 1 from sinistros) and id in (select id from clientes)
    """
    assert tables_of(parse(sql)) == {"contratos", "pagamentos", "sinistros", "clientes", "parcelas"}


def test_unknown_table_names_the_candidates() -> None:
    """A table that is not there is refused at its line and column, with the names that resemble it."""
    with pytest.raises(SqlError) as caught:
        plan(dataset("d", "select c.id\nfrom contrato c"), {"contratos": {}, "clientes": {}, "planos": {}})
    assert caught.value.where == "d.sql:2:6"
    assert caught.value.message == "there is no table 'contrato'"
    assert "contratos" in caught.value.hint


def test_every_fault_of_a_query_is_found() -> None:
    """All refusals of one query come together, in the order of the text."""
    query = parse("select bround(x) as a,\n  foo(y) as b\nfrom nada\nlimit 3", "q.sql")
    assert [(fault.line, fault.path) for fault in faults_of(query, ["t"])] == [
        (1, "column 8"),
        (2, "column 3"),
        (3, "column 6"),
        (4, "column 7"),
    ]


def test_a_cte_may_not_hide_a_table() -> None:
    """Spark and DuckDB disagree about a CTE that reads the table whose name it takes, so it is refused."""
    query = parse("with t as (select * from t) select * from t")
    assert [fault.message for fault in faults_of(query, ["t"])] == ["'t' is a table already"]


def test_datasets_come_after_those_they_read() -> None:
    """The order follows what is read, and otherwise the contract."""
    a, b, c = dataset("a", "select * from B"), dataset("b", "select * from c join x"), dataset("c", "select * from x")
    assert [each.name for each in order([a, b, c])] == ["c", "b", "a"]
    assert [each.name for each in order([c, b, a])] == ["c", "b", "a"]


def test_a_cycle_is_refused_with_its_path() -> None:
    """Datasets that read one another are named in a circle; so is one that reads itself."""
    with pytest.raises(SqlError, match="a reads b reads a"):
        order([dataset("a", "select * from b"), dataset("b", "select * from a")])
    with pytest.raises(SqlError, match="a reads a"):
        order([dataset("a", "select * from a")])


@pytest.mark.parametrize("feed", ["planos", "sigtap"])
def test_the_examples_say_nothing_that_is_refused(feed: str) -> None:
    """Every dataset of the examples is within the list and reads tables that are there."""
    assert feed_faults(Feed.load(EXAMPLES / feed / "feed.yaml")) == ()


def test_a_feeds_faults_come_all_at_once(tmp_path: Path) -> None:
    """Each dataset's faults are told with its file, line and column; a cycle is looked for when there are no others."""
    feed = write_feed(tmp_path, ativos="select numero,\n  bround(x) as y from contrato", por_plano="select")
    found = [(Path(fault.file).name, fault.line, fault.path) for fault in feed_faults(feed)]
    assert found == [("ativos.sql", 2, "column 3"), ("ativos.sql", 2, "column 23"), ("por_plano.sql", 1, "")]
    circle = write_feed(tmp_path, ativos="select plano as numero from por_plano")
    assert [fault.message for fault in feed_faults(circle)] == [
        "datasets read one another: ativos reads por_plano reads ativos"
    ]


# --- syntax -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "where", "message"),
    [
        ("select a\nfrom b\nwhere (x = 1", "q.sql:3:12", "')' is missing"),
        ("selct 1", "q.sql:1:7", "not SQL that Spark understands"),
        ("select a from", "q.sql:1:10", "not SQL that Spark understands"),
        ("-- don't\nselect 'abc from x", "q.sql:2:8", "is not closed"),
        ("select 1 /* and", "q.sql:1:10", "is not closed"),
        ("select 1 as a;\nselect 2 as a", "q.sql:1:8", "more than one select"),
        ("  ", "q.sql:1", "no SQL"),
        ("select", "q.sql:1", "names no column"),
        ("drop table x", "q.sql:1", "not 'drop'"),
        ("insert into x select 1", "q.sql:1", "not 'insert'"),
        ("copy x to 'y.parquet'", "q.sql:1", "not 'copy'"),
        ("pragma version", "q.sql:1", "not 'pragma'"),
        ("set x = 1", "q.sql:1", "not 'set'"),
    ],
    ids=lambda value: value[:24].strip() if isinstance(value, str) else None,
)
def test_what_is_not_one_select_is_refused(sql: str, where: str, message: str) -> None:
    """Syntax errors and other statements end in one sentence with file, line and column."""
    error = refusal(sql)
    assert error.where == where
    assert message in error.message


# --- the list ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "place", "hint"),
    [
        ("select uper(nome) as x from t", "1:8", "did you mean upper?"),
        ("select valor div 2 as x from t", "1:8", "floor"),
        ("select median(valor) as x from t", "1:8", ""),
        ("select max_by(a, b) as x from t", "1:15", "row_number()"),
        ("select cast(valor as decimal) as x from t", "1:13", "decimal(18,2)"),
        ("select cast(valor as double) as x from t", "1:13", "decimal"),
        ("select cast(em as timestamp) as x from t", "1:13", "timestamp_ntz"),
        ("select weekday(d) as x from t", "1:8", "datediff"),
        ("select substring(a, 0, 2) as x from t", "1:18", "from 1"),
        ("select d + interval 1 month as x from t", "1:8", "add_months"),
        ("select months_between(a, b) as x from t", "1:8", "month"),
        ("select trunc(d, 'DECADE') as x from t", "1:8", "trunc(d, 'MM')"),
        ("select date_trunc('MM', em) as x from t", "1:8", "trunc"),
        ("select regexp_replace(a, 'x*', 'y') as x from t", "1:8", ""),
        ("select a rlike '[[:alpha:]]' as x from t", "1:8", "[0-9]"),
        ("select to_json(a) as x from t", "1:8", "columns"),
        ("select format_string('%d', a) as x from t", "1:8", "lpad"),
        ("select hash(a) as x from t", "1:8", "sha2"),
        ("select bround(a) as x from t", "1:8", "round"),
        ("select current_date() as x from t", "1:8", "clock"),
        ("select a from t limit 3", "1:23", "whole"),
        ("select first(a) as x from t", "1:8", "min, max"),
        ("select x from t lateral view explode(c) e as x", "1:30", "lists"),
        ("select x from read_csv('/etc/passwd')", "1:15", "by name"),
        ("select x from other.t", "1:15", "name alone"),
        ("select * from a natural join b", "1:30", "using"),
        ("select to_date(a, 'dd/MM/yyyy') as x from t", "1:8", "layout"),
        ("select strpos(a, 'x') as x from t", "1:8", "instr"),
        ("select nothing_known(a) as x from t", "1:8", ""),
        ("select 1e3 as x from t", "1:8", "decimal"),
        ("select a from t where a like b", "1:23", ""),
        ("with recursive r as (select 1 as a) select a from r", "1:16", ""),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith(("select", "with")) else "",
)
def test_what_differs_between_the_engines_is_refused(sql: str, place: str, hint: str) -> None:
    """What is silently different, unknown, or depends on chance ends in an error at its place, with what to write."""
    error = refusal(sql)
    assert error.where == f"q.sql:{place}"  # a function whose place sqlglot does not keep is placed at its argument
    assert hint in error.hint


def test_a_result_column_needs_a_name() -> None:
    """An expression without a name would be called differently by each engine."""
    faults = faults_of(parse("select id, upper(nome) from t"), ["t"])
    assert [fault.message for fault in faults] == ["a result column needs a name: engines name it differently"]


# What Spark 3.5 answered to these expressions (casts that cannot succeed aside, which fail here as in ANSI mode).
SPARK: dict[str, Any] = {
    "5 % 3": 2,
    "-5 % 3": -2,
    "cast(10 as decimal(18,2)) * cast(3.333 as decimal(18,6))": Decimal("33.33000000"),
    "cast(1.005 as decimal(10,3)) * 2": Decimal("2.010"),
    "round(2.5)": Decimal(3),
    "round(-2.5)": Decimal(-3),
    "round(cast(2.345 as decimal(10,3)), 2)": Decimal("2.35"),
    "cast('2026-1-5' as date)": date(2026, 1, 5),
    "cast(floor(12.7) as int)": 12,
    "date_format(date'2026-01-05', 'yyyy-MM-dd')": "2026-01-05",
    "date_format(timestamp_ntz'2026-01-05 13:04:05', 'dd/MM/yy HH:mm:ss')": "05/01/26 13:04:05",
    "date_add(date'2026-01-31', 1)": date(2026, 2, 1),
    "date_sub(date'2026-01-31', 1)": date(2026, 1, 30),
    "add_months(date'2026-01-31', 1)": date(2026, 2, 28),
    "datediff(date'2026-03-01', date'2026-02-01')": 28,
    "weekofyear(date'2026-01-01')": 1,
    "year(date'2026-03-29')": 2026,
    "last_day(date'2026-02-03')": date(2026, 2, 28),
    "substring('abcdef', 1, 2)": "ab",
    "instr('abcabc', 'c')": 3,
    "locate('c', 'abcabc')": 3,
    "length('São ')": 4,
    "lpad('5', 3, '0')": "005",
    "lpad('abcdef', 3, '0')": "abc",
    "concat('a', cast(null as string), 'b')": None,
    "'a' || cast(null as string)": None,
    "concat_ws('-', 'a', cast(null as string), 'b')": "a-b",
    "'abc' rlike '^a'": True,
    "'ABC' like 'abc'": False,
    "'a' = 'A'": False,
    "translate('abc', 'ab', 'xy')": "xyc",
    "replace('aXbX', 'X', '')": "ab",
    "upper('straße é')": "STRASSE É",
    "trim('  a ')": "a",
    "trim(both 'x' from 'xxaxx')": "a",
    "ltrim('  a')": "a",
    "coalesce(cast(null as string), 'x')": "x",
    "nvl(cast(null as bigint), 1)": 1,
    "nullif(1, 1)": None,
    "if(1 > 0, 'y', 'n')": "y",
    "greatest(1, null, 3)": 3,
    "least('b', 'a')": "a",
    "cast(true as string)": "true",
    "cast(1.10 as string)": "1.10",
    "cast(date'2026-01-05' as string)": "2026-01-05",
    "md5('a')": "0cc175b9c0f1b6a831c399e269772661",
    "sha2('a', 256)": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    "cast('t' as boolean)": True,
    "1 <=> null": False,
    '"text in double quotes"': "text in double quotes",
}


@pytest.mark.parametrize("expression", SPARK)
def test_allowed_expressions_mean_what_they_mean_on_spark(expression: str) -> None:
    """Each expression gives on DuckDB, after rewriting, the value that Spark 3.5 gives."""
    value = evaluate(expression)
    assert value == SPARK[expression]
    assert type(value) is type(SPARK[expression]), "not even the type may differ"


@pytest.mark.parametrize(
    ("expression", "type_"),
    [
        ("year(d)", "INTEGER"),
        ("datediff(d, d)", "INTEGER"),
        ("length(s)", "INTEGER"),
        ("date_add(d, 1)", "DATE"),
        ("add_months(d, 1)", "DATE"),
        ("row_number() over (order by s)", "INTEGER"),
        ("rank() over (order by s)", "INTEGER"),
        ("count(*)", "BIGINT"),
    ],
)
def test_functions_have_sparks_types(expression: str, type_: str) -> None:
    """Where DuckDB would give another type than Spark, a cast restores it."""
    with duckdb.connect() as database:
        database.execute("create table t as select date '2026-01-31' as d, 'x' as s")
        sql = to_duckdb(f"select {expression} as x from t", database)  # noqa: S608 - the test's own words
        assert str(database.sql(sql).types[0]) == type_


def test_a_cast_that_cannot_succeed_fails() -> None:
    """A cast is strict, as in Spark's ANSI mode; only try_cast gives null."""
    with pytest.raises(duckdb.ConversionException):
        evaluate("cast(concat('2026', '-13-01') as date)")
    with pytest.raises(duckdb.ConversionException):
        evaluate("cast(concat('2026', '') as date)")  # which Spark by itself takes for the first of January
    assert evaluate("try_cast(concat('2026', '-13-01') as date)") is None
    assert evaluate("try_cast(concat(' 2026', '-12-01 ') as date)") == date(2026, 12, 1)


def test_nulls_are_ordered_as_on_spark() -> None:
    """Ascending puts nulls first, descending last."""
    with duckdb.connect() as database:
        database.execute("create table t as select * from (values (2), (null), (1)) as v(x)")
        assert database.sql(to_duckdb("select x from t order by x", database)).fetchall() == [(None,), (1,), (2,)]
        assert database.sql(to_duckdb("select x from t order by x desc", database)).fetchall() == [(2,), (1,), (None,)]


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("select * from a", ["id", "v"]),
        ("select a.*, b.w from a join b using (id)", ["id", "v", "w"]),
        ("select * from a join b using (id)", ["id", "v", "w"]),
        ("select *, a._line from a", ["id", "v", "_line"]),
        ("select x.* from (select * from a) x", ["id", "v"]),
        ("with x as (select id from b) select * from x", ["id"]),
        ("select * from a union all select id, w from b", ["id", "v"]),
    ],
)
def test_star_leaves_out_where_a_row_came_from(sql: str, columns: list[str]) -> None:
    """`select *`, of everything or of one table, has no underscore column, whether the table has them or not; named
    alone they can be had.
    """
    with duckdb.connect() as database:
        database.execute("create table a as select 1 as id, 2 as v, 'f' as _file, 3 as _line")
        database.execute("create table b as select 1 as id, 5 as w, 'f' as _file, 3 as _line, 1 as _group")
        assert database.sql(to_duckdb(sql, database)).columns == columns


def test_words_that_only_one_engine_reserves_can_be_names() -> None:
    """Names are quoted for DuckDB, and accents do not move a place."""
    with duckdb.connect() as database:
        database.execute('create table t ("end" int, "São Paulo" int)')
        sql = to_duckdb("select t.end, t.`São Paulo` as desc from t", database)
        assert sql == 'SELECT "t"."end" AS "end", "t"."são paulo" AS "desc" FROM "t" AS "t"'
        assert database.sql(sql).columns == ["end", "desc"]
    assert refusal("select t.`São Paulo`,\n  foo(x) as x from t").where == "q.sql:2:3"


def test_messages_are_ready_for_a_terminal() -> None:
    """A refusal reads as place, what, what instead, in one line."""
    text = str(refusal("select bround(valor) as media from contratos"))
    assert text.startswith("q.sql:1:8: the function 'bround' is not on the list")
    assert "\n" not in text
    json.dumps(text)
