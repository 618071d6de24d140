"""The decision: each state of a day leads to one next action, and every trigger that asks gets the same."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posicional.contract.calendar import Due
from posicional.day.facts import Blame
from posicional.day.gate import Action, Asked, Convert, Later, Process, Publish, Rest, decide
from worlds import MORNING, Story, feed_of, file_of, layout_of


def next_of(story: Story, *, now: datetime | None = None, asked: Asked | None = None) -> Action:
    """What comes next, a moment after the last fact unless another time is told."""
    return decide(story.feed, story.day, now or story.now, lambda _who: False, asked)


def rest_of(story: Story, *, now: datetime | None = None, asked: Asked | None = None) -> Rest:
    """The same, where nothing is to be done."""
    action = next_of(story, now=now, asked=asked)
    assert isinstance(action, Rest)
    return action


@pytest.fixture
def story() -> Story:
    """Nothing has been told of a feed of two files that is not published."""
    return Story(feed_of(file_of("a"), file_of("b")))


@pytest.fixture
def public() -> Story:
    """A feed of one file that is published; its set is complete."""
    story = Story(feed_of(file_of("a"), publish=True))
    story.arrived("a")
    return story


def test_a_day_in_its_order(public: Story) -> None:
    """Read, process, publish, rest: each fact leads to the next action."""
    first = Story(public.feed)
    actions = [next_of(first)]
    first.seen("a")
    actions.append(next_of(first))
    first.done("a")
    actions.append(next_of(first))
    first.run(1)
    actions.append(next_of(first))
    first.published(1, run=1)
    actions.append(next_of(first))
    assert [Rest, Convert, Process, Publish, Rest] == [type(action) for action in actions]
    assert isinstance(actions[-1], Rest)
    assert (actions[-1].why, actions[-1].text) == ("done", "run 1 is current and published at opensearch")


def test_missing_files_are_named(story: Story) -> None:
    """The gate stays shut, and says for whom."""
    story.arrived("a")
    rest = rest_of(story)
    assert (rest.why, rest.files, rest.text) == ("missing", ("b",), "1 of 2 files missing: b")


def test_a_newer_arrival_shuts_the_gate_until_it_is_read(story: Story) -> None:
    """The set is complete, but a correction has been seen."""
    story.arrived("a", "b")
    story.seen("b", 2)
    assert Convert("b", 2) == next_of(story)


def test_one_set_one_run(story: Story) -> None:
    """The claim names exactly the set that the day has; when it succeeded there is nothing more."""
    story.arrived("a", "b")
    action = next_of(story)
    assert isinstance(action, Process)
    assert (story.day.revision, {"a": 1, "b": 1}) == (
        action.revision,
        {name: one.arrival for name, one in action.inputs.items()},
    )
    story.run(1)
    assert rest_of(story).why == "done"


def test_a_live_run_is_waited_for(story: Story) -> None:
    """Until its lease ends; then the next action is a run, whose claim ends the silent one."""
    story.arrived("a", "b")
    story.claim(1, who="bia@dois", lease=timedelta(minutes=5))
    rest = rest_of(story)
    assert (rest.why, rest.series, rest.number) == ("busy", "runs", 1)
    assert "bia@dois" in rest.text
    assert isinstance(next_of(story, now=story.now + timedelta(minutes=5)), Process)


def test_a_correction_waits_for_the_live_run(story: Story) -> None:
    """A live run is overtaken only through its end."""
    story.arrived("a", "b")
    story.claim(1)
    story.arrived("a", number=2)
    assert rest_of(story).why == "busy"
    story.end(1, "superseded")
    assert isinstance(next_of(story), Process)


def test_a_correction_leads_to_another_run_and_publication(public: Story) -> None:
    """After a finished day too."""
    public.run(1)
    public.published(1, run=1)
    public.arrived("a", number=2)
    assert isinstance(next_of(public), Process)
    public.run(2)
    action = next_of(public)
    assert isinstance(action, Publish)
    assert (action.target, action.run.number) == ("opensearch", 2)


def test_content_that_comes_back(story: Story) -> None:
    """A, then B, then A again: the last A is processed anew, because B is what the current run shows."""
    story.arrived("a", "b")
    story.run(1)
    story.arrived("a", number=2, content="other")
    story.run(2)
    story.arrived("a", number=3, content="a-1")
    assert isinstance(next_of(story), Process)


def test_content_that_comes_back_before_anything_was_made_of_it(story: Story) -> None:
    """A, then B whose run failed, then A again: run 1 shows A already."""
    story.arrived("a", "b")
    story.run(1)
    story.arrived("a", number=2, content="other")
    story.run(2, "failed", blame="data")
    story.arrived("a", number=3, content="a-1")
    assert rest_of(story).why == "done"


def test_a_failed_run_is_tried_again_later_and_later(story: Story) -> None:
    """Attempts are further and further apart, up to the feed's limit; then it is failed until something changes."""
    story.arrived("a", "b")
    waits = []
    for number in range(1, 4):
        story.run(number, "failed", blame="outside")
        action = next_of(story)
        waits.append(action.until - story.now if isinstance(action, Later) else None)
    assert [timedelta(seconds=1), timedelta(seconds=5), None] == waits
    rest = rest_of(story, now=story.now + timedelta(days=1))
    assert (rest.why, rest.blame, rest.number) == ("failed", "outside", 3)
    story.arrived("b", number=2)
    assert isinstance(next_of(story), Process)


def test_a_run_that_is_tried_often_waits_for_minutes_and_no_longer() -> None:
    """A person may be waiting for it; only a target that is down is left alone for half an hour."""
    story = Story(feed_of(file_of("a"), attempts=8))
    story.arrived("a")
    waits = []
    for number in range(1, 8):
        story.run(number, "failed", blame="outside")
        action = next_of(story)
        assert isinstance(action, Later)
        waits.append((action.until - story.now).total_seconds())
    assert waits == [1, 5, 30, 300, 300, 300, 300]


def test_an_attempt_is_due_after_its_wait(story: Story) -> None:
    """When the time has come, the next action is the run."""
    story.arrived("a", "b")
    story.run(1, "failed", blame="outside")
    assert isinstance(next_of(story, now=story.now + timedelta(seconds=1)), Process)


@pytest.mark.parametrize("blame", ["contract", "data"])
def test_what_another_attempt_cannot_mend_is_not_tried_again(story: Story, blame: Blame) -> None:
    """Wrong SQL and a key that is not unique stay wrong, also when a person asks, until something changes."""
    story.arrived("a", "b")
    story.run(1, "failed", blame=blame)
    asked = Asked(insist=True, forgiven={"runs": 1})
    assert ("failed", blame) == (rest_of(story, asked=asked).why, rest_of(story, asked=asked).blame)
    story.feed = feed_of(file_of("a"), file_of("b"), sql="select 2 as x")
    assert isinstance(next_of(story), Process)


def test_a_person_who_asks_gets_another_attempt(story: Story) -> None:
    """Attempts before the call are forgiven, those within it are not."""
    story.arrived("a", "b")
    for number in range(1, 4):
        story.run(number, "failed", blame="outside")
    asked = Asked(insist=True, forgiven={"runs": 3})
    assert isinstance(next_of(story, asked=asked), Process)
    for number in range(4, 7):
        story.run(number, "failed", blame="outside")
    assert rest_of(story, asked=asked).why == "failed"


def test_abandoned_runs_count_as_attempts(story: Story) -> None:
    """A run that kills its process does not do so for ever; but its lease was wait enough."""
    story.arrived("a", "b")
    for number in range(1, 4):
        assert isinstance(next_of(story), Process)
        story.run(number, "abandoned", blame="outside")
    assert rest_of(story).why == "failed"


def test_a_person_may_ask_for_another_run(story: Story) -> None:
    """A finished day whose contract is the same runs again by decision."""
    story.arrived("a", "b")
    story.run(1)
    story.rerun()
    assert isinstance(next_of(story), Process)
    story.run(2)
    assert rest_of(story).why == "done"


def test_a_changed_contract_of_a_finished_day_is_told(story: Story) -> None:
    """Nothing moves by itself, and the text says what to do."""
    story.arrived("a", "b")
    story.run(1)
    story.feed = feed_of(file_of("a"), file_of("b"), sql="select 2 as x")
    rest = rest_of(story)
    assert rest.why == "done"
    assert "--again" in rest.text


def test_a_changed_contract_of_an_unpublished_day_moves_it(public: Story) -> None:
    """A run that nobody has seen is made anew under the new contract."""
    public.run(1)
    public.feed = dataclasses.replace(public.feed, files={"a": file_of("a", layout=layout_of("layout-2"))})
    assert Convert("a", 1) == next_of(public)


def test_nothing_is_published_unless_asked(public: Story) -> None:
    """The datasets are there, and that is all that was wanted."""
    public.run(1)
    assert (
        rest_of(public, asked=Asked(publish=False)).why,
        rest_of(public, asked=Asked(publish=False)).text,
    ) == ("done", "run 1 is current, not published")


def test_a_cluster_that_is_down_is_waited_for(public: Story) -> None:
    """Each pause is longer, up to half an hour, for a day; then the publication has failed. A new run begins anew."""
    public.run(1)
    began, waits = public.now, []
    for number in range(1, 100):
        public.published(number, run=1, status="failed", blame="outside")
        action = next_of(public)
        if not isinstance(action, Later):
            break
        waits.append(action.until - public.now)
        assert action.outage == (number >= public.feed.attempts)
        assert isinstance(next_of(public, now=action.until), Publish)
        public.now = action.until
    seconds = [wait.total_seconds() for wait in waits]
    assert seconds[:6] == [1, 5, 30, 300, 900, 1800]
    assert set(seconds[6:]) == {1800}
    assert timedelta(days=1) <= public.now - began < timedelta(days=1, hours=1)
    rest = rest_of(public, now=public.now + timedelta(days=9))
    assert (rest.why, rest.series, rest.blame) == ("failed", "publications/opensearch", "outside")
    public.arrived("a", number=2)
    public.run(2)
    assert isinstance(next_of(public), Publish)


def test_a_publication_that_fails_of_a_bug_is_not_tried_for_a_day(public: Story) -> None:
    """Nor one that kills its process: that is no outage."""
    public.run(1)
    for number in range(1, 4):
        public.published(number, run=1, status="failed", blame="bug")
    assert rest_of(public).why == "failed"
    public.run(2)
    public.published(4, run=2, status="failed", blame="outside")
    for number in range(5, 8):
        public.published(number, run=2, status="abandoned", blame="outside")
    assert rest_of(public).why == "failed"


def test_a_process_that_dies_in_an_outage_does_not_end_the_waiting(public: Story) -> None:
    """Many attempts failed of the outage, one of them was killed: the next is made all the same."""
    public.run(1)
    for number in range(1, 6):
        public.published(number, run=1, status="failed", blame="outside")
    public.published(6, run=1, status="abandoned", blame="outside")
    assert isinstance(next_of(public), Publish)


def test_a_person_does_not_wait_for_hours(public: Story) -> None:
    """Whoever asks is told after the feed's attempts that it failed, and when it is tried again without them."""
    public.run(1)
    asked = Asked(insist=True)
    for number in range(1, 4):
        public.published(number, run=1, status="failed", blame="outside")
    rest = rest_of(public, asked=asked)
    assert (rest.why, rest.until) == ("failed", public.now + timedelta(seconds=30))
    assert rest.text == "publication 3 failed, and is tried again by watch or sweep at 08:00:40: because"


def test_what_is_mended_at_the_target_is_tried_when_a_person_asks(public: Story) -> None:
    """An alias of somebody else's was in the way: no trigger tries again by itself, a person who asks gets a try."""
    public.run(1)
    public.published(1, run=1, status="failed", blame="contract")
    assert rest_of(public).why == "failed"
    assert isinstance(next_of(public, asked=Asked(insist=True, forgiven={"publications/opensearch": 1})), Publish)


def test_an_optional_file_is_waited_for_until_its_time() -> None:
    """Required files open the gate; an optional one only holds it until `wait_until`."""
    optional = file_of("b", required=False, wait_until=Due(time(10)))
    story = Story(feed_of(file_of("a"), optional))
    story.arrived("a")
    ten = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
    rest = rest_of(story, now=ten - timedelta(seconds=1))
    assert ("waiting", ("b",), ten) == (rest.why, rest.files, rest.until)
    assert isinstance(next_of(story, now=ten), Process)
    story.arrived("b")
    assert isinstance(next_of(story, now=MORNING), Process)


@given(st.permutations([("a", 1), ("b", 1), ("a", 2)]))
def test_arrivals_in_any_order_lead_to_the_same_set(order: list[tuple[str, int]]) -> None:
    """Whatever comes first, what is asked for in the end is the highest arrival of each file."""
    story = Story(feed_of(file_of("a"), file_of("b")))
    for file, number in order:
        story.arrived(file, number=number)
    action = next_of(story)
    assert isinstance(action, Process)
    assert {name: one.arrival for name, one in action.inputs.items()} == {"a": 2, "b": 1}
