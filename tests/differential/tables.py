"""Small tables of what engines disagree about: nulls, accents, halves, ends of months, empty texts, large numbers."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from random import Random

import pyarrow as pa

SCHEMAS: dict[str, dict[str, str]] = {
    "t": {
        "id": "bigint",
        "n": "int",
        "big": "bigint",
        "valor": "decimal(15,2)",
        "taxa": "decimal(7,4)",
        "nome": "string",
        "codigo": "string",
        "numero": "string",
        "inicio": "date",
        "fim": "date",
        "em": "timestamp_ntz",
        "ativo": "boolean",
    },
    "u": {"id": "bigint", "k": "int", "nome": "string", "preco": "decimal(12,3)", "dia": "date", "codigo": "string"},
}
"""Their columns, in Spark's words."""

TEXTS = (
    "São Paulo",
    "são paulo",
    "Ação & Reação",
    "ÉLAN",
    "straße",
    "",
    "a",
    "A",
    "Zé",
    "zebra",
    "ñandú",
    "x'y",
    "50%",
    None,
)
CODES = ("0001", "0002", "A-1", "b_2", "Ç3", "0001", "zz", None)
NUMBERS = ("12", " 7 ", "-3", "+4", "0", "1.25", "abc", "2026-01-31", "2026-1-5", "2026", "t", "NO", "1_000", "", None)
DATES = ("2024-02-29", "2023-12-31", "2024-01-31", "2020-01-01", "1999-10-15", "2026-11-22", "2024-03-31", None)
MOMENTS = ("2024-02-29 23:59:59.999999", "2026-11-22 12:00:00", "2000-01-01 00:00:00", "2024-12-30 07:08:09.5", None)
AMOUNTS = ("0.00", "0.01", "-0.01", "12.50", "-12.50", "999.99", "1000000.00", "33.33", "-7.77", "0.50", None)
RATES = ("0.0001", "0.3333", "-0.5000", "1.0000", "99.9999", "2.5000", "0.0000", None)


def tables() -> dict[str, pa.Table]:
    """The tables, the same in every run."""
    chance = Random(20261122)
    pick = chance.choice

    def made(name: str, rows: int, **columns: object) -> pa.Table:
        types = {
            column: _TYPES[type_] if type_ in _TYPES else _decimal(type_) for column, type_ in SCHEMAS[name].items()
        }
        values = {column: [make(row) for row in range(rows)] for column, make in columns.items()}  # type: ignore[operator]  # the functions below
        return pa.table({column: pa.array(values[column], type_) for column, type_ in types.items()})

    def day(_row: int) -> date | None:
        text = pick(DATES)
        return date.fromisoformat(text) if text else None

    def amount(texts: tuple[str | None, ...]) -> object:
        return lambda _row: None if (text := pick(texts)) is None else Decimal(text)

    return {
        "t": made(
            "t",
            90,
            id=lambda row: row + 1,
            n=lambda _row: pick([0, 1, 2, 3, -1, -7, 100, None]),
            big=lambda _row: pick([0, 1, 2**40, -(2**40), 9_999_999_999, 17, None]),
            valor=amount(AMOUNTS),
            taxa=amount(RATES),
            nome=lambda _row: pick(TEXTS),
            codigo=lambda _row: pick(CODES),
            numero=lambda _row: pick(NUMBERS),
            inicio=day,
            fim=day,
            em=lambda _row: None if (text := pick(MOMENTS)) is None else datetime.fromisoformat(text),
            ativo=lambda _row: pick([True, False, None]),
        ),
        "u": made(
            "u",
            30,
            id=lambda row: row * 3 + 1,
            k=lambda _row: pick([1, 2, 3, 100, None]),
            nome=lambda _row: pick(TEXTS),
            preco=amount((*AMOUNTS, "0.125", "-0.125")),
            dia=day,
            codigo=lambda _row: pick(CODES),
        ),
    }


_TYPES = {
    "bigint": pa.int64(),
    "int": pa.int32(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp_ntz": pa.timestamp("us"),
    "boolean": pa.bool_(),
}


def _decimal(type_: str) -> pa.DataType:
    precision, scale = type_.removeprefix("decimal(").removesuffix(")").split(",")
    return pa.decimal128(int(precision), int(scale))
