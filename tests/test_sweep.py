"""The sweep finds and does what no trigger did, and leaves alone what is not its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from commands import arrive_bytes, posicional
from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.opensearch import connect
from posicional.contract.calendar import Calendar
from posicional.contract.feed import SEVERITIES, Feed, OpenSearchTarget, Severity
from posicional.day.facts import PublicationClaim
from posicional.day.journal import Ledger
from posicional.day.keys import RUNS, SeenKey, TurnKey, publications
from posicional.day.state import Day, fold
from posicional.errors import EngineError, StoreError, UsageError
from posicional.ports import Engine, Notice, Outside, Store, StoredObject, Target
from posicional.steps.advance import advance
from posicional.steps.days import Window, open_days
from posicional.steps.decide import hold, rollback, skip
from posicional.steps.incoming import Delivery, Incoming
from posicional.steps.sweep import Swept, sweep
from test_advance import Around, Failing
from worlds import FEED, ToldClock, clientes, contratos, new_store, outside_of, send, write_feed

BRASILIA = ZoneInfo("America/Sao_Paulo")
NOW = datetime.now(UTC)  # stores stamp objects with the real time, and the sweep looks at that
TODAY = NOW.astimezone(BRASILIA).date()


def ago(days: int) -> date:
    """So many days before today."""
    return TODAY - timedelta(days=days)


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed of two files and two datasets."""
    return write_feed(tmp_path_factory.mktemp("feed"))


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    return new_store(request.param, tmp_path)


@pytest.fixture
def memory(tmp_path: Path) -> Store:
    """An empty store in memory."""
    return new_store("memory", tmp_path)


def world(store: Store, clock: ToldClock | None = None, **words: Any) -> Outside:
    """An outside with the real engine, now."""
    return outside_of(store, clock or ToldClock(NOW), **({"engine": DuckDbEngine} | words))


def day_arrives(store: Store, day: date, plans: Sequence[str] = ("OURO", "BASICO", "PRATA")) -> None:
    """Both files of a day arrive."""
    send(store, f"CONTRATOS_{day:%Y%m%d}.txt", contratos(plans, day))
    send(store, f"CLIENTES_{day:%Y%m%d}.txt", clientes())


def day_of(store: Store, feed: Feed, day: date) -> Day:
    """A day as its facts tell it."""
    return fold(feed, Ledger(outside_of(store), feed.name, day).read())


def statuses(store: Store, feed: Feed, day: date) -> list[str]:
    """How the runs of a day ended."""
    return [run.status for run in day_of(store, feed, day).runs]


def moved(swept: Swept) -> dict[date, str]:
    """Where each date that was gone on with came to rest."""
    return {day: rest.why for day, rest in swept.moved.items()}


def test_what_no_event_announced_is_found(store: Store, feed: Feed) -> None:
    """Two complete days and one that is not: two runs, newest first; the next sweep finds and writes nothing."""
    for day in (ago(0), ago(3)):
        day_arrives(store, day)
    send(store, f"CLIENTES_{ago(1):%Y%m%d}.txt", clientes())
    swept = sweep(feed, world(store))
    assert list(moved(swept).items()) == [(ago(0), "done"), (ago(1), "missing"), (ago(3), "done")]
    before = list(store.list(""))
    again = sweep(feed, outside_of(store, ToldClock(NOW)))
    assert (again.moved, again.failures, list(store.list(""))) == ({}, {}, before)


def test_what_arrived_is_listed_once(memory: Store, feed: Feed) -> None:
    """However many days have something to do."""
    listed: list[str] = []

    class Noting(Around):
        def list(self, prefix: str) -> Iterator[StoredObject]:
            listed.append(prefix)
            return self.real.list(prefix)

    for days in range(3):
        day_arrives(memory, ago(days))
    assert len(sweep(feed, world(Noting(memory))).moved) == 3
    assert listed.count("dados-posicionais/") == 1


def test_a_claim_without_an_end(memory: Store, feed: Feed) -> None:
    """Its process died: left alone until its lease ends, then made anew."""
    day_arrives(memory, TODAY)

    class Losing(Around):
        def create(self, key: str, data: bytes) -> None:
            if key.endswith(".end.json"):
                raise SystemExit
            self.real.create(key, data)

    clock = ToldClock(NOW)
    with pytest.raises(SystemExit):
        advance(feed, TODAY, world(Losing(memory), clock, engine=lambda: Failing([SystemExit()])))
    assert sweep(feed, world(memory, clock)).moved == {}
    clock.sleep(3601)
    assert moved(sweep(feed, world(memory, clock))) == {TODAY: "done"}
    assert statuses(memory, feed, TODAY) == ["abandoned", "succeeded"]


def test_a_claim_that_nothing_waits_for_gets_its_end(memory: Store, feed: Feed) -> None:
    """The day was rolled back while a run was live, which then died: it does not stand there as live for ever."""
    day_arrives(memory, TODAY)
    advance(feed, TODAY, world(memory))
    ledger = Ledger(outside_of(memory, ToldClock(NOW)), feed.name, TODAY)
    claim = day_of(memory, feed, TODAY).runs[0].claim
    assert ledger.write(TurnKey(RUNS, 2, "claim"), claim)  # type: ignore[arg-type]  # it is readable
    rollback(feed, TODAY, outside_of(memory, ToldClock(NOW)), run=1, why="so")
    later = ToldClock(NOW + timedelta(hours=2))
    assert moved(sweep(feed, outside_of(memory, later))) == {TODAY: "done"}
    assert statuses(memory, feed, TODAY) == ["succeeded", "abandoned"]
    assert sweep(feed, outside_of(memory, later)).moved == {}


def test_an_end_without_a_publication(memory: Store, tmp_path: Path, cluster: str) -> None:
    """The run succeeded and its process died: the sweep publishes; a silent publication is taken over."""
    publish = f"publish: {{opensearch: {{url: '{cluster}', datasets: {{ativos: {{index: ativos}}}}}}}}\n"
    feed = write_feed(tmp_path / "feed", feed=FEED + publish)
    day_arrives(memory, TODAY)
    clock = ToldClock(NOW)
    outside = replace(world(memory, clock), target=lambda target: connect(target, clock))
    assert advance(feed, TODAY, outside, publish=False).problem is None
    ledger = Ledger(outside, feed.name, TODAY)
    series = publications("opensearch")
    dead = PublicationClaim(**ledger.sign(), lease_until=NOW + timedelta(hours=1), run=1)
    assert ledger.write(TurnKey(series, 1, "claim"), dead)
    assert sweep(feed, outside).moved == {}
    clock.sleep(3601)
    assert moved(sweep(feed, outside)) == {TODAY: "done"}
    turns = day_of(memory, feed, TODAY).publications["opensearch"]
    assert [turn.status for turn in turns] == ["abandoned", "succeeded"]


def test_an_outage_of_the_cluster_is_waited_out(memory: Store, tmp_path: Path, cluster: str) -> None:
    """A cluster that is away for an hour: few attempts, each later than the one before, and the day is shown soon after
    it is back, without anybody's help.
    """
    publish = f"publish: {{opensearch: {{url: '{cluster}', datasets: {{ativos: {{index: ativos}}}}}}}}\n"
    feed = write_feed(tmp_path / "feed", feed=FEED + publish)
    day_arrives(memory, TODAY)
    clock = ToldClock(NOW)

    def target(to: OpenSearchTarget) -> Target:
        down = clock.now() < NOW + timedelta(hours=1)
        return connect(replace(to, url="http://127.0.0.1:9") if down else to, clock)

    outside = replace(world(memory, clock), target=target)
    while (rests := moved(sweep(feed, outside))).get(TODAY) != "done":
        assert rests.get(TODAY, "waiting") == "waiting"
        clock.sleep(60)
    assert clock.now() < NOW + timedelta(hours=1, minutes=30)
    turns = day_of(memory, feed, TODAY).publications["opensearch"]
    assert [turn.status for turn in turns] == ["failed"] * (len(turns) - 1) + ["succeeded"]
    assert 6 <= len(turns) <= 10


def test_attempts_are_made_up_to_the_limit_and_no_further(memory: Store, feed: Feed) -> None:
    """One a sweep, since a sweep waits for nothing; what failed for good is left until something changes."""
    day_arrives(memory, TODAY)
    clock = ToldClock(NOW)
    outside = world(memory, clock, engine=lambda: Failing([EngineError("no memory")]))
    for _ in range(6):
        sweep(feed, outside)
        clock.sleep(60)
    assert statuses(memory, feed, TODAY) == ["failed"] * 3
    day_arrives(memory, TODAY, ["OURO"])
    assert moved(sweep(feed, world(memory, clock))) == {TODAY: "done"}


def test_days_that_people_shut_stay_shut(memory: Store, feed: Feed) -> None:
    """Their files are taken; no run begins."""
    for days in (0, 1):
        day_arrives(memory, ago(days))
    hold(feed, ago(0), outside_of(memory), why="so")
    skip(feed, ago(1), outside_of(memory), why="so")
    assert moved(sweep(feed, world(memory))) == {ago(0): "held", ago(1): "skipped"}
    assert [day_of(memory, feed, ago(days)).runs for days in (0, 1)] == [(), ()]
    assert sweep(feed, world(memory)).moved == {}


def test_old_days_are_only_named(tmp_path: Path, feed: Feed) -> None:
    """Those for which something came lately are; what has lain there for long is not even that."""
    store = new_store("folder", tmp_path)
    for days in (feed.lookback, feed.lookback + 1, 400):
        day_arrives(store, ago(days))
    day_arrives(store, ago(500))
    long_ago = (NOW - timedelta(days=499)).timestamp()
    for found in store.list("dados-posicionais/"):
        if f"{ago(500):%Y%m%d}" in found.key:
            os.utime(store.locate(found.key), (long_ago, long_ago))
    swept = sweep(feed, world(store))
    assert (moved(swept), swept.older) == ({ago(feed.lookback): "done"}, (ago(400), ago(feed.lookback + 1)))
    assert not list(store.list(f"controle/saude/{ago(400)}/"))


def test_dates_that_are_none_of_the_feeds(memory: Store, feed: Feed) -> None:
    """Days off and dates far ahead are named; a date a little ahead is looked after."""
    weekdays = replace(feed, calendar=Calendar("weekdays"))
    sunday = next(day for day in map(ago, range(1, 8)) if day.weekday() == 6)
    ahead = next(day for day in (TODAY + timedelta(days=n) for n in range(1, 8)) if day.weekday() < 5)
    far = TODAY + timedelta(days=feed.lookback + 1)
    for day in (sunday, ahead, far):
        send(memory, f"CLIENTES_{day:%Y%m%d}.txt", clientes())
    send(memory, "LEIAME.txt", b"x")
    swept = sweep(weekdays, world(memory))
    assert (moved(swept), swept.others, swept.unknown) == ({ahead: "missing"}, (sunday, far), ("LEIAME.txt",))


def test_a_slow_file_that_was_refused_on_a_day_off(memory: Store, tmp_path: Path) -> None:
    """It would count for later dates, so people are told of it like of any other, and again when a good one came; that
    it lies there is nothing to wonder at.
    """
    today = next(day for day in map(ago, range(7)) if day.weekday() == 0)
    sunday = today - timedelta(days=1)
    files = FEED.replace("layout: clientes.yaml\n", "layout: clientes.yaml\n    use: latest\n")
    feed = write_feed(tmp_path / "feed", feed=files.replace("days: daily", "days: weekdays"))
    mail = Noted()
    outside = replace(world(memory), channels=[mail])
    send(memory, f"CLIENTES_{sunday:%Y%m%d}.txt", clientes() + b"short\n")
    send(memory, f"CONTRATOS_{today:%Y%m%d}.txt", contratos(["OURO"], today))
    for _ in range(2):
        assert sweep(feed, outside).others == ()
    told = [notice for notice in mail.notices if notice.date == sunday]
    assert [(notice.condition, notice.over) for notice in told] == [("refused", False)]
    assert f"accept {feed.path} clientes --date {sunday}" in told[0].text
    send(memory, f"CLIENTES_{sunday:%Y%m%d}.txt", clientes())
    assert moved(sweep(feed, outside))[today] == "done"
    assert today not in moved(sweep(feed, outside))
    told = [notice for notice in mail.notices if notice.date == sunday]
    assert [(notice.condition, notice.over) for notice in told] == [("refused", False), ("refused", True)]


def test_one_days_failure_does_not_keep_it_from_the_others(memory: Store, feed: Feed) -> None:
    """It is told, and the others are gone on with."""

    class Broken(Around):
        def list(self, prefix: str) -> Iterator[StoredObject]:
            if prefix.endswith(f"{ago(1)}/"):
                raise StoreError("access denied")
            return self.real.list(prefix)

    for days in range(3):
        day_arrives(memory, ago(days))
    swept = sweep(feed, world(Broken(memory)))
    assert moved(swept) == {ago(0): "done", ago(2): "done"}
    assert {day: str(error) for day, error in swept.failures.items()} == {ago(1): "access denied"}


def test_a_fact_that_cannot_be_read_is_told(memory: Store, feed: Feed) -> None:
    """By its date and name, at every sweep; the day goes on as in the cautious case."""
    day_arrives(memory, TODAY)
    prefix = Ledger(outside_of(memory), feed.name, TODAY).prefix
    memory.create(f"{prefix}{SeenKey('clientes', 1)}", b"torn")
    swept = sweep(feed, world(memory))
    assert swept.unreadable == {TODAY: ("arrivals/clientes/0001.seen.json",)}
    assert moved(swept) == {TODAY: "done"}
    assert sweep(feed, world(memory)).unreadable == swept.unreadable


@dataclass
class Noted:
    """Notes the notices."""

    notices: list[Notice] = field(default_factory=list)
    name: str = "mail"
    when: frozenset[Severity] = frozenset(SEVERITIES)

    def send(self, notice: Notice) -> None:
        """Note one."""
        self.notices.append(notice)


def test_people_are_told_what_nobody_told_them(memory: Store, feed: Feed) -> None:
    """The deadline of a day that has begun is missed and its check never came: once, also when the day cannot go on."""

    def no_engine() -> Engine:
        raise UsageError("duckdb is not installed")

    day_arrives(memory, ago(2))
    send(memory, f"CLIENTES_{ago(1):%Y%m%d}.txt", clientes())
    notify = Noted()
    outside = replace(world(memory, engine=no_engine), channels=[notify])
    swept = sweep(feed, outside)
    begun = [(notice.date, notice.condition) for notice in notify.notices if notice.date != TODAY]
    assert begun == [(ago(1), "deadline"), (ago(2), "deadline")]
    assert list(swept.failures) == [ago(2)]
    told = len(notify.notices)
    assert sweep(feed, outside).moved == {}
    assert len(notify.notices) == told


# The window.


def lying(*dates: date) -> Incoming:
    """Something lies there for these dates."""
    found = StoredObject("dados-posicionais/x", 1, "v", NOW)
    return Incoming({day: {"a": (Delivery("a", (found,)),)} for day in dates})


@pytest.mark.parametrize(
    ("days", "first", "count"),
    [("daily", date(2026, 10, 18), 36), ("weekdays", date(2026, 10, 19), 25), ("monthly", date(2026, 10, 1), 2)],
)
def test_the_window(feed: Feed, days: Any, first: date, count: int) -> None:
    """35 days back by the end of a date's period: so last month is in it, though its first day is 52 days ago."""
    monthly = replace(feed, calendar=Calendar(days))
    dates = Window.at(monthly, datetime(2026, 11, 22, 12, tzinfo=UTC)).dates(lying())
    assert (dates[-1], len(dates)) == (first, count)


def test_today_is_that_of_the_feeds_zone(feed: Feed) -> None:
    """At one in the morning UTC it is still yesterday in Brasília."""
    assert Window.at(feed, datetime(2026, 11, 22, 1, tzinfo=UTC)).newest == date(2026, 11, 21)


def test_dates_ahead_are_in_the_window_when_something_came(feed: Feed) -> None:
    """As far ahead as the window goes back."""
    window = Window.at(feed, datetime(2026, 11, 22, 12, tzinfo=UTC))
    assert window.dates(lying(date(2026, 12, 27), date(2026, 12, 28)))[:2] == [date(2026, 12, 27), date(2026, 11, 22)]


# Status without a date.


def test_the_open_days(memory: Store, feed: Feed) -> None:
    """Today, and what has begun and is not finished; neither finished days nor those of which nothing came."""
    day_arrives(memory, ago(4))
    day_arrives(memory, ago(3))
    sweep(feed, world(memory))
    send(memory, f"CLIENTES_{ago(4):%Y%m%d}.txt", clientes()[:21])
    send(memory, f"CLIENTES_{ago(2):%Y%m%d}.txt", clientes())
    hold(feed, ago(1), outside_of(memory), why="closed")
    before = list(memory.list(""))
    lines, count = open_days(feed, outside_of(memory, ToldClock(NOW)))
    assert count == 36
    assert [line.shown for line in lines] == [
        f"  {ago(0)}  missing   2 of 2 files missing: contratos, clientes",
        f"  {ago(1)}  held      held: closed (ana@maquina)",
        f"  {ago(2)}  to do     1 new arrival",
        f"  {ago(4)}  to do     1 new arrival; run 1 is current",
    ]
    assert before == list(memory.list(""))


# The command line.


@dataclass
class Typed:
    """A feed in a folder, and what a person types."""

    feed: Feed
    store: Path
    said: list[Any] = field(default_factory=list)

    def __call__(self, command: str, *words: str) -> Any:
        """A command."""
        return posicional(command, self.feed.path, *words, "--store", self.store)

    def arrive(self, day: date) -> None:
        """Both files of a day, which have stood still for long."""
        arrive_bytes(self.store, f"CONTRATOS_{day:%Y%m%d}.txt", contratos(day=day))
        arrive_bytes(self.store, f"CLIENTES_{day:%Y%m%d}.txt", clientes())


@pytest.fixture
def typed(tmp_path: Path, feed: Feed) -> Typed:
    """An empty store."""
    return Typed(feed, tmp_path / "dados")


def test_the_command(typed: Typed) -> None:
    """It tells each date that it went on with; as JSON too; exit code 0."""
    typed.arrive(ago(1))
    said = typed("sweep")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[-2:] == [
        "saude: 36 business dates looked at, 1 gone on with",
        f"  {ago(1)}  done      run 1 is current",
    ]
    found = json.loads(typed("sweep", "--json").out)
    assert (found["moved"], found["looked_at"], found["failures"]) == ({}, 36, {})


def test_the_command_tells_people_in_their_language(typed: Typed) -> None:
    """Portuguese unless English is asked for; either way they are told once."""
    arrive_bytes(typed.store, f"CONTRATOS_{ago(1):%Y%m%d}.txt", contratos(day=ago(1), counted=9))
    assert " REFUSED: contratos." in typed("sweep", "--language", "en").out
    assert "RECUSADO" not in typed("sweep").out
    arrive_bytes(typed.store, f"CONTRATOS_{ago(3):%Y%m%d}.txt", contratos(day=ago(3), counted=9))
    assert " RECUSADO: contratos." in typed("sweep").out


def test_the_command_says_what_it_left_alone(typed: Typed) -> None:
    """Old dates with the command that goes on with them, and facts that cannot be read."""
    typed.arrive(ago(1))
    typed("sweep")
    for day in (ago(60), ago(50)):
        (typed.store / "dados-posicionais" / f"CLIENTES_{day:%Y%m%d}.txt").write_bytes(clientes())
    (typed.store / "controle" / "saude" / str(ago(1)) / "decisions").mkdir()
    (typed.store / "controle" / "saude" / str(ago(1)) / "decisions" / "0001.json").write_text("{")
    lines = typed("sweep").out.splitlines()
    assert lines[1:] == [
        f"older than the lookback, left alone: {ago(60)}, {ago(50)}",
        f"  -> posicional run … --from {ago(60)} --to {ago(50)}",
        f"cannot be read: {ago(1)} decisions/0001.json",
    ]


def test_status_of_a_store_that_is_not_there(typed: Typed) -> None:
    """A name that was mistyped is not taken for a day without files: it is said where nobody has written yet."""
    wrong = typed.store.parent / "dadso"
    for words in ((), ("--date", str(ago(0)))):
        said = posicional("status", typed.feed.path, "--store", wrong, *words)
        assert (said.code, f"{wrong} is not there yet" in said.out) == (0, True)
    typed.arrive(ago(0))
    assert "not there" not in typed("status").out + typed("status", "--date", str(ago(0))).out


def test_a_failure_is_the_commands(typed: Typed) -> None:
    """A ledger that cannot be written: told on standard error, with its exit code."""
    typed.arrive(ago(1))
    typed.arrive(ago(2))
    (typed.store / "controle" / "saude").mkdir(parents=True)
    (typed.store / "controle" / "saude" / str(ago(1))).write_text("a file in the place of a folder")
    said = typed("sweep")
    assert (said.code, f"  {ago(2)}  done" in said.out) == (5, True)
    assert said.err.startswith(f"posicional: {ago(1)}: ")


def test_status_without_a_date(typed: Typed) -> None:
    """A line a day."""
    typed.arrive(ago(1))
    said = typed("status")
    assert (said.code, said.out.splitlines()) == (
        0,
        [
            "saude, open among the last 36 business dates",
            f"  {ago(0)}  missing   2 of 2 files missing: contratos, clientes",
            f"  {ago(1)}  to do     2 new arrivals",
        ],
    )
    assert [day["date"] for day in json.loads(typed("status", "--json").out)["days"]] == [str(ago(0)), str(ago(1))]
