"""Dates, timestamps and times by format. Years 1-9999; no value is ever made up.

Eight digits in a row are one word that becomes four numbers. Elsewhere two characters are one 16-bit word, and a
table of all 65,536 of them says which number it is: one look-up for each pair of digits, validity included. Another
table gives the first day and the length of every month.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from posicional.contract.formats import WIDTHS, split_format
from posicional.contract.layout import Field
from posicional.errors import UsageError
from posicional.records.columns import Bad, Fault, ValueColumn, blank_rows, is_missing, spelled, strangers
from posicional.records.pages import HALF
from posicional.records.rows import Index, Ints, Mask, Rows
from posicional.records.swar import bad_digits, combine_pairs, either, load_digits, parse_digits

Days = npt.NDArray[np.int32]
_NO_YEAR = 10_000
_NO_PART = 99  # no hour, minute or second
_EPOCH = date(1970, 1, 1)
_SECOND = 1_000_000


@cache
def _pairs() -> Ints:
    """Number of each pair of characters (the first one in the low byte); -1 where they are not two digits."""
    table = np.full(1 << 16, -1, np.int64)
    for tens in range(10):
        for ones in range(10):
            table[(48 + ones) << 8 | (48 + tens)] = tens * 10 + ones
    return table


def _table(invalid: int, factor: int = 1) -> Days:
    """Number times `factor` of each pair of characters."""
    pairs = _pairs()
    return np.where(pairs < 0, invalid, pairs * factor).astype(np.int32)


@cache
def _centuries() -> Days:
    return _table(_NO_YEAR, 100)


@cache
def _years() -> Days:
    return _table(_NO_YEAR)


@cache
def _short_years(pivot: int) -> Days:
    pairs = _pairs()
    return np.where(pairs < 0, _NO_YEAR, pairs + np.where(pairs < pivot, 2000, 1900)).astype(np.int32)


@cache
def _parts() -> Days:
    return _table(_NO_PART)


@cache
def _months() -> Days:
    pairs = _pairs()
    return np.where((pairs < 1) | (pairs > 12), 0, pairs).astype(np.int32)


@cache
def _days_less_one() -> npt.NDArray[np.uint8]:
    pairs = _pairs()
    return np.where(pairs < 1, 255, pairs - 1).astype(np.uint8)


@cache
def _calendar() -> tuple[Days, npt.NDArray[np.uint8], Days]:
    """By year * 16 + month: days from 1970 to the month's first day, and its length (0 where there is no such month).

    By year: its length.
    """
    months = np.arange((1 - 1970) * 12, (_NO_YEAR - 1970) * 12 + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
    first = np.zeros((_NO_YEAR + 1, 16), np.int32)
    length = np.zeros((_NO_YEAR + 1, 16), np.uint8)
    first[1:_NO_YEAR, 1:13] = months[:-1].reshape(-1, 12)
    length[1:_NO_YEAR, 1:13] = np.diff(months).reshape(-1, 12)
    return first.ravel(), length.ravel(), length.astype(np.int32).sum(axis=1).astype(np.int32)


class Format:
    """A compiled format: where each part stands, relative to the field."""

    def __init__(self, field: Field) -> None:
        pieces = split_format(field.format)
        free = field.width - sum(
            WIDTHS[text] if mark else len(text) for mark, text in pieces if text != "f" or not mark
        )
        self.at: dict[str, int] = {}
        self.literals: list[tuple[int, str]] = []
        self.fraction = free
        at = 0
        for mark, text in pieces:
            if mark:
                self.at[text] = at
                at += free if text == "f" else WIDTHS[text]
            else:
                if not text.isascii():
                    raise UsageError(f"format {field.format!r} of {field.name}: only ASCII between the parts")
                self.literals += [(at + place, char) for place, char in enumerate(text)]
                at += len(text)
        if at != field.width:
            raise UsageError(f"format {field.format!r} of {field.name} takes {at} positions, the field {field.width}")
        self.pivot = 50 if field.pivot is None else field.pivot
        self._lanes = self._in_a_row()

    def _in_a_row(self) -> tuple[int, ...]:
        """Where century, year, month and day stand among the four pairs of a word; nowhere if they are not in a row."""
        if not {"Y", "m", "d"} <= self.at.keys():
            return ()
        places = (self.at["Y"], self.at["Y"] + 2, self.at["m"], self.at["d"])
        low = min(places)
        return tuple((at - low) // 2 for at in places) if sorted(places) == [low, low + 2, low + 4, low + 6] else ()

    def days(self, rows: Rows, start: int) -> tuple[Days, Mask]:
        """Days since 1970 and which records hold no date."""
        if self._lanes:
            return self._days_in_a_row(rows, start + min(self.at["Y"], self.at["m"], self.at["d"]))
        first, length, year_length = _calendar()
        if "Y" in self.at:
            at = start + self.at["Y"]
            year = _centuries()[rows.pairs(at)]
            year += _years()[rows.pairs(at + 2)]
        else:
            year = _short_years(self.pivot)[rows.pairs(start + self.at["y"])]
        np.minimum(year, _NO_YEAR, out=year)
        if "j" in self.at:
            at = start + self.at["j"]
            last = rows.column(at + 2) - np.uint8(48)
            of_year = _table(_NO_YEAR)[rows.pairs(at)] * 10 + last
            bad = (last > 9) | (of_year < 1) | (of_year > year_length[year])
            return first[year * 16 + 1] + of_year - 1, bad
        month = year
        month *= 16
        month += _months()[rows.pairs(start + self.at["m"])]
        found: Days = first[month]
        if "d" not in self.at:
            return found, length[month] == 0
        day = _days_less_one()[rows.pairs(start + self.at["d"])]
        found += day
        return found, day >= length[month]

    def _days_in_a_row(self, rows: Rows, start: int) -> tuple[Days, Mask]:
        """The same of eight digits from `start` on."""
        first, length, _ = _calendar()
        words = rows.work.words(0, rows.count)
        load_digits(rows, start, 8, words)
        strange = bad_digits(words)
        if strange is not None:
            words[strange] = 0  # month 0, which no year has
        combine_pairs(words)
        pairs = words.view(np.uint16).reshape(-1, 4)
        century, year, month, day = (pairs[:, lane] for lane in self._lanes)
        place = rows.work.words(1, rows.count).view(np.int64)
        np.multiply(century, 1600, out=place, dtype=np.int64)
        place += year * np.uint16(16) + np.minimum(month, np.uint16(15))  # months 13-15 have no days
        before = day - np.uint16(1)
        found = np.take(first, place)
        found += before
        return found, before >= np.take(length, place)

    def seconds(self, rows: Rows, start: int) -> tuple[Ints, Mask]:
        """Seconds since midnight and which records hold no time."""
        hour = _parts()[rows.pairs(start + self.at["H"])]
        bad = hour > 23
        total = hour.astype(np.int64) * 3600
        for letter, factor in (("M", 60), ("S", 1)):
            if letter in self.at:
                part = _parts()[rows.pairs(start + self.at[letter])]
                bad |= part > 59
                total += part * factor
        return total, bad

    def check(self, rows: Rows, start: int) -> Mask | None:
        """Which records have something else where the format has a literal."""
        bad: Mask | None = None
        for at, char in self.literals:
            wrong = rows.column(start + at) != ord(char)
            bad = either(bad, wrong if wrong.any() else None)
        return bad

    def read(self, text: str) -> datetime | None:
        """One text's date and time of day (1970-01-01 for a time); None where it is none."""
        found = {}
        for letter, at in self.at.items():
            width = self.fraction if letter == "f" else WIDTHS[letter]
            digits = text[at : at + width]
            if not digits.isascii() or not digits.isdigit():
                return None
            found[letter] = int(digits.ljust(6, "0")) if letter == "f" else int(digits)
        if any(text[at : at + 1] != char for at, char in self.literals):
            return None
        if "y" in found:
            found["Y"] = found["y"] + (2000 if found["y"] < self.pivot else 1900)
        try:
            clock = time(found.get("H", 0), found.get("M", 0), found.get("S", 0), found.get("f", 0))
            moment = datetime.combine(date(found.get("Y", 1970), found.get("m", 1), found.get("d", 1)), clock)
            if "j" in found:
                moment += timedelta(days=found["j"] - 1)
                return moment if found["j"] and moment.year == found["Y"] else None
        except (ValueError, OverflowError):
            return None
        return moment


class MomentColumn(ValueColumn[Any]):
    """A date (days), a timestamp (microseconds) or a time (`HH:MM:SS` as eight bytes in a word)."""

    def __init__(self, field: Field) -> None:
        arrow, dtype = {
            "date": (pa.date32(), np.int32),
            "timestamp": (pa.timestamp("us"), np.int64),
            "time": (pa.string(), np.uint64),
        }[field.type]
        super().__init__(field, arrow, cast(Any, dtype))
        self.format = Format(field)
        self.fault = Fault(f"not a {field.type}", field.format)
        self._strange = strangers(field, "0123456789" + "".join(char for _, char in self.format.literals))
        spellings = [self.format.read(text) for text in field.missing if len(text) == field.width]
        self._missing = [self._number(moment) for moment in spellings if moment is not None]
        low, high = (None if bound is None else self._bound(bound) for bound in (field.minimum, field.maximum))
        self._low, self._high = low, high
        texts = [
            f"{word} {bound}"
            for word, bound in (("at least", field.minimum), ("at most", field.maximum))
            if bound is not None
        ]
        self._range = Fault("out of range", ", ".join(texts))

    def fill(self, rows: Rows, at: int) -> list[Bad]:
        """See `Column`."""
        start = self.field.start
        numbers, wrong = self._parse(rows, start)
        wrong = cast(Mask, either(wrong, self.format.check(rows, start)))
        for value in self._missing:
            wrong |= numbers == value
        self.values[at : at + rows.count] = self._texts(rows, start) if self.field.type == "time" else numbers
        bad = self._mend(rows, np.flatnonzero(wrong), at) if wrong.any() else []
        return bad + self._check_range(numbers, self.null_of(at, rows.count), bad)

    def _parse(self, rows: Rows, start: int) -> tuple[npt.NDArray[Any], Mask]:
        """Days, microseconds, or microseconds since midnight; and which records hold none."""
        if self.field.type == "date":
            return self.format.days(rows, start)
        seconds, bad = self.format.seconds(rows, start)
        seconds *= _SECOND
        if "f" in self.format.at:
            part = np.empty(rows.count, np.int64)
            wrong = parse_digits(rows, start + self.format.at["f"], self.format.fraction, part)
            bad = cast(Mask, either(bad, wrong))
            seconds += part * 10 ** (6 - self.format.fraction)
        if self.field.type == "timestamp":
            days, wrong = self.format.days(rows, start)
            seconds += days.astype(np.int64) * (86_400 * _SECOND)
            bad |= wrong
        return seconds, bad

    def _texts(self, rows: Rows, start: int) -> npt.NDArray[np.uint64]:
        """`HH:MM:SS` of every record, as words."""
        cells = np.empty((rows.count, 8), np.uint8)
        cells[:] = np.frombuffer(b"00:00:00", np.uint8)
        for letter, place in (("H", 0), ("M", 3), ("S", 6)):
            if letter in self.format.at:
                cells[:, place : place + 2] = rows.matrix(start + self.format.at[letter], 2)
        return cells.view("<u8").reshape(-1)

    def _mend(self, rows: Rows, index: Index, at: int) -> list[Bad]:
        cells = rows.matrix(self.field.start, self.field.width)[index]
        strange = (cells < HALF).all(axis=1) & self._strange[cells].any(axis=1)
        blank = blank_rows(cells)
        bad = [Bad(index[strange], self.fault)] if strange.any() else []
        bad += self.set_null(index[blank], at)
        index = index[~(blank | strange)]
        nulls: list[int] = []
        wrong: list[int] = []
        for raw, places in spelled(rows, self.field.start, self.field.width, index).items():
            text = rows.page.decode(raw)
            if text is not None and is_missing(self.field, text):
                nulls += places
            elif text is None or self.format.read(text) is None:
                wrong += places
        bad += self.set_null(index[nulls], at)
        return [*bad, Bad(index[wrong], self.fault)] if wrong else bad

    def _check_range(self, numbers: npt.NDArray[Any], nulls: Mask | None, bad: list[Bad]) -> list[Bad]:
        if self._low is None and self._high is None:
            return []
        outside = np.zeros(len(numbers), bool)
        if self._low is not None:
            outside |= numbers < self._low
        if self._high is not None:
            outside |= numbers > self._high
        if nulls is not None:
            outside &= ~nulls
        for one in bad:
            outside[one.rows] = False
        rows = np.flatnonzero(outside)
        return [Bad(rows, self._range)] if len(rows) else []

    def _number(self, moment: datetime) -> int:
        if self.field.type == "date":
            return (moment.date() - _EPOCH).days
        return (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001  # a wall clock

    def _bound(self, bound: object) -> int:
        if isinstance(bound, datetime):
            return self._number(bound)
        if isinstance(bound, date):
            return self._number(datetime(bound.year, bound.month, bound.day))  # noqa: DTZ001  # a wall clock
        return self._number(datetime.fromisoformat(f"1970-01-01T{bound}"))

    def finish(self, count: int) -> pa.Array:
        """See `Column`."""
        if self.field.type != "time":
            return super().finish(count)
        offsets = np.arange(0, 8 * count + 1, 8, dtype=np.int32)
        buffers = [self.validity(count), pa.py_buffer(offsets), pa.py_buffer(self.values[:count])]
        array = pa.Array.from_buffers(self.arrow, count, buffers)
        self.begin(0)
        return array
