"""A short-lived process hands over what it cannot do, exactly once, and whoever was begun for it carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from posicional.backends.duckdb import DuckDbEngine
from posicional.contract.feed import Feed
from posicional.day.facts import RunEnd, Started
from posicional.day.journal import Ledger
from posicional.day.keys import RUNS, TurnKey
from posicional.errors import EngineError, OutOfTime, OutsideError, PosicionalError
from posicional.glue import main as glue
from posicional.ports import Outside, Source, Store, StoredObject
from posicional.steps.advance import Outcome, advance
from post import free_port
from worlds import DAY, FEED, ToldClock, clientes, contratos, new_store, outside_of, send, write_feed


@dataclass
class Elsewhere:
    """Notes what it is asked to begin, and answers as it is told."""

    limit: int = 1 << 20
    lease: timedelta = timedelta(days=7)
    begun: list[str] = field(default_factory=list)
    at_work: bool = False
    failed: int = 0
    refusal: OutsideError | None = None

    def owner(self) -> str:
        """A name that counts."""
        return f"glue job {len(self.begun) + 1}"

    def working(self, feed: str, day: date) -> bool:
        """As told."""
        assert (feed, day) == ("saude", DAY)
        return self.at_work

    def failures(self, feed: str, day: date) -> int:
        """As told."""
        assert (feed, day) == ("saude", DAY)
        return self.failed

    def begin(self, feed: str, day: date, owner: str = "") -> None:
        """Note it, or refuse."""
        assert (feed, day) == ("saude", DAY)
        if self.refusal:
            raise self.refusal
        self.begun.append(owner)


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed of two files and two datasets."""
    return write_feed(tmp_path_factory.mktemp("feed"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A day of which everything has come."""
    store = new_store("memory", tmp_path)
    send(store, "CONTRATOS_20261122.txt", contratos())
    send(store, "CLIENTES_20261122.txt", clientes())
    return store


def there(store: Store, owner: str, gone: Callable[[str], bool] = lambda _: False) -> Outside:
    """A process that was begun for `owner`."""
    outside = outside_of(store, who="glue@nuvem", engine=DuckDbEngine, gone=gone)
    return replace(outside, ours=owner, run_id="jr_1")


def here(feed: Feed, store: Store, elsewhere: Elsewhere, gone: Callable[[str], bool] = lambda _: False) -> Outcome:
    """What a trigger does that has an elsewhere."""
    return advance(feed, DAY, replace(outside_of(store, gone=gone), elsewhere=elsewhere), insist=False)


def run_fact(store: Store, number: int, what: str) -> object:
    """One fact of a run of the day."""
    facts = Ledger(outside_of(store), "saude", DAY).read()
    return facts.entries.get(TurnKey(RUNS, number, what))  # type: ignore[arg-type]  # one of its words


def test_a_run_is_claimed_once_and_carried_out_by_the_process_that_was_begun(feed: Feed, store: Store) -> None:
    """Any number of triggers begin one process; it makes the run under the claim, and says which run of the service."""
    elsewhere = Elsewhere()
    rests = [here(feed, store, elsewhere).rest.why for _ in range(3)]

    assert elsewhere.begun == ["glue job 1"]
    assert rests == ["busy"] * 3
    assert advance(feed, DAY, there(store, "glue job 1"), insist=False).rest.why == "done"
    started, end = run_fact(store, 1, "started"), run_fact(store, 1, "end")
    assert isinstance(started, Started)
    assert started.run_id == "jr_1"
    assert isinstance(end, RunEnd)
    assert end.status == "succeeded"
    assert here(feed, store, elsewhere).rest.why == "done"


def test_a_second_starter_of_the_same_claim_leaves_it_alone(feed: Feed, store: Store) -> None:
    """The service began it twice: whoever comes later sees the started fact, and makes nothing."""
    here(feed, store, Elsewhere())
    Ledger(there(store, ""), "saude", DAY).write(
        TurnKey(RUNS, 1, "started"), Started(**Ledger(there(store, ""), "saude", DAY).sign(), run_id="jr_0")
    )
    assert advance(feed, DAY, there(store, "glue job 1"), insist=False).rest.why == "busy"
    assert run_fact(store, 1, "end") is None


def test_a_refused_start_is_an_attempt_that_failed(feed: Feed, store: Store) -> None:
    """The claim does not stay for ever: it ends with the reason, and the next attempt is another run."""
    elsewhere = Elsewhere(refusal=EngineError("too many runs at once"))
    clock = ToldClock()
    outside = replace(outside_of(store, clock), elsewhere=elsewhere)

    assert advance(feed, DAY, outside, insist=False).rest.why == "waiting"
    end = run_fact(store, 1, "end")
    assert isinstance(end, RunEnd)
    assert (end.status, end.blame) == ("failed", "outside")
    elsewhere.refusal = None
    clock.time += timedelta(minutes=5)
    assert advance(feed, DAY, outside, insist=False).rest.why == "busy"
    assert elsewhere.begun == ["glue job 1"]
    assert advance(feed, DAY, there(store, "glue job 1"), insist=False).rest.text == "run 2 is current"


def test_a_run_whose_process_has_ended_is_taken_over_and_never_before(feed: Feed, store: Store) -> None:
    """No clock but what the service says ends a claim that was made for it."""
    elsewhere = Elsewhere()
    here(feed, store, elsewhere)
    outside = replace(outside_of(store, ToldClock(ToldClock().time + timedelta(days=6))), elsewhere=elsewhere)
    assert advance(feed, DAY, outside, insist=False).rest.why == "busy"
    here(feed, store, elsewhere, gone=lambda owner: owner == "glue job 1")

    assert elsewhere.begun == ["glue job 1", "glue job 2"]
    end = run_fact(store, 1, "end")
    assert isinstance(end, RunEnd)
    assert end.status == "abandoned"
    advance(feed, DAY, there(store, "glue job 1"), insist=False)  # the sleeper wakes up
    assert run_fact(store, 1, "started") is None


def test_a_claim_for_an_older_set_ends_as_superseded_and_the_newer_set_is_made(feed: Feed, store: Store) -> None:
    """A correction came between the claim and the process: what is made is what came last."""
    here(feed, store, Elsewhere())
    send(store, "CONTRATOS_20261122.txt", contratos(("PRATA",)))

    outcome = advance(feed, DAY, there(store, "glue job 1"), insist=False)
    end = run_fact(store, 1, "end")
    assert isinstance(end, RunEnd)
    assert end.status == "superseded"
    assert outcome.rest.text == "run 2 is current"


def test_what_is_too_large_is_read_elsewhere(feed: Feed, store: Store) -> None:
    """Its size alone decides, before its first byte; the others are read here. Nothing is begun twice."""
    elsewhere = Elsewhere(limit=len(clientes()))
    outcome = here(feed, store, elsewhere)
    assert (outcome.day.pending, outcome.rest.why) == ((("contratos", 1),), "busy")
    elsewhere.at_work = True
    here(feed, store, elsewhere)
    assert elsewhere.begun == [""]
    elsewhere.at_work, elsewhere.failed = False, feed.attempts
    assert here(feed, store, elsewhere).rest.why == "failed"
    assert elsewhere.begun == [""]  # one that always dies is not begun for ever
    assert advance(feed, DAY, there(store, ""), insist=False).rest.why == "done"


def test_a_conversion_that_runs_out_of_time_leaves_no_fact_and_is_begun_elsewhere(feed: Feed, store: Store) -> None:
    """Parts that no fact names count for nothing; whoever goes on reads the file anew."""

    class NoTime:
        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        def source(self, _found: StoredObject) -> Source:
            raise OutOfTime("a minute is left")

    elsewhere = Elsewhere()
    outside = replace(outside_of(store), store=NoTime(), elsewhere=elsewhere)  # type: ignore[arg-type]  # the rest is the store's
    with pytest.raises(OutOfTime):
        advance(feed, DAY, outside, insist=False)
    assert elsewhere.begun == [""]
    assert advance(feed, DAY, there(store, ""), insist=False).rest.why == "done"


@pytest.fixture
def glue_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What Glue hands over for the day of a feed that is shown in a cluster which is down, in a store in a folder."""
    monkeypatch.setenv("AWS_REGION", "sa-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    shown = (
        f"publish: {{opensearch: {{url: 'http://127.0.0.1:{free_port()}', datasets: {{ativos: {{index: ativos}}}}}}}}"
    )

    def words(**replaced: str) -> list[str]:
        feed = write_feed(tmp_path / "feed", feed=f"{FEED}{shown}\n", **replaced)
        job = ("--JOB_NAME", "job", "--JOB_RUN_ID", "jr_1", "--engine", "duckdb")
        return ["--contract", str(feed.path), "--store", new_store("folder", tmp_path).url, "--date", str(DAY), *job]

    return words


def test_a_refused_file_is_no_failure_of_the_job(glue_words: Callable[..., list[str]], tmp_path: Path) -> None:
    """Glue's failed runs are counted, and after three of them a day rests: a correction that was refused, or a first
    file, does not keep an outage from being waited for.
    """
    store = new_store("folder", tmp_path)
    send(store, "CLIENTES_20261122.txt", clientes())
    send(store, "CONTRATOS_20261122.txt", contratos(counted=99))
    glue(glue_words())
    send(store, "CONTRATOS_20261122.txt", contratos())
    glue(glue_words())
    send(store, "CONTRATOS_20261122.txt", contratos(counted=99))
    glue(glue_words())
    outcome = advance(write_feed(tmp_path / "feed", feed=FEED), DAY, outside_of(store), insist=False)
    assert (outcome.day.refused, outcome.day.run and outcome.day.run.number) == (("contratos",), 1)
    assert outcome.day.publications == {}


def test_a_run_that_fails_is_a_failure_of_the_job(glue_words: Callable[..., list[str]], tmp_path: Path) -> None:
    """Also beside a refused correction."""
    store = new_store("folder", tmp_path)
    send(store, "CONTRATOS_20261122.txt", contratos())
    send(store, "CLIENTES_20261122.txt", clientes())
    words = glue_words(ativos="select numero / 0 as numero, error('wrong') as plano from contratos")
    with pytest.raises(PosicionalError, match="ativos"):
        glue(words)
    send(store, "CONTRATOS_20261122.txt", contratos(counted=99))
    with pytest.raises(PosicionalError):
        glue(words)
