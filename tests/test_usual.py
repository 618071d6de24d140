"""What is usual of a file, and what is not: a simulated year with normal jitter is quiet, real trouble is not."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from posicional.day.usual import LEAST, Past, Unusual, Usual, unusual, usual

SEEDS = range(4)
FILES = 7
START = date(2026, 1, 1)


def year(seed: int, file: int) -> list[Past]:
    """A file over a year: jitter of some minutes with a long tail, Mondays later, weekends small, months end large."""
    chance = random.Random(f"{seed} {file}")
    size, minutes = 10 ** chance.uniform(2, 6), chance.uniform(5, 20)
    opens = chance.uniform(6, 10) * 60
    past = []
    for number in range(365):
        day = START + timedelta(days=number)
        late = chance.gauss(0, minutes) + chance.expovariate(1 / minutes) + (20 if day.weekday() == 0 else 0)
        season = (0.3 if day.weekday() >= 5 else 1) * (2.5 if (day + timedelta(days=1)).day == 1 else 1)
        rows = int(size * season * math.exp(chance.gauss(0, 0.15)))
        rejects = sum(chance.random() < 0.0005 for _ in range(min(rows, 1000)))
        past.append(Past(day, timedelta(minutes=opens + late), rows, rejects, f"{seed} {file} {number}"))
    return past


def warnings(past: list[Past]) -> Iterator[tuple[Past, str]]:
    """Every warning that each date of a year would have raised, from the dates before it."""
    for number, one in enumerate(past):
        known = usual(past[:number])
        if known is None:
            continue
        if one.came > known.late:
            yield one, "late"
        for found in unusual("f", known, one.rows, one.rejects, one.sha256, past[number - 1]):
            yield one, found.what


@pytest.mark.parametrize("seed", SEEDS)
def test_a_year_of_seven_files_with_normal_jitter_warns_less_than_once_a_month(seed: int) -> None:
    """A year of normal days is quiet: fewer than twelve warnings for all seven files together."""
    raised = [found for file in range(FILES) for found in warnings(year(seed, file))]
    print(f"seed {seed}: {len(raised)} warnings", raised)
    assert len(raised) < 12


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_late_tiny_huge_bad_or_repeated_is_told(seed: int) -> None:
    """In the same years each real trouble of a file is told, on the day itself."""
    for file in range(FILES):
        past = year(seed, file)
        before, today = past[:200], past[200]
        known = usual(before)
        assert known is not None
        missed = [
            unusual("f", known, *what, before[-1])
            for what in (
                (today.rows // 30, 0, "x"),
                (today.rows * 30, 0, "x"),
                (today.rows, today.rows // 10 + 1, "x"),
                (before[-1].rows, 0, before[-1].sha256),
            )
        ]
        assert [next(found).what for found in missed] == ["rows", "rows", "rejects", "same"]
        assert known.late < today.came + timedelta(hours=4)


def past_of(**words: Any) -> list[Past]:
    """Ten dates that are all alike but for these words of the last."""
    same = Past(START, timedelta(hours=8), 1000, 0, "")
    dates = [replace(same, date=START + timedelta(days=n), sha256=str(n)) for n in range(LEAST)]
    return [*dates[:-1], replace(dates[-1], **words)]


def test_nothing_is_usual_before_there_is_a_history() -> None:
    """Nine dates say nothing."""
    assert usual(past_of()[: LEAST - 1]) is None


def test_what_is_usual_in_words() -> None:
    """Times, a range of rows, a share of rejects, from ten dates that are alike."""
    assert usual(past_of()) == Usual(timedelta(hours=8), timedelta(hours=8, minutes=15), (500, 2000), 0, False, 10)


@pytest.mark.parametrize(
    "words", [{"came": timedelta(hours=20)}, {"rows": 3}, {"rows": 10**9}, {"rejects": 900}, {"rows": 0}]
)
def test_one_bad_day_moves_nothing(words: dict[str, Any]) -> None:
    """A day that was late, tiny, huge or full of rejects does not make the next one usual."""
    assert usual(past_of(**words)) == usual(past_of())


def test_a_table_that_is_often_the_same_may_be_the_same_again() -> None:
    """A file of codes that seldom changes is no news when it is what it was."""
    dates = past_of(sha256=str(LEAST - 2))
    known = usual(dates)
    assert known is not None
    assert known.repeats
    assert list(unusual("f", known, 1000, 0, dates[-1].sha256, dates[-1])) == []


def test_an_empty_file_among_full_ones_is_told_with_what_is_usual() -> None:
    """The finding says what there was and what is usual."""
    known = usual(past_of())
    assert known is not None
    assert list(unusual("clientes", known, 0, 0, "x", None)) == [Unusual("clientes", "rows", 0, (500, 2000))]
