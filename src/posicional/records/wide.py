"""Numbers of 19 to 38 digits: 128-bit arithmetic on pairs of words."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from posicional.records.columns import Bad, Fault
from posicional.records.numbers import DisplayColumn, NumberColumn, split_sums
from posicional.records.packed import BinaryColumn, PackedColumn
from posicional.records.rows import Ints, Mask, Rows, Words
from posicional.records.swar import either

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


class WideColumn(NumberColumn):
    """A number whose `values` are (low, high) halves of a 128-bit integer, as Arrow's decimal128 has them."""

    def begin(self, capacity: int) -> None:
        """See `Column`."""
        self.values = np.empty((capacity, 2), np.int64)
        self.nulls = None

    def stored(self, value: int) -> tuple[int, int]:
        """See `NumberColumn`."""
        low = value & 0xFFFFFFFFFFFFFFFF
        return low - (1 << 64 if low >> 63 else 0), value >> 64

    def finish(self, count: int) -> pa.Array:
        """See `Column`."""
        values = self.values[:count]
        if self.arrow.bit_width == 64:  # few digits in a field with room for many
            values = np.ascontiguousarray(values[:, 0])
        array = pa.Array.from_buffers(self.arrow, count, [self.validity(count), pa.py_buffer(values)])
        self.begin(0)
        return array

    def check_range(self, out: Ints, nulls: Mask | None, bad: list[Bad]) -> list[Bad]:
        """See `NumberColumn`. Bounds of such long numbers are rare: they are compared one by one."""
        low, high, expected = self._bounds
        if not expected:
            return []
        skipped = np.zeros(len(out), bool) if nulls is None else nulls.copy()
        for one in bad:
            skipped[one.rows] = True
        places = [
            place
            for place, (low_half, high_half) in enumerate(out.tolist())
            if not skipped[place] and not low <= (high_half << 64) + (low_half & 0xFFFFFFFFFFFFFFFF) <= high
        ]
        return [Bad(np.array(places, np.intp), Fault("out of range", expected))] if places else []

    def sums(self, at: int, count: int, keep: Mask | None, cuts: Ints) -> list[int]:
        """See `NumberColumn`."""
        pairs = self.values[at : at + count]
        if keep is not None:
            pairs = np.where(keep[:, None], pairs, 0)
        low = np.ascontiguousarray(pairs[:, 0]).view(np.uint64)
        lows = split_sums((low >> _HALF).view(np.int64), (low & _LOW).view(np.int64), cuts)
        high = np.ascontiguousarray(pairs[:, 1])
        highs = split_sums(high >> 32, high & 0xFFFFFFFF, cuts)
        return [(upper << 64) + lower for upper, lower in zip(highs, lows, strict=True)]

    def out_of_digits(self, out: Ints) -> Mask | None:
        """Which (not negative) numbers have more digits than they may."""
        low, high = self._limit & 0xFFFFFFFFFFFFFFFF, self._limit >> 64
        own_low, own_high = out[:, 0].view(np.uint64), out[:, 1]
        more: Mask = (own_high > high) | ((own_high == high) & (own_low >= np.uint64(low))) | (own_high < 0)
        return more if more.any() else None


class WideDisplayColumn(WideColumn, DisplayColumn):
    """Up to 38 digits in characters."""

    def parse(self, rows: Rows, start: int, out: Ints) -> Mask | None:
        """See `NumberColumn`."""
        shape = self.shape(rows, start)
        wrong = either(shape.wrong, _accumulate(self.chunks(rows, shape), out))
        wrong = either(wrong, self.out_of_digits(out))
        _negate(out, shape.negative)
        for value in self._missing:
            low, high = self.stored(value)
            same = (out[:, 0] == low) & (out[:, 1] == high)
            wrong = either(wrong, same if same.any() else None)
        return wrong


class WidePackedColumn(WideColumn, PackedColumn):
    """Up to 38 packed digits."""

    def parse(self, rows: Rows, start: int, out: Ints) -> Mask | None:
        """See `NumberColumn`."""
        wrong, negative = self.signs(rows, start)
        wrong = either(wrong, _accumulate(self.chunks(rows, start), out))
        wrong = either(wrong, self.out_of_digits(out))
        _negate(out, negative)
        return wrong


class WideBinaryColumn(WideColumn, BinaryColumn):
    """A binary number of eight bytes whose digits are not limited to 18."""

    def parse(self, rows: Rows, start: int, out: Ints) -> Mask | None:
        """See `NumberColumn`."""
        words = self.load(rows, start)
        out[:, 0] = words
        out[:, 1] = 0 if self.field.sign == "none" else words >> 63
        limit = self._limit
        if limit > 1 << 64:
            return None
        unsigned = words.view(np.uint64)
        if self.field.sign == "none":
            wrong: Mask = unsigned >= np.uint64(min(limit, (1 << 64) - 1))
        else:
            most = min(limit, (1 << 63) - 1)
            wrong = (words >= most) | (words <= -most) if limit <= most else np.zeros(len(words), bool)
        return wrong if wrong.any() else None


def _accumulate(chunks: Iterable[tuple[Ints, int, Mask | None]], out: Ints) -> Mask | None:
    """Put chunks of digits (value, number of digits, bad ones) behind one another, from the left."""
    low: Words = np.zeros(len(out), np.uint64)
    high: Words = np.zeros(len(out), np.uint64)
    wrong: Mask | None = None
    for value, digits, bad in chunks:
        wrong = either(wrong, bad)
        carry, product = _times(low, 10**digits)
        high = high * np.uint64(10**digits) + carry
        low = product + value.view(np.uint64)
        high += low < product
    out[:, 0] = low.view(np.int64)
    out[:, 1] = high.view(np.int64)
    return wrong


def _times(words: Words, factor: int) -> tuple[Words, Words]:
    """(high, low) halves of the products with a factor below 2**64."""
    left, right = np.uint64(factor >> 32), np.uint64(factor & 0xFFFFFFFF)
    upper, lower = words >> _HALF, words & _LOW
    ll, lr, rl, rr = upper * left, upper * right, lower * left, lower * right
    middle = (rr >> _HALF) + (lr & _LOW) + (rl & _LOW)
    return ll + (lr >> _HALF) + (rl >> _HALF) + (middle >> _HALF), (middle << _HALF) | (rr & _LOW)


def _negate(out: Ints, negative: Mask | None) -> None:
    """Change the sign of some numbers: two's complement over both halves."""
    if negative is None or not negative.any():
        return
    low = np.where(negative, ~out[:, 0], out[:, 0]).view(np.uint64)
    high = np.where(negative, ~out[:, 1], out[:, 1])
    more = low + negative.astype(np.uint64)
    out[:, 0] = more.view(np.int64)
    out[:, 1] = high + (negative & (more == 0))
