"""The watch: what arrives is gone on with at once, what is due is told at its moment, and no failure ends it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from datetime import time as datetime_time
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2
import pytest

from posicional.backends.changes import FolderChanges
from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.notify import Lines
from posicional.contract.feed import SEVERITIES, Feed, Severity
from posicional.errors import NotifyError, StoreError
from posicional.ports import Notice, Outside, Store, StoredObject
from posicional.steps.advance import peek
from posicional.steps.watch import Round, watch
from post import hook
from test_advance import Around
from worlds import DAY, FEED, ToldClock, clientes, contratos, new_store, outside_of, send, write_feed

EVERY = timedelta(minutes=15)
MORNING = datetime(DAY.year, DAY.month, DAY.day, 8, tzinfo=ZoneInfo("America/Sao_Paulo"))


@dataclass
class Script:
    """Changes as a test tells them: at each wait the clock goes on to the end of it, or to the next thing that happens.

    `plan`: (seconds after the beginning, what happens and returns the keys that change).
    """

    clock: ToldClock
    plan: list[tuple[float, Callable[[], set[str]]]]
    until: timedelta
    waits: list[float] = field(default_factory=list)
    begun: datetime = field(init=False)

    def __post_init__(self) -> None:
        """Note the beginning."""
        self.begun = self.clock.now()

    @property
    def over(self) -> bool:
        """Whether the story is told."""
        return self.clock.now() >= self.begun + self.until

    def wait(self, seconds: float) -> frozenset[str]:
        """Go on to what comes first."""
        assert seconds >= 0
        self.waits.append(seconds)
        assert len(self.waits) < 300, "it spins"
        end = self.clock.now() + timedelta(seconds=seconds)
        if self.plan and (at := self.begun + timedelta(seconds=self.plan[0][0])) <= end:
            self.clock.time = max(at, self.clock.now())
            return frozenset(self.plan.pop(0)[1]())
        self.clock.time = end
        return frozenset()


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed of two files and two datasets, due at noon; the contracts are expected by 09:30."""
    return write_feed(tmp_path_factory.mktemp("feed"))


def arrives(store: Store, name: str, data: bytes) -> Callable[[], set[str]]:
    """A file arrives, and the store tells of it."""

    def happens() -> set[str]:
        send(store, f"{name}_{DAY:%Y%m%d}.txt", data)
        return {f"dados-posicionais/{name}_{DAY:%Y%m%d}.txt"}

    return happens


def told(feed: Feed, script: Script, outside: Outside) -> list[Round]:
    """Watch through a script: what its rounds were."""
    rounds: list[Round] = []
    watch(feed, outside, script, every=EVERY, noted=rounds.append)
    return rounds


def test_a_day_is_done_as_soon_as_its_last_file_is_here(feed: Feed, tmp_path: Path) -> None:
    """No sweep is needed where something tells of arrivals; without it the next sweep finds them."""
    for tells in (True, False):
        store, clock = new_store("memory", tmp_path), ToldClock(MORNING)
        outside = outside_of(store, clock, engine=DuckDbEngine)
        events = [arrives(store, "CONTRATOS", contratos()), arrives(store, "CLIENTES", clientes())]
        plan = [(100.0 * n, one if tells else partial_silent(one)) for n, one in enumerate(events, start=1)]
        rounds = told(feed, Script(clock, plan, timedelta(minutes=20)), outside)
        assert peek(feed, DAY, outside)[0].run is not None
        assert [one.dates for one in rounds if one.dates] == ([(DAY,), (DAY,)] if tells else [])
        assert sum(one.swept is not None for one in rounds) == 2


def partial_silent(happens: Callable[[], set[str]]) -> Callable[[], set[str]]:
    """The same, of which nobody tells."""

    def silent() -> set[str]:
        happens()
        return set()

    return silent


def test_people_are_told_at_the_moment_at_which_something_is_due(feed: Feed, tmp_path: Path) -> None:
    """The early warning at 09:30 and the alarm at noon, though sweeps are far apart."""
    store, clock = new_store("memory", tmp_path), ToldClock(MORNING)
    said: list[tuple[str, str]] = []
    notify = Lines(lambda text: said.append((f"{clock.now():%H:%M}", text.splitlines()[0])))
    base = outside_of(store, clock, engine=DuckDbEngine)
    outside = Outside(**{name: getattr(base, name) for name in base.__slots__} | {"channels": [notify]})
    plan = [(60.0, arrives(store, "CLIENTES", clientes()))]
    watch(feed, outside, Script(clock, plan, timedelta(hours=5)), every=timedelta(hours=24), noted=lambda _: None)
    today = [(at, text) for at, text in said if "22/11" in text]  # of the day before nothing ever came
    assert [at for at, _ in today] == ["09:30", "12:00"]
    assert "ATRASADO: falta 1 de 2" in today[1][1]


@dataclass
class Failing(Around):
    """A real store that answers nothing for a while."""

    clock: ToldClock
    until: datetime

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Fail, or list."""
        if self.clock.now() < self.until:
            raise StoreError("the store does not answer")
        return self.real.list(prefix)


def test_a_store_that_does_not_answer_is_asked_again_less_and_less_often(feed: Feed, tmp_path: Path) -> None:
    """Nothing ends, each failure is noted, and the day is done when the store is back."""
    clock = ToldClock(MORNING)
    real = new_store("memory", tmp_path)
    send(real, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos())
    send(real, f"CLIENTES_{DAY:%Y%m%d}.txt", clientes())
    store = Failing(real, clock, MORNING + timedelta(minutes=4))
    outside = outside_of(store, clock, engine=DuckDbEngine)
    script = Script(clock, [], timedelta(minutes=10))
    rounds = told(feed, script, outside)
    assert script.waits[:6] == [2, 5, 15, 60, 60, 60]
    assert [one.error is None for one in rounds] == [False] * 7 + [True]
    assert peek(feed, DAY, outside)[0].run is not None


def waiting_feed(folder: Path, until: str) -> Feed:
    """A feed whose second file is optional, and waited for until a time of day."""
    pattern = 'pattern: "CLIENTES_{date:%Y%m%d}.txt"'
    text = FEED.replace(pattern, f'{pattern}\n    required: false\n    wait_until: "{until}"')
    return write_feed(folder, feed=text)


@dataclass
class LosingADate(Around):
    """A real store in which one date's facts cannot be listed for a while."""

    clock: ToldClock
    since: datetime
    until: datetime

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Fail, or list."""
        if str(DAY) in prefix and self.since <= self.clock.now() < self.until:
            raise StoreError("access denied")
        return self.real.list(prefix)


def test_a_date_that_fails_when_it_is_due_keeps_no_sweep_from_coming(tmp_path: Path) -> None:
    """Its moment is gone; the sweeps that the failure brings look at it again, and at all else."""
    feed, clock = waiting_feed(tmp_path / "feed", "08:10"), ToldClock(MORNING)
    begun, back = MORNING + timedelta(minutes=10), MORNING + timedelta(minutes=14)
    store = LosingADate(new_store("memory", tmp_path), clock, begun, back)
    outside = outside_of(store, clock, engine=DuckDbEngine)
    script = Script(clock, [(60.0, arrives(store, "CONTRATOS", contratos()))], timedelta(minutes=20))
    rounds: list[Round] = []
    watch(feed, outside, script, every=timedelta(hours=24), noted=rounds.append)
    failed = [round_ for round_ in rounds if round_.error]
    assert [round_.swept is not None for round_ in failed] == [False] + [True] * 6
    assert script.waits[2:9] == [2, 5, 15, 60, 60, 60, 60]
    assert peek(feed, DAY, outside)[0].run is not None


def test_an_arrival_that_cannot_be_gone_on_with_is_so_soon(feed: Feed, tmp_path: Path) -> None:
    """Nobody tells of it twice, and the next sweep may be hours away."""
    clock = ToldClock(MORNING)
    store = LosingADate(
        new_store("memory", tmp_path), clock, MORNING + timedelta(seconds=50), MORNING + timedelta(minutes=2)
    )
    outside = outside_of(store, clock, engine=DuckDbEngine)
    script = Script(clock, [(60.0, arrives(store, "CONTRATOS", contratos()))], timedelta(minutes=5))
    watch(feed, outside, script, every=timedelta(hours=24), noted=lambda _: None)
    assert script.waits[1:5] == [2, 5, 15, 60]
    assert peek(feed, DAY, outside)[0].files["contratos"].current is not None


def test_a_sweep_forgets_no_moment_that_is_to_come(tmp_path: Path) -> None:
    """What a date waits for at 08:20 is done then, though a sweep at 08:15 found nothing to do for it."""
    feed, clock = waiting_feed(tmp_path / "feed", "08:20"), ToldClock(MORNING)
    outside = outside_of(new_store("memory", tmp_path), clock, engine=DuckDbEngine)
    plan = [(60.0, arrives(outside.store, "CONTRATOS", contratos()))]
    rounds = told(feed, Script(clock, plan, timedelta(minutes=28)), outside)
    assert [f"{one.at:%H:%M}" for one in rounds if one.dates] == ["08:01", "08:20"]
    assert peek(feed, DAY, outside)[0].run is not None


def test_what_is_no_file_of_the_feed_moves_nothing(feed: Feed, tmp_path: Path) -> None:
    """An event about another name is a hint at no date."""
    store, clock = new_store("memory", tmp_path), ToldClock(MORNING)
    outside = outside_of(store, clock)
    plan = [(1.0, lambda: {"dados-posicionais/OUTRO.txt", "dados-posicionais/.CONTRATOS_20261122.txt"})]
    rounds = told(feed, Script(clock, plan, timedelta(seconds=10)), outside)
    assert [one.dates for one in rounds] == [(), ()]


@dataclass
class Down:
    """A channel that nobody answers at until a moment: when it was tried, and what it took then."""

    clock: ToldClock
    until: datetime
    tried: list[str] = field(default_factory=list)
    name: str = "chat"
    when: frozenset[Severity] = frozenset(SEVERITIES)

    def send(self, _notice: Notice) -> None:
        """Fail, or take it."""
        self.tried.append(f"{self.clock.now():%H:%M}")
        if self.clock.now() < self.until:
            raise NotifyError("no connection")


def test_what_is_to_be_told_again_is_told_at_its_moment(feed: Feed, tmp_path: Path) -> None:
    """Attempts at a channel that is down, then reminders, though sweeps are far apart."""
    noon = MORNING + timedelta(hours=4)
    store, clock = new_store("memory", tmp_path), ToldClock(noon)
    channel = Down(clock, noon + timedelta(minutes=10))
    outside = replace(outside_of(store, clock), channels=[channel])
    feed = replace(feed, lookback=1)
    script = Script(clock, [], timedelta(hours=3))
    watch(feed, outside, script, every=timedelta(hours=24), noted=lambda _: None)
    day = [at for at in channel.tried if at >= "12:00"]
    assert day == ["12:00", "12:01", "12:06", "12:21", "13:00", "14:00"]


def test_what_an_arrival_told_is_told_again_at_its_moment(feed: Feed, tmp_path: Path) -> None:
    """Attempts, then a reminder, though no sweep comes in between."""
    store, clock = new_store("memory", tmp_path), ToldClock(MORNING)
    channel = Down(clock, MORNING + timedelta(minutes=10))
    outside = replace(outside_of(store, clock, engine=DuckDbEngine), channels=[channel])
    plan = [(60.0, arrives(store, "CONTRATOS", contratos(counted=9)))]
    script = Script(clock, plan, timedelta(minutes=70))
    watch(replace(feed, lookback=1), outside, script, every=timedelta(hours=24), noted=lambda _: None)
    assert channel.tried == ["08:01", "08:02", "08:07", "08:22", "09:01"]


@dataclass
class Slow(Around):
    """A real store in which to look at the date before takes five minutes, once."""

    clock: ToldClock
    looked: bool = False

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """List, at leisure."""
        if str(DAY - timedelta(days=1)) in prefix and not self.looked:
            self.looked = True
            self.clock.sleep(300)
        return self.real.list(prefix)


def test_a_deadline_that_passes_during_a_sweep_is_told_after_it(feed: Feed, tmp_path: Path) -> None:
    """The sweep had looked at the date before noon."""
    clock = ToldClock(MORNING + timedelta(hours=3, minutes=58))
    said: list[tuple[str, str]] = []
    notify = Lines(lambda text: said.append((f"{clock.now():%H:%M}", text.splitlines()[0])))
    files = {name: replace(file, expected_by=None) for name, file in feed.files.items()}
    outside = replace(outside_of(Slow(new_store("memory", tmp_path), clock), clock), channels=[notify])
    script = Script(clock, [], timedelta(minutes=30))
    watch(replace(feed, files=files, lookback=1), outside, script, every=timedelta(hours=24), noted=lambda _: None)
    assert [at for at, text in said if "22/11 12:00 ATRASADO" in text] == ["12:03"]


@dataclass
class Full(Around):
    """A real store in which nothing can be written."""

    def create(self, key: str, _data: bytes) -> None:
        """Fail."""
        raise StoreError("no space left", where=key)


def test_an_alarm_that_cannot_be_written_down_is_told_once_an_hour(feed: Feed, tmp_path: Path) -> None:
    """Not at each of the sweeps that its failure brings, which come every minute."""
    noon = MORNING + timedelta(hours=4)
    clock, said = ToldClock(noon), []
    notify = Lines(lambda text: said.append((f"{clock.now():%H:%M}", text.splitlines()[0])))
    outside = replace(outside_of(Full(new_store("memory", tmp_path)), clock), channels=[notify])
    rounds: list[Round] = []
    script = Script(clock, [], timedelta(hours=1, minutes=50))
    watch(replace(feed, lookback=1), outside, script, every=timedelta(hours=24), noted=rounds.append)
    assert len([round_ for round_ in rounds if round_.error]) > 100
    assert [at for at, text in said if "22/11 12:00 ATRASADO" in text] == ["12:00", "13:00"]


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        pytest.param(("11:41", "13:30"), [("12:00", "SEM"), ("13:00", "SEM"), ("13:30", "ATRASADO:")], id="at noon"),
        pytest.param(("11:59:30", "12:00:10"), [("12:00", "ATRASADO:"), ("13:00", "ATRASADO:")], id="for a moment"),
        pytest.param(("12:01", "12:50"), [("12:00", "ATRASADO:"), ("13:00", "ATRASADO:")], id="afterwards"),
    ],
)
def test_a_deadline_at_which_the_store_does_not_answer_is_told(
    feed: Feed, tmp_path: Path, gone: tuple[str, str], expected: list[tuple[str, str]]
) -> None:
    """Nobody knows how the date stands: at once when it is due, then once an hour. Nothing is told of dates that were
    due while the store answered, nor of what is over in a moment.
    """
    begin, end = (datetime.combine(DAY, datetime_time.fromisoformat(at), MORNING.tzinfo) for at in gone)
    clock, said = ToldClock(MORNING + timedelta(hours=3, minutes=40)), []
    notify = Lines(lambda text: said.append((f"{clock.now():%H:%M}", text.splitlines()[0])))
    store = Failing(new_store("memory", tmp_path), clock, MORNING)

    def goes() -> set[str]:
        store.until = end
        return set()

    outside = replace(outside_of(store, clock), channels=[notify])
    feed = replace(feed, files={name: replace(file, expected_by=None) for name, file in feed.files.items()}, lookback=1)
    script = Script(clock, [((begin - clock.now()).total_seconds(), goes)], timedelta(minutes=135))
    watch(feed, outside, script, every=EVERY, noted=lambda _: None)
    assert [(at, text.split()[3]) for at, text in said] == expected


def test_what_is_wrong_with_a_file_is_told_when_it_has_come(feed: Feed, tmp_path: Path) -> None:
    """Not at the next sweep, which may be an hour away."""
    store, clock = new_store("memory", tmp_path), ToldClock(MORNING)
    said: list[tuple[str, str]] = []
    notify = Lines(lambda text: said.append((f"{clock.now():%H:%M}", text.splitlines()[0])))
    outside = replace(outside_of(store, clock, engine=DuckDbEngine), channels=[notify])
    plan = [(60.0, arrives(store, "CONTRATOS", contratos(counted=9)))]
    watch(feed, outside, Script(clock, plan, timedelta(minutes=50)), every=timedelta(hours=24), noted=lambda _: None)
    assert [one for one in said if "RECUSADO" in one[1]] == [("08:01", "[saude] 22/11 RECUSADO: contratos.")]


@dataclass
class Writing(ToldClock):
    """A clock while whose first sleep a file grows to its end."""

    path: Path = Path()
    rest: bytes = b""

    def sleep(self, seconds: float) -> None:
        """Sleep, while somebody writes."""
        super().sleep(seconds)
        if len(self.slept) == 1:
            with self.path.open("ab") as file:
                file.write(self.rest)


def test_what_a_sweep_finds_half_written_is_looked_at_again_soon(feed: Feed, tmp_path: Path) -> None:
    """Though nobody tells of it: it was there before anybody listened."""
    now, data = datetime.now(ZoneInfo("America/Sao_Paulo")), contratos()
    store, today = new_store("folder", tmp_path), now.date()
    data = contratos(day=today)
    send(store, f"CONTRATOS_{today:%Y%m%d}.txt", data[:40])
    path = tmp_path / "dados" / "dados-posicionais" / f"CONTRATOS_{today:%Y%m%d}.txt"
    outside = outside_of(store, Writing(now, path=path, rest=data[40:]))
    rounds = told(feed, Script(outside.clock, [], timedelta(seconds=20)), outside)  # type: ignore[arg-type]
    assert [len(one.dates) for one in rounds] == [0, 1]
    assert peek(feed, today, outside)[0].files["contratos"].current is not None


def test_a_folder_tells_of_what_came_while_nobody_waited(tmp_path: Path) -> None:
    """Also before the first wait, and when the folder was made later, or anew; a stopped watch tells nothing."""
    folder, stop = tmp_path / "dados-posicionais", threading.Event()
    changes = FolderChanges(tmp_path, stop, poll=60)
    for _ in range(2):
        folder.mkdir()
        (folder / "first.txt").write_text("x")
        assert changes.wait(10) == {"dados-posicionais/first.txt"}
        assert changes.wait(1) == frozenset()
        for name in ("a.txt", "b.txt"):
            (folder / name).write_text("x")
            time.sleep(0.7)
            assert changes.wait(10) == {f"dados-posicionais/{name}"}
        shutil.rmtree(folder)
        assert changes.wait(1) == frozenset()
    folder.mkdir()
    changes = FolderChanges(tmp_path, stop, poll=60)
    (folder / "c.txt").write_text("x")
    time.sleep(0.7)
    assert changes.wait(10) == {"dados-posicionais/c.txt"}
    stop.set()
    assert changes.wait(10) == frozenset()


@contextmanager
def watching(feed: Feed, store: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A real process that watches a folder, and the address of its board."""
    words = [
        str(Path(sys.executable).with_name("posicional")),
        "watch",
        str(feed.path),
        "--store",
        str(store),
        "--port",
        "0",
        *more,
    ]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        url = json.loads(first)["text"]
        os.set_blocking(process.stdout.fileno(), False)
        yield process, url
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def wait_until(true: Callable[[], bool], seconds: float = 120) -> None:
    """Until something is so, or too long."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.2)


@pytest.mark.slow
def test_a_real_watch_of_a_folder_is_killed_started_anew_and_ended(feed: Feed, tmp_path: Path) -> None:
    """Killed between two files it loses nothing; its board shows the day; SIGTERM ends it in good order."""
    folder = tmp_path / "dados"
    store = new_store("folder", tmp_path)
    today = datetime.now(feed.timezone).date()
    ledger = folder / "controle" / "saude" / str(today)
    (folder / "dados-posicionais").mkdir(parents=True)
    with watching(feed, folder) as (process, _):
        send(store, f"CONTRATOS_{today:%Y%m%d}.txt", contratos(day=today))
        wait_until(lambda: any(ledger.glob("arrivals/contratos/*.done.json")))
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    send(store, f"CLIENTES_{today:%Y%m%d}.txt", clientes())
    with watching(feed, folder) as (process, url):
        wait_until(lambda: any(ledger.glob("runs/*.end.json")))
        assert httpx2.get(f"{url}healthz").text == "ok\n"
        page = httpx2.get(f"{url}feed/saude").text
        assert re.search(r"(execução|run) 1", page)
        figures = httpx2.get(f"{url}metrics").text
        assert 'posicional_events_total{feed="saude",step="succeeded"} 1.0' in figures
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert len(list(ledger.glob("runs/*.claim.json"))) == 1


@pytest.mark.slow
def test_the_board_of_a_real_watch_believes_the_proxy_that_it_was_told_of(feed: Feed, tmp_path: Path) -> None:
    """Whom that names may read; whom it does not must sign in."""
    with watching(feed, tmp_path / "dados", "--trust-proxy", "127.0.0.1", "--user-header", "X-User") as (_, url):
        assert httpx2.get(f"{url}hand-over", headers={"x-user": "rui"}).status_code == 200
        assert httpx2.get(f"{url}hand-over").headers["location"] == "/sign-in?back=/hand-over"


@pytest.mark.slow
def test_a_real_watch_tells_everybody_and_counts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through its log and the channels of the feed, one of which is down: others have it, figures and board show it, no
    address stands anywhere; when that channel is back it hears of it.
    """
    with hook() as panel, hook(up=False) as chat:
        monkeypatch.setenv("PAINEL", panel.url)
        monkeypatch.setenv("CHAT", chat.url)
        feed = write_feed(tmp_path / "feed").path
        alerts = 'alerts: [{url: "${PAINEL}", name: painel}, {url: "${CHAT}", name: chat}]\n'
        text = feed.read_text(encoding="utf-8").replace('deadline: "12:00"', 'deadline: "00:00"')
        feed.write_text(text + alerts, encoding="utf-8")
        (tmp_path / "dados" / "dados-posicionais").mkdir(parents=True)
        with watching(Feed.load(feed), tmp_path / "dados", "--every", "2") as (process, url):
            wait_until(lambda: 'channel="chat",feed="saude",outcome="failed"' in httpx2.get(f"{url}metrics").text)
            figures = httpx2.get(f"{url}metrics").text
            for name in ("log", "painel"):
                assert f'posicional_alerts_total{{channel="{name}",feed="saude",outcome="sent"}} ' in figures
            assert panel.got[0]["title"].endswith("os leitores não veem nenhum dia recente.")
            assert (
                "não chegou a chat: sem conexão"
                in httpx2.get(f"{url}feed/saude", headers={"accept-language": "pt"}).text
            )
            chat.up()
            wait_until(lambda: bool(chat.got), seconds=180)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
            assert process.stdout is not None
            lines = [json.loads(line) for line in process.stdout.read().splitlines()]
    said = [line for line in lines if line["step"] == "alert"]
    assert {"at", "feed", "step", "text"} <= said[0].keys()
    assert "deadline 1 not sent through chat: no connection" in [line["text"] for line in said]
    assert "s3cr3t" not in json.dumps(lines)
