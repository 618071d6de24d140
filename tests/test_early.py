"""Early warnings as people get them: none over a year of normal days, told on the day of trouble, cheap to look for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from posicional.contract.calendar import Calendar, Due
from posicional.contract.feed import SEVERITIES, Feed, Severity
from posicional.day import revision
from posicional.day.alerts import EXPECTED, UNUSUAL
from posicional.day.facts import AccountFact, Decision, DecisionKind, Done, PartFact, Seen
from posicional.day.journal import Ledger
from posicional.day.keys import DecisionKey, DoneKey, SeenKey, usual_key
from posicional.day.usual import LEAST, MOST, Past, period_start
from posicional.errors import StoreError
from posicional.ports import Notice, Outside, Store, StoredObject
from posicional.steps.alerts import raise_alerts
from posicional.steps.usual import pasts
from test_advance import Around
from test_cost import Counting
from test_usual import FILES, SEEDS, START, year
from worlds import ToldClock, feed_of, file_of, new_store, outside_of

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NAMES = tuple(f"f{number}" for number in range(FILES))


@dataclass
class Heard:
    """What people hear, but for the deadline's alarm."""

    notices: list[Notice] = field(default_factory=list)
    name: str = "mail"
    when: frozenset[Severity] = frozenset(SEVERITIES)

    def send(self, notice: Notice) -> None:
        """Hear one."""
        if notice.condition in (EXPECTED, UNUSUAL):
            self.notices.append(notice)

    @property
    def warnings(self) -> list[tuple[date, str]]:
        """Date and condition of each that does not say that it is over."""
        return [(one.date, one.condition) for one in self.notices if not one.over]


@dataclass
class World:
    """A feed whose files come as they are told to, and who hears of them."""

    feed: Feed
    outside: Outside
    clock: ToldClock
    heard: Heard

    def lives(self, day: date, files: dict[str, Past]) -> None:
        """A date: somebody looks just before each file comes, and when all are here."""
        start = period_start(self.feed, day)
        for name, one in sorted(files.items(), key=lambda item: item[1].came):
            self.look(day, start + one.came - MINUTE)
            self.comes(day, name, one)
        last = max((one.came for one in files.values()), default=8 * HOUR)
        self.look(day, start + last + MINUTE)

    def comes(self, day: date, name: str, one: Past, number: int = 1) -> None:
        """A file comes, and is read."""
        moment = period_start(self.feed, day) + one.came
        self.clock.time = moment
        ledger, file = Ledger(self.outside, "f", day), self.feed.files[name]
        seen = Seen(**ledger.sign(), key="k", object_version=f"v{number}", size=1, modified=moment)
        part = PartFact(key="p", table=name, rows=one.rows, bytes=1)
        done = Done(
            **ledger.sign(),
            status="converted",
            layout=file.layout.digest,
            sha256=one.sha256,
            account=AccountFact(rows=one.rows, rejects=one.rejects),
            parts=(part,),
        )
        assert ledger.write(SeenKey(name, number), seen)
        assert ledger.write(DoneKey(name, number, revision.reading(file)), done)

    def look(self, day: date, moment: datetime) -> None:
        """Somebody looks."""
        self.clock.time = moment
        raise_alerts(self.feed, Ledger(self.outside, "f", day).read(), self.outside)


def world_of(store: Store, *names: str) -> World:
    """The feed of these files, due in the evening, and nothing in it."""
    clock, heard = ToldClock(), Heard()
    feed = replace(feed_of(*(file_of(name) for name in names)), deadline=Due(time(18)))
    return World(feed, replace(outside_of(store, clock), channels=[heard]), clock, heard)


def lived(world: World, years: dict[str, list[Past]], days: Sequence[int]) -> None:
    """Live through these days of a year."""
    for number in days:
        world.lives(START + timedelta(days=number), {name: past[number] for name, past in years.items()})


def years_of(seed: int, names: Sequence[str]) -> dict[str, list[Past]]:
    """A year of each file: jitter, Mondays, weekends, ends of months."""
    return {name: year(seed, number) for number, name in enumerate(names)}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SEEDS[1:])])
def test_a_year_of_normal_days_warns_less_than_once_a_month(seed: int, tmp_path: Path) -> None:
    """Of seven files, looked at at the worst moment: just before each comes."""
    world = world_of(new_store("memory", tmp_path), *NAMES)
    lived(world, years_of(seed, NAMES), range(365))
    print(f"seed {seed}: {len(world.heard.warnings)} warnings", world.heard.warnings)
    assert len(world.heard.warnings) < 12


TODAY = 70


@pytest.fixture(scope="module")
def seventy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the ledgers hold after seventy normal days of three files."""
    world = world_of(new_store("memory", tmp_path_factory.getbasetemp()), *NAMES[:3])
    lived(world, years_of(1, NAMES[:3]), range(TODAY))
    store = world.outside.store
    return {found.key: store.read(found.key) for found in store.list("")}


def after_seventy(seventy: dict[str, bytes], store: Store) -> tuple[World, date, dict[str, Past]]:
    """The day after them, with what comes on it when all is well."""
    for key, data in seventy.items():
        store.create(key, data)
    today = {name: past[TODAY] for name, past in years_of(1, NAMES[:3]).items()}
    return world_of(store, *NAMES[:3]), START + timedelta(days=TODAY), today


@pytest.mark.parametrize(
    ("trouble", "condition", "said"),
    [
        pytest.param({"came": timedelta(hours=3)}, EXPECTED, "costuma chegar até", id="late"),
        pytest.param({"rows": 1 / 30}, UNUSUAL, "linhas; o comum é de", id="tiny"),
        pytest.param({"rows": 30}, UNUSUAL, "linhas; o comum é de", id="huge"),
        pytest.param({"rejects": 0.2}, UNUSUAL, "rejeitados; o comum é até", id="bad"),
        pytest.param({"same": True}, UNUSUAL, "o mesmo conteúdo da data anterior", id="repeated"),
    ],
)
@pytest.mark.parametrize("name", NAMES[:3])
def test_trouble_is_told_on_the_day(
    name: str, trouble: dict[str, Any], condition: str, said: str, seventy: dict[str, bytes], tmp_path: Path
) -> None:
    """Each kind, for files of every size and hour; it names the file, and nothing else is said."""
    world, day, today = after_seventy(seventy, new_store("memory", tmp_path))
    one, before = today[name], years_of(1, NAMES[:3])[name][TODAY - 1]
    match trouble:
        case {"came": later}:
            one = replace(one, came=one.came + later)
        case {"rows": factor}:
            one = replace(one, rows=round(one.rows * factor))
        case {"rejects": share}:
            one = replace(one, rejects=round(one.rows * share) + 1)
        case _:
            one = replace(before, came=one.came)
    world.lives(day, today | {name: one})
    first = world.heard.notices[0]
    assert world.heard.warnings == [(day, condition)]
    assert (first.severity, f" {name} " in first.text, said in first.text) == ("warning", True, True)


def test_a_correction_ends_the_warning(seventy: dict[str, bytes], tmp_path: Path) -> None:
    """What came again is usual: people hear that too; and of a correction that is not, anew."""
    world, day, today = after_seventy(seventy, new_store("memory", tmp_path))
    good, start = today["f0"], period_start(world.feed, day)
    for number, rows in enumerate((good.rows // 30, good.rows // 40, good.rows), start=1):
        came = good.came + number * 5 * MINUTE
        world.comes(day, "f0", replace(good, rows=rows, came=came, sha256=str(number)), number)
        world.look(day, start + came + MINUTE)
    assert [(one.number, one.over) for one in world.heard.notices] == [(1, False), (2, False), (3, True)]


@dataclass
class Forgetful(Around):
    """A store in which what was usual cannot be read."""

    def read(self, key: str) -> bytes:
        """Everything else."""
        if "/usual/" in key:
            raise StoreError("slow down")
        return self.real.read(key)


def test_what_nobody_looked_at_is_not_over(seventy: dict[str, bytes], tmp_path: Path) -> None:
    """Neither where the dates before cannot be read, nor at the deadline or after it; only when the file is here."""
    store = new_store("memory", tmp_path)
    world, day, today = after_seventy(seventy, store)
    start, late = period_start(world.feed, day), replace(today["f0"], came=30 * HOUR)
    for name in NAMES[1:3]:
        world.comes(day, name, today[name])
    world.look(day, start + 17 * HOUR)
    assert [(one.number, one.over) for one in world.heard.notices] == [(1, False)]
    world.outside = replace(world.outside, store=Forgetful(store))
    world.look(day, start + 17 * HOUR + MINUTE)
    world.outside = replace(world.outside, store=store)
    for hour in (18, 19, 29):
        world.look(day, start + hour * HOUR)
    assert [(one.number, one.over) for one in world.heard.notices] == [(1, False)]
    world.comes(day, "f0", late)
    world.look(day, start + late.came + MINUTE)
    assert [(one.number, one.over) for one in world.heard.notices] == [(1, False), (2, True)]
    assert "chegou o que já era para ter chegado" in world.heard.notices[1].text


@pytest.mark.parametrize(
    ("decision", "about", "said"),
    [
        pytest.param("waive", {"file": "f0"}, "aviso encerrado: segue sem f0.", id="waived"),
        pytest.param("skip_day", {}, "aviso encerrado: dispensado por ana@maquina (17:00): closed.", id="skipped"),
    ],
)
def test_a_decision_ends_the_warning_without_saying_that_the_file_came(
    decision: DecisionKind, about: dict[str, str | int], said: str, seventy: dict[str, bytes], tmp_path: Path
) -> None:
    """It goes on without the file, or without the date; and it stays so at the deadline."""
    world, day, today = after_seventy(seventy, new_store("memory", tmp_path))
    start = period_start(world.feed, day)
    for name in NAMES[1:3]:
        world.comes(day, name, today[name])
    world.look(day, start + 17 * HOUR)
    ledger = Ledger(world.outside, "f", day)
    who = ledger.sign() | {"who": "ana@maquina"}
    ledger.write(DecisionKey(1), Decision(**who, decision=decision, why="closed", about=about))
    for hour in (17, 18):
        world.look(day, start + hour * HOUR + MINUTE)
    assert [(one.number, one.over) for one in world.heard.notices] == [(1, False), (2, True)]
    assert world.heard.notices[1].text.endswith(said)


def test_nothing_is_said_before_there_are_ten_dates(tmp_path: Path) -> None:
    """Nine say nothing, however late and tiny the file of the tenth is; after ten it is told."""
    past = year(1, 0)
    for days, warned in ((LEAST - 1, []), (LEAST, [EXPECTED, UNUSUAL])):
        world = world_of(new_store("memory", tmp_path), "f0")
        lived(world, {"f0": past}, range(days))
        one = replace(past[days], came=past[days].came + 2 * HOUR, rows=1)
        world.lives(START + timedelta(days=days), {"f0": one})
        assert [condition for _, condition in world.heard.warnings] == warned


def test_what_the_contract_expects_earlier_is_told_earlier(seventy: dict[str, bytes], tmp_path: Path) -> None:
    """The one that comes first of what is usual and of `expected_by`; told once."""
    world, day, today = after_seventy(seventy, new_store("memory", tmp_path))
    start = period_start(world.feed, day)
    early = (start + today["f0"].came - 2 * HOUR).time()
    files = {**world.feed.files, "f0": replace(world.feed.files["f0"], expected_by=Due(early))}
    world.feed = replace(world.feed, files=files)
    world.look(day, start + today["f0"].came - HOUR)
    world.look(day, start + today["f0"].came + HOUR)
    assert world.heard.notices[0].number == 1
    assert f"esperado até {early:%H:%M}, agora" in world.heard.notices[0].text


def test_old_dates_are_not_judged(seventy: dict[str, bytes], tmp_path: Path) -> None:
    """What comes when the next date is due already is old: somebody has loaded it, and nothing is read for it."""
    store = new_store("memory", tmp_path)
    world, day, today = after_seventy(seventy, store)
    world.comes(day, "f0", replace(today["f0"], rows=1, came=46 * HOUR))
    counting = Counting(store)
    world.outside = replace(world.outside, store=counting)
    world.look(day, period_start(world.feed, day) + 47 * HOUR)
    assert world.heard.warnings == []
    assert [where for where in counting.touched if "/usual/" in where] == []


def test_dates_that_were_loaded_later_are_no_habit(tmp_path: Path) -> None:
    """A month that is loaded in one afternoon makes nothing usual."""
    world = world_of(new_store("memory", tmp_path), "f0")
    for number, one in enumerate(year(1, 0)[:30]):
        world.comes(START + timedelta(days=number), "f0", replace(one, came=timedelta(days=31 - number)))
    world.clock.time = period_start(world.feed, START + timedelta(days=30)) + 9 * HOUR
    assert pasts(world.feed, START + timedelta(days=30), world.outside) == {}


# What it costs.


def dates_read(counting: Counting) -> list[str]:
    """The dates whose ledgers were listed."""
    return sorted({where.split("/")[2] for where in counting.touched if where.endswith("/") and "/20" in where})


def test_earlier_dates_are_read_once(seventy: dict[str, bytes], tmp_path: Path) -> None:
    """Of sixty dates the first look of all reads sixty, that of the next day those that were not over, the next look of
    the same day none.
    """
    store = new_store("memory", tmp_path)
    world, day, today = after_seventy({key: data for key, data in seventy.items() if "/usual/" not in key}, store)
    read = []
    for when, hour in ((day, 3), (day, 4), (day + timedelta(days=1), 3), (day + timedelta(days=1), 4)):
        counting = Counting(store)
        world.outside = replace(world.outside, store=counting)
        world.look(when, period_start(world.feed, when) + hour * HOUR)
        read.append(len(dates_read(counting)) - 1)
        if (when, hour) == (day, 4):
            for name, one in today.items():
                world.comes(day, name, one)
    assert read == [MOST, 0, 2, 0]


@pytest.mark.parametrize("days", [10, 70])
def test_a_look_costs_the_same_after_ten_days_and_after_seventy(days: int, tmp_path: Path) -> None:
    """What was known before a date is one object; nothing is asked at all where nobody would be told."""
    store = new_store("memory", tmp_path)
    world = world_of(store, "f0")
    past = year(1, 0)
    lived(world, {"f0": past}, range(days))
    day = START + timedelta(days=days)
    world.look(day, period_start(world.feed, day) + HOUR)
    counting = Counting(store)
    world.outside = replace(world.outside, store=counting)
    world.look(day, period_start(world.feed, day) + 2 * HOUR)
    assert counting.touched == [f"controle/f/{day}/", usual_key("f", day)]
    counting.touched.clear()
    world.outside = replace(world.outside, channels=[])
    world.look(day, period_start(world.feed, day) + 3 * HOUR)
    assert counting.touched == [f"controle/f/{day}/"]


def test_what_is_kept_is_what_the_ledgers_say(seventy: dict[str, bytes], tmp_path: Path) -> None:
    """Day by day it adds up to what reading all dates anew gives; one that cannot be read is read anew."""
    kept, _, _ = after_seventy(seventy, new_store("memory", tmp_path))
    anew, day, _ = after_seventy(
        {key: data for key, data in seventy.items() if "/usual/" not in key}, new_store("memory", tmp_path)
    )
    for world in (kept, anew):
        world.clock.time = period_start(world.feed, day) + 6 * HOUR
    found = pasts(kept.feed, day, kept.outside)
    assert {name: len(past) for name, past in found.items()} == dict.fromkeys(NAMES[:3], MOST)
    assert found == pasts(anew.feed, day, anew.outside)
    assert all(one.date < other.date for past in found.values() for one, other in pairwise(past))
    broken, day, _ = after_seventy(
        {key: b"{" if "/usual/" in key else data for key, data in seventy.items()}, new_store("memory", tmp_path)
    )
    broken.clock.time = period_start(broken.feed, day) + 6 * HOUR
    assert pasts(broken.feed, day, broken.outside) == found


WRITTEN = b"""{
  "fact": "usual", "version": 1, "writer": "w1", "at": "2026-11-22T09:00:00Z", "who": "ana@maquina",
  "files": {"f0": [{"date": "2026-11-21", "came": 31200, "rows": 1745, "rejects": 2, "sha256": "ab"}]}
}"""


def test_what_was_kept_stays_readable(tmp_path: Path) -> None:
    """The words in which it was first written."""
    world = world_of(new_store("memory", tmp_path), "f0")
    world.outside.store.create(usual_key("f", date(2026, 11, 22)), WRITTEN)
    past = Past(date(2026, 11, 21), timedelta(hours=8, minutes=40), 1745, 2, "ab")
    assert pasts(world.feed, date(2026, 11, 22), world.outside) == {"f0": [past]}


def test_a_monthly_feed_is_warned_too(tmp_path: Path) -> None:
    """Times are counted from the month's end: a file that comes on the fifth is late on the ninth."""
    world = world_of(new_store("memory", tmp_path), "f0")
    due = Due(time(12), 10)
    world.feed = replace(world.feed, calendar=Calendar("monthly"), deadline=due)
    months = [date(2025 + n // 12, n % 12 + 1, 1) for n in range(14)]
    for number, month in enumerate(months):
        came = timedelta(days=9 if number == 13 else 5, minutes=7 * number % 50)
        world.lives(month, {"f0": Past(month, came, 1000 + number, 0, str(number))})
    assert world.heard.warnings == [(months[-1], EXPECTED)]
    assert "costuma chegar até" in world.heard.notices[0].text


@dataclass
class Closed(Around):
    """A store in which other dates cannot be read."""

    day: str = ""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Only this date's facts."""
        if prefix.startswith("controle/f/") and self.day not in prefix:
            raise StoreError("access denied")
        return self.real.list(prefix)


def test_a_past_that_cannot_be_read_keeps_no_alarm_from_ringing(tmp_path: Path) -> None:
    """Nothing is said to be unusual, and what the contract expects is told all the same."""
    store = new_store("memory", tmp_path)
    world = world_of(store, "f0")
    world.feed = replace(world.feed, files={"f0": file_of("f0", expected_by=Due(time(8)))})
    world.outside = replace(world.outside, store=Closed(store, day=str(START)))
    world.look(START, period_start(world.feed, START) + 9 * HOUR)
    assert world.heard.warnings == [(START, EXPECTED)]
