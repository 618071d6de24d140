"""Personal columns may join, filter and group; wherever a value of one could reach a result, somebody must say how.

Each query is followed by our own reading and by sqlglot's `lineage`, which walks the same scopes in another way: what
the library finds, ours must find too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.schema import MappingSchema

from posicional.contract.feed import Dataset, Feed
from posicional.contract.layout import Layout
from posicional.errors import SqlError
from posicional.records.reading import Reading
from posicional.sql.dialect import parse
from posicional.sql.feed import feed_faults, schemas_of
from posicional.sql.plan import plan, plan_query
from posicional.sql.resolve import resolved
from worlds import DAY, write_feed

EXAMPLES = Path(__file__).parents[1] / "examples"

TABLES: Mapping[str, Mapping[str, str]] = {
    "clientes": {"id": "bigint", "cpf": "string", "nome": "string", "cidade": "string", "nascimento": "date"},
    "contratos": {"numero": "string", "cpf": "string", "valor": "decimal(15,2)", "id": "bigint"},
    "planos": {"id": "bigint", "nome": "string", "plano": "string"},
}
PERSONAL = {("clientes", "cpf"), ("clientes", "nome"), ("clientes", "nascimento"), ("contratos", "cpf")}
EVERYTHING = {"clientes.cpf", "clientes.nome", "clientes.nascimento"}

REACHED = {
    "select cpf as x from clientes": {"clientes.cpf"},
    "select CPF as x from Clientes": {"clientes.cpf"},
    "select upper(c.nome) as x from clientes c": {"clientes.nome"},
    "select * from clientes": EVERYTHING,
    "select p.plano, c.* from clientes c join planos p on true": EVERYTHING,
    "select c.*, p.plano from planos p join (select id, cpf from clientes) c on c.id = p.id": {"clientes.cpf"},
    # named queries, at every depth
    "with a as (select cpf as y from clientes) select y as x from a": {"clientes.cpf"},
    "with a as (select cpf as y from clientes), b as (select y as z from a) select max(z) as x from b": {
        "clientes.cpf"
    },
    "with a as (select * from clientes) select * from a": EVERYTHING,
    "with a as (with b as (select nome from clientes) select nome as n from b) select n as x from a": {"clientes.nome"},
    "create temporary view v as select cpf as y from clientes; select y as x from v": {"clientes.cpf"},
    "create temporary view v as select cpf as y from clientes; create temporary view w as select y as z from v;"
    " select z as x from w": {"clientes.cpf"},
    "select x from (select k.nome as x from clientes k) t": {"clientes.nome"},
    "select x from (select y as x from (select cpf as y from clientes) a) b": {"clientes.cpf"},
    # a name that means something else nearer by
    "select planos.nome as x from clientes planos": {"clientes.nome"},
    "select id as cpf, cpf as id from clientes": {"clientes.cpf"},
    "select nome as y, upper(y) as x from clientes": {"clientes.nome"},
    # queries inside expressions, correlated or not
    "select (select max(cpf) from clientes) as x from planos": {"clientes.cpf"},
    "select (select max(c.nome) from planos p where p.id = c.id) as x from clientes c": {"clientes.nome"},
    "select (select max(k.cpf) from contratos k where k.id = c.id) as x from clientes c": {"contratos.cpf"},
    "select case when exists (select 1 from planos p where p.nome = c.nome) then c.nome end as x from clientes c": {
        "clientes.nome"
    },
    # set operations
    "select nome as x from planos union all select nome from clientes": {"clientes.nome"},
    "select nome as x from planos union select cpf from contratos union all select plano from planos": {
        "contratos.cpf"
    },
    "select nome as x from planos intersect select nome from clientes": {"clientes.nome"},
    "select nome as x from planos except select nome from clientes": {"clientes.nome"},
    "select x from (select plano as x from planos union all select cpf from clientes) t": {"clientes.cpf"},
    # conditions and orders within a value
    "select case when cpf = '1' then 'a' else 'b' end as x from clientes": {"clientes.cpf"},
    "select if(cpf is null, 0, 1) as x from clientes": {"clientes.cpf"},
    "select cpf = '12345678909' as x from clientes": {"clientes.cpf"},
    "select row_number() over (order by nome) as x from clientes": {"clientes.nome"},
    "select sum(valor) over (partition by cpf) as x from contratos": {"contratos.cpf"},
    "select lag(cpf) over (order by id) as x from clientes": {"clientes.cpf"},
    # texts put together and taken apart
    "select concat('CPF ', substring(cpf, 1, 3), '…') as x from clientes": {"clientes.cpf"},
    "select cidade || nome as x from clientes": {"clientes.nome"},
    "select sha2(cpf, 256) as x from clientes": {"clientes.cpf"},
    "select length(nome) as x from clientes": {"clientes.nome"},
    "select year(nascimento) as x from clientes": {"clientes.nascimento"},
    "select coalesce(p.nome, c.nome) as x from planos p left join clientes c on c.id = p.id": {"clientes.nome"},
    # both sides of using
    "select cpf as x from contratos join clientes using (cpf)": {"clientes.cpf", "contratos.cpf"},
    "select * from contratos k join (select cpf, id as i from clientes) c using (cpf)": {
        "clientes.cpf",
        "contratos.cpf",
    },
    "select cpf as x from contratos full join clientes using (cpf)": {"clientes.cpf", "contratos.cpf"},
    # aggregates give values away too
    "select min(cpf) as x from clientes": {"clientes.cpf"},
    "select cidade as y, max(nome) as x from clientes group by cidade": {"clientes.nome"},
    "select count(distinct cpf) as x from clientes": {"clientes.cpf"},
    "select cpf as x from clientes group by cpf": {"clientes.cpf"},
    "select distinct cpf as x from clientes": {"clientes.cpf"},
    "select cidade as y, sum(case when nome > 'M' then 1 else 0 end) as x from clientes group by 1": {"clientes.nome"},
}

HIDDEN = [
    "select p.nome from clientes c join planos p on p.id = c.id",
    "select count(*) as n from clientes where nome <> 'X'",
    "select k.numero from contratos k join clientes c on c.cpf = k.cpf",
    "select numero from contratos join clientes using (cpf)",
    "select * from planos",
    "select p.* from planos p join clientes c on c.id = p.id",
    "select c.cidade, count(*) as n from clientes c group by c.cidade having max(c.nome) > 'A'",
    "select count(*) as n from clientes group by cpf",
    "select p.nome from planos p where exists (select cpf from clientes c where c.nome = p.nome)",
    "select exists (select cpf from clientes) as x from planos",
    "select p.plano from planos p where p.nome in (select nome from clientes)",
    "with a as (select id, cpf from clientes) select id from a",
    "select k.numero from contratos k left semi join clientes c on c.cpf = k.cpf",
]


def found_in(sql: str) -> set[str]:
    """The personal fields that the columns of a query come from."""
    made = plan_query(sql, "q.sql", TABLES)
    return {f"{table}.{column}" for origins in made.origins for table, column in origins if (table, column) in PERSONAL}


def found_by_sqlglot(sql: str) -> set[str]:
    """The same, by the library's own walk."""
    tree = resolved(parse(sql), TABLES)
    schema = MappingSchema({table: dict(columns) for table, columns in TABLES.items()}, dialect="spark")
    nodes = lineage(None, tree, schema, dialect="spark")
    leaves = (leaf for node in nodes.values() for leaf in node.walk() if isinstance(leaf.expression, exp.Table))
    found = {(leaf.expression.name, leaf.name.rpartition(".")[2].strip("`")) for leaf in leaves}
    return {f"{table}.{column}" for table, column in found & PERSONAL}


@pytest.mark.parametrize("sql", REACHED)
def test_a_personal_value_that_reaches_a_result_is_found(sql: str) -> None:
    """Wherever it hides, it is found with the field that it comes from; sqlglot's own walk finds nothing more."""
    assert found_in(sql) == REACHED[sql]
    assert found_by_sqlglot(sql) <= REACHED[sql]


@pytest.mark.parametrize("sql", HIDDEN)
def test_one_that_joins_filters_or_groups_does_not(sql: str) -> None:
    """Names that other tables have too are told apart by the table."""
    assert found_in(sql) == set()


# --- through a feed ---------------------------------------------------------------------------------------------------


def told(folder: Path, feed: Feed) -> list[str]:
    """The faults of a feed's SQL, each with its place, below its folder."""
    return [str(fault).removeprefix(f"{folder}/") for fault in feed_faults(feed)]


def protecting(folder: Path, words: str, *, ativos: str, **others: str) -> Feed:
    """A feed whose dataset `ativos` says `words` under its key."""
    feed = write_feed(folder, ativos=ativos, **others)
    path = folder / "feed.yaml"
    text = path.read_text(encoding="utf-8").replace("    key: [numero]\n", f"    key: [numero]\n{words}", 1)
    path.write_text(text, encoding="utf-8")
    return Feed.load(feed.path)


def test_a_personal_column_must_be_decided_about(tmp_path: Path) -> None:
    """A fault names the column, its place, the field that it comes from, and what may be said."""
    feed = write_feed(tmp_path, ativos="select numero, plano,\n  c.cpf as pessoa from contratos c")
    (fault,) = told(tmp_path, feed)
    assert fault == (
        "ativos.sql:2: column 12: the column 'pessoa' comes from personal data: contratos.cpf"
        " -> say under protect: what becomes of it: hmac, {mask: last4}, year, drop or plain"
    )


@pytest.mark.parametrize("how", ["hmac", "{mask: last4}", "drop"])
def test_what_is_protected_is_nobodys_worry_any_more(tmp_path: Path, how: str) -> None:
    """A dataset that reads a protected column need not say anything about it; one that was dropped it cannot read."""
    feed = protecting(
        tmp_path,
        f"    protect: {{cpf: {how}}}\n",
        ativos="select numero, plano, cpf from contratos",
        por_plano="select plano, max(cpf) as quem from ativos group by plano",
    )
    found = [fault.partition(" -> ")[0] for fault in told(tmp_path, feed)]
    assert found == ([] if how != "drop" else ["por_plano.sql:1: column 19: there is no column 'cpf'"])


def test_what_is_plain_stays_personal(tmp_path: Path) -> None:
    """Plain is a choice of one dataset: the next one has to make it again."""
    feed = protecting(
        tmp_path,
        "    protect: {cpf: plain}\n",
        ativos="select numero, plano, cpf from contratos",
        por_plano="select plano, max(cpf) as quem from ativos group by plano",
    )
    (fault,) = told(tmp_path, feed)
    assert "the column 'quem' comes from personal data: ativos.cpf" in fault


@pytest.mark.parametrize(
    ("protect", "message"),
    [
        ({"cpf": ("hmac", 0)}, ""),
        ({"CPF": ("mask", 4)}, ""),
        ({"nascimento": ("year", 0)}, ""),
        ({"cfp": ("hmac", 0)}, "the protected column 'cfp' is not in the result"),
        ({"numero": ("mask", 4)}, "the key's column 'numero' would no longer tell rows apart: mask"),
        ({"numero": ("drop", 0)}, "the key's column 'numero' would no longer tell rows apart: drop"),
        ({"valor": ("mask", 4)}, "only text can be masked; 'valor' is decimal(15,2)"),
        ({"cpf": ("year", 0)}, "only a date has a year; 'cpf' is string"),
    ],
    ids=str,
)
def test_a_protection_must_fit_its_column(protect: dict[str, tuple[str, int]], message: str) -> None:
    """The column is there, its type can be protected so, and the key still tells rows apart."""
    sql = "select numero, k.cpf, valor, nascimento from contratos k join clientes c on c.cpf = k.cpf"
    dataset = Dataset("d", sql, Path("d.sql"), ("numero",), protect=protect)
    if not message:
        plan(dataset, TABLES)
        return
    with pytest.raises(SqlError) as caught:
        plan(dataset, TABLES)
    assert caught.value.message == message


LAYOUTS = sorted(path for path in EXAMPLES.rglob("*.yaml") if path.stem != "feed")
WORDS = {"date32[day]": "date", "int64": "bigint", "bool": "boolean", "timestamp[us]": "timestamp_ntz"}


@pytest.mark.parametrize("path", LAYOUTS, ids=lambda path: path.stem)
def test_the_columns_of_a_file_are_those_that_are_written(path: Path) -> None:
    """What the SQL is held against before anything is read is what the reader writes, in order and type."""
    layout = Layout.load(path)
    written = {
        table.name: {
            one.name: WORDS.get(str(one.type), str(one.type).replace("decimal128", "decimal").replace(", ", ","))
            if not str(one.type).startswith("dictionary")
            else "string"
            for one in table.schema
        }
        for table in Reading(layout, file="f", path="", date=DAY).tables
        if table.name
    }
    assert schemas_of(layout, "f") == written
    assert [list(columns) for columns in schemas_of(layout, "f").values()] == [list(each) for each in written.values()]
