"""Spark as an engine: the same parts in, the same SQL, the same values out as DuckDB; errors in our own words."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from on_spark import MARKS
from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.store import open_store
from posicional.contract.feed import Dataset
from posicional.errors import DataRefused, EngineError, SqlError, StoreError
from posicional.ports import Engine
from test_duckdb import FAILING
from worlds import s3_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = MARKS

CPF = "12345678909"
SECRET = b"uma chave de trinta e dois bytes"


@pytest.fixture
def engine(spark: SparkSession) -> Engine:
    """Spark, in the session that all these tests share."""
    from posicional.backends.spark import SparkEngine

    assert spark
    return SparkEngine()


def dataset(sql: str, key: tuple[str, ...] = ("id",), **words: Mapping[str, object]) -> Dataset:
    """The dataset under test."""
    return Dataset("resultado", sql, Path("sql/resultado.sql"), key, **words)  # type: ignore[arg-type]  # its words


def table(folder: Path, name: str, parts: int = 1, **columns: pa.Array) -> list[str]:
    """A table under a path that looks like Hive's, with the columns that every row carries, in so many parts."""
    rows = len(next(iter(columns.values())))
    lines = pa.array(range(1, rows + 1), pa.int64())
    data = pa.table({**columns, "_file": pa.array([name] * rows, pa.string()), "_line": lines, "_byte": lines})
    paths = []
    for part in range(parts):
        path = folder / name / "data=2026-11-22" / "arrival=0001" / f"part-{part:05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(data.slice(part * rows // parts, (part + 1) * rows // parts - part * rows // parts), path)
        paths.append(str(path))
    return paths


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, list[str]]:
    """Two small tables that join; `contratos` has a field called `data`, like the folder that it lies in."""
    return {
        "contratos": table(
            tmp_path,
            "contratos",
            2,
            id=pa.array([1, 2, 3], pa.int64()),
            plano=pa.array(["OURO", "BÁSICO", None], pa.string()),
            data=pa.array([date(2020, 1, 31), None, date(2021, 2, 28)], pa.date32()),
            valor=pa.array([Decimal("0.01"), Decimal("9999999999999.99"), None], pa.decimal128(15, 2)),
            quando=pa.array([datetime(2020, 1, 1, 3, 4, 5, 678901), None, None], pa.timestamp("us")),  # noqa: DTZ001
            cpf=pa.array([CPF, CPF, None], pa.string()),
        ),
        "pagamentos": table(tmp_path, "pagamentos", contrato=pa.array([1, 1, 2], pa.int64())),
    }


def run(folder: Path, engine: Engine, tables: Mapping[str, list[str]], what: Dataset) -> pa.Table:
    """What is there after a run, sorted by its columns; the engine has told the truth about its parts."""
    sink = open_store(folder / "out").sink(f"{engine.name}/{len(list((folder).rglob('*')))}/")
    written = engine.run(what, tables, sink, SECRET)
    found = [pq.read_table(sink.locate(part.name)) for part in written]
    assert [part.rows for part in written] == [each.num_rows for each in found]
    assert [part.bytes for part in written] == [Path(sink.locate(part.name)).stat().st_size for part in written]
    whole = pa.concat_tables(found)
    return whole.sort_by([(name, "ascending") for name in whole.schema.names])


QUERIES = {
    "as it is": dataset("select * from contratos"),
    "joined": dataset(
        "select p._line as linha, c.id, c.valor, c.quando from contratos c join pagamentos p on p.contrato = c.id",
        ("linha",),
    ),
    "summed": dataset(
        "select c.id, count(*) as n, sum(c.valor) as total, max(c.data) as ultimo from contratos c"
        " left join pagamentos p on p.contrato = c.id group by c.id"
    ),
    "declared": dataset(
        "select sum(valor) as total, id from contratos group by id", columns={"id": "int", "total": "decimal(15,2)"}
    ),
    "protected": dataset(
        "select id, cpf, plano, valor, data from contratos",
        protect={"cpf": ("hmac", 0), "plano": ("mask", 2), "data": ("year", 0), "valor": ("drop", 0)},
    ),
    "empty": dataset("select id, valor from contratos where id < 0"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_both_engines_make_the_same(tmp_path: Path, engine: Engine, tables: dict[str, list[str]], name: str) -> None:
    """Values, names and types are the same, whichever engine made the dataset; a folder's name shadows no field."""
    what = QUERIES[name]
    on_spark, on_duckdb = (run(tmp_path, each, tables, what) for each in (engine, DuckDbEngine()))
    assert on_spark.schema == on_duckdb.schema
    assert on_spark.to_pylist() == on_duckdb.to_pylist()
    assert on_spark.num_rows == {"empty": 0}.get(name, 3)


def test_only_the_parts_named_are_read(tmp_path: Path, engine: Engine, tables: dict[str, list[str]]) -> None:
    """A part that lies beside the named ones is nobody's."""
    stray = Path(tables["contratos"][0]).with_name("part-00009.parquet")
    stray.write_bytes(Path(tables["contratos"][0]).read_bytes())
    assert run(tmp_path, engine, tables, dataset("select id from contratos"))["id"].to_pylist() == [1, 2, 3]


def test_a_large_result_is_several_parts(tmp_path: Path, spark: SparkSession) -> None:
    """A part that is full is closed, the next one begun, and no row is lost between them."""
    from posicional.backends.spark import SparkEngine

    assert spark
    rows = 300_000
    numbers = table(tmp_path, "numeros", 3, id=pa.array(range(rows), pa.int64()))
    store = open_store(tmp_path / "out")
    what = dataset("select id, sum(id) as n from numeros group by id")
    written = SparkEngine(part_bytes=100_000).run(what, {"numeros": numbers}, store.sink("r/"))
    assert len(written) > 1
    found = pa.concat_tables(pq.read_table(store.locate(f"r/{part.name}")) for part in written)
    assert sorted(found["n"].to_pylist()) == list(range(rows))


def test_a_key_that_repeats_is_refused_with_counts(
    tmp_path: Path, engine: Engine, tables: dict[str, list[str]]
) -> None:
    """Hashed or not: the message has the numbers and the columns, no value."""
    for protect in ({}, {"cpf": ("hmac", 0)}):
        with pytest.raises(DataRefused) as caught:
            run(tmp_path, engine, tables, dataset("select cpf, id from contratos", ("cpf",), protect=protect))
        assert "dataset resultado: 1 row has a null in it and 1 value of it stand in 2 rows" in str(caught.value)
        assert CPF not in str(caught.value)


def test_an_expectation_counts_and_places(engine: Engine, tables: dict[str, list[str]]) -> None:
    """The rows that should not be, and the lines they come from."""
    sql = "select * from contratos where valor is null or id = 1"
    found = engine.offending(sql, "sql/e.sql", tables)
    assert (found.rows, found.places) == (2, (("contratos", 1), ("contratos", 3)))
    assert engine.offending("select id from contratos where id > 9", "sql/e.sql", tables).rows == 0


@pytest.mark.parametrize(("sql", "place"), FAILING)
def test_a_value_that_cannot_be_cast_is_never_told(
    tmp_path: Path, engine: Engine, tables: dict[str, list[str]], sql: str, place: str
) -> None:
    """Casts and overflows refuse the dataset with their place, without saying the value, and without a Java stack."""
    with pytest.raises(DataRefused, match="dataset resultado") as caught:
        run(tmp_path, engine, tables, dataset(sql))
    assert caught.value.where == f"sql/resultado.sql{place}"
    assert CPF not in str(caught.value)
    assert "java" not in str(caught.value).lower()
    assert caught.value.__suppress_context__, "no traceback may show the engine's own words"


def test_an_unknown_column_is_placed_in_the_users_file(
    tmp_path: Path, engine: Engine, tables: dict[str, list[str]]
) -> None:
    """The place in the user's text, with the names that resemble it, before Spark has seen anything."""
    with pytest.raises(SqlError) as caught:
        run(tmp_path, engine, tables, dataset("select c.id,\n  c.plana as x\nfrom contratos c"))
    assert caught.value.where.startswith("sql/resultado.sql:2:")
    assert "plano" in caught.value.hint


def test_parts_that_are_gone_or_broken(tmp_path: Path, engine: Engine) -> None:
    """A missing part, a later part that is no Parquet, a table without parts, a store that Spark cannot reach."""
    good = table(tmp_path, "um", id=pa.array([1], pa.int64()))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"not parquet at all")
    for parts in ([str(tmp_path / "nowhere.parquet")], [*good, str(broken)], [], ["memory://x/part.parquet"]):
        with pytest.raises(EngineError) as caught:
            run(tmp_path, engine, {"um": parts}, dataset("select id from um"))
        assert "java" not in str(caught.value).lower()


def test_a_stores_error_arrives_from_the_executors(
    tmp_path: Path, engine: Engine, tables: dict[str, list[str]]
) -> None:
    """What the store says in another process is raised here as it is."""
    locked = tmp_path / "out" / "file"
    locked.parent.mkdir()
    locked.write_bytes(b"")  # a file where the folder of the run should be
    with pytest.raises(StoreError, match="there is a file where a folder should be"):
        engine.run(dataset("select id from contratos"), tables, open_store(tmp_path / "out").sink("file/r/"))


def test_parts_in_a_bucket(
    spark: SparkSession, engine: Engine, tables: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Spark on this machine has no file system for buckets: parts come and go through our own store."""
    with s3_store(monkeypatch) as (store, _):
        # The executors were there before the bucket; others start with the variables that the command was given.
        settings = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        monkeypatch.setattr(spark.sparkContext, "environment", {**spark.sparkContext.environment, **settings})
        for number, part in enumerate(tables["contratos"]):
            store.create(f"in/{number}.parquet", Path(part).read_bytes())
        located = {"contratos": [store.locate("in/0.parquet"), store.locate("in/1.parquet")]}
        written = engine.run(dataset("select id from contratos"), located, store.sink("out/"))
        found = [pq.read_table(io.BytesIO(store.read(f"out/{part.name}"))) for part in written]
    assert sorted(pa.concat_tables(found)["id"].to_pylist()) == [1, 2, 3]
