"""Numbers of mainframes that are no text: packed decimals (two digits a byte, the sign behind) and binary ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from posicional.contract.layout import Field
from posicional.records.columns import Bad
from posicional.records.numbers import NumberColumn, digits_of
from posicional.records.rows import Bytes, Index, Ints, Mask, Rows, Words
from posicional.records.swar import either

_HIGH_NIBBLES, _LOW_NIBBLES = np.uint64(0xF0F0F0F0F0F0F0F0), np.uint64(0x0F0F0F0F0F0F0F0F)
_BYTES, _SHORTS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_UNSIGNED = np.uint64(0xF0FFFFFFFFFFFFFF)
_S4, _S8, _S16, _S32 = np.uint64(4), np.uint64(8), np.uint64(16), np.uint64(32)
_POSITIVE, _NEGATIVE = (0xC, 0xF), 0xD


class PackedColumn(NumberColumn):
    """Packed decimal: signs C and F (positive) and D (negative, if the field is signed); all blanks is null."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._has_room = digits_of(field) < 2 * field.width - 1

    def parse(self, rows: Rows, start: int, out: Ints) -> Mask | None:
        """See `NumberColumn`."""
        wrong, negative = (self._word if self.field.width <= 8 else self._words)(rows, start, out)
        if self._has_room:
            more = out >= self._limit
            wrong = either(wrong, more if more.any() else None)
        if negative is not None:
            np.negative(out, out=out, where=negative)
        return wrong

    def _word(self, rows: Rows, start: int, out: Ints) -> tuple[Mask | None, Mask | None]:
        """Numbers that fit one word with their signs: which are wrong, and which negative."""
        words = rows.work.words(0, rows.count)
        _load(rows.before(), start, self.field.width, words)
        wrong, negative = self._signs_of(words.view(np.uint8)[7::8])
        np.bitwise_and(words, _UNSIGNED, out=words)  # a zero in the sign's place: ten times the number
        wrong = either(wrong, _bad_nibbles(words, rows))
        np.floor_divide(_combine(words, rows).view(np.int64), 10, out=out)
        return wrong, negative

    def _words(self, rows: Rows, start: int, out: Ints) -> tuple[Mask | None, Mask | None]:
        """The same for longer ones."""
        wrong, negative = self.signs(rows, start)
        first = True
        for value, digits, bad in self.chunks(rows, start):
            wrong = either(wrong, bad)
            if first:
                out[:] = value
            else:
                np.multiply(out, 10**digits, out=out)
                np.add(out, value, out=out)
            first = False
        return wrong, negative

    def signs(self, rows: Rows, start: int) -> tuple[Mask | None, Mask | None]:
        """Which records have no sign, and which a minus; None for none."""
        return self._signs_of(rows.before().column(start + self.field.width - 1))

    def _signs_of(self, last: Bytes) -> tuple[Mask | None, Mask | None]:
        nibble = last & 0x0F
        negative = nibble == _NEGATIVE
        positive = (nibble == _POSITIVE[0]) | (nibble == _POSITIVE[1])
        wrong = ~positive if self.field.sign == "none" else ~(positive | negative)
        return wrong if wrong.any() else None, negative if negative.any() else None

    def chunks(self, rows: Rows, start: int) -> Iterator[tuple[Ints, int, Mask | None]]:
        """The digits from the left: a word of them at a time, then the one that shares its byte with the sign."""
        raw = rows.before()
        whole = self.field.width - 1
        at = start
        while whole:
            size = whole % 8 or 8
            words = rows.work.words(0, rows.count)
            _load(raw, at, size, words)
            bad = _bad_nibbles(words, rows)
            yield _combine(words, rows).view(np.int64), 2 * size, bad
            at += size
            whole -= size
        last = (raw.column(at) >> 4).astype(np.int64)
        wrong = last > 9
        yield last, 1, wrong if wrong.any() else None

    def mend(self, rows: Rows, index: Index, at: int) -> list[Bad]:
        """See `NumberColumn`."""
        cells = rows.before().matrix(self.field.start, self.field.width)[index]
        blank = (cells == rows.page.blank).all(axis=1)
        found = self.set_null(index[blank], at)
        index, cells = index[~blank], cells[~blank]
        digits = np.concatenate([cells >> 4, cells[:, :-1] & 0x0F], axis=1)
        sign = cells[:, -1] & 0x0F
        number = (digits <= 9).all(axis=1) & np.isin(
            sign, [*_POSITIVE, *([] if self.field.sign == "none" else [_NEGATIVE])]
        )
        found += [Bad(rows_, fault) for rows_, fault in ((index[~number], self.fault), (index[number], self.too_long))]
        return [one for one in found if len(one.rows)]


class BinaryColumn(NumberColumn):
    """Big-endian binary, two's complement where the field is signed. Never null."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._unused = 8 * (8 - field.width)

    def parse(self, rows: Rows, start: int, out: Ints) -> Mask | None:
        """See `NumberColumn`."""
        out[:] = self.load(rows, start)
        # Unsigned numbers that look negative here are eight bytes beyond 2**63.
        least = 0 if self.field.sign == "none" else 1 - self._limit
        wrong = (out >= self._limit) | (out < least)
        return wrong if wrong.any() else None

    def load(self, rows: Rows, start: int) -> Ints:
        """The numbers, as signed words."""
        words = rows.work.words(0, rows.count)
        words[:] = rows.before().words(start + self.field.width - 8)
        words.byteswap(inplace=True)
        np.left_shift(words, np.uint64(self._unused), out=words)
        if self.field.sign == "none":
            np.right_shift(words, np.uint64(self._unused), out=words)
            return words.view(np.int64)
        signed = words.view(np.int64)
        np.right_shift(signed, self._unused, out=signed)
        return signed

    def mend(self, rows: Rows, index: Index, at: int) -> list[Bad]:  # noqa: ARG002  # nothing can be mended
        """See `NumberColumn`."""
        return [Bad(index, self.too_long)]


def _load(rows: Rows, start: int, size: int, out: Words) -> None:
    """`size` (1-8) bytes of every record, the last one in the highest byte, zeros in front."""
    keep = np.uint64((0xFFFFFFFFFFFFFFFF >> 8 * (8 - size)) << 8 * (8 - size))
    np.bitwise_and(rows.words(start + size - 8), keep, out=out)


def _bad_nibbles(words: Words, rows: Rows) -> Mask | None:
    """Which words have a nibble beyond 9; None when none has. Leaves the left half of each byte in scratch number 1."""
    half = rows.work.words(1, rows.count)
    np.bitwise_and(words, _LOW_NIBBLES, out=half)
    low = half.view(np.uint8).max(initial=0)
    np.bitwise_and(words, _HIGH_NIBBLES, out=half)
    if low <= 9 and half.view(np.uint8).max(initial=0) <= 0x90:
        return None
    digits = np.stack([words & _LOW_NIBBLES, half >> _S4], axis=1)
    bad: Mask = np.logical_or.reduce((digits.view(np.uint8) > 9).reshape(len(words), -1), axis=1)
    return bad


def _combine(words: Words, rows: Rows) -> Words:
    """Sixteen packed digits in each word -> their number, in place, after `_bad_nibbles` has looked at them."""
    half = rows.work.words(1, rows.count)  # a byte is 16 * left + right; less 6 * left: 10 * left + right
    np.right_shift(half, _S4, out=half)
    np.multiply(half, np.uint64(6), out=half)
    np.subtract(words, half, out=words)
    for shift, lanes, factor in ((_S8, _BYTES, 100), (_S16, _SHORTS, 10_000)):
        np.right_shift(words, shift, out=half)
        np.bitwise_and(half, lanes, out=half)
        np.bitwise_and(words, lanes, out=words)
        np.multiply(words, np.uint64(factor), out=words)
        np.add(words, half, out=words)
    np.right_shift(words, _S32, out=half)
    np.bitwise_and(words, np.uint64(0xFFFFFFFF), out=words)
    np.multiply(words, np.uint64(100_000_000), out=words)
    np.add(words, half, out=words)
    return words
