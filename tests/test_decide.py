"""Decisions on real days: the real reader and engine, on a folder and in memory, and through the command line."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from opensearchpy import OpenSearch

from commands import posicional
from posicional.backends.clock import SystemClock
from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.opensearch import connect
from posicional.contract.feed import Feed
from posicional.day import revision
from posicional.day.facts import Decision, Done, Fact, ProblemFact, RunEnd
from posicional.day.journal import Ledger
from posicional.day.keys import DecisionKey, DoneKey
from posicional.day.state import Day
from posicional.errors import DataRefused, NotDone, UsageError
from posicional.ports import Outside, Store
from posicional.steps.advance import advance
from posicional.steps.arrivals import look
from posicional.steps.decide import Answer, accept, hold, release, rerun, rollback, skip, waive
from posicional.steps.sweep import sweep
from worlds import CONTRATOS, DAY, FEED, Story, ToldClock, clientes, contratos, new_store, outside_of, send, write_feed

CONTRATOS_NAME, CLIENTES_NAME = "CONTRATOS_20261122.txt", "CLIENTES_20261122.txt"


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed of two files and two datasets."""
    return write_feed(tmp_path_factory.mktemp("feed"))


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    return new_store(request.param, tmp_path)


def world(store: Store, **words: Any) -> Outside:
    """An outside with the real engine."""
    return outside_of(store, **({"engine": DuckDbEngine} | words))


def numbers(store: Store, day: Day, dataset: str = "ativos") -> list[str]:
    """The contracts of a dataset as the current run wrote them."""
    assert day.run is not None
    assert isinstance(day.run.end, RunEnd)
    tables = [pq.read_table(pa.BufferReader(store.read(part.key))) for part in day.run.end.datasets[dataset].parts]
    return sorted(number for table in tables for number in table["numero"].to_pylist())


def decisions(store: Store) -> list[Decision]:
    """The decisions in the ledger, in their order."""
    entries = Ledger(outside_of(store), "saude", DAY).read().entries.items()
    found = {key.number: fact for key, fact in entries if isinstance(key, DecisionKey)}
    return [fact for _, fact in sorted(found.items()) if isinstance(fact, Decision)]


def refused_day(store: Store, feed: Feed) -> None:
    """Both files are here; the trailer of the contracts does not agree."""
    send(store, CONTRATOS_NAME, contratos(counted=9))
    send(store, CLIENTES_NAME, clientes())
    assert isinstance(advance(feed, DAY, world(store)).problem, DataRefused)


def two_runs(store: Store, feed: Feed) -> None:
    """A finished day whose contracts were corrected once: run 1 has two rows, run 2 one."""
    send(store, CONTRATOS_NAME, contratos())
    send(store, CLIENTES_NAME, clientes())
    advance(feed, DAY, world(store))
    send(store, CONTRATOS_NAME, contratos(["OURO"]))
    assert len(advance(feed, DAY, world(store)).day.runs) == 2


# Accept.


def test_an_accepted_file_opens_the_gate(store: Store, feed: Feed) -> None:
    """Its rows are those that were read when it was refused: nothing is read again, and nothing is refused any more."""
    refused_day(store, feed)
    before = list(store.list("dados-parquet/"))
    answer = accept(feed, DAY, outside_of(store), file="contratos", why="the trailer counts cancelled ones")
    assert answer == Answer(
        1,
        "decision 1: arrival 1 of contratos counts, although it was refused: "
        "the trailer (line 5) says 9 records, 5 were read",
    )
    outcome = advance(feed, DAY, world(store))
    assert (outcome.problem, numbers(store, outcome.day)) == (None, ["000000", "000002"])
    assert before == list(store.list("dados-parquet/"))


def test_what_is_accepted_already_is_not_accepted_again(store: Store, feed: Feed) -> None:
    """The second time is done already: no fact is written."""
    refused_day(store, feed)
    accept(feed, DAY, outside_of(store), file="contratos", why="so")
    assert accept(feed, DAY, outside_of(store), file="contratos", why="so").number == 0
    assert len(decisions(store)) == 1


def refuses_to_accept(store: Store, feed: Feed, file: str, says: str) -> None:
    """The error says how the file stands, and nothing is written."""
    with pytest.raises(UsageError, match=says):
        accept(feed, DAY, outside_of(store), file=file, why="so")
    assert decisions(store) == []


def test_nothing_to_accept(store: Store, feed: Feed) -> None:
    """A file that has not come, one that is not read yet, a good one, and a name that the feed does not have."""
    refuses_to_accept(store, feed, "clientes", "clientes has not arrived")
    refuses_to_accept(store, feed, "cliente", r"no file 'cliente'.*did you mean clientes")
    send(store, CLIENTES_NAME, clientes())
    look(feed, Ledger(outside_of(store), feed.name, DAY))
    refuses_to_accept(store, feed, "clientes", "arrival 1 of clientes is not read yet")
    advance(feed, DAY, world(store))
    refuses_to_accept(store, feed, "clientes", "arrival 1 of clientes was not refused")


def test_an_ambiguous_file_can_be_accepted(store: Store, tmp_path: Path) -> None:
    """A second object for the same date: a person says that it is the one that counts."""
    feed = write_feed(tmp_path / "feed", feed=FEED.replace('"CONTRATOS_{date', '"*CONTRATOS_{date'))
    send(store, CONTRATOS_NAME, contratos())
    send(store, CLIENTES_NAME, clientes())
    advance(feed, DAY, world(store))
    send(store, f"NOVO_{CONTRATOS_NAME}", contratos(["OURO"]))
    assert isinstance(advance(feed, DAY, world(store)).problem, DataRefused)
    accept(feed, DAY, outside_of(store), file="contratos", why="the new one")
    assert numbers(store, advance(feed, DAY, world(store)).day) == ["000000"]


def test_a_file_that_was_refused_unread_has_no_rows_to_accept(store: Store, feed: Feed) -> None:
    """It could not be unpacked, say: its fact names no part."""
    story = Story(feed)
    story.seen("clientes")
    problem = ProblemFact(reason="stream", text="not a gzip file")
    key = DoneKey("clientes", 1, revision.reading(feed.files["clientes"]))
    story.entries[key] = Done(**story.sign(), status="refused", layout="l", problems=(problem,))
    for each, fact in story.entries.items():
        assert isinstance(fact, Fact)
        assert Ledger(outside_of(store), feed.name, DAY).write(each, fact)
    refuses_to_accept(store, feed, "clientes", r"arrival 1 of clientes was refused before it was read.*not a gzip file")


def test_rows_that_are_gone_cannot_be_accepted(store: Store, feed: Feed) -> None:
    """Somebody removed the parts: the file must be sent again."""
    refused_day(store, feed)
    for found in list(store.list("dados-parquet/saude/contratos/")):
        store.delete(found.key)
    refuses_to_accept(store, feed, "contratos", "the rows of arrival 1 of contratos are no longer there")


# Waive.


def test_a_day_without_a_required_file(store: Store, feed: Feed) -> None:
    """Its table has the layout's columns and no rows; the run says so; should it come, it counts."""
    send(store, CONTRATOS_NAME, contratos())
    assert isinstance(advance(feed, DAY, world(store)).problem, NotDone)
    waive(feed, DAY, outside_of(store), file="clientes", why="the sender has no change today")
    outcome = advance(feed, DAY, world(store))
    assert (outcome.problem, numbers(store, outcome.day)) == (None, [])
    assert outcome.day.run is not None
    assert isinstance(outcome.day.run.end, RunEnd)
    assert [(part.table, part.rows) for part in outcome.day.run.end.absent] == [("clientes", 0)]
    send(store, CLIENTES_NAME, clientes())
    assert numbers(store, advance(feed, DAY, world(store)).day) == ["000000", "000002"]


def test_what_cannot_be_waived(store: Store, feed: Feed) -> None:
    """A file that is here; one of another name; and what is waived already is not waived again."""
    send(store, CONTRATOS_NAME, contratos())
    advance(feed, DAY, world(store))
    with pytest.raises(UsageError, match="contratos is here: arrival 1"):
        waive(feed, DAY, outside_of(store), file="contratos", why="so")
    with pytest.raises(UsageError, match="no file 'x'"):
        waive(feed, DAY, outside_of(store), file="x", why="so")
    assert [waive(feed, DAY, outside_of(store), file="clientes", why="so").number for _ in range(2)] == [1, 0]


# Rollback.


def test_a_rollback_and_what_ends_it(store: Store, feed: Feed) -> None:
    """Run 1 is current again and stays so, whoever asks; another correction leads to run 3, which is current then."""
    two_runs(store, feed)
    answer = rollback(feed, DAY, outside_of(store), run=1, why="run 2 lost a plan")
    assert answer.text == "decision 1: run 1 is current until a run after run 2 succeeds"
    outcome = advance(feed, DAY, outside_of(store))
    assert (outcome.did, outcome.problem, numbers(store, outcome.day)) == (False, None, ["000000", "000002"])
    send(store, CONTRATOS_NAME, contratos(["PRATA", "OURO", "PRATA"]))
    third = advance(feed, DAY, world(store))
    assert third.day.run is not None
    assert (third.day.run.number, len(numbers(store, third.day))) == (3, 3)


def test_a_rollback_is_not_undone_by_a_crash_or_another_contract(store: Store, feed: Feed, tmp_path: Path) -> None:
    """The day stays with run 1 also under other SQL, and is made anew when a person says so."""
    two_runs(store, feed)
    rollback(feed, DAY, outside_of(store), run=1, why="so")
    changed = write_feed(tmp_path / "feed", por_plano="select plano, count(*) as n from ativos group by plano")
    outcome = advance(changed, DAY, outside_of(store))
    assert (outcome.did, outcome.day.contract_changed) == (False, True)
    anew = advance(changed, DAY, world(store), again=True)
    assert anew.day.run is not None
    assert (anew.day.run.number, numbers(store, anew.day)) == (3, ["000000"])


def test_what_cannot_be_rolled_back_to(store: Store, feed: Feed, tmp_path: Path) -> None:
    """No such run, one that failed, one that lacks what is published now; the current one is that already."""
    with pytest.raises(UsageError, match=r"there is no run 1.*the day has none"):
        rollback(feed, DAY, outside_of(store), run=1, why="so")
    send(store, CONTRATOS_NAME, contratos())
    send(store, CLIENTES_NAME, clientes())
    wrong = write_feed(tmp_path / "wrong", por_plano="select 'X' as plano from ativos")
    advance(wrong, DAY, world(store))
    advance(feed, DAY, world(store))
    with pytest.raises(UsageError, match=r"there is no run 3.*expected a run that succeeded: 2"):
        rollback(feed, DAY, outside_of(store), run=3, why="so")
    with pytest.raises(UsageError, match="run 1 is failed"):
        rollback(feed, DAY, outside_of(store), run=1, why="so")
    assert rollback(feed, DAY, outside_of(store), run=2, why="so").number == 0
    text = FEED + "  outro:\n    sql: por_plano.sql\n    key: [plano]\n"
    publish = "publish: {opensearch: {url: http://127.0.0.1:9, datasets: {outro: {index: outro}}}}\n"
    public = write_feed(tmp_path / "public", feed=text + publish)
    with pytest.raises(UsageError, match="has not made outro"):
        rollback(public, DAY, outside_of(store), run=2, why="so")
    assert decisions(store) == []


def test_a_rollback_to_a_run_with_an_older_slow_file(store: Store, tmp_path: Path) -> None:
    """Run 1 took the slow file of another date than run 2: that alone is nothing new, and a waiver has no place."""
    text = FEED.replace("layout: clientes.yaml", "layout: clientes.yaml\n    use: latest")
    feed = write_feed(tmp_path / "feed", feed=text)
    send(store, f"CLIENTES_{DAY - timedelta(days=4):%Y%m%d}.txt", clientes())
    send(store, CONTRATOS_NAME, contratos())
    advance(feed, DAY, world(store))
    send(store, f"CLIENTES_{DAY - timedelta(days=2):%Y%m%d}.txt", clientes()[:21])
    assert len(numbers(store, advance(feed, DAY, world(store), again=True).day)) == 1
    rollback(feed, DAY, outside_of(store), run=1, why="the newer one is cut off")
    outcome = advance(feed, DAY, outside_of(store))
    assert (outcome.did, outcome.problem, numbers(store, outcome.day)) == (False, None, ["000000", "000002"])
    with pytest.raises(UsageError, match="that of 2026-11-18 counts"):
        waive(feed, DAY, outside_of(store), file="clientes", why="so")


def test_readers_follow_a_rollback(tmp_path: Path, cluster: str) -> None:
    """A new publication shows run 1 again; no sweep undoes it; the next correction is shown as ever."""
    publish = f"publish: {{opensearch: {{url: '{cluster}', datasets: {{ativos: {{index: ativos}}}}}}}}\n"
    feed = write_feed(tmp_path / "feed", feed=FEED + publish)
    store, clock = new_store("memory", tmp_path), ToldClock()
    outside = replace(world(store, clock=clock), target=lambda target: connect(target, clock))
    client = OpenSearch(cluster)

    def seen() -> list[str]:
        hits = client.search(index="ativos", body={"size": 99})["hits"]["hits"]
        return sorted(hit["_source"]["numero"] for hit in hits)

    send(store, CONTRATOS_NAME, contratos())
    send(store, CLIENTES_NAME, clientes())
    advance(feed, DAY, outside)
    send(store, CONTRATOS_NAME, contratos(["OURO"]))
    advance(feed, DAY, outside)
    assert seen() == ["000000"]
    hold(feed, DAY, outside, why="nothing new for now")
    rollback(feed, DAY, outside, run=1, why="run 2 lost a plan")
    assert advance(feed, DAY, outside).problem is None
    assert seen() == ["000000", "000002"]
    assert sweep(feed, outside).moved == {}
    release(feed, DAY, outside, why="go on")
    assert sweep(feed, outside).moved == {}
    assert seen() == ["000000", "000002"]
    send(store, CONTRATOS_NAME, contratos(["PRATA"] * 3))
    outcome = advance(feed, DAY, outside)
    assert (seen(), outcome.day.rollback) == (["000000", "000001", "000002"], None)
    assert [turn.status for turn in outcome.day.publications["opensearch"]] == ["succeeded"] * 4


# Hold, skip, release, rerun.


def test_a_held_day_takes_files_and_runs_when_released(store: Store, feed: Feed) -> None:
    """Both files are read; no run begins; the reason is told; a release lets it go on."""
    hold(feed, DAY, outside_of(store), why="waiting for a word")
    send(store, CONTRATOS_NAME, contratos())
    send(store, CLIENTES_NAME, clientes())
    held = advance(feed, DAY, world(store))
    assert (held.rest.why, held.day.missing, held.day.runs) == ("held", (), ())
    assert isinstance(held.problem, NotDone)
    assert "waiting for a word (ana@maquina)" in str(held.problem)
    assert hold(feed, DAY, outside_of(store), why="again").number == 0
    release(feed, DAY, outside_of(store), why="go")
    assert advance(feed, DAY, world(store)).problem is None


def test_a_skipped_day_is_no_problem(store: Store, feed: Feed) -> None:
    """Nothing is expected, whatever is missing or refused; a release takes that back."""
    send(store, CONTRATOS_NAME, contratos(counted=9))
    advance(feed, DAY, world(store))
    skip(feed, DAY, outside_of(store), why="the sender is closed")
    assert skip(feed, DAY, outside_of(store), why="again").number == 0
    outcome = advance(feed, DAY, world(store))
    assert (outcome.rest.why, outcome.problem) == ("skipped", None)
    release(feed, DAY, outside_of(store), why="they are open after all")
    assert isinstance(advance(feed, DAY, world(store)).problem, DataRefused)


def test_a_day_that_is_there_is_not_skipped(store: Store, feed: Feed) -> None:
    """And what nobody holds is not released."""
    two_runs(store, feed)
    with pytest.raises(UsageError, match="run 2 succeeded"):
        skip(feed, DAY, outside_of(store), why="so")
    with pytest.raises(UsageError, match="nobody holds"):
        release(feed, DAY, outside_of(store), why="so")
    assert decisions(store) == []


def test_a_decision_needs_a_reason_and_a_business_date(store: Store, feed: Feed, tmp_path: Path) -> None:
    """Blanks are no reason; nothing is read or written for a day that the feed does not have."""
    with pytest.raises(UsageError, match="needs a reason"):
        hold(feed, DAY, outside_of(store), why=" \n ")
    monthly = write_feed(tmp_path / "weekdays", feed=FEED.replace("days: daily", "days: weekdays"))
    with pytest.raises(UsageError, match="2026-11-22 is no business date"):
        hold(monthly, DAY, outside_of(store), why="so")
    assert list(store.list("")) == []


def test_who_and_why_stand_in_the_fact(store: Store, feed: Feed) -> None:
    """In one line, whatever was typed."""
    hold(feed, DAY, outside_of(store, who="bia@dois pid 7"), why="  a\n b ")
    found = decisions(store)[0]
    assert (found.decision, found.who, found.why) == ("hold", "bia@dois pid 7", "a b")


def test_many_people_at_once(store: Store, feed: Feed) -> None:
    """Every decision gets a number of its own, and none is lost."""
    barrier = threading.Barrier(8)

    def call(me: int) -> None:
        barrier.wait()
        rerun(feed, DAY, replace(outside_of(store, who=f"p{me}@m"), clock=SystemClock()), why="so")

    threads = [threading.Thread(target=call, args=(me,)) for me in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found.who for found in decisions(store)) == [f"p{me}@m" for me in range(8)]


# The command line.


@pytest.fixture
def typed(tmp_path: Path) -> Callable[..., Any]:
    """What a person types about the day of a feed in a folder, whose contracts are refused."""
    feed = write_feed(tmp_path / "feed")
    store = new_store("folder", tmp_path)
    send(store, CONTRATOS_NAME, contratos(counted=9))
    send(store, CLIENTES_NAME, clientes())

    def say(command: str, *words: str, day: date = DAY) -> Any:
        return posicional(command, feed.path, *words, "--date", str(day), "--store", store.url)

    return say


def test_commands(typed: Callable[..., Any]) -> None:
    """Each says what it decided and what comes next; status shows all of them."""
    assert typed("run").code == 4
    said = typed("accept", "contratos", "--why", "o trailer conta cancelados")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "saude 2026-11-22  decision 1: arrival 1 of contratos counts, although it was refused: "
        "the trailer (line 5) says 9 records, 5 were read\n"
        "next: all files are here: a run\n"
    )
    assert typed("hold", "--why", "um momento").out.splitlines()[1].startswith("next: held: um momento (")
    assert typed("run").code == 3
    assert typed("release", "--why", "pronto").code == 0
    assert typed("run").code == 0
    assert typed("rollback", "--to-run", "1", "--why", "so").out.startswith("saude 2026-11-22  already so: ")
    assert (typed("rollback", "--to-run", "9", "--why", "so").code, typed("skip", "--why", "x").code) == (2, 2)
    assert typed("waive", "clientes", "--why", "x").code == 2
    assert typed("accept", "contratos").code == 2
    lines = typed("status").out.splitlines()
    first = lines.index("decisions") + 1
    assert [line.split(" (")[0] for line in lines[first : first + 3]] == [
        "  1  accept contratos, arrival 1: o trailer conta cancelados",
        "  2  hold: um momento",
        "  3  release: pronto",
    ]


def test_commands_for_scripts(typed: Callable[..., Any]) -> None:
    """JSON: the number of the decision, 0 where it held already."""
    day = DAY + timedelta(days=1)
    said = json.loads(typed("skip", "--why", "closed", "--json", day=day).out)
    assert said == {
        "feed": "saude",
        "date": "2026-11-23",
        "decision": 1,
        "text": "decision 1: the day is not expected",
        "next": said["next"],
    }
    assert json.loads(typed("skip", "--why", "closed", "--json", day=day).out)["decision"] == 0
    assert typed("status", day=day).out.splitlines()[-1].startswith("next: skipped: closed (")


def test_a_monthly_date_is_said_as_a_month(tmp_path: Path) -> None:
    """In the answer and in errors."""
    words = {"days: daily": "days: monthly", "%Y%m%d}": "%Y%m}"}
    text = FEED
    for old, new in words.items():
        text = text.replace(old, new)
    layout = CONTRATOS.replace("    check: [{field: data_ref, equals: date}]\n", "")
    feed = write_feed(tmp_path / "feed", feed=text, contratos=layout)
    said = posicional("hold", feed.path, "--date", "2020-03", "--why", "so", "--store", tmp_path / "dados")
    assert said.out.startswith("saude 2020-03  decision 1: ")
    said = posicional(
        "accept", feed.path, "clientes", "--date", "2020-03", "--why", "so", "--store", tmp_path / "dados"
    )
    assert (said.code, said.err.startswith("posicional: saude 2020-03: there is nothing to accept")) == (2, True)
