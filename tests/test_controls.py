"""Control records: order, nesting, counts, sums, dates and running numbers, wherever a file is cut."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from posicional.contract.layout import Check, Control, Field, Layout, Match, RecordKind, Sequence, When
from posicional.records import blocks, framing
from posicional.records.controls import Mark, Problems, Segment, Walk
from posicional.records.reading import Reading
from test_framing import Bytes

COUNT = Field("count", 1, 4, "integer", 4)
TOTAL = Field("total", 5, 6, "decimal", 6, 2)
VALUE = Field("value", 1, 5, "decimal", 5, 2)
NUMBER = Field("number", 11, 3, "integer", 3)


def kind(name: str, code: str, role: str, *fields: Field, **more: object) -> RecordKind:
    """A kind that begins with a letter."""
    return RecordKind(name, role, When((Match(0, 1, (code.encode(),)),)), 14, fields, **more)  # type: ignore[arg-type]  # roles and more as given


SUM = Control("sum", "all", (), "detail.value", TOTAL)
ALL = Control("count", "all", (), "", COUNT)
HEADER = kind(
    "header", "H", "header", Field("day", 1, 8, "date", format="%Y%m%d"), checks=(Check("day", "", is_date=True),)
)
LOT = kind("lot", "L", "header", opens="lot")
DETAIL = kind("detail", "D", "detail", VALUE)
END = kind("end", "E", "trailer", COUNT, TOTAL, closes="lot", controls=(ALL, SUM))
TRAILER = kind("trailer", "T", "trailer", COUNT, TOTAL, controls=(ALL, SUM))


def layout(*kinds: RecordKind) -> Layout:
    """A layout of lines."""
    return Layout("made", "0", "utf-8", "bytes", "newline", "reject", kinds)


WHOLE = layout(HEADER, LOT, DETAIL, END, TRAILER)


def problems(text: str, kinds: Layout = WHOLE, day: date | None = None) -> list[tuple[str, int]]:
    """What is wrong with a file of lines, which are filled up with blanks."""
    data = "".join(line.ljust(14) + "\n" for line in text.splitlines()).encode()
    reading = Reading(kinds, file="f", path="f.txt", date=day)
    list(reading.batches(Bytes(data)))
    assert reading.account.balanced
    return [(one.reason, one.line) for one in reading.problems]


GOOD = "H20261122\nL\nD00100\nD00250\nE0004000350\nL\nD00001\nE0003000001\nT0009000351"


def test_a_good_file_has_no_problems() -> None:
    """Counts and sums of each group and of the file, all records included."""
    assert problems(GOOD, day=date(2026, 11, 22)) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (("H20261122\n", ""), [("control", 8), ("structure", 8)]),
        (("\nT0009000351", ""), [("structure", 8)]),
        (("D00250\n", ""), [("control", 4), ("control", 4), ("control", 8), ("control", 8)]),
        (("D00250", "D00251"), [("control", 5), ("control", 9)]),
        (("D00250", "Dx0250"), [("control", 5), ("control", 9)]),
        (("D00250", "Xx0250"), [("control", 5), ("control", 9)]),
        (("E0004000350", "Ex004000350"), [("control", 5)]),
        (("L\nD00001\nE0003000001", "D00001\nEx003000001"), [("structure", 7), ("control", 8)]),
        (("E0004000350\n", ""), [("structure", 5), ("structure", 8), ("control", 8)]),
        (("T0009", "T0010"), [("control", 9)]),
    ],
    ids=[
        "header",
        "trailer",
        "lost-record",
        "sum",
        "reject-in-a-sum",
        "unknown-kind",
        "unreadable",
        "unreadable-and-unopened",
        "unclosed",
        "count",
    ],
)
def test_every_damage_is_told_with_its_line(change: tuple[str, str], found: list[tuple[str, int]]) -> None:
    """Nothing that a control could have seen goes unseen, and nothing else is told."""
    assert problems(GOOD.replace(*change, 1)) == found


@pytest.mark.parametrize("extra", ["D00100", "T0010000351", "X"])
def test_nothing_may_follow_the_trailer(extra: str) -> None:
    """Whatever it is."""
    assert ("structure", 10) in problems(GOOD + "\n" + extra)


def test_the_header_must_say_the_business_date() -> None:
    """Another day is another file; without a date nothing is compared."""
    assert problems(GOOD, day=date(2026, 11, 21)) == [("header", 1)]
    assert problems(GOOD.replace("H20261122", "H2026112x"), day=date(2026, 11, 22)) == [("header", 1)]


def test_zero_may_mean_that_the_sender_did_not_fill_it() -> None:
    """Only where the contract says so."""
    unfilled = Control("count", "all", (), "", COUNT, zero_unfilled=True)
    kinds = layout(DETAIL, kind("trailer", "T", "trailer", COUNT, controls=(unfilled,)))
    assert problems("D00100\nT0000", kinds) == []
    assert problems("D00100\nT0003", kinds) == [("control", 2)]


def test_sums_are_exact_beyond_64_bits() -> None:
    """38 digits are added without a rounding."""
    long = Field("value", 1, 38, "decimal", 38, 2)
    total = Field("total", 1, 38, "decimal", 38, 2)
    detail = RecordKind("detail", "detail", When((Match(0, 1, (b"D",)),)), 39, (long,))
    sums = (Control("sum", "all", (), "detail.value", total),)
    trailer = RecordKind("trailer", "trailer", When((Match(0, 1, (b"T",)),)), 39, (total,), controls=sums)
    values = [10**37 + n for n in range(5)]
    lines = [f"D{value:038d}" for value in values]
    assert problems("\n".join([*lines, f"T{sum(values):038d}"]), layout(detail, trailer)) == []
    assert problems("\n".join([*lines, f"T{sum(values) + 1:038d}"]), layout(detail, trailer)) == [("control", 6)]


PARTS = (
    LOT,
    kind("detail", "D", "detail", VALUE),
    kind("other", "O", "detail"),
    kind("end", "E", "trailer", closes="lot"),
)
NUMBERED = [replace(one, sequence=Sequence(NUMBER, 1, "lot")) for one in PARTS]


def numbered(*lines: str) -> list[tuple[str, int]]:
    """Problems of lines `kind number`."""
    text = "\n".join(f"{line[0]}{'00100' if line[0] == 'D' else ''}".ljust(11) + line[1:] for line in lines)
    return problems(text, layout(*NUMBERED))


def test_problems_are_told_in_the_order_of_the_lines() -> None:
    """However much of a file is looked at at once: a line of two kinds does not come before what was wrong above."""
    both = RecordKind("both", "detail", When((Match(1, 1, (b"Z",)),)), 14, ())
    told = problems(GOOD.replace("E0004", "E0005").replace("D00001", "DZ0001"), layout(*WHOLE.kinds, both))
    assert told == [("control", 5), ("ambiguous", 7), ("control", 8), ("control", 9)]


def test_what_follows_the_trailer_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of records that stand together the first, though they are looked at a few at a time."""
    text = GOOD + "\nD00100" * 7
    whole = problems(text)
    monkeypatch.setattr(framing, "FRAME_ROWS", 2)
    monkeypatch.setattr(blocks, "PIECE", 40)
    assert problems(text) == whole == [("structure", 10)]


def test_running_numbers_go_on_across_kinds_and_begin_anew_with_each_group() -> None:
    """Gaps and repeats are told; a number that cannot be read counts as the expected one."""
    good = ["L001", "D002", "O003", "D004", "E005", "L001", "E002"]
    assert numbered(*good) == []
    assert numbered("L001", "D002", "O004", "D005", "E006") == [("structure", 3)]
    assert numbered("L001", "D002", "O002", "D003", "E004") == [("structure", 3)]
    assert numbered("L001", "Dx02", "O003", "E004") == []
    assert numbered("L001", "D002", "O   ", "E004") == [("structure", 3)]


def test_segments_add_up_wherever_they_are_cut() -> None:
    """A walk over the halves of a segment ends as one over the whole: ranges of a file can be read apart."""
    mark = Mark("trailer", 5, 60, {"count": 5, "total": Decimal("6.00")}, (5, Decimal("6.00")))
    whole = Segment(first=1)
    whole.kinds["detail"], whole.sums["detail.value"] = 4, 600
    halves = []
    for count, amount, first in ((1, 250, 1), (3, 350, 2)):
        half = Segment(first=first)
        half.kinds["detail"], half.sums["detail.value"] = count, amount
        halves.append(half)
    cuts: list[list[Segment | Mark]] = [[whole, mark], [*halves, mark], [halves[0], Segment(), halves[1], mark]]
    for items in cuts:
        found = Problems()
        walk = Walk(layout(DETAIL, TRAILER), None, found)
        for item in items:
            walk.take(item)
        walk.finish()
        assert list(found) == []


def test_problems_do_not_grow_with_the_file() -> None:
    """A file whose every line is wrong is not understood better by a million sentences."""
    assert len(problems("T0001\n" * 500, layout(DETAIL, TRAILER))) <= 100


def test_rows_name_their_groups_header() -> None:
    """Line of the innermost group's header; nothing outside of groups."""
    data = "".join(line.ljust(14) + "\n" for line in ("D00001\n" + GOOD[10:-12]).splitlines()).encode()
    reading = Reading(layout(LOT, DETAIL, END), file="f", path="f.txt", date=None)
    rows: list[tuple[int, int | None]] = []
    for read in reading.batches(Bytes(data)):
        rows += [(row["_line"], row["_group"]) for row in read.batch.to_pylist()]
    assert rows == [(1, None), (3, 2), (4, 2), (7, 6)]


def test_a_control_record_that_cannot_be_read_is_a_reject_and_a_problem() -> None:
    """Whatever rubbish stands where its date and its time should be, neither of which Python could show."""
    rubbish = Field("days", 1, 8, "date", format="%Y%m%d"), Field("times", 9, 4, "time", format="%H%M")
    header = replace(HEADER, fields=rubbish, checks=())
    data = b"H99999999\xe8\x31\xff\x00 \n" + b"D00100        \n"
    reading = Reading(replace(layout(header, DETAIL), encoding="cp1252"), file="f", path="f.txt", date=None)
    assert [read.table for read in reading.batches(Bytes(data))] == ["f", None]
    assert (reading.account.rejects, reading.controls) == (1, [])
