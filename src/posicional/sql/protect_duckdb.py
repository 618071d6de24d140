"""Protection said in DuckDB's words, for its own writer to apply on all cores: byte for byte what `protect` gives.

An HMAC is two hashes, of the key in two disguises before the text and before the first hash (RFC 2104). The disguises
are parameters of the query, so no text of it holds the key. Every column is said to be null where it is null: else
DuckDB writes columns in which it has seen no null as required ones, and a dataset's schema would depend on its values.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from posicional.sql.types import digits_of

if TYPE_CHECKING:
    from posicional.sql.checks import Columns
    from posicional.sql.protect import Protection

_BLOCK = 64
"""Bytes that SHA-256 takes at once."""


def protected_query(query: str, columns: Columns, protect: Protection) -> tuple[str, dict[str, bytes]]:
    """A query that gives the columns of `query` (name, type in Spark's words) as they are written; its parameters."""
    selected, hashes = [], False
    for name, type_ in columns:
        word, kept = protect.word(name)
        column = quoted(name)
        if word == "drop":
            continue
        hashes |= word == "hmac"
        written = _protected(column, type_, word, kept)
        selected.append(f"case when {column} is not null then {written} end as {column}")
    return f"select {', '.join(selected)} from ({query}) as posicional", _disguises(protect.secret) if hashes else {}  # noqa: S608 - names quoted


def quoted(name: str) -> str:
    """A column's name."""
    return '"' + name.replace('"', '""') + '"'


def _protected(column: str, type_: str, word: str, kept: int) -> str:
    if word == "hmac":
        return f"sha256($outer || unhex(sha256($inner || encode({_text(column, type_)}))))"
    if word == "mask":
        shown = f"case when length({column}) > {kept} then right({column}, {kept}) else '' end"
        return f"repeat('*', length({column}) - length({shown})) || {shown}"
    if word == "year":
        return f"cast(year({column}) as integer)"
    return column


def _text(column: str, type_: str) -> str:
    """A value as `protect` spells it."""
    if type_ == "date":
        return f"strftime({column}, '%Y-%m-%d')"
    if type_ == "timestamp_ntz":
        return f"strftime({column}, '%Y-%m-%d %H:%M:%S.%f')"
    if type_ == "binary":
        return f"lower(hex({column}))"
    text = f"cast({column} as varchar)"
    precision, scale = digits_of(type_) or (0, -1)
    return f"replace({text}, '.', '0.')" if precision == scale else text  # DuckDB leaves out the only digit in front


def _disguises(secret: bytes) -> dict[str, bytes]:
    key = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    return {"inner": bytes(byte ^ 0x36 for byte in key), "outer": bytes(byte ^ 0x5C for byte in key)}
