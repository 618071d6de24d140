"""Compiling a layout: for every field of every kind the column that decodes it, chosen once, before a byte is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa

from posicional.contract import codepage
from posicional.contract.layout import Field, Layout, RecordKind
from posicional.errors import UsageError
from posicional.records.columns import Column
from posicional.records.dates import MomentColumn
from posicional.records.dictionary import DictionaryTextColumn
from posicional.records.lists import ListColumn
from posicional.records.numbers import DisplayColumn, NumberColumn, digits_of, room_of
from posicional.records.packed import BinaryColumn, PackedColumn
from posicional.records.pages import page_of
from posicional.records.repeated import RepeatedTextColumn
from posicional.records.swar import MOST
from posicional.records.text import BooleanColumn, BytesColumn, TextColumn
from posicional.records.wide import WideBinaryColumn, WideDisplayColumn, WidePackedColumn

_SIMPLE: dict[str, Callable[[Field], Column]] = {
    "string": TextColumn,
    "boolean": BooleanColumn,
    "bytes": BytesColumn,
    "date": MomentColumn,
    "time": MomentColumn,
    "timestamp": MomentColumn,
}

_NUMBERS: dict[str, tuple[Callable[[Field], Column], Callable[[Field], Column]]] = {
    "display": (DisplayColumn, WideDisplayColumn),
    "packed": (PackedColumn, WidePackedColumn),
    "binary": (BinaryColumn, WideBinaryColumn),
}


def columns_of(fields: Iterable[Field], *, compact: bool = False) -> list[Column]:
    """A fresh column for each field, in their order.

    `compact`: arrays as they are cheapest to write to Parquet (short decimals as 64 bits, text that repeats itself as a
    dictionary); the file that comes of them is the same.
    """
    return [_compact_column(field) if compact else column_of(field) for field in fields]


def _compact_column(field: Field) -> Column:
    column = column_of(field)
    if isinstance(column, TextColumn):
        return RepeatedTextColumn(field) if field.width <= RepeatedTextColumn.WIDEST else DictionaryTextColumn(field)
    if isinstance(column, NumberColumn) and pa.types.is_decimal(column.arrow) and column.arrow.precision <= MOST:
        column.arrow = pa.decimal64(column.arrow.precision, column.arrow.scale)
    return column


def column_of(field: Field) -> Column:
    """The decoder of one field."""
    if field.type == "group" or field.repeat > 1:
        return ListColumn(field, column_of)
    if field.type in _SIMPLE:
        return _SIMPLE[field.type](field)
    # A number whose text has room for more digits than an int64 is read as a long one, whatever it declares.
    wide = digits_of(field) > MOST or (field.usage == "display" and room_of(field) > MOST)
    return _NUMBERS[field.usage][wide](field)


def looked_at(kind: RecordKind) -> tuple[Field, ...]:
    """What a control record is asked for: a field for each of its controls, then one for each of its checks."""
    by_name = {field.name: field for field in kind.fields}
    figures = tuple(control.field for control in kind.controls)
    # A literal is compared with the text as it stands, trimmed, whatever the field's type.
    texts = {name: Field(name, field.start, field.width, "string") for name, field in by_name.items()}
    return figures + tuple((by_name if check.is_date else texts)[check.field] for check in kind.checks)


def check_supported(layout: Layout) -> None:
    """Raise `UsageError` for what the reader cannot do; nothing of a layout is ever ignored.

    The contract's loader refuses the same, and says where; a layout that was made by hand has not been there.
    """
    characters = layout.unit == "chars" and codepage.canonical(layout.encoding) == "utf-8"
    if layout.framing == "fixed" and len({kind.length for kind in layout.kinds}) > 1:
        raise UsageError("fixed records have one length", hint="use rdw, or several layouts")
    if layout.framing == "fixed" and characters:
        raise UsageError("fixed records have a length in bytes", hint="say unit: bytes")
    if layout.framing == "newline" and page_of(layout.encoding).table is not None:
        raise UsageError(f"records in {layout.encoding} do not end in a line feed", hint="use fixed, rdw or bdw")
    for kind in layout.kinds:
        for field in _flat(kind.fields):
            if characters and (field.usage != "display" or field.type == "bytes"):
                raise UsageError(
                    f"{kind.name}.{field.name} is no text, but positions count characters", hint="say unit: bytes"
                )
            if field.type == "string" and (field.minimum is not None or field.maximum is not None):
                raise UsageError(f"{kind.name}.{field.name} is text and has bounds")
            if field.enum and field.type != "string":
                raise UsageError(f"{kind.name}.{field.name}: enum goes with text")


def _flat(fields: Iterable[Field]) -> Iterator[Field]:
    for field in fields:
        yield field
        yield from _flat(field.fields)
