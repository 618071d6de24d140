"""What decisions mean: each changes the day as it says, in the order of their numbers, and no further."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from posicional.contract.calendar import Due
from posicional.day.facts import DecisionKind, Unreadable, read_fact
from posicional.day.gate import Action, Convert, Later, Process, Publish, Rest, decide
from posicional.day.keys import RUNS, DecisionKey, TurnKey
from worlds import MORNING, Story, feed_of, file_of, layout_of


def next_of(story: Story, now: datetime | None = None) -> Action:
    """What comes next, a moment after the last fact."""
    return decide(story.feed, story.day, now or story.now, lambda _who: False)


def why(story: Story) -> str:
    """Why nothing is done now."""
    action = next_of(story)
    assert isinstance(action, Rest)
    return action.why


@pytest.fixture
def story() -> Story:
    """A feed of two files that is not published; nothing has come."""
    return Story(feed_of(file_of("a"), file_of("b")))


@pytest.fixture
def public() -> Story:
    """A feed of one file that is published; readers see run 2, which was made of a correction."""
    story = Story(feed_of(file_of("a"), publish=True))
    for number in (1, 2):
        story.arrived("a", number=number)
        story.run(number)
        story.published(number, run=number)
    return story


def refuse(story: Story, file: str, number: int = 1) -> None:
    """An arrival is refused."""
    story.seen(file, number)
    story.done(file, number, "refused", problems=["the trailer says 9"])


# Accept.


def test_an_accepted_refusal_counts_as_converted(story: Story) -> None:
    """The gate opens with exactly that arrival, and the day no longer says that something is refused."""
    story.arrived("a")
    refuse(story, "b")
    assert (story.day.refused, story.day.missing) == (("b",), ("b",))
    story.accept("b")
    day = story.day
    assert (day.refused, day.missing, day.files["b"].status(day.files["b"].arrivals[0])) == ((), (), "accepted")
    action = next_of(story)
    assert isinstance(action, Process)
    assert (action.inputs["b"].arrival, action.inputs["b"].sha256) == (1, "b-1")


def test_an_accepted_correction_takes_the_place_of_what_was_current(story: Story) -> None:
    """Which leads to a run, as a good correction would."""
    story.arrived("a", "b")
    story.run(1)
    refuse(story, "b", 2)
    assert why(story) == "done"
    story.accept("b", 2)
    assert isinstance(next_of(story), Process)
    assert story.day.inputs["b"].arrival == 2


def test_only_what_was_accepted_counts(story: Story) -> None:
    """Neither the next arrival nor the same one in another reading is accepted with it."""
    story.arrived("a")
    refuse(story, "b")
    story.accept("b")
    refuse(story, "b", 2)
    assert story.day.refused == ("b",)
    assert story.day.inputs["b"].arrival == 1
    story.feed = feed_of(file_of("a"), file_of("b", layout=layout_of("layout-2")))
    assert isinstance(next_of(story), Convert)
    story.done("b", 2, "refused")
    story.done("b", 1, "refused")
    assert story.day.missing == ("b",)


def test_what_cannot_be_read_cannot_be_accepted(story: Story) -> None:
    """Nobody knows where its parts are."""
    story.arrived("a")
    refuse(story, "b")
    story.accept("b")
    story.unreadable(next(key for key in story.entries if str(key).startswith("arrivals/b") and "done" in str(key)))
    assert story.day.missing == ("b",)


# Waive.


def test_a_waived_file_is_not_missing(story: Story) -> None:
    """A required file that never came: the day is complete without it."""
    story.arrived("a")
    story.decide("waive", file="b")
    assert (story.day.missing, story.day.waived) == ((), ("b",))
    action = next_of(story)
    assert isinstance(action, Process)
    assert list(action.inputs) == ["a"]


def test_a_waived_file_that_comes_counts(story: Story) -> None:
    """It leads to another run; before it is read the gate waits for it."""
    story.arrived("a")
    story.decide("waive", file="b")
    story.run(1)
    assert why(story) == "done"
    story.seen("b")
    assert Convert("b", 1) == next_of(story)
    story.done("b")
    assert isinstance(next_of(story), Process)
    assert story.day.waived == ()


def test_a_waived_refusal_is_no_problem(story: Story) -> None:
    """What came was refused, and the day goes without it."""
    story.arrived("a")
    refuse(story, "b")
    story.decide("waive", file="b")
    assert (story.day.refused, isinstance(next_of(story), Process)) == ((), True)


def test_a_waived_optional_file_is_not_waited_for() -> None:
    """The gate opens before its `wait_until`."""
    story = Story(feed_of(file_of("a"), file_of("b", required=False, wait_until=Due(time(10)))))
    story.arrived("a")
    assert why(story) == "waiting"
    story.decide("waive", file="b")
    assert isinstance(next_of(story), Process)


# Rollback.


def test_a_rollback_makes_an_earlier_run_current(public: Story) -> None:
    """A publication of that run follows, and then nothing more: nobody makes run 2 anew."""
    public.rollback(1)
    day = public.day
    assert (day.run.number if day.run else 0, day.settled, day.published("opensearch")) == (1, True, False)
    action = next_of(public)
    assert isinstance(action, Publish)
    assert action.run.number == 1
    public.published(3, run=1)
    rest = next_of(public)
    assert isinstance(rest, Rest)
    assert (rest.why, rest.text) == ("done", "run 1 is current by a rollback and published at opensearch")


def test_a_rollback_holds_until_a_later_run_succeeds(public: Story) -> None:
    """A correction leads to run 3; while that has not succeeded readers see run 1, then run 3."""
    public.rollback(1)
    public.published(3, run=1)
    public.arrived("a", number=3)
    assert isinstance(next_of(public), Process)
    public.run(3, "failed", blame="data")
    assert (why(public), public.day.run) == ("failed", public.day.runs[0])
    public.arrived("a", number=4)
    public.run(4)
    assert (public.day.rollback, public.day.run) == (None, public.day.runs[3])


def test_a_run_that_was_live_at_the_rollback_does_not_end_it() -> None:
    """It was claimed before: its success changes nothing for readers."""
    story = Story(feed_of(file_of("a")))
    story.arrived("a")
    story.run(1)
    story.arrived("a", number=2)
    story.claim(2)
    story.rollback(1)
    story.end(2)
    assert (story.day.run, why(story)) == (story.day.runs[0], "done")


def test_a_rollback_is_shown_though_the_next_run_fails(public: Story) -> None:
    """What keeps a run from being made does not keep readers from the one that they are to see."""
    public.rollback(1)
    public.arrived("a", number=3)
    public.run(3, "failed", blame="data")
    action = next_of(public)
    assert isinstance(action, Publish)
    assert action.run.number == 1


def test_a_changed_contract_does_not_undo_a_rollback(public: Story) -> None:
    """Neither before its publication nor after."""
    public.rollback(1)
    public.feed = feed_of(file_of("a", layout=layout_of("layout-2")), publish=True, sql="select 2 as x")
    assert isinstance(next_of(public), Publish)
    public.published(3, run=1)
    assert (why(public), public.day.contract_changed) == ("done", True)


def test_another_run_is_made_of_a_rolled_back_day_when_a_person_asks(public: Story) -> None:
    """`run --again` ends the rollback, once its run has succeeded."""
    public.rollback(1)
    public.rerun()
    assert isinstance(next_of(public), Process)
    public.run(3)
    assert public.day.run == public.day.runs[2]


def test_the_last_rollback_counts(public: Story) -> None:
    """Back to run 1, and back again to run 2."""
    public.rollback(1)
    public.published(3, run=1)
    public.rollback(2)
    assert public.day.run == public.day.runs[1]
    assert isinstance(next_of(public), Publish)


def test_a_rolled_back_run_whose_end_is_lost(public: Story) -> None:
    """It counts as failed; readers are not given the run that a person took from them."""
    public.rollback(1)
    public.unreadable(TurnKey(RUNS, 1, "end"))
    assert public.day.run is None


def test_content_that_comes_back_to_a_rolled_back_run(public: Story) -> None:
    """The sender repairs what the rollback worked around: run 1 was made of just that content."""
    public.rollback(1)
    public.published(3, run=1)
    public.arrived("a", number=3, content="a-1")
    assert why(public) == "done"


# Hold, skip, release.


@pytest.mark.parametrize(("decision", "rest"), [("hold", "held"), ("skip_day", "skipped")])
def test_a_shut_gate_stays_shut_until_it_is_released(story: Story, decision: DecisionKind, rest: str) -> None:
    """Though the set is complete; arrivals are read all the same."""
    story.seen("a")
    story.decide(decision, why="closed today")
    assert Convert("a", 1) == next_of(story)
    story.done("a")
    story.arrived("b")
    action = next_of(story)
    assert isinstance(action, Rest)
    assert (action.why, "closed today (ana@maquina)" in action.text) == (rest, True)
    story.decide("release")
    assert isinstance(next_of(story), Process)


def test_a_hold_leaves_a_live_run_alone(public: Story) -> None:
    """It goes to its end and is published; the correction that comes then waits."""
    public.arrived("a", number=3)
    public.claim(3)
    public.decide("hold")
    revision = public.day.revision
    public.end(3)
    assert (isinstance(next_of(public), Publish), revision) == (True, public.day.revision)
    public.published(3, run=3)
    public.arrived("a", number=4)
    assert why(public) == "held"


def test_a_rollback_of_a_held_day_is_shown(public: Story) -> None:
    """Hold and roll back: readers see run 1, and a correction does not move them."""
    public.decide("hold")
    public.rollback(1)
    public.arrived("a", number=3)
    assert isinstance(next_of(public), Publish)
    public.published(3, run=1, status="failed", blame="outside")
    assert isinstance(next_of(public), Later)
    public.published(4, run=1)
    assert why(public) == "held"


def test_decisions_count_in_the_order_of_their_numbers(story: Story) -> None:
    """Hold, release, hold: held."""
    story.arrived("a", "b")
    for decision in ("hold", "release", "hold"):
        story.decide(decision)
    assert why(story) == "held"


# Facts that cannot be read.


def test_a_decision_that_cannot_be_read_holds_the_day(story: Story) -> None:
    """It may have been anything; it is reported, need not be deleted, and a release ends it."""
    story.arrived("a", "b")
    story.unreadable(DecisionKey(1))
    assert (why(story), list(story.day.unreadable)) == ("held", ["decisions/0001.json"])
    story.decide("release")
    assert isinstance(next_of(story), Process)


@pytest.mark.parametrize(
    "words",
    [
        '"decision": "accept", "about": {"file": "a"}',
        '"decision": "accept", "about": {"file": "a", "arrival": "first", "reading": "r"}',
        '"decision": "waive"',
        '"decision": "rollback", "about": {"run": 1}',
        '"decision": "forget"',
    ],
)
def test_a_decision_that_does_not_say_about_what_is_unreadable(words: str) -> None:
    """A fact edited by hand, or of a later program with another word."""
    data = f'{{"fact": "decision", "version": 1, "writer": "w", "at": "2026-11-22T12:00:00Z", {words}}}'
    found = read_fact(DecisionKey(1), data.encode(), datetime(2026, 11, 22, tzinfo=UTC))
    assert isinstance(found, Unreadable)
    assert found.reason.startswith("wrong or missing: ")


def test_a_hold_does_not_move_the_revision(story: Story) -> None:
    """So a live run does not take itself for superseded; an acceptance does move it."""
    story.arrived("a", "b")
    refuse(story, "b", 2)
    before = story.day.revision
    story.decide("hold")
    story.decide("release")
    assert before == story.day.revision
    story.accept("b", 2)
    assert before != story.day.revision
    assert story.now > MORNING + timedelta(seconds=5)
