"""Protection said in DuckDB's words, for its own writer to apply on all cores: byte for byte what `protect` gives.

An HMAC is two hashes, of the key in two disguises before the text and before the first hash (RFC 2104). The disguises
are parameters of the query, so no text of it holds the key.
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
    written = [(quoted(name), type_, *protect.word(name)) for name, type_ in columns]
    selected = [
        f"{_protected(name, type_, word, kept)} as {name}" for name, type_, word, kept in written if word != "drop"
    ]
    text = f"select {', '.join(selected)} from ({query}) as posicional"  # noqa: S608 - names quoted
    hashes = any(word == "hmac" for _, _, word, _ in written)
    return f"{text} {_NO_ROW.format(', '.join(['null'] * len(selected)))}", _disguises(protect.secret) if hashes else {}


_NO_ROW = "union all select {} from range(0)"
"""No row, but every column might have a null: those in which DuckDB sees that there is none it writes as required ones,
and so a dataset's schema would depend on its values.
"""


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
