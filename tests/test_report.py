"""What people are told of a day: the report at a glance, and the deadline's check from the ledger alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, time

import pytest

from posicional.contract.calendar import Due
from posicional.contract.feed import Feed
from posicional.day.facts import DatasetFact, PartFact, PublicationEnd, PublishedFact, RunEnd
from posicional.day.gate import Asked, decide
from posicional.day.keys import RUNS, SeenKey, TurnKey, publications
from posicional.day.report import Report, report, to_json
from worlds import MORNING, Story, feed_of, file_of

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


def test_the_faults_of_a_failed_run_stand_below_it(story: Story) -> None:
    """A line each; what comes next is one line all the same."""
    story.arrived("contratos", "b")
    story.claim(1)
    story.end(1, "failed", "d.sql:1: no table\nd.sql:2: no column\n2 faults in the contract", "contract")
    lines = report_of(story).lines()
    assert lines[-5:-2] == ["  d.sql:1: no table", "  d.sql:2: no column", "  2 faults in the contract"]
    assert lines[-6].startswith("run 1  failed")
    assert lines[-1] == "next: run 1 failed: d.sql:1: no table; d.sql:2: no column; 2 faults in the contract"


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
        "another attempt at the run, not before 08:00:07",
        "publish run 2 at opensearch",
        "nothing; run 2 is current and published at opensearch",
    ]


def test_notes(story: Story) -> None:
    """Unknown names, facts that cannot be read, failed publications and a changed contract are told."""
    finish(story)
    story.unreadable(SeenKey("b", 2))
    story.published(2, run=1, status="failed", blame="outside")
    many = report_of(story, unknown=tuple(f"{number}.txt" for number in range(1007))).notes
    assert (len(many), many[5]) == (8, "and 1,002 more names that are no files of this feed")
    notes = report_of(story, unknown=("LEIAME.txt",)).notes
    assert notes == (
        "LEIAME.txt is no file of this feed",
        "the fact arrivals/b/0002.seen.json cannot be read (not the JSON of such a fact)",
        "publication 2 at opensearch failed: because",
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
