"""Races: many real processes advance the same days at once, sleep longer than their leases, and end in the same days.

Six processes go through two hundred days side by side, on a folder and on an S3 server in a process of its own. Whoever
has claimed a run may fall asleep around any later operation, so that others take over and the sleeper wakes up.
"""

from __future__ import annotations

import itertools
import multiprocessing
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posicional.backends.clock import SystemClock
from posicional.backends.process import gone, who
from posicional.backends.store import open_store
from posicional.contract.feed import Dataset, Feed
from posicional.day.facts import Done, RunEnd, Seen, Unreadable
from posicional.day.journal import Ledger
from posicional.day.state import fold
from posicional.ports import Event, Offending, Outside, Place, Source, Store, StoredObject, Written
from posicional.steps.advance import advance
from test_advance import Around
from tiny_s3 import BUCKET, tiny_s3_process
from worlds import DAY, clientes, contratos, outside_of, send, write_feed

pytestmark = pytest.mark.slow

PROCESSES = 6
LEASE = timedelta(seconds=1)
STALL = 1.3
"""Seconds for which a process falls asleep: longer than its lease."""
AT_ONCE = 10
"""Days that the processes go through together: whoever sleeps on one of them keeps nobody from the others."""
PATIENCE = 100.0
"""Seconds within which such a group of days is done on any machine."""

FEED = """\
feed: saude
timezone: America/Sao_Paulo
calendar: {days: daily}
deadline: "12:00"
settle: 0 s
store: ./dados
files:
  contratos: {pattern: "CONTRATOS_{date:%Y%m%d}.txt", layout: contratos.yaml}
  clientes: {pattern: "CLIENTES_{date:%Y%m%d}.txt", layout: clientes.yaml}
datasets:
  ativos: {sql: ativos.sql, key: [numero]}
  por_plano: {sql: por_plano.sql, key: [numero]}
"""


@dataclass(frozen=True, slots=True)
class Columns:
    """An engine that knows `select columns from table` and nothing else: real parts in, real parts out, at once."""

    store: Store
    name: str = "columns"

    def run(
        self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, _secret: bytes = b""
    ) -> tuple[Written, ...]:
        """The columns of a table's parts as one part."""
        found = re.fullmatch(r"select ([\w, ]+) from (\w+)\n", dataset.sql)
        assert found, dataset.sql
        keys = [place.removeprefix(self.store.url).lstrip("/") for place in tables[found[2]]]
        parts = [pq.read_table(pa.BufferReader(self.store.read(key)), columns=found[1].split(", ")) for key in keys]
        table = pa.concat_tables(parts)
        with sink.open("part-00000.parquet") as stream:
            pq.write_table(table, stream)
            size = stream.tell()
        return (Written("part-00000.parquet", table.num_rows, size),)

    def offending(self, sql: str, path: str, tables: Mapping[str, Sequence[str]]) -> Offending:
        """Nothing is expected of these feeds."""
        raise AssertionError((sql, path, tables))


@dataclass
class Sleepy(Around):
    """A real store before or behind whose operations its process sleeps: often once it has claimed a run, else rarely.

    `left`: operations until it sleeps; None while it is to stay awake.
    """

    random: Random = field(default_factory=Random)
    left: int | None = None

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
        self._around(lambda: self.real.create(key, data))
        if key.endswith(".claim.json") and self.random.random() < 0.3:
            self.left = self.random.randrange(12)

    def read(self, key: str) -> bytes:
        """As the real one."""
        return bytes(self._around(lambda: self.real.read(key)))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """As the real one."""
        return iter(self._around(lambda: [*self.real.list(prefix)]))

    def source(self, found: StoredObject) -> Source:
        """As the real one."""
        source: Source = self._around(lambda: self.real.source(found))
        return source

    def sink(self, prefix: str) -> Place:
        """As the real one."""
        sink: Place = self._around(lambda: self.real.sink(prefix))
        return sink


Told = tuple[date, str, str]
"""Day, step and text of an event."""


def _work(
    number: int, seed: str, url: str, feed_path: Path, days: Sequence[date], barrier: Any, answer: Connection
) -> None:
    """One of the processes: all days, a few at a time, until each is done; sends back what it was told."""
    feed, random, told = Feed.load(feed_path), Random(f"{seed} {number}"), []
    store = Sleepy(open_store(url), random)
    common = replace(
        outside_of(store, who=who(), gone=gone, engine=lambda: Columns(store)),
        clock=SystemClock(),
        new_id=lambda: secrets.token_hex(8),
    )

    def note(day: date, event: Event) -> None:
        told.append((day, event.step, event.text))

    for start in range(0, len(days), AT_ONCE):
        barrier.wait(PATIENCE)
        left, corrected = list(days[start : start + AT_ONCE]), set[date]()
        until = time.monotonic() + PATIENCE
        while left:
            for day in [*left]:
                if number == 0 and day in corrections(days) and day not in corrected:
                    send(store.real, f"CONTRATOS_{day:%Y%m%d}.txt", contratos(plans(day, corrected=True), day))
                    corrected.add(day)
                outcome = advance(feed, day, replace(common, tell=partial(note, day)), lease=LEASE)
                if outcome.rest.why == "done":
                    left.remove(day)
            assert time.monotonic() < until, f"not done: {left}"
            time.sleep(0.01)
    answer.send(told)


def corrections(days: Sequence[date]) -> set[date]:
    """The days whose file is replaced in the middle of the race."""
    return set(days[::4])


def plans(day: date, *, corrected: bool) -> list[str]:
    """The plans in the day's file of contracts: no two days have the same."""
    return [f"P{day:%m%d}", "OURO", "PRATA", *(["NOVO"] if corrected else [])]


def race(url: str, folder: Path, count: int, seed: str) -> tuple[Feed, list[date], list[list[Told]]]:
    """So many days arrive, and all processes race over them; the feed, the days, and what each process was told."""
    feed = write_feed(
        folder,
        feed=FEED,
        ativos="select numero, plano, _line from contratos\n",
        por_plano="select numero, plano, _line from ativos\n",
    )
    days = [DAY + timedelta(days=n) for n in range(count)]
    store = open_store(url)
    for day in days:
        send(store, f"CONTRATOS_{day:%Y%m%d}.txt", contratos(plans(day, corrected=False), day))
        send(store, f"CLIENTES_{day:%Y%m%d}.txt", clientes())
    print(f"seed {seed}")
    with processes(seed, url, feed.path, days) as answers:
        return feed, days, [_answer(answer) for answer in answers]


@contextmanager
def processes(seed: str, url: str, feed_path: Path, days: Sequence[date]) -> Iterator[list[Connection]]:
    """The racing processes, each by the connection on which it answers; none is left behind."""
    context: SpawnContext = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    pipes = [context.Pipe(duplex=False) for _ in range(PROCESSES)]
    started = [
        context.Process(target=_work, args=(number, seed, url, feed_path, days, barrier, there))
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


def _answer(connection: Connection) -> list[Told]:
    """What a process sends back; its own error stands above, in the output of the test."""
    try:
        told: list[Told] = connection.recv()
    except EOFError:
        pytest.fail("one of the processes has failed")
    return told


def check_day(feed: Feed, day: date, outside: Outside, told: Sequence[Told], *, corrected: bool) -> int:
    """What must be so after the race, whoever won; how many runs were taken over."""
    store, facts = outside.store, Ledger(outside, feed.name, day).read()
    assert not facts.strangers
    assert not [key for key, fact in facts.entries.items() if isinstance(fact, Unreadable)]
    state = fold(feed, facts)

    # One run at a time: numbered without a hole, each ended before the next was claimed, by its owner or by another.
    runs = state.runs
    assert [run.number for run in runs] == [*range(1, len(runs) + 1)]
    assert all(isinstance(run.end, RunEnd) for run in runs)
    moments = [moment for run in runs if run.end for moment in (run.claim.at, run.end.at)]
    assert moments == sorted(moments)
    for run in runs:
        ended_by = run.end.who if isinstance(run.end, RunEnd) else ""
        assert (run.status == "abandoned") == (ended_by != run.owner), run
        assert run.status in ("succeeded", "abandoned", "superseded"), run

    # Exactly one result for each set of files, and the newest set's is the current one.
    good = [run for run in runs if run.succeeded]
    contents = [run.claim.content for run in good]  # type: ignore[union-attr]  # all claims are readable
    assert len(contents) == len(set(contents)) <= 1 + corrected
    assert (state.run, state.settled) == (good[-1], True)
    assert good[-1] is runs[-1]

    # Every arrival once, and each row of those that count exactly once.
    versions = [(fact.key, fact.object_version) for fact in facts.entries.values() if isinstance(fact, Seen)]
    assert len(versions) == len(set(versions)) <= 2 + corrected
    expected = [(f"{n:06d}", plan, n + 2) for n, plan in enumerate(plans(day, corrected=corrected))]
    end = good[-1].end
    assert isinstance(end, RunEnd)
    for dataset in feed.datasets:
        assert sorted(_rows(store, [part.key for part in end.datasets[dataset].parts])) == expected

    # Whatever a fact names is there.
    for fact in facts.entries.values():
        named = [*fact.parts, *fact.rejects] if isinstance(fact, Done) else []
        named += [part for made in fact.datasets.values() for part in made.parts] if isinstance(fact, RunEnd) else []
        for part in named:
            assert store.head(part.key).size == part.bytes, part.key

    # Of each run one process says that it succeeded; of each that was taken over its sleeper says that it stops.
    said = Counter((step, text.partition(",")[0].partition(":")[0]) for on, step, text in told if on == day)
    for run in runs:
        assert said["succeeded", f"run {run.number}"] == run.succeeded
        assert said["abandoned", f"run {run.number}"] == (run.status == "abandoned")
    return sum(run.status == "abandoned" for run in runs)


def _rows(store: Store, keys: Sequence[str]) -> list[tuple[str, str, int]]:
    tables = [pq.read_table(pa.BufferReader(store.read(key))) for key in keys]
    return [(row["numero"], row["plano"], row["_line"]) for table in tables for row in table.to_pylist()]


def _raced(url: str, folder: Path, count: int, seed: str) -> int:
    """Race, then check every day; how many runs were taken over."""
    feed, days, answers = race(url, folder, count, seed)
    told = [*itertools.chain(*answers)]
    outside = outside_of(open_store(url))
    taken_over = sum(check_day(feed, day, outside, told, corrected=day in corrections(days)) for day in days)
    print(f"{taken_over} runs taken over")
    return taken_over


def test_two_hundred_days_in_a_folder(tmp_path: Path) -> None:
    """Of six processes on each day one wins, also where the winner sleeps beyond its lease and others take over."""
    assert _raced(str(tmp_path / "dados"), tmp_path / "feed", 200, "folder") >= 20


@pytest.mark.parametrize(
    "every",
    [
        pytest.param({}, id="plain"),
        pytest.param({"CREATE": (4, "409")}, id="conflicts"),
        pytest.param({"CREATE": (4, "500 after"), "PUT": (7, "500 after")}, id="stored, then 500"),
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
        assert _raced(f"s3://{BUCKET}", tmp_path / "feed", 67, "s3") >= 7
