"""What people are told of a day: the report at a glance, and the deadline's check from the ledger alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from posicional.contract.calendar import Calendar, Due
from posicional.contract.feed import Feed
from posicional.day.facts import DatasetFact, Fact, PartFact, PublicationEnd, PublishedFact, RunEnd
from posicional.day.gate import Asked, decide
from posicional.day.journal import Ledger
from posicional.day.keys import RUNS, SeenKey, TurnKey, publications
from posicional.day.report import Report, report, to_json
from posicional.errors import DataRefused, NotDone
from posicional.ports import Store
from posicional.steps.deadline import Deadline, check_deadline
from worlds import DAY, MORNING, Story, ToldClock, feed_of, file_of, new_store, outside_of

NOON = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def public_feed() -> Feed:
    """Two files, one with an owner and a time; one dataset, published."""
    return feed_of(
        file_of("contratos", expected_by=Due(time(9, 30)), owner="ops@example.com"), file_of("b"), publish=True
    )


@pytest.fixture
def story() -> Story:
    """Nothing has been told."""
    return Story(public_feed())


def report_of(story: Story, *, now: datetime = MORNING, unknown: tuple[str, ...] = ()) -> Report:
    """The report of what has been told."""
    day = story.day
    return report(story.feed, day, decide(story.feed, day, now, lambda _: False, Asked()), now, unknown=unknown)


def finish(story: Story) -> None:
    """The day goes to its end: both files, run 1, its publication."""
    story.arrived("contratos", "b")
    story.claim(1)
    story.entries[TurnKey(RUNS, 1, "end")] = RunEnd(
        **story.sign(), status="succeeded", datasets={"d": DatasetFact(rows=1234)}, seconds=1.5
    )
    story.published(1, run=1)
    story.entries[TurnKey(publications("opensearch"), 1, "end")] = PublicationEnd(
        **story.sign(),
        status="succeeded",
        run=1,
        datasets={"d": PublishedFact(index="d-2026-11-22-0001-0001", aliases=("d", "d-2026-11-22"), documents=1234)},
    )


def test_a_finished_day(story: Story) -> None:
    """Files with their rows, the run with its datasets, what readers see, and that nothing is left."""
    finish(story)
    assert report_of(story).lines() == [
        "f 2026-11-22",
        "",
        "files",
        "  contratos  converted  2026-11-22 08:00:01  CONTRATOS_20261122.txt: 0 rows, 0 rejects",
        "  b          converted  2026-11-22 08:00:03  B_20261122.txt: 0 rows, 0 rejects",
        "",
        "run 1  succeeded 2026-11-22 08:00:06, in 1.5 s, current",
        "  d: 1,234 rows",
        "",
        "published",
        "  d: 1,234 documents in d-2026-11-22-0001-0001 (as d, d-2026-11-22), from run 1",
        "",
        "next: nothing; run 1 is current and published at opensearch",
    ]


def test_a_day_that_waits(story: Story) -> None:
    """What is missing is told by its expected name, time and owner; overdue when it is; the refusal with its reason."""
    story.seen("b")
    story.done("b", 1, "refused", problems=["the trailer says 9, 5 were read"])
    lines = report_of(story, now=NOON).lines()
    assert lines[3:6] == [
        "  contratos  missing    expected as CONTRATOS_20261122.txt · by 2026-11-22 09:30, overdue · ops@example.com",
        "  b          refused    2026-11-22 08:00:01  B_20261122.txt",
        "               refused: the trailer says 9, 5 were read",
    ]
    assert lines[-1] == "next: 2 of 2 files missing: contratos, b"


def test_a_refused_correction_is_told_beside_what_counts(story: Story) -> None:
    """The old arrival is what counts, and the reason of the refusal stands below it."""
    finish(story)
    story.seen("b", 2)
    story.done("b", 2, "refused", problems=["cut off"])
    file = report_of(story).files[1]
    assert (file.status, file.arrival, file.refused) == ("converted", 1, ("cut off",))


def test_what_comes_next_in_words(story: Story) -> None:
    """Each state of a day has its sentence."""
    texts = []
    steps: list[Callable[[], None]] = [
        lambda: story.seen("b"),
        lambda: story.done("b"),
        lambda: story.arrived("contratos"),
        lambda: story.run(1, "failed", "outside"),
        lambda: story.run(2),
        lambda: story.published(1, run=2),
    ]
    for step in steps:
        step()
        texts.append(report_of(story, now=story.now).next)
    assert texts == [
        "read arrival 1 of b",
        "1 of 2 files missing: contratos",
        "all files are here: a run",
        "another attempt at the run, not before 11:00:07 UTC",
        "publish run 2 at opensearch",
        "nothing; run 2 is current and published at opensearch",
    ]


def test_notes(story: Story) -> None:
    """Unknown names, facts that cannot be read, failed publications and a changed contract are told."""
    finish(story)
    story.unreadable(SeenKey("b", 2))
    story.published(2, run=1, status="failed", blame="outside")
    notes = report_of(story, unknown=("LEIAME.txt",)).notes
    assert notes == (
        "LEIAME.txt is no file of this feed",
        "the fact arrivals/b/0002.seen.json cannot be read (not the JSON of such a fact)",
        "publication 2 at opensearch failed",
    )


def test_decisions_are_told(story: Story) -> None:
    """Who decided what, when and why; what was accepted, what the day goes without, and what a rollback holds."""
    story.seen("contratos")
    story.done("contratos", 1, "refused", problems=["the trailer says 9, 5 were read"])
    story.accept("contratos")
    story.decide("waive", "no such file today", file="b")
    story.claim(1)
    part = PartFact(key="k", table="b", rows=0, bytes=1)
    story.entries[TurnKey(RUNS, 1, "end")] = RunEnd(
        **story.sign("ana@maquina pid 7"), status="succeeded", absent=(part,)
    )
    story.rollback(1)
    assert report_of(story).lines()[2:] == [
        "files",
        "  contratos  accepted   2026-11-22 08:00:01  CONTRATOS_20261122.txt: 0 rows, 0 rejects",
        "               accepted although: the trailer says 9, 5 were read",
        "  b          waived     expected as B_20261122.txt",
        "",
        "run 1  succeeded 2026-11-22 08:00:06, current",
        "  without b: empty, because there is no file",
        "",
        "decisions",
        "  1  accept contratos, arrival 1: because (ana@maquina, 2026-11-22 08:00:03)",
        "  2  waive b: no such file today (ana@maquina, 2026-11-22 08:00:04)",
        "  3  rollback run 1: because (ana@maquina, 2026-11-22 08:00:07)",
        "",
        "notes",
        "  readers are to see run 1 until a run after 1 succeeds",
        "",
        "next: publish run 1 at opensearch",
    ]


def test_the_report_as_json(story: Story) -> None:
    """The same for a script: plain values that JSON takes."""
    finish(story)
    document = json.loads(json.dumps(to_json(report_of(story))))
    assert (document["feed"], document["current"], document["files"][0]["name"]) == ("f", 1, "contratos")
    assert document["runs"][0]["datasets"] == {"d": 1234}


# The deadline. The ledger is a real one; nothing but facts is in the store.


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """An empty store."""
    return new_store("memory", tmp_path_factory.getbasetemp())


def tell(store: Store, story: Story, day: date = DAY) -> None:
    """Write the story's facts into the ledger of a day."""
    ledger = Ledger(outside_of(store), story.feed.name, day)
    for key, fact in story.entries.items():
        assert isinstance(fact, Fact)
        assert ledger.write(key, fact)


def check(store: Store, story: Story, now: datetime = NOON, day: date = DAY) -> Deadline:
    """The check of a day whose facts are told."""
    tell(store, story, day)
    return check_deadline(story.feed, day, outside_of(store, ToldClock(now)))


def test_published_in_time(store: Store, story: Story) -> None:
    """Nobody needs to be told, whenever the check is made."""
    finish(story)
    found = check(store, story)
    assert (found.standing, found.met, found.problem) == ("published", True, None)
    assert found.text == "[f] 22/11 12:00 publicado no prazo, 22/11 08:00."


def test_published_late(store: Store, story: Story) -> None:
    """It is there, and the check says that it was late."""
    story.now = NOON
    finish(story)
    found = check(store, story, NOON + timedelta(hours=1))
    assert (found.standing, found.met) == ("published late", True)
    assert "com atraso, 22/11 12:00" in found.text


def test_not_due_yet(store: Store, story: Story) -> None:
    """A trigger at the wrong hour does nothing wrong."""
    found = check(store, story, NOON - timedelta(seconds=1))
    assert (found.standing, found.met) == ("not due", True)


def test_nothing_arrived(store: Store, story: Story) -> None:
    """On a dead system too: every file is named, with its name, time and owner."""
    found = check(store, story)
    assert (found.standing, found.missing, type(found.problem)) == ("nothing arrived", ("contratos", "b"), NotDone)
    assert found.text == (
        "[f] 22/11 12:00 ATRASADO: nada chegou (0 de 2). Nada publicado; os leitores não veem nenhum dia recente.\n"
        "  falta     contratos · CONTRATOS_20261122.txt · esperado até 09:30 · ops@example.com\n"
        "  falta     b · B_20261122.txt"
    )


def test_waiting_and_what_readers_see(store: Store, story: Story) -> None:
    """Files are missing; readers see yesterday."""
    finish(story)
    tell(store, story, DAY - timedelta(days=1))
    today = Story(story.feed)
    today.arrived("b")
    found = check(store, today)
    assert (found.standing, found.missing) == ("waiting", ("contratos",))
    assert found.text.splitlines()[0] == (
        "[f] 22/11 12:00 ATRASADO: falta 1 de 2. Nada publicado; os leitores veem 21/11 (run 1)."
    )


def test_refused(store: Store, story: Story) -> None:
    """What is in the way was refused: with its reason, and refused data is the problem."""
    story.arrived("contratos")
    story.seen("b")
    story.done("b", 1, "refused", problems=["the trailer says 9, 5 were read"])
    found = check(store, story)
    assert (found.standing, type(found.problem)) == ("refused", DataRefused)
    assert found.text.splitlines()[1] == "  recusado  b · 08:00 · the trailer says 9, 5 were read -> reenviar"


def test_running(store: Store, story: Story) -> None:
    """Everything is here and a run is live."""
    story.arrived("contratos", "b")
    story.claim(1)
    found = check(store, story)
    assert (found.standing, "run 1 em andamento, de ana@maquina" in found.text) == ("running", True)


def test_failed(store: Store, story: Story) -> None:
    """The run failed, or its publication did."""
    story.arrived("contratos", "b")
    story.run(1, "failed", "outside")
    found = check(store, story)
    assert (found.standing, "run 1 falhou: because" in found.text) == ("failed", True)


def test_a_failed_publication_is_not_published(store: Store, story: Story) -> None:
    """A run alone is not what readers see."""
    story.arrived("contratos", "b")
    story.run(1)
    story.published(1, run=1, status="failed", blame="outside")
    found = check(store, story)
    assert (found.standing, "a publicação falhou" in found.text) == ("failed", True)


def test_complete_and_not_processed(store: Store, story: Story) -> None:
    """Everything arrived and nobody did anything: that is told too."""
    story.arrived("contratos", "b")
    found = check(store, story)
    assert (found.standing, found.met) == ("not processed", False)


def test_a_feed_that_is_not_published_is_done_with_its_run(store: Store) -> None:
    """Where there is no target, the run's end is what counts."""
    story = Story(feed_of(file_of("a")))
    story.arrived("a")
    story.run(1)
    assert check(store, story).standing == "published"


def test_no_business_day(store: Store, story: Story) -> None:
    """A Sunday of a weekday feed has no deadline."""
    story.feed = replace(story.feed, calendar=Calendar("weekdays"))
    assert check(store, story).standing == "no business day"
