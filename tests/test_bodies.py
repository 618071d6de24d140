"""Bulk bodies: every value exact, every id stable and its own, every body within its limit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posicional.documents.bodies import Form, bodies, ids
from posicional.errors import DataRefused
from posicional.ports import Body

EXTRA = {"run": 1, "date": "2026-11-22"}


def batch(**columns: pa.Array) -> pa.RecordBatch:
    """One batch of named columns."""
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def read(made: list[Body]) -> list[tuple[str, dict[str, Any]]]:
    """Ids and documents, with decimals as they are written."""
    lines = [line for body in made for line in body.data.decode().splitlines()]
    assert all(body.data.endswith(b"\n") for body in made)
    actions = [json.loads(line)["index"]["_id"] for line in lines[::2]]
    return list(zip(actions, (json.loads(line, parse_float=Decimal) for line in lines[1::2]), strict=True))


def test_a_document_holds_every_value_exactly() -> None:
    """Decimals keep their digits, dates are ISO, nulls are left out, lineage is under `posicional`."""
    row = batch(
        id=pa.array(["00042"]),
        nome=pa.array(['São "João"\\\n\t\x01 €']),
        valor=pa.array([Decimal("-123456789012.30")], pa.decimal128(15, 2)),
        total=pa.array([Decimal("12345678901234567.89")], pa.decimal128(19, 2)),
        taxa=pa.array([Decimal("0.0000000001")], pa.decimal128(38, 10)),
        n=pa.array([9223372036854775807], pa.int64()),
        inicio=pa.array([date(1899, 12, 31)], pa.date32()),
        em=pa.array([datetime(2026, 1, 5, 10, 0, 0, 123456)], pa.timestamp("us")),  # noqa: DTZ001 - a wall clock
        ativo=pa.array([True]),
        bruto=pa.array([b"\x00\xff"], pa.binary()),
        nada=pa.array([None], pa.string()),
        uf=pa.array(["SP"]).dictionary_encode(),
        _file=pa.array(["CONTRATOS.txt"]),
        _line=pa.array([7], pa.int64()),
        _byte=pa.array([120], pa.int64()),
    )
    made = list(bodies([row], key=["id"], extra=EXTRA))
    assert read(made) == [
        (
            "00042",
            {
                "posicional": {"run": 1, "date": "2026-11-22", "file": "CONTRATOS.txt", "line": 7, "byte": 120},
                "id": "00042",
                "nome": 'São "João"\\\n\t\x01 €',
                "valor": Decimal("-123456789012.30"),
                "total": "12345678901234567.89",
                "taxa": "0.0000000001",
                "n": 9223372036854775807,
                "inicio": "1899-12-31",
                "em": "2026-01-05T10:00:00.123456",
                "ativo": True,
                "bruto": "AP8=",
                "uf": "SP",
            },
        )
    ]
    assert b"-123456789012.30," in made[0].data, "the number's own digits, not a double's"


@given(st.lists(st.tuples(st.text(), st.text() | st.none()), min_size=1, max_size=30))
def test_any_text_survives(rows: list[tuple[str, str | None]]) -> None:
    """Whatever text a column holds, the documents hold it too, in the same order, two lines each."""
    keys = pa.array([key for key, _ in rows], pa.string())
    data = batch(id=keys, nome=pa.array([text for _, text in rows], pa.string()))
    found = [document for _, document in read_lines(list(bodies([data], key=["id"], extra=EXTRA)))]
    assert [(one["id"], one.get("nome")) for one in found] == rows


def only(made: Iterator[Body]) -> list[dict[str, Any]]:
    """The documents without their `posicional` object."""
    return [{name: value for name, value in one.items() if name != "posicional"} for _, one in read(list(made))]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_moments_have_the_offset_of_the_feeds_zone(unit: str) -> None:
    """A wall clock stays as it is, with the offset that the zone had then; an instant is shown in the zone."""
    clocks = ["2026-01-05T10:00:00", "2018-12-25T10:00:00", None, "1900-01-01T00:00:00"]
    wall = pa.array(clocks).cast(pa.timestamp(unit))
    instants = pa.array(["2026-01-05T13:00:00Z"] * 4).cast(pa.timestamp(unit, "UTC"))
    row = batch(id=pa.array(["a", "b", "c", "d"]), em=wall, às=instants)
    made = only(bodies([row], key=["id"], extra=EXTRA, form=Form(zone=ZoneInfo("America/Sao_Paulo"))))
    fraction = {"s": "", "ms": ".000", "us": ".000000", "ns": ".000000000"}[unit]
    assert [one.get("em") for one in made] == [
        f"2026-01-05T10:00:00{fraction}-03:00",
        f"2018-12-25T10:00:00{fraction}-02:00",
        None,
        f"1900-01-01T00:00:00{fraction}-03:06",
    ]
    assert {one["às"] for one in made} == {f"2026-01-05T10:00:00{fraction}-03:00"}


def test_nulls_are_left_out_or_kept() -> None:
    """As the contract says, for every type."""
    row = batch(
        id=pa.array(["a"]),
        t=pa.array([None], pa.string()),
        n=pa.array([None], pa.int64()),
        d=pa.array([None], pa.decimal128(15, 2)),
        b=pa.array([None], pa.bool_()),
        em=pa.array([None], pa.timestamp("us")),
    )
    assert only(bodies([row], key=["id"], extra=EXTRA)) == [{"id": "a"}]
    kept = only(bodies([row], key=["id"], extra=EXTRA, form=Form(nulls=True, zone=ZoneInfo("America/Sao_Paulo"))))
    assert kept == [{"id": "a", "t": None, "n": None, "d": None, "b": None, "em": None}]


def test_a_version_goes_with_every_action() -> None:
    """So that the index takes nothing that is older than what it holds."""
    made = list(bodies([batch(id=pa.array(["a", "b"]))], key=["id"], extra=EXTRA, form=Form(version=7)))
    assert [json.loads(line) for line in made[0].data.splitlines()[::2]] == [
        {"index": {"_id": name, "version": 7, "version_type": "external_gte"}} for name in ("a", "b")
    ]


def test_a_document_that_is_gone_says_so_and_nothing_else() -> None:
    """Neither its columns nor the flag stand in it; where it came from does."""
    row = batch(
        id=pa.array(["a", "b", "c"]),
        nome=pa.array(["x", "y", "z"]),
        Excluido=pa.array([True, False, None], pa.bool_()),
        _line=pa.array([1, 2, 3], pa.int64()),
    )
    own = {**EXTRA, "line": 1}
    assert read(list(bodies([row], key=["id"], extra=EXTRA, form=Form(deleted="excluido", nulls=True)))) == [
        ("a", {"posicional": {**own, "deleted": True}}),
        ("b", {"posicional": {**own, "line": 2}, "id": "b", "nome": "y"}),
        ("c", {"posicional": {**own, "line": 3}, "id": "c", "nome": "z"}),
    ]


def read_lines(made: list[Body]) -> list[tuple[str, dict[str, Any]]]:
    """As `read`, splitting at newlines only: text may hold other line ends."""
    lines = b"".join(body.data for body in made).decode().split("\n")[:-1]
    return [(json.loads(a)["index"]["_id"], json.loads(b)) for a, b in zip(lines[::2], lines[1::2], strict=True)]


# --- ids --------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.text(max_size=4), st.text("|\\0h", max_size=4)), min_size=2, max_size=40, unique=True))
def test_different_keys_have_different_ids(keys: list[tuple[str, str]]) -> None:
    """Joining columns never makes two keys one, whatever separators and escapes they hold."""
    data = batch(a=pa.array([a for a, _ in keys], pa.string()), b=pa.array([b for _, b in keys], pa.string()))
    assert len(set(ids(data, ["a", "b"]).to_pylist())) == len(keys)


@given(st.lists(st.text("|\\0h", max_size=6) | st.text("x", min_size=500, max_size=530), min_size=2, unique=True))
def test_one_column_makes_ids_that_opensearch_takes(keys: list[str]) -> None:
    """Never empty, never longer than 512 bytes, never the same."""
    made = ids(batch(a=pa.array(keys, pa.string())), ["a"]).to_pylist()
    assert len(set(made)) == len(keys)
    assert all(0 < len(each.encode()) <= 512 for each in made)


def test_ids_are_stable() -> None:
    """These ids stand in indices already: a change of theirs would double documents."""
    data = batch(
        contrato=pa.array(["0042", "a|b"]),
        mes=pa.array([date(2026, 11, 1)] * 2, pa.date32()),
        n=pa.array([1, -2], pa.int64()),
    )
    assert ids(data, ["contrato"]).to_pylist() == ["0042", "a\\|b"]
    assert ids(data, ["Contrato", "mes", "n"]).to_pylist() == ["0042|2026-11-01|1", "a\\|b|2026-11-01|-2"]
    assert ids(data, ["contrato"], b"segredo").to_pylist()[0] == (
        "d623d4de4e861a8e76a7ee52a4f126107658651d7a143275eaf407e007f83b52"
    )


def test_a_key_that_is_null_is_refused() -> None:
    """A row without a key would get an id of OpenSearch's own, and another at each run."""
    with pytest.raises(DataRefused, match="no key"):
        list(bodies([batch(id=pa.array([None, "x"]))], key=["id"], extra=EXTRA))


# --- cutting ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 2000), st.integers(1, 7))
def test_bodies_are_bounded_and_whole(widths: list[int], limit: int, rows: int) -> None:
    """Every row is in exactly one body, in order; a body keeps the limit unless one row alone is beyond it."""
    texts = ["é" * width for width in widths]
    table = pa.table(
        {"id": pa.array([str(n) for n in range(len(widths))], pa.string()), "t": pa.array(texts, pa.string())}
    )
    made = list(bodies(table.to_batches(max_chunksize=rows), key=["id"], extra=EXTRA, limit=limit))
    assert [one["t"] for _, one in read(made)] == texts
    assert all(len(body.data) <= limit or body.rows == 1 for body in made)
    assert [body.first_row for body in made] == [sum(body.rows for body in made[:n]) for n in range(len(made))]
    assert sum(body.rows for body in made) == len(widths)


def test_a_slice_of_a_batch_is_only_that_slice() -> None:
    """Offsets of Arrow's views are minded."""
    data = batch(id=pa.array([str(n) for n in range(10)])).slice(3, 4)
    assert [name for name, _ in read(list(bodies([data], key=["id"], extra=EXTRA)))] == ["3", "4", "5", "6"]


def test_no_rows_are_no_bodies() -> None:
    """OpenSearch refuses an empty bulk."""
    assert list(bodies([batch(id=pa.array([], pa.string()))], key=["id"], extra=EXTRA)) == []
