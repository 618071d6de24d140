"""The records of a frame as `Rows`: where they stand if they are neighbours of one length, else copied together."""

from __future__ import annotations

import numpy as np

from posicional.records.framing import Frame
from posicional.records.kinds import numbers
from posicional.records.pages import Page
from posicional.records.rows import MARGIN, Index, Ints, Rows, Work, gather


def view_of(frame: Frame, rows: slice | Index, length: int, page: Page, work: Work) -> Rows:
    """`length` bytes of each of the records, blanks behind the end of those that are shorter, in the inner bytes."""
    page = frame.page or page
    index = numbers(rows)
    short = _short(frame, index, length)
    if frame.stride and isinstance(rows, slice) and short is None:
        data, first, stride = frame.data, int(frame.starts[rows.start]), frame.stride
    else:
        cells = gather(frame.data, frame.starts[index], length)
        if short is not None:
            content = cells[:, MARGIN : MARGIN + length]
            content[np.arange(length) >= short[:, None]] = page.blank
        data, first, stride = cells.reshape(-1), MARGIN, length + 2 * MARGIN
    raw = Rows(data, first, stride, len(index), frame.ascii, page, work, lengths=short)
    if page.table is None:
        return raw
    inner = page.inner(data[first - MARGIN : first + len(index) * stride + MARGIN].tobytes())
    flat = np.frombuffer(inner, np.uint8)
    return Rows(flat, MARGIN, stride, len(index), inner.isascii(), page, work, raw, short)


def _short(frame: Frame, index: Ints, length: int) -> Ints | None:
    """The records' lengths, if some of them are shorter."""
    if isinstance(frame.lengths, int):
        return np.full(len(index), frame.lengths, np.int64) if frame.lengths < length else None
    lengths = frame.lengths[index]
    return lengths if len(lengths) and int(lengths.min()) < length else None
