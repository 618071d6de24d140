"""Whole days on Spark: what it makes of the examples is what DuckDB makes of them; a day outlives its processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from commands import PLANOS, SIGTAP, arrive, parts_of, posicional, start, table_of
from on_spark import MARKS
from posicional.backends import spark_ranges
from posicional.backends.spark_ranges import by_spark
from posicional.backends.spark_session import LocalSpark
from posicional.backends.store import open_store
from posicional.contract.feed import Feed
from posicional.day.facts import Done, RunEnd, Started
from posicional.day.journal import Ledger
from posicional.day.keys import RUNS, TurnKey
from posicional.demo.sample import write_sample
from posicional.ports import Together
from test_day_sigtap import MONTH, lay
from test_elsewhere import Elsewhere, here
from worlds import DAY, clientes, contratos, new_store, outside_of, send, write_feed

pytestmark = [*MARKS, pytest.mark.usefixtures("spark")]

SECRET = {"POSICIONAL_HMAC_KEY": "uma chave de trinta e dois bytes"}


def datasets(feed: Path, store: Path, day: str) -> dict[str, pa.Table]:
    """The datasets of a day as they stand, their rows in an order that does not depend on the parts."""
    made = {}
    for name in Feed.load(feed).datasets:
        table = table_of(parts_of(feed, name, day, store))
        made[name] = table.sort_by([(column, "ascending") for column in table.schema.names])
    return made


def run(feed: Path, store: Path, day: str, engine: str) -> dict[str, pa.Table]:
    """What an engine makes of a day."""
    said = posicional("run", feed, "--date", day, "--store", store, "--engine", engine, "--no-publish", env=SECRET)
    assert said.code == 0, said.text
    return datasets(feed, store, day)


def sent(folder: Path, store: Path) -> Path:
    """A store in which the seven files of the demo's day have arrived."""
    arrive(store, *write_sample(folder, DAY, 400))
    return store


def assert_same(one: dict[str, pa.Table], other: dict[str, pa.Table]) -> None:
    """Names, types and every value."""
    assert one.keys() == other.keys()
    for name, table in one.items():
        assert table.schema == other[name].schema, name
        assert table.num_rows, name
        assert table.equals(other[name]), name


def test_planos_is_the_same_on_both_engines(tmp_path: Path) -> None:
    """Every dataset of the demo feed, protected columns included, to the last value."""
    stores = {engine: sent(tmp_path / "sample", tmp_path / engine) for engine in ("duckdb", "spark")}
    assert_same(*(run(PLANOS, store, DAY.isoformat(), engine) for engine, store in stores.items()))


def test_sigtap_is_the_same_on_both_engines(tmp_path: Path, shared_data: Path) -> None:
    """Every dataset over the real files of a month."""
    made = []
    for engine in ("duckdb", "spark"):
        lay(tmp_path / engine, shared_data / "sigtap-2020-03")
        made.append(run(SIGTAP, tmp_path / engine, MONTH, engine))
    assert_same(*made)


def test_a_large_file_of_a_feed_is_converted_by_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the feed's `convert_above` the executors read it: the same facts but for time and names of tries."""
    monkeypatch.setattr("posicional.records.ranges.RANGE", 200_000)
    asked: list[LocalSpark] = []

    def noted(local: LocalSpark) -> Together:
        asked.append(local)
        return by_spark(local)

    monkeypatch.setattr(spark_ranges, "by_spark", noted)
    text = PLANOS.read_text(encoding="utf-8")
    facts = []
    for engine in ("duckdb", "spark"):
        feed = tmp_path / engine / "feed.yaml"
        feed.parent.mkdir()
        for part in ("layouts", "sql"):
            (feed.parent / part).symlink_to(PLANOS.parent / part)
        feed.write_text(f"engine: {{use: {engine}, convert_above: 1MB}}\n{text}", encoding="utf-8")
        store = tmp_path / f"{engine}-store"
        arrive(store, *write_sample(tmp_path / "sample", DAY, 9_000))
        run(feed, store, DAY.isoformat(), engine)
        ledger = Ledger(outside_of(open_store(store)), "planos", DAY)
        facts.append({str(key): fact for key, fact in ledger.read().entries.items() if isinstance(fact, Done)})
    kept = {"account", "tables", "sha256", "size", "controls", "problems", "status", "layout"}
    assert asked, "contratos is larger than a megabyte"
    there, here_ = ({key: fact.model_dump(include=kept) for key, fact in each.items()} for each in facts)
    assert there == here_
    sizes = [
        {
            key: [(part.rows, part.bytes, part.key.rpartition("/")[2]) for part in fact.parts]
            for key, fact in each.items()
        }
        for each in facts
    ]
    assert sizes[0] == sizes[1]


# --- processes that die -----------------------------------------------------------------------------------------------

LAST_WORDS = {
    "in the middle of converting": "converted  planos",
    "at the beginning of the run": "run        run 1",
    "between two datasets": "dataset    contratos_ativos",
    "after the last dataset": "dataset    resumo_planos",
}
"""What a killed process printed last."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    """What a day gives of which no process died."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return run(PLANOS, sent(folder / "sample", folder / "store"), DAY.isoformat(), "duckdb")


@pytest.mark.parametrize("moment", LAST_WORDS)
def test_a_killed_process_leaves_a_day_that_ends_right(
    tmp_path: Path, undisturbed: dict[str, pa.Table], moment: str
) -> None:
    """Killed anywhere, with the work of its executors half done, the next command ends the day with the right rows."""
    store = sent(tmp_path / "sample", tmp_path / "store")
    words = ("run", PLANOS, "--date", DAY.isoformat(), "--store", store, "--engine", "spark", "--no-publish")
    running = start(*words, env=SECRET)
    assert running.stdout is not None
    for line in running.stdout:
        if LAST_WORDS[moment] in line:
            running.kill()
            break
    running.communicate()
    assert running.returncode == -signal.SIGKILL
    assert_same(run(PLANOS, store, DAY.isoformat(), "spark"), undisturbed)


# --- the Glue job -----------------------------------------------------------------------------------------------------


def test_two_jobs_for_one_claim_make_one_run(tmp_path: Path) -> None:
    """Started twice for the claim of a short-lived process: one makes the run, the other stops; both end well."""
    feed, store = write_feed(tmp_path / "feed"), new_store("folder", tmp_path)
    send(store, "CONTRATOS_20261122.txt", contratos())
    send(store, "CLIENTES_20261122.txt", clientes())
    assert here(feed, store, Elsewhere()).rest.why == "busy"
    words = ["--contract", str(feed.path), "--store", store.url, "--date", "2026-11-22", "--owner", "glue job 1"]
    jobs = [
        subprocess.Popen(
            [sys.executable, "-m", "posicional.glue", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [job.communicate(timeout=280) for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], said
    entries = Ledger(outside_of(store), feed.name, DAY).read().entries
    assert [key.what for key in entries if isinstance(key, TurnKey) and key.series == RUNS] == [
        "claim",
        "end",
        "started",
    ]
    end = entries[TurnKey(RUNS, 1, "end")]
    assert isinstance(entries[TurnKey(RUNS, 1, "started")], Started)
    assert isinstance(end, RunEnd)
    assert (end.status, end.datasets["ativos"].rows) == ("succeeded", 2)


def test_a_job_whose_data_is_refused_ends_with_the_exit_code_that_says_so(tmp_path: Path) -> None:
    """4 for refused data, with one sentence and no stack."""
    feed, store = write_feed(tmp_path / "feed"), new_store("folder", tmp_path)
    send(store, "CONTRATOS_20261122.txt", contratos(counted=99))
    send(store, "CLIENTES_20261122.txt", clientes())
    words = ["--contract", str(feed.path), "--store", store.url, "--date", "2026-11-22"]
    done = subprocess.run(
        [sys.executable, "-m", "posicional.glue", *words], capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 4, done.stderr
    assert done.stderr.startswith("posicional: ")
    assert done.stderr.count("\n") == 1
