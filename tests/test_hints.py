"""Which business dates an event about an object is about, and which dates are late."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from posicional.contract.feed import Feed
from posicional.ports import Store
from posicional.steps.advance import advance
from posicional.steps.hints import dates_of
from posicional.steps.overdue import overdue_days
from worlds import DAY, FEED, MORNING, ToldClock, contratos, new_store, outside_of, send, write_feed

BY_HEADER = FEED.replace(
    'pattern: "CONTRATOS_{date:%Y%m%d}.txt"', 'pattern: "CONTRATOS_*.txt"\n    date: {from: header.data_ref}'
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return new_store("memory", tmp_path)


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed of two files."""
    return write_feed(tmp_path_factory.mktemp("feed"))


@pytest.mark.parametrize(
    ("key", "dates"),
    [
        ("dados-posicionais/CONTRATOS_20261122.txt", (DAY,)),
        ("dados-posicionais/CONTRATOS_20261122.txt.gz", (DAY,)),
        ("dados-posicionais/CONTRATOS_20261122.txt.tmp", ()),
        ("dados-posicionais/relatório de ontem.txt", ()),
        ("dados-posicionais/CONTRATOS_20261322.txt", ()),
        ("dados-parquet/CONTRATOS_20261122.txt", ()),
    ],
)
def test_a_name_says_the_date(feed: Feed, store: Store, key: str, dates: tuple[date, ...]) -> None:
    """Without a look at anything; what is no file of the feed is of no date."""
    assert dates_of(feed, outside_of(store), key) == dates


def test_a_marker_and_a_set_s_end_say_the_date_too(tmp_path: Path, store: Store) -> None:
    """They say that others are whole."""
    words = FEED.replace('expected_by: "09:30"', 'marker: "{name}.ok"')
    marked = write_feed(tmp_path, feed=words)
    assert dates_of(marked, outside_of(store), "dados-posicionais/CONTRATOS_20261122.txt.ok") == (DAY,)


def test_a_slow_file_is_of_the_newest_date_too(tmp_path: Path, store: Store) -> None:
    """Whatever date is in its name, and also when that is none of the feed's: the newest may wait for it."""
    slow = FEED.replace("layout: contratos.yaml", "layout: contratos.yaml\n    use: latest")
    feed = write_feed(tmp_path, feed=slow.replace("days: daily", "days: weekdays"))
    monday = outside_of(store, ToldClock(MORNING + timedelta(days=1)))
    key = "dados-posicionais/CONTRATOS_{:%Y%m%d}.txt"
    assert dates_of(feed, monday, key.format(DAY)) == (DAY + timedelta(days=1),)
    assert dates_of(feed, monday, key.format(DAY - timedelta(days=2))) == (
        DAY - timedelta(days=2),
        DAY + timedelta(days=1),
    )


def test_a_date_in_the_header_is_looked_up(tmp_path: Path, store: Store) -> None:
    """Where the name has none, what lies there is asked."""
    feed = write_feed(tmp_path, feed=BY_HEADER)
    send(store, "CONTRATOS_1.txt", contratos())
    assert dates_of(feed, outside_of(store), "dados-posicionais/CONTRATOS_1.txt") == (DAY,)
    assert dates_of(feed, outside_of(store), "dados-posicionais/CONTRATOS_2.txt") == ()


def test_late_days_count_from_the_first_for_which_something_came(feed: Feed, store: Store) -> None:
    """A feed that is new owes nothing for the days before it."""
    clock = ToldClock(MORNING + timedelta(hours=1))
    assert overdue_days(feed, outside_of(store, clock)) == ()
    day = DAY - timedelta(days=2)
    send(store, f"CONTRATOS_{day:%Y%m%d}.txt", contratos(day=day))
    advance(feed, day, outside_of(store, clock), insist=False)
    assert overdue_days(feed, outside_of(store, clock)) == (day, day + timedelta(days=1))
    clock.time += timedelta(hours=4)
    assert overdue_days(feed, outside_of(store, clock)) == (day, day + timedelta(days=1), DAY)


def test_the_lambdas_bring_no_engine_and_no_terminal() -> None:
    """What is not in their package must not be asked for when they begin."""
    absent = ("sqlglot", "duckdb", "click", "rich", "opensearchpy", "pyspark", "pandas")
    code = f"import sys, posicional.lambdas; print([one for one in {absent!r} if one in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
