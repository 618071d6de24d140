"""`posicional layout try`: records under a ruler, all that is bad and how much, and the likely cause; nothing personal.

Causes are tried on files that are broken on purpose, one way each.

`python tests/test_layout_try.py` writes the output of docs/layout-try.md anew; look at the difference before a commit.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import documentation
from commands import COTAHIST, EXAMPLES, ROOT, posicional
from oracle.encoder import encode_file
from oracle.files import broken, good_files
from oracle.golden import Case, all_cases
from oracle.layouts import layouts
from oracle.product import Bytes, Parts
from posicional.cli.layout import printed
from posicional.contract.layout import Layout
from posicional.records import evidence
from posicional.records.probe import leaves_of
from posicional.records.reader import convert
from posicional.records.reading import Reading
from posicional.records.ruler import names, scale, under
from posicional.records.trial import Trial, try_layout
from posicional.records.visible import cells_of, visible

PAGE = ROOT / "docs" / "layout-try.md"


@pytest.fixture
def tried(tmp_path: Path) -> Callable[..., Trial]:
    """Tries a layout, given as text, on bytes."""

    def run(layout: str, data: bytes, records: int = 3) -> Trial:
        path = tmp_path / "layout.yaml"
        path.write_text(layout, encoding="utf-8")
        return try_layout(Bytes(data), Layout.load(path), records=records)

    return run


def lines_of(*records: str, end: str = "\n", encoding: str = "utf-8") -> bytes:
    """Records with their line ends."""
    return "".join(record + end for record in records).encode(encoding)


def causes(trial: Trial) -> list[str]:
    """All causes, each with its kind, field and hint."""
    return [
        f"{'.'.join(filter(None, [c.kind, c.field]))}: {c.text} -> {c.hint}".removeprefix(": ") for c in trial.causes
    ]


# --- what the reader says, the trial says -----------------------------------------------------------------------------

CASES = [pytest.param(case, id=case.path.name) for case in all_cases()]


@pytest.mark.parametrize("case", CASES)
def test_it_counts_what_converting_counts(case: Case) -> None:
    """Every golden file: the same account, and of every bad field as many values as the rejects say."""
    trial = try_layout(Bytes(case.data), case.layout)
    converted = convert(Bytes(case.data), case.layout, Parts(), Parts(), file="file", path="file.txt")
    counts = [getattr(trial.account, name) for name in ("bytes", "records", "rejects", "ignored")]
    assert counts == [getattr(converted.account, name) for name in ("bytes", "records", "rejects", "ignored")]
    assert sum(kind.records for kind in trial.kinds) == trial.account.records
    assert sum(kind.refused for kind in trial.kinds) == trial.account.rejects
    assert sum(sum(kind.reasons.values()) for kind in trial.kinds) <= trial.account.rejects
    if any(len(leaf.starts) > 1 for kind in case.layout.kinds for leaf in leaves_of(kind)):
        return  # the rejects count a list once
    read = Reading(case.layout, file="file", path="", date=None).batches(Bytes(case.data))
    rejects = [row for one in read if one.table is None for row in one.batch.to_pylist()]
    details = {kind.name for kind in case.layout.details}  # what a control record is checked for counts there once more
    told = sum(1 + row["others"] for row in rejects if row["field"] and row["kind"] in details)
    assert sum(bad.bad for bad in trial.bad if bad.kind in details) == told


@pytest.mark.parametrize("case", CASES)
def test_it_shows_records_as_they_stand(case: Case) -> None:
    """A cell for each position; values and their marks for each field; JSON for a script."""
    trial = try_layout(Bytes(case.data), case.layout, records=2)
    for kind in trial.kinds:
        assert len(kind.first) == min(2, kind.records)
        for record in kind.first:
            assert len(record.cells) == record.length or len(record.cells) > kind.length
            assert len(record.values) == len(record.wrong)
            assert len(record.values) in (0, len(kind.fields))
            assert visible(record.cells) == record.cells, "nothing that a terminal acts on"
    assert json.loads(json.dumps(asdict(trial)))["account"]["records"] == trial.account.records


@pytest.mark.parametrize("case", CASES)
def test_any_bytes_are_looked_at(case: Case) -> None:
    """Changed, cut and made-up files end as a trial, whose causes are said and whose counts agree."""
    chance = random.Random(case.path.name)
    for data in (
        chance.randbytes(300),
        bytes(chance.choice(b"0159 \n\rA{-.\xff\x40\xf0") for _ in range(300)),
        case.data[: len(case.data) // 2],
        bytes(byte ^ (chance.random() < 0.03) for byte in case.data),
    ):
        trial = try_layout(Bytes(data), case.layout)
        assert sum(kind.refused for kind in trial.kinds) == trial.account.rejects
        assert all(cause.text and not re.search("None|nan", cause.text) for cause in trial.causes)


# --- causes -----------------------------------------------------------------------------------------------------------

SMALL = """
record: {length: 24}
fields:
  - {name: nome, width: 6, type: string}
  - {name: dia, width: 8, type: date, format: "%Y%m%d"}
  - {name: valor, width: 10, type: decimal, scale: 2}
"""
GOOD = [f"N{n:<5}202601{n:02}{n:010}" for n in range(1, 29)]


def changed(change: Callable[[str], str], every: int = 1) -> bytes:
    """The good records, every so many of them changed."""
    return lines_of(*(change(record) if number % every == 0 else record for number, record in enumerate(GOOD)))


def spelled(text: str, kind: str, *more: str) -> tuple[str, bytes]:
    """A layout of one field, and a file of some spellings of it."""
    return f"fields: [{{name: f, width: {len(text)}, {kind}}}]", lines_of(text, *more)


@pytest.mark.parametrize(
    ("layout", "data", "said"),
    [
        pytest.param(
            SMALL,
            changed(lambda r: r[:6] + "00000000" + r[14:], 4),
            'detail.dia: all 7 are 00000000 -> add missing: ["00000000"]',
            id="one spelling of nothing",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:6] + ("99999999" if r[1] in "15" else "00000000") + r[14:], 4),
            'detail.dia: all 7 are 99999999 or 00000000 -> add missing: ["99999999", "00000000"]',
            id="two spellings of nothing",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:14] + "**********" + r[14:]),
            "detail: all 28 records are 34 bytes long; the layout says 24 -> record: {length: 34}, and fields that"
            " cover it, {filler: 10} for what is new",
            id="all too long",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:-1]),
            "detail: all 28 records are 23 bytes long; the layout says 24 -> record: {length: 23}, and fields that"
            " cover it, what is not there left out",
            id="all too short",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:6] + "X" + r[6:-1]),
            "detail: every field after 6 (from dia on) looks shifted by one to the right -> the layout lacks one"
            " position somewhere from 1 to 7",
            id="shifted to the right",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:4] + r[6:] + "  "),
            "detail: every field after 6 (from dia on) looks shifted by two to the left -> the layout has two positions"
            " too many somewhere from 1 to 7",
            id="shifted to the left",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: "XXX" + r[:-3]),
            "detail: every field after 6 (from dia on) looks shifted by three to the right -> the layout lacks three"
            " positions somewhere from 1 to 7",
            id="shifted by three",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:6] + r[12:14] + r[10:12] + r[6:10] + r[14:]),
            'detail.dia: all 28 are right as %d%m%Y -> format: "%d%m%Y"',
            id="another format",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:14] + f"{int(r[14:]) / 100:010.2f}"),
            'detail.valor: all 28 are written with a point -> point: "."',
            id="a point",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:14] + f"{int(r[14:]) / 100:010.2f}".replace(".", ",")),
            'detail.valor: all 28 are written with a decimal comma -> point: ","',
            id="a comma",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:14] + "  1.234,56"),
            "detail.valor: all 28 are written with separators between the thousands, which no layout reads -> read it"
            " as a string, and convert it in the SQL",
            id="thousands",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:14] + r[18:] + "    "),
            "detail.valor: all 28 are padded with blanks behind the digits; numbers may have them only in front -> read"
            " it as a string, and convert it in the SQL",
            id="blanks behind",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:14] + "-" + r[15:]),
            "detail.valor: all 28 are written with a sign in front -> sign: leading",
            id="a sign in front",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:14] + r[15:] + "-"),
            "detail.valor: all 28 are written with a sign behind -> sign: trailing",
            id="a sign behind",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:-1] + "J"),
            "detail.valor: all 28 are written with a sign within the last digit -> sign: overpunch",
            id="a sign within",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:14] + "-" + r[15:], 10),
            "detail.valor: all 3 are written with a sign in front -> the other values are as the layout says: ask who"
            " sends them",
            id="a few signs",
        ),
        pytest.param(
            SMALL,
            changed(lambda r: r[:14] + "PRODUTO AB"),
            "detail.valor: all 28 are no numbers but text -> type: string, or other positions",
            id="no numbers",
        ),
        pytest.param(
            *spelled("+001", "type: integer, sign: leading", "0012", "0013", "0014", "0015"),
            "detail.f: all 4 are written without a sign -> sign: none",
            id="no sign",
        ),
        pytest.param(
            *spelled("A", "type: string, enum: [A, B]", "X", "X", "B"),
            'detail.f: other values stand there: "X" -> add to enum: ["X"]',
            id="other values",
        ),
        pytest.param(
            *spelled("S", 'type: boolean, "true": S, "false": N', "?", "N"),
            'detail.f: it is ? -> add missing: ["?"]',
            id="a boolean that says nothing",
        ),
        pytest.param(
            *spelled("S", 'type: boolean, "true": S, "false": N', "Y", "N"),
            'detail.f: other spellings stand there: "Y" -> add them to true or false, or to missing',
            id="another boolean",
        ),
        pytest.param(
            *spelled("ab", "type: string, required: true", "  ", "  ", "cd"),
            "detail.f: all 2 are empty, and the layout wants a value -> leave required out",
            id="empty",
        ),
        pytest.param(
            *spelled("0012", "type: integer, usage: packed, digits: 7", "0013", "0014"),
            "detail.f: all 3 are digits as text, not packed -> usage: display",
            id="digits that are not packed",
        ),
        pytest.param(
            "encoding: latin-1\nfields: [{name: f, width: 3, type: integer}]",
            b"\x00\x12\x3c\n" * 5,
            "detail.f: all 5 are packed digits, two a byte -> usage: packed",
            id="packed digits",
        ),
        pytest.param(
            "fields: [{name: f, width: 8, type: date, format: '%Y%m%d'}]",
            lines_of(*["20260230"] * 5, "20260101"),
            "detail.f: all 5 are '20260230' -> if it stands for nothing: missing: [\"20260230\"]",
            id="one spelling that may mean something",
        ),
    ],
)
def test_a_field_s_cause(tried: Callable[..., Trial], layout: str, data: bytes, said: str) -> None:
    """What the bad values have in common, and what to write."""
    trial = tried(layout, data)
    assert said in causes(trial)
    assert not trial.good


TEXT = "encoding: {encoding}\nunit: {unit}\nrecord: {{length: 12}}\nfields: [{{name: nome, width: 12, type: string}}]"
CITIES = ["São Paulo", "Belém", "Maceió", "Brasília", "Goiânia", "Recife", "Vitória", "Florianópolis"[:12]]


QUOTED = lines_of("Café \u2013 bar  ", "“Até já”    ", encoding="cp1252")


def text(encoding: str, unit: str = "bytes") -> str:
    """A layout of one text."""
    return TEXT.format(encoding=encoding, unit=unit)


@pytest.mark.parametrize(
    ("layout", "data", "said"),
    [
        pytest.param(
            text("utf-8"),
            lines_of(*(f"{city:12}" for city in CITIES), encoding="cp1252"),
            "bytes such as 0xE2 0xE3 0xE9 0xF3 are not UTF-8; as cp1252 they make sense -> encoding: cp1252 (or"
            " latin-1, which has the same letters)",
            id="cp1252 as utf-8",
        ),
        pytest.param(
            text("utf-8"),
            QUOTED,
            "bytes 0x80-0x9F (0x93 0x94 0x96): this is cp1252, not utf-8 -> encoding: cp1252",
            id="cp1252 as utf-8, seen by its quotes",
        ),
        pytest.param(
            text("latin-1"),
            QUOTED,
            "bytes 0x80-0x9F (0x93 0x94 0x96) are control characters in latin-1: this is cp1252 -> encoding: cp1252",
            id="cp1252 as latin-1",
        ),
        pytest.param(
            text("cp1252"),
            lines_of(*(f"{city:12}" for city in CITIES)),
            "the text is UTF-8: cp1252 would make two characters of each accent -> encoding: utf-8, unit: chars (lines"
            " are longer by the number of their accents)",
            id="utf-8 as cp1252, by characters",
        ),
        pytest.param(
            text("cp1252"),
            b"".join(city.encode().ljust(12)[:12] + b"\n" for city in CITIES[:7]),
            "the text is UTF-8: cp1252 would make two characters of each accent -> encoding: utf-8",
            id="utf-8 as cp1252, by bytes",
        ),
        pytest.param(
            text("utf-8"),
            lines_of(*(f"{city:12}" for city in CITIES)),
            "lines are as long as they should be in chars: that is what positions count -> unit: chars",
            id="characters as bytes",
        ),
        pytest.param(
            text("utf-8", "chars"),
            b"".join(city.encode().ljust(12)[:12] + b"\n" for city in CITIES[:7]),
            "lines are as long as they should be in bytes: that is what positions count -> unit: bytes",
            id="bytes as characters",
        ),
        pytest.param(
            text("cp1252"),
            lines_of(*(f"{city:12}" for city in CITIES), encoding="cp850"),
            "the bytes beyond ASCII make sense as cp850, not as cp1252 -> encoding: cp850",
            id="cp850 as cp1252",
        ),
        pytest.param(
            text("cp1252"),
            b"\xef\xbb\xbf" + lines_of(*(f"{city:12}" for city in ["Recife", "Natal"])),
            "the file begins with the mark of UTF-8 (EF BB BF) -> encoding: utf-8",
            id="a byte order mark",
        ),
    ],
)
def test_the_encoding_s_cause(tried: Callable[..., Trial], layout: str, data: bytes, said: str) -> None:
    """Seen by the accents, also where nothing is refused."""
    assert said in causes(tried(layout, data))


@pytest.mark.parametrize(
    ("encoding", "unit"), [("utf-8", "chars"), ("utf-8", "bytes"), ("cp1252", "bytes"), ("latin-1", "bytes")]
)
def test_a_right_encoding_has_no_cause(tried: Callable[..., Trial], encoding: str, unit: str) -> None:
    """Nobody is told to change what is right."""
    width = 12
    padded = [
        city[:10].encode(encoding).ljust(width) if unit == "bytes" else f"{city:{width}}".encode() for city in CITIES
    ]
    trial = tried(text(encoding, unit), b"\n".join(padded) + b"\n")
    assert causes(trial) == []
    assert trial.good


KINDS = """
record: {length: 10}
records:
  header:
    when: {pos: [1, 2], is: "00"}
    fields: [{filler: 2}, {name: dia, width: 8, type: date, format: "%Y%m%d"}]
  detail:
    when: {pos: [1, 2], is: "01"}
    fields: [{filler: 2}, {name: n, width: 4, type: integer}, {name: resto, width: 4, type: string}]
"""
RECORDS = ["0020261120", *(f"01{n:04}{'ab' if n % 3 else 'abc':4}" for n in range(40))]


@pytest.mark.parametrize(
    ("layout", "data", "said"),
    [
        pytest.param(
            KINDS,
            "".join(RECORDS).encode("cp037"),
            "this is EBCDIC: its blanks are 0x40, its digits 0xF0-0xF9, and utf-8 is declared -> encoding: cp037 (cp500"
            " and cp1047 differ in [ ] ! ^ |), and record: {framing: fixed}",
            id="EBCDIC",
        ),
        pytest.param(
            KINDS,
            b"".join(b"\0\x0e\0\0" + record.encode("cp037") for record in RECORDS),
            "this is EBCDIC: its blanks are 0x40, its digits 0xF0-0xF9, and utf-8 is declared -> encoding: cp037 (cp500"
            " and cp1047 differ in [ ] ! ^ |), and record: {framing: rdw}",
            id="EBCDIC with descriptors",
        ),
        pytest.param(
            "encoding: cp037" + KINDS.replace("10}", "10, framing: fixed}", 1),
            lines_of(*RECORDS),
            "this is no EBCDIC: its blanks are 0x20, its digits 0x30-0x39, and cp037 is declared -> encoding: cp1252 or"
            " utf-8, and record: {framing: newline}",
            id="ASCII as EBCDIC",
        ),
        pytest.param(
            KINDS,
            "".join(RECORDS).encode(),
            "there are no line ends, and the file's size is 41 times 10 -> record: {framing: fixed}",
            id="no line ends",
        ),
        pytest.param(
            KINDS,
            b"".join(b"\0\x0e\0\0" + record.encode() for record in RECORDS),
            "there are no line ends, but descriptors: rdw -> record: {framing: rdw}",
            id="descriptors",
        ),
        pytest.param(
            KINDS.replace("10}", "10, framing: rdw}", 1),
            b"\0\x48\0\0" + b"".join(b"\0\x0e\0\0" + record.encode() for record in RECORDS[:5]) + b"\0" * 0,
            "the descriptors are those of bdw, not of rdw -> record: {framing: bdw}",
            id="blocks",
        ),
        pytest.param(
            KINDS.replace("10}", "10, framing: rdw}", 1),
            lines_of(*RECORDS, end="\r\n"),
            "there are no descriptors: the file has lines, nearly all of 10 bytes, ending in CRLF -> record: {framing:"
            " newline}",
            id="lines as descriptors",
        ),
        pytest.param(
            KINDS.replace("10}", "10, framing: fixed}", 1),
            lines_of(*RECORDS),
            "the file has lines, nearly all of 10 bytes, ending in LF -> record: {framing: newline}",
            id="lines as fixed",
        ),
        pytest.param(
            KINDS.replace("10}", "10, framing: fixed}", 1),
            "".join(record + " " for record in RECORDS).encode(),
            "the records are 11 bytes long, not 10: the file holds 41 of them -> record: {length: 11}, and fields that"
            " cover it",
            id="another fixed length",
        ),
        pytest.param(
            KINDS,
            lines_of(*RECORDS, encoding="utf-16"),
            "this is UTF-16, two bytes a character, which no layout reads -> iconv -f utf-16 -t utf-8 makes UTF-8",
            id="UTF-16",
        ),
        pytest.param(
            KINDS,
            gzip.compress(lines_of(*RECORDS), mtime=0),
            "the file is compressed, as a .gz is -> end its name in .gz: it is unpacked by that",
            id="gzip",
        ),
    ],
)
def test_a_cause_of_everything_stands_alone(tried: Callable[..., Trial], layout: str, data: bytes, said: str) -> None:
    """Where the records are not what they have been taken for, nothing else is worth saying."""
    trial = tried(layout, data)
    assert causes(trial) == [said]
    assert trial.alone


def test_crlf_is_fine(tried: Callable[..., Trial]) -> None:
    """Either line end, without a word."""
    trial = tried(KINDS, lines_of(*RECORDS, end="\r\n"))
    assert (trial.good, trial.causes) == (True, ())


def test_what_stands_where_kinds_are_told_apart(tried: Callable[..., Trial]) -> None:
    """Records of no kind: the values at the condition's positions, the commonest first."""
    trial = tried(KINDS, lines_of(*RECORDS, "02          "[:10], "02x       ", "0", "T\x01        "))
    assert causes(trial) == [
        (
            "4 records are of no kind: at 1-2 stands '02' 2 times, 'T␁' once, 1 end before -> add a kind for them, or"
            " say when: {otherwise: true} of one that takes the rest"
        )
    ]
    assert [record.refused for record in trial.kinds[-1].first] == ["unknown kind"] * 3


def test_records_of_no_kind_that_are_shifted(tried: Callable[..., Trial]) -> None:
    """Their kind stands a position beside."""
    trial = tried(KINDS, lines_of(*(" " + record[:9] for record in RECORDS)))
    assert "41 records are of no kind; they look shifted by one to the right" in causes(trial)[0]


def test_trimmed_blanks(tried: Callable[..., Trial]) -> None:
    """Short records that end at their last character, and only optional text is missing."""
    trial = tried(KINDS, lines_of(*(record.rstrip() for record in RECORDS)))
    assert causes(trial) == [
        (
            "detail: the short records end at their last character: somebody has trimmed the blanks behind it ->"
            " record: {short: pad}"
        )
    ]
    padded = tried(KINDS.replace("10}", "10, short: pad}", 1), lines_of(*(record.rstrip() for record in RECORDS)))
    assert padded.good


def test_one_length_of_several_kinds_is_said_once(tried: Callable[..., Trial]) -> None:
    """All kinds are one longer."""
    trial = tried(KINDS, lines_of(*(record + "x" for record in RECORDS)))
    assert causes(trial) == [
        (
            "all 41 records are 11 bytes long; the layout says 10 -> record: {length: 11}, and fields that cover it,"
            " {filler: 1} for what is new"
        )
    ]


def test_what_is_wrong_with_the_whole_is_told(tried: Callable[..., Trial]) -> None:
    """A trailer that does not agree, and a missing header; the exit is that of refused data."""
    layout = KINDS + (
        '  trailer:\n    when: {pos: [1, 2], is: "99"}\n'
        "    fields: [{filler: 2}, {name: n, width: 8, type: integer}]\n    controls: [{count: all, field: n}]\n"
    )
    trial = tried(layout, lines_of(*RECORDS, "9900000043"))
    assert [problem.reason for problem in trial.problems] == ["control"]
    assert not trial.good
    assert tried(layout, lines_of(*RECORDS, "9900000042")).good


def test_lists_are_counted_by_value(tried: Callable[..., Trial]) -> None:
    """Every occurrence is a value; its spelling is its own."""
    layout = "fields: [{name: p, repeat: 3, fields: [{name: n, width: 2, type: integer}, {filler: 1}]}]"
    trial = tried(layout, lines_of("01 02 03 ", "xx 02 yy ", "01 02 03 "))
    (bad,) = trial.bad
    assert (bad.field.name, bad.bad, bad.values) == ("p.n", 2, 9)
    assert dict(bad.spellings) == {"'xx'": 1, "'yy'": 1}
    assert trial.kinds[0].first[1].values == ("[xx, 2, yy]",)


def test_all_rejects_are_counted_though_few_are_kept(
    tried: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The evidence is bounded, the counts are not."""
    monkeypatch.setattr(evidence, "KEPT_RECORDS", 10)
    monkeypatch.setattr(evidence, "SPELLINGS", 10)
    trial = tried(SMALL, lines_of(*(f"N{n:05}20260101{'x' * (1 + n % 10):>10}" for n in range(20_000))))
    (bad,) = trial.bad
    assert (bad.field.name, bad.bad, bad.values) == ("valor", 20_000, 20_000)
    assert trial.account.rejects == trial.kinds[0].refused == 20_000


# --- nothing personal -------------------------------------------------------------------------------------------------

PERSONAL = """
encoding: utf-8
record: {length: 40}
records:
  pessoa:
    when: {pos: [1, 1], is: "1"}
    fields:
      - {filler: 1}
      - {name: cpf, width: 11, type: integer, personal: true}
      - {name: nascido, width: 8, type: date, format: "%Y%m%d", personal: true}
      - {name: contatos, repeat: 2, personal: true, fields: [{name: fone, width: 9, type: string}]}
      - {name: uf, width: 2, type: string, enum: [SP, RJ]}
"""


def people(chance: random.Random) -> tuple[list[str], set[str]]:
    """Records, and every personal text in them, which nobody may see."""
    records, secrets = [], set()
    for _ in range(40):
        cpf, phones = f"{chance.randrange(10**11):011}", [f"9{chance.randrange(10**8):08}" for _ in range(2)]
        born = f"{chance.randrange(1940, 2010)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"
        records.append(f"1{cpf}{born}{''.join(phones)}{chance.choice(['SP', 'RJ'])}")
        secrets |= {cpf, born, *phones}
    return records, secrets


BREAKS: dict[str, Callable[[str], str]] = {
    "nothing": lambda r: r,
    "letters": lambda r: r[:3] + "X" + r[4:],
    "bad dates": lambda r: r[:16] + "99" + r[18:],
    "one date": lambda r: r[:12] + "20260230" + r[20:],
    "shifted": lambda r: r[:1] + " " + r[1:-1],
    "shifted left": lambda r: r[:1] + r[2:] + " ",
    "longer": lambda r: r[:1] + "00" + r[1:],
    "shorter": lambda r: r[:30],
    "of no kind": lambda r: "7" + r[1:],
    "of no kind, shifted": lambda r: "xx" + r[:-2],
    "another state": lambda r: r[:-2] + "MG",
    "accents": lambda r: r[:1] + "é" + r[3:],
}


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
def test_no_personal_value_is_shown(change: Callable[[str], str], tmp_path: Path) -> None:
    """Neither as text nor as JSON, whatever is wrong with the file; not even most of one."""
    chance = random.Random("personal")
    records, secrets = people(chance)
    (tmp_path / "layout.yaml").write_text(PERSONAL)
    (tmp_path / "file.txt").write_bytes(lines_of(*map(change, records)))
    for more in ([], ["--json"]):
        said = posicional("layout", "try", tmp_path / "file.txt", "--layout", tmp_path / "layout.yaml", *more)
        assert said.code in (0, 4), said.text
        seen = {secret for secret in secrets for part in (secret[:6], secret[-6:]) if part in said.text}
        assert seen == set()


def test_a_spelling_of_nothing_is_named_even_if_personal(tried: Callable[..., Trial]) -> None:
    """Zeros are nobody's date."""
    records, _ = people(random.Random(1))
    trial = tried(PERSONAL, lines_of(*(record[:12] + "00000000" + record[20:] for record in records)))
    assert causes(trial) == ['pessoa.nascido: all 40 are 00000000 -> add missing: ["00000000"]']
    assert trial.bad[0].spellings == {}


def test_one_spelling_of_a_personal_field_is_not_named(tried: Callable[..., Trial]) -> None:
    """Though it is the same in all records: it may be somebody's."""
    records, _ = people(random.Random(2))
    assert causes(tried(PERSONAL, lines_of(*(record[:12] + "20260230" + record[20:] for record in records)))) == []


def test_what_is_personal_is_hidden_beside_its_place_too(tried: Callable[..., Trial]) -> None:
    """In records that are too long, of no kind, or look shifted."""
    records, _ = people(random.Random(3))
    layout = PERSONAL.replace("2, type: string, enum: [SP, RJ]}", "2, type: string}")
    long = tried(layout, lines_of(*(record + "x" for record in records)))
    assert long.kinds[0].first[0].cells == "▒" * 41
    strange = tried(layout, lines_of("7" + records[0][1:]))
    assert strange.kinds[-1].first[0].cells == "▒" * 40
    layout = layout.replace("{filler: 1}", "{name: lote, width: 6, type: date, format: '%y%m%d', century: {pivot: 50}}")
    layout = layout.replace("[1, 1]", "[1, 2]").replace('"1"', '"26"').replace("length: 40", "length: 45")
    fitting = tried(layout, lines_of(*("261231" + record[1:] for record in records)))
    assert fitting.kinds[0].first[0].cells == "261231" + "▒" * 37 + fitting.kinds[0].first[0].cells[-2:]
    moved = tried(layout, lines_of(*("261231 " + record[1:-1] for record in records)))
    assert "looks shifted by one to the right" in causes(moved)[0]
    assert moved.kinds[0].first[0].cells == "261" + "▒" * 42


def test_a_personal_condition_is_not_quoted(tried: Callable[..., Trial]) -> None:
    """Where records are told apart by what is personal."""
    layout = PERSONAL.replace('{pos: [1, 1], is: "1"}', '{pos: [2, 4], is: "007"}')
    trial = tried(layout, lines_of(*people(random.Random(4))[0]))
    assert [cause.text for cause in trial.causes] == ["40 records are of no kind"]


# --- the terminal -----------------------------------------------------------------------------------------------------


def test_the_ruler_counts_from_one() -> None:
    """A plus at every fifth position, the tens in full, wherever it begins."""
    assert scale(0, 23) == "----+----1----+----2---"
    assert scale(90, 110) == "----+---10----+---11"
    assert scale(1990, 2000) == "----+--200"


def test_names_stand_where_their_fields_begin() -> None:
    """As much of each as fits; dots where no field is; nothing behind the record's end."""
    spans = [("nome", 0, 6), ("uf", 6, 7), ("quantidade", 9, 14)]
    assert names(spans, 0, 20, 16) == "|nome |..|quan.."
    assert names(spans, 10, 20, 16) == "quan.."


def test_wide_records_are_folded_and_blanks_left_out() -> None:
    """A stretch of nothing but blanks is one line."""
    cells = "a" * 30 + " " * 60 + "b" * 5
    assert list(under([("2", cells)], [("x", 0, 95)], 95, 34)) == [
        "    ----+----1----+----2----+----3",
        "    |x",
        "  2 " + "a" * 30,
        "    31-90: blank",
        "    ----+",
        "    ",
        "  2 bbbbb",
    ]


def test_cells_are_as_many_as_positions(tmp_path: Path) -> None:
    """One for each byte or character: control characters as pictures, bytes that are none as �."""
    path = tmp_path / "layout.yaml"

    def cells(data: bytes, encoding: str, unit: str = "bytes") -> str:
        path.write_text(text(encoding, unit))
        return cells_of(data, Layout.load(path))

    assert cells("São".encode(), "utf-8") == "Sã·o"
    assert cells("São漢e\u0301".encode(), "utf-8", "chars") == "São�e�"
    assert cells(b"a\x00\t\x7f\xe9\xff", "utf-8") == "a␀␉␡��"
    assert cells(b"a\x81\x80\xe9", "cp1252") == "a�€é"
    assert cells(b"a\x85\xa0", "latin-1") == "a��"
    assert visible("a\x1b[31m\u202e漢") == "a␛[31m�漢"


SEEN = """\
header: 1 record of 10 bytes
    ----+----1
    ..|dia
  1 0020261120

                          line 1
  3-10  dia  date %Y%m%d  2026-11-20
  filler: 1-2

detail: 2 records of 10 bytes
    ----+----1
    ..|n  |res
  2 010001ab
  3 010002é·

                        line 2  line 3
  3-6   n      integer  1       2
  7-10  resto  string   ab      é
  filler: 1-2

3 records: 2 rows, 1 control, 0 refused; 33 bytes
nothing is bad
"""


def test_a_good_file_says_so(tmp_path: Path) -> None:
    """All of it, as a person sees it."""
    (tmp_path / "layout.yaml").write_text(KINDS)
    (tmp_path / "file.txt").write_bytes(lines_of("0020261120", "010001ab  ", "010002é  "))
    said = posicional("layout", "try", "file.txt", "--layout", "layout.yaml", cwd=tmp_path)
    assert (said.code, said.err) == (0, "")
    assert said.out == SEEN


def test_the_layout_s_faults_come_first(tmp_path: Path) -> None:
    """All of them, and exit code 2; so for a file that is not there."""
    (tmp_path / "layout.yaml").write_text(
        "fields: [{name: n, width: 0, type: integer}, {name: m, width: 4, type: int}]"
    )
    (tmp_path / "file.txt").write_bytes(b"1234\n")
    said = posicional("layout", "try", "file.txt", "--layout", "layout.yaml", cwd=tmp_path)
    assert said.code == 2
    assert "2 faults" in said.err
    (tmp_path / "layout.yaml").write_text(SMALL)
    said = posicional("layout", "try", "nada.txt", "--layout", "layout.yaml", cwd=tmp_path)
    assert (said.code, "nada.txt: no such file" in said.err) == (2, True)


def test_json_for_a_script(tmp_path: Path) -> None:
    """The whole trial, and whether it is good."""
    (tmp_path / "layout.yaml").write_text(SMALL)
    (tmp_path / "file.txt").write_bytes(changed(lambda r: r[:6] + "00000000" + r[14:], 4))
    said = posicional("layout", "try", "file.txt", "--layout", "layout.yaml", "--json", "--records", "1", cwd=tmp_path)
    assert said.code == 4
    found = said.json
    assert found["good"] is False
    assert found["account"]["rejects"] == 7
    assert [bad["bad"] for bad in found["bad"]] == [7]
    assert found["causes"][0]["hint"] == 'add missing: ["00000000"]'
    assert [record["line"] for record in found["kinds"][0]["first"]] == [1]


def test_a_compressed_file_is_unpacked(tmp_path: Path) -> None:
    """By the ending of its name."""
    (tmp_path / "layout.yaml").write_text(KINDS)
    (tmp_path / "file.txt.gz").write_bytes(gzip.compress(lines_of(*RECORDS)))
    said = posicional("layout", "try", "file.txt.gz", "--layout", "layout.yaml", cwd=tmp_path)
    assert said.code == 0
    (tmp_path / "file.txt.gz").write_bytes(gzip.compress(lines_of(*RECORDS))[:-10])
    said = posicional("layout", "try", "file.txt.gz", "--layout", "layout.yaml", cwd=tmp_path)
    assert (said.code, "cut off or damaged" in said.err) == (4, True)


@pytest.mark.parametrize(
    "few",
    [
        settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow]),
        pytest.param(
            settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow]), marks=pytest.mark.slow, id="many"
        ),
    ],
)
def test_any_layout_is_tried_on_any_bytes(few: settings) -> None:
    """Whatever a layout says and whatever happened to the file: a trial whose counts agree, and that can be printed."""

    @few
    @given(st.data())
    def law(data: st.DataObject) -> None:
        layout = data.draw(layouts())
        written = encode_file(layout, data.draw(good_files(layout)).raws)
        content = data.draw(st.binary(max_size=200) | broken(written, layout))
        trial = try_layout(Bytes(content), layout)
        assert sum(kind.refused for kind in trial.kinds) == trial.account.rejects
        assert sum(kind.records for kind in trial.kinds) == trial.account.records
        assert trial.good == (not trial.account.rejects and not trial.problems and trial.account.records > 0)
        assert printed(trial, layout.unit, 80)

    law()


def test_the_page_shows_what_the_command_prints() -> None:
    """docs/layout-try.md, with the files that it shows."""
    text = PAGE.read_text(encoding="utf-8")
    assert documentation.readme(text) == text
    assert text.count("$ posicional layout try") == 2


# --- real files -------------------------------------------------------------------------------------------------------


def test_real_files_fit_their_layouts(shared_data: Path) -> None:
    """The exchange's day and the public tables: nothing is bad, and no cause is made up."""
    pairs = [(shared_data / "cotahist" / "COTAHIST_D25062021.TXT", COTAHIST)]
    pairs += [
        (shared_data / "sigtap-2020-03" / f"{layout.stem}.txt", layout)
        for layout in sorted((EXAMPLES / "sigtap" / "layouts").glob("*.yaml"))
    ]
    for file, layout in pairs:
        said = posicional("layout", "try", file, "--layout", layout)
        assert said.code == 0, said.text
        assert said.out.endswith("nothing is bad\n")


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        pytest.param(
            "tb_procedimento",
            ("encoding: cp1252", "encoding: utf-8"),
            "bytes 0x80-0x9F (0x93 0x94 0x96): this is cp1252, not utf-8 -> encoding: cp1252",
            id="wrong encoding",
        ),
        pytest.param(
            "tb_procedimento",
            ("encoding: cp1252", "encoding: latin-1"),
            "bytes 0x80-0x9F (0x93 0x94 0x96) are control characters in latin-1: this is cp1252 -> encoding: cp1252",
            id="nearly the right encoding",
        ),
        pytest.param(
            "tb_cid",
            ("length: 111", "length: 110"),
            "all 14,230 records are 111 bytes long; the layout says 110",
            id="wrong length",
        ),
    ],
)
def test_a_wrong_layout_of_a_real_file(
    shared_data: Path, tmp_path: Path, table: str, change: tuple[str, str], said: str
) -> None:
    """One word of a real layout is wrong."""
    layout = (EXAMPLES / "sigtap" / "layouts" / f"{table}.yaml").read_text()
    assert change[0] in layout
    (tmp_path / "layout.yaml").write_text(layout.replace(*change).replace("pos: [108, 111]", "pos: [108, 110]"))
    if "length" not in change[0]:
        (tmp_path / "layout.yaml").write_text(layout.replace(*change))
    file = shared_data / "sigtap-2020-03" / f"{table}.txt"
    trial = try_layout(Bytes(file.read_bytes()), Layout.load(tmp_path / "layout.yaml"))
    assert said in causes(trial)[0]


def test_a_real_file_in_which_a_position_is_missing(shared_data: Path) -> None:
    """Behind the currency of every quotation stands one blank more: seen where the prices begin."""
    lines = (shared_data / "cotahist" / "COTAHIST_D25062021.TXT").read_bytes().split(b"\r\n")
    data = b"\r\n".join(line[:56] + b" " + line[56:-1] if line[:2] == b"01" else line for line in lines)
    trial = try_layout(Bytes(data), Layout.load(COTAHIST))
    assert causes(trial) == [
        (
            "detail: every field after 56 (from open on) looks shifted by one to the right -> the layout lacks one"
            " position somewhere from 28 to 57"
        )
    ]


def test_a_real_spelling_of_nothing(shared_data: Path) -> None:
    """35 papers that never mature carry zeros."""
    data = (shared_data / "cotahist" / "COTAHIST_D25062021.TXT").read_bytes().replace(b"99991231", b"00000000", 35)
    trial = try_layout(Bytes(data), Layout.load(COTAHIST))
    assert causes(trial) == ['detail.maturity_date: all 35 are 00000000 -> add missing: ["00000000"]']
    assert (trial.bad[0].bad, trial.bad[0].values) == (35, 7518)


if __name__ == "__main__":
    PAGE.write_text(documentation.readme(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
