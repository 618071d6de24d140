"""Text as a dictionary, wherever records share their texts: each different one is trimmed, decoded and written once.

A frame's bytes are only copied. When the batch is full, Arrow finds the different ones among all of them, and the rules
of text are applied to these. With as many as a quarter of a batch's records it still takes less than half the time of
plain text, most of which is compression; where nearly every record has a text of its own it would take longer, which
the first frame shows.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from posicional.contract.layout import Field
from posicional.records.columns import BLANK, NO_TEXT, REQUIRED, Bad, blank_rows
from posicional.records.pages import HALF, UTF8, Page
from posicional.records.rows import Bytes, Index, Rows
from posicional.records.text import TextColumn, string_array, undecodable

TYPE = pa.dictionary(pa.int32(), pa.string())

_SHARE = 0.6
"""At most so many different texts among the records of the first frame. Of 16,384 that means some 15,000 in all, if
each is as frequent as any other."""


class DictionaryTextColumn(TextColumn):
    """A text as a dictionary if the first frame's records share theirs, else as it is."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        # What is refused must be known at once, not when the batch is full: here for blanks and what is no character.
        self._waits = not field.enum and not (field.required and field.missing)
        self._shares: bool | None = None if self._waits else False
        self._cells: Bytes = np.empty((0, field.width), np.uint8)
        self._page: Page = UTF8
        self._high = False
        self._begin = 0

    def begin(self, capacity: int) -> None:
        """See `Column`."""
        super().begin(capacity)
        self._begin = 0
        if self._waits:
            self._cells = np.empty((capacity, self.field.width), np.uint8)

    def fill(self, rows: Rows, at: int) -> list[Bad]:
        """See `Column`."""
        if not self._waits:
            return super().fill(rows, at)
        if rows.page is not self._page:  # the same bytes are other texts from here on
            self._close(at)
            self._page = rows.page
        cells = self._cells[at : at + rows.count]
        cells[:] = rows.matrix(self.field.start, self.field.width)
        if self._shares is None:
            self._shares = len(_fixed(cells).unique()) <= max(2, rows.count * _SHARE)
            self.arrow = TYPE if self._shares else self.arrow
        bad: list[Bad] = []
        wrong: Index = np.empty(0, np.intp)
        if not rows.ascii and cells.max(initial=0) >= HALF:
            self._high = True
            wrong = undecodable(cells, rows.page)
            if len(wrong):
                bad.append(Bad(wrong, NO_TEXT))
        if self.field.required and (cells[:, 0] == BLANK).any():
            blank = blank_rows(cells)
            if blank.any():
                bad.append(Bad(np.flatnonzero(blank), REQUIRED))
        cells[wrong] = BLANK
        return bad

    def finish(self, count: int) -> pa.Array:
        """See `Column`."""
        if not self._waits:
            return super().finish(count)
        self._close(count)
        self._cells = np.empty((0, self.field.width), np.uint8)
        chunks, self._chunks = self._chunks, []
        if len(chunks) > 1:
            return pa.chunked_array(chunks).unify_dictionaries().combine_chunks()
        return chunks[0] if chunks else string_array(())

    def _close(self, end: int) -> None:
        """The records since the last call, up to `end`, become an array."""
        cells = self._cells[self._begin : end]
        page, self._begin = self._page if self._high else None, end
        self._high = False
        if not len(cells):
            return
        if not self._shares:
            self._chunks.append(self.texts(cells, page)[0])
            return
        coded = _fixed(cells).dictionary_encode()
        known = np.frombuffer(coded.dictionary.buffers()[1], np.uint8)[: len(coded.dictionary) * cells.shape[1]]
        # Texts that differ in blanks alone become one, and those that say nothing none.
        merged = self.texts(known.reshape(-1, cells.shape[1]), page)[0].dictionary_encode()
        index = merged.indices.take(coded.indices)
        self._chunks.append(pa.DictionaryArray.from_arrays(index, merged.dictionary, safe=False))


def _fixed(cells: Bytes) -> pa.Array:
    """The rows of a contiguous (count, width) matrix, nothing copied."""
    count, width = cells.shape
    return pa.Array.from_buffers(pa.binary(width), count, [None, pa.py_buffer(cells)])
