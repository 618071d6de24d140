"""A feed with two datasets, its store, and the endpoint where it publishes: what tests of publishing share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from posicional.backends.opensearch import OpenSearchBackend, connect
from posicional.contract.feed import Dataset, Feed, IndexOf, OpenSearchTarget, View
from posicional.day.facts import DatasetFact, PartFact, RunClaim, RunEnd
from posicional.day.journal import Ledger
from posicional.day.keys import RUNS, TurnKey, results_prefix
from posicional.day.state import Publication, fold
from posicional.ports import Body, Loaded, Move, Outside
from posicional.steps.publish import publish
from worlds import DAY, Told, ToldClock, feed_of, new_store, outside_of

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
        return replace(made, target=lambda _target: Interrupted(self.endpoint.endpoint, world=self))

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


@dataclass(frozen=True)
class Interrupted(OpenSearchBackend):
    """The real endpoint, before whose verbs somebody else may do something, once."""

    world: World = field(kw_only=True)

    def load(self, index: str, bodies: Iterable[Body], *, most: int = 0) -> Loaded:
        """Send documents, after the interlude."""
        interlude, self.world.during = self.world.during, None
        if interlude:
            interlude()
        return OpenSearchBackend.load(self, index, bodies, most=most)

    def swap(self, moves: Sequence[Move]) -> bool:
        """Move aliases, after the interlude."""
        interlude, self.world.before = self.world.before, None
        if interlude:
            interlude()
        return OpenSearchBackend.swap(self, moves)


def world_at(url: str, folder: Path, view: View = "latest", kind: str = "folder") -> World:
    """A feed `f` that shows `ativos` as `contratos` and `resumo` as `resumo`."""
    made = {name: Dataset(name, "select 1", Path(f"{name}.sql"), ("id",)) for name in ("ativos", "resumo")}
    shown = {"ativos": IndexOf("ativos", "contratos", view), "resumo": IndexOf("resumo", "resumo", view)}
    feed = replace(feed_of(), datasets=made, opensearch=OpenSearchTarget(url, shown))
    return World(url, new_store(kind, folder), feed)
