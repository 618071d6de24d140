"""Numbers written as text: signs, points, leading blanks, up to 38 digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import cast

import numpy as np
import pyarrow as pa

from posicional.contract.layout import Field
from posicional.records.columns import BLANK, NO_TEXT, Bad, Fault, ValueColumn, blank_rows, is_missing, spelled
from posicional.records.rows import Index, Ints, Mask, Rows
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
    room = field.width - (field.sign in ("leading", "trailing")) - (field.point != "implied")
    return field.digits or room


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
        if pa.types.is_decimal(self.arrow):
            pairs = np.empty((count, 2), np.int64)  # decimal128: low and high half, two's complement
            pairs[:, 0] = self.values[:count]
            np.right_shift(self.values[:count], 63, out=pairs[:, 1])
            array = pa.Array.from_buffers(self.arrow, count, [self.validity(count), pa.py_buffer(pairs)])
            self.begin(0)
            return array
        return super().finish(count)


class DisplayColumn(NumberColumn):
    """A number in characters."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._narrow = _room(field) > digits_of(field)
        self._missing = _missing_values(field)

    def parse(self, rows: Rows, start: int, out: Ints) -> Mask | None:
        """See `NumberColumn`."""
        field = self.field
        width = field.width
        negative: Mask | None = None
        bad: Mask | None = None
        if field.sign in ("leading", "trailing"):
            sign = rows.column(start if field.sign == "leading" else start + width - 1)
            negative = sign == MINUS
            bad = _some(~negative & (sign != PLUS))
            start += field.sign == "leading"
            width -= 1
        elif field.sign == "overpunch":
            last = rows.column(start + width - 1)
            digit = _DIGIT_OF[last]
            negative = _NEGATIVE[last]
            bad = _some(digit > 9)
            width -= 1
        if field.point == "implied":
            bad = either(bad, parse_digits(rows, start, width, out))
        else:
            bad = either(bad, self._parse_point(rows, start, width, out))
        if field.sign == "overpunch":
            np.multiply(out, 10, out=out)
            np.add(out, digit, out=out, casting="unsafe")
        if negative is not None:
            flip = np.negative(negative, dtype=np.int64, casting="unsafe")  # -1 where negative: two's complement
            np.bitwise_xor(out, flip, out=out)
            np.subtract(out, flip, out=out)
        if self._narrow:
            bad = either(bad, _some(np.abs(out) >= self._limit))
        for value in self._missing:
            bad = either(bad, _some(out == value))
        return bad

    def _parse_point(self, rows: Rows, start: int, width: int, out: Ints) -> Mask | None:
        """Digits with a point in front of the last `scale` ones; for overpunch the last digit is not among them."""
        behind = self.field.scale - (self.field.sign == "overpunch")
        if behind < 0 or width - behind - 1 < 0:
            return np.ones(rows.count, bool)
        point = start + width - behind - 1
        bad = _some(rows.column(point) != ord(self.field.point))
        bad = either(bad, parse_digits(rows, start, point - start, out))
        if behind:
            more = rows.work.words(1, rows.count).view(np.int64)
            bad = either(bad, parse_digits(rows, point + 1, behind, more))
            np.multiply(out, 10**behind, out=out)
            np.add(out, more, out=out)
        return bad

    def mend(self, rows: Rows, index: Index, at: int) -> list[Bad]:
        """See `NumberColumn`."""
        cells = rows.matrix(self.field.start, self.field.width)[index]
        blank = blank_rows(cells)
        bad = self.set_null(index[blank], at)
        index = index[~blank]
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


def _room(field: Field) -> int:
    return field.width - (field.sign in ("leading", "trailing")) - (field.point != "implied")


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
    scaled: Callable[[object], Decimal] = lambda bound: Decimal(cast("Decimal", bound)).scaleb(field.scale)  # noqa: E731
    low = -(10**38) if field.minimum is None else math.ceil(scaled(field.minimum))
    high = 10**38 if field.maximum is None else math.floor(scaled(field.maximum))
    texts = [
        f"{word} {bound}"
        for word, bound in (("at least", field.minimum), ("at most", field.maximum))
        if bound is not None
    ]
    limit = 2**63 - 1
    return max(low, -limit - 1), min(high, limit), ", ".join(texts)
