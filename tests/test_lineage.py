"""Which line a row comes from: carried through joins and named queries to where it is asked for, or not at all."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from posicional.contract.feed import Dataset
from posicional.errors import SqlError
from posicional.sql.plan import Plan, plan

OWN = {"_file": "string", "_line": "bigint", "_byte": "bigint"}
TABLES = {
    "contratos": {"id": "bigint", "cpf": "string", "valor": "decimal(15,2)", **OWN},
    "clientes": {"cpf": "string", "nome": "string", **OWN},
    "resumo": {"cpf": "string", "n": "bigint"},
}


def planned(sql: str, lineage: str = "") -> Plan:
    """The plan of a dataset `d` whose key is `x`."""
    return plan(Dataset("d", sql, Path("d.sql"), ("x",), lineage=lineage), TABLES)


def carried(sql: str, lineage: str = "") -> list[tuple[int, ...]]:
    """The lines that the rows carry, of three contracts on lines 2 to 4 and two clients on lines 12 and 13."""
    made = planned(sql, lineage)
    if "_line" not in dict(made.columns):
        return []
    with duckdb.connect() as database:
        database.execute(
            "create table contratos as select * from (values (1, 'a', 1.00, 'c', 2, 20), (2, 'b', 2.00, 'c', 3, 30),"
            " (3, 'a', 3.00, 'c', 4, 40)) as v(id, cpf, valor, _file, _line, _byte)"
        )
        database.execute(
            "create table clientes as select * from (values ('a', 'Ana', 'l', 12, 120), ('b', 'Bia', 'l', 13, 130))"
            " as v(cpf, nome, _file, _line, _byte)"
        )
        database.execute("create table resumo as select 'a' as cpf, 2 as n")
        return sorted(database.sql(f"select _line, _byte from ({made.duckdb})").fetchall())  # noqa: S608 - ours


CONTRACTS = [(2, 20), (3, 30), (4, 40)]


@pytest.mark.parametrize(
    ("sql", "lines"),
    [
        ("select id as x from contratos", CONTRACTS),
        ("select c.id as x, l.nome from contratos c join clientes l on l.cpf = c.cpf", CONTRACTS),
        ("select c.id as x, r.n from contratos c left join resumo r on r.cpf = c.cpf", CONTRACTS),
        ("select x.id as x from (select * from contratos where id > 1) x", CONTRACTS[1:]),
        ("with a as (select id, cpf from contratos), b as (select * from a) select id as x from b", CONTRACTS),
        ("create temporary view a as select * from contratos; select id as x from a", CONTRACTS),
        ("select id as x from contratos union all select id from contratos where id = 1", [CONTRACTS[0], *CONTRACTS]),
        ("select id as x, row_number() over (order by id) as n from contratos", CONTRACTS),
        ("select id as x, (select max(nome) from clientes) as n from contratos", CONTRACTS),
    ],
)
def test_rows_carry_the_line_of_the_first_table(sql: str, lines: list[tuple[int, ...]]) -> None:
    """Unless something else is said, and whatever stands between."""
    assert carried(sql) == lines


@pytest.mark.parametrize(
    "sql",
    [
        "select cpf as x, count(*) as n from contratos group by cpf",
        "select max(id) as x from contratos",
        "select distinct cpf as x from contratos",
        "select cpf as x from contratos union select cpf from clientes",
        "select r.cpf as x from resumo r join contratos c on c.cpf = r.cpf",
        "with a as (select cpf, sum(valor) as v from contratos group by cpf) select cpf as x from a",
        "select a.x from (select distinct id as x from contratos) a",
        "select 1 as x",
    ],
)
def test_rows_of_many_lines_carry_none(sql: str) -> None:
    """Sums, distinct rows, unions that fold rows, and tables that do not say it."""
    assert [name for name, _ in planned(sql).columns if name.startswith("_")] == []


def test_another_table_can_be_named() -> None:
    """By its name or by its alias."""
    sql = "select c.id as x from contratos c join clientes l on l.cpf = c.cpf"
    assert carried(sql, "clientes") == carried(sql, "l") == [(12, 120), (12, 120), (13, 130)]
    assert carried(sql, "contratos") == CONTRACTS


def test_a_query_may_say_it_itself() -> None:
    """One of the three columns by name is that column, and no other is brought along."""
    made = planned("select c.id as x, l._line from contratos c join clientes l on l.cpf = c.cpf")
    assert [name for name, _ in made.columns] == ["x", "_line"]


@pytest.mark.parametrize(
    ("sql", "lineage", "message"),
    [
        ("select id as x from contratos", "clientes", "the rows cannot be followed to clientes"),
        ("select cpf as x from contratos group by cpf", "contratos", "the rows are summed up"),
        ("select a.id as x from contratos a join contratos b on a.id = b.id", "contratos", "cannot be followed"),
        ("select id as x, _line from contratos", "contratos", "names where its rows come from itself"),
        ("select c.cpf as x from resumo c", "c", "cannot be followed"),
    ],
)
def test_a_table_that_cannot_be_followed_is_a_fault(sql: str, lineage: str, message: str) -> None:
    """Named and not there, summed up, there twice, said otherwise."""
    with pytest.raises(SqlError, match=message):
        planned(sql, lineage)


def test_declared_columns_need_not_name_them() -> None:
    """They stand behind what is declared; a feed may still declare them."""
    for columns in ({"x": "bigint"}, {"x": "bigint", "_line": "bigint"}):
        dataset = Dataset("d", "select id as x from contratos", Path("d.sql"), ("x",), columns=columns)
        assert sorted(name for name, _ in plan(dataset, TABLES).columns) == ["_byte", "_file", "_line", "x"]
