"""Rejects: the records that could not be decoded, each with its place, the reason and its raw bytes.

The `reason` is one of a few words, `expected` says more; neither ever holds a value (`raw` does). Reasons of a whole
record: `unknown kind`, `matches two kinds`, `too short`, `too long`, `framing lost`, `not in the encoding`. Reasons of
a field: `required`, `too short` (the record ends within it), `not in the encoding`, `not a number`, `too many digits`,
`not a date` (`time`, `timestamp`, `boolean`), `not allowed`, `out of range`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from posicional.contract.layout import Field
from posicional.records.columns import Fault
from posicional.records.framing import Frame
from posicional.records.rows import Index, Ints, Mask
from posicional.records.text import binary_array, string_array

SCHEMA = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),  # the file's path below incoming
        pa.field("line", pa.int64(), nullable=False),
        pa.field("byte", pa.int64(), nullable=False),
        pa.field("kind", pa.string()),  # null where the kind is not known
        pa.field("field", pa.string()),  # the first field that is wrong; null where it is the record
        pa.field("start", pa.int32()),  # its positions, 1-based and inclusive, in the layout's unit
        pa.field("stop", pa.int32()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("expected", pa.string(), nullable=False),
        pa.field("others", pa.int32(), nullable=False),  # how many more fields of the record are wrong
        pa.field("raw", pa.binary(), nullable=False),  # without the line end or descriptor
    ]
)


@dataclass(frozen=True, slots=True)
class _Cause:
    """What some records of a frame are refused for."""

    kind: str
    field: Field | None
    fault: Fault


class FrameRejects:
    """The refused records of one frame. The first cause that is told of a record is its reason."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._causes: list[_Cause] = []
        self._cause_of: npt.NDArray[np.int32] | None = None
        self._others: npt.NDArray[np.int32] = np.empty(0, np.int32)

    def add(self, rows: Index, kind: str, field: Field | None, fault: Fault) -> None:
        """Refuse records (numbers within the frame)."""
        if not len(rows):
            return
        if self._cause_of is None:
            self._cause_of = np.full(self._frame.count, -1, np.int32)
            self._others = np.zeros(self._frame.count, np.int32)
        known = self._cause_of[rows] >= 0
        self._others[rows[known]] += 1
        self._cause_of[rows[~known]] = len(self._causes)
        self._causes.append(_Cause(kind, field, fault))

    @property
    def mask(self) -> Mask | None:
        """Which records are refused; None when none is."""
        return None if self._cause_of is None else self._cause_of >= 0

    @property
    def rows(self) -> Index:
        """The refused records' numbers."""
        return np.flatnonzero(self._cause_of >= 0) if self._cause_of is not None else np.empty(0, np.intp)

    def batch(self, path: str) -> pa.RecordBatch | None:
        """The rejects as rows of `SCHEMA`."""
        if self._cause_of is None:
            return None
        rows = self.rows
        frame = self._frame
        cause = self._cause_of[rows]
        causes = self._causes
        fields = [one.field for one in causes]
        names = [
            f"{one.name}.{c.fault.field}" if c.fault.field else one.name
            for c, one in zip(causes, fields, strict=True)
            if one
        ]
        name_of = np.cumsum([one is not None for one in fields]) - 1
        has_field = np.array([one is not None for one in fields])
        has_kind = np.array([bool(one.kind) for one in causes])
        arrays = [
            _pick([path], np.zeros(len(rows), np.int64)),
            _ints(frame.line + rows),
            _ints(frame.offsets(rows)),
            _pick([one.kind for one in causes], cause, has_kind[cause]),
            _pick(names or [""], np.maximum(name_of, 0)[cause], has_field[cause]),
            _small([one.start + 1 if one else 0 for one in fields], cause, has_field[cause]),
            _small([one.stop if one else 0 for one in fields], cause, has_field[cause]),
            _pick([one.fault.reason for one in causes], cause),
            _pick([one.fault.expected for one in causes], cause),
            pa.Array.from_buffers(pa.int32(), len(rows), [None, pa.py_buffer(self._others[rows])]),
            binary_array([frame.content(row) for row in rows.tolist()]),
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def lost(path: str, line: int, byte: int, reason: str, raw: bytes) -> pa.RecordBatch:
    """The one reject that stands for all that follows a place where framing was lost."""
    one = np.zeros(1, np.int64)
    none = np.zeros(1, bool)
    arrays = [
        string_array([path]),
        _ints(one + line),
        _ints(one + byte),
        _pick([""], one, none),
        _pick([""], one, none),
        _small([0], one, none),
        _small([0], one, none),
        string_array(["framing lost"]),
        string_array([reason]),
        _small([0], one, ~none),
        binary_array([raw]),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _pick(texts: list[str], index: npt.NDArray[np.integer], valid: Mask | None = None) -> pa.Array:
    """The text that each index names, null where it is not valid."""
    places = pa.Array.from_buffers(pa.int64(), len(index), [_bits(valid), pa.py_buffer(index.astype(np.int64))])
    return string_array(texts).take(places)


def _small(values: list[int], index: npt.NDArray[np.integer], valid: Mask) -> pa.Array:
    found = np.array(values, np.int32)[index]
    return pa.Array.from_buffers(pa.int32(), len(index), [_bits(valid), pa.py_buffer(found)])


def _ints(values: Ints) -> pa.Array:
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(np.ascontiguousarray(values, np.int64))])


def _bits(valid: Mask | None) -> pa.Buffer | None:
    return None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
