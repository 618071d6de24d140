"""Whatever way a file comes, it is numbered once, belongs to one day, and is read when it is whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from posicional.backends.duckdb import DuckDbEngine
from posicional.day.facts import RunEnd
from posicional.errors import NotDone
from posicional.ports import Outside, Store
from posicional.steps.advance import advance
from test_advance import rows_of
from worlds import (
    DAY,
    FEED,
    ToldClock,
    clientes,
    contratos,
    new_store,
    outside_of,
    send,
    write_feed,
)

CONTRATOS_NAME, CLIENTES_NAME = "CONTRATOS_20261122.txt", "CLIENTES_20261122.txt"

LEFT = """\
select c.numero, c.plano, l.uf
from contratos c left join clientes l on l.cpf = c.cpf
where c.plano <> 'BASICO'
"""


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    return new_store(request.param, tmp_path)


def world(store: Store, clock: ToldClock | None = None) -> Outside:
    """An outside with the real engine."""
    return outside_of(store, clock, engine=DuckDbEngine)


def feed_with(contratos: str = "", clientes: str = "") -> str:
    """The text of the feed of two files, with more words for each."""
    text = FEED.replace('    owner: "mainframe-ops@example.com"\n', contratos)
    return text.replace("    layout: clientes.yaml\n", f"    layout: clientes.yaml\n{clientes}")


# Optional files.

OPTIONAL = feed_with(clientes='    required: false\n    wait_until: "10:00"\n')
AT_NINE, AT_TEN = (datetime(2026, 11, 22, hour, tzinfo=UTC) for hour in (12, 13))  # in Brasília


def test_an_optional_file_is_waited_for_and_then_empty(store: Store, tmp_path: Path) -> None:
    """Until its `wait_until` the gate stays shut; then its table has no row, and the columns of its layout."""
    feed = write_feed(tmp_path / "feed", feed=OPTIONAL, ativos=LEFT)
    send(store, CONTRATOS_NAME, contratos())
    waiting = advance(feed, DAY, world(store, ToldClock(AT_NINE)))
    assert (waiting.rest.why, waiting.rest.files, waiting.rest.until) == ("waiting", ("clientes",), AT_TEN)
    assert isinstance(waiting.problem, NotDone)
    done = advance(feed, DAY, world(store, ToldClock(AT_TEN)))
    assert (done.rest.why, done.problem, [run.status for run in done.day.runs]) == ("done", None, ["succeeded"])
    assert rows_of(store, done.day, "ativos") == [
        {"numero": "000000", "plano": "OURO", "uf": None},
        {"numero": "000002", "plano": "PRATA", "uf": None},
    ]


def test_the_end_of_a_run_names_the_tables_that_were_empty(store: Store, tmp_path: Path) -> None:
    """So their parts count, and nothing lies in the store that no fact names."""
    feed = write_feed(tmp_path / "feed", feed=OPTIONAL, ativos=LEFT)
    send(store, CONTRATOS_NAME, contratos())
    day = advance(feed, DAY, world(store, ToldClock(AT_TEN))).day
    assert day.run is not None
    assert isinstance(day.run.end, RunEnd)
    assert [(part.table, part.rows) for part in day.run.end.absent] == [("clientes", 0)]
    named = {part.key for made in day.run.end.datasets.values() for part in made.parts}
    named |= {part.key for part in day.run.end.absent}
    assert {found.key for found in store.list("dados-processados/")} == named


def test_an_optional_file_that_is_here_is_not_waited_for(store: Store, tmp_path: Path) -> None:
    """With all files there the gate opens long before."""
    feed = write_feed(tmp_path / "feed", feed=OPTIONAL, ativos=LEFT)
    send(store, CONTRATOS_NAME, contratos())
    send(store, CLIENTES_NAME, clientes())
    day = advance(feed, DAY, world(store, ToldClock(AT_NINE))).day
    assert [row["uf"] for row in rows_of(store, day, "ativos")] == ["SP", "SP"]


def test_an_optional_file_that_comes_late_leads_to_run_2(store: Store, tmp_path: Path) -> None:
    """The day has gone on without it; then it is other content, as a correction is."""
    feed = write_feed(tmp_path / "feed", feed=OPTIONAL, ativos=LEFT)
    send(store, CONTRATOS_NAME, contratos())
    advance(feed, DAY, world(store, ToldClock(AT_TEN)))
    send(store, CLIENTES_NAME, clientes())
    day = advance(feed, DAY, world(store, ToldClock(AT_TEN + timedelta(hours=5)))).day
    assert [run.status for run in day.runs] == ["succeeded", "succeeded"]
    assert [row["uf"] for row in rows_of(store, day, "ativos")] == ["SP", "SP"]


def test_without_wait_until_nobody_waits(store: Store, tmp_path: Path) -> None:
    """`required: false` alone: the required files open the gate."""
    feed = write_feed(tmp_path / "feed", feed=feed_with(clientes="    required: false\n"), ativos=LEFT)
    send(store, CONTRATOS_NAME, contratos())
    assert advance(feed, DAY, world(store, ToldClock(AT_NINE))).problem is None


def test_an_absent_file_of_several_kinds(store: Store, tmp_path: Path) -> None:
    """Each of its tables is empty, that of a control record too."""
    kinds = """\
record: {length: 10}
records:
  header: {when: {pos: [1, 1], is: "0"}, table: true, fields: [{name: dia, width: 10, type: string}]}
  a: {when: {pos: [1, 1], is: "1"}, fields: [{name: cpf, width: 10, type: string}]}
  b: {when: {pos: [1, 1], is: "2"}, fields: [{name: n, width: 10, type: integer}]}
"""
    sql = (
        "select c.numero, c.plano, a.cpf, b.n, h.dia from contratos c left join clientes_a a on a.cpf = c.cpf "
        "left join clientes_b b on b.n = 1 left join clientes_header h on h.dia = c.plano"
    )
    feed = write_feed(tmp_path / "feed", feed=feed_with(clientes="    required: false\n"), clientes=kinds, ativos=sql)
    send(store, CONTRATOS_NAME, contratos())
    outcome = advance(feed, DAY, world(store))
    assert outcome.problem is None
    assert len(rows_of(store, outcome.day, "ativos")) == 3


def test_a_required_file_stays_missing(store: Store, tmp_path: Path) -> None:
    """Only the optional one is done without."""
    feed = write_feed(tmp_path / "feed", feed=OPTIONAL, ativos=LEFT)
    send(store, CLIENTES_NAME, clientes())
    outcome = advance(feed, DAY, world(store, ToldClock(AT_TEN)))
    assert (outcome.rest.why, outcome.rest.files) == ("missing", ("contratos",))
    assert outcome.rest.text == "1 of 1 files missing: contratos"
