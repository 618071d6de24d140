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


BATCH_ROWS = 1 << 15
BATCH_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class _Cause:
    """What some records are refused for."""

    kind: str
    field: Field | None
    fault: Fault

    @property
    def name(self) -> str | None:
        """The field's name, dotted below a group; None where it is the record."""
        if self.field is None:
            return None
        return f"{self.field.name}.{self.fault.field}" if self.fault.field else self.field.name


class FrameRejects:
    """The refused records of one frame. The first cause that is told of a record is its reason."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.causes: list[_Cause] = []
        self.cause_of: npt.NDArray[np.int32] | None = None
        self.others: npt.NDArray[np.int32] = np.empty(0, np.int32)

    def add(self, rows: Index, kind: str, field: Field | None, fault: Fault) -> None:
        """Refuse records (numbers within the frame)."""
        if not len(rows):
            return
        if self.cause_of is None:
            self.cause_of = np.full(self.frame.count, -1, np.int32)
            self.others = np.zeros(self.frame.count, np.int32)
        known = self.cause_of[rows] >= 0
        self.others[rows[known]] += 1
        self.cause_of[rows[~known]] = len(self.causes)
        self.causes.append(_Cause(kind, field, fault))

    @property
    def mask(self) -> Mask | None:
        """Which records are refused; None when none is."""
        return None if self.cause_of is None else self.cause_of >= 0


class Rejects:
    """Refused records on their way to Arrow, from frame to frame until they are enough for a batch."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._causes: dict[_Cause, int] = {}
        self._columns: list[tuple[Ints, Ints, npt.NDArray[np.int32], npt.NDArray[np.int32]]] = []
        self._raw: list[pa.Array] = []
        self._count = self._bytes = 0

    def take(self, rejects: FrameRejects) -> Index:
        """Take in what one frame refused; returns the numbers of these records within it."""
        if rejects.cause_of is None:
            return np.empty(0, np.intp)
        rows = np.flatnonzero(rejects.cause_of >= 0)
        known = np.array([self._causes.setdefault(one, len(self._causes)) for one in rejects.causes], np.int32)
        frame = rejects.frame
        columns = (frame.line + rows, frame.offsets(rows), known[rejects.cause_of[rows]], rejects.others[rows])
        self._add(*columns, frame.contents(rows))
        return rows

    def lost(self, line: int, byte: int, reason: str, raw: bytes) -> None:
        """Take in the one reject that stands for all that follows a place where framing was lost."""
        cause = self._causes.setdefault(_Cause("", None, Fault("framing lost", reason)), len(self._causes))
        one = np.ones(1, np.int64)
        self._add(one * line, one * byte, np.array([cause], np.int32), np.zeros(1, np.int32), binary_array([raw]))

    def batch(self, *, last: bool = False) -> pa.RecordBatch | None:
        """The rejects as rows of `SCHEMA`, once there are enough, or at the end."""
        if not self._count or not (last or self._count >= BATCH_ROWS or self._bytes >= BATCH_BYTES):
            return None
        lines, offsets, cause, others = (np.concatenate(parts) for parts in zip(*self._columns, strict=True))
        raw = pa.concat_arrays(self._raw)
        causes = list(self._causes)
        fields = [one.field for one in causes]
        of_field = np.array([one is not None for one in fields])[cause]
        arrays = [
            _pick([self._path], np.zeros(len(cause), np.int64)),
            _ints(lines),
            _ints(offsets),
            _pick([one.kind for one in causes], cause, np.array([bool(one.kind) for one in causes])[cause]),
            _pick([one.name or "" for one in causes], cause, of_field),
            _small([one.start + 1 if one else 0 for one in fields], cause, of_field),
            _small([one.stop if one else 0 for one in fields], cause, of_field),
            _pick([one.fault.reason for one in causes], cause),
            _pick([one.fault.expected for one in causes], cause),
            pa.Array.from_buffers(pa.int32(), len(cause), [None, pa.py_buffer(others)]),
            raw,
        ]
        self._columns, self._raw, self._count, self._bytes = [], [], 0, 0
        return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)

    def _add(
        self, lines: Ints, offsets: Ints, cause: npt.NDArray[np.int32], others: npt.NDArray[np.int32], raw: pa.Array
    ) -> None:
        self._columns.append((lines, offsets, cause, others))
        self._raw.append(raw)
        self._count += len(lines)
        self._bytes += raw.nbytes


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
