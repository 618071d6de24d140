r"""Arrow batches as the bodies of OpenSearch's `_bulk`, built column by column.

Each column becomes text, and the texts of a row are joined in one go with what stands between them; no value ever
becomes a Python object. Numbers keep every digit, since their text is Arrow's own.

A document's id is made of its key: the same row always has the same id, and two keys never share one. Parts are joined
with `|`; a `|` or `\` within a part has a `\` before it.

A row that says that its document is gone becomes a document that says so, and nothing else: OpenSearch forgets after a
minute which version of a document was removed, and would then take an older one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from posicional.documents.mapping import LINEAGE, OWN, is_number
from posicional.errors import DataRefused, UsageError
from posicional.ports import Body

LIMIT = 8 << 20
"""Bytes of one request: small domain instances take 10 MiB."""

LONGEST_ID = 512
"""Bytes of an id: OpenSearch's limit."""

_PLAIN_SCALE = 6
"""Arrow writes decimals of more decimals with an exponent where they are small."""

_PER_MINUTE = {"s": 60, "ms": 60_000, "us": 60_000_000, "ns": 60_000_000_000}


@dataclass(frozen=True, slots=True)
class Form:
    """How rows are written as documents.

    `zone`: moments get its offset (a wall clock is taken for its time; a moment is shown in it); None: none has one.
    `nulls`: a null stands in the document; else its field is left out. `version`: replaces only what has none that is
    newer; 0: replaces anything. `deleted`: the boolean column that says that a document is gone.
    """

    zone: ZoneInfo | None = None
    nulls: bool = False
    version: int = 0
    deleted: str = ""


PLAIN = Form()


def bodies(
    batches: Iterable[pa.RecordBatch],
    *,
    key: Sequence[str],
    extra: Mapping[str, Any],
    form: Form = PLAIN,
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
        lines = documents(batch, ids(batch, key, hashed), extra, form)
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


def documents(batch: pa.RecordBatch, names: pa.Array, extra: Mapping[str, Any], form: Form = PLAIN) -> pa.Array:
    """Two lines of text for each row: the action with its id, and the document."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    own = json.dumps(dict(extra), ensure_ascii=False, separators=(",", ":"))[:-1]
    versioned = f',"version":{form.version},"version_type":"external_gte"' if form.version else ""
    action: list[Piece] = ['{"index":{"_id":"', _escaped(names), f'"{versioned}}}}}\n']
    lineage = [_named(name, columns[column], PLAIN) for column, name in LINEAGE.items() if column in columns]
    gone = _name(batch, form.deleted) if form.deleted else ""
    fields = [_named(name, column, form) for name, column in columns.items() if name not in (*LINEAGE, gone)]
    rest: list[Piece] = ["}", *chain(*fields), "}\n"]
    if gone:
        is_gone = pc.fill_null(columns[gone], fill_value=False)
        rest = [pc.if_else(is_gone, ',"deleted":true}}\n', _joined(rest))]
    return _joined([*action, f'{{"{OWN}":{own}', *chain(*lineage), *rest])


Piece = Any
"""A part of every row's text: the same for all, or a column of texts."""


def _joined(pieces: Iterable[Piece]) -> pa.Array:
    """The pieces of each row, one after another, a null being nothing. At least one is a column."""
    parts: list[Any] = []
    for piece in pieces:
        if parts and isinstance(piece, str) and isinstance(parts[-1], str):
            parts[-1] += piece
        else:
            parts.append(piece)
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


def _named(name: str, column: pa.Array, form: Form) -> list[Piece]:
    """`,"name":value` for each row; nothing where it has none, unless nulls are to be written."""
    type_ = column.type
    text = _moments(column, form.zone) if pa.types.is_timestamp(type_) else _text(column)
    bare = pa.types.is_boolean(type_) or is_number(type_)
    plain = bare or pa.types.is_date(type_) or pa.types.is_timestamp(type_) or pa.types.is_decimal(type_)
    quote = "" if bare else '"'
    before = f",{json.dumps(name, ensure_ascii=False)}:"
    value: list[Piece] = [f"{before}{quote}", text if plain else _escaped(text), quote]
    if not text.null_count:
        return value
    whole = pc.binary_join_element_wise(*value, "")
    return [pc.fill_null(whole, f"{before}null") if form.nulls else whole]


def _moments(column: pa.Array, zone: ZoneInfo | None) -> pa.Array:
    """Moments as ISO 8601, with the zone's offset."""
    if zone is None or not len(column):
        return _text(column)
    unit = column.type.unit
    if column.type.tz is None:
        clock = column
        moment = pc.assume_timezone(column, zone.key, ambiguous="earliest", nonexistent="latest")
    else:
        moment = column.cast(pa.timestamp(unit, zone.key))
        clock = pc.local_timestamp(moment)
    # OpenSearch takes no seconds in an offset, as local times before the age of railways have them.
    ahead = pc.subtract(clock.cast(pa.int64()), moment.cast(pa.int64()))
    minutes = pc.divide(ahead, _PER_MINUTE[unit]).dictionary_encode()
    offsets = pa.array(
        [None if each is None else _offset(each) for each in minutes.dictionary.to_pylist()], pa.string()
    )
    return pc.binary_join_element_wise(_text(clock), offsets.take(minutes.indices), "")


def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"


def _escaped(text: pa.Array) -> pa.Array:
    """The text as it stands between the double quotes of JSON."""
    data = _bytes(text)
    if np.any((data < 0x20) | (data == ord('"')) | (data == ord("\\"))):
        for character in ("\\", '"', *map(chr, range(32))):
            text = pc.replace_substring(text, character, json.dumps(character)[1:-1])
    return text


def _bytes(text: pa.Array) -> npt.NDArray[np.uint8]:
    """All that a column of texts holds, one after another."""
    _, ends, data = text.buffers()
    if data is None:
        return np.empty(0, np.uint8)
    offsets = np.frombuffer(ends, np.int32)[text.offset : text.offset + len(text) + 1]
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]


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
    return batch.column(_name(batch, name))


def _name(batch: pa.RecordBatch, name: str) -> str:
    """What a column is called there, whatever the case: SQL does not mind it."""
    for each in batch.schema.names:
        if each.lower() == name.lower():
            return str(each)
    raise UsageError(f"the dataset has no column {name!r}", hint="name one that its SQL gives")


# --- ids --------------------------------------------------------------------------------------------------------------


def _escaped_part(text: pa.Array) -> pa.Array:
    data = _bytes(text)
    if np.any((data == ord("\\")) | (data == ord("|"))):
        text = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), "|", "\\|")
    return text


def _hash(value: str, secret: bytes) -> str:
    return hmac.new(secret, value.encode(), hashlib.sha256).hexdigest()


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
