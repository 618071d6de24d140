"""Names: what a pattern takes, what it says of a name, and that expected names are taken again."""

from __future__ import annotations

import pickle
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posicional.contract.pattern import Pattern, PatternMatch, ignored
from posicional.errors import UsageError

DAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        pytest.param("A_{date:%Y%m%d}.txt", "A_20261122.txt", PatternMatch(DAY), id="day"),
        pytest.param("A_{date:%Y%m}.txt", "A_202003.txt", PatternMatch(date(2020, 3, 1)), id="month"),
        pytest.param("A_{date:%d%m%y}.txt", "A_221126.txt", PatternMatch(DAY), id="two digits of a year"),
        pytest.param("A_{date:%Y%j}.txt", "A_2024366.txt", PatternMatch(date(2024, 12, 31)), id="day of the year"),
        pytest.param("A_{date:%Y-%m-%d}.txt", "A_2026-11-22.txt", PatternMatch(DAY), id="with dashes"),
        pytest.param("{date:%Y}/{date:%m}/A_{date:%Y%m%d}", "2026/11/A_20261122", PatternMatch(DAY), id="agreeing"),
        pytest.param("*/A*_{date:%Y%m%d}.txt", "x/A_b_20261122.txt", PatternMatch(DAY), id="stars"),
        pytest.param("A_{date:%Y%m%d}.txt", "A_20261122.txt.gz", PatternMatch(DAY, compression="gz"), id="compressed"),
        pytest.param("A_{date:%Y%m%d}*", "A_20261122.x.zst", PatternMatch(DAY, compression="zst"), id="star and zst"),
        pytest.param("A_{date:%Y%m%d}.zip", "A_20261122.zip", PatternMatch(DAY, compression="zip"), id="always zip"),
        pytest.param("A_{date:%Y%m%d}_{part}", "A_20261122_b", PatternMatch(DAY, part="b"), id="part"),
        pytest.param("A_{date:%Y%m%d}_v{version}", "A_20261122_v02", PatternMatch(DAY, version="02"), id="version"),
        pytest.param(
            "A.{date:%Y%m%d}.{generation}",
            "A.20261122.G0001V00",
            PatternMatch(DAY, generation="G0001V00"),
            id="generation",
        ),
        pytest.param("{part}{date:%Y%m%d}", "1220261122", PatternMatch(DAY, part="12"), id="part beside a date"),
        pytest.param("A.txt", "A.txt", PatternMatch(), id="no date"),
        pytest.param("A+(1)[b].{date:%Y%m%d}", "A+(1)[b].20261122", PatternMatch(DAY), id="signs"),
    ],
)
def test_a_name_says_what_its_tokens_say(pattern: str, name: str, expected: PatternMatch) -> None:
    """The date and every other token are read from the name."""
    assert Pattern(pattern).match(name) == expected


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        pytest.param("A_{date:%Y%m%d}.txt", "a_20261122.txt", id="other case"),
        pytest.param("A_{date:%Y%m%d}.txt", "x/A_20261122.txt", id="deeper"),
        pytest.param("A_{date:%Y%m%d}.txt", "A_20261122.txt\n", id="line end behind"),
        pytest.param("A_{date:%Y%m%d}.txt", "A_20261322.txt", id="month 13"),
        pytest.param("A_{date:%Y%m%d}.txt", "A_20230229.txt", id="29 February of a common year"),
        pytest.param("A_{date:%Y%m%d}.txt", "A_00000101.txt", id="year 0"),
        pytest.param("A_{date:%Y%j}.txt", "A_2026366.txt", id="day 366 of a common year"),
        pytest.param("A_{date:%Y%j}.txt", "A_2026000.txt", id="day 0"),
        pytest.param("{date:%Y}/A_{date:%Y%m%d}.txt", "2025/A_20261122.txt", id="years that disagree"),
        pytest.param("{date:%y}/A_{date:%Y%m%d}.txt", "27/A_20261122.txt", id="two digits that disagree"),
        pytest.param("{part}/A_{date:%Y%m%d}_{part}", "1/A_20261122_2", id="parts that disagree"),
        pytest.param("A*_{date:%Y%m%d}.txt", "A/b_20261122.txt", id="a star across segments"),
        pytest.param("A_{date:%Y%m%d}.zip", "A_20261122", id="not compressed though it must be"),
        pytest.param("A_{date:%Y%m%d}.txt", "A_\uff12\uff10\uff12\uff161122.txt", id="digits of another script"),
    ],
)
def test_other_names_are_not_taken(pattern: str, name: str) -> None:
    """A name that is only nearly right belongs to no file."""
    assert Pattern(pattern).match(name) is None


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "the pattern is empty"),
        ("/A.txt", "a path below the incoming prefix"),
        ("a//b.txt", "an empty, . or .. segment"),
        ("a/../b.txt", "an empty, . or .. segment"),
        ("~A.txt", "are ignored"),
        ("A.tmp", "are ignored"),
        ("A_{date}.txt", "does not say how the date is written"),
        ("A_{date:%Y}.txt", "date is not complete"),
        ("A_{date:%m%d}.txt", "date is not complete"),
        ("A_{date:%Y%j%d}.txt", "a day without its month"),
        ("A_{date:%Y%b%d}.txt", "%b is not known"),
        ("A_{day}.txt", "unknown token {day}"),
        ("A_{date:%Y%m%d.txt", "without its other half"),
        ("A_{part}*.txt", "follows another token directly"),
    ],
    ids=lambda text: str(text) or "empty",
)
def test_a_pattern_that_cannot_be_read_says_why(pattern: str, message: str) -> None:
    """What is wrong with the pattern itself is an error before any name is looked at."""
    with pytest.raises(UsageError) as caught:
        Pattern(pattern)
    assert message in str(caught.value)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_an_expected_name_is_taken_and_gives_its_date_back(day: date) -> None:
    """`format` and `match` are inverses for every way to write a date."""
    for written in ("%Y%m%d", "%d-%m-%y", "%Y%j", "%y%j", "%Y/%m/%d"):
        pattern = Pattern(f"x/A_{{date:{written}}}.txt")
        assert pattern.match(pattern.format(day)) == PatternMatch(day)


def test_an_expected_name_keeps_what_else_varies() -> None:
    """For messages: the date is filled in, stars and parts stay as the contract has them."""
    pattern = Pattern("*/A_{date:%Y%m%d}_{part}.txt")
    assert pattern.format(DAY) == "*/A_20261122_{part}.txt"
    assert pattern.match(pattern.example(DAY)) == PatternMatch(DAY, part="1")


@pytest.mark.parametrize(
    ("pattern", "head"),
    [
        ("CONTRATOS_{date:%Y%m%d}.txt", "CONTRATOS_20261122.txt"),
        ("{date:%Y}/{date:%m%d}/C_{part}.txt", "2026/1122/C_"),
        ("{date:%Y%m%d}*.txt", "20261122"),
        ("C_{date:%Y}_{version}_{date:%m%d}.txt", "C_2026_"),
        ("C_{version}_{date:%Y%m%d}.txt", ""),
        ("*_{date:%Y%m%d}.txt", ""),
        ("C_{part}.txt", ""),
        ("C.txt", ""),
    ],
)
def test_how_the_names_of_a_date_begin(pattern: str, head: str) -> None:
    """As far as it is the same for all; nothing, where not even a part of the date stands there."""
    found = Pattern(pattern)
    assert found.head(date(2026, 11, 22)) == head
    assert found.example(date(2026, 11, 22)).startswith(head)


def test_a_pattern_is_a_value() -> None:
    """It says what it holds, compares by its text, and travels to another process."""
    pattern = Pattern("A_{date:%Y%m}_{part}_{version}.txt")
    assert (pattern.has_date, pattern.is_monthly, pattern.has_part, pattern.is_versioned) == (True, True, True, True)
    copy = pickle.loads(pickle.dumps(pattern))  # noqa: S301  # what we pickled ourselves
    assert (copy, hash(copy)) == (pattern, hash(pattern))
    assert copy.match("A_202611_1_2.txt") == pattern.match("A_202611_1_2.txt")


@pytest.mark.parametrize(
    "name", [".A.txt", "~A.txt", "x/.A", ".x/A.txt", "A.tmp", "A.txt.part", "A.FILEPART", "x/", "A/~$b.txt"]
)
def test_unfinished_and_hidden_names_are_ignored(name: str) -> None:
    """They never count as an arrival."""
    assert ignored(name)


@pytest.mark.parametrize("name", ["A.txt", "x/A.part.txt", "A.txt.gz", "a~b", "part"])
def test_whole_names_are_not_ignored(name: str) -> None:
    """A dot or tilde elsewhere means nothing."""
    assert not ignored(name)
