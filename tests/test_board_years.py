"""The board over five years of a feed with seven files: what a page costs the store depends on the page alone."""

from __future__ import annotations

import pwd
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from bench.history import days_before, history

from posicional.backends.remember import Remembering
from posicional.board.serve import WHOSE, look_back, memory_of
from posicional.board.watched import Watched
from posicional.contract.feed import Feed
from posicional.demo.day import planos
from posicional.ports import Store
from test_board import browser
from test_cost import Counting
from worlds import ToldClock, new_store, outside_of

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 15, tzinfo=ZoneInfo("America/Sao_Paulo"))
YEARS, MONTHS = 5 * 365 + 1, 92

DAY = "/feed/planos"
"""Today, and the 60 dates before, for what is usual."""
MONTH = "/feed/planos/past"
"""Three weeks of November, ten dates before, and the 60 that the plots go back."""
OLD = "/feed/planos/past?month=2023-05"
HAND_OVER = "/hand-over"
FILE = "/feed/planos/2026-11-20/file/contratos"
DATASET = "/feed/planos/2026-11-20/dataset/contratos_ativos"

DAYS = {DAY: 61, MONTH: 60, OLD: 60, HAND_OVER: 10, FILE: 1}
"""How many dates a page looks at: the facts of each are read once."""

RECENT = {DAY: 5, MONTH: 8, OLD: 0, HAND_OVER: 7, FILE: 1}
"""How often it lists one that is not long over, or the silences; all others are listed once in ten minutes."""

FACTS = 26
"""A day has no more."""


@pytest.fixture(scope="module")
def feed() -> Feed:
    """The demo's."""
    return Feed.load(planos() / "feed.yaml")


@pytest.fixture(scope="module")
def years(feed: Feed, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Five years of facts, 36,000 of them."""
    store = new_store("memory", tmp_path_factory.getbasetemp())
    count = 0
    for key, data in history(feed, [*days_before(TODAY, YEARS), TODAY]):
        store.create(key, data)
        count += 1
    assert count > 20 * YEARS
    return store


@pytest.fixture(scope="module")
def months(years: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The last three months of them alone."""
    store = new_store("memory", tmp_path_factory.getbasetemp())
    for day in [*days_before(TODAY, MONTHS), TODAY]:
        for found in years.list(f"controle/planos/{day}/"):
            store.create(found.key, years.read(found.key))
    return store


@dataclass
class Life:
    """A board's life from its start: what each of its pages asks of the store."""

    feed: Feed
    store: Store
    path: Path | None = None
    clock: ToldClock = field(default_factory=lambda: ToldClock(NOW))

    def __post_init__(self) -> None:
        """Begin."""
        self.counting = Counting(self.store)
        self.remembering = Remembering(self.counting, self.clock, self.path)
        self.watched = Watched(self.feed, outside_of(self.remembering, self.clock))
        self.client = browser(self.watched)

    def asks(self, page: str) -> Counter[str]:
        """What is asked of the store for a page; its text is kept."""
        self.counting.calls.clear()
        answer = self.client.get(page)
        assert answer.status_code == 200
        self.text = answer.text
        return Counter(self.counting.calls)


@pytest.mark.parametrize("page", DAYS)
def test_a_page_costs_what_it_shows_and_no_more_for_the_years_before(feed: Feed, years: Store, page: str) -> None:
    """When nothing is remembered, each day on it is listed once and each of its facts read once; then hardly any."""
    life = Life(feed, years)
    cold, warm = life.asks(page), life.asks(page)
    life.clock.time += timedelta(minutes=11)
    later = life.asks(page)
    print(page, dict(cold), dict(warm), dict(later))
    assert set(cold) <= {"list", "listed", "read"}
    assert cold["list"] <= DAYS[page] + RECENT[page]
    assert cold["read"] <= FACTS * DAYS[page]
    assert (warm["read"], later["read"]) == (0, 0)
    assert warm["list"] <= RECENT[page]
    assert later["list"] <= DAYS[page] + RECENT[page]


@pytest.mark.parametrize("page", [DAY, MONTH, HAND_OVER, FILE])
def test_a_page_costs_the_same_after_three_months_and_after_five_years(
    feed: Feed, months: Store, years: Store, page: str
) -> None:
    """Not one operation more, and it shows the same."""
    short, long = Life(feed, months), Life(feed, years)
    assert short.asks(page) == long.asks(page)
    assert short.text == long.text


def test_a_page_reads_what_another_has_not(feed: Feed, years: Store) -> None:
    """One page's facts serve the next."""
    life = Life(feed, years)
    life.asks(DAY)
    assert life.asks(MONTH)["read"] == 0
    assert life.asks(HAND_OVER)["read"] == 0


def test_what_a_board_reads_when_it_begins_serves_the_first_page(feed: Feed, years: Store) -> None:
    """Nobody waits for the sixty days that tell what is usual."""
    life = Life(feed, years)
    look_back([life.watched])
    assert life.asks(DAY) == {"list": RECENT[DAY], "listed": life.counting.calls["listed"]}


def test_what_a_file_remembers_serves_the_next_process(feed: Feed, years: Store, tmp_path: Path) -> None:
    """It reads no fact, and lists only the days that are not long over."""
    path = tmp_path / "caches" / "facts.sqlite"
    first = Life(feed, years, path)
    cold = {page: first.asks(page)["read"] for page in DAYS}
    first.remembering.close()
    assert path.stat().st_mode & 0o077 == 0
    second = Life(feed, years, path)
    warm = {page: second.asks(page) for page in DAYS}
    assert cold[DAY] > 1000
    assert {page: asked["read"] for page, asked in warm.items()} == dict.fromkeys(DAYS, 0)
    assert all(asked["list"] <= RECENT[page] for page, asked in warm.items())


@pytest.mark.parametrize("content", [None, b"this is no database" * 100, b""])
def test_what_is_remembered_can_be_lost_at_any_time(
    feed: Feed, months: Store, tmp_path: Path, content: bytes | None
) -> None:
    """A broken or missing file changes no page, and is made anew from the ledger."""
    path = tmp_path / "facts.sqlite"
    if content is not None:
        path.write_bytes(content)
    first, plain = Life(feed, months, path), Life(feed, months)
    first.asks(MONTH)
    plain.asks(MONTH)
    assert first.text == plain.text
    first.remembering.close()
    second = Life(feed, months, path)
    assert second.asks(MONTH)["read"] <= 1  # the one whose reading has shown that the file was broken
    assert second.text == plain.text


@pytest.mark.parametrize("name", WHOSE)
def test_buckets_of_the_same_name_have_a_file_each(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One at another endpoint, or of somebody else, has other facts."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for each in WHOSE:
        monkeypatch.delenv(each, raising=False)
    ours = memory_of("s3://dados")
    monkeypatch.setenv(name, "http://localhost:9000")
    others = memory_of("s3://dados")
    monkeypatch.setenv(name, "http://localhost:9001")
    assert len({ours, others, memory_of("s3://dados"), memory_of("s3://dados/b")}) == 4
    assert memory_of(str(tmp_path)) is None
    monkeypatch.delenv(name)
    assert memory_of("s3://dados") == ours


def test_whoever_has_no_home_has_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom the machine does not know, as in a container: facts are remembered in memory."""

    def unknown(_uid: int) -> None:
        raise KeyError

    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert memory_of("s3://dados") is None


def test_a_dataset_whose_parts_are_gone_is_a_sentence(feed: Feed, years: Store) -> None:
    """The ledger says that it was made; the store no longer has it."""
    client = browser(Watched(feed, outside_of(years, ToldClock(NOW))))
    answer = client.get(DATASET)
    assert answer.status_code == 503
    assert "no such object" in answer.text or "part-00000.parquet" in answer.text
