"""Whether two results hold the same values: the same rows in the same order, however they are spelled in Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from posicional.contract.layout import Field, Layout


def unequal(result: Path, reference: Path, layout: Path) -> list[str]:
    """The columns of `result` that differ from those of `reference` in any value; empty when all are equal."""
    (detail,) = Layout.load(layout).details
    expected, got = _table(reference, detail.fields), _table(result, detail.fields)
    if expected.num_rows != got.num_rows:
        return [f"{got.num_rows} rows, not {expected.num_rows}"]
    return [name for name in expected.schema.names if not expected[name].equals(got[name])]


def first_rows(result: Path, layout: Path, rows: int, out: Path) -> Path:
    """The first rows of a result as a file of their own: what those who saw only a slice must agree with."""
    (detail,) = Layout.load(layout).details
    pq.write_table(_table(result, detail.fields).slice(0, rows), out)
    return out


def _table(path: Path, fields: tuple[Field, ...]) -> pa.Table:
    """The layout's columns in the types that the product gives them."""
    parts = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    tables = [pq.read_table(part, columns=[one.name for one in fields]) for part in parts]
    return pa.table({one.name: _column(pa.concat_tables(tables)[one.name], one) for one in fields})


def _column(column: pa.ChunkedArray, one: Field) -> pa.ChunkedArray:
    """Text becomes what it spells; whole cents become amounts; a timestamp of a day becomes the day."""
    if one.type in {"string", "time"}:
        return column.cast(pa.string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _spelled(column.cast(pa.string()), one)
    if one.type == "decimal":
        kind = pa.decimal128(one.digits, one.scale)
        if pa.types.is_integer(column.type):
            cents = pc.multiply(column.cast(pa.decimal128(19, 0)), pa.scalar(1, pa.decimal128(1, 0)))
            return pa.chunked_array([_rescaled(chunk, one) for chunk in cents.chunks], kind)
        return column.cast(kind)
    return column.cast(pa.date32() if one.type == "date" else pa.int64())


def _spelled(column: pa.ChunkedArray, one: Field) -> pa.ChunkedArray:
    if one.type == "date":
        return pc.strptime(column, "%Y%m%d", "s").cast(pa.date32())
    whole = pc.replace_substring_regex(column, r"^\+", "").cast(pa.int64())
    return whole if one.type == "integer" else _column(whole, one)


def _rescaled(chunk: pa.Array, one: Field) -> pa.Array:
    """Whole cents as amounts: the same number under another scale."""
    wide = chunk.cast(pa.decimal128(one.digits, 0))
    return pa.Array.from_buffers(pa.decimal128(one.digits, one.scale), len(wide), wide.buffers(), offset=wide.offset)
