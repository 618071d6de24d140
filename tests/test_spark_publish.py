"""Parts of a dataset that Spark's executors send: the same documents, counts and refusals as from one process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from on_spark import MARKS
from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.opensearch import OpenSearchBackend, connect
from posicional.backends.parts import write_parts
from posicional.backends.spark_session import LocalSpark
from posicional.backends.store import open_store
from posicional.contract.feed import Dataset, Feed, OpenSearchTarget
from posicional.day.facts import PublicationEnd
from posicional.day.journal import Ledger
from posicional.day.keys import TurnKey, publications
from posicional.demo.osmem import start
from posicional.ports import Offending, Outside, Place, Written
from posicional.steps.advance import Outcome, advance
from worlds import DAY, FEED, clientes, contratos, outside_of, send, write_feed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = MARKS

ROWS = 700


@dataclass
class Sliced:
    """DuckDB, whose parts are cut into many."""

    name: str = "duckdb"

    def run(
        self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
    ) -> tuple[Written, ...]:
        """Run, and cut."""
        (written,) = DuckDbEngine().run(dataset, tables, sink, secret)
        table = pq.read_table(sink.locate(written.name))
        slices = iter(table.to_batches(max_chunksize=100))
        return write_parts(slices, table.schema, sink, "slice-{:05d}.parquet".format, part_bytes=1)

    def offending(self, sql: str, path: str, tables: Mapping[str, Sequence[str]]) -> Offending:
        """Count."""
        return DuckDbEngine().offending(sql, path, tables)


def publish(folder: Path, url: str, words: str, spark: SparkSession | None) -> tuple[Outcome, Outside, Feed]:
    """A day of many contracts, published to the index `ativos`, by Spark's executors if there are any."""
    shown = f"publish: {{opensearch: {{url: '{url}', datasets: {{ativos: {{index: ativos{words}}}}}}}}}\n"
    feed = write_feed(folder / "feed", feed=FEED + shown)
    store = open_store(folder / "store")
    send(store, "CONTRATOS_20261122.txt", contratos(["OURO"] * ROWS))
    send(store, "CLIENTES_20261122.txt", clientes())
    together = None
    if spark is not None:
        from posicional.backends.spark_ranges import by_spark

        together = by_spark(LocalSpark())
    outside = replace(outside_of(store, engine=Sliced), target=connect, together=together)
    return advance(feed, DAY, outside), outside, feed


def publication(outside: Outside, feed: Feed) -> PublicationEnd:
    """The end of the first publication."""
    found = Ledger(outside, feed.name, DAY).read().entries[TurnKey(publications("opensearch"), 1, "end")]
    assert isinstance(found, PublicationEnd)
    return found


def documents(target: OpenSearchBackend, ids: Sequence[str]) -> dict[str, Any]:
    """What the index holds under these ids."""
    return {name: document.source for name, document in target.documents("ativos", ids).items()}


def test_executors_publish_what_one_process_would(tmp_path: Path, spark: SparkSession) -> None:
    """Every row is a document, each is the same, the sample that is looked at agrees, and the ledger has the count."""
    held = []
    for number, by in enumerate((None, spark)):
        with start() as url:
            outcome, outside, feed = publish(tmp_path / str(number), url, "", by)
            assert outcome.rest.why == "done", outcome.rest.text
            fact = publication(outside, feed).datasets["ativos"]
            assert (fact.documents, fact.refused) == (ROWS, 0)
            target = connect(OpenSearchTarget(url, {}))
            assert target.count("ativos") == ROWS
            held.append(documents(target, [f"{number:06d}" for number in range(ROWS)]))
    assert len(held[0]) == ROWS
    assert held[0] == held[1]


def test_refusals_come_back_from_the_executors(tmp_path: Path, spark: SparkSession) -> None:
    """Counted over all parts, with their reasons, and the first of them written down."""
    with start() as url:
        outcome, outside, feed = publish(tmp_path, url, ", fields: {uf: integer}", spark)
        fact = publication(outside, feed).datasets["ativos"]
        assert (fact.documents, fact.refused, sum(fact.reasons.values())) == (0, ROWS, ROWS)
        assert sum(part.rows for part in fact.rejects) == ROWS
        assert f"{ROWS} of {ROWS} documents were refused" in str(outcome.problem)
