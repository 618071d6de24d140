"""An Arrow schema as an OpenSearch mapping: strict, and without loss.

| column | field | why |
|---|---|---|
| string | keyword | codes are searched whole; what is longer than Lucene can index is kept, not searched |
| integer | integer, long | |
| decimal without decimals, up to 18 digits | long | exact |
| decimal up to 15 digits | scaled_float | a double, through which OpenSearch reads numbers, is exact to 15 digits |
| any other decimal | keyword, with a double as `<field>.number` | exact as text; what the sub-field sums is not |
| date | date, yyyy-MM-dd | |
| timestamp | date, as 2026-11-22T09:30:00.000000-03:00 | a wall clock is the feed's, and says so with its offset |
| boolean, bytes | boolean, binary | |

A feed may say another mapping for a column; `text` alone is text to search in, and the whole of it `<field>.keyword`.

The columns `_file`, `_line` and `_byte` of a dataset stand in the document's `posicional` object, with run and date.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from posicional.errors import UsageError

if TYPE_CHECKING:
    from posicional.contract.feed import IndexOf

LONGEST_KEYWORD = 8191
"""Characters: four bytes each at most are Lucene's limit of 32,766 bytes."""

EXACT_DIGITS = 15
"""Digits of a decimal that a double holds exactly."""

LONG_DIGITS = 18
"""Digits of a whole number that a long always holds."""

LINEAGE = {"_file": "file", "_line": "line", "_byte": "byte"}
"""A dataset's column -> its name within the document's `posicional` object."""

OWN = "posicional"
"""The object in each document that says where it came from."""

_OWN_FIELDS: dict[str, dict[str, Any]] = {
    "file": {"type": "keyword"},
    "line": {"type": "long"},
    "byte": {"type": "long"},
    "run": {"type": "integer"},
    "date": {"type": "date", "format": "yyyy-MM-dd"},
}


DELETED = "deleted"
"""Where the `posicional` object of a document says that its row is gone (mode: upsert)."""


def mapping(schema: pa.Schema, meta: Mapping[str, Any], to: IndexOf, *, upsert: bool = False) -> dict[str, Any]:
    """The mapping of an index for a dataset's rows; `meta` says whose it is, `to` which fields are to be otherwise.

    Raises `UsageError` for a column that cannot be a field, and for one that is named and not there.
    """
    named = {column.lower(): words for column, words in to.fields.items()}
    own = {**_OWN_FIELDS, DELETED: {"type": "boolean"}} if upsert else _OWN_FIELDS
    apart = {*LINEAGE, to.deleted.lower()} if to.deleted else {*LINEAGE}
    fields = {}
    for column in schema:
        said = named.pop(column.name.lower(), None)
        if column.name.lower() not in apart:
            fields[column.name] = _field(column.name, column.type, said)
    if named:
        raise UsageError(
            f"the dataset {to.dataset} has no column {next(iter(named))!r}",
            where=f"publish.opensearch.datasets.{to.dataset}.fields",
            hint=f"it has {', '.join(fields)}",
        )
    return {"dynamic": "strict", "_meta": dict(meta), "properties": {**fields, OWN: {"properties": own}}}


def is_number(type_: pa.DataType) -> bool:
    """Whether a value stands in the document as a number; a decimal that none can hold exactly stands as text."""
    if pa.types.is_decimal(type_):
        return bool(type_.precision <= (LONG_DIGITS if type_.scale == 0 else EXACT_DIGITS))
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_))


def _field(name: str, type_: pa.DataType, said: str | Mapping[str, Any] | None) -> dict[str, Any]:
    if name.startswith("_") or name == OWN or "." in name or not name:
        raise UsageError(
            f"the column {name!r} cannot be a field of a document",
            hint="give it another name with as: no leading underscore, no dot, not posicional",
        )
    if said is not None:
        return dict(_TEXT) if said == "text" else {"type": said} if isinstance(said, str) else dict(said)
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_decimal(type_):
        return _decimal(type_)
    for is_type, words in _FIELDS:
        if is_type(type_):
            return dict(words)
    raise UsageError(
        f"the column {name!r} has the type {type_}, which cannot be published yet", hint="leave it out, or cast it"
    )


def _decimal(type_: pa.DataType) -> dict[str, Any]:
    if not is_number(type_):
        return {**_KEYWORD, "fields": {"number": {"type": "double"}}}
    return {"type": "long"} if type_.scale == 0 else {"type": "scaled_float", "scaling_factor": 10**type_.scale}


_KEYWORD: dict[str, Any] = {"type": "keyword", "ignore_above": LONGEST_KEYWORD}
_TEXT: dict[str, Any] = {"type": "text", "fields": {"keyword": _KEYWORD}}
_FIELDS: tuple[tuple[Any, dict[str, Any]], ...] = (
    (pa.types.is_string, _KEYWORD),
    (pa.types.is_large_string, _KEYWORD),
    (pa.types.is_int64, {"type": "long"}),
    (pa.types.is_signed_integer, {"type": "integer"}),
    (pa.types.is_floating, {"type": "double"}),
    (pa.types.is_date32, {"type": "date", "format": "yyyy-MM-dd"}),
    (pa.types.is_timestamp, {"type": "date", "format": "strict_date_optional_time"}),
    (pa.types.is_boolean, {"type": "boolean"}),
    (pa.types.is_binary, {"type": "binary"}),
)
