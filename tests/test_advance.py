"""A day goes to its end whatever happens on the way: the real reader and engine, on a folder and in memory."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from posicional.backends import process
from posicional.backends.clock import SystemClock
from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.store import open_store
from posicional.contract.feed import Dataset, Feed
from posicional.contract.pattern import Pattern
from posicional.day.facts import Done, RunEnd
from posicional.day.journal import Ledger
from posicional.day.state import Day
from posicional.errors import DataRefused, EngineError, NotDone, OutsideError, StoreError, TargetError, UsageError
from posicional.ports import Engine, Offending, Outside, Place, Source, Store, StoredObject, Written
from posicional.steps.advance import Outcome, advance, peek
from posicional.steps.incoming import incoming
from worlds import (
    CONTRATOS,
    CPFS,
    DAY,
    FEED,
    Told,
    ToldClock,
    clientes,
    contratos,
    new_store,
    outside_of,
    s3_store,
    send,
    write_feed,
)

CONTRATOS_NAME, CLIENTES_NAME = "CONTRATOS_20261122.txt", "CLIENTES_20261122.txt"


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed of two files and two datasets."""
    return write_feed(tmp_path_factory.mktemp("feed"))


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    return new_store(request.param, tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Store:
    """An empty folder."""
    return new_store("folder", tmp_path)


def world(store: Store, **words: Any) -> Outside:
    """An outside with the real engine."""
    return outside_of(store, **({"engine": DuckDbEngine} | words))


def both(store: Store) -> None:
    """The two files of the day arrive."""
    send(store, CONTRATOS_NAME, contratos())
    send(store, CLIENTES_NAME, clientes())


def rows_of(store: Store, day: Day, dataset: str) -> list[dict[str, Any]]:
    """The rows of a dataset as the current run wrote them, without where they come from."""
    assert day.run is not None
    assert isinstance(day.run.end, RunEnd)
    tables = [pq.read_table(store_file(store, part.key)) for part in day.run.end.datasets[dataset].parts]
    rows = [{name: row[name] for name in row if name[0] != "_"} for table in tables for row in table.to_pylist()]
    return sorted(rows, key=str)


def store_file(store: Store, key: str) -> Any:
    """A part as pyarrow reads it."""
    import pyarrow as pa

    return pa.BufferReader(store.read(key))


def facts_of(store: Store) -> list[str]:
    """The names of all facts of the day, without the reading's digest."""
    prefix = f"controle/saude/{DAY}/"
    names = [found.key.removeprefix(prefix) for found in store.list(prefix)]
    return [".".join(part for part in name.split(".") if len(part) != 12) for name in names]


ACTIVE = [
    {"numero": "000000", "plano": "OURO", "uf": "SP"},
    {"numero": "000002", "plano": "PRATA", "uf": "SP"},
]


def test_a_day_from_its_first_file_to_its_datasets(store: Store, feed: Feed) -> None:
    """Files arrive one by one; the last opens the gate; the datasets hold what the SQL says; the ledger tells it."""
    send(store, CONTRATOS_NAME, contratos())
    waiting = advance(feed, DAY, world(store))
    assert (waiting.rest.why, waiting.rest.files) == ("missing", ("clientes",))
    assert isinstance(waiting.problem, NotDone)
    assert CLIENTES_NAME in waiting.problem.hint
    send(store, CLIENTES_NAME, clientes())
    done = advance(feed, DAY, world(store))
    assert (done.rest.why, done.did, done.problem) == ("done", True, None)
    assert rows_of(store, done.day, "ativos") == ACTIVE
    assert rows_of(store, done.day, "por_plano") == [
        {"plano": "OURO", "contratos": 1},
        {"plano": "PRATA", "contratos": 1},
    ]
    assert facts_of(store) == [
        "arrivals/clientes/0001.done.json",
        "arrivals/clientes/0001.seen.json",
        "arrivals/contratos/0001.done.json",
        "arrivals/contratos/0001.seen.json",
        "runs/0001.claim.json",
        "runs/0001.end.json",
        "runs/0001.started.json",
    ]


def test_events_tell_what_happens(store: Store, feed: Feed) -> None:
    """One line for each thing that happened, in its order."""
    both(store)
    told = Told()
    advance(feed, DAY, world(store, tell=told))
    assert [event.step for event in told.events] == [
        "arrived",
        "arrived",
        "converted",
        "converted",
        "run",
        "dataset",
        "dataset",
        "succeeded",
        "done",
    ]


def test_the_second_time_nothing_is_done(store: Store, feed: Feed) -> None:
    """The same day again writes no fact, needs no engine, and says so."""
    both(store)
    advance(feed, DAY, world(store))
    before = list(store.list(""))
    told = Told()
    again = advance(feed, DAY, outside_of(store, tell=told))
    assert (again.rest.why, again.did, again.problem) == ("done", False, None)
    assert told.text == "done: nothing to do: run 1 is current"
    assert before == list(store.list(""))


def test_a_corrected_file_leads_to_run_2(store: Store, feed: Feed) -> None:
    """Its dataset replaces the first; the parts of run 1 stay where they are."""
    both(store)
    first = advance(feed, DAY, world(store))
    send(store, CONTRATOS_NAME, contratos(["OURO"]))
    second = advance(feed, DAY, world(store))
    assert rows_of(store, second.day, "ativos") == ACTIVE[:1]
    assert rows_of(store, first.day, "ativos") == ACTIVE
    assert [run.status for run in second.day.runs] == ["succeeded", "succeeded"]


def test_the_same_content_again_leads_to_no_run(store: Store, feed: Feed) -> None:
    """A duplicate transfer is a new arrival, is read, and changes nothing."""
    both(store)
    advance(feed, DAY, world(store))
    send(store, CLIENTES_NAME, clientes())
    again = advance(feed, DAY, outside_of(store))
    assert (len(again.day.files["clientes"].arrivals), len(again.day.runs), again.rest.why) == (2, 1, "done")


def test_yesterdays_file_under_todays_name_is_refused(store: Store, feed: Feed) -> None:
    """The header says another day: refused data goes before what is missing."""
    send(store, CONTRATOS_NAME, contratos(day=date(2026, 11, 21)))
    send(store, CLIENTES_NAME, clientes())
    told = Told()
    outcome = advance(feed, DAY, world(store, tell=told))
    assert isinstance(outcome.problem, DataRefused)
    assert (outcome.day.refused, outcome.day.missing, outcome.day.runs) == (("contratos",), ("contratos",), ())
    assert "refused: contratos" in told.text


def test_a_refused_correction_leaves_the_old_result(store: Store, feed: Feed) -> None:
    """A trailer that does not agree: run 1 stays current, and the command ends with refused data."""
    both(store)
    advance(feed, DAY, world(store))
    send(store, CONTRATOS_NAME, contratos(["OURO"], counted=9))
    outcome = advance(feed, DAY, world(store))
    assert isinstance(outcome.problem, DataRefused)
    assert (outcome.rest.why, len(outcome.day.runs)) == ("done", 1)
    send(store, CONTRATOS_NAME, contratos(["OURO"]))
    assert advance(feed, DAY, world(store)).problem is None


def test_a_second_object_for_the_same_file_is_ambiguous(folder: Store, tmp_path: Path) -> None:
    """Two names of one file and date are never decided by which is newer."""
    feed = write_feed(tmp_path / "feed", feed=FEED.replace('"CLIENTES_{date', '"*CLIENTES_{date'))
    both(folder)
    advance(feed, DAY, world(folder))
    send(folder, f"NOVO_{CLIENTES_NAME}", clientes() * 2)
    outcome = advance(feed, DAY, world(folder))
    assert (outcome.day.refused, outcome.day.inputs["clientes"].arrival) == (("clientes",), 1)
    arrival = outcome.day.files["clientes"].refused
    assert arrival is not None
    done = outcome.day.files["clientes"].done(arrival)
    assert done is not None
    assert [problem.reason for problem in done.problems] == ["ambiguous"]


def test_a_compressed_file_that_is_cut_off_is_refused_with_its_reason(store: Store, feed: Feed) -> None:
    """It is never half believed, nor taken for text."""
    send(store, f"{CLIENTES_NAME}.gz", b"\x1f\x8b")
    told = Told()
    assert isinstance(advance(feed, DAY, world(store, tell=told)).problem, DataRefused)
    assert "cut off or damaged" in told.text


def test_unknown_and_ignored_names(store: Store, feed: Feed) -> None:
    """A name of no file is reported; one that is still being written, or of another day, is not."""
    for name in ("LEIAME.txt", "CONTRATOS_20261122.txt.tmp", "~CLIENTES_20261122.txt", "CONTRATOS_20261121.txt"):
        send(store, name, b"x")
    outcome = advance(feed, DAY, world(store))
    assert (outcome.unknown, outcome.rest.files) == (("LEIAME.txt",), ("contratos", "clientes"))


def test_a_name_that_two_files_claim(store: Store, feed: Feed) -> None:
    """Which file it is cannot be told; the loader finds most such patterns, the rest is found when a name comes."""
    wide = replace(feed.files["clientes"], pattern=Pattern("C*_{date:%Y%m%d}.txt"))
    both(store)
    with pytest.raises(UsageError, match="belongs to contratos and clientes"):
        advance(replace(feed, files={**feed.files, "clientes": wide}), DAY, world(store))


def test_no_business_date(store: Store, tmp_path: Path) -> None:
    """A Sunday of a weekday feed is refused before anything is read or written."""
    feed = write_feed(tmp_path / "feed", feed=FEED.replace("days: daily", "days: weekdays"))
    with pytest.raises(UsageError, match="no business date"):
        advance(feed, DAY, outside_of(store))
    assert list(store.list("")) == []


def test_again_makes_a_finished_day_anew(store: Store, feed: Feed) -> None:
    """A person's decision is a fact, and leads to one more run, once."""
    both(store)
    advance(feed, DAY, world(store))
    assert [run.number for run in advance(feed, DAY, world(store), again=True).day.runs] == [1, 2]
    assert not advance(feed, DAY, outside_of(store)).did
    assert "decisions/0001.json" in facts_of(store)


def test_a_changed_layout_is_read_anew_only_when_asked(store: Store, feed: Feed, tmp_path: Path) -> None:
    """A finished day keeps its result under a changed contract, says so, and is made anew with `again`."""
    both(store)
    advance(feed, DAY, world(store))
    shorter = "name: plano, width: 3, type: string}\n      - {name: resto, width: 3"
    changed = write_feed(tmp_path / "feed", contratos=CONTRATOS.replace("name: plano, width: 6", shorter))
    outcome = advance(changed, DAY, outside_of(store))
    assert (outcome.did, outcome.day.contract_changed) == (False, True)
    anew = advance(changed, DAY, world(store), again=True)
    assert [row["plano"] for row in rows_of(store, anew.day, "ativos")] == ["OUR", "BAS", "PRA"]


def test_nothing_personal_in_the_ledger(store: Store, feed: Feed) -> None:
    """No value of a personal field stands in any fact or event, of good files and refused ones."""
    told = Told()
    both(store)
    advance(feed, DAY, world(store, tell=told))
    send(store, CONTRATOS_NAME, contratos()[:-40] + f"1 {CPFS[0]}\n".encode())
    advance(feed, DAY, world(store, tell=told))
    texts = [store.read(found.key).decode() for found in store.list("controle/")]
    assert len(texts) > 8
    for text in [*texts, told.text, *(str(event.facts) for event in told.events)]:
        assert not [cpf for cpf in CPFS if cpf in text]


def test_peeking_writes_nothing(store: Store, feed: Feed) -> None:
    """`status` sees the ledger only."""
    both(store)
    day, action = peek(feed, DAY, outside_of(store))
    assert (day.missing, getattr(action, "why", "")) == (("contratos", "clientes"), "missing")
    assert facts_of(store) == []


# Files that move while they are looked at.


@dataclass
class Busy(ToldClock):
    """A clock during whose sleep somebody writes."""

    write: Callable[[], object] = lambda: None

    def sleep(self, seconds: float) -> None:
        """Let the writer write."""
        self.write()
        super().sleep(seconds)


def test_a_file_that_is_still_being_written_is_not_taken(folder: Store, feed: Feed) -> None:
    """It grows during the wait: it is named as such, and taken once it stands still."""
    both(folder)
    path = Path(folder.locate(f"dados-posicionais/{CLIENTES_NAME}"))
    whole = path.read_bytes()
    path.write_bytes(whole[:21])

    def grow() -> None:
        path.write_bytes(path.read_bytes() + whole[21:42])

    outcome = advance(feed, DAY, world(folder, clock=Busy(write=grow)))
    assert (outcome.growing, outcome.rest.files) == ((CLIENTES_NAME,), ("clientes",))
    assert outcome.problem is not None
    assert "still being written" in outcome.problem.hint
    path.write_bytes(whole)
    assert advance(feed, DAY, world(folder)).problem is None


def test_an_old_file_is_taken_without_waiting(folder: Store, feed: Feed) -> None:
    """It has stood still for longer than `settle` already."""
    both(folder)
    for name in (CONTRATOS_NAME, CLIENTES_NAME):
        os.utime(folder.locate(f"dados-posicionais/{name}"), (0, 0))
    clock = ToldClock()
    assert advance(feed, DAY, world(folder, clock=clock)).problem is None
    assert clock.slept == []


@dataclass
class Around:
    """A real store around whose calls something happens. A subclass overrides what it is about."""

    real: Store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    @property
    def url(self) -> str:
        """The real one's."""
        return self.real.url

    @property
    def atomic(self) -> bool:
        """The real one's."""
        return self.real.atomic

    def create(self, key: str, data: bytes) -> None:
        """As the real one."""
        self.real.create(key, data)

    def read(self, key: str) -> bytes:
        """As the real one."""
        return self.real.read(key)

    def head(self, key: str) -> StoredObject:
        """As the real one."""
        return self.real.head(key)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """As the real one."""
        return self.real.list(prefix)

    def unfinished(self, prefix: str) -> Iterator[StoredObject]:
        """As the real one."""
        return self.real.unfinished(prefix)

    def source(self, found: StoredObject) -> Source:
        """As the real one."""
        return self.real.source(found)

    def sink(self, prefix: str) -> Place:
        """As the real one."""
        return self.real.sink(prefix)

    def locate(self, key: str) -> str:
        """As the real one."""
        return self.real.locate(key)

    def delete(self, key: str) -> None:
        """As the real one."""
        self.real.delete(key)


@dataclass
class Replacing(Around):
    """Somebody replaces an object, once, just before it is read."""

    name: str = ""
    data: bytes = b""

    def source(self, found: StoredObject) -> Source:
        """Replace, then open what was asked for."""
        if found.key.endswith(self.name) and self.data:
            data, self.data = self.data, b""
            send(self.real, self.name, data)
        return self.real.source(found)


def test_a_file_replaced_before_it_was_read_is_superseded(store: Store, feed: Feed) -> None:
    """The version that was seen is gone: its arrival is superseded, and the new one is the next number."""
    both(store)
    outcome = advance(feed, DAY, world(Replacing(store, CONTRATOS_NAME, contratos(["OURO"]))))
    file = outcome.day.files["contratos"]
    assert [file.status(arrival) for arrival in file.arrivals] == ["superseded", "converted"]
    assert rows_of(store, outcome.day, "ativos") == ACTIVE[:1]


def test_a_file_that_grows_after_it_was_seen_is_superseded(folder: Store, feed: Feed) -> None:
    """It had stood still for a while, and then somebody appended: what was read is not used."""
    both(folder)
    path = Path(folder.locate(f"dados-posicionais/{CLIENTES_NAME}"))

    class Appending(Around):
        def sink(self, prefix: str) -> Place:
            if "clientes" in prefix and "parquet" in prefix and path.stat().st_size == len(clientes()):
                with path.open("ab") as file:
                    file.write(clientes()[:21].replace(b"01", b"99"))
            return self.real.sink(prefix)

    outcome = advance(feed, DAY, world(Appending(folder)))
    file = outcome.day.files["clientes"]
    assert [file.status(arrival) for arrival in file.arrivals] == ["superseded", "converted"]
    done = file.done(file.arrivals[1])
    assert done is not None
    assert done.tables == {"clientes": 4}


# Runs that fail.


@dataclass
class Failing:
    """The real engine, that fails as told before it begins to work."""

    failures: list[BaseException] = field(default_factory=list)
    name: str = "duckdb"

    def run(
        self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
    ) -> tuple[Written, ...]:
        """Fail, or run."""
        if self.failures:
            raise self.failures.pop(0)
        return DuckDbEngine().run(dataset, tables, sink, secret)

    def offending(self, sql: str, path: str, tables: Mapping[str, Sequence[str]]) -> Offending:
        """Count."""
        return DuckDbEngine().offending(sql, path, tables)


def test_a_failed_run_is_tried_again(store: Store, feed: Feed) -> None:
    """Two failures, further and further apart, then it succeeds: three runs, of which the last is current."""
    both(store)
    clock = ToldClock()
    engine = Failing([EngineError("no memory"), EngineError("no memory")])
    outcome = advance(feed, DAY, world(store, clock=clock, engine=lambda: engine))
    assert [run.status for run in outcome.day.runs] == ["failed", "failed", "succeeded"]
    assert [wait for wait in clock.slept if wait > 0] == [*([2.0] if not store.atomic else []), 1.0, 5.0]
    assert rows_of(store, outcome.day, "ativos") == ACTIVE


def test_a_run_that_keeps_failing(store: Store, feed: Feed) -> None:
    """After the feed's attempts it is failed; nobody starts it again but a person who asks."""
    both(store)
    engine = Failing([EngineError("no memory") for _ in range(99)])
    outcome = advance(feed, DAY, world(store, engine=lambda: engine))
    assert (outcome.rest.why, len(outcome.day.runs)) == ("failed", 3)
    assert isinstance(outcome.problem, OutsideError)
    assert "no memory" in str(outcome.problem)
    assert not advance(feed, DAY, outside_of(store), insist=False).did
    assert [run.status for run in advance(feed, DAY, world(store)).day.runs][3:] == ["succeeded"]


def test_a_sweep_leaves_the_next_attempt_to_the_next_sweep(store: Store, feed: Feed) -> None:
    """It never waits: it says when the attempt is due, makes it once that has come, and counts all that failed."""
    both(store)
    clock = ToldClock()
    engine = Failing([EngineError("no memory") for _ in range(99)])
    outside = world(store, clock=clock, engine=lambda: engine)
    whys = []
    for _ in range(5):
        outcome = advance(feed, DAY, outside, insist=False)
        whys.append((outcome.rest.why, len(outcome.day.runs)))
        slept = len(clock.slept)
        assert not advance(feed, DAY, outside, insist=False).did
        assert len(clock.slept) == slept
        clock.sleep(60)
    assert whys == [("waiting", 1), ("waiting", 2), ("failed", 3), ("failed", 3), ("failed", 3)]
    assert isinstance(outcome.problem, OutsideError)


def test_what_a_caller_has_listed_is_not_listed_again(store: Store, feed: Feed) -> None:
    """A caller of many days lists once; what comes after that is left to the next call."""
    both(store)
    lying = incoming(feed, outside_of(store))
    send(store, "CONTRATOS_20261122.txt.later", b"")
    store.delete(f"dados-posicionais/{CLIENTES_NAME}")
    outcome = advance(feed, DAY, world(NoListing(store)), lying=lying)
    assert (outcome.unknown, outcome.rest.files) == ((), ("clientes",))


class NoListing(Around):
    """A store whose incoming prefix nobody may list."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """List what else there is."""
        assert prefix != "dados-posicionais/"
        return self.real.list(prefix)


def test_a_start_that_fails_does_not_hold_the_day_up(store: Store, feed: Feed) -> None:
    """The claim stands, its first act cannot be written: the run ends as failed, and the next attempt follows."""
    both(store)

    class Refusing(Around):
        def create(self, key: str, data: bytes) -> None:
            if key.endswith("0001.started.json"):
                raise StoreError("no space")
            self.real.create(key, data)

    outcome = advance(feed, DAY, world(Refusing(store)))
    assert [run.status for run in outcome.day.runs] == ["failed", "succeeded"]


def test_a_key_that_is_not_unique_fails_the_run_for_good(store: Store, tmp_path: Path) -> None:
    """Another attempt would fail the same: the data or the SQL must change."""
    feed = write_feed(tmp_path / "feed", por_plano="select 'X' as plano from ativos")
    both(store)
    outcome = advance(feed, DAY, world(store))
    assert isinstance(outcome.problem, DataRefused)
    assert [run.status for run in outcome.day.runs] == ["failed"]
    assert not advance(feed, DAY, world(store)).did
    mended = write_feed(tmp_path / "feed")
    assert advance(mended, DAY, world(store)).problem is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("98765432101")], ids=["ctrl-c", "bug"])
def test_an_interrupted_run_is_ended_and_done_again(store: Store, feed: Feed, error: BaseException) -> None:
    """Ctrl-C and bugs go up, but the ledger knows, without the bug's message; the next call goes on at once."""
    both(store)
    with pytest.raises(type(error)):
        advance(feed, DAY, world(store, engine=lambda: Failing([error])))
    outcome = advance(feed, DAY, world(store))
    assert [run.status for run in outcome.day.runs] == ["failed", "succeeded"]
    end = outcome.day.runs[0].end
    assert isinstance(end, RunEnd)
    assert end.reason == f"stopped by {type(error).__name__}"


def test_a_correction_during_a_run_supersedes_it(store: Store, feed: Feed) -> None:
    """Another process reads a correction while the first dataset is made: the run stops at its next step."""
    both(store)

    class Correcting(Failing):
        def run(
            self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
        ) -> tuple[Written, ...]:
            if dataset.name == "ativos" and len(tables["contratos"]) and not corrected:
                corrected.append(True)
                send(store, CONTRATOS_NAME, contratos(["OURO"]))
                assert advance(feed, DAY, world(store, who="bia@dois")).rest.why == "busy"
            return super().run(dataset, tables, sink, secret)

    corrected: list[bool] = []
    outcome = advance(feed, DAY, world(store, engine=Correcting))
    assert [run.status for run in outcome.day.runs] == ["superseded", "succeeded"]
    assert rows_of(store, outcome.day, "ativos") == ACTIVE[:1]


def test_a_sleeper_that_was_overtaken_stops(store: Store, feed: Feed) -> None:
    """Its lease ends while it works; another abandons it and finishes; the sleeper's work does not count, and ends."""
    both(store)
    told = Told()
    clock = ToldClock()

    class Sleeping(Failing):
        def run(
            self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
        ) -> tuple[Written, ...]:
            slept.append(dataset.name)
            if len(slept) == 1:
                clock.sleep(10)
                taken = advance(feed, DAY, world(store, clock=clock, who="bia@dois"))
                assert [run.status for run in taken.day.runs] == ["abandoned", "succeeded"]
            return super().run(dataset, tables, sink, secret)

    slept: list[str] = []
    outcome = advance(feed, DAY, world(store, clock=clock, engine=Sleeping, tell=told), lease=timedelta(seconds=5))
    assert [run.status for run in outcome.day.runs] == ["abandoned", "succeeded"]
    assert slept == ["ativos"]
    assert "what it made does not count" in told.text
    assert outcome.rest.why == "done"


def test_a_live_run_of_somebody_else_is_not_touched(store: Store, feed: Feed) -> None:
    """The call ends at once, and says whose run it is."""
    both(store)

    class Asking(Failing):
        def run(
            self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
        ) -> tuple[Written, ...]:
            outcomes.append(advance(feed, DAY, outside_of(store, who="bia@dois")))
            return super().run(dataset, tables, sink, secret)

    outcomes: list[Outcome] = []
    advance(feed, DAY, world(store, engine=Asking))
    assert {(one.rest.why, type(one.problem)) for one in outcomes} == {("busy", NotDone)}
    assert "ana@maquina" in outcomes[0].rest.text


def test_many_callers_at_once_make_one_run(store: Store, feed: Feed) -> None:
    """Eight threads advance the same day: each arrival is numbered once, and one run is made."""
    both(store)
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []

    def call(me: int) -> None:
        try:
            outside = replace(world(store, who=f"p{me}@maquina"), clock=SystemClock())
            barrier.wait()
            advance(feed, DAY, outside)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=call, args=(me,)) for me in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    outcome = advance(feed, DAY, world(store, clock=SystemClock()))
    assert ([run.status for run in outcome.day.runs], outcome.did) == (["succeeded"], False)
    assert [len(file.arrivals) for file in outcome.day.files.values()] == [1, 1]


def _killed(feed_path: Path, folder: str) -> None:
    """A process that is killed in the middle of its run."""

    class Dying(Failing):
        def run(
            self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
        ) -> tuple[Written, ...]:
            os.kill(os.getpid(), 9)
            return super().run(dataset, tables, sink, secret)

    outside = world(open_store(folder), who=process.who(), engine=Dying)
    advance(Feed.load(feed_path), DAY, outside)


def test_a_killed_process_does_not_hold_the_day_up(folder: Store, feed: Feed) -> None:
    """After `kill -9` the next command on the same machine takes the run over at once, long before its lease ends."""
    if not process.who().endswith(")"):
        pytest.skip("this system does not tell one life of a process from another (no /proc)")
    both(folder)
    child = multiprocessing.get_context("spawn").Process(target=_killed, args=(feed.path, folder.url))
    child.start()
    child.join()
    assert child.exitcode == -9
    waiting = advance(feed, DAY, world(folder))
    assert waiting.rest.why == "busy"
    outcome = advance(feed, DAY, world(folder, gone=process.gone))
    assert [run.status for run in outcome.day.runs] == ["abandoned", "succeeded"]


def test_an_end_that_cannot_be_written(store: Store, feed: Feed) -> None:
    """The store goes away during a run: the error goes up, and the run has no end. Whoever knows that its process has
    ended goes on at once; others leave it alone until its lease ends. Nothing is made twice, nothing counts twice.
    """
    both(store)
    clock = ToldClock()

    class Full(Around):
        def create(self, key: str, data: bytes) -> None:
            if key.endswith("runs/0001.end.json"):
                raise StoreError("the disk is full")
            self.real.create(key, data)

    with pytest.raises(StoreError, match="full"):
        advance(feed, DAY, world(Full(store), clock=clock, who="ana@um"))
    waiting = advance(feed, DAY, world(store, clock=clock, who="bia@dois"))
    assert (waiting.rest.why, waiting.rest.until) == ("busy", waiting.day.runs[0].lease_until)
    near = advance(feed, DAY, world(store, clock=clock, who="bia@dois", gone=lambda who: who == "ana@um"))
    assert [run.status for run in near.day.runs] == ["abandoned", "succeeded"]
    assert rows_of(store, near.day, "ativos") == ACTIVE


def test_an_engine_that_is_not_installed_is_no_attempt(store: Store, feed: Feed) -> None:
    """The error goes up, and once it can be had, the day goes on as if nothing had been."""

    def missing() -> Engine:
        raise UsageError("duckdb is not installed")

    both(store)
    with pytest.raises(UsageError, match="not installed"):
        advance(feed, DAY, world(store, engine=missing))
    assert [run.status for run in advance(feed, DAY, world(store)).day.runs] == ["succeeded"]


def test_a_target_that_cannot_be_reached(store: Store, tmp_path: Path) -> None:
    """The datasets are there; publishing is tried again, each try is in the ledger, and the target's error goes up."""
    pytest.importorskip("opensearchpy")
    from posicional.backends.opensearch import connect

    publish = "publish: {opensearch: {url: http://127.0.0.1:9, datasets: {ativos: {index: ativos}}}}\n"
    feed = write_feed(tmp_path / "feed", feed=FEED + publish)
    both(store)
    outside = replace(world(store), target=connect)
    outcome = advance(feed, DAY, outside)
    assert isinstance(outcome.problem, TargetError)
    assert [run.status for run in outcome.day.runs] == ["succeeded"]
    assert {turn.status for turn in outcome.day.publications["opensearch"]} == {"failed"}
    unpublished = advance(feed, DAY, outside_of(store), publish=False)
    assert (unpublished.did, unpublished.problem) == (False, None)


def test_a_day_on_a_bucket_that_misbehaves(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes that are done and reported as failed, conflicts, throttling: one run, each arrival numbered once."""
    with s3_store(monkeypatch) as (store, server):
        server.versioned = True
        both(store)
        creates = ["500 after", "409", "503", "", "500 after", "409", "409"]
        server.faults = {"CREATE": creates, "PUT": ["503", "500 after"], "GET": ["", "503"] * 5}
        outcome = advance(feed, DAY, world(store))
        assert [run.status for run in outcome.day.runs] == ["succeeded"]
        assert [len(file.arrivals) for file in outcome.day.files.values()] == [1, 1]
        assert rows_of(store, outcome.day, "ativos") == ACTIVE
        assert creates == []


# What is durable (a crash at every step: test_crashes).


def test_parts_are_durable_before_the_fact_that_names_them(
    folder: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder: each part is synced and named, and its folder synced, before the fact's link is made."""
    both(folder)
    calls: list[tuple[str, str]] = []
    real_fsync, real_link, real_rename = os.fsync, os.link, os.rename

    def fsync(handle: int) -> None:
        calls.append(("fsync", str(Path(f"/proc/self/fd/{handle}").resolve())))
        real_fsync(handle)

    def link(source: Path, target: Path) -> None:
        calls.append(("link", str(target)))
        real_link(source, target)

    def rename(source: Path, target: Path) -> None:
        calls.append(("rename", str(target)))
        real_rename(source, target)

    for name, call in (("fsync", fsync), ("link", link), ("rename", rename)):
        monkeypatch.setattr(os, name, call)
    outcome = advance(feed, DAY, world(folder))
    ledger = Ledger(outside_of(folder), "saude", DAY)
    named = 0
    for key, fact in ledger.read().entries.items():
        parts = list(fact.parts) if isinstance(fact, Done) else []
        if isinstance(fact, RunEnd):
            parts += [part for made in fact.datasets.values() for part in made.parts]
        for part in parts:
            path = Path(folder.locate(part.key))
            linked = calls.index(("link", folder.locate(f"{ledger.prefix}{key}")))
            renamed = calls.index(("rename", str(path)))
            assert calls.index(("fsync", str(path.parent)), renamed) < linked
            named += 1
    assert (outcome.problem, named) == (None, 4)
