"""The fold: what a day's facts mean, whatever their order, and under another contract."""

from __future__ import annotations

import dataclasses
import random

import pytest

from posicional.contract.feed import Feed
from posicional.contract.pattern import Pattern
from posicional.contract.tolerance import Tolerance
from posicional.day.facts import RunClaim
from posicional.day.gate import Process, decide
from posicional.day.journal import Facts
from posicional.day.keys import RUNS, DecisionKey, DoneKey, SeenKey, TurnKey
from posicional.day.revision import reading
from posicional.day.state import fold
from worlds import DAY, Story, feed_of, file_of, layout_of


@pytest.fixture
def story() -> Story:
    """Nothing has been told of a feed of two files."""
    return Story(feed_of(file_of("a"), file_of("b")))


def with_layout(feed: Feed, name: str, digest: str) -> Feed:
    """The feed with another layout for one file."""
    file = dataclasses.replace(feed.files[name], layout=layout_of(digest))
    return dataclasses.replace(feed, files={**feed.files, name: file})


def test_an_empty_day(story: Story) -> None:
    """Nothing has arrived: everything required is missing."""
    day = story.day
    assert (day.missing, day.pending, day.refused, day.run, day.settled) == (("a", "b"), (), (), None, False)


def test_an_arrival_waits_to_be_read_and_then_counts(story: Story) -> None:
    """Seen, it is pending; converted, it is current."""
    story.seen("a")
    assert (story.day.pending, story.day.missing) == ((("a", 1),), ("a", "b"))
    story.done("a")
    assert (story.day.pending, story.day.missing) == ((), ("b",))
    assert story.day.inputs["a"].sha256 == "a-1"


def test_the_highest_converted_number_is_current(story: Story) -> None:
    """A correction takes the place of what came before."""
    story.arrived("a")
    story.arrived("a", number=2)
    assert story.day.inputs["a"].arrival == 2


def test_a_refused_correction_leaves_the_old_one_current(story: Story) -> None:
    """And the day says that something was refused."""
    story.arrived("a")
    story.seen("a", 2)
    story.done("a", 2, "refused")
    assert (story.day.inputs["a"].arrival, story.day.refused) == (1, ("a",))


def test_a_good_correction_mends_a_refusal(story: Story) -> None:
    """The newest arrival is what counts as refused or not."""
    story.seen("a")
    story.done("a", 1, "refused")
    assert (story.day.missing, story.day.refused) == (("a", "b"), ("a",))
    story.arrived("a", number=2)
    assert (story.day.missing, story.day.refused) == (("b",), ())


def test_the_newest_arrival_is_read_first(story: Story) -> None:
    """An older one is read only when the newer turns out unusable."""
    story.seen("a", 1)
    story.seen("a", 2)
    assert story.day.pending == (("a", 2),)
    story.done("a", 2, "refused")
    assert story.day.pending == (("a", 1),)


def test_a_superseded_arrival_is_as_if_it_had_not_come(story: Story) -> None:
    """Its version is gone: it is neither current nor refused, and no other layout brings it back."""
    story.arrived("a")
    story.seen("a", 2)
    story.done("a", 2, "superseded")
    assert (story.day.inputs["a"].arrival, story.day.refused, story.day.pending) == (1, (), ())
    story.feed = with_layout(story.feed, "a", "layout-2")
    assert story.day.pending == (("a", 1),)


def test_the_same_content_again_changes_nothing(story: Story) -> None:
    """Another arrival with the same bytes and layout leaves the revision as it was; other bytes do not."""
    story.arrived("a", "b", content="same")
    before = story.day.revision
    story.arrived("a", number=2, content="same")
    assert before == story.day.revision
    story.arrived("a", number=3, content="other")
    assert before != story.day.revision


def test_a_refused_arrival_is_read_again_with_a_mended_layout(story: Story) -> None:
    """Not yet processed, everything is read as the contract asks now."""
    story.seen("a")
    story.done("a", 1, "refused")
    assert not story.day.pending
    story.feed = with_layout(story.feed, "a", "layout-2")
    assert story.day.pending == (("a", 1),)
    story.done("a")
    assert story.day.missing == ("b",)


def test_a_wider_tolerance_is_another_reading(story: Story) -> None:
    """A file refused for its rejects is read again when the feed allows more of them."""
    story.seen("a")
    story.done("a", 1, "refused")
    file = dataclasses.replace(story.feed.files["a"], max_rejects=Tolerance(count=5))
    story.feed = dataclasses.replace(story.feed, files={**story.feed.files, "a": file})
    assert story.day.pending == (("a", 1),)


@pytest.mark.parametrize(
    ("name", "feed"),
    [
        ("sql", feed_of(file_of("a"), file_of("b"), sql="select 1 as x")),
        ("layout", feed_of(file_of("a", layout=layout_of("layout-2")), file_of("b"))),
    ],
)
def test_a_finished_day_does_not_move_by_a_change_of_the_contract(story: Story, name: str, feed: Feed) -> None:
    """What was processed stays as it was read then, and the day says that the contract has changed."""
    story.arrived("a", "b")
    story.run(1)
    assert (story.day.settled, story.day.contract_changed) == (True, False)
    story.feed = feed
    day = story.day
    assert (day.settled, day.contract_changed, day.pending, day.missing) == (True, True, (), ()), name


def test_no_clock_says_in_which_reading_a_run_took_a_file(story: Story) -> None:
    """A refusal under another layout, written by a clock that is ahead, is not what the finished day was made of."""
    mended = story.feed
    story.arrived("a", "b")
    story.feed = with_layout(mended, "a", "wrong")
    story.done("a", status="refused")
    story.feed = mended
    process = decide(mended, story.day, story.now, lambda _who: False)
    assert isinstance(process, Process)
    story.entries[TurnKey(RUNS, 1, "claim")] = RunClaim(
        **story.sign(),
        lease_until=story.now,
        revision=process.revision,
        content=process.content,
        contract=process.contract,
        inputs=process.inputs,
    )
    story.end(1)
    assert (story.day.settled, story.day.refused, set(story.day.inputs)) == (True, (), {"a", "b"})


def test_the_version_in_the_name_goes_before_the_number() -> None:
    """Where names have versions, what came later counts only if it is a later version."""
    story = Story(feed_of(file_of("a", pattern=Pattern("A_{date:%Y%m%d}_v{version}.txt"))))
    for number, version in ((1, 9), (2, 10), (3, 8)):
        story.seen("a", number, key=f"dados-posicionais/A_20261122_v{version}.txt")
        story.done("a", number)
    assert story.day.inputs["a"].arrival == 2
    assert [one.number for one in story.day.files["a"].arrivals] == [3, 1, 2]


def test_another_run_moves_a_finished_day_to_the_new_contract(story: Story) -> None:
    """A person's decision is what does it: files are read anew where their layout has changed."""
    story.arrived("a", "b")
    story.run(1)
    story.feed = with_layout(story.feed, "a", "layout-2")
    story.rerun()
    assert (story.day.settled, story.day.pending) == (False, (("a", 1),))


def test_a_correction_moves_a_finished_day(story: Story) -> None:
    """New content unsettles the day, and then the whole contract of today counts."""
    story.arrived("a", "b")
    story.run(1)
    story.feed = with_layout(story.feed, "b", "layout-2")
    story.seen("a", 2)
    assert (story.day.settled, story.day.pending) == (True, (("a", 2),))
    story.done("a", 2)
    assert (story.day.settled, story.day.pending) == (False, (("b", 1),))


def test_a_day_that_is_published_somewhere_is_finished_only_when_it_is_shown() -> None:
    """With a target, a run alone does not finish a day."""
    story = Story(feed_of(file_of("a"), publish=True))
    story.arrived("a")
    story.run(1)
    assert (story.day.settled, story.day.published("opensearch")) == (False, False)
    story.published(1, run=1, status="failed")
    assert not story.day.settled
    story.published(2, run=1)
    assert (story.day.settled, story.day.published("opensearch")) == (True, True)


def test_a_newer_run_is_not_shown_by_an_older_publication() -> None:
    """Readers see run 1 until run 2 is published."""
    story = Story(feed_of(file_of("a"), publish=True))
    story.arrived("a")
    story.run(1)
    story.published(1, run=1)
    story.arrived("a", number=2)
    story.run(2)
    assert (story.day.run.number if story.day.run else 0, story.day.published("opensearch")) == (2, False)


def test_unreadable_facts_count_as_the_cautious_case(story: Story) -> None:
    """A seen or done fact as refused, an end as failed; all are named, and none stops the fold."""
    story.arrived("a", "b")
    story.unreadable(SeenKey("a", 2))
    story.seen("b", 2)
    story.unreadable(DoneKey("b", 2, reading(story.feed.files["b"])))
    story.claim(1)
    story.unreadable(TurnKey(RUNS, 1, "end"))
    story.unreadable(DecisionKey(1))
    day = story.day
    assert (day.refused, {name: one.arrival for name, one in day.inputs.items()}) == (("a", "b"), {"a": 1, "b": 1})
    assert ([run.status for run in day.runs], day.run, day.pending) == (["failed"], None, ())
    assert len(day.unreadable) == 4


def test_an_end_without_its_claim(story: Story) -> None:
    """A listing that missed the claim does not lose the end."""
    story.arrived("a", "b")
    story.run(1)
    del story.entries[TurnKey(RUNS, 1, "claim")]
    assert [run.status for run in story.day.runs] == ["succeeded"]


def test_the_order_of_the_facts_does_not_matter(story: Story) -> None:
    """The day is a function of the set of facts."""
    story.arrived("a", "b")
    story.run(1)
    story.arrived("a", number=2)
    story.rerun()
    story.claim(2)
    expected = story.day
    order = random.Random(2026)
    for _ in range(20):
        entries = list(story.entries.items())
        order.shuffle(entries)
        assert expected == fold(story.feed, Facts("f", DAY, dict(entries)))


def test_facts_of_files_that_the_feed_no_longer_has(story: Story) -> None:
    """They are nobody's: the day is that of the feed as it is."""
    story.arrived("a", "b")
    story.feed = feed_of(file_of("a"))
    assert (list(story.day.files), story.day.missing) == (["a"], ())
