"""Columns of positional records, written straight into a matrix of bytes: one row a record, one column a position.

Numbers come from a counter, not from a generator with a state: `draw` mixes the row's number with the name of what is
drawn. So any row can be computed alone, blocks may have any size, and the result is the same with every version of
numpy and on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
"""One integer a record: row numbers, cents, days since 1970-01-01."""
Matrix = NDArray[np.uint8]
"""Bytes of shape (records, record length with its line end)."""
Texts = NDArray[np.bytes_]
"""One encoded text a record."""

FIRST_DAY = np.datetime64("1900-01-01").astype(np.int64)
LAST_DAY = np.datetime64("2199-12-31").astype(np.int64)

CPF_SPACE = 999_999_990
"""How many numbers of nine digits are not the same digit nine times: as many different CPFs."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A detail record: `length` in bytes without `line_end`, the `mark` it begins with, `fields` as 0-based slices."""

    length: int
    mark: bytes
    line_end: bytes
    fields: Mapping[str, slice]


def shape(length: int, *, mark: bytes = b"", line_end: bytes = b"\n", **widths: int) -> Shape:
    """A shape from its fields' widths in bytes, one behind the other after the mark."""
    fields: dict[str, slice] = {}
    start = len(mark)
    for name, width in widths.items():
        fields[name] = slice(start, start + width)
        start += width
    if start > length:
        msg = f"fields end at {start}, behind the record's {length} bytes"
        raise ValueError(msg)
    return Shape(length, mark, line_end, fields)


def blank(of: Shape, records: int) -> Matrix:
    """So many records of blanks, each with its mark and line end."""
    matrix = np.full((records, of.length + len(of.line_end)), ord(" "), np.uint8)
    matrix[:, : len(of.mark)] = np.frombuffer(of.mark, np.uint8)
    matrix[:, of.length :] = np.frombuffer(of.line_end, np.uint8)
    return matrix


@cache
def _stream(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def draw(name: str, rows: Rows, below: int) -> Rows:
    """One integer of 0 … below - 1 for each row number (below < 2^32): evenly spread, the same whenever asked.

    The mixing is splitmix64's.
    """
    z = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(_stream(name))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    scaled: Rows = (((z >> np.uint64(32)) * np.uint64(below)) >> np.uint64(32)).astype(np.int64)
    return scaled


@cache
def _encoded(words: tuple[str, ...], encoding: str) -> Texts:
    return np.array([word.encode(encoding) for word in words], dtype=np.bytes_)


def pick(words: tuple[str, ...], index: Rows, encoding: str = "utf-8") -> Texts:
    """The words with these numbers, encoded."""
    return _encoded(words, encoding)[index]


def put_text(matrix: Matrix, at: slice, values: Texts) -> None:
    """Texts at the left of a field, blanks behind, counted in bytes: no text is ever cut, least of all in a letter."""
    width = at.stop - at.start
    if values.dtype.itemsize > width:
        msg = f"a text of up to {values.dtype.itemsize} bytes does not fit into {width}"
        raise ValueError(msg)
    padded = values.astype(f"S{width}").view(np.uint8).reshape(len(values), width)
    np.maximum(padded, ord(" "), out=matrix[:, at])  # numpy fills up with NUL; no text holds anything below a blank


@cache
def _four_digits() -> Matrix:
    numbers = np.arange(10_000)[:, None] // np.array([1000, 100, 10, 1]) % 10
    digits: Matrix = (numbers + ord("0")).astype(np.uint8)
    return digits


def put_digits(matrix: Matrix, at: slice, values: Rows) -> None:
    """Numbers of zero or more, right-aligned, with zeros in front."""
    width = at.stop - at.start
    if width < 19 and len(values) and int(values.max()) >= 10**width:
        msg = f"a number does not fit into {width} digits"
        raise ValueError(msg)
    left, stop = values, at.stop
    while stop > at.start:
        taken = min(4, stop - at.start)
        left, four = np.divmod(left, 10_000)
        matrix[:, stop - taken : stop] = _four_digits()[four, 4 - taken :]
        stop -= taken


def put_signed(matrix: Matrix, at: slice, values: Rows, *, leading: bool) -> None:
    """Numbers of either sign: `+` or `-` in front of the digits, or behind them."""
    sign, first = (at.start, at.start + 1) if leading else (at.stop - 1, at.start)
    matrix[:, sign] = np.where(values < 0, ord("-"), ord("+"))
    put_digits(matrix, slice(first, first + at.stop - at.start - 1), np.abs(values))


@cache
def _calendar(day_first: bool) -> Matrix:
    days = np.arange(FIRST_DAY, LAST_DAY + 1).astype("M8[D]")
    months = days.astype("M8[M]")
    year = months.astype("M8[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = (days - months).astype(np.int64) + 1
    matrix = np.empty((len(days), 8), np.uint8)
    put_digits(
        matrix, slice(0, 8), (day * 100 + month) * 10_000 + year if day_first else (year * 100 + month) * 100 + day
    )
    return matrix


def put_date(matrix: Matrix, at: slice, days: Rows, *, day_first: bool = False) -> None:
    """Days since 1970-01-01 as YYYYMMDD, or as DDMMYYYY; in a field of six bytes as YYYYMM."""
    matrix[:, at] = _calendar(day_first)[days - FIRST_DAY, : at.stop - at.start]


def put_where(matrix: Matrix, at: slice, here: NDArray[np.bool_], spelling: bytes) -> None:
    """The same spelling (as wide as the field) into the records that are `here`."""
    matrix[here, at] = np.frombuffer(spelling, np.uint8)


def _check_digit(numbers: Rows, digits: int, heaviest: int) -> Rows:
    """Modulo 11: weights 2 … heaviest and round again, from the right; 10 and 11 count as 0."""
    total, left, weight = np.zeros_like(numbers), numbers, 2
    for _ in range(digits):
        left, digit = np.divmod(left, 10)
        total += digit * weight
        weight = 2 if weight == heaviest else weight + 1
    check: Rows = (11 - total % 11) % 11 % 10
    return check


def cpf(order: Rows) -> Rows:
    """A person's tax number (11 digits, check digits right) for each of 0 … CPF_SPACE - 1; different for each.

    Numbers of nine equal digits have right check digits too, but no office accepts them: they are stepped over.
    """
    root = order + order // 111_111_110 + 1
    first = root * 10 + _check_digit(root, 9, 11)
    return first * 10 + _check_digit(first, 10, 11)


def cnpj(root: Rows) -> Rows:
    """A company's tax number (14 digits, check digits right) from its first twelve."""
    first = root * 10 + _check_digit(root, 12, 9)
    return first * 10 + _check_digit(first, 13, 9)
