"""The words of a layout's YAML. What they mean is worked out in `layout_fields` and `layout_records`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from posicional.contract.layout import Framing, Point, Role, Sign, Trim, Unit, Usage
from posicional.contract.source import Trap
from posicional.contract.vocabulary import (
    Many,
    Name,
    OneOrMany,
    Span,
    Text,
    Words,
)

FieldType = Literal["string", "integer", "decimal", "date", "time", "timestamp", "boolean", "bytes"]
Width = Annotated[int, Field(ge=1, le=1_000_000)]


def _filler(value: Any) -> Any:
    if value == "rest" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1_000_000):
        return value
    raise ValueError("expected a number of positions, or rest")


def _bound(value: Any) -> Any:
    if isinstance(value, Trap):
        raise ValueError(f"{value.text} is not read as it looks; write a plain number, or quote a date or time")
    if isinstance(value, bool | list | dict):
        raise ValueError("expected a number, or a date or time")
    return value


def _counted(value: Any) -> Any:
    if isinstance(value, str) or (isinstance(value, list) and value and all(isinstance(kind, str) for kind in value)):
        return value
    raise ValueError("expected all, detail, group, or a list of kinds")


Filler = Annotated[Any, BeforeValidator(_filler, json_schema_input_type=int | Literal["rest"])]
Bound = Annotated[Any, BeforeValidator(_bound, json_schema_input_type=Decimal | str)]
Counted = Annotated[Any, BeforeValidator(_counted, json_schema_input_type=str | list[str])]


class CenturyWords(Words):
    """Which century a two-digit year is in: below the pivot 20xx, from it on 19xx."""

    pivot: Annotated[int, Field(ge=0, le=100)]


class TypeWords(Words):
    """What may be said of a field, and of all fields of a type under `defaults`."""

    format: Text | None = None
    sign: Sign | None = None
    point: Point | None = None
    usage: Usage | None = None
    missing: OneOrMany[str] | None = None
    required: bool | None = None
    trim: Trim | None = None
    century: CenturyWords | None = None
    true: OneOrMany[Text] | None = None
    false: OneOrMany[Text] | None = None


class FieldWords(TypeWords):
    """One field, one filler, or a repeated group of fields."""

    name: Name | None = None
    filler: Filler | None = None
    pos: Span | None = None
    width: Width | None = None
    type: FieldType | None = None
    pic: Text | None = None
    digits: Annotated[int, Field(ge=1, le=38)] | None = None
    scale: Annotated[int, Field(ge=0, le=38)] | None = None
    enum: Annotated[Many[Text], Field(min_length=1)] | None = None
    min: Bound | None = None
    max: Bound | None = None
    personal: bool = False
    repeat: Annotated[int, Field(ge=2, le=10_000)] | None = None
    fields: Annotated[Many[FieldWords], Field(min_length=1)] | None = None


class ConditionWords(Words):
    """How records of a kind are known."""

    pos: Span | None = None
    is_: Annotated[OneOrMany[str] | None, Field(alias="is")] = None
    hex: OneOrMany[str] | None = None
    otherwise: bool | None = None


class CheckWords(Words):
    """What a header's or trailer's field must say."""

    field: str
    equals: Text


class ControlWords(Words):
    """A trailer's figure that must agree."""

    count: Counted | None = None
    sum: str | None = None
    field: str | None = None
    pos: Span | None = None
    scale: Annotated[int, Field(ge=0, le=38)] | None = None
    zero: Literal["unfilled"] | None = None


class SequenceWords(Words):
    """A running number in the records of a kind."""

    pos: Span
    from_: Annotated[int, Field(alias="from", ge=0)] = 1
    per: str = "file"


class KindWords(Words):
    """One kind of record."""

    when: OneOrMany[ConditionWords] | None = None
    role: Role | None = None
    length: Width | None = None
    fields: Many[FieldWords] | None = None
    check: Many[CheckWords] = ()
    controls: Many[ControlWords] = ()
    sequence: SequenceWords | None = None
    opens: Name | None = None
    closes: Name | None = None
    table: bool = False


class RecordWords(Words):
    """How records follow one another. `length` counts no line end."""

    length: Width | None = None
    framing: Framing = "newline"
    short: Literal["reject", "pad"] = "reject"
    long: Literal["reject"] = "reject"


class DefaultsWords(Words):
    """What all fields of a type share; a field may say its own."""

    string: TypeWords | None = None
    integer: TypeWords | None = None
    decimal: TypeWords | None = None
    date: TypeWords | None = None
    time: TypeWords | None = None
    timestamp: TypeWords | None = None
    boolean: TypeWords | None = None
    bytes: TypeWords | None = None


class LayoutWords(Words):
    """A whole layout: `records`, or `fields` where there is only one kind of record."""

    encoding: Text = "utf-8"
    unit: Unit = "bytes"
    record: RecordWords | None = None
    missing: OneOrMany[str] | None = None
    defaults: DefaultsWords | None = None
    records: Annotated[dict[Name, KindWords], Field(min_length=1)] | None = None
    fields: Many[FieldWords] | None = None
