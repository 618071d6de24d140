"""A run as a whole: what its datasets must hold before it may succeed, and what its facts never hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posicional.backends.duckdb import DuckDbEngine
from posicional.contract.feed import Feed
from posicional.day.facts import RunEnd
from posicional.errors import DataRefused, UsageError, worst
from posicional.ports import Store
from posicional.sql.protect import hashed
from posicional.steps.advance import Outcome, advance
from worlds import CPFS, DAY, FEED, clientes, contratos, new_store, outside_of, send, write_feed

SECRET = b"a key of the tests, long enough"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A folder in which the day's two files have arrived: three contracts on lines 2 to 4."""
    store = new_store("folder", tmp_path)
    send(store, "CONTRATOS_20261122.txt", contratos())
    send(store, "CLIENTES_20261122.txt", clientes())
    return store


def feed_of(folder: Path, words: str, **files: str) -> Feed:
    """A feed whose dataset `ativos` says `words`, beside more SQL files."""
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text, encoding="utf-8")
    feed = FEED.replace("    key: [numero]\n", f"    key: [numero]\n{words}")
    return write_feed(folder, feed=feed, **{name: text for name, text in files.items() if name == "ativos"})


def run(feed: Feed, store: Store, secret: bytes = b"") -> tuple[Outcome, RunEnd]:
    """One attempt at the day, and how its run ended."""
    import dataclasses

    outside = dataclasses.replace(outside_of(store, engine=DuckDbEngine), secret=secret)
    done = advance(dataclasses.replace(feed, attempts=1), DAY, outside, publish=False)
    end = done.day.runs[-1].end
    assert isinstance(end, RunEnd)
    return done, end


def rows(store: Store, end: RunEnd, dataset: str) -> list[dict[str, Any]]:
    """The rows that a run wrote."""
    return [
        row
        for part in end.datasets[dataset].parts
        for row in pq.read_table(pa.BufferReader(store.read(part.key))).to_pylist()
    ]


def facts(store: Store) -> str:
    """All facts as text."""
    return "\n".join(store.read(found.key).decode() for found in store.list("controle/"))


# --- expectations -----------------------------------------------------------------------------------------------------


def test_an_expectation_that_holds_is_nothing_to_talk_about(tmp_path: Path, store: Store) -> None:
    """Queries over tables and datasets, the last one included, that give no row."""
    sql = {
        "sem_plano": "select numero from contratos where plano is null",
        "orfaos": "select p.plano from por_plano p left join ativos a on a.plano = p.plano where a.numero is null",
    }
    feed = feed_of(tmp_path / "feed", "    expect: [sem_plano.sql, orfaos.sql]\n", **sql)
    done, end = run(feed, store)
    assert (done.problem, end.status) == (None, "succeeded")


def test_an_expectation_that_is_broken_refuses_the_day(tmp_path: Path, store: Store) -> None:
    """The run fails with how many rows, in which query, and on which lines; exit code 4; no value of a field."""
    sql = {"nada": "select c.numero, c.cpf from contratos c where c.plano <> 'BASICO'", "soma": "select count(*) as n"}
    feed = feed_of(tmp_path / "feed", "    expect: [nada.sql, soma.sql]\n", **sql)
    done, end = run(feed, store)
    assert end.status == "failed"
    assert end.blame == "data"
    assert (
        "dataset ativos: 2 rows in nada.sql: CONTRATOS_20261122.txt line 2, CONTRATOS_20261122.txt line 4; "
        "dataset ativos: 1 row in soma.sql"
    ) in end.reason
    assert isinstance(done.problem, DataRefused)
    assert worst([done.problem.exit_code]) == 4
    assert not any(cpf in facts(store) or cpf in str(done.problem) for cpf in CPFS)


def test_some_lines_of_many_are_named(tmp_path: Path, store: Store) -> None:
    """Five, and that there are more."""
    send(store, "CONTRATOS_20261122.txt", contratos([f"P{number}" for number in range(40)]))
    feed = feed_of(tmp_path / "feed", "    expect: [nada.sql]\n", nada="select numero from contratos")
    _, end = run(feed, store)
    assert "40 rows in nada.sql: CONTRATOS_20261122.txt line 2, " in end.reason
    assert end.reason.count(" line ") == 5
    assert "line 6, …" in end.reason


def test_an_expectation_is_checked_before_anything_runs(tmp_path: Path) -> None:
    """Its faults are the contract's, with file and line."""
    from posicional.sql.feed import feed_faults

    sql = {"um": "select nada\nfrom contratos", "dois": "select x from\n  contrato", "tres": "selct"}
    feed = feed_of(tmp_path / "feed", "    expect: [um.sql, dois.sql, tres.sql]\n", **sql)
    assert [(fault.file, fault.line) for fault in feed_faults(feed)] == [("dois.sql", 2), ("tres.sql", 1)]
    feed = feed_of(tmp_path / "other", "    expect: [um.sql]\n", um=sql["um"])
    assert [str(fault).partition(" ->")[0] for fault in feed_faults(feed)] == [
        "um.sql:1: column 8: there is no column 'nada'"
    ]


# --- protection -------------------------------------------------------------------------------------------------------

WITH_CPF = "select c.numero, c.plano, c.cpf from contratos c"


def test_personal_columns_are_hashed_with_the_key_from_outside(tmp_path: Path, store: Store) -> None:
    """Every dataset that reads them gets the hash; the key and the values are in no fact."""
    feed = feed_of(tmp_path / "feed", "    protect: {cpf: hmac}\n", ativos=WITH_CPF)
    _, end = run(feed, store, SECRET)
    assert end.status == "succeeded"
    assert sorted(row["cpf"] for row in rows(store, end, "ativos")) == sorted(hashed(cpf, SECRET) for cpf in CPFS)
    assert SECRET.decode() not in facts(store)
    assert not any(cpf in facts(store) for cpf in CPFS)


def test_without_the_key_nothing_is_made(tmp_path: Path, store: Store) -> None:
    """A variable that is not set is told by its name, before any dataset is made."""
    feed = feed_of(tmp_path / "feed", "    protect: {cpf: hmac}\n", ativos=WITH_CPF)
    done, end = run(feed, store)
    assert (end.status, end.blame, dict(end.datasets)) == ("failed", "contract", {})
    assert "POSICIONAL_HMAC_KEY is not set" in end.reason
    assert isinstance(done.problem, UsageError)


def test_steps_of_a_dataset_are_views_of_its_own(tmp_path: Path, store: Store) -> None:
    """What Spark users write as temporary views in front of the select."""
    steps = """
        create or replace temporary view bons as select * from contratos where plano <> 'BASICO';
        create temporary view contados as select plano, count(*) as n from bons group by plano;
        select b.numero, b.plano, c.n as iguais from bons b join contados c on c.plano = b.plano
    """
    feed = feed_of(tmp_path / "feed", "", ativos=steps)
    _, end = run(feed, store)
    assert sorted((row["numero"], row["iguais"], row["_line"]) for row in rows(store, end, "ativos")) == [
        ("000000", 1, 2),
        ("000002", 1, 4),
    ]
