"""Decoding: each type's spellings, what is null, and what is refused with which reason; in bulk and among rubbish."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from posicional.contract.layout import Field
from posicional.records.columns import Column
from posicional.records.decode import column_of, columns_of
from posicional.records.pages import page_of
from posicional.records.rows import MARGIN, Rows, Work


def rows_of(cells: list[bytes], encoding: str = "utf-8") -> Rows:
    """Records that consist of one field."""
    page = page_of(encoding)
    width = len(cells[0])
    assert {len(cell) for cell in cells} == {width}

    def rows(data: bytes, raw: Rows | None) -> Rows:
        flat = np.frombuffer(b"\xff" * MARGIN + data + b"\xff" * MARGIN, np.uint8)
        return Rows(flat, MARGIN, width, len(cells), data.isascii(), page, Work(16), raw)

    joined = b"".join(cells)
    return rows(joined, None) if page.table is None else rows(page.inner(joined), rows(joined, None))


def decoded(column: Column, cells: list[bytes], encoding: str = "utf-8") -> list[Any]:
    """The values; for refused ones the reason in <>."""
    column.begin(len(cells))
    bad = column.take(rows_of(cells, encoding), 0)
    reasons = {row: f"<{one.fault.reason}>" for one in bad for row in one.rows.tolist()}
    array = column.finish(len(cells))
    # What a refused record holds in the column means nothing: it may not even be a date that Python knows.
    return [reasons[row] if row in reasons else array[row].as_py() for row in range(len(cells))]


def number(width: int, **words: Any) -> Field:
    """A number as wide as its digits and sign."""
    more = (words.get("sign") in ("leading", "trailing")) + (words.get("point", "implied") != "implied")
    given = {"type": "decimal" if "scale" in words else "integer", "digits": width - more} | words
    return Field("n", 0, width, **given)


NOT = "<not a number>"
MANY = "<too many digits>"
NUMBERS: list[tuple[str, Field, dict[str, Any]]] = [
    ("none", number(4), {"0042": 42, "  42": 42, "    ": None, "42  ": NOT, "4 2 ": NOT, "-042": NOT, "  ٣": NOT}),
    (
        "leading",
        number(5, sign="leading"),
        {"+0042": 42, "-0042": -42, "  -42": -42, "   42": 42, "00042": NOT, "    -": NOT},
    ),
    ("trailing", number(5, sign="trailing"), {"0042+": 42, "  42-": -42, "0042 ": NOT, "00042": NOT, "    -": NOT}),
    (
        "overpunch",
        number(4, sign="overpunch"),
        {"004B": 42, "004K": -42, "0042": 42, "   }": 0, "  4{": 40, "004S": NOT},
    ),
    ("scale", number(5, scale=2), {"00123": Decimal("1.23"), "  123": Decimal("1.23"), "1.230": NOT}),
    (
        "point",
        number(6, scale=2, point="."),
        {
            "001.23": Decimal("1.23"),
            "  1.5 ": NOT,
            "   1.5": Decimal("1.50"),
            "     7": Decimal(7),
            "1.2345": NOT,
            "     .": NOT,
        },
    ),
    (
        "comma",
        number(7, scale=2, point=",", sign="leading"),
        {"-001,23": Decimal("-1.23"), "  -1,23": Decimal("-1.23"), "+01.230": NOT},
    ),
    ("digits", number(6, digits=4), {"009999": 9999, "010000": MANY, "     7": 7}),
    (
        "missing",
        number(4, missing=("9999", ".", "N/A")),
        {"9999": None, ".   ": None, " N/A": None, "9998": 9998, "   .": None},
    ),
    ("seventeen", number(17), {"99999999999999999": 10**17 - 1, "0" * 16 + "x": NOT}),
    (
        "wide",
        number(38, sign="none", scale=6),
        {"9" * 38: Decimal("9" * 32 + "." + "9" * 6), " " * 37 + "1": Decimal("0.000001"), "x" * 38: NOT},
    ),
    (
        "wide-signed",
        number(24, sign="leading"),
        {"-" + "9" * 23: 1 - 10**23, "+" + "0" * 22 + "7": 7, " " * 20 + "-123": -123, " " * 24: None},
    ),
    ("wide-room", number(22, digits=3), {"0" * 19 + "999": 999, "0" * 18 + "1000": MANY}),
]


@pytest.mark.parametrize(("field", "cases"), [case[1:] for case in NUMBERS], ids=[case[0] for case in NUMBERS])
def test_numbers_in_characters(field: Field, cases: dict[str, Any]) -> None:
    """Every spelling alone and all of them together, so that none leans on its neighbours."""
    cells = [text.encode() for text in cases]
    assert decoded(column_of(field), cells) == list(cases.values())
    for cell, value in zip(cells, cases.values(), strict=True):
        assert decoded(column_of(field), [cell]) == [value]


def test_numbers_are_refused_for_bounds_and_for_being_blank() -> None:
    """A null is not out of bounds, and a record is refused once."""
    field = number(3, minimum=10, maximum=20, required=True)
    assert decoded(column_of(field), [b"009", b"010", b"020", b"021", b"   ", b"0x1"]) == [
        "<out of range>",
        10,
        20,
        "<out of range>",
        "<required>",
        NOT,
    ]


@pytest.mark.parametrize("encoding", ["cp037", "cp500", "cp1047", "cp1252", "utf-8"])
def test_digits_and_signs_are_read_in_every_page(encoding: str) -> None:
    """EBCDIC digits, blanks and overpunched signs are those of its own page."""
    texts = ["004B", "004K", "  42", "    "]
    name = "cp037" if encoding == "cp1047" else encoding
    cells = [text.encode(name) for text in texts]
    assert decoded(column_of(number(4, sign="overpunch")), cells, encoding) == [42, -42, 42, None]


PACKED: list[tuple[Field, dict[str, Any]]] = [
    (
        number(3, digits=5, usage="packed", sign="trailing"),
        {"12345c": 12345, "12345d": -12345, "00007f": 7, "404040": None, "12345a": NOT, "1a345c": NOT, "000000": NOT},
    ),
    (
        number(3, digits=4, usage="packed", sign="none", scale=2),
        {"01234c": Decimal("12.34"), "11234c": MANY, "01234d": NOT},
    ),
    (number(10, digits=19, usage="packed", sign="trailing"), {"9" * 19 + "d": 1 - 10**19, "0" * 19 + "c": 0}),
    (number(19, digits=37, usage="packed", sign="trailing", scale=3), {"1" * 37 + "c": Decimal("1" * 34 + ".111")}),
]


@pytest.mark.parametrize(("field", "cases"), PACKED, ids=["signed", "unsigned", "nineteen", "thirty-seven"])
def test_packed_numbers(field: Field, cases: dict[str, Any]) -> None:
    """Two digits a byte, C and F plus, D minus; every other nibble is refused."""
    assert decoded(column_of(field), [bytes.fromhex(text) for text in cases], "cp037") == list(cases.values())


@pytest.mark.parametrize("width", [1, 2, 4, 8])
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_binary_numbers(width: int, signed: bool) -> None:
    """Big-endian, from the least to the greatest of each size."""
    bits = 8 * width - signed
    numbers = [0, 1, 2**bits - 1, *([-1, -(2**bits)] if signed else [])]
    field = number(width, digits=len(str(2**bits)), usage="binary", sign="leading" if signed else "none")
    cells = [value.to_bytes(width, "big", signed=signed) for value in numbers]
    assert decoded(column_of(field), cells, "cp037") == numbers


MOMENTS: list[tuple[Field, dict[str, Any]]] = [
    (
        Field("d", 0, 8, "date", format="%Y%m%d", missing=("00000000", "99991231")),
        {
            "20240229": date(2024, 2, 29),
            "20230229": "<not a date>",
            "00000000": None,
            "99991231": None,
            "00010101": date(1, 1, 1),
            "2024 101": "<not a date>",
            "        ": None,
            "20241301": "<not a date>",
            "00000101": "<not a date>",
        },
    ),
    (Field("d", 0, 10, "date", format="%d/%m/%Y"), {"31/12/1999": date(1999, 12, 31), "31-12-1999": "<not a date>"}),
    (Field("d", 0, 6, "date", format="%d%m%y", pivot=50), {"010149": date(2049, 1, 1), "010150": date(1950, 1, 1)}),
    (
        Field("d", 0, 7, "date", format="%Y%j"),
        {"2024366": date(2024, 12, 31), "2023366": "<not a date>", "2023000": "<not a date>"},
    ),
    (Field("d", 0, 6, "date", format="%Y%m"), {"202402": date(2024, 2, 1), "202413": "<not a date>"}),
    (Field("t", 0, 4, "time", format="%H%M"), {"2359": "23:59:00", "2400": "<not a time>", "    ": None}),
    (
        Field("t", 0, 17, "timestamp", format="%Y%m%d%H%M%S%f"),
        {
            "20240229235959123": datetime.fromisoformat("2024-02-29T23:59:59.123"),
            "20240229235960123": "<not a timestamp>",
        },
    ),
]


@pytest.mark.parametrize(("field", "cases"), MOMENTS, ids=[f"{case[0].type}-{case[0].format}" for case in MOMENTS])
def test_dates_and_times(field: Field, cases: dict[str, Any]) -> None:
    """Only what is exactly in the format and in the calendar."""
    assert decoded(column_of(field), [text.encode() for text in cases]) == list(cases.values())


@pytest.mark.parametrize("written", ["%Y%m%d", "%d%m%Y", "%m%d%Y", "%Y-%m%d", "%d.%m.%Y"])
def test_every_day_of_the_calendar(written: str) -> None:
    """The tables agree with Python's calendar on all days and on all that are none, in whatever order they stand."""
    spelled = written.replace("%Y", "{0:04d}").replace("%m", "{1:02d}").replace("%d", "{2:02d}")
    column = column_of(Field("d", 0, len(spelled.format(1, 1, 1)), "date", format=written))
    for year in (0, 1, 1600, 1900, 1970, 2000, 2023, 2024, 9999):
        days = [(year, month, day) for month in (*range(18), 29, 30, 99) for day in (*range(33), 65, 99)]
        expected: list[Any] = []
        for day in days:
            try:
                expected.append(date(*day))
            except ValueError:
                expected.append("<not a date>")
        assert decoded(column, [spelled.format(*day).encode() for day in days]) == expected


TEXT = Field("s", 0, 5, "string")


@pytest.mark.parametrize("compact", [False, True], ids=["plain", "for-parquet"])
@pytest.mark.parametrize(
    ("field", "encoding", "cases"),
    [
        (TEXT, "utf-8", {b" ab  ": "ab", b"00012": "00012", b"     ": None, b"abcd\xc3": "<not in the encoding>"}),
        (replace(TEXT, trim="right"), "utf-8", {b" ab  ": " ab", b"     ": None}),
        (replace(TEXT, trim="none"), "utf-8", {b" ab  ": " ab  ", b"     ": None}),
        (replace(TEXT, missing=("N/A", "-")), "utf-8", {b"N/A  ": None, b"  -  ": None, b"--   ": "--"}),
        (
            replace(TEXT, enum=("A", "B"), required=True),
            "utf-8",
            {b"A    ": "A", b"C    ": "<not allowed>", b"     ": "<required>"},
        ),
        (TEXT, "cp1252", {b"\x80 \xe9  ": "€ é", b"a\x81b  ": "<not in the encoding>", b"abc  ": "abc"}),
        (TEXT, "latin-1", {b"\xe9\xe8\xea  ": "éèê", b"\x85abc ": "\x85abc"}),
        (TEXT, "cp037", {"Ação ".encode("cp037"): "Ação", "\x40\x40\x40\x40\x40".encode("latin-1"): None}),
        (replace(TEXT, width=5), "utf-8", {"ã".encode() + b"   ": "ã", b"\xa3abcd": "<not in the encoding>"}),
    ],
    ids=["both", "right", "none", "missing", "enum", "cp1252", "latin-1", "cp037", "continuation"],
)
def test_texts(field: Field, encoding: str, cases: dict[bytes, Any], compact: bool) -> None:
    """Trimmed, null where blank or spelled so, refused where it is no text; as a dictionary just the same."""
    (column,) = columns_of([field], compact=compact)
    assert decoded(column, list(cases), encoding) == list(cases.values())
    (column,) = columns_of([field], compact=compact)
    assert decoded(column, list(cases) * 50, encoding) == list(cases.values()) * 50


def test_a_dictionary_is_given_up_when_texts_stop_repeating() -> None:
    """The first frame decides, later ones may prove it wrong; the values stay right and in order."""
    (column,) = columns_of([TEXT], compact=True)
    column.begin(5000)
    same, other = [b"same "] * 1000, [b"%05d" % n for n in range(4000)]
    assert [column.take(rows_of(cells), at) for cells, at in ((same, 0), (other, 1000))] == [[], []]
    assert column.finish(5000).to_pylist() == ["same"] * 1000 + [cell.decode() for cell in other]
    column.begin(1)
    assert decoded(column, [b"  x  "]) == ["x"]


def test_booleans_by_their_spellings() -> None:
    """Blank may be a spelling; anything else is refused."""
    field = Field("b", 0, 2, "boolean", true=("S",), false=("N", ""), missing=("?",))
    assert decoded(column_of(field), [b"S ", b" S", b"N ", b"? ", b"X "]) == [
        True,
        True,
        False,
        None,
        "<not a boolean>",
    ]


def test_bytes_as_they_stand() -> None:
    """Never trimmed, never null, never translated."""
    assert decoded(column_of(Field("r", 0, 2, "bytes")), [b"  ", b"\x40\xf1"], "cp037") == [b"  ", b"\x40\xf1"]


def test_lists_and_groups_name_the_first_bad_field_of_the_first_occurrence() -> None:
    """Occurrences are read as records of their own; what is wrong is told of their record, once."""
    assert decoded(column_of(replace(number(2), repeat=3)), [b"010203", b"01  03", b"0x02y3"]) == [
        [1, 2, 3],
        [1, None, 3],
        NOT,
    ]
    inner = (Field("code", 0, 1, "string", required=True), Field("day", 1, 2, "integer", digits=2))
    column = column_of(Field("g", 0, 3, "group", repeat=2, fields=inner))
    column.begin(3)
    bad = column.take(rows_of([b"a01b02", b"a0x 0x", b" 01a0x"]), 0)
    assert {row: (one.fault.field, one.fault.reason) for one in bad for row in one.rows.tolist()} == {
        1: ("day", "not a number"), 2: ("code", "required"),
    }  # fmt: skip
    assert column.finish(3).to_pylist()[0] == [{"code": "a", "day": 1}, {"code": "b", "day": 2}]


def test_rubbish_among_thousands_is_found_wherever_it_stands() -> None:
    """Seeded: numbers of which one in a hundred is spoiled; every other value is right."""
    seed = 20261122
    print("seed", seed)
    random = np.random.default_rng(seed)
    values = random.integers(0, 10**15, 20_000)
    cells = [b"%015d" % value for value in values]
    spoiled = set(random.choice(len(cells), 200, replace=False).tolist())
    for row in spoiled:
        place = int(random.integers(15))
        cells[row] = (
            cells[row][:place] + bytes([random.choice(np.frombuffer(b"/:.x \0+", np.uint8))]) + cells[row][place + 1 :]
        )
    found = decoded(column_of(number(15)), cells)
    for row, value in enumerate(values.tolist()):
        expected = value
        if row in spoiled:
            text = cells[row].lstrip(b" ")
            expected = int(text) if text.isdigit() else NOT
        assert found[row] == expected, row
