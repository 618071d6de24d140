"""Races: many real processes advance the same days at once, sleep longer than their leases, and keep every promise.

Six processes go through two hundred days side by side, in a folder and on an S3 server in a process of its own. Whoever
has claimed a run may fall asleep around any later operation, so that others take over and the sleeper wakes up. Each
notes what it does and when; put together, that is the history to which `invariants` holds each day.
"""

from __future__ import annotations

import itertools
import multiprocessing
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import pytest

import invariants
from invariants import Began, Content, History, Wrote
from light import TWO, LightEngine, light
from posicional.backends.clock import SystemClock
from posicional.backends.process import gone, who
from posicional.backends.store import open_store
from posicional.contract.feed import Feed
from posicional.ports import Event, Place, Source, Store, StoredObject
from posicional.steps.advance import advance
from test_advance import Around
from tiny_s3 import BUCKET, tiny_s3_process
from worlds import DAY, FEED, clientes, contratos, outside_of, send, write_feed

pytestmark = pytest.mark.slow

PROCESSES = 6
LEASE = timedelta(seconds=1)
STALL = 1.3
"""Seconds for which a process falls asleep: longer than its lease."""
AT_ONCE = 10
"""Days that the processes go through together: whoever sleeps on one of them keeps nobody from the others."""
PATIENCE = 100.0
"""Seconds within which such a group of days is done on any machine."""


# --- a process --------------------------------------------------------------------------------------------------------


@dataclass
class Notes:
    """What a process has done on a day. Times are the machine's, the same for all processes.

    `tried`: from when until when it tried to create which fact. `began`: which part, and when it had last listed the
    day's facts. `told`: what it was told.
    """

    who: str
    tried: list[tuple[float, float, str, bytes]] = field(default_factory=list)
    began: list[tuple[float, str]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    sent: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)


@dataclass
class Sleepy(Around):
    """A real store around whose operations its process sleeps: often once it has claimed a run, else rarely.

    `left`: operations until it sleeps; None while it is to stay awake. `listed`: when it last listed the day's facts.
    """

    random: Random
    notes: Notes
    ledger: str
    left: int | None = None
    listed: float = 0.0

    def _around(self, operation: Callable[[], Any]) -> Any:
        if self.left is None and self.random.random() < 0.003:
            self.left = 0
        asleep = self.left == 0
        self.left = None if asleep or self.left is None else self.left - 1
        before = self.random.random() < 0.5
        if asleep and before:
            time.sleep(STALL)
        result = operation()
        if asleep and not before:
            time.sleep(STALL)
        return result

    def create(self, key: str, data: bytes) -> None:
        """As the real one; behind a claim it may soon be time to sleep."""

        def act() -> None:
            start = time.monotonic()
            try:
                self.real.create(key, data)
            finally:  # a store may do it and say that it has not
                self.notes.tried.append((start, time.monotonic(), key, data))

        self._around(act)
        if key.endswith(".claim.json") and self.random.random() < 0.3:
            self.left = self.random.randrange(12)

    def read(self, key: str) -> bytes:
        """As the real one."""
        return bytes(self._around(lambda: self.real.read(key)))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """As the real one."""

        def act() -> list[StoredObject]:
            self.listed = time.monotonic() if prefix == self.ledger else self.listed
            return [*self.real.list(prefix)]

        return iter(self._around(act))

    def source(self, found: StoredObject) -> Source:
        """As the real one."""
        source: Source = self._around(lambda: self.real.source(found))
        return source

    def sink(self, prefix: str) -> Place:
        """As the real one."""
        return SleepySink(self.real.sink(prefix), prefix, self)


@dataclass
class SleepySink:
    """Where parts go; beginning one is an operation."""

    real: Place
    prefix: str
    store: Sleepy

    def open(self, name: str) -> BinaryIO:
        """As the real one."""
        self.store.notes.began.append((self.store.listed, self.prefix + name))
        part: BinaryIO = self.store._around(lambda: self.real.open(name))  # noqa: SLF001 - one thing in two parts
        return part

    def locate(self, name: str) -> str:
        """The real one's."""
        return self.real.locate(name)


def race(number: int, seed: str, url: str, path: Path, days: Sequence[date], barrier: Any, answer: Connection) -> None:
    """One of the processes: all days, a few at a time, until each is done; sends back its notes of each."""
    feed, real, random = the_feed(path), open_store(url), Random(f"{seed} {number}")
    stores = {day: Sleepy(real, random, Notes(who()), f"controle/{feed.name}/{day}/") for day in days}
    for start in range(0, len(days), AT_ONCE):
        barrier.wait(PATIENCE)
        left, until = [*days[start : start + AT_ONCE]], time.monotonic() + PATIENCE
        while left:
            for day in [*left]:
                store = stores[day]
                if number == 0 and day in corrected(days) and not store.notes.sent:
                    store.notes.sent.update([arrives(real, day, "contratos", correction(day))])
                if go_on(feed, day, store) == "done":
                    left.remove(day)
            assert time.monotonic() < until, f"not done: {left}"
            time.sleep(0.01)
    answer.send({day: store.notes for day, store in stores.items()})


def go_on(feed: Feed, day: date, store: Sleepy) -> str:
    """Do what there is to do for a day; why it rests then."""

    def note(event: Event) -> None:
        store.notes.told.append((event.step, event.text))

    outside = replace(
        outside_of(store, who=who(), gone=gone, engine=partial(LightEngine, store), tell=note),
        clock=SystemClock(),
        new_id=lambda: secrets.token_hex(8),
    )
    return advance(feed, day, outside, lease=LEASE).rest.why


# --- the days ---------------------------------------------------------------------------------------------------------


def the_feed(path: Path) -> Feed:
    """Two files and the light datasets, which nobody publishes."""
    return replace(light(Feed.load(path), TWO), opensearch=None)


def corrected(days: Sequence[date]) -> set[date]:
    """The days whose file is replaced in the middle of the race."""
    return {*days[::4]}


def correction(day: date) -> bytes:
    """What it is replaced with."""
    return contratos([f"P{day:%m%d}", "OURO", "NOVO", "PRATA"], day)


def arrives(store: Store, day: date, file: str, data: bytes) -> tuple[tuple[str, str], tuple[str, bytes]]:
    """A file arrives: (key, version), and what it is."""
    name = f"{file.upper()}_{day:%Y%m%d}.txt"
    send(store, name, data)
    found = store.head(f"dados-posicionais/{name}")
    return (found.key, found.version), (file, data)


@contextmanager
def processes(seed: str, url: str, path: Path, days: Sequence[date]) -> Iterator[list[Connection]]:
    """The racing processes, each by the connection on which it answers; none is left behind."""
    context: SpawnContext = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    pipes = [context.Pipe(duplex=False) for _ in range(PROCESSES)]
    started = [
        context.Process(target=race, args=(number, seed, url, path, days, barrier, there))
        for number, (_, there) in enumerate(pipes)
    ]
    try:
        for process, (_, there) in zip(started, pipes, strict=True):
            process.start()
            there.close()
        yield [here for here, _ in pipes]
    finally:
        for process in started:
            process.kill()
            process.join()


def notes_of(connection: Connection) -> dict[date, Notes]:
    """What a process sends back; its own error stands above, in the output of the test."""
    try:
        notes: dict[date, Notes] = connection.recv()
    except EOFError:
        pytest.fail("one of the processes has failed")
    return notes


# --- what must be so afterwards ---------------------------------------------------------------------------------------


def history_of(feed: Feed, day: date, store: Store, notes: Sequence[Notes]) -> History:
    """What happened on a day, from the notes of all: an order that no process could have told from the real one.

    Each fact stands where its writer first tried to write it: whoever read it can only have begun later. Everybody
    knows it who listed the day after the writer's last try.
    """
    history = History(day, [feed])
    for (key, version), (file, data) in itertools.chain(*(one.sent.items() for one in notes)):
        history.arrived[key, version] = Content(data, tuple(TWO[file].rows(data)))
    there = {found.key: store.read(found.key) for found in store.list(history.prefix)}
    tries: dict[Wrote, list[tuple[float, float]]] = defaultdict(list)
    for one in notes:
        for start, stop, key, data in one.tried:
            if there.get(key) == data:
                tries[Wrote(one.who, key, data)].append((start, stop))
    wrote = sorted(((times[0][0], times[-1][1], fact) for fact, times in tries.items()), key=lambda one: one[:2])
    history.wrote += [fact for _, _, fact in wrote]
    for one in notes:
        for listed, what in one.began:
            seen = itertools.takewhile(listed.__gt__, (stop for _, stop, _ in wrote))
            history.began.append(Began(one.who, what, len([*seen])))
    return history


def check_day(feed: Feed, day: date, store: Store, notes: Sequence[Notes]) -> int:
    """What must be so after the race, whoever won; how many runs were taken over."""
    history = history_of(feed, day, store, notes)
    invariants.check_always(store, history)
    invariants.every_version_is_an_arrival(store, history)
    invariants.rows_are_there_once(store, history)
    invariants.the_current_run_is_the_one_the_rules_name(history, "done", history.feeds)
    facts = invariants.ledger_of(history)
    runs = {int(name[5:9]): words["status"] for name, words in facts.items() if name.endswith(".end.json")}
    contents = [facts[f"runs/{n:04d}.claim.json"]["content"] for n, status in runs.items() if status == "succeeded"]
    assert len(contents) == len(set(contents)), "one set of files was processed twice"
    assert {*runs.values()} <= {"succeeded", "abandoned", "superseded"}
    # Of each run one process says that it succeeded; of each that was taken over its sleeper says that it stops.
    said = Counter((step, text.partition(",")[0].partition(":")[0]) for one in notes for step, text in one.told)
    for number, status in runs.items():
        assert said["succeeded", f"run {number}"] == (status == "succeeded")
        assert said["abandoned", f"run {number}"] == (status == "abandoned")
    return [*runs.values()].count("abandoned")


def taken_over(url: str, folder: Path, count: int, seed: str) -> int:
    """So many days arrive, all processes race over them, every day is checked; how many runs were taken over."""
    path = write_feed(folder, feed=FEED.replace("store:", "settle: 0 s\nstore:")).path
    days = [DAY + timedelta(days=n) for n in range(count)]
    store = open_store(url)
    mornings = {}
    for day in days:
        plans = [f"P{day:%m%d}", "OURO", "PRATA"]
        files = {"contratos": contratos(plans, day), "clientes": clientes()}
        mornings[day] = Notes("", sent=dict(arrives(store, day, file, data) for file, data in files.items()))
    print(f"seed {seed}")
    with processes(seed, url, path, days) as answers:
        notes = [notes_of(answer) for answer in answers]
    feed = the_feed(path)
    found = sum(check_day(feed, day, store, [mornings[day], *(one[day] for one in notes)]) for day in days)
    print(f"{found} runs taken over")
    return found


@pytest.mark.parametrize("seed", ["one", "two"])
def test_two_hundred_days_in_a_folder(seed: str, tmp_path: Path) -> None:
    """Of six processes on each day one wins, also where the winner sleeps beyond its lease and others take over."""
    assert taken_over(str(tmp_path / "dados"), tmp_path / "feed", 100, seed) >= 10


@pytest.mark.parametrize(
    "every",
    [
        pytest.param({}, id="plain"),
        pytest.param({"CREATE": (4, "409")}, id="conflicts"),
        pytest.param({"CREATE": (3, "500 after")}, id="stored, then 500"),
    ],
)
def test_two_hundred_days_on_s3(
    every: Mapping[str, tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where a write goes over the network: refused for a while, or stored and then said to have failed."""
    with tiny_s3_process(every) as address:
        words = {"ENDPOINT_URL": address, "ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "REGION": "sa-east-1"}
        for name, value in words.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        assert taken_over(f"s3://{BUCKET}", tmp_path / "feed", 67, "s3") >= 7
