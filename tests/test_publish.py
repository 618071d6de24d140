"""Publishing to a real endpoint: readers see a whole day or the one before, and the ledger says which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posicional.backends.opensearch import OpenSearchBackend, connect
from posicional.contract.feed import Dataset, Feed, IndexOf, OpenSearchTarget, View
from posicional.day.facts import DatasetFact, PartFact, PublicationEnd, RunClaim, RunEnd
from posicional.day.journal import Ledger
from posicional.day.keys import RUNS, TurnKey, publications, results_prefix
from posicional.day.state import Publication, fold
from posicional.errors import DataRefused, TargetError, UsageError
from posicional.ports import Body, Document, IndexState, Loaded, Move, Outside, Store
from posicional.steps.publish import publish
from worlds import DAY, Told, ToldClock, feed_of, new_store, outside_of

SERIES = publications("opensearch")
YESTERDAY = DAY - timedelta(days=1)


@dataclass
class World:
    """A feed with two datasets, its store, and the endpoint where it publishes; `before` and `during` are interludes
    of somebody else: just before aliases move, and while documents are sent.
    """

    url: str
    store: Any
    feed: Feed
    clock: ToldClock = field(default_factory=ToldClock)
    told: Told = field(default_factory=Told)
    before: Callable[[], None] | None = None
    during: Callable[[], None] | None = None

    @property
    def endpoint(self) -> OpenSearchBackend:
        """The endpoint as it is."""
        return connect(OpenSearchTarget(self.url, {}), self.clock)

    def outside(self, who: str = "ana@maquina", gone: Callable[[str], bool] = lambda _who: False) -> Outside:
        """The outside of one process; its target has the interludes."""
        made = outside_of(self.store, self.clock, who=who, tell=self.told, gone=gone)
        return replace(made, target=lambda _target: _Interrupted(self, self.endpoint))

    def run(self, number: int, rows: int, day: date = DAY, **columns: pa.Array) -> None:
        """A run that succeeded with two datasets: `ativos` of so many rows in two parts, `resumo` of one row."""
        table = pa.table(
            {
                "id": pa.array([f"{n:06d}" for n in range(rows)], pa.string()),
                "run": pa.array([number] * rows, pa.int64()),
                **columns,
            }
        )
        half = rows // 2
        datasets = {
            "ativos": self._written("ativos", day, number, [table.slice(0, half), table.slice(half)]),
            "resumo": self._written("resumo", day, number, [pa.table({"id": ["total"], "n": [rows]})]),
        }
        ledger = Ledger(self.outside(), self.feed.name, day)
        lease = self.clock.now() + timedelta(hours=1)
        claim = RunClaim(**ledger.sign(), lease_until=lease, revision=f"r{number}", content="c", contract="k")
        assert ledger.write(TurnKey(RUNS, number, "claim"), claim)
        assert ledger.write(
            TurnKey(RUNS, number, "end"), RunEnd(**ledger.sign(), status="succeeded", datasets=datasets)
        )

    def _written(self, name: str, day: date, run: int, tables: Sequence[pa.Table]) -> DatasetFact:
        prefix = results_prefix(self.feed.name, name, day, run)
        parts = []
        for number, table in enumerate(tables):
            part = f"part-{number:05d}.parquet"
            with self.store.sink(prefix).open(part) as stream:
                pq.write_table(table, stream)
            parts.append(PartFact(key=prefix + part, table=name, rows=table.num_rows, bytes=1))
        return DatasetFact(rows=sum(part.rows for part in parts), parts=tuple(parts))

    def publish(self, run: int = 1, day: date = DAY, **outside: Any) -> None:
        """The step itself."""
        publish(self.feed, day, run, self.outside(**outside))

    def turns(self, day: date = DAY) -> tuple[Publication, ...]:
        """The day's publications, as the ledger tells them."""
        return fold(self.feed, Ledger(self.outside(), self.feed.name, day).read()).publications["opensearch"]

    def statuses(self, day: date = DAY) -> list[str]:
        """Their statuses."""
        return [turn.status for turn in self.turns(day)]

    def shown(self, alias: str) -> list[str]:
        """The indices that an alias shows."""
        return sorted(name for name, state in self.endpoint.indices(alias).items() if alias in state.aliases)

    def search(self, alias: str) -> list[dict[str, Any]]:
        """What a reader finds there."""
        found = self.endpoint.endpoint.ask("POST", f"/{alias}/_search", {"size": 1000, "sort": ["id"]})
        return [hit["_source"] for hit in found["hits"]["hits"]]

    def everything(self) -> set[str]:
        """All indices there are."""
        return set(self.endpoint.indices("*"))


@dataclass
class _Interrupted:
    """The real endpoint, before whose verbs somebody else may do something, once."""

    world: World
    real: OpenSearchBackend

    name = "opensearch"

    @property
    def where(self) -> str:
        return self.real.where

    @property
    def serverless(self) -> bool:
        return self.real.serverless

    def create_index(self, name: str, body: Mapping[str, Any]) -> bool:
        return self.real.create_index(name, body)

    def set_index(self, name: str, settings: Mapping[str, Any]) -> None:
        self.real.set_index(name, settings)

    def add_fields(self, name: str, mapping: Mapping[str, Any]) -> None:
        self.real.add_fields(name, mapping)

    def documents(self, index: str, ids: Sequence[str]) -> dict[str, Document]:
        return self.real.documents(index, ids)

    def load(self, index: str, bodies: Iterable[Body], *, most: int = 0) -> Loaded:
        interlude, self.world.during = self.world.during, None
        if interlude:
            interlude()
        return self.real.load(index, bodies, most=most)

    def refresh(self, index: str) -> None:
        self.real.refresh(index)

    def count(self, index: str) -> int:
        return self.real.count(index)

    def indices(self, *names: str) -> dict[str, IndexState]:
        return self.real.indices(*names)

    def swap(self, moves: Sequence[Move]) -> bool:
        interlude, self.world.before = self.world.before, None
        if interlude:
            interlude()
        return self.real.swap(moves)

    def delete_index(self, name: str) -> None:
        self.real.delete_index(name)


def world_at(url: str, folder: Path, view: View = "latest", kind: str = "folder") -> World:
    """A feed `f` that shows `ativos` as `contratos` and `resumo` as `resumo`."""
    made = {name: Dataset(name, "select 1", Path(f"{name}.sql"), ("id",)) for name in ("ativos", "resumo")}
    shown = {"ativos": IndexOf("ativos", "contratos", view), "resumo": IndexOf("resumo", "resumo", view)}
    feed = replace(feed_of(), datasets=made, opensearch=OpenSearchTarget(url, shown))
    return World(url, new_store(kind, folder), feed)


@pytest.fixture
def world(cluster: str, tmp_path: Path) -> World:
    """An empty store and an empty endpoint."""
    return world_at(cluster, tmp_path)


# --- what readers see -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_a_run_is_shown_whole(cluster: str, tmp_path: Path, kind: str) -> None:
    """Every row is a document with its id and where it came from; both aliases show the index; the ledger says so."""
    world = world_at(cluster, tmp_path, kind=kind)
    world.run(1, rows=25)
    world.publish()
    index = "contratos-2026-11-22-0001-0001"
    assert world.shown("contratos") == world.shown("contratos-2026-11-22") == [index]
    assert world.shown("resumo") == ["resumo-2026-11-22-0001-0001"]
    found = world.search("contratos")
    assert [one["id"] for one in found] == [f"{n:06d}" for n in range(25)]
    assert found[0] == {"posicional": {"run": 1, "date": "2026-11-22"}, "id": "000000", "run": 1}
    assert world.endpoint.indices(index)[index].meta == {
        "feed": "f",
        "dataset": "ativos",
        "date": "2026-11-22",
        "run": 1,
        "publication": 1,
    }
    end = world.turns()[0].end
    assert isinstance(end, PublicationEnd)
    assert (end.status, end.run) == ("succeeded", 1)
    assert end.datasets["ativos"].index == index
    assert end.datasets["ativos"].documents == 25
    assert end.datasets["ativos"].aliases == ("contratos", "contratos-2026-11-22")


def test_the_run_after_takes_its_place(world: World) -> None:
    """A corrected day moves every alias to the new indices; the old ones stay, seen by nobody."""
    world.run(1, rows=3)
    world.publish(1)
    world.run(2, rows=5)
    world.publish(2)
    assert world.shown("contratos") == world.shown("contratos-2026-11-22") == ["contratos-2026-11-22-0002-0002"]
    assert world.shown("resumo") == ["resumo-2026-11-22-0002-0002"]
    assert {one["run"] for one in world.search("contratos")} == {2}
    assert world.statuses() == ["succeeded", "succeeded"]


def test_latest_never_moves_to_an_older_date(world: World) -> None:
    """A backfill of yesterday after today is shown under its own day only; the day after today takes over."""
    world.run(1, rows=3)
    world.publish()
    world.run(1, rows=2, day=YESTERDAY)
    world.publish(day=YESTERDAY)
    assert world.shown("contratos") == ["contratos-2026-11-22-0001-0001"]
    assert world.shown("contratos-2026-11-21") == ["contratos-2026-11-21-0001-0001"]
    tomorrow = DAY + timedelta(days=1)
    world.run(1, rows=4, day=tomorrow)
    world.publish(day=tomorrow)
    assert world.shown("contratos") == ["contratos-2026-11-23-0001-0001"]
    assert world.shown("contratos-2026-11-22") == ["contratos-2026-11-22-0001-0001"]


def test_view_all_covers_every_day_once(cluster: str, tmp_path: Path) -> None:
    """With `view: all` the alias shows all days, and a second run replaces its own day only."""
    world = world_at(cluster, tmp_path, view="all")
    for number, day in ((1, DAY), (1, YESTERDAY), (2, DAY)):
        world.run(number, rows=2 + number, day=day)
        world.publish(number, day=day)
    assert world.shown("contratos") == ["contratos-2026-11-21-0001-0001", "contratos-2026-11-22-0002-0002"]
    assert world.shown("contratos-2026-11-22") == ["contratos-2026-11-22-0002-0002"]
    assert len(world.search("contratos")) == 3 + 4


def test_a_dataset_without_rows_is_shown_empty(world: World) -> None:
    """No rows are a result like any other."""
    world.run(1, rows=0)
    world.publish()
    assert world.search("contratos-2026-11-22") == []
    assert world.search("resumo") == [{"posicional": {"run": 1, "date": "2026-11-22"}, "id": "total", "n": 0}]


# --- failures ---------------------------------------------------------------------------------------------------------


def test_refused_documents_fail_the_publication(world: World) -> None:
    """A value that the mapping cannot hold fails the whole: counted, without the value, and nothing is shown."""
    far = pa.array([10**9, None, None], pa.int32()).cast(pa.date32())
    world.run(1, rows=3, dia=far)
    with pytest.raises(DataRefused) as caught:
        world.publish()
    assert "1 of 3 documents were refused: 1 x " in str(caught.value)
    assert "(field dia)" in str(caught.value)
    value = str(far.cast(pa.string())[0])
    assert value not in str(caught.value) + world.told.text
    assert value not in str(world.turns()[0].end)
    assert world.statuses() == ["failed"]
    end = world.turns()[0].end
    assert isinstance(end, PublicationEnd)
    assert end.blame == "data"
    assert world.shown("contratos") == world.shown("resumo") == []


def test_what_a_failed_attempt_left_is_removed_by_the_next(world: World) -> None:
    """Indices of attempts that did not succeed go away after a later success; those that somebody looks at, and others
    of the same pattern, stay.
    """
    world.run(1, rows=2, dia=pa.array([10**9, None], pa.int32()).cast(pa.date32()))
    with pytest.raises(DataRefused):
        world.publish()
    world.endpoint.create_index("contratos-2026-11-22-manual", {})
    assert "contratos-2026-11-22-0001-0001" in world.everything()
    world.run(2, rows=2)
    world.publish(2)
    assert "contratos-2026-11-22-0001-0001" not in world.everything()
    world.run(3, rows=2, dia=pa.array([10**9, None], pa.int32()).cast(pa.date32()))
    with pytest.raises(DataRefused):
        world.publish(3)
    world.endpoint.swap([Move("looked-at", "contratos-2026-11-22-0003-0003")])
    world.run(4, rows=2)
    world.publish(4)
    assert world.statuses() == ["failed", "succeeded", "failed", "succeeded"]
    assert world.everything() == {
        "contratos-2026-11-22-manual",
        "contratos-2026-11-22-0003-0003",
        "contratos-2026-11-22-0004-0004",
        "resumo-2026-11-22-0004-0004",
        "contratos-2026-11-22-0002-0002",
        "resumo-2026-11-22-0002-0002",
    }


def test_an_index_that_holds_less_is_not_shown(world: World) -> None:
    """Three rows that make two documents are no publication: the count tells."""
    world.run(1, rows=3, id=pa.array(["a", "b", "a"]))
    with pytest.raises(TargetError, match="expected 3 documents, got 2"):
        world.publish()
    assert world.shown("contratos") == []


def test_an_endpoint_that_is_down_fails_the_publication(world: World) -> None:
    """The ledger says that it failed and that something outside is to blame; the error names the endpoint."""
    world.run(1, rows=2)
    world.url = "http://127.0.0.1:9"
    with pytest.raises(TargetError, match=r"http://127\.0\.0\.1:9: OpenSearch cannot be reached"):
        world.publish()
    end = world.turns()[0].end
    assert isinstance(end, PublicationEnd)
    assert (end.status, end.blame) == ("failed", "outside")


def test_an_index_with_the_aliass_name_is_in_the_way(world: World) -> None:
    """A concrete index where the alias should be is one clear sentence, before anything is sent."""
    world.run(1, rows=2)
    world.endpoint.create_index("contratos", {})
    with pytest.raises(UsageError, match="'contratos' is an index"):
        world.publish()
    assert world.everything() == {"contratos"}
    assert world.statuses() == ["failed"]


def test_an_alias_of_somebody_else_is_not_taken(world: World) -> None:
    """An alias that shows what this feed did not make stays as it is."""
    world.run(1, rows=2)
    world.endpoint.create_index("others", {"mappings": {"_meta": {"feed": "another"}}})
    assert world.endpoint.swap([Move("resumo", "others")])
    with pytest.raises(UsageError, match="'resumo' shows 'others'"):
        world.publish()
    assert world.shown("resumo") == ["others"]
    assert world.shown("contratos") == []


def test_an_index_that_an_emptied_store_left(world: World) -> None:
    """An index of ours that nobody sees makes way; one that readers see does not."""
    world.run(1, rows=2)
    meta = {"_meta": {"feed": "f", "date": "2026-11-22"}}
    world.endpoint.create_index("contratos-2026-11-22-0001-0001", {"mappings": meta})
    world.publish()
    assert len(world.search("contratos")) == 2
    world.run(1, rows=2, day=YESTERDAY)
    world.endpoint.create_index("contratos-2026-11-21-0001-0001", {"mappings": meta})
    world.endpoint.swap([Move("readers", "contratos-2026-11-21-0001-0001")])
    with pytest.raises(TargetError, match="already, which this ledger did not make"):
        world.publish(day=YESTERDAY)


def test_a_dataset_that_the_run_did_not_make(world: World) -> None:
    """A contract that names a new dataset asks for another run, and leaves no turn behind."""
    world.run(1, rows=2)
    shown = {"novo": IndexOf("novo", "novo")}
    world.feed = replace(world.feed, opensearch=OpenSearchTarget(world.url, shown))
    with pytest.raises(UsageError, match="run 1 has not made the dataset 'novo'"):
        world.publish()
    assert world.turns() == ()


# --- several at once --------------------------------------------------------------------------------------------------


def test_only_one_publishes_at_a_time(world: World) -> None:
    """While a publication is live another does nothing."""
    world.run(1, rows=2)
    world.during = lambda: world.publish(who="bia@outra")
    world.publish()
    assert world.statuses() == ["succeeded"]
    assert world.shown("contratos") == ["contratos-2026-11-22-0001-0001"]


def test_a_sleeper_that_was_taken_over_moves_nothing(world: World) -> None:
    """A publication whose lease ran out is ended by the next one; when it wakes up it stops, and what it left goes."""
    world.run(1, rows=2)

    def next_morning() -> None:
        world.clock.time += timedelta(hours=3)
        world.publish(who="bia@outra")  # ends the first as abandoned
        world.run(2, rows=4)
        world.publish(2, who="bia@outra")

    world.during = next_morning
    world.publish()
    assert world.statuses() == ["abandoned", "succeeded"]
    assert {one["run"] for one in world.search("contratos")} == {2}
    assert "somebody else has ended it" in world.told.text


def test_a_sleeper_between_looking_and_moving_meets_the_fence(world: World) -> None:
    """Paused after its last look at the ledger, it finds that the aliases no longer show what it saw, and stops."""
    world.run(1, rows=2, day=YESTERDAY)
    world.publish(day=YESTERDAY)
    world.run(1, rows=3)

    def next_morning() -> None:
        world.clock.time += timedelta(hours=3)
        world.publish(who="bia@outra")
        world.run(2, rows=4)
        world.publish(2, who="bia@outra")

    world.before = next_morning
    world.publish()
    assert world.statuses() == ["abandoned", "succeeded"]
    assert world.shown("contratos") == world.shown("contratos-2026-11-22") == ["contratos-2026-11-22-0002-0002"]
    assert world.shown("resumo") == ["resumo-2026-11-22-0002-0002"]


def test_a_sleeper_at_the_very_first_publication_meets_the_fence(world: World) -> None:
    """The same where there was nothing to see: two first publications cannot both be shown."""
    world.run(1, rows=3)

    def next_morning() -> None:
        world.clock.time += timedelta(hours=3)
        world.publish(who="bia@outra")
        world.run(2, rows=4)
        world.publish(2, who="bia@outra")

    world.before = next_morning
    world.publish()
    assert world.statuses() == ["abandoned", "succeeded"]
    assert world.shown("contratos") == ["contratos-2026-11-22-0002-0002"]


@pytest.mark.parametrize("first", [True, False], ids=["the very first", "after others"])
def test_two_days_at_once_end_with_the_newer(world: World, first: bool) -> None:
    """Yesterday looks, today is published, yesterday moves: `latest` stays with today, and shows it alone."""
    if not first:
        world.run(1, rows=1, day=YESTERDAY - timedelta(days=1))
        world.publish(day=YESTERDAY - timedelta(days=1))
    world.run(1, rows=2, day=YESTERDAY)
    world.run(1, rows=3)
    world.before = world.publish
    world.publish(day=YESTERDAY)
    assert world.shown("contratos") == ["contratos-2026-11-22-0001-0001"]
    assert world.shown("contratos-2026-11-21") == ["contratos-2026-11-21-0001-0001"]


class Killed(BaseException):
    """As if by kill -9: nothing is written afterwards."""


@dataclass
class Mortal:
    """A store that dies with its process."""

    store: Any
    dead: bool = False

    def __getattr__(self, name: str) -> Any:
        if self.dead:
            raise Killed
        return getattr(self.store, name)


def test_a_process_that_died_after_moving_is_made_good(world: World) -> None:
    """The aliases had moved, the end was not written: the next publication moves them again and removes the first."""
    world.run(1, rows=2)
    mortal = Mortal(world.store)

    class Dying(_Interrupted):
        def swap(self, moves: Sequence[Move]) -> bool:
            assert super().swap(moves)
            mortal.dead = True
            raise Killed

    outside = world.outside()
    dying = replace(outside, target=lambda _target: Dying(world, world.endpoint), store=cast("Store", mortal))
    with pytest.raises(Killed):
        publish(world.feed, DAY, 1, dying)
    assert world.statuses() == ["live"]
    assert len(world.search("contratos")) == 2, "readers see a whole day"
    world.publish(gone=lambda _who: True)  # ends the dead one as abandoned
    world.publish()
    assert world.statuses() == ["abandoned", "succeeded"]
    assert world.shown("contratos") == ["contratos-2026-11-22-0001-0002"]
    assert "contratos-2026-11-22-0001-0001" not in world.everything()
