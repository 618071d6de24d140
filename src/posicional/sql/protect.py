"""What happens to personal columns between a dataset's SQL and its parts: one function over Arrow batches.

Spark's batches pass through it in its executors; `protect_duckdb` says the same to DuckDB, and a test holds both to the
same bytes. It works column by column, on distinct values: an HMAC is computed once for each value of a batch.

- `hmac`: HMAC-SHA256 of the value's text (UTF-8; numbers in plain digits, dates as 2026-11-22), in 64 hex digits.
- `{mask: last4}`: all characters but the last four become `*`; a value of four or fewer becomes `*` altogether.
- `year`: the year of a date or timestamp, as an int.
- `drop`: the column is not written.
- `plain`: the value itself. Datasets that read it have a personal column again.

Null stays null.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from posicional.errors import UsageError
from posicional.ports import SECRET_VARIABLE
from posicional.sql.checks import PROTECTED_AS, Columns

SHORTEST_SECRET = 16
"""Bytes: a shorter key can be found by trying, and then so can every CPF."""


@dataclass(frozen=True, slots=True)
class Protection:
    """What happens to a dataset's columns; picklable. `how`: column -> (word, characters that a mask keeps)."""

    how: Mapping[str, tuple[str, int]]
    secret: bytes = field(default=b"", repr=False)

    def columns(self, columns: Columns) -> Columns:
        """The columns as they are written, given those that the SQL gives."""
        words = [(name, type_, self.word(name)[0]) for name, type_ in columns]
        return tuple((name, PROTECTED_AS.get(word, type_)) for name, type_, word in words if word != "drop")

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """The Arrow schema of what `apply` gives."""
        return self.apply(pa.RecordBatch.from_arrays([pa.nulls(0, one.type) for one in schema], schema=schema)).schema

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """A batch with its columns protected: the others are the same arrays."""
        arrays, fields = [], []
        for one, column in zip(batch.schema, batch.columns, strict=True):
            word, kept = self.word(one.name)
            if word == "drop":
                continue
            changed = self._protected(column, word, kept)
            arrays.append(changed)
            fields.append(one if changed is column else pa.field(one.name, changed.type, one.nullable))
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))

    def word(self, name: str) -> tuple[str, int]:
        """What happens to a column, and how many characters a mask keeps."""
        return next((how for column, how in self.how.items() if column.lower() == name.lower()), ("plain", 0))

    def _protected(self, column: pa.Array, word: str, kept: int) -> pa.Array:
        if word == "hmac":
            return _of_distinct(column, lambda values: _hashed(values, self.secret))
        if word == "mask":
            return _of_distinct(column, lambda values: _masked(values, kept))
        if word == "year":
            return pc.cast(pc.year(column), pa.int32())
        return column


def protection(how: Mapping[str, tuple[str, int]], secret: bytes) -> Protection:
    """The protection of a dataset. Raises `UsageError` where hashes are wanted and there is no key worth the name."""
    if any(word == "hmac" for word, _ in how.values()):
        check_secret(secret)
    return Protection(dict(how), secret)


def check_secret(secret: bytes) -> None:
    """Raises `UsageError` for a key that is not there, or so short that it can be found by trying."""
    if not secret:
        message = f"personal columns are hashed, and the environment variable {SECRET_VARIABLE} is not set"
        hint = f"set it to a long random text, and keep it: {SECRET_VARIABLE}=$(openssl rand -hex 32)"
        raise UsageError(message, hint=hint)
    if len(secret) < SHORTEST_SECRET:
        message = f"{SECRET_VARIABLE} is too short to keep a secret"
        raise UsageError(message, expected=f"{SHORTEST_SECRET} bytes or more", got=str(len(secret)))


def hashed(text: str, secret: bytes) -> str:
    """HMAC-SHA256 of a text, in hex."""
    return hmac.digest(secret, text.encode(), hashlib.sha256).hex()


def _of_distinct(column: pa.Array, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """A column of text, changed once for each of its distinct values."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    coded = column.dictionary_encode()
    return pc.take(change(_text(coded.dictionary)), coded.indices)


def _text(values: pa.Array) -> pa.Array:
    """Each value as text: numbers in plain digits, dates and moments as ISO 8601, bytes in hex."""
    type_ = values.type
    if pa.types.is_decimal(type_):  # Arrow's own text has an exponent where there are many decimals
        return pa.array([None if (value := one.as_py()) is None else f"{value:f}" for one in values], pa.string())
    if pa.types.is_binary(type_):
        return pa.array([None if (value := one.as_py()) is None else value.hex() for one in values], pa.string())
    return pc.cast(values, pa.string())


def _hashed(values: pa.Array, secret: bytes) -> pa.Array:
    texts = values.to_pylist()
    return pa.array([None if text is None else hashed(text, secret) for text in texts], pa.string())


def _masked(values: pa.Array, kept: int) -> pa.Array:
    length = pc.utf8_length(values)
    shown = pc.if_else(pc.greater(length, kept), pc.utf8_slice_codeunits(values, -kept, None), "")
    hidden = pc.subtract(length, pc.utf8_length(shown))
    return pc.binary_join_element_wise(pc.binary_repeat("*", hidden), shown, "")
