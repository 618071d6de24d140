"""Records of one kind as a matrix: the geometry that every decoder reads through.

A `Rows` never copies: it is an address computation over a flat buffer. There are at least `MARGIN` bytes in front of
the first record and behind the last one, so that eight bytes may be loaded at any position of any record.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posicional.records.pages import Page

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]
Ints = npt.NDArray[np.int64]

MARGIN = 8


class Work:
    """Scratch for one thread: word-sized arrays that stay in the cache from one field to the next."""

    def __init__(self, rows: int) -> None:
        self._arrays = [np.empty(rows, np.uint64) for _ in range(4)]

    def words(self, which: int, count: int) -> Words:
        """Scratch number `which` for `count` rows; what was in it is lost."""
        if len(self._arrays[which]) < count:
            self._arrays[which] = np.empty(count, np.uint64)
        return self._arrays[which][:count]


@dataclass(slots=True)
class Rows:
    """`count` records of which number i begins at `first + i * stride` in `data` (flat, uint8).

    `ascii`: every byte of every record is known to be below 128. `raw` has the same records before translation.
    `lengths`: how many bytes of each record the file really has, where some were filled up with blanks; else None.
    """

    data: Bytes
    first: int
    stride: int
    count: int
    ascii: bool
    page: Page
    work: Work
    raw: Rows | None = None
    lengths: Ints | None = None

    def words(self, start: int) -> Words:
        """Eight bytes at `start` of every record (it may be negative: bytes in front), little-endian, as a view."""
        return np.ndarray((self.count,), "<u8", self.data.data, self.first + start, (self.stride,))

    def pairs(self, start: int) -> npt.NDArray[np.uint16]:
        """Two bytes at `start` of every record, little-endian, as a view."""
        return np.ndarray((self.count,), "<u2", self.data.data, self.first + start, (self.stride,))

    def column(self, start: int) -> Bytes:
        """One byte at `start` of every record, as a view."""
        return np.ndarray((self.count,), np.uint8, self.data.data, self.first + start, (self.stride,))

    def matrix(self, start: int, width: int) -> Bytes:
        """(count, width) bytes from `start`, as a view."""
        return np.ndarray((self.count, width), np.uint8, self.data.data, self.first + start, (self.stride, 1))

    def cut(self, start: int, width: int, index: Index) -> Rows:
        """The field at `start` of the chosen records, copied: records of `width` bytes that may be changed."""
        cells = self.matrix(start - MARGIN, width + 2 * MARGIN)[index]
        return Rows(cells.reshape(-1), MARGIN, width + 2 * MARGIN, len(index), self.ascii, self.page, self.work)

    def before(self) -> Rows:
        """The same records as they stand in the file, for fields that are not text."""
        return self.raw or self


def gather(data: Bytes, starts: Ints, width: int) -> Bytes:
    """Copy `width` bytes from each of `starts`, and `MARGIN` bytes on both sides, into a (count, ...) matrix.

    Reads so far whatever a record's own length: `data` must reach. Indexing overlapping windows copies row by row with
    memcpy; `np.take` would first make all the windows real.
    """
    size = width + 2 * MARGIN
    windows = np.ndarray((len(data) - size + 1, size), np.uint8, data.data, 0, (1, 1))
    found: Bytes = windows[starts - MARGIN]
    return found


def distinct(words: Words) -> Words:
    """The different words among these, sorted. `np.unique` would do, but it loads numpy's masked arrays."""
    ordered = np.sort(words)
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]
