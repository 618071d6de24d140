"""What every decoder of a field is: a column that is filled frame by frame and becomes one Arrow array per batch.

A column proves a whole frame valid in a few vector operations. Only the records for which that fails (a blank, a
`missing` spelling, blanks in front of a number, or rubbish) are looked at again, spelling by spelling, so that clean
data never pays for dirty data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from posicional.contract.layout import Field
from posicional.records.rows import Index, Mask, Rows

BLANK = 0x20


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a value is refused: `reason` and what was `expected`, without the value. `field` below a group: dotted."""

    reason: str
    expected: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Bad:
    """Records (numbers within the frame) whose field is refused for one reason."""

    rows: Index
    fault: Fault


REQUIRED = Fault("required", "a value")
NO_TEXT = Fault("not in the encoding", "whole characters of the layout's encoding")

CUT = Fault("too short", "the whole field")

D = TypeVar("D", bound=np.generic)


class Column(ABC):
    """One field of one kind of record. Not shared between threads."""

    def __init__(self, field: Field, arrow: pa.DataType) -> None:
        self.field = field
        self.arrow = arrow

    @abstractmethod
    def begin(self, capacity: int) -> None:
        """Make room for a batch of up to `capacity` records."""

    @abstractmethod
    def fill(self, rows: Rows, at: int) -> list[Bad]:
        """Decode a frame's records as the batch's records from `at` on; refused ones hold anything."""

    @abstractmethod
    def finish(self, count: int) -> pa.Array:
        """The batch's first `count` records. The column must begin anew after it."""

    def take(self, rows: Rows, at: int) -> list[Bad]:
        """`fill`, and refuse records that end within the field; each record at most once."""
        found = self.fill(rows, at)
        if rows.lengths is not None and not self.cut_is_blank:
            cut = np.flatnonzero(rows.lengths < self.field.stop)
            found = [Bad(cut, CUT), *found] if len(cut) else found
        return once(found)

    @property
    def needs(self) -> int:
        """Bytes a record takes in a batch, about."""
        return self.field.width * self.field.repeat + 8

    @property
    def cut_is_blank(self) -> bool:
        """Whether a record that ends within the field may be filled with blanks: optional text, else never."""
        return self.field.type == "string" and not self.field.required


class ValueColumn(Column, Generic[D]):
    """A column of fixed-size values, with nulls where some are."""

    def __init__(self, field: Field, arrow: pa.DataType, dtype: type[D]) -> None:
        super().__init__(field, arrow)
        self._dtype = dtype
        self.values: npt.NDArray[D] = np.empty(0, dtype)
        self.nulls: Mask | None = None

    def begin(self, capacity: int) -> None:
        """See `Column`."""
        self.values = np.empty(capacity, self._dtype)
        self.nulls = None

    def set_null(self, rows: Index, at: int) -> list[Bad]:
        """Make these records null; where a value is required they are refused instead."""
        if not len(rows):
            return []
        if self.nulls is None:
            self.nulls = np.zeros(len(self.values), bool)
        self.nulls[at + rows] = True
        self.values[at + rows] = 0
        return [Bad(rows, REQUIRED)] if self.field.required else []

    def null_of(self, at: int, count: int) -> Mask | None:
        """Which records of a frame are null; None when none is."""
        return None if self.nulls is None else self.nulls[at : at + count]

    def validity(self, count: int) -> pa.Buffer | None:
        """Arrow's bitmap of the batch's first `count` records."""
        if self.nulls is None or not self.nulls[:count].any():
            return None
        return pa.py_buffer(np.packbits(~self.nulls[:count], bitorder="little"))

    def finish(self, count: int) -> pa.Array:
        """See `Column`."""
        array = pa.Array.from_buffers(self.arrow, count, [self.validity(count), pa.py_buffer(self.values[:count])])
        self.begin(0)
        return array


def once(found: list[Bad]) -> list[Bad]:
    """The same, each record once: with the first of its faults."""
    if len(found) < 2:
        return found
    made: list[Bad] = []
    seen: Index = np.empty(0, np.intp)
    for one in found:
        rows = one.rows[~np.isin(one.rows, seen)]
        seen = np.concatenate([seen, rows])
        if len(rows):
            made.append(Bad(rows, one.fault))
    return made


def blank_rows(cells: npt.NDArray[np.uint8]) -> Mask:
    """Which rows of a (count, width) matrix are all blanks."""
    blank: Mask = (cells == BLANK).all(axis=1)
    return blank


def strangers(field: Field, usual: str) -> Mask:
    """By byte: whether it is an ASCII character that no value of the field has, nor a spelling of nothing.

    `usual`: the characters that values are made of.
    """
    known = np.zeros(256, bool)
    known[128:] = True  # what these mean, the page says
    known[[ord(char) for char in " " + usual + "".join(field.missing) if char.isascii()]] = True
    return ~known


def spelled(rows: Rows, start: int, width: int, index: Index) -> dict[bytes, list[int]]:
    """The distinct inner bytes of a field in the chosen records, each with the places in `index` where it stands."""
    cells = rows.matrix(start, width)[index].tobytes()
    found: dict[bytes, list[int]] = {}
    for place in range(len(index)):
        found.setdefault(cells[place * width : (place + 1) * width], []).append(place)
    return found


def is_missing(field: Field, text: str) -> bool:
    """Whether the text says nothing: blank, or one of the field's spellings as it stands or trimmed."""
    trimmed = text.strip(" ")
    return not trimmed or text in field.missing or trimmed in field.missing
