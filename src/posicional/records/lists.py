"""Repeated fields and groups of fields: list columns. Occurrences are records of their own to the columns inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa

from posicional.contract.layout import Field
from posicional.records.columns import Bad, Column, Fault
from posicional.records.rows import MARGIN, Bytes, Index, Ints, Rows


class ListColumn(Column):
    """`repeat` occurrences of a field: a list of values; of a group of fields: a list of structs."""

    def __init__(self, field: Field, column_of: Callable[[Field], Column]) -> None:
        self._grouped = field.type == "group"
        inner = field.fields if self._grouped else (replace(field, start=0, repeat=1),)
        self._columns = [column_of(one) for one in inner]
        if self._grouped:
            item = pa.struct([pa.field(c.field.name, c.arrow) for c in self._columns])
        else:
            item = self._columns[0].arrow
        super().__init__(field, pa.list_(item))

    @property
    def needs(self) -> int:
        """Bytes a record takes in a batch, about."""
        return self.field.repeat * sum(column.needs for column in self._columns) + 4

    @property
    def cut_is_blank(self) -> bool:
        """The columns inside see for themselves which of their occurrences are cut."""
        return True

    def begin(self, capacity: int) -> None:
        """See `Column`."""
        for column in self._columns:
            column.begin(capacity * self.field.repeat)

    def fill(self, rows: Rows, at: int) -> list[Bad]:
        """See `Column`."""
        inside = self._occurrences(rows)
        found = [
            (number, bad) for number, c in enumerate(self._columns) for bad in c.take(inside, at * self.field.repeat)
        ]
        return self._of_records(found) if found else []

    def finish(self, count: int) -> pa.Array:
        """See `Column`."""
        repeat = self.field.repeat
        arrays = [column.finish(count * repeat) for column in self._columns]
        values = arrays[0]
        if self._grouped:
            values = pa.StructArray.from_arrays(arrays, fields=list(self.arrow.value_type))
        offsets = pa.py_buffer(np.arange(0, count * repeat + 1, repeat, dtype=np.int32))
        return pa.Array.from_buffers(self.arrow, count, [None, offsets], children=[values])

    def _occurrences(self, rows: Rows) -> Rows:
        """Every occurrence as a record of its own, those of a record behind one another."""
        field = self.field
        raw = None if rows.raw is None else self._occurrences(rows.raw)
        cells = rows.matrix(field.start, field.width * field.repeat)
        data: Bytes = np.zeros(cells.size + 2 * MARGIN, np.uint8)
        data[MARGIN:-MARGIN].reshape(cells.shape)[:] = cells
        lengths: Ints | None = None
        if rows.lengths is not None:
            begins = field.start + np.arange(field.repeat) * field.width
            lengths = (rows.lengths[:, None] - begins).reshape(-1)
        count = rows.count * field.repeat
        return Rows(data, MARGIN, field.width, count, rows.ascii, rows.page, rows.work, raw, lengths)

    def _of_records(self, found: list[tuple[int, Bad]]) -> list[Bad]:
        """What is wrong with occurrences, as what is wrong with their records: the first occurrence's first field."""
        places: Index = np.concatenate([bad.rows for _, bad in found])
        causes = np.concatenate([np.full(len(bad.rows), cause) for cause, (_, bad) in enumerate(found)])
        columns = np.array([number for number, _ in found])[causes]
        order = np.lexsort((columns, places))
        records, first = np.unique(places[order] // self.field.repeat, return_index=True)
        cause_of = causes[order][first]
        made = []
        for cause in np.unique(cause_of).tolist():
            number, bad = found[cause]
            name = self._columns[number].field.name
            path = ".".join(filter(None, [name if self._grouped else "", bad.fault.field]))
            fault = Fault(bad.fault.reason, bad.fault.expected, path)
            made.append(Bad(records[cause_of == cause], fault))
        return made
