"""The embedded engine: Parquet parts in, a dataset's parts out; every failure in one sentence without a value."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.store import open_store
from posicional.contract.feed import Dataset
from posicional.errors import DataRefused, EngineError, SqlError, StoreError
from posicional.ports import Written

CPF = "12345678909"


def dataset(sql: str, key: tuple[str, ...] = ("id",), columns: Mapping[str, str] | None = None) -> Dataset:
    """The dataset under test."""
    return Dataset("resultado", sql, Path("sql/resultado.sql"), key, columns or {})


def table(folder: Path, name: str, **columns: pa.Array) -> list[str]:
    """A table of one part under a path that looks like Hive's, with the columns that every row carries."""
    rows = len(next(iter(columns.values())))
    lines = pa.array(range(1, rows + 1), pa.int64())
    data = pa.table({**columns, "_file": pa.array([name] * rows, pa.string()), "_line": lines, "_byte": lines})
    path = folder / name / "data=2026-11-22" / "part-00000.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(data, path)
    return [str(path)]


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, list[str]]:
    """Two small tables that join; `contratos` has a field called `data`, like the folder that it lies in."""
    return {
        "contratos": table(
            tmp_path,
            "contratos",
            id=pa.array([1, 2, 3], pa.int64()),
            plano=pa.array(["OURO", "BASICO", None], pa.string()),
            data=pa.array([date(2020, 1, 31), None, date(2021, 2, 28)], pa.date32()),
            valor=pa.array([Decimal("0.01"), Decimal("9999999999999.99"), None], pa.decimal128(15, 2)),
            cpf=pa.array([CPF, CPF, None], pa.string()),
        ),
        "pagamentos": table(tmp_path, "pagamentos", contrato=pa.array([1, 1, 2], pa.int64())),
    }


def run(
    tmp_path: Path, tables: Mapping[str, list[str]], what: Dataset, engine: DuckDbEngine | None = None
) -> tuple[tuple[Written, ...], pa.Table]:
    """What the engine says that it wrote, and what is there."""
    store = open_store(tmp_path / "out")
    written = (engine or DuckDbEngine(threads=2)).run(what, tables, store.sink("r/"))
    return written, pa.concat_tables(pq.read_table(store.locate(f"r/{part.name}")) for part in written)


def test_values_survive_exactly(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """Strings, dates, decimals and nulls come out as they went in, in the same types, and the folder's name
    (`data=…`) does not shadow a field.
    """
    written, found = run(tmp_path, tables, dataset("select * from contratos order by id"))
    assert found.to_pydict() == {
        "_file": ["contratos"] * 3,
        "_line": [1, 2, 3],
        "_byte": [1, 2, 3],
        "id": [1, 2, 3],
        "plano": ["OURO", "BASICO", None],
        "data": [date(2020, 1, 31), None, date(2021, 2, 28)],
        "valor": [Decimal("0.01"), Decimal("9999999999999.99"), None],
        "cpf": [CPF, CPF, None],
    }
    assert found.schema.field("valor").type == pa.decimal128(15, 2)
    assert [(part.name, part.rows) for part in written] == [("part-00000.parquet", 3)]
    assert written[0].bytes == (tmp_path / "out/r/part-00000.parquet").stat().st_size


def test_datasets_join_and_sum_in_sparks_types(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """A sum of integers is a bigint, not DuckDB's wider integer, and a lineage column can be named."""
    sql = """
        select c.id, count(p.contrato) as pagamentos, sum(p.contrato) as soma, max(c._line) as linha
        from contratos c left join pagamentos p on p.contrato = c.id
        group by c.id order by c.id
    """
    _, found = run(tmp_path, tables, dataset(sql))
    assert found.to_pylist() == [
        {"id": 1, "pagamentos": 2, "soma": 2, "linha": 1},
        {"id": 2, "pagamentos": 1, "soma": 2, "linha": 2},
        {"id": 3, "pagamentos": 0, "soma": None, "linha": 3},
    ]
    assert found.schema.field("soma").type == pa.int64()


def test_no_rows_are_one_part_with_the_schema(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """A dataset without rows can be read like any other."""
    written, found = run(tmp_path, tables, dataset("select id, valor from contratos where id < 0"))
    assert [(part.name, part.rows) for part in written] == [("part-00000.parquet", 0)]
    assert found.schema.names == ["id", "valor", "_file", "_line", "_byte"]


def test_a_large_result_is_several_parts(tmp_path: Path) -> None:
    """A part that is full is closed, the next one begun, and no row is lost between them."""
    rows = 400_000
    numbers = table(tmp_path, "numeros", id=pa.array(range(rows), pa.int64()))
    engine = DuckDbEngine(memory_limit="256MB", threads=2, part_bytes=100_000)
    written, found = run(tmp_path, {"numeros": numbers}, dataset("select id from numeros"), engine)
    assert len(written) > 1
    assert [part.name for part in written] == [f"part-{number:05d}.parquet" for number in range(len(written))]
    assert sum(part.rows for part in written) == rows
    assert sorted(found["id"].to_pylist()) == list(range(rows))


def test_declared_columns_are_cast_and_checked(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """`columns:` gives order and types; a type that would cut, a missing and an undeclared column are refused."""
    sql = "select sum(valor) as total, id from contratos group by id"
    _, found = run(tmp_path, tables, dataset(sql, columns={"id": "int", "total": "decimal(15,2)"}))
    assert found.schema == pa.schema([("id", pa.int32()), ("total", pa.decimal128(15, 2))])
    for columns, message in [
        ({"id": "int", "total": "decimal(15,1)"}, "does not fit its declared type"),
        ({"id": "string", "total": "decimal(15,2)"}, "does not fit its declared type"),
        ({"id": "int"}, "'total' is not declared"),
        ({"id": "int", "total": "decimal(15,2)", "totals": "int"}, "'totals' is not in the result"),
        ({"id": "inteiro", "total": "decimal(15,2)"}, "is not a type"),
    ]:
        with pytest.raises(SqlError, match=message):
            run(tmp_path, tables, dataset(sql, columns=columns))


def test_the_schema_does_not_depend_on_the_values(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """A column in which there happens to be no null is written as one that may hold some, as Spark's parts are."""
    sql = "select id, 1 as um, coalesce(plano, '') as plano, 'x' as texto, cpf from contratos where id < 3"
    for protect in ({}, {"cpf": ("mask", 4)}):
        what = Dataset("resultado", sql, Path("sql/resultado.sql"), ("id",), protect=protect)
        _, found = run(tmp_path / str(len(protect)), tables, what)
        assert found.num_rows == 2
        assert [column.name for column in found.schema if not column.nullable] == []


def test_a_value_too_large_for_its_declared_type_is_refused(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """What does not fit is data refused, never a null, and the message does not say the value."""
    sql, columns = "select id,\n  valor from contratos", {"id": "bigint", "valor": "decimal(5,2)"}
    with pytest.raises(DataRefused) as caught:
        run(tmp_path, tables, dataset(sql, columns=columns))
    assert caught.value.where == "sql/resultado.sql:2:3"
    assert "9999999" not in str(caught.value)


# --- the key ----------------------------------------------------------------------------------------------------------


def test_a_key_that_repeats_is_refused_with_counts(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """Two keys in three rows, one of them null: the message has the numbers and the columns, no value."""
    with pytest.raises(DataRefused) as caught:
        run(tmp_path, tables, dataset("select cpf, id from contratos", key=("cpf",)))
    text = str(caught.value)
    assert "dataset resultado: 1 row has a null in it and 1 value of it stand in 2 rows" in text
    assert "the key (cpf) to be unique and never null" in text
    assert CPF not in text


def test_a_key_of_several_columns(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """Rows that agree in one column and differ in another are distinct; columns are found whatever their case."""
    sql = "select contrato, _line as linha from pagamentos"
    written, _ = run(tmp_path, tables, dataset(sql, key=("contrato", "LINHA")))
    assert written[0].rows == 3


def test_a_key_that_is_not_a_column_names_the_candidates(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """A wrong key is the contract's fault and says which columns there are."""
    with pytest.raises(SqlError) as caught:
        run(tmp_path, tables, dataset("select id, plano from contratos", key=("ids",)))
    assert caught.value.hint == "did you mean id?"


# --- failures ---------------------------------------------------------------------------------------------------------


def test_an_unknown_column_is_placed_in_the_users_file(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """What DuckDB says of its own SQL arrives as the place in the user's, with the names that resemble it."""
    for sql in ("select id,\n  plana as x\nfrom contratos", "select c.id,\n  c.plana as x\nfrom contratos c"):
        with pytest.raises(SqlError) as caught:
            run(tmp_path, tables, dataset(sql))
        assert caught.value.where.startswith("sql/resultado.sql:2:")
        assert caught.value.message == "there is no column 'plana'"
        assert caught.value.hint.startswith("did you mean plano")


def test_a_type_that_does_not_fit_is_the_querys_fault(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """A function over the wrong type names the function and its place."""
    with pytest.raises(SqlError) as caught:
        run(tmp_path, tables, dataset("select id,\n  lower(valor) as x\nfrom contratos"))
    assert caught.value.where == "sql/resultado.sql:2:3"
    assert "lower takes text, not decimal(15,2)" in caught.value.message


FAILING = [
    ("select id,\n  cast(cpf as date) as x from contratos", ":2:8"),
    ("select id, upper(plano) as p,\n  cast(cpf as decimal(5,0)) as x from contratos", ":2:8"),
    ("select id,\n\n  id % (id - id) as x from contratos", ":3:3"),
    ("with a as (\n  select id * 9223372036854775807 as x, id from contratos\n)\nselect id, x from a", ":2:10"),
    ("select id,\n  (select contrato from pagamentos) as x from contratos", ":2:11"),
    ("select id,\n  cast(cpf as date) as x,\n  cast(cpf as decimal(5,0)) as y from contratos", ":2:8, 3:8"),
]
"""Queries that fail over values, and where: all that may have, as an engine says what but not where."""


@pytest.mark.parametrize(("sql", "place"), FAILING)
def test_a_value_that_cannot_be_cast_is_never_told(
    tmp_path: Path, tables: dict[str, list[str]], sql: str, place: str
) -> None:
    """Casts and overflows refuse the dataset with their place, without saying the value; nothing is written."""
    with pytest.raises(DataRefused) as caught:
        run(tmp_path, tables, dataset(sql))
    assert caught.value.where == f"sql/resultado.sql{place}"
    assert not (tmp_path / "out" / "r").exists()
    assert CPF not in str(caught.value)
    assert "dataset resultado" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__, "no traceback may show the engine's own words"


def test_a_value_that_fails_late_is_never_told(tmp_path: Path) -> None:
    """The same when the failure comes from the middle of the stream, through Arrow."""
    rows = 300_000
    texts = pa.array(["1"] * (rows - 1) + [CPF + "x"], pa.string())
    one = table(tmp_path, "um", id=pa.array(range(rows), pa.int64()), texto=texts)
    with pytest.raises(DataRefused) as caught:
        run(tmp_path, {"um": one}, dataset("select id, cast(texto as decimal(15,0)) as x from um"))
    assert CPF not in str(caught.value)
    assert "(column texto)" in str(caught.value)


def test_want_of_memory_is_said(tmp_path: Path) -> None:
    """A limit that is too small is an engine error with what to do."""
    rows = 300_000
    one = table(tmp_path, "um", id=pa.array(range(rows), pa.int64()))
    with pytest.raises(EngineError, match="memory"):
        run(tmp_path, {"um": one}, dataset("select id from um"), DuckDbEngine(memory_limit="1MB", threads=1))


def test_parts_that_are_gone_or_broken(tmp_path: Path) -> None:
    """A missing part, a part that is no Parquet, and a table without parts are engine errors that name the table."""
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"not parquet at all")
    for parts in ([str(tmp_path / "nowhere.parquet")], [str(broken)], []):
        with pytest.raises(EngineError, match="um"):
            run(tmp_path, {"um": parts}, dataset("select id from um"))


def test_nothing_but_the_parts_can_be_read(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """A query cannot reach another file, nor a variable of the program."""
    other = table(tmp_path, "outra", id=pa.array([1], pa.int64()))
    reaching = f"select * from `{other[0]}`"  # noqa: S608 - that is the point
    for sql in (reaching, "select * from tables", "select * from duckdb_settings()"):
        with pytest.raises(SqlError):
            run(tmp_path, tables, dataset(sql))


class _FullSink:
    """A sink whose disk is full."""

    def open(self, name: str) -> BinaryIO:
        class Full(io.RawIOBase):
            def writable(self) -> bool:
                return True

            def tell(self) -> int:
                return 0

            def write(self, _data: object, /) -> int:
                raise StoreError("the disk is full", where=name)

        return cast("BinaryIO", Full())

    def locate(self, name: str) -> str:
        return name


def test_a_store_that_fails_says_so_itself(tables: dict[str, list[str]]) -> None:
    """The store's own error arrives as it is, not as the engine's."""
    with pytest.raises(StoreError, match="the disk is full"):
        DuckDbEngine().run(dataset("select id from contratos"), tables, _FullSink())


def test_parts_of_a_store_in_memory(tables: dict[str, list[str]]) -> None:
    """The engine reads and writes whatever store there is: here one that has no folder."""
    store = open_store("memory://duckdb-test")
    store.create("in/part.parquet", Path(tables["contratos"][0]).read_bytes())
    located = {"contratos": [store.locate("in/part.parquet")]}
    written = DuckDbEngine().run(dataset("select id from contratos"), located, store.sink("out/"))
    found = pq.read_table(io.BytesIO(store.read(f"out/{written[0].name}")))
    assert sorted(found["id"].to_pylist()) == [1, 2, 3]


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, tables: dict[str, list[str]]) -> None:
    """Whatever spilled or was copied goes away, after success and after failure."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    engine = DuckDbEngine(temp_directory=str(scratch))
    run(tmp_path, tables, dataset("select id from contratos"), engine)
    with pytest.raises(DataRefused):
        run(tmp_path, tables, dataset("select contrato as id from pagamentos"), engine)
    assert list(scratch.iterdir()) == []
    with pytest.raises(EngineError, match="no temporary folder"):
        run(tmp_path, tables, dataset("select id from contratos"), DuckDbEngine(temp_directory=str(tmp_path / "no")))
