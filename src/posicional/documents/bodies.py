r"""Arrow batches as the bodies of OpenSearch's `_bulk`, built column by column.

Each column becomes a text column of JSON fragments, a null becomes nothing, and the fragments of a row are joined; no
value ever becomes a Python object. Numbers keep every digit, since their text is Arrow's own.

A document's id is made of its key: the same row always has the same id, and two keys never share one. Parts are joined
with `|`; a `|` or `\` within a part has a `\` before it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from posicional.documents.mapping import LINEAGE, OWN, is_number
from posicional.errors import DataRefused
from posicional.ports import Body

LIMIT = 8 << 20
"""Bytes of one request: small domain instances take 10 MiB."""

LONGEST_ID = 512
"""Bytes of an id: OpenSearch's limit."""

_PLAIN_SCALE = 6
"""Arrow writes decimals of more decimals with an exponent where they are small."""


def bodies(
    batches: Iterable[pa.RecordBatch],
    *,
    key: Sequence[str],
    extra: Mapping[str, Any],
    hashed: bytes = b"",
    limit: int = LIMIT,
) -> Iterator[Body]:
    """The bodies of requests that index every row of `batches`, each of at most `limit` bytes.

    A document that is larger by itself is a body of its own. `key` names the columns of the id; where one of them is
    personal, `hashed` is the secret with which ids are hashed (HMAC-SHA256). `extra` (at least one value) stands in
    each document's `posicional` object. Raises `DataRefused` for a key that holds a null.
    """
    first_row = 0
    for batch in batches:
        lines = documents(batch, ids(batch, key, hashed), extra)
        for data, rows in _cut(lines, limit):
            yield Body(data, rows, first_row)
            first_row += rows


def ids(batch: pa.RecordBatch, key: Sequence[str], hashed: bytes = b"") -> pa.Array:
    """The id of each row, as text. Raises `DataRefused` where a key column is null."""
    parts = [_escaped_part(_text(_column(batch, name))) for name in key]
    if any(part.null_count for part in parts):
        raise DataRefused("a row has no key", expected=f"{', '.join(key)} never to be null", hint="run the day again")
    joined = parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "|")
    if hashed:
        return pa.array([_hash(value.as_py(), hashed) for value in joined], pa.string())
    joined = pc.if_else(pc.equal(joined, ""), "\\0", joined)  # OpenSearch takes no empty id; no other text becomes this
    if (pc.max(pc.binary_length(joined)).as_py() or 0) > LONGEST_ID:
        long = [value.as_py() for value in joined]
        return pa.array([f"\\h{_digest(v)}" if len(v.encode()) > LONGEST_ID else v for v in long], pa.string())
    return joined


def documents(batch: pa.RecordBatch, names: pa.Array, extra: Mapping[str, Any]) -> pa.Array:
    """Two lines of text for each row: the action with its id, and the document."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    own = json.dumps(dict(extra), ensure_ascii=False, separators=(",", ":"))[:-1]
    parts: list[Any] = ['{"index":{"_id":', _json_text(names), f'}}}}\n{{"{OWN}":{own}']
    parts += [_fragment(name, columns[column]) for column, name in LINEAGE.items() if column in columns]
    parts.append("}")
    parts += [_fragment(name, column) for name, column in columns.items() if name not in LINEAGE]
    parts.append("}\n")
    return pc.binary_join_element_wise(*parts, "", null_handling="replace", null_replacement="")


def _cut(lines: pa.Array, limit: int) -> Iterator[tuple[bytes, int]]:
    """The text of whole rows, as many as fit into `limit` bytes, at least one."""
    if not len(lines):
        return
    offsets = np.frombuffer(lines.buffers()[1], np.int32)[lines.offset : lines.offset + len(lines) + 1]
    data = memoryview(lines.buffers()[2])
    start = 0
    while start < len(lines):
        stop = int(np.searchsorted(offsets, int(offsets[start]) + limit, side="right")) - 1
        stop = max(stop, start + 1)
        yield bytes(data[offsets[start] : offsets[stop]]), stop - start
        start = stop


# --- columns as text --------------------------------------------------------------------------------------------------


def _fragment(name: str, column: pa.Array) -> pa.Array:
    """`,"name":value` for each row, null where the value is."""
    return pc.binary_join_element_wise(f",{json.dumps(name, ensure_ascii=False)}:", _json(column), "")


def _json(column: pa.Array) -> pa.Array:
    """Each value as JSON: a number or a truth as it is, anything else as text."""
    text = _text(column)
    type_ = column.type
    if pa.types.is_boolean(type_) or is_number(type_):
        return text
    plain = pa.types.is_date(type_) or pa.types.is_timestamp(type_) or pa.types.is_decimal(type_)
    return pc.binary_join_element_wise('"', text, '"', "") if plain else _json_text(text)


def _json_text(text: pa.Array) -> pa.Array:
    """Text in double quotes, with what JSON asks to be escaped."""
    if pc.any(pc.match_substring_regex(text, r'[\x00-\x1f"\\]')).as_py():
        for character in ("\\", '"', *map(chr, range(32))):
            text = pc.replace_substring(text, character, json.dumps(character)[1:-1])
    return pc.binary_join_element_wise('"', text, '"', "")


def _text(column: pa.Array) -> pa.Array:
    """Each value as text: numbers in full, dates and moments as ISO 8601, bytes in base64."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    type_ = column.type
    if pa.types.is_string(type_):
        return column
    if pa.types.is_timestamp(type_):
        return pc.replace_substring(pc.cast(column, pa.string()), " ", "T")
    if pa.types.is_decimal(type_) and type_.scale > _PLAIN_SCALE:
        return pa.array([None if (v := value.as_py()) is None else f"{v:f}" for value in column], pa.string())
    if pa.types.is_binary(type_):
        return pa.array([None if (v := x.as_py()) is None else base64.b64encode(v).decode() for x in column])
    return pc.cast(column, pa.string())


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column by its name, whatever the case: SQL does not mind it."""
    position = [each.lower() for each in batch.schema.names].index(name.lower())
    return batch.column(position)


# --- ids --------------------------------------------------------------------------------------------------------------


def _escaped_part(text: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(text, r"[\\|]")).as_py():
        text = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), "|", "\\|")
    return text


def _hash(value: str, secret: bytes) -> str:
    return hmac.new(secret, value.encode(), hashlib.sha256).hexdigest()


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
