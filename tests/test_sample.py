"""A few rows held against their documents: the same ones for the same seed, every type by its value, never a value."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from posicional.documents.bodies import Form, bodies
from posicional.documents.sample import Sample, differences

ZONE = ZoneInfo("America/Sao_Paulo")
ROW: dict[str, Any] = {
    "id": "á|1",
    "n": 7,
    "valor": Decimal("1234567890123.45"),
    "total": Decimal("123456789012345678.90"),
    "taxa": 0.1,
    "dia": date(2026, 11, 22),
    "em": datetime.fromisoformat("2026-11-22T09:30:00.123456"),
    "quando": datetime(2026, 11, 22, 12, 30, tzinfo=UTC),
    "ativo": True,
    "cru": b"\x00\xff",
    "nada": None,
    "_file": "A.txt",
    "_line": 12,
    "_byte": 1331,
}
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("n", pa.int64()),
        ("valor", pa.decimal128(15, 2)),
        ("total", pa.decimal128(20, 2)),
        ("taxa", pa.float64()),
        ("dia", pa.date32()),
        ("em", pa.timestamp("us")),
        ("quando", pa.timestamp("us", "UTC")),
        ("ativo", pa.bool_()),
        ("cru", pa.binary()),
        ("nada", pa.string()),
        ("_file", pa.string()),
        ("_line", pa.int64()),
        ("_byte", pa.int64()),
    ]
)


def document(*, nulls: bool = False) -> dict[str, Any]:
    """The row's document, as the cluster gives it back."""
    batch = pa.RecordBatch.from_pylist([ROW], SCHEMA)
    (body,) = bodies([batch], key=["id"], extra={"run": 1}, form=Form(ZONE, nulls))
    found: dict[str, Any] = json.loads(body.data.split(b"\n")[1])
    return found


@pytest.mark.parametrize("nulls", [False, True])
def test_a_document_is_its_row(nulls: bool) -> None:
    """Whatever its types; nulls left out or not."""
    assert differences(ROW, document(nulls=nulls), ZONE) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "a|1"),
        ("id", None),
        ("n", "7"),
        ("n", 8),
        ("n", True),
        ("valor", 1234567890123.46),
        ("total", "123456789012345678.9x"),
        ("total", 123456789012345678.90),
        ("taxa", 0.2),
        ("dia", "2026-11-23"),
        ("em", "2026-11-22T09:30:00.123456"),
        ("em", "2026-11-22T09:30:00.123456+00:00"),
        ("em", "2026-11-22T09:30:00-03:00"),
        ("quando", "2026-11-22T12:30:00-03:00"),
        ("ativo", 1),
        ("cru", "AP8"),
        ("nada", ""),
        ("mais", 1),
    ],
)
def test_a_difference_names_its_column(field: str, value: object) -> None:
    """Another value, another type, a field that is no column."""
    assert differences(ROW, {**document(), field: value}, ZONE) == {field: 1}


def test_where_a_row_came_from_is_looked_at_too() -> None:
    """File, line and byte stand in the object of ours."""
    found = document()
    found["posicional"]["line"] = 13
    assert differences(ROW, found, ZONE) == {"_line": 1}


@pytest.mark.parametrize("clock", ["2018-02-17T23:30:00", "2018-11-04T00:30:00", "1880-01-01T00:00:00"])
def test_times_that_clocks_show_twice_or_never(clock: str) -> None:
    """An hour that came twice, one that was skipped, one before there were zones."""
    row = {"id": "a", "em": datetime.fromisoformat(clock)}
    batch = pa.RecordBatch.from_pylist([row], pa.schema([("id", pa.string()), ("em", pa.timestamp("us"))]))
    (body,) = bodies([batch], key=["id"], extra={"run": 1}, form=Form(ZONE))
    assert differences(row, json.loads(body.data.split(b"\n")[1]), ZONE) == {}


def test_the_same_seed_picks_the_same_rows_from_all_batches() -> None:
    """What passes is what came; however it is cut into batches, the same rows are remembered."""
    table = pa.table({"id": [f"{n:04d}" for n in range(1000)]})

    def picked(seed: str, rows: int) -> list[str]:
        sample = Sample(1000, seed, 20)
        passed = pa.Table.from_batches(sample.passing(table.to_batches(max_chunksize=rows)))
        assert passed.equals(table)
        return sorted(sample.rows(["id"]))

    first = picked("contratos-1", 7)
    assert len(first) == 20
    assert picked("contratos-1", 1000) == first != picked("contratos-2", 7)
    assert int(first[-1]) - int(first[0]) > 500


def test_of_few_rows_all_are_picked() -> None:
    """And of none none."""
    table = pa.table({"id": ["a", "b"]})
    sample = Sample(2, "s")
    list(sample.passing(table.to_batches()))
    assert set(sample.rows(["id"])) == {"a", "b"}
    assert list(Sample(0, "s").passing([])) == []


def test_a_value_that_python_cannot_have_is_not_looked_at() -> None:
    """A day far beyond the year 9999 keeps nobody from looking at the rest of its row."""
    far = pa.array([10**9, 0], pa.int32()).cast(pa.date32())
    sample = Sample(2, "s")
    list(sample.passing([pa.record_batch({"id": ["a", "b"], "dia": far})]))
    rows = sample.rows(["id"])
    assert differences(rows["a"], {"id": "a", "dia": "whatever"}, ZONE) == {}
    assert differences(rows["a"], {"id": "b"}, ZONE) == {"id": 1}
    assert rows["b"]["dia"] == date(1970, 1, 1)
