"""Clean-up: what attempts left goes after a day, and nothing that a fact names, or may name, ever does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from posicional.backends.duckdb import DuckDbEngine
from posicional.contract.feed import Dataset, Feed
from posicional.day.facts import Done, RunEnd
from posicional.day.journal import Ledger
from posicional.day.keys import PARQUET, RUNS, DoneKey, TurnKey, parts_prefix, rejects_prefix, results_prefix
from posicional.day.state import fold
from posicional.errors import EngineError
from posicional.ports import Outside, Place, Store, Written
from posicional.steps.advance import advance
from posicional.steps.arrivals import look
from posicional.steps.cleanup import AGE, clean_up
from posicional.steps.convert import convert_arrival
from posicional.steps.decide import accept, rollback
from test_advance import Around, Failing
from worlds import CONTRATOS, Told, ToldClock, clientes, contratos, new_store, outside_of, send, write_feed

NOW = datetime.now(UTC)  # stores stamp objects with the real time
DAY = NOW.astimezone(ZoneInfo("America/Sao_Paulo")).date()
LATER = NOW + AGE + timedelta(minutes=5)


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed of two files and two datasets."""
    return write_feed(tmp_path_factory.mktemp("feed"))


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    return new_store(request.param, tmp_path)


def world(store: Store, **words: Any) -> Outside:
    """An outside with the real engine, now."""
    return outside_of(store, ToldClock(NOW), **({"engine": DuckDbEngine} | words))


def both(store: Store, plans: Sequence[str] = ("OURO", "BASICO", "PRATA")) -> None:
    """The two files of the day arrive."""
    send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos(plans, DAY))
    send(store, f"CLIENTES_{DAY:%Y%m%d}.txt", clientes())


def cleaned(store: Store, feed: Feed, now: datetime = LATER) -> list[str]:
    """Clean up at a moment; the keys that went."""
    before = {found.key for found in store.list("")}
    ledger = Ledger(outside_of(store, ToldClock(now)), feed.name, DAY)
    count = clean_up(feed, ledger, fold(feed, ledger.read()))
    gone = before - {found.key for found in store.list("")}
    assert len(gone) == count
    return sorted(gone)


def put(store: Store, prefix: str) -> str:
    """Somebody has written a part there."""
    with store.sink(prefix).open("part-00000.parquet") as part:
        part.write(b"x")
    return f"{prefix}part-00000.parquet"


def named(store: Store, feed: Feed) -> set[str]:
    """Every key that a fact names."""
    facts = Ledger(outside_of(store), feed.name, DAY).read().entries.values()
    parts = [part for fact in facts if isinstance(fact, Done) for part in (*fact.parts, *fact.rejects)]
    ends = [fact for fact in facts if isinstance(fact, RunEnd) and fact.status == "succeeded"]
    parts += [part for end in ends for made in end.datasets.values() for part in made.parts]
    return {part.key for part in parts}


def test_a_whole_day_has_no_leftovers(store: Store, feed: Feed) -> None:
    """Corrections, refusals, rejects and a rolled back run included: all that is there is named, and stays."""
    both(store)
    advance(feed, DAY, world(store))
    both(store, ["OURO"])
    advance(feed, DAY, world(store))
    send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos(day=DAY, counted=9) + b"bad\n")
    advance(feed, DAY, world(store))
    rollback(feed, DAY, world(store), run=1, why="so")
    assert cleaned(store, feed) == []
    data = {found.key for found in store.list("") if not found.key.startswith(("controle/", "dados-posicionais/"))}
    assert data == named(store, feed)


def test_tries_that_no_fact_names_go_after_a_day(store: Store, feed: Feed) -> None:
    """A process was killed while it read: its parts and rejects go, a day later and not before."""
    both(store)
    advance(feed, DAY, world(store))
    left = [put(store, make("saude", "clientes", DAY, 1, "dead")) for make in (parts_prefix, rejects_prefix)]
    assert cleaned(store, feed, NOW + AGE - timedelta(minutes=5)) == []
    assert cleaned(store, feed) == sorted(left)
    assert advance(feed, DAY, outside_of(store), again=False).problem is None


def test_tries_of_an_arrival_that_nobody_has_read_stay(store: Store, feed: Feed) -> None:
    """Nobody knows yet which try counts."""
    both(store)
    look(feed, Ledger(world(store), feed.name, DAY))
    put(store, parts_prefix("saude", "contratos", DAY, 1, "slow"))
    assert cleaned(store, feed) == []


def test_whoever_slept_for_a_day_names_nothing_that_is_gone(store: Store, feed: Feed, tmp_path: Path) -> None:
    """A process falls asleep over a file; others mend the layout, read it, and clean up; then the first one wakes up.

    Its own way of reading has no fact yet, so nobody would stop it; but what it wrote is no longer there.
    """
    without = CONTRATOS.replace("    controls: [{count: all, field: registros}]\n", "")
    mended = write_feed(tmp_path / "feed", contratos=without)
    slept: list[datetime] = []

    class Sleepy(ToldClock):
        def now(self) -> datetime:
            if any(store.list(PARQUET)) and not slept:  # it has written all its parts, and is about to say so
                slept.append(self.time)
                assert advance(mended, DAY, world(store)).problem is None
                self.time = LATER
                assert cleaned(store, mended) != []
            return self.time

    both(store)
    ledger = Ledger(replace(world(store), clock=Sleepy(NOW)), feed.name, DAY)
    facts = look(feed, ledger).facts
    convert_arrival(feed, ledger, facts, "contratos", 1)
    named = [part.key for fact in ledger.read().entries.values() if isinstance(fact, Done) for part in fact.parts]
    assert slept
    assert {found.key for found in store.list(PARQUET)} == set(named)
    # Should the old layout come back, the file is read once more.
    assert advance(feed, DAY, world(store), again=True).problem is None


def test_tries_of_an_arrival_that_is_read_in_another_way_stay(store: Store, feed: Feed, tmp_path: Path) -> None:
    """It was refused, and the layout has been mended since: whoever reads it anew may be slow."""
    send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos(day=DAY, counted=9))
    advance(feed, DAY, world(store))
    left = put(store, parts_prefix("saude", "contratos", DAY, 1, "slow"))
    without = CONTRATOS.replace("    controls: [{count: all, field: registros}]\n", "")
    mended = write_feed(tmp_path / "feed", contratos=without)
    assert cleaned(store, mended) == []
    advance(mended, DAY, world(store))
    assert cleaned(store, mended) == [left]


def test_tries_of_an_arrival_that_was_overtaken_go(store: Store, feed: Feed) -> None:
    """A process died while it read, and a correction came before anybody else had read that one: nobody ever will."""
    both(store)
    look(feed, Ledger(world(store), feed.name, DAY))
    left = put(store, parts_prefix("saude", "contratos", DAY, 1, "dead"))
    send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos(["OURO"], DAY))
    look(feed, Ledger(world(store), feed.name, DAY))
    assert cleaned(store, feed) == []
    file = advance(feed, DAY, world(store)).day.files["contratos"]
    assert [file.status(one) for one in file.arrivals] == ["seen", "converted"]
    assert cleaned(store, feed) == [left]


def test_what_was_refused_stays(store: Store, feed: Feed) -> None:
    """A person may accept it, however late."""
    send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos(day=DAY, counted=9))
    send(store, f"CLIENTES_{DAY:%Y%m%d}.txt", clientes())
    advance(feed, DAY, world(store))
    assert cleaned(store, feed) == []
    accept(feed, DAY, world(store), file="contratos", why="so")
    assert advance(feed, DAY, world(store)).problem is None


def test_where_a_fact_cannot_be_read_nothing_goes(store: Store, feed: Feed) -> None:
    """It may name what is there: a done of the arrival, the end of the run."""
    both(store)
    engine = Failing([EngineError("no memory")])
    advance(feed, DAY, world(store, engine=lambda: engine))
    put(store, parts_prefix("saude", "clientes", DAY, 1, "dead"))
    put(store, results_prefix("saude", "ativos", DAY, 1))
    ledger = Ledger(outside_of(store), feed.name, DAY)
    done = next(key for key in ledger.read().entries if isinstance(key, DoneKey) and key.file == "clientes")
    for key in (done, TurnKey(RUNS, 1, "end")):
        store.delete(f"{ledger.prefix}{key}")
        store.create(f"{ledger.prefix}{key}", b"torn")
    assert cleaned(store, feed) == []


def test_what_runs_wrote_that_did_not_succeed_goes_after_a_day(store: Store, feed: Feed) -> None:
    """The second dataset failed: the first one's parts go; those of the run that succeeded stay, and of a live one."""
    both(store)

    class Halfway(Failing):
        def run(
            self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
        ) -> tuple[Written, ...]:
            if dataset.name == "por_plano" and not failed:
                failed.append(True)
                raise EngineError("no memory")
            return super().run(dataset, tables, sink, secret)

    failed: list[bool] = []
    outcome = advance(feed, DAY, world(store, engine=Halfway))
    assert [run.status for run in outcome.day.runs] == ["failed", "succeeded"]
    ledger = Ledger(outside_of(store, ToldClock(NOW)), feed.name, DAY)
    assert ledger.write(TurnKey(RUNS, 3, "claim"), outcome.day.runs[0].claim)  # type: ignore[arg-type]  # readable
    put(store, results_prefix("saude", "ativos", DAY, 3))
    assert cleaned(store, feed, NOW + AGE - timedelta(minutes=5)) == []
    assert cleaned(store, feed) == [f"{results_prefix('saude', 'ativos', DAY, 1)}part-00000.parquet"]


def test_the_empty_tables_of_a_failed_run_go_too(store: Store, feed: Feed) -> None:
    """They stood for a file that was not there."""
    both(store)
    engine = Failing([EngineError("no memory")])
    advance(feed, DAY, world(store, engine=lambda: engine))
    left = put(store, results_prefix("saude", "clientes", DAY, 1))
    assert cleaned(store, feed) == [left]


def test_it_says_what_it_removed(store: Store, feed: Feed) -> None:
    """In one line."""
    both(store)
    advance(feed, DAY, world(store))
    put(store, parts_prefix("saude", "clientes", DAY, 1, "dead"))
    told = Told()
    ledger = Ledger(outside_of(store, ToldClock(LATER), tell=told), feed.name, DAY)
    clean_up(feed, ledger, fold(feed, ledger.read()))
    assert told.text == f"removed: {DAY}: 1 object that attempts had left"


def test_a_part_that_a_sleeper_still_writes_keeps_its_try(store: Store, feed: Feed) -> None:
    """The youngest object of a try says how old the try is."""
    both(store)
    advance(feed, DAY, world(store))
    prefix = parts_prefix("saude", "clientes", DAY, 1, "slow")
    old = put(store, prefix)

    class Younger(Around):
        def list(self, prefix: str) -> Any:
            for found in self.real.list(prefix):
                age = AGE + timedelta(hours=1) if found.key == old else timedelta()
                yield type(found)(found.key, found.size, found.version, LATER - age)

    with store.sink(prefix).open("part-00001.parquet") as part:
        part.write(b"x")
    assert cleaned(Younger(store), feed) == []


@pytest.mark.parametrize(
    "name",
    [
        "controle/saude/{day}/runs/.0001.claim.json.0123456789abcdef",
        "dados-parquet/saude/clientes/data={day}/arrival=0001/dead/.part-00000.parquet.0123456789abcdef",
        "dados-rejeitados/saude/clientes/data={day}/arrival=0001/dead/.part-00000.parquet.0123456789abcdef",
        "dados-processados/saude/ativos/data={day}/run=0001/.part-00000.parquet.0123456789abcdef",
        "dados-processados/saude/clientes/data={day}/run=0001/.part-00000.parquet.0123456789abcdef",
    ],
)
def test_files_that_never_got_their_names_go(tmp_path: Path, feed: Feed, name: str) -> None:
    """A process was killed while it wrote into a folder; hidden files of others stay."""
    store = new_store("folder", tmp_path)
    both(store)
    advance(feed, DAY, world(store))
    left = Path(store.locate(name.format(day=DAY)))
    left.parent.mkdir(parents=True, exist_ok=True)
    other = left.with_name(".DS_Store")
    for path in (left, other):
        path.write_bytes(b"half")
    ledger = Ledger(outside_of(store, ToldClock(NOW)), feed.name, DAY)
    assert clean_up(feed, ledger, fold(feed, ledger.read())) == 0
    ledger = Ledger(outside_of(store, ToldClock(LATER)), feed.name, DAY)
    assert clean_up(feed, ledger, fold(feed, ledger.read())) == 1
    assert (left.exists(), other.exists()) == (False, True)
