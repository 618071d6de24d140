"""Compiling a layout: for every field of every kind the column that decodes it, chosen once, before a byte is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from posicional.contract.layout import Field, Layout, RecordKind
from posicional.errors import UsageError
from posicional.records.columns import Column
from posicional.records.dates import MomentColumn
from posicional.records.numbers import DisplayColumn, digits_of
from posicional.records.swar import MOST
from posicional.records.text import BooleanColumn, BytesColumn, TextColumn

_SIMPLE: dict[str, Callable[[Field], Column]] = {
    "string": TextColumn,
    "boolean": BooleanColumn,
    "bytes": BytesColumn,
    "date": MomentColumn,
    "time": MomentColumn,
    "timestamp": MomentColumn,
}


def columns_of(fields: Iterable[Field]) -> list[Column]:
    """A fresh column for each field, in their order."""
    return [column_of(field) for field in fields]


def column_of(field: Field) -> Column:
    """The decoder of one field. Raises `UsageError` for what cannot be decoded yet."""
    if field.type == "group" or field.repeat > 1:
        raise not_yet(f"field {field.name}: repeat")
    if field.type in _SIMPLE:
        return _SIMPLE[field.type](field)
    if field.usage != "display":
        raise not_yet(f"field {field.name}: usage {field.usage}")
    if digits_of(field) > MOST:
        raise not_yet(f"field {field.name}: more than {MOST} digits")
    return DisplayColumn(field)


def looked_at(kind: RecordKind) -> tuple[Field, ...]:
    """What a control record is asked for: a field for each of its controls, then one for each of its checks."""
    by_name = {field.name: field for field in kind.fields}
    figures = tuple(control.field for control in kind.controls)
    # A literal is compared with the text as it stands, trimmed, whatever the field's type.
    texts = {name: Field(name, field.start, field.width, "string") for name, field in by_name.items()}
    return figures + tuple((by_name if check.is_date else texts)[check.field] for check in kind.checks)


def check_supported(layout: Layout) -> None:
    """Raise `UsageError` for what the reader cannot do yet; nothing of a layout is ever ignored."""
    if layout.framing in ("rdw", "bdw"):
        raise not_yet(f"framing {layout.framing}")
    if layout.framing == "fixed" and len({kind.length for kind in layout.kinds}) > 1:
        raise not_yet("fixed framing with records of several lengths")
    if layout.unit == "chars" and layout.encoding == "utf-8":
        raise not_yet("unit chars with utf-8")
    for kind in layout.kinds:
        if kind.opens or kind.closes:
            raise not_yet(f"kind {kind.name}: groups")
        if kind.sequence:
            raise not_yet(f"kind {kind.name}: sequence")


def not_yet(what: str) -> UsageError:
    """The error for a part of the design that has not been built."""
    return UsageError(f"{what} is not supported yet")
