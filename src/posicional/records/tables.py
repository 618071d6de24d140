"""Tables in the making: the columns of one kind of record, filled frame by frame, handed out batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import pyarrow as pa

from posicional.contract.layout import Field, RecordKind
from posicional.records.columns import Fault
from posicional.records.conversion import Value
from posicional.records.decode import columns_of, looked_at
from posicional.records.numbers import NumberColumn
from posicional.records.rows import Index, Ints, Mask, Rows
from posicional.records.text import string_array

BATCH_ROWS = 1 << 17
BATCH_BYTES = 24 << 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """Records (numbers within what was filled) of which a field is refused."""

    rows: Index
    field: Field
    fault: Fault


class Table:
    """One kind of record on its way to Arrow: its fields, and where each row came from."""

    def __init__(self, kind: RecordKind, name: str, path: str, *, grouped: bool, compact: bool = False) -> None:
        self.kind = kind
        self.name = name
        self.columns = columns_of(kind.fields, compact=compact)
        self._asked = columns_of(looked_at(kind)) if kind.is_control else []
        self._path = path
        self._grouped = grouped
        row = 16 + sum(column.needs for column in self.columns)
        # Control records are few and handed out at once; a batch of others is as large as memory allows.
        self._capacity = 0 if kind.is_control else max(1 << 12, min(BATCH_ROWS, BATCH_BYTES // row))
        self._keep: Mask | None = None
        self._ready: list[pa.Array] | None = None
        self._room = 0
        self.count = 0

    @property
    def schema(self) -> pa.Schema:
        """The fields' types, then `_file`, `_line`, `_byte` and, where there are groups, `_group`."""
        fields = [pa.field(c.field.name, c.arrow, nullable=not c.field.required) for c in self.columns]
        fields.append(pa.field("_file", pa.dictionary(pa.int32(), pa.string()), nullable=False))
        fields += [pa.field(name, pa.int64(), nullable=False) for name in ("_line", "_byte")]
        return pa.schema(fields + ([pa.field("_group", pa.int64())] if self._grouped else []))

    def has_room(self, count: int) -> bool:
        """Whether so many more records fit the batch."""
        return self.count + count <= self._room

    def begin(self, count: int) -> None:
        """Begin a batch with room for at least `count` records."""
        self._room = max(self._capacity, count)
        for column in (*self.columns, *self._asked):
            column.begin(self._room)
        self._lines = np.empty(self._room, np.int64)
        self._bytes = np.empty(self._room, np.int64)
        self._groups = np.empty(self._room if self._grouped else 0, np.int64)
        self._keep = None
        self._ready = None
        self.count = 0

    def fill(self, rows: Rows) -> list[Refusal]:
        """Decode records behind those that are there."""
        return [
            Refusal(bad.rows, column.field, bad.fault)
            for column in (*self.columns, *self._asked)
            for bad in column.take(rows, self.count)
        ]

    def group(self, groups: Ints) -> None:
        """The groups of the records filled last: their headers' lines, 0 for none."""
        self._groups[self.count - len(groups) : self.count] = groups

    def place(self, lines: Ints, at: Ints, keep: Mask | None) -> None:
        """Where the records that were just filled came from, and which of them are kept."""
        begin, end = self.count, self.count + len(lines)
        self._lines[begin:end] = lines
        self._bytes[begin:end] = at
        if keep is not None:
            if self._keep is None:
                self._keep = np.ones(self._room, bool)
            self._keep[begin:end] = keep
        self.count = end

    def sums(self, field: str, count: int, keep: Mask | None, cuts: Ints) -> list[int]:
        """Unscaled sums of a field of the `count` records filled last, for each stretch between neighbouring `cuts`."""
        column = next(c for c in self.columns if c.field.name == field)
        return cast(NumberColumn, column).sums(self.count - count, count, keep, cuts)

    def kept_values(self) -> list[tuple[dict[str, Value], tuple[Value, ...]]]:
        """Of every kept control record: its values by field, and what its controls and checks look at, in their order.

        Control records are flushed frame by frame, so that the batch holds those of one frame; it is left as it is.
        """
        count = self.count
        arrays = [*self._arrays(), *(column.finish(count) for column in self._asked)]
        if self._keep is not None:
            # What a refused record holds means nothing, and may not even be a text or a date that Python knows.
            arrays = [array.filter(_bits(self._keep[:count])) for array in arrays]
        columns = [array.to_pylist() for array in arrays]
        names = [column.field.name for column in self.columns]
        return (
            [(dict(zip(names, row, strict=False)), tuple(row[len(names) :])) for row in zip(*columns, strict=True)]
            if columns
            else [({}, ())] * (count if self._keep is None else int(self._keep[:count].sum()))
        )

    def _arrays(self) -> list[pa.Array]:
        """The fields' arrays of the batch, refused records included."""
        if self._ready is None:
            self._ready = [column.finish(self.count) for column in self.columns]
        return list(self._ready)

    def flush(self) -> pa.RecordBatch | None:
        """The batch, without refused records; None when nothing is left."""
        count = self.count
        if not count:
            return None
        arrays = self._arrays()
        self._ready = None
        zeros = pa.py_buffer(np.zeros(count, np.int32))
        index = pa.Array.from_buffers(pa.int32(), count, [None, zeros])
        arrays.append(pa.DictionaryArray.from_arrays(index, string_array([self._path])))
        arrays += [_int64(self._lines[:count]), _int64(self._bytes[:count])]
        if self._grouped:
            arrays.append(_int64(self._groups[:count], self._groups[:count] == 0))
        keep = self._keep
        self.count = self._room = 0
        if keep is not None:
            arrays = [array.filter(_bits(keep[:count])) for array in arrays]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
        return batch if batch.num_rows else None


def _bits(mask: Mask) -> pa.Array:
    """A mask as Arrow's booleans."""
    return pa.Array.from_buffers(pa.bool_(), len(mask), [None, pa.py_buffer(np.packbits(mask, bitorder="little"))])


def _int64(values: Ints, nulls: Mask | None = None) -> pa.Array:
    valid = None if nulls is None or not nulls.any() else pa.py_buffer(np.packbits(~nulls, bitorder="little"))
    return pa.Array.from_buffers(pa.int64(), len(values), [valid, pa.py_buffer(values)])
