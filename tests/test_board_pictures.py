"""What the pictures of the board show: how far a day has come, its hours, and dates side by side."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.notify import Lines
from posicional.board import pictures, plots
from posicional.board.look import one_day
from posicional.board.past import PastDay
from posicional.board.progress import Step, steps
from posicional.board.watched import Watched
from posicional.contract.feed import Feed
from posicional.day.facts import RunClaim, RunEnd, Started
from posicional.day.keys import RUNS, TurnKey
from posicional.day.usual import Past
from posicional.steps.advance import advance
from posicional.steps.alerts import raise_alerts
from posicional.steps.decide import skip
from test_board import browser, texts
from worlds import DAY, ToldClock, clientes, contratos, new_store, outside_of, send, write_feed

ZONE = ZoneInfo("America/Sao_Paulo")
NOON = datetime.combine(DAY, time(12), ZONE)


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed of two files and two datasets."""
    return write_feed(tmp_path_factory.mktemp("feed"))


def watched(feed: Feed, folder: Path, now: datetime, *names: str) -> Watched:
    """The feed at a moment, when these files are here and whatever could be done is done."""
    store, clock = new_store("folder", folder), ToldClock(now)
    for name, data in (("CONTRATOS", contratos()), ("CLIENTES", clientes())):
        if name in names:
            send(store, path := f"{name}_{DAY:%Y%m%d}.txt", data)
            came = (now - timedelta(minutes=30)).timestamp()
            os.utime(store.locate(f"dados-posicionais/{path}"), (came, came))
    one = Watched(feed, outside_of(store, clock, engine=DuckDbEngine))
    advance(feed, DAY, one.outside, insist=False)
    return one


def shape(one: Watched, before: list[PastDay]) -> dict[str, tuple[str, float, float]]:
    """The steps of the day: name -> state, value, most."""
    return {step.name: (step.state, step.value, step.most) for step in steps(one, one_day(one, DAY), before)}


def past(back: int, came: time | None, rows: int = 100, seconds: float = 40.0, rejects: int = 0) -> PastDay:
    """A date so many days back."""
    when = DAY - timedelta(days=back)
    at = timedelta(hours=came.hour, minutes=came.minute) if came else None
    files = {"a": Past(when, at, rows, rejects, "x")} if at is not None else {}
    shown = datetime.combine(when, time(), ZONE) + at + timedelta(hours=1) if at is not None else None
    standing = "published" if files else "nothing arrived"
    return PastDay(when, bool(files), standing, shown, None, seconds, rejects, files, ())  # type: ignore[arg-type]


# --- how far a day has come -------------------------------------------------------------------------------------------


def test_before_the_deadline_files_come_and_after_it_somebody_is_needed(feed: Feed, tmp_path: Path) -> None:
    """One of two is here; the run and the readers wait."""
    one = watched(feed, tmp_path, NOON - timedelta(hours=1), "CLIENTES")
    waits = {"run": ("wait", 0, 0), "readers": ("wait", 0, 0)}
    assert shape(one, []) == {"files": ("now", 1, 2)} | waits
    one.outside.clock.sleep(7200)
    assert shape(one, []) == {"files": ("bad", 1, 2)} | waits
    skip(feed, DAY, one.outside, why="nobody sends anything today")
    assert shape(one, []) == {"files": ("wait", 1, 2)} | waits


def test_a_run_under_way_is_as_long_as_runs_usually_are(feed: Feed, tmp_path: Path) -> None:
    """Its bar is filled by the time that has passed; one that takes longer than usual has no measure any more."""
    one = watched(feed, tmp_path, NOON - timedelta(hours=1), "CONTRATOS", "CLIENTES")
    ledger = one.ledger(DAY)
    claimed = one_day(one, DAY).day.runs[0].claim
    assert isinstance(claimed, RunClaim)
    lease = one.outside.clock.now() + timedelta(hours=1)
    claim = claimed.model_copy(update=dict(ledger.sign()) | {"lease_until": lease})
    assert ledger.write(TurnKey(RUNS, 2, "claim"), claim)
    assert ledger.write(TurnKey(RUNS, 2, "started"), Started(**ledger.sign()))
    before = [past(1, time(8), seconds=30), past(2, time(8), seconds=40), past(3, time(8), seconds=900)]
    one.outside.clock.sleep(10)
    assert shape(one, before)["run"] == ("now", 10, 40)
    page = browser(one).get("/").text
    assert "for 10 s" in texts(page)
    assert re.search(r'<progress\s+aria-label="Run"', page)  # nothing is known of other days here
    one.outside.clock.sleep(60)
    assert shape(one, before)["run"] == ("now", 70, 0)
    one.outside.clock.sleep(7200)
    assert shape(one, before)["run"][0] == "bad"  # nobody has heard of it
    end = RunEnd(**ledger.sign(), status="failed", reason="the disk is full", blame="outside", seconds=12)
    assert ledger.write(TurnKey(RUNS, 2, "end"), end)
    failed = [step for step in steps(one, one_day(one, DAY), before) if step.name == "run"]
    assert failed == [Step("run", "bad", 2, one.local(end.at), 12)]


def test_a_day_that_is_done_says_when(feed: Feed, tmp_path: Path) -> None:
    """Every step, and when readers saw it."""
    one = watched(feed, tmp_path, NOON - timedelta(hours=1), "CONTRATOS", "CLIENTES")
    done = list(steps(one, one_day(one, DAY), []))
    assert [(step.name, step.state) for step in done] == [("files", "done"), ("run", "done"), ("readers", "done")]
    assert done[-1].at == one.local(one.outside.clock.now())


def test_an_alert_leads_to_the_files_that_it_is_about(feed: Feed, tmp_path: Path) -> None:
    """And an older one is over when the newest of its kind is."""
    one = watched(feed, tmp_path, NOON + timedelta(minutes=1), "CLIENTES")
    told: list[str] = []
    one = replace(one, outside=replace(one.outside, channels=[Lines(told.append)]))
    raise_alerts(feed, one.ledger(DAY).read(), one.outside)
    alert = one_day(one, DAY).alerts[0]
    assert (alert.condition, alert.files, alert.over, len(told)) == ("deadline", ("contratos",), False, 1)
    assert f'<p class="links"><a href="/feed/saude/{DAY}/file/contratos">contratos</a>' in browser(one).get("/").text
    send(one.outside.store, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos())
    advance(feed, DAY, one.outside, insist=False)
    raise_alerts(feed, one.ledger(DAY).read(), one.outside)
    assert [(alert.number, alert.over) for alert in one_day(one, DAY).alerts] == [(2, True), (1, True)]


# --- the hours of a day -----------------------------------------------------------------------------------------------


def test_a_late_file_is_waited_for_from_when_it_was_expected_until_now(feed: Feed, tmp_path: Path) -> None:
    """And not beyond the picture."""
    line = pictures.timeline(one_day(watched(feed, tmp_path, NOON, "CLIENTES"), DAY))
    late, other = line.rows
    now = next(flag for flag in line.flags if flag.name == "now")
    assert (late.waits, other.waits) == ((late.by, now.x), None)


def test_words_below_the_picture_do_not_stand_on_one_another(feed: Feed, tmp_path: Path) -> None:
    """Two moments that are near one another have theirs on two sides; those far apart have them in the middle."""
    one = watched(feed, tmp_path, NOON - timedelta(hours=4), "CONTRATOS", "CLIENTES")
    one.outside.clock.sleep(60)
    assert [flag.side for flag in pictures.timeline(one_day(one, DAY)).flags] == ["end", "start"]
    one.outside.clock.sleep(3 * 3600)
    assert [flag.side for flag in pictures.timeline(one_day(one, DAY)).flags] == ["middle", "middle"]


# --- dates side by side -----------------------------------------------------------------------------------------------

DAYS = [past(back, None if back == 3 else time(8, 30 + back)) for back in range(6, 0, -1)]


def test_times_are_marked_at_round_hours_and_late_ones_stand_out() -> None:
    """Also the line at which the file is expected is within the picture."""
    plot = plots.arrivals(DAYS, "a", timedelta(hours=8, minutes=34), "by")
    assert [tick.label for tick in plot.up] == ["08:30", "08:35", "08:40"]
    assert [(point.label, point.bad) for point in plot.points] == [
        ("08:36", True),
        ("08:35", True),
        ("08:34", False),
        ("08:32", False),
        ("08:31", False),
    ]
    assert plot.limit is not None
    assert plot.limit.label == "by 08:34"
    assert plots.TOP <= plot.limit.x <= plots.BOTTOM
    assert all(plots.LEFT <= point.x <= plots.RIGHT and plots.TOP <= point.y <= plots.BOTTOM for point in plot.points)


@pytest.mark.parametrize(("late", "side"), [([], "end"), ([2], "start"), ([2, 57], "middle"), ([2, 30], "start")])
def test_the_label_of_a_limit_stands_where_no_late_day_is(late: list[int], side: str) -> None:
    """The line of a day that was later than the limit goes up through it, however far."""
    days = [past(back, time(16 if back in late else 8)) for back in range(60, 0, -1)]
    assert plots.arrivals(days, "a", timedelta(hours=12), "by").side == side


def test_a_date_without_a_value_breaks_the_line() -> None:
    """It is neither zero nor what lies between its neighbours."""
    assert re.findall("[ML]", plots.arrivals(DAYS, "a", None, "").path) == ["M", "L", "L", "M", "L"]


def test_readers_who_see_a_day_on_the_next_one_are_further_up() -> None:
    """With a sign for the day."""

    def start(when: date) -> datetime:
        return datetime.combine(when, time(), ZONE)

    plot = plots.readers([past(2, time(8)), past(1, time(23, 30))], start, timedelta(hours=12), "deadline")
    assert [(point.label, point.bad) for point in plot.points] == [("09:00", False), ("00:30 +1", True)]


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        ([0, 0], ["0", "1"]),
        ([2], ["0", "1", "2"]),
        ([7, 8], ["0", "5", "10"]),
        ([1980, 2145], ["0", "1000", "2000", "3000"]),
        ([999_999], ["0", "500000", "1000000"]),
    ],
)
def test_volumes_begin_at_nothing_and_end_at_a_round_number(rows: list[int], labels: list[str]) -> None:
    """So that half as much looks like half as much."""
    days = [past(back, time(8), rows=count) for back, count in enumerate(rows, start=1)][::-1]
    plot = plots.volumes(days, "a", str)
    assert [tick.label for tick in plot.up] == labels
    assert plot.up[0].x == plots.BOTTOM


def test_a_date_with_rejects_is_marked() -> None:
    """Whatever its volume."""
    plot = plots.volumes([past(2, time(8)), past(1, time(8), rejects=3)], "a", str)
    assert [point.bad for point in plot.points] == [False, True]


@pytest.mark.parametrize("count", [0, 1, 2, 60])
def test_dates_below_a_plot_are_few_and_the_last_is_among_them(count: int) -> None:
    """However many there are."""
    plot = plots.volumes([past(back, time(8)) for back in range(count, 0, -1)], "a", str)
    assert len(plot.across) <= 6
    assert [tick.label for tick in plot.across][-1:] == ([f"{DAY - timedelta(days=1):%d/%m}"] if count else [])


def test_a_table_says_what_a_plot_shows(feed: Feed, tmp_path: Path) -> None:
    """For those who do not see it."""
    one = watched(feed, tmp_path, NOON, "CONTRATOS", "CLIENTES")
    page = browser(one).get("/feed/saude/past").text
    tables = re.findall(r"<details class=\"data\">.*?</details>", page, re.DOTALL)
    assert len(tables) == 3
    assert "2026-11-22" in texts(tables[1])
    assert re.search(r"2026-11-22 \d\d:\d\d( \+\d)? 3", texts(tables[1]))
