"""Text, spelled booleans and bytes."""

from __future__ import annotations

import codecs
from functools import cache
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from posicional.contract.layout import Field
from posicional.records.columns import (
    BLANK,
    NO_TEXT,
    REQUIRED,
    Bad,
    Column,
    Fault,
    ValueColumn,
    blank_rows,
    is_missing,
    spelled,
)
from posicional.records.pages import HALF, Page
from posicional.records.rows import Bytes, Index, Mask, Rows

_TRIM = {"both": pc.ascii_trim, "left": pc.ascii_ltrim, "right": pc.ascii_rtrim}


class TextColumn(Column):
    """A text. Every frame becomes one Arrow array while its bytes are in the cache; a batch is their concatenation."""

    def __init__(self, field: Field) -> None:
        super().__init__(field, pa.string())
        self._chunks: list[pa.Array] = []
        self._missing = string_array(field.missing) if field.missing else None
        # A spelling with blanks around it can only be met by the text as it stands.
        self._whole = any(text != text.strip(" ") and text.strip(" ") for text in field.missing)
        self._enum = string_array(field.enum) if field.enum else None
        self._enum_fault = Fault("not allowed", "one of " + ", ".join(field.enum))

    def begin(self, capacity: int) -> None:  # noqa: ARG002  # frames make arrays of their own
        """See `Column`."""
        self._chunks = []

    def fill(self, rows: Rows, at: int) -> list[Bad]:  # noqa: ARG002  # arrays are put one behind the other
        """See `Column`."""
        field = self.field
        cells = rows.matrix(field.start, field.width).copy()
        bad: list[Bad] = []
        high = not rows.ascii and bool(cells.max(initial=0) >= HALF)
        if high:
            wrong = undecodable(cells, rows.page)
            if len(wrong):
                bad.append(Bad(wrong, NO_TEXT))
                cells[wrong] = BLANK
        texts, nulls = self.texts(cells, rows.page if high else None)
        if nulls is not None and field.required:
            bad.append(Bad(np.flatnonzero(nulls), REQUIRED))
        if self._enum is not None:
            strange = pc.invert(pc.is_in(texts, value_set=self._enum)).to_numpy(zero_copy_only=False)
            if nulls is not None:
                strange &= ~nulls
            if strange.any():
                bad.append(Bad(np.flatnonzero(strange), self._enum_fault))
        self._chunks.append(texts)
        return bad

    def texts(self, cells: Bytes, page: Page | None) -> tuple[pa.Array, Mask | None]:
        """What the rows of a (count, width) matrix say, and which of them say nothing, if any.

        `page`: that of the bytes, unless all of them are ASCII.
        """
        page = None if page is None or page.utf8 else page
        whole = _strings(cells)
        leads = bool((cells[:, 0] == BLANK).any())
        trails = bool((cells[:, -1] == BLANK).any())
        texts = _to_utf8(_trimmed(whole, self.field.trim, leads, trails), page)
        nulls = blank_rows(cells) if leads else None
        if self._missing is not None:
            nulls = self._with_missing(texts, whole, page, nulls)
        if nulls is None or not nulls.any():
            return texts, None
        return _with_nulls(texts, nulls), nulls

    def _with_missing(self, texts: pa.Array, whole: pa.Array, page: Page | None, nulls: Mask | None) -> Mask:
        """Which records are blank or hold a spelling of nothing."""
        if self.field.trim != "both":
            texts = _to_utf8(pc.ascii_trim(whole, " "), page)
        missing = pc.is_in(texts, value_set=self._missing).to_numpy(zero_copy_only=False)
        if self._whole:
            missing |= pc.is_in(_to_utf8(whole, page), value_set=self._missing).to_numpy(zero_copy_only=False)
        return cast(Mask, missing if nulls is None else missing | nulls)

    def finish(self, count: int) -> pa.Array:  # noqa: ARG002  # all that was filled
        """See `Column`."""
        array = pa.concat_arrays(self._chunks) if self._chunks else string_array(())
        self._chunks = []
        return array


class BooleanColumn(ValueColumn[np.bool_]):
    """A boolean by its spellings, which may be blank themselves."""

    def __init__(self, field: Field) -> None:
        super().__init__(field, pa.bool_(), np.bool_)
        self._fault = Fault("not a boolean", " or ".join(repr(text) for text in (*field.true, *field.false)))

    def fill(self, rows: Rows, at: int) -> list[Bad]:
        """See `Column`."""
        field = self.field
        cells = rows.matrix(field.start, field.width)
        known = np.zeros(rows.count, bool)
        out = self.values[at : at + rows.count]
        out[:] = False
        for value, texts in ((True, field.true), (False, field.false)):
            for text in texts:
                inner = rows.page.encode(text)
                if inner is not None and len(inner) <= field.width:
                    equal = (cells == np.frombuffer(inner.ljust(field.width), np.uint8)).all(axis=1)
                    known |= equal
                    if value:
                        out |= equal
        return [] if known.all() else self._mend(rows, np.flatnonzero(~known), at)

    def _mend(self, rows: Rows, index: Index, at: int) -> list[Bad]:
        field = self.field
        nulls: list[int] = []
        wrong: list[int] = []
        for raw, places in spelled(rows, field.start, field.width, index).items():
            text = rows.page.decode(raw)
            if text is not None and is_missing(field, text):
                nulls += places
            elif text is None or text.strip(" ") not in (*field.true, *field.false):
                wrong += places
            else:
                self.values[at + index[places]] = text.strip(" ") in field.true
        bad = self.set_null(index[nulls], at)
        return [*bad, Bad(index[wrong], self._fault)] if wrong else bad

    def finish(self, count: int) -> pa.Array:
        """See `Column`."""
        bits = pa.py_buffer(np.packbits(self.values[:count], bitorder="little"))
        array = pa.Array.from_buffers(self.arrow, count, [self.validity(count), bits])
        self.begin(0)
        return array


class BytesColumn(Column):
    """Bytes as they stand in the file, never null."""

    def __init__(self, field: Field) -> None:
        super().__init__(field, pa.binary())
        self._cells: Bytes = np.empty((0, field.width), np.uint8)

    def begin(self, capacity: int) -> None:
        """See `Column`."""
        self._cells = np.empty((capacity, self.field.width), np.uint8)

    def fill(self, rows: Rows, at: int) -> list[Bad]:
        """See `Column`."""
        self._cells[at : at + rows.count] = rows.before().matrix(self.field.start, self.field.width)
        return []

    def finish(self, count: int) -> pa.Array:
        """See `Column`."""
        width = self.field.width
        offsets = pa.py_buffer(np.arange(0, width * count + 1, width, dtype=np.int32))
        array = pa.Array.from_buffers(self.arrow, count, [None, offsets, pa.py_buffer(self._cells[:count])])
        self.begin(0)
        return array


def undecodable(cells: Bytes, page: Page) -> Index:
    """Rows of a (count, width) matrix of inner bytes that hold something which is no character."""
    if not page.utf8:
        undefined = _undefined(page)
        return np.flatnonzero(undefined[cells].any(axis=1)) if undefined.any() else np.empty(0, np.intp)
    texts = _strings(cells)
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        suspects = np.flatnonzero((cells >= HALF).any(axis=1))
        return suspects[[page.decode(cells[row].tobytes()) is None for row in suspects.tolist()]]
    return np.empty(0, np.intp)


def string_array(texts: tuple[str, ...] | list[str]) -> pa.Array:
    """An Arrow array of texts. `pa.array` would do, but it imports pandas where that is installed (0.2 s)."""
    parts = [text.encode() for text in texts]
    return _string_buffers(np.cumsum([0, *map(len, parts)]).astype(np.int32), b"".join(parts))


def binary_array(parts: list[bytes]) -> pa.Array:
    """An Arrow array of bytes."""
    offsets = pa.py_buffer(np.cumsum([0, *map(len, parts)]).astype(np.int32))
    return pa.Array.from_buffers(pa.binary(), len(parts), [None, offsets, pa.py_buffer(b"".join(parts))])


def _string_buffers(offsets: np.ndarray[tuple[int], np.dtype[np.int32]], data: bytes | Bytes) -> pa.Array:
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


@cache
def _undefined(page: Page) -> Mask:
    """By inner byte: whether it stands for no character."""
    return np.array([False] * HALF + [char is None for char in page.high])


def _strings(cells: Bytes) -> pa.Array:
    """The rows of a contiguous (count, width) matrix as an Arrow array, nothing copied."""
    count, width = cells.shape
    return _string_buffers(np.arange(0, count * width + 1, width, dtype=np.int32), cells)


def _trimmed(texts: pa.Array, trim: str, leads: bool, trails: bool) -> pa.Array:
    """The texts without blanks at the sides that the field trims; untouched where no text has a blank there."""
    left = leads and trim in ("both", "left")
    right = trails and trim in ("both", "right")
    side = "both" if left and right else "left" if left else "right" if right else ""
    return _TRIM[side](texts, " ") if side else texts


def _with_nulls(texts: pa.Array, nulls: Mask) -> pa.Array:
    _, offsets, data = texts.buffers()
    valid = pa.py_buffer(np.packbits(~nulls, bitorder="little"))
    return pa.Array.from_buffers(pa.string(), len(texts), [valid, offsets, data])


def _to_utf8(texts: pa.Array, page: Page | None) -> pa.Array:
    """Texts of inner bytes as UTF-8; the same where no page is given."""
    if page is None:
        return texts
    count = len(texts)
    _, offsets_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[: count + 1]
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]] if data_buffer else np.empty(0, np.uint8)
    offsets = offsets - offsets[0]
    places = np.flatnonzero(data >= HALF)
    chars, sizes = _utf8_table(page)
    more = np.concatenate([[0], np.cumsum(sizes[data[places]] - 1)])  # bytes that the characters so far take more
    moved = (offsets + more[np.searchsorted(places, offsets)]).astype(np.int32)
    return _string_buffers(moved, codecs.charmap_decode(data.tobytes(), "strict", chars)[0].encode())


@cache
def _utf8_table(page: Page) -> tuple[str, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """By inner byte: the character, and how many bytes it takes in UTF-8."""
    chars = [chr(byte) for byte in range(HALF)] + [char or "?" for char in page.high]
    return "".join(chars), np.array([len(char.encode()) for char in chars], np.int64)
