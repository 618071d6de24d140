"""The reader as a whole: rows, rejects, the account, the hash, tables and parts of one file."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import pyarrow.parquet as pq
import pytest

from posicional.contract.layout import Field, Layout, Match, RecordKind, When
from posicional.errors import DataRefused, StoreError, UsageError
from posicional.records.conversion import Account, Conversion
from posicional.records.reader import convert, read_batches
from test_framing import Bytes


@dataclass
class Parts:
    """A sink that keeps what was closed."""

    closed: dict[str, bytes] = field(default_factory=dict)

    def open(self, name: str) -> BinaryIO:
        """A stream for a new part."""
        kept = self.closed

        class Stream(io.BytesIO):
            def close(self) -> None:
                kept[name] = self.getvalue()
                super().close()

            def __del__(self) -> None:
                """Being forgotten is not being closed."""

        return Stream()

    def rows(self, name: str = "part-00000.parquet") -> list[dict[str, Any]]:
        """The rows of a part."""
        return list(pq.read_table(io.BytesIO(self.closed[name])).to_pylist())


@dataclass
class Converted:
    """A conversion with the parts it wrote."""

    told: Conversion
    sink: Parts
    rejects: Parts


def converted(data: bytes, layout: Layout, **given: Any) -> Converted:
    """Convert bytes as `f.txt`, any number of rejects allowed."""
    sink, rejects = Parts(), Parts()
    allowed: dict[str, Any] = {"tolerance": lambda _rejects, _records: True, "workers": 1}
    told = convert(Bytes(data), layout, sink, rejects, file="f", path="in/f.txt", **allowed | given)
    return Converted(told, sink, rejects)


CODE = Field("code", 0, 3, "string", required=True)
NUMBER = Field("number", 3, 4, "integer", 4)
KIND = RecordKind("detail", "detail", When(otherwise=True), 7, (CODE, NUMBER))
LAYOUT = Layout("made", "0", "utf-8", "bytes", "newline", "reject", (KIND,))


def test_rows_say_where_they_came_from() -> None:
    """File, physical line, and the byte where the record begins."""
    assert converted(b"abc0001\nd  0002\n", LAYOUT).sink.rows() == [
        {"code": "abc", "number": 1, "_file": "in/f.txt", "_line": 1, "_byte": 0},
        {"code": "d", "number": 2, "_file": "in/f.txt", "_line": 2, "_byte": 8},
    ]


def test_rejects_say_what_is_wrong_and_keep_the_bytes() -> None:
    """The first bad field, its positions, how many more; the raw record is enough to mend it."""
    data = b"abc0001\n   x002\nlonger than it\nabc\nabc0x03\n"
    found = converted(data, LAYOUT)
    shown = [
        (r["line"], r["byte"], r["field"], r["start"], r["stop"], r["reason"], r["others"], r["raw"])
        for r in found.rejects.rows()
    ]
    assert shown == [
        (2, 8, "code", 1, 3, "required", 1, b"   x002"),
        (3, 16, None, None, None, "too long", 0, b"longer than it"),
        (4, 31, None, None, None, "too short", 0, b"abc"),
        (5, 35, "number", 4, 7, "not a number", 0, b"abc0x03"),
    ]
    assert [row["_line"] for row in found.sink.rows()] == [1]
    assert found.told.account == Account(43, 8, 0, 35, 0, 5, 1, 4, 0)


def test_a_reason_never_holds_a_value() -> None:
    """Reasons and expectations are counted, shown and logged; values stand in `raw` alone."""
    rows = converted(b"abcSECR\n", LAYOUT).rejects.rows()
    assert all("SECR" not in str(row[name]) for row in rows for name in row if name != "raw")


def test_the_hash_is_that_of_the_pieces_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """sha256 over the sha256s of consecutive pieces of what is stored, tail and all."""
    data = b"abc0001\n" * 100 + b"\n\n\x1a"
    monkeypatch.setattr("posicional.records.blocks.PIECE", 128)
    pieces = [hashlib.sha256(data[at : at + 128]).digest() for at in range(0, len(data), 128)]
    found = converted(data, LAYOUT).told
    assert found.sha256 == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert (found.size, found.account.ignored, found.account.balanced) == (len(data), 3, True)


def test_too_many_rejects_refuse_the_file_and_keep_its_parts() -> None:
    """The parts stay: accepting the file later converts nothing again."""
    found = converted(b"abc0001\nabc\n", LAYOUT, tolerance=lambda rejects, records: rejects * 3 <= records)
    assert [one.reason for one in found.told.problems] == ["rejects"]
    assert found.told.tables == {"f": 1}
    assert len(found.sink.rows()) == 1


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\x1a", b"\xef\xbb\xbf"], ids=["nothing", "lines", "ctrl-z", "bom"])
def test_a_file_without_records_is_empty(data: bytes) -> None:
    """Refused unless it may be; its table has a part without rows either way, and no rejects part."""
    found = converted(data, LAYOUT)
    assert [one.reason for one in found.told.problems] == ["empty"]
    assert (found.sink.rows(), found.told.rejects) == ([], ())
    assert converted(data, LAYOUT, allow_empty=True).told.problems == ()


def of_kind(name: str, code: bytes, width: int, **more: Any) -> RecordKind:
    """A kind known by its first byte, with a text behind it."""
    when = When((Match(0, 1, (code,)),))
    return RecordKind(name, more.pop("role", "detail"), when, width + 1, (Field("text", 1, width, "string"),), **more)


KINDS = Layout(
    "made", "0", "cp1252", "bytes", "newline", "reject",
    (of_kind("header", b"H", 2, role="header", table=True), of_kind("a", b"A", 3), of_kind("b", b"B", 12)),
)  # fmt: skip


def test_kinds_become_tables_of_their_own() -> None:
    """Each with its own length; a control record that is a table too is also kept as a control."""
    found = converted(b"Hxy\r\nAone\r\nBtwelve bytes\r\nAtwo\r\n?\r\n", KINDS)
    assert found.told.tables == {"f_a": 2, "f_b": 1, "f_header": 1}
    assert [row["text"] for row in found.sink.rows("f_a-part-00000.parquet")] == ["one", "two"]
    assert [row["_byte"] for row in found.sink.rows("f_b-part-00000.parquet")] == [11]
    assert [dict(one.values) for one in found.told.controls] == [{"text": "xy"}]
    assert [row["reason"] for row in found.rejects.rows()] == ["unknown kind"]


def test_a_record_of_two_kinds_refuses_the_file_naming_both() -> None:
    """Conditions that do not exclude one another are found where they meet."""
    both = replace(
        KINDS, kinds=(of_kind("a", b"A", 3), RecordKind("c", "detail", When((Match(1, 1, (b"o",)),)), 4, ()))
    )
    (problem,) = converted(b"Ax  \nAone\n", both).told.problems
    assert (problem.reason, problem.line) == ("ambiguous", 2)
    assert "a and c" in problem.text


@pytest.mark.parametrize(
    ("data", "rows", "reasons"),
    [(b"ab\n", [], ["too short"]), (b"abc0001\n", [{"code": "abc", "number": 1, "text": None}], [])],
    ids=["cut-inside-a-number", "cut-behind-it"],
)
def test_padding_fills_optional_text_and_nothing_else(
    data: bytes, rows: list[dict[str, Any]], reasons: list[str]
) -> None:
    """A trimmed tail of text comes back as null; a number that is not all there is never made up."""
    kind = replace(KIND, length=12, fields=(replace(CODE, required=False), NUMBER, Field("text", 7, 5, "string")))
    found = converted(data, replace(LAYOUT, short="pad", kinds=(kind,)))
    assert [{name: row[name] for name in ("code", "number", "text")} for row in found.sink.rows()] == rows
    assert [row["reason"] for row in (found.rejects.rows() if reasons else [])] == reasons


def test_positions_in_characters_or_in_bytes() -> None:
    """The same line is right with one unit and wrong with the other; bytes in `_byte` either way."""
    data = "ãbc0001\nabc0002\n漢字仮0003\n".encode()
    chars = converted(data, replace(LAYOUT, unit="chars")).sink.rows()
    assert [(row["code"], row["number"], row["_byte"]) for row in chars] == [
        ("ãbc", 1, 0),
        ("abc", 2, 9),
        ("漢字仮", 3, 17),
    ]
    assert [row["raw"] for row in converted(data, LAYOUT).rejects.rows()] == ["ãbc0001".encode(), "漢字仮0003".encode()]


def test_more_different_characters_than_a_byte_has() -> None:
    """A frame with hundreds of different characters is read in parts."""
    texts = ["".join(chr(0x4E00 + 3 * n + k) for k in range(3)) for n in range(300)]
    data = "".join(f"{text}{n:04d}\n" for n, text in enumerate(texts)).encode()
    found = converted(data, replace(LAYOUT, unit="chars"))
    assert [row["code"] for row in found.sink.rows()] == texts
    assert found.told.account.balanced


def test_what_cannot_be_read_is_refused_before_a_byte_is() -> None:
    """A layout made by hand is checked as well: nothing of it is ever ignored."""
    packed = replace(NUMBER, usage="packed")
    for layout in (
        replace(LAYOUT, encoding="cp037"),
        replace(LAYOUT, encoding="utf-16"),
        replace(LAYOUT, unit="chars", kinds=(replace(KIND, fields=(packed,)),)),
        replace(LAYOUT, framing="fixed", kinds=(KIND, replace(KIND, name="other", length=9))),
    ):
        with pytest.raises(UsageError):
            converted(b"abc0001\n", layout)


def test_batches_stream_and_problems_end_the_stream() -> None:
    """Rows come before the end is known; a file that is not good raises there."""
    good = [read.batch.num_rows for read in read_batches(Bytes(b"abc0001\n"), LAYOUT, file="f", path="f.txt")]
    assert good == [1]
    reads = read_batches(Bytes(b"Aone\n"), KINDS, file="f", path="f.txt")
    assert next(reads).table == "f_a"
    with pytest.raises(DataRefused):
        list(reads)


class Broken(Bytes):
    """A source that is shorter than it says."""

    @property
    def size(self) -> int:
        """Length in bytes, it says."""
        return len(self.data) + 100


def test_a_source_that_ends_early_is_an_error_and_leaves_no_part() -> None:
    """The object changed while it was read: nothing half-written counts."""
    sink = Parts()
    with pytest.raises(StoreError, match="ended early"):
        convert(Broken(b"abc0001\n"), LAYOUT, sink, Parts(), file="f", path="f.txt")
    assert sink.closed == {}
