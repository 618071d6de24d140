"""What becomes of personal columns: the same bytes whichever engine hands the rows over, and nothing to guess from."""

from __future__ import annotations

import hashlib
import hmac
import pickle
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.store import open_store
from posicional.contract.feed import Dataset
from posicional.errors import SqlError, UsageError
from posicional.sql.protect import Protection, protection
from test_duckdb import table

SECRET = b"a key of the tests, long enough"


def by_hand(text: str) -> str:
    """What HMAC-SHA256 gives, from the standard library's words."""
    return hmac.new(SECRET, text.encode(), hashlib.sha256).hexdigest()


def protected(column: pa.Array, word: str, kept: int = 0) -> list[Any]:
    """A column's values under a word."""
    batch = pa.record_batch({"x": column})
    made = Protection({"x": (word, kept)}, SECRET).apply(batch)
    assert made.schema == Protection({"x": (word, kept)}, SECRET).schema(batch.schema)
    return list(made.column("x").to_pylist())


def test_a_hash_is_of_the_values_text() -> None:
    """UTF-8 text, plain digits, dates in ISO 8601; equal values have equal hashes; null stays null."""
    assert protected(pa.array(["12345678909", None, "São", "", "12345678909"]), "hmac") == [
        *(by_hand("12345678909"), None, by_hand("São"), by_hand("")),
        by_hand("12345678909"),
    ]
    assert protected(pa.array([7, None], pa.int64()), "hmac") == [by_hand("7"), None]
    assert protected(pa.array([7], pa.int32()), "hmac") == [by_hand("7")], (
        "whatever an engine makes of a number's width"
    )
    assert protected(pa.array([Decimal("0.00000001")], pa.decimal128(10, 8)), "hmac") == [by_hand("0.00000001")]
    assert protected(pa.array([date(1980, 1, 2)]), "hmac") == [by_hand("1980-01-02")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("12345678909", "*******8909"), ("1234", "****"), ("12", "**"), ("", ""), ("ÉÇÃÕÚ", "*ÇÃÕÚ"), (None, None)],
)
def test_a_mask_shows_the_last_characters_of_what_is_longer(text: str | None, shown: str | None) -> None:
    """Characters, not bytes; what is not longer than the part that is shown is hidden altogether."""
    assert protected(pa.array([text], pa.string()), "mask", 4) == [shown]


def test_a_year_is_a_number() -> None:
    """Of a date and of a moment."""
    assert protected(pa.array([date(1980, 12, 31), None]), "year") == [1980, None]
    assert protected(pa.array([datetime(2001, 1, 1, 23)], pa.timestamp("us")), "year") == [2001]  # noqa: DTZ001


def test_batches_are_cut_as_an_engine_likes() -> None:
    """Slices, dictionaries and whole columns come out alike, columns that nothing is said about as they are."""
    texts = pa.array(["a", "bb", None, "a", "ccccc"])
    whole = pa.record_batch({"ID": pa.array(range(5)), "X": texts, "y": texts})
    how = Protection({"x": ("hmac", 0), "y": ("drop", 0)}, SECRET)
    made = how.apply(whole)
    assert made.schema.names == ["ID", "X"]
    assert made.column("ID") is whole.column("ID") or made.column("ID").equals(whole.column("ID"))
    pieces = [how.apply(whole.slice(0, 2)), how.apply(whole.slice(2, 3))]
    assert pa.Table.from_batches(pieces).equals(pa.Table.from_batches([made]))
    coded = pa.record_batch({"X": texts.dictionary_encode()})
    assert how.apply(coded).column("X").equals(made.column("X"))


def test_a_protection_travels_and_says_nothing() -> None:
    """Spark sends it to its executors; the key is in no text that somebody might log."""
    how = protection({"x": ("hmac", 0)}, SECRET)
    assert pickle.loads(pickle.dumps(how)) == how  # noqa: S301 - our own bytes
    assert "key of the tests" not in repr(how)


@pytest.mark.parametrize(("secret", "message"), [(b"", "POSICIONAL_HMAC_KEY is not set"), (b"short", "too short")])
def test_without_a_key_nothing_is_hashed(secret: bytes, message: str) -> None:
    """A key that is missing, or so short that it can be tried, is a fault; whoever only masks needs none."""
    with pytest.raises(UsageError, match=message) as caught:
        protection({"cpf": ("hmac", 0)}, secret)
    assert "short" not in str(caught.value).replace("too short", "")
    assert protection({"cpf": ("mask", 4), "y": ("drop", 0)}, secret).secret == secret


# --- in the engine ----------------------------------------------------------------------------------------------------


@pytest.fixture
def pessoas(tmp_path: Path) -> dict[str, list[str]]:
    """A table of people, one of whom is there twice."""
    cpf = pa.array(["11111111111", "22222222222", "22222222222"])
    born = pa.array([date(1980, 1, 2), date(1990, 3, 4), None])
    return {"pessoas": table(tmp_path, "pessoas", id=pa.array([1, 2, 3]), cpf=cpf, nascimento=born)}


def made(tmp_path: Path, tables: dict[str, list[str]], dataset: Dataset) -> pa.Table:
    """What the embedded engine writes."""
    import pyarrow.parquet as pq

    store = open_store(tmp_path / "out")
    written = DuckDbEngine().run(dataset, tables, store.sink("r/"), SECRET)
    return pa.concat_tables(pq.read_table(store.locate(f"r/{part.name}")) for part in written)


def test_what_is_written_is_protected(tmp_path: Path, pessoas: dict[str, list[str]]) -> None:
    """After the SQL, which may still compare the values; in the declared types."""
    dataset = Dataset(
        "d",
        "select id, cpf, cpf as fim, nascimento, cpf as nada from pessoas where cpf like '1%' or nascimento is null",
        Path("d.sql"),
        ("id",),
        columns={"id": "bigint", "fim": "string", "cpf": "string", "nascimento": "int"},
        protect={"cpf": ("hmac", 0), "fim": ("mask", 4), "nascimento": ("year", 0), "nada": ("drop", 0)},
    )
    found = made(tmp_path, pessoas, dataset).drop_columns(["_file", "_line", "_byte"])
    assert found.sort_by("id").to_pylist() == [
        {"id": 1, "fim": "*******1111", "cpf": by_hand("11111111111"), "nascimento": 1980},
        {"id": 3, "fim": "*******2222", "cpf": by_hand("22222222222"), "nascimento": None},
    ]


def test_a_dataset_without_rows_has_the_protected_columns(tmp_path: Path, pessoas: dict[str, list[str]]) -> None:
    """Its one part has the schema that rows would have."""
    sql = "select id, cpf, nascimento from pessoas where id > 9"
    how = {"cpf": ("drop", 0), "nascimento": ("year", 0)}
    found = made(tmp_path, pessoas, Dataset("d", sql, Path("d.sql"), ("id",), protect=how))
    assert found.schema.names == ["id", "nascimento", "_file", "_line", "_byte"]
    assert found.schema.field("nascimento").type == pa.int32()


def column(type_: pa.DataType, *values: object) -> pa.Array:
    """Eight rows: these values, then nulls."""
    return pa.array([*values, *[None] * (8 - len(values))], type_)


PEOPLE = "\U0001f468\u200d\U0001f469\U0001f1e7\U0001f1f7"
NUMBERS = (0, -1, 5, 100, -100, 9999, -9999)
KINDS = {
    "texto": column(pa.string(), "12345678909", "", "a", "São Tomé", "e\u0301e\u0301e\u0301", PEOPLE, "x" * 200),
    "inteiro": column(pa.int32(), 0, -1, 2**31 - 1, -(2**31)),
    "longo": column(pa.int64(), 0, -1, 2**63 - 1, -(2**63)),
    "valor": column(pa.decimal128(15, 2), *(Decimal(n) / 100 for n in NUMBERS)),
    "fracao": column(pa.decimal128(4, 4), *(Decimal(n) / 10000 for n in NUMBERS)),
    "largo": column(pa.decimal128(38, 0), Decimal("9" * 38), Decimal("-" + "9" * 38), Decimal(0)),
    "fino": column(pa.decimal128(38, 38), Decimal("0." + "9" * 38), Decimal("-0." + "1" * 38), Decimal(0)),
    "dia": column(pa.date32(), date(1, 1, 1), date(1582, 10, 4), date(1900, 2, 28), date(9999, 12, 31)),
    "quando": column(
        pa.timestamp("us"),
        *(datetime(1, 1, 1), datetime(2026, 11, 22, 3, 4, 5, 6), datetime(9999, 12, 31, 23, 59, 59, 999999)),  # noqa: DTZ001
    ),
    "verdade": column(pa.bool_(), True, False),
    "bytes": column(pa.binary(), b"", b"\x00\xff", b"abc"),
}
HOW: dict[str, list[tuple[str, int]]] = {
    "texto": [("mask", 1), ("mask", 2), ("mask", 4), ("mask", 99)],
    "dia": [("year", 0)],
    "quando": [("year", 0)],
}


@pytest.mark.parametrize("secret", [SECRET, b"sixty-four bytes" * 4, b"more than a block of the hash has" * 3])
def test_duckdb_protects_to_the_same_bytes(tmp_path: Path, secret: bytes) -> None:
    """Every kind of value at its edges, under every word that it may have: what Arrow makes of it for Spark."""
    import pyarrow.parquet as pq

    tables = {"t": table(tmp_path, "t", id=pa.array(range(8)), **KINDS)}
    for name, values in KINDS.items():
        for word, kept in [("hmac", 0), *HOW.get(name, [])]:
            dataset = Dataset("d", f"select id, {name} from t", Path("d.sql"), ("id",), protect={name: (word, kept)})  # noqa: S608 - names of ours
            sink = open_store(tmp_path / "out").sink(f"{name}-{word}-{kept}/")
            [part] = DuckDbEngine().run(dataset, tables, sink, secret)
            found = pq.read_table(sink.locate(part.name)).sort_by("id").column(name).to_pylist()
            batch = pa.record_batch({name: values})
            assert found == Protection({name: (word, kept)}, secret).apply(batch).column(0).to_pylist(), (name, word)
            assert len(set(found)) > 1, "there is something to compare"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": "bigint", "cpf": "bigint"}, "does not fit its declared type"),
        ({"id": "bigint", "cpf": "string", "nascimento": "int"}, "is dropped"),
        ({"id": "bigint"}, "is not declared"),
    ],
    ids=str,
)
def test_what_is_declared_is_what_is_written(columns: dict[str, str], message: str) -> None:
    """A hash is text, and what is dropped cannot be declared."""
    from posicional.sql.plan import plan

    tables = {"pessoas": {"id": "bigint", "cpf": "string", "nascimento": "date"}}
    how = {"cpf": ("hmac", 0), "nascimento": ("drop", 0)}
    sql = "select id, cpf, nascimento from pessoas"
    with pytest.raises(SqlError, match=message):
        plan(Dataset("d", sql, Path("d.sql"), ("id",), columns=columns, protect=how), tables)
