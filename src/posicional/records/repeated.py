"""Short texts that repeat themselves (codes, flags, states): eight bytes are one word, and a word is looked up.

Every rule of text (blanks, spellings of nothing, the encoding, allowed values) is applied once to each different word,
whatever the number of records; Arrow gets a dictionary, which Parquet takes over as it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from posicional.contract.layout import Field
from posicional.records.columns import NO_TEXT, REQUIRED, Bad, Fault, is_missing
from posicional.records.dictionary import TYPE, DictionaryTextColumn
from posicional.records.pages import Page
from posicional.records.rows import Mask, Rows, Words, distinct
from posicional.records.text import string_array

_FEW = 32  # at most one different word among so many records of the first frame
_MOST = 512  # different words; beyond, a dictionary pays less and the table below gets large
_SIZES = (8, 12, 16, 20)  # bits of the look-up table's size
# Numbers to multiply with: odd ones with bits all over, here the powers of the golden ratio's digits.
_FACTORS = np.cumprod(np.full(40, 0x9E3779B97F4A7C15, np.uint64))

_NULL = -1  # in the look-up table; below it stand faults

Codes = npt.NDArray[np.int32]


class _Lookup:
    """Words to codes without collisions: a multiplication spreads the known words over the slots of a table.

    A multiplier for which no two of them meet is found by trying, in a larger table when it is not found soon.
    """

    def __init__(self, words: Words, codes: list[int], factor: np.uint64, bits: int) -> None:
        self._factor = factor
        self._shift = np.uint64(64 - bits)
        places = (words * factor) >> self._shift
        # An empty slot holds a word that is not known, and the slot where that one would be looked for holds another.
        stranger = ~words[:1]
        self._words = np.full(1 << bits, stranger, np.uint64)
        self._words[(stranger * factor) >> self._shift] = words[0]
        self._codes = np.zeros(1 << bits, np.int32)
        self._words[places] = words
        self._codes[places] = codes

    @staticmethod
    def of(known: dict[int, int]) -> _Lookup | None:
        """The table of known words; None if there are too many."""
        words = np.array(list(known), np.uint64)
        for bits in _SIZES if len(words) <= _MOST else ():
            for factor in _FACTORS:
                if len(distinct((words * factor) >> np.uint64(64 - bits))) == len(words):
                    return _Lookup(words, list(known.values()), factor, bits)
        return None

    def codes(self, words: Words, slots: Words, out: Codes) -> Mask | None:
        """The codes of words, into `out`; which words are unknown, None when none is. `slots` is scratch."""
        np.multiply(words, self._factor, out=slots)
        np.right_shift(slots, self._shift, out=slots)
        places = slots.view(np.int64)
        np.take(self._codes, places, out=out, mode="clip")
        unknown: Mask = self._words[places] != words
        return unknown if unknown.any() else None


class RepeatedTextColumn(DictionaryTextColumn):
    """A text of up to eight bytes: looked up as words if the first frame has few different ones, else as any text."""

    WIDEST = 8

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._repeats: bool | None = None
        self._known: dict[int, int] = {}  # word -> place of its text, or what is wrong with it
        self._lookup: _Lookup | None = None
        self._places: dict[str, int] = {}
        self._faults: list[Fault] = []
        self._out: Codes = np.empty(0, np.int32)

    def begin(self, capacity: int) -> None:
        """See `Column`."""
        super().begin(capacity)
        if self._repeats is not False:
            self._out = np.empty(capacity, np.int32)

    def fill(self, rows: Rows, at: int) -> list[Bad]:
        """See `Column`."""
        if self._repeats is False:
            return super().fill(rows, at)
        words, slots = rows.work.words(0, rows.count), rows.work.words(1, rows.count)
        keep = (1 << (8 * self.field.width)) - 1
        np.bitwise_and(rows.words(self.field.start), np.uint64(keep), out=words)
        if self._repeats is None:
            self._repeats = len(distinct(words)) <= max(2, rows.count // _FEW)
            if not self._repeats:
                return super().fill(rows, at)
            self.arrow = TYPE
        if rows.page is not self._page:
            self._page, self._known, self._lookup = rows.page, {}, None
        out = self._out[at : at + rows.count]
        unknown = None if self._lookup is None else self._lookup.codes(words, slots, out)
        if self._lookup is None or unknown is not None:
            new = distinct(words if unknown is None else words[unknown]).tolist()
            self._known |= {word: self._code(word.to_bytes(8, "little")[: self.field.width], rows.page) for word in new}
            self._lookup = _Lookup.of(self._known)
            if self._lookup is None:
                return self._give_up(rows, at)
            self._lookup.codes(words, slots, out)
        return self._refused(out) if self._faults else []

    def _give_up(self, rows: Rows, at: int) -> list[Bad]:
        """Go on as any text: there are too many different ones. The type stays, so that a part has one."""
        self._repeats = False
        done = self._dictionary(at)
        self._shares = self._waits
        self._chunks = [done if self._waits else done.dictionary_decode()]
        self._begin, self._page = at, rows.page
        return super().fill(rows, at)

    def finish(self, count: int) -> pa.Array:
        """See `Column`."""
        if not self._repeats:
            array = super().finish(count)
            return array if array.type == self.arrow else array.dictionary_encode()
        array = self._dictionary(count)
        self._out = np.empty(0, np.int32)
        return array

    def _dictionary(self, count: int) -> pa.Array:
        index = self._out[:count]
        nulls = index < 0
        valid = pa.py_buffer(np.packbits(~nulls, bitorder="little")) if nulls.any() else None
        indices = pa.Array.from_buffers(pa.int32(), count, [valid, pa.py_buffer(index)])
        return pa.DictionaryArray.from_arrays(indices, string_array(list(self._places)), safe=False)

    def _code(self, inner: bytes, page: Page) -> int:
        field = self.field
        text = page.decode(inner)
        if text is None:
            return self._fault(NO_TEXT)
        if is_missing(field, text):
            return self._fault(REQUIRED) if field.required else _NULL
        left = text.lstrip(" ") if field.trim in ("both", "left") else text
        own = left.rstrip(" ") if field.trim in ("both", "right") else left
        if field.enum and own not in field.enum:
            return self._fault(self._enum_fault)
        return self._places.setdefault(own, len(self._places))

    def _fault(self, fault: Fault) -> int:
        if fault not in self._faults:
            self._faults.append(fault)
        return _NULL - 1 - self._faults.index(fault)

    def _refused(self, out: Codes) -> list[Bad]:
        """The records whose word is refused."""
        found = []
        for number, fault in enumerate(self._faults):
            rows = np.flatnonzero(out == _NULL - 1 - number)
            if len(rows):
                found.append(Bad(rows, fault))
        out[out < _NULL] = _NULL
        return found
