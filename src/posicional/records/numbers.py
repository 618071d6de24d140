"""Numbers written as text: signs, points, leading blanks, up to 38 digits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import cast

import numpy as np
import pyarrow as pa

from posicional.contract.layout import Field
from posicional.records.columns import (
    BLANK,
    NO_TEXT,
    Bad,
    Fault,
    ValueColumn,
    blank_rows,
    is_missing,
    spelled,
    strangers,
)
from posicional.records.pages import HALF
from posicional.records.rows import Bytes, Index, Ints, Mask, Rows
from posicional.records.swar import MOST, either, parse_digits

PLUS, MINUS, ZERO = ord("+"), ord("-"), ord("0")
_PUNCHED = {char: (digit, False) for digit, char in enumerate("{ABCDEFGHI")}
_PUNCHED |= {char: (digit, True) for digit, char in enumerate("}JKLMNOPQR")}
_PUNCHED |= {str(digit): (digit, False) for digit in range(10)}
_DIGIT_OF = np.full(256, 255, np.uint8)
_NEGATIVE = np.zeros(256, bool)
for _char, (_digit, _minus) in _PUNCHED.items():
    _DIGIT_OF[ord(_char)] = _digit
    _NEGATIVE[ord(_char)] = _minus


def digits_of(field: Field) -> int:
    """How many digits a number may have: as declared, else as many as fit."""
    return field.digits or room_of(field)  # a layout that was loaded always says


def room_of(field: Field) -> int:
    """How many digits a number's text has room for."""
    return field.width - (field.sign in ("leading", "trailing")) - (field.point != "implied")


def arrow_number(field: Field) -> pa.DataType:
    """int64 up to 18 digits, else a decimal."""
    digits = digits_of(field)
    if field.type == "integer":
        return pa.int64() if digits <= MOST else pa.decimal128(digits, 0)
    return pa.decimal128(digits, field.scale)


def described(field: Field) -> str:
    """What a number's text should look like."""
    text = f"{digits_of(field)} digits"
    if field.usage != "display":
        return f"{field.usage}, {text}"
    signs = {"leading": "a sign and ", "trailing": "a sign behind ", "overpunch": "a sign within "}
    if field.scale:
        text += f", {field.scale} behind {'the implied point' if field.point == 'implied' else repr(field.point)}"
    return signs.get(field.sign, "") + text


class NumberColumn(ValueColumn[np.int64]):
    """A number of up to 18 digits, as its unscaled int64; the base of every usage.

    `values` are unscaled; nulls count as zero there, so that sums can be taken of them.
    """

    def __init__(self, field: Field) -> None:
        super().__init__(field, arrow_number(field), np.int64)
        self.fault = Fault("not a number", described(field))
        self.too_long = Fault("too many digits", described(field))
        self._limit = 10 ** digits_of(field)
        self._bounds = _bounds(field)
        self._strange = strangers(field, "0123456789+-.," + "".join(_PUNCHED))

    def fill(self, rows: Rows, at: int) -> list[Bad]:
        """See `Column`."""
        out = self.values[at : at + rows.count]
        wrong = self.parse(rows, self.field.start, out)
        bad = self.mend(rows, np.flatnonzero(wrong), at) if wrong is not None else []
        return bad + self.check_range(out, self.null_of(at, rows.count), bad)

    def parse(self, rows: Rows, start: int, out: Ints) -> Mask | None:
        """The numbers of a frame; returns which records must be looked at again, None when none must."""
        raise NotImplementedError

    def mend(self, rows: Rows, index: Index, at: int) -> list[Bad]:
        """Decide on the records that the fast way did not take: null, valid after all, or refused."""
        raise NotImplementedError

    def check_range(self, out: Ints, nulls: Mask | None, bad: list[Bad]) -> list[Bad]:
        """Refuse what is out of the field's bounds, unless it is null or refused already."""
        low, high, expected = self._bounds
        if not expected:
            return []
        outside = (out < low) | (out > high)
        if not outside.any():
            return []
        if nulls is not None:
            outside &= ~nulls
        for one in bad:
            outside[one.rows] = False
        rows = np.flatnonzero(outside)
        return [Bad(rows, Fault("out of range", expected))] if len(rows) else []

    def sums(self, at: int, count: int, keep: Mask | None, cuts: Ints) -> list[int]:
        """Exact unscaled sums of `count` records from `at` on, one for each stretch between neighbouring `cuts`.

        Nulls count nothing; so do records that are not kept.
        """
        values = self.values[at : at + count]
        if keep is not None:
            values = np.where(keep, values, 0)
        return split_sums(values >> 32, values & 0xFFFFFFFF, cuts)

    def finish(self, count: int) -> pa.Array:
        """See `Column`."""
        if pa.types.is_decimal128(self.arrow):
            pairs = np.empty((count, 2), np.int64)  # decimal128: low and high half, two's complement
            pairs[:, 0] = self.values[:count]
            np.right_shift(self.values[:count], 63, out=pairs[:, 1])
            array = pa.Array.from_buffers(self.arrow, count, [self.validity(count), pa.py_buffer(pairs)])
            self.begin(0)
            return array
        return super().finish(count)


@dataclass(frozen=True, slots=True)
class Shape:
    """A frame's numbers as they stand: runs of digits (start, width), which are negative, which cannot be right.

    `last`: the digit that is punched together with the sign.
    """

    runs: list[tuple[int, int]]
    negative: Mask | None
    wrong: Mask | None
    last: Bytes | None


class DisplayColumn(NumberColumn):
    """A number in characters."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._narrow = room_of(field) > digits_of(field)
        self._missing = _missing_values(field)

    def parse(self, rows: Rows, start: int, out: Ints) -> Mask | None:
        """See `NumberColumn`."""
        shape = self.shape(rows, start)
        bad = shape.wrong
        begin, width = shape.runs[0]
        bad = either(bad, parse_digits(rows, begin, width, out))
        for begin, width in shape.runs[1:]:
            more = rows.work.words(1, rows.count).view(np.int64)
            bad = either(bad, parse_digits(rows, begin, width, more))
            np.multiply(out, 10**width, out=out)
            np.add(out, more, out=out)
        if shape.last is not None:
            np.multiply(out, 10, out=out)
            np.add(out, shape.last, out=out, casting="unsafe")
        if shape.negative is not None:
            flip = np.negative(shape.negative, dtype=np.int64, casting="unsafe")  # -1 where negative: two's complement
            np.bitwise_xor(out, flip, out=out)
            np.subtract(out, flip, out=out)
        if self._narrow:
            bad = either(bad, _some(np.abs(out) >= self._limit))
        for value in self._missing:
            bad = either(bad, _some(out == value))
        return bad

    def shape(self, rows: Rows, start: int) -> Shape:
        """Where the digits and the sign of the field at `start` are."""
        field = self.field
        stop = start + field.width
        negative: Mask | None = None
        wrong: Mask | None = None
        last: Bytes | None = None
        if field.sign in ("leading", "trailing"):
            leading = field.sign == "leading"
            sign = rows.column(start if leading else stop - 1)
            negative = sign == MINUS
            wrong = _some(~negative & (sign != PLUS))
            start, stop = start + leading, stop - (not leading)
        elif field.sign == "overpunch":
            char = rows.column(stop - 1)
            last, negative = _DIGIT_OF[char], _NEGATIVE[char]
            wrong = _some(last > 9)
            stop -= 1
        if field.point == "implied":
            return Shape([(start, stop - start)], negative, wrong, last)
        point = stop - (field.scale - (last is not None)) - 1  # where it stands if all digits behind it are there
        if not start <= point < stop:
            return Shape([(start, 0)], negative, np.ones(rows.count, bool), last)
        wrong = either(wrong, _some(rows.column(point) != ord(field.point)))
        return Shape([(start, point - start), (point + 1, stop - point - 1)], negative, wrong, last)

    def chunks(self, rows: Rows, shape: Shape) -> Iterator[tuple[Ints, int, Mask | None]]:
        """The digits from the left, up to 16 at a time: their number, how many they are, which ones are none."""
        for begin, width in shape.runs:
            for at in range(begin, begin + width, 16):
                size = min(16, begin + width - at)
                value = np.empty(rows.count, np.int64)
                yield value, size, parse_digits(rows, at, size, value)
        if shape.last is not None:
            yield shape.last.astype(np.int64), 1, None

    def mend(self, rows: Rows, index: Index, at: int) -> list[Bad]:
        """See `NumberColumn`."""
        cells = rows.matrix(self.field.start, self.field.width)[index]
        strange = (cells < HALF).all(axis=1) & self._strange[cells].any(axis=1)
        blank = blank_rows(cells)
        bad = [Bad(index[strange], self.fault)] if strange.any() else []
        bad += self.set_null(index[blank], at)
        index = index[~(blank | strange)]
        if not len(index):
            return bad
        index = self._mend_blanks(rows, index, at)
        nulls: list[int] = []
        wrong: dict[Fault, list[int]] = {}
        for text, places in spelled(rows, self.field.start, self.field.width, index).items():
            value = self.read(rows.page.decode(text))
            if value is None:
                nulls += places
            elif isinstance(value, Fault):
                wrong.setdefault(value, []).extend(places)
            else:
                self.values[at + index[places]] = self.stored(value)
        bad += self.set_null(index[nulls], at)
        return bad + [Bad(index[places], fault) for fault, places in wrong.items()]

    def _mend_blanks(self, rows: Rows, index: Index, at: int) -> Index:
        """Read numbers with blanks in front as if zeros stood there; returns the records that were not read so."""
        cut = rows.cut(self.field.start, self.field.width, index)
        cells = cut.matrix(0, self.field.width)
        front = np.logical_and.accumulate(cells == BLANK, axis=1)
        some = front[:, 0]
        if not some.any():
            return index
        # A sign or a point alone is no number: there must be a digit before zeros are put in.
        digit = (cells - ZERO <= 9).any(axis=1) if self.field.sign != "overpunch" else some
        if self.field.sign == "leading":
            first = np.argmin(front, axis=1)
            every = np.arange(len(index))
            signs = cells[every, first]
            signed = (signs == PLUS) | (signs == MINUS)
            cells[every[some & signed], first[some & signed]] = ZERO
            front[:, 0] = False
            cells[some, 0] = np.where(signed, signs, PLUS)[some]
        cells[front] = ZERO
        values = np.empty((len(index), *self.values.shape[1:]), np.int64)
        wrong = self.parse(cut, 0, values)
        done = some & digit if wrong is None else some & digit & ~wrong
        self.values[at + index[done]] = values[done]
        return index[~done]

    def stored(self, value: int) -> int | tuple[int, int]:
        """A number as `values` holds it."""
        return value

    def read(self, text: str | None) -> int | Fault | None:
        """One number's unscaled value; None where the text says nothing."""
        if text is None:
            return NO_TEXT
        if is_missing(self.field, text):
            return None
        value = read_number(self.field, text)
        if value is None:
            return self.fault
        return value if abs(value) < self._limit else self.too_long


def read_number(field: Field, text: str) -> int | None:
    """The unscaled number of a text as wide as its field; None where it is none."""
    digits = text.lstrip(" ")
    negative = False
    match field.sign:
        case "leading":
            if digits[:1] in ("+", "-"):
                negative, digits = digits[0] == "-", digits[1:]
            elif len(digits) == len(text):
                return None  # a digit where the sign should be; a blank there is a plus
        case "trailing":
            if digits[-1:] not in ("+", "-"):
                return None
            negative, digits = digits[-1] == "-", digits[:-1]
        case "overpunch":
            digit, negative = _PUNCHED.get(digits[-1:], (-1, False))
            if digit < 0:
                return None
            digits = digits[:-1] + str(digit)
    whole, _, behind = (digits, "", "") if field.point == "implied" else digits.partition(field.point)
    both = whole + behind
    if len(behind) > field.scale or not both.isascii() or not both.isdigit():
        return None
    value = int(whole + behind) * (10 ** (field.scale - len(behind)) if field.point != "implied" else 1)
    return -value if negative else value


def split_sums(high: Ints, low: Ints, cuts: Ints) -> list[int]:
    """Sums of `high * 2**32 + low` between neighbouring cuts; halves are added apart, so that nothing overflows."""
    highs, lows = (np.concatenate([[0], np.cumsum(half)])[cuts].tolist() for half in (high, low))
    return [((highs[i + 1] - highs[i]) << 32) + lows[i + 1] - lows[i] for i in range(len(cuts) - 1)]


def _some(mask: Mask) -> Mask | None:
    return mask if mask.any() else None


def _missing_values(field: Field) -> tuple[int, ...]:
    """Numbers that a spelling of nothing would be read as: records that hold them are looked at again."""
    values = {read_number(field, spelling.rjust(field.width)) for spelling in field.missing if spelling.strip(" ")}
    values |= {read_number(field, spelling) for spelling in field.missing if len(spelling) == field.width}
    return tuple(value for value in values if value is not None)


def _bounds(field: Field) -> tuple[int, int, str]:
    """Least and greatest unscaled value, and what to say of them; no text where there are no bounds."""
    if field.minimum is None and field.maximum is None:
        return 0, 0, ""
    most = 10 ** digits_of(field)
    low = -most if field.minimum is None else math.ceil(Fraction(cast("Decimal", field.minimum)) * 10**field.scale)
    high = most if field.maximum is None else math.floor(Fraction(cast("Decimal", field.maximum)) * 10**field.scale)
    texts = [
        f"{word} {bound}"
        for word, bound in (("at least", field.minimum), ("at most", field.maximum))
        if bound is not None
    ]
    return max(low, -most), min(high, most), ", ".join(texts)
