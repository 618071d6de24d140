"""Many dates with one command: a plan, newest first, a few at once, and after an interruption simply again."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from commands import arrive_bytes, posicional
from posicional.backends.duckdb import DuckDbEngine
from posicional.contract.calendar import Calendar
from posicional.contract.feed import Dataset, Feed
from posicional.day.journal import Ledger
from posicional.day.state import Day, fold
from posicional.errors import EngineError, UsageError
from posicional.ports import Outside, Place, Store, StoredObject, Written
from posicional.steps.backfill import AT_ONCE, Ended, carry_out, plan
from posicional.steps.decide import skip
from test_advance import Around, Failing
from worlds import DAY, clientes, contratos, new_store, outside_of, send, write_feed


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed of two files and two datasets."""
    return write_feed(tmp_path_factory.mktemp("feed"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store in memory."""
    return new_store("memory", tmp_path)


def ago(days: int) -> date:
    """So many days before the newest one."""
    return DAY - timedelta(days=days)


def world(store: Store, **words: Any) -> Outside:
    """An outside with the real engine."""
    return outside_of(store, **({"engine": DuckDbEngine} | words))


def arrives(store: Store, day: date, **words: Any) -> None:
    """Both files of a day arrive."""
    send(store, f"CONTRATOS_{day:%Y%m%d}.txt", contratos(day=day, **words))
    send(store, f"CLIENTES_{day:%Y%m%d}.txt", clientes())


def day_of(store: Store, feed: Feed, day: date) -> Day:
    """A day as its facts tell it."""
    return fold(feed, Ledger(outside_of(store), feed.name, day).read())


def carried_out(feed: Feed, outside: Outside, days: int = 9, **words: Any) -> list[Ended]:
    """Plan and carry out the last so many days."""
    again = words.get("again", False)
    return list(carry_out(feed, plan(feed, ago(days - 1), DAY, outside, again=again), outside, **words))


def lines(ended: Sequence[Ended]) -> list[tuple[date, str, int]]:
    """Date, word and exit code of each."""
    return [(one.date, one.line.word, one.exit_code) for one in ended]


def test_a_plan_and_what_comes_of_it(store: Store, feed: Feed) -> None:
    """The plan writes nothing; then each day goes to its end, newest first; a second time nothing is left to do."""
    for days in (0, 2, 3):
        arrives(store, ago(days))
    send(store, f"CLIENTES_{ago(5):%Y%m%d}.txt", clientes())
    before = list(store.list(""))
    planned = plan(feed, ago(8), DAY, outside_of(store))
    assert before == list(store.list(""))
    assert [(one.day.date, one.new) for one in planned.work] == [(ago(0), 2), (ago(2), 2), (ago(3), 2), (ago(5), 1)]
    assert (planned.finished, planned.empty) == ((), (ago(1), ago(4), ago(6), ago(7), ago(8)))
    assert lines(list(carry_out(feed, planned, world(store)))) == [
        (ago(0), "done", 0),
        (ago(2), "done", 0),
        (ago(3), "done", 0),
        (ago(5), "missing", 3),
    ]
    again = plan(feed, ago(8), DAY, outside_of(store))
    assert [[one.day.date for one in group] for group in (again.work, again.finished)] == [
        [ago(5)],
        [ago(0), ago(2), ago(3)],
    ]


def test_each_day_has_its_own_exit_code(store: Store, feed: Feed) -> None:
    """Refused, failed, missing, skipped: no day's failure keeps another from its end."""
    arrives(store, ago(0), counted=9)
    for days in (1, 2):
        arrives(store, ago(days))
    send(store, f"CLIENTES_{ago(3):%Y%m%d}.txt", clientes())
    skip(feed, ago(4), outside_of(store), why="so")

    class Weak(Failing):
        def run(
            self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
        ) -> tuple[Written, ...]:
            if any(str(ago(1)) in part for part in tables["contratos"]):
                raise EngineError("no memory")
            return super().run(dataset, tables, sink, secret)

    class Located(Around):
        def locate(self, key: str) -> str:
            return self.real.locate(key)

    ended = carried_out(feed, world(Located(store), engine=Weak))
    assert lines(ended) == [(ago(0), "refused", 4), (ago(1), "failed", 5), (ago(2), "done", 0), (ago(3), "missing", 3)]
    assert "no memory" in ended[1].line.text


def test_what_arrived_is_listed_twice_at_most(store: Store, feed: Feed) -> None:
    """Once for the plan; the days do not list it again."""
    listed: list[str] = []

    class Noting(Around):
        def list(self, prefix: str) -> Iterator[StoredObject]:
            listed.append(prefix)
            return self.real.list(prefix)

    for days in range(4):
        arrives(store, ago(days))
    carried_out(feed, world(Noting(store)))
    assert listed.count("dados-posicionais/") == 1


@dataclass
class Watched:
    """The real engine, that notes how many use it at once, and waits until another day has been read meanwhile."""

    inside: list[int] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    reading: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    name: str = "duckdb"

    def run(
        self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
    ) -> tuple[Written, ...]:
        """Run."""
        self.inside.append(1)
        self.most.append(len(self.inside))
        if len(self.most) == 1:
            assert all(self.reading.acquire(timeout=30) for _ in range(2 * AT_ONCE))
        written = DuckDbEngine().run(dataset, tables, sink, secret)
        self.inside.pop()
        return written


def test_a_few_days_at_once_but_one_engine(store: Store, feed: Feed) -> None:
    """While the first day's run stands still, the others are read; no two runs use the engine at once."""
    engine = Watched()

    class Noting(Around):
        def create(self, key: str, data: bytes) -> None:
            self.real.create(key, data)
            if key.endswith(".done.json"):
                engine.reading.release()

    for days in range(AT_ONCE):
        arrives(store, ago(days))
    ended = carried_out(feed, world(Noting(store), engine=lambda: engine))
    assert [word for _, word, _ in lines(ended)] == ["done"] * AT_ONCE
    assert set(engine.most) == {1}


def test_an_interrupted_command_is_simply_run_again(store: Store, feed: Feed) -> None:
    """Ctrl-C during the third day: the ledger knows; the next command makes the rest, and nothing twice."""
    for days in range(6):
        arrives(store, ago(days))

    class Interrupted(Failing):
        def run(
            self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
        ) -> tuple[Written, ...]:
            if any(str(ago(2)) in part for part in tables["contratos"]):
                raise KeyboardInterrupt
            return super().run(dataset, tables, sink, secret)

    with pytest.raises(KeyboardInterrupt):
        carried_out(feed, world(store, engine=Interrupted))
    left = plan(feed, ago(5), DAY, outside_of(store)).work
    assert ago(2) in [one.day.date for one in left]
    ended = carried_out(feed, world(store))
    assert [word for _, word, _ in lines(ended)] == ["done"] * len(left)
    for days in range(6):
        statuses = [run.status for run in day_of(store, feed, ago(days)).runs]
        assert statuses.count("succeeded") == 1, days


def test_again_is_written_down_first(store: Store, feed: Feed) -> None:
    """So whoever goes on after an interruption need not ask for it again, and each day is made anew once."""
    for days in range(4):
        arrives(store, ago(days))
    carried_out(feed, world(store))
    arrives(store, ago(5))
    with pytest.raises(KeyboardInterrupt):
        carried_out(feed, world(store, engine=lambda: Failing([KeyboardInterrupt()])), again=True)
    carried_out(feed, world(store))
    succeeded = [sum(run.succeeded for run in day_of(store, feed, ago(days)).runs) for days in (0, 1, 2, 3, 5)]
    assert succeeded == [2, 2, 2, 2, 1]


def test_a_bug_stops_the_command(store: Store, feed: Feed) -> None:
    """It goes up, as for a single day."""
    for days in range(2):
        arrives(store, ago(days))
    with pytest.raises(ZeroDivisionError):
        carried_out(feed, world(store, engine=lambda: Failing([ZeroDivisionError()])))


def test_dates_that_are_no_business_dates(store: Store, feed: Feed) -> None:
    """Are not in the plan; a span without any is refused, and so is one whose ends are in the wrong order."""
    weekdays = replace(feed, calendar=Calendar("weekdays"))
    sunday = DAY
    assert plan(weekdays, sunday - timedelta(days=6), sunday, outside_of(store)).count == 5
    with pytest.raises(UsageError, match="no business date from 2026-11-21 to 2026-11-22"):
        plan(weekdays, sunday - timedelta(days=1), sunday, outside_of(store))
    with pytest.raises(UsageError, match="the earlier date comes first"):
        plan(feed, sunday, sunday - timedelta(days=1), outside_of(store))
    monthly = replace(feed, calendar=Calendar("monthly"))
    assert plan(monthly, date(2025, 12, 1), date(2026, 3, 1), outside_of(store)).empty == (
        date(2026, 3, 1),
        date(2026, 2, 1),
        date(2026, 1, 1),
        date(2025, 12, 1),
    )


def test_the_command(tmp_path: Path, feed: Feed) -> None:
    """The plan, a blank line, a line a day; the worst exit code; as JSON the same."""
    store = tmp_path / "dados"

    def run(*words: str) -> Any:
        return posicional("run", feed.path, "--store", store, *words)

    for day in (ago(0), ago(1), ago(4)):
        arrive_bytes(store, f"CONTRATOS_{day:%Y%m%d}.txt", contratos(day=day))
        arrive_bytes(store, f"CLIENTES_{day:%Y%m%d}.txt", clientes())
    assert run("--date", str(ago(1))).code == 0
    span = ("--from", str(ago(6)), "--to", str(DAY))
    said = run(*span)
    assert (said.code, said.err) == (3, "")
    assert said.out.splitlines() == [
        "saude: 2 of 7 business dates have something to do",
        "  2026-11-22  to do     2 new arrivals",
        "  2026-11-18  to do     2 new arrivals",
        "finished already: 2026-11-21",
        "nothing is here of: 2026-11-19 to 2026-11-20, 2026-11-16 to 2026-11-17",
        "",
        "  2026-11-22  done      run 1 is current",
        "  2026-11-18  done      run 1 is current",
    ]
    again = run("--from", str(ago(1)), "--to", str(DAY), "--again", "--json")
    assert (again.code, [day["text"] for day in again.json["days"]]) == (0, ["run 2 is current"] * 2)


@pytest.mark.parametrize(
    "words", [[], ["--from", "2026-11-01"], ["--date", "2026-11-22", "--to", "2026-11-22"]], ids=str
)
def test_the_command_wants_one_date_or_two(feed: Feed, words: list[str]) -> None:
    """And says so."""
    said = posicional("run", feed.path, *words)
    assert (said.code, said.err.splitlines()[-1]) == (
        2,
        "Error: Missing option '--date', or '--from' and '--to'; one of the two.",
    )
