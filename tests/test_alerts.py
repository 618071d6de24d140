"""Alerts: one for each condition, written down before it is sent and after, followed up, and sent again when lost."""

from __future__ import annotations

import json
import multiprocessing
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from commands import PLANOS, posicional
from posicional.backends.notify import JsonLines
from posicional.backends.store import open_store
from posicional.contract.calendar import Due
from posicional.contract.feed import SEVERITIES, Feed, Severity
from posicional.day.alerts import DEADLINE, PATIENCE, Condition, Raise, Resend, next_alert, unsent
from posicional.day.facts import Alert, ChannelFact, Decision, PublicationClaim
from posicional.day.gate import BACKOFF
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import AlertKey, DecisionKey, TurnKey, publications
from posicional.errors import NotifyError, StoreError
from posicional.ports import Notice, Outside, Store
from posicional.steps.alerts import Unwritten, alert_deadline, raise_alerts
from posicional.steps.deadline import dates_to_check
from posicional.steps.sweep import sweep as swept
from worlds import (
    DAY,
    Story,
    ToldClock,
    clientes,
    contratos,
    feed_of,
    file_of,
    new_store,
    outside_of,
    write_feed,
)

NOON = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


# What is due: pure.

WAITING = Condition(DEADLINE, "senders", frozenset({"missing a", "missing b"}))
OVER = Condition(DEADLINE, "", frozenset())


def told(*alerts: Condition, sent: bool = True, who: str = "ana@maquina") -> Facts:
    """A day on which these alerts were due, one after another; all sent, or all but the last."""
    facts = Facts("f", DAY, {})
    entries = dict(facts.entries)
    for number, one in enumerate(alerts, start=1):
        alert = Alert(
            writer="w", at=NOON, who=who, condition=one.name, actor=one.actor, about=tuple(one.about), text="t"
        )
        entries[AlertKey(one.name, number, "due")] = alert
        if sent or number < len(alerts):
            entries[AlertKey(one.name, number, "sent")] = alert
    return replace(facts, entries=entries)


def due(facts: Facts, condition: Condition, now: datetime = NOON, *, gone: bool = False) -> Raise | Resend | None:
    """What is to be told, where people are reminded every hour."""
    return next_alert(facts, condition, now, lambda _who: gone, HOUR)


def test_one_alert_for_a_condition() -> None:
    """The first is number 1; as long as nothing changes there is no other; where nothing is wrong there is none."""
    assert due(told(), WAITING) == Raise(1)
    assert due(told(WAITING), WAITING, NOON + HOUR - MINUTE) is None
    assert due(told(), OVER) is None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(replace(WAITING, about=frozenset({"missing a"})), None, id="less is in the way"),
        pytest.param(replace(WAITING, about=WAITING.about | {"refused c"}), Raise(2), id="something new is in the way"),
        pytest.param(replace(WAITING, actor="operators"), Raise(2), id="it is somebody else's turn"),
        pytest.param(Condition(DEADLINE, "nobody", frozenset()), Raise(2), id="the machine is at it"),
        pytest.param(OVER, Raise(2), id="it is over"),
        pytest.param(replace(WAITING, name="other"), Raise(1), id="another condition"),
    ],
)
def test_what_has_changed_is_followed_up(now: Condition, expected: Raise | None) -> None:
    """When somebody else is to act, or knows of something new; not when one file of several has come."""
    assert due(told(WAITING), now) == expected


def test_it_is_told_once_that_it_is_over() -> None:
    """And should it begin anew, that is a new alarm."""
    assert due(told(WAITING, OVER), OVER) is None
    assert due(told(WAITING, OVER), WAITING) == Raise(3)
    assert due(told(WAITING, OVER), replace(OVER, about=frozenset({"refused a 2"}))) is None


def test_what_was_not_sent_is_sent_again() -> None:
    """After a while, or at once when its writer has ended: before that the writer may be at it."""
    facts = told(WAITING, sent=False)
    alert = facts.entries[AlertKey(DEADLINE, 1, "due")]
    assert isinstance(alert, Alert)
    assert due(facts, WAITING, NOON + PATIENCE - MINUTE) is None
    assert due(facts, WAITING, NOON + PATIENCE) == Resend(1, alert, 2)
    assert due(facts, WAITING, NOON, gone=True) == Resend(1, alert, 2)
    assert due(facts, OVER, NOON) == Raise(2)  # what is so now goes before what was


def test_facts_that_cannot_be_read_are_told_once_more(tmp_path: Path) -> None:
    """A due that cannot be read may have said anything: one more is sent. A sent one proves that something was sent."""
    outside = outside_of(open_store(tmp_path), ToldClock(NOON))
    ledger = Ledger(outside, "f", DAY)
    outside.store.create(f"{ledger.prefix}{AlertKey(DEADLINE, 1, 'due')}", b"{")
    outside.store.create(f"{ledger.prefix}{AlertKey(DEADLINE, 1, 'sent')}", b"{")
    assert due(ledger.read(), WAITING) == Raise(2)
    facts = told(WAITING, sent=False)
    unreadable = ledger.read().entries[AlertKey(DEADLINE, 1, "sent")]
    entries = {**facts.entries, AlertKey(DEADLINE, 1, "sent"): unreadable}
    assert due(replace(facts, entries=entries), WAITING, NOON + HOUR - MINUTE) is None


def test_what_came_and_went_in_a_silence_is_shown_to_nobody() -> None:
    """There is nothing that anybody should have heard; of what still stands there is."""
    for alerts, said in (((WAITING, OVER), []), ((WAITING,), [f"{DEADLINE} 1 was not sent: silent until"])):
        facts = told(*alerts)
        entries = {key: fact.model_copy(update={"silent_until": NOON + HOUR}) for key, fact in facts.entries.items()}  # type: ignore[union-attr]  # all readable
        texts = list(unsent(replace(facts, entries=entries), NOON))
        assert [text.removeprefix("alert ").partition(" 2026")[0] for text in texts] == said


def test_an_attempt_that_nobody_makes_any_more_is_not_promised_for_ever() -> None:
    """The channel has left the contract, or the condition is no longer looked at."""
    facts = told(WAITING)
    sent = facts.entries[AlertKey(DEADLINE, 1, "sent")]
    failed = sent.model_copy(update={"channels": (ChannelFact(channel="chat", error="no connection"),)})  # type: ignore[union-attr]  # readable
    facts = replace(facts, entries={**facts.entries, AlertKey(DEADLINE, 1, "sent"): failed})
    said = "alert deadline 1 has not reached chat: no connection (attempt 1, {})"
    assert list(unsent(facts, NOON + HOUR)) == [said.format("the next after 15:01 UTC")]
    assert list(unsent(facts, NOON + 25 * HOUR)) == [said.format("given up")]


# Telling people: on a real ledger.


@dataclass
class Mailbox:
    """Takes notices; what is in the store at that moment is noted beside each. Fails as often as it is told to."""

    store: Store
    notices: list[Notice] = field(default_factory=list)
    seen: list[list[str]] = field(default_factory=list)
    failing: int = 0
    name: str = "mail"
    when: frozenset[Severity] = frozenset(SEVERITIES)

    def send(self, notice: Notice) -> None:
        """Take one."""
        if self.failing:
            self.failing -= 1
            raise NotifyError("nobody answers", where="mail.example.com")
        self.notices.append(notice)
        self.seen.append(alerts_in(self.store))

    @property
    def numbers(self) -> list[tuple[int, bool]]:
        """Number of each, and whether it says that it is over."""
        return [(notice.number, notice.over) for notice in self.notices]


def alerts_in(store: Store) -> list[str]:
    """The names of the alerts' facts."""
    return [found.key.rpartition("/")[2] for found in store.list(f"controle/f/{DAY}/alerts/")]


def outcome(world: World, number: int, attempt: int = 1) -> dict[str, str]:
    """What became of an alert at each channel."""
    fact = Ledger(world.outside, "f", DAY).read().entries[AlertKey(DEADLINE, number, "sent", attempt)]
    assert isinstance(fact, Alert)
    return {one.channel: one.error for one in fact.channels}


@dataclass
class World:
    """A feed of two files at noon, where nothing has arrived; what is sent goes into a mailbox."""

    feed: Feed
    outside: Outside
    clock: ToldClock
    mail: Mailbox

    def check(self, after: timedelta = timedelta()) -> Notice | None:
        """The check, so long after noon."""
        self.clock.time = NOON + after
        return alert_deadline(self.feed, DAY, self.outside)[1]

    def tell(self, *telling: Callable[[Story], None]) -> None:
        """Facts of the day, as a story tells them."""
        story = Story(self.feed)
        story.now = self.clock.now()
        for key, fact in Ledger(self.outside, "f", DAY).read().entries.items():
            story.entries[key] = fact
        before = set(story.entries)
        for tell in telling:
            tell(story)
        for key in story.entries.keys() - before:
            fact = story.entries[key]
            assert Ledger(self.outside, "f", DAY).write(key, fact)  # type: ignore[arg-type]  # all readable


@pytest.fixture(params=["memory", "folder"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Noon, and nothing has arrived."""
    store, clock = new_store(request.param, tmp_path), ToldClock(NOON)
    mail = Mailbox(store)
    outside = replace(outside_of(store, clock), channels=[mail])
    return World(feed_of(file_of("a"), file_of("b")), outside, clock, mail)


def test_an_alert_is_a_fact_before_it_is_sent_and_after(world: World) -> None:
    """Whoever is told of it can already read it in the ledger; afterwards it stands there that it was sent."""
    notice = world.check()
    assert world.mail.notices == [notice]
    assert notice is not None
    assert notice.text.startswith("[f] 22/11 12:00 ATRASADO: nada chegou")
    assert world.mail.seen == [["deadline-0001.due.json"]]
    assert alerts_in(world.outside.store) == ["deadline-0001.due.json", "deadline-0001.sent.json"]


def test_it_is_sent_once(world: World) -> None:
    """However often somebody looks; the sweep, which has read the facts already, tells the same."""
    assert world.check()
    assert world.check(MINUTE) is None
    facts = Ledger(world.outside, "f", DAY).read()
    assert raise_alerts(world.feed, facts, world.outside) == ()
    assert world.mail.numbers == [(1, False)]


def test_a_whole_afternoon(world: World) -> None:
    """One file comes (nothing new), the other is refused (followed up), a good one comes and a run is live (the
    machine's turn), the day is done (over).
    """
    world.check()
    world.tell(lambda day: day.arrived("a"))
    assert world.check(10 * MINUTE) is None
    world.tell(lambda day: day.seen("b"), lambda day: day.done("b", 1, "refused", problems=["cut off"]))
    notice = world.check(20 * MINUTE)
    assert notice is not None
    assert "1 de 2 foi recusado" in notice.text
    world.tell(lambda day: day.arrived("b", number=2), lambda day: day.claim(1))
    notice = world.check(30 * MINUTE)
    assert notice is not None
    assert "run 1 em andamento" in notice.text
    world.tell(lambda day: day.end(1))
    notice = world.check(40 * MINUTE)
    assert notice is not None
    assert notice.text == "[f] 22/11 12:00 publicado com atraso, 22/11 12:30."
    assert world.check(50 * MINUTE) is None
    assert world.mail.numbers == [(1, False), (2, False), (3, False), (4, True)]


def test_a_trigger_at_the_wrong_hour_tells_nothing(world: World) -> None:
    """Before the deadline, and when all is well."""
    assert world.check(-MINUTE) is None
    world.tell(lambda day: day.arrived("a", "b"), lambda day: day.run(1))
    assert world.check(timedelta(days=1)) is None
    assert alerts_in(world.outside.store) == []


def test_where_nobody_can_be_told_nothing_is_said_to_be_due(world: World) -> None:
    """No alert is written that nobody will send."""
    outside = replace(world.outside, channels=[])
    assert alert_deadline(world.feed, DAY, outside)[1] is None
    assert alerts_in(world.outside.store) == []


def test_what_could_not_be_sent_is_sent_by_the_next_who_looks(world: World) -> None:
    """Somebody else, a little later; the number stays, and then it is done."""
    world.mail.failing = 2
    assert world.check()
    assert outcome(world, 1) == {"mail": "nobody answers"}
    assert world.check(MINUTE - timedelta(seconds=1)) is None
    assert world.check(MINUTE)
    assert world.check(5 * MINUTE) is None
    notice = world.check(6 * MINUTE)
    assert notice is not None
    assert notice.number == 1
    assert world.check(20 * MINUTE) is None
    assert world.mail.numbers == [(1, False)]
    assert [outcome(world, 1, attempt) for attempt in (2, 3)] == [{"mail": "nobody answers"}, {"mail": ""}]


def test_nobody_waits_for_a_process_that_was_killed(world: World) -> None:
    """Its alert is sent at once by the next on the same machine; by others after a while."""
    ledger = Ledger(world.outside, "f", DAY)
    about = ("missing a", "missing b")
    due_ = Alert(**ledger.sign(), condition=DEADLINE, actor="senders", about=about, text="t")
    assert ledger.write(AlertKey(DEADLINE, 1, "due"), due_)
    assert world.check(timedelta(seconds=1)) is None
    world.outside = replace(world.outside, gone=lambda _who: True)
    assert world.check(timedelta(seconds=1))
    assert world.mail.numbers == [(1, False)]
    assert alerts_in(world.outside.store) == [
        "deadline-0001.due-0002.json",
        "deadline-0001.due.json",
        "deadline-0001.sent-0002.json",
    ]


# Other conditions, which the sweep tells.


def sweep(world: World, at: datetime) -> list[tuple[str, int, bool]]:
    """What the sweep tells at a moment: condition, number, and whether it is over."""
    world.clock.time = at
    facts = Ledger(world.outside, "f", DAY).read()
    notices = raise_alerts(world.feed, facts, world.outside)
    return [(notice.condition, notice.number, notice.over) for notice in notices]


def test_an_early_warning(world: World) -> None:
    """When a file should be here, and when a second one should; nothing new after noon; over when all files are."""
    files = [file_of("a", expected_by=Due(time(8, 45))), file_of("b", expected_by=Due(time(9, 30))), file_of("c")]
    world.feed = feed_of(*files)
    assert sweep(world, NOON - 4 * HOUR) == []
    assert sweep(world, NOON - 3 * HOUR) == [("expected", 1, False)]
    assert sweep(world, NOON - 2 * HOUR) == [("expected", 2, False)]
    assert sweep(world, NOON - HOUR) == []
    world.tell(lambda day: day.arrived("a"))
    assert sweep(world, NOON - HOUR) == []
    assert sweep(world, NOON) == [("deadline", 1, False)]
    world.tell(lambda day: day.arrived("b"))
    assert sweep(world, NOON + HOUR / 2) == []  # nobody looks whether the third one is usually here
    world.clock.time = NOON + HOUR / 2
    world.tell(lambda day: day.arrived("c"))
    assert ("expected", 3, True) in sweep(world, NOON + HOUR / 2)


def test_after_the_deadline_nothing_is_early(world: World) -> None:
    """A sweep that comes late tells of the deadline alone."""
    world.feed = feed_of(file_of("a", expected_by=Due(time(8, 45))))
    assert sweep(world, NOON + HOUR) == [("deadline", 1, False)]


def test_a_refused_correction_is_told(world: World) -> None:
    """Although the day is published; each refused version once; over when a good one came."""
    world.tell(lambda day: day.arrived("a", "b"), lambda day: day.run(1))
    assert sweep(world, NOON) == []
    world.tell(lambda day: day.seen("b", 2), lambda day: day.done("b", 2, "refused", problems=["cut off"]))
    assert sweep(world, NOON) == [("refused", 1, False)]
    assert sweep(world, NOON) == []
    world.tell(lambda day: day.seen("b", 3), lambda day: day.done("b", 3, "refused", problems=["cut off"]))
    assert sweep(world, NOON) == [("refused", 2, False)]
    world.tell(lambda day: day.arrived("b", number=4))
    assert sweep(world, NOON) == [("refused", 3, True)]


def test_a_correction_that_is_refused_after_a_late_day(world: World) -> None:
    """That is told by itself; that the day was published late is not told again."""
    sweep(world, NOON)
    world.tell(lambda day: day.arrived("a", "b"), lambda day: day.run(1))
    assert sweep(world, NOON + HOUR) == [("deadline", 2, True)]
    world.tell(lambda day: day.seen("b", 2), lambda day: day.done("b", 2, "refused", problems=["cut off"]))
    assert sweep(world, NOON + 3 * HOUR) == [("refused", 1, False)]


def test_a_failure_is_told_when_it_stays(world: World) -> None:
    """Not while another attempt is due, nor as over before one went well."""
    morning = NOON - 3 * HOUR
    world.clock.time = morning
    world.tell(lambda day: day.arrived("a", "b"))
    for number in (1, 2, 3):
        assert sweep(world, world.clock.now()) == []
        world.tell(lambda day, number=number: day.run(number, "failed", "outside"))  # type: ignore[misc]  # of this turn
    world.clock.time += MINUTE
    assert sweep(world, world.clock.now()) == [("failed", 1, False)]
    world.tell(lambda day: day.claim(4))
    assert sweep(world, world.clock.now() + MINUTE) == []
    world.tell(lambda day: day.end(4))
    assert sweep(world, world.clock.now() + MINUTE) == [("failed", 2, True)]


def test_a_cluster_that_is_down(world: World) -> None:
    """Nobody is told while there is time; once when the deadline is near and once at it, whatever attempts are made in
    between, live ones too; over when one went well.
    """
    world.feed = replace(feed_of(file_of("a"), publish=True), remind_every=timedelta(days=1))
    world.clock.time = NOON - 3 * HOUR
    world.tell(lambda day: day.arrived("a"), lambda day: day.run(1))
    told = []
    for number in range(1, 12):
        world.tell(lambda day, number=number: day.published(number, 1, "failed", "outside"))  # type: ignore[misc]  # of this turn
        told += [(world.clock.now() - NOON, *each) for each in sweep(world, world.clock.now())]
        world.clock.time += max(timedelta(minutes=20), BACKOFF[min(number, len(BACKOFF)) - 1])
        told += [(world.clock.now() - NOON, *each) for each in sweep(world, world.clock.now())]
    assert [(*each[1:],) for each in told] == [("failed", 1, False), ("deadline", 1, False)]
    assert timedelta(hours=-1) <= told[0][0] < timedelta(minutes=-30)
    assert timedelta() <= told[1][0] < timedelta(minutes=30)
    series = publications("opensearch")
    claim = PublicationClaim(**Ledger(world.outside, "f", DAY).sign(), lease_until=world.clock.now() + HOUR, run=1)
    world.tell(lambda day: day.entries.update({TurnKey(series, 12, "claim"): claim}))
    assert sweep(world, world.clock.now()) == []
    world.tell(lambda day: day.published(12, 1))
    assert sorted(sweep(world, world.clock.now() + MINUTE)) == [("deadline", 2, True), ("failed", 2, True)]


def test_a_correction_that_cannot_be_shown(world: World) -> None:
    """The day is published and past its deadline: people are told as soon as the quick attempts have failed."""
    world.feed = feed_of(file_of("a"), publish=True)
    world.clock.time = NOON - 3 * HOUR
    world.tell(lambda day: day.arrived("a"), lambda day: day.run(1), lambda day: day.published(1, 1))
    world.clock.time = NOON + HOUR
    world.tell(lambda day: day.arrived("a", number=2), lambda day: day.run(2))
    for number in (2, 3, 4):
        assert sweep(world, world.clock.now()) == []
        world.tell(lambda day, number=number: day.published(number, 2, "failed", "outside"))  # type: ignore[misc]  # of this turn
    assert sweep(world, world.clock.now()) == [("failed", 1, False)]


def test_a_day_that_is_skipped_is_quiet(world: World) -> None:
    """No warning, no refusal, no alarm."""
    world.feed = feed_of(file_of("a", expected_by=Due(time(8, 45))), file_of("b"))
    world.tell(lambda day: day.seen("b"), lambda day: day.done("b", 1, "refused", problems=["cut off"]))
    world.tell(
        lambda day: day.entries.update({DecisionKey(1): Decision(**day.sign(), decision="skip_day", why="closed")})
    )
    assert sweep(world, NOON - HOUR) == []
    assert sweep(world, NOON + HOUR) == []


def test_an_outage_on_a_day_that_is_skipped_is_quiet(world: World) -> None:
    """Nobody waits for what was to be published."""
    world.feed = feed_of(file_of("a"), publish=True)
    world.clock.time = NOON - 3 * HOUR
    world.tell(lambda day: day.arrived("a"), lambda day: day.run(1))
    for number in range(1, 4):
        world.tell(lambda day, number=number: day.published(number, 1, "failed", "outside"))  # type: ignore[misc]  # of this turn
    world.tell(lambda day: day.decide("skip_day"))
    assert sweep(world, NOON - HOUR / 2) == []
    assert sweep(world, NOON + HOUR / 2) == []


def test_an_outage_hides_no_run_that_failed_for_good(world: World) -> None:
    """The first run waits for the cluster, a correction's run is tried no more: people hear of it until it is mended,
    whatever attempts are made at the cluster.
    """
    world.feed = feed_of(file_of("a"), publish=True)
    world.clock.time = NOON - 5 * HOUR
    world.tell(lambda day: day.arrived("a"), lambda day: day.run(1))
    for number in range(1, 4):
        world.tell(lambda day, number=number: day.published(number, 1, "failed", "outside"))  # type: ignore[misc]  # of this turn
    assert sweep(world, NOON - 4 * HOUR) == []
    world.tell(lambda day: day.arrived("a", number=2), lambda day: day.run(2, "failed", "data"))
    assert sweep(world, NOON - 4 * HOUR) == [("failed", 1, False)]
    assert world.mail.notices[-1].title == "[f] 22/11 FALHOU: run 2, 08:00."
    world.tell(lambda day: day.published(4, 1, "failed", "outside"))
    assert sweep(world, NOON - 4 * HOUR + MINUTE) == []
    assert sweep(world, NOON) == [("deadline", 1, False), ("failed", 2, False)]  # of the cluster; of the run once more
    world.tell(lambda day: day.arrived("a", number=3), lambda day: day.run(3), lambda day: day.published(5, 3))
    assert sorted(sweep(world, NOON + MINUTE)) == [("deadline", 2, True), ("failed", 3, True)]


def test_the_sweep_tells_of_a_dead_day_too(world: World) -> None:
    """Of the newest that is due, without any trigger at noon; of no day before the feed was there."""
    world.feed = replace(world.feed, remind_every=timedelta(days=3))
    for after in (-MINUTE, timedelta(), HOUR):
        swept(world.feed, replace(world.outside, clock=ToldClock(NOON + after)))
        assert [notice.date for notice in world.mail.notices] == ([DAY] if after >= timedelta() else [])
    tomorrow = NOON + timedelta(days=1)
    for after in (-MINUTE, HOUR, 23 * HOUR):  # the last one is a day too late, after a night in which nobody looked
        swept(world.feed, replace(world.outside, clock=ToldClock(tomorrow + after)))
    assert [notice.date - DAY for notice in world.mail.notices] == [timedelta(0), timedelta(1)]


@pytest.mark.parametrize("earlier", [0, 1, 8])
def test_a_day_that_was_due_before_the_feed_was_there(world: World, earlier: int) -> None:
    """A sweep, or a check without a date, tells of yesterday only where something is known of it or of a day before."""
    world.clock.time = NOON - HOUR
    if earlier:
        ledger = Ledger(world.outside, "f", DAY - timedelta(days=earlier))
        ledger.write(DecisionKey(1), Decision(**ledger.sign(), decision="note", why="it was there"))
    dates = dates_to_check(world.feed, world.outside)
    assert dates == ((DAY - timedelta(days=1), DAY) if earlier else (DAY,))
    swept(world.feed, world.outside)
    told = [notice.date for notice in world.mail.notices if notice.condition == DEADLINE]
    assert told[:1] == ([DAY - timedelta(days=1)] if earlier else [])


def test_a_check_without_a_date_is_made_when_the_store_does_not_answer(world: World) -> None:
    """Nobody knows whether the feed was there: people are told."""
    world.clock.time = NOON - HOUR
    broken(world, "list")
    assert dates_to_check(world.feed, world.outside) == (DAY - timedelta(days=1), DAY)


# When the store fails.


@dataclass
class Broken:
    """A store of which some operations fail."""

    store: Store
    failing: frozenset[str]

    def __getattr__(self, name: str) -> object:
        if name in self.failing:
            return self._fail
        return getattr(self.store, name)

    def _fail(self, *_: object) -> object:
        raise StoreError("access denied", where="s3://meu-bucket-dados", hint="check the credentials (AWS_…)")


def broken(world: World, *failing: str) -> None:
    """The store fails from now on."""
    store = Broken(world.outside.store, frozenset(failing))
    world.outside = replace(world.outside, store=store)  # type: ignore[arg-type]  # forwards the rest


@pytest.mark.parametrize("operation", ["list", "read"])
def test_people_are_told_when_the_ledger_cannot_be_read(world: World, operation: str) -> None:
    """Then nobody knows how the date stands, and that is what they are told; the error goes on, with exit code 5."""
    world.tell(lambda day: day.arrived("a"))
    broken(world, operation)
    with pytest.raises(StoreError) as caught:
        world.check()
    assert caught.value.exit_code == 5
    assert world.mail.notices[0].text == (
        "[f] 22/11 12:00 SEM RESPOSTA: não se sabe se foi publicado; os registros do dia não podem ser lidos.\n"
        "  motivo    s3://meu-bucket-dados: acesso negado (check the credentials (AWS_…))"
    )
    assert world.mail.numbers == [(0, False)]


def test_a_date_that_cannot_be_read_keeps_no_other_from_being_told(tmp_path: Path) -> None:
    """Then what readers see is not known; the rest is told as ever."""
    (tmp_path / "controle" / "f").mkdir(parents=True)
    (tmp_path / "controle" / "f" / str(DAY - timedelta(days=1))).write_text("a file in the place of a folder")
    store = open_store(tmp_path)
    mail = Mailbox(store)
    outside = replace(outside_of(store, ToldClock(NOON)), channels=[mail])
    alert_deadline(feed_of(file_of("a")), DAY, outside)
    assert [notice.text.splitlines()[0] for notice in mail.notices] == [
        "[f] 22/11 12:00 ATRASADO: nada chegou (0 de 1). Nada publicado; não se sabe o que os leitores veem."
    ]


def test_before_the_deadline_a_dead_store_is_no_alarm(world: World) -> None:
    """A trigger at the wrong hour does nothing wrong; the error stays an error."""
    broken(world, "list")
    with pytest.raises(StoreError):
        world.check(-MINUTE)
    assert world.mail.notices == []


def test_people_are_told_when_the_alert_cannot_be_written(world: World) -> None:
    """A disk that is full keeps no alarm from ringing; it may ring again."""
    broken(world, "create")
    with pytest.raises(StoreError):
        world.check()
    assert world.mail.numbers == [(1, False)]


def test_what_a_process_told_and_could_not_write_down_it_does_not_tell_at_each_attempt(world: World) -> None:
    """Before the hour is over only what is new; what can be written again is told as ever."""
    unwritten, whole = Unwritten(), world.outside

    def attempt(after: timedelta) -> int:
        world.clock.time = NOON + after
        facts = Ledger(whole, "f", DAY).read()
        with pytest.raises(StoreError):
            raise_alerts(world.feed, facts, world.outside, unwritten=unwritten)
        return len(world.mail.notices)

    broken(world, "create")
    assert [attempt(minutes * MINUTE) for minutes in (0, 1, 59, 60, 61)] == [1, 1, 1, 2, 2]
    world.outside = whole
    world.tell(lambda day: day.arrived("a"))
    broken(world, "create")
    assert attempt(62 * MINUTE) == 2
    world.outside = whole
    world.tell(lambda day: day.seen("b"), lambda day: day.done("b", 1, "refused", problems=["cut off"]))
    broken(world, "create")
    assert attempt(63 * MINUTE) == 3
    world.outside = whole
    facts = Ledger(whole, "f", DAY).read()
    assert raise_alerts(world.feed, facts, whole, unwritten=unwritten)
    assert not unwritten.told.keys() & {(DAY, DEADLINE)}


# Many at once, and the command line.


def _check_at_once(folder: Path, mail: Path, who: str) -> None:
    outside = replace(outside_of(open_store(folder), ToldClock(NOON), who=who), channels=[JsonLines(mail)])
    alert_deadline(feed_of(file_of("a"), file_of("b")), DAY, outside)


def test_of_many_at_once_one_sends(tmp_path: Path) -> None:
    """Five processes check the same date at the same moment: people hear of it once."""
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_check_at_once, args=(tmp_path / "dados", tmp_path / "mail.jsonl", f"ana{n}@maquina"))
        for n in range(5)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    lines = [json.loads(line) for line in (tmp_path / "mail.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["condition"], line["number"], line["date"]) for line in lines] == [("deadline", 1, "2026-11-22")]


def test_a_mailbox_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """As an error that names it."""
    notice = Notice("f", DAY, DEADLINE, 1, over=False, text="t")
    with pytest.raises(NotifyError, match="the alert cannot be written"):
        JsonLines(tmp_path / "missing" / "mail.jsonl").send(notice)


def test_the_command_writes_the_alarm_down_once(tmp_path: Path) -> None:
    """It says the same each time; the facts say that it was told once."""
    words = ("deadline", PLANOS, "--date", "2026-11-20", "--store", tmp_path)
    first, again = posicional(*words), posicional(*words)
    assert (first.code, first.out) == (again.code, again.out) == (3, first.out)
    assert first.out.startswith("[planos] 20/11 12:00 ATRASADO: nada chegou (0 de 7).")
    assert first.out.count("\n") == 8
    alerts = tmp_path / "controle" / "planos" / "2026-11-20" / "alerts"
    assert sorted(path.name for path in alerts.iterdir()) == ["deadline-0001.due.json", "deadline-0001.sent.json"]


def test_what_the_alarm_says_to_type_can_be_typed(tmp_path: Path) -> None:
    """Every line of an alarm ends with its command, which reaches the store that was looked at; only the reason is left
    to be written, and dots are none.
    """
    feed = write_feed(tmp_path / "feed dir").path
    store = tmp_path / "another store"
    (store / "dados-posicionais").mkdir(parents=True)
    (store / "dados-posicionais" / "CONTRATOS_20261120.txt").write_bytes(contratos(day=date(2026, 11, 20), counted=9))
    (store / "dados-posicionais" / "CLIENTES_20261120.txt").write_bytes(clientes())
    day = ("--date", "2026-11-20", "--store", store)
    posicional("run", feed, *day)
    line = next(line for line in posicional("deadline", feed, *day).out.splitlines() if line.startswith("  recusado"))
    command = shlex.split(line.partition("ou: ")[2])
    assert command[:2] == ["posicional", "accept"]
    assert "a decision needs a reason" in posicional(*command[1:]).err
    assert posicional(*command[1:-1], "counted by hand").code == 0
    posicional("hold", feed, *day, "--why", "wait")
    held = posicional("deadline", feed, *day).out.splitlines()[1]
    assert posicional(*shlex.split(held.partition(" -> ")[2])[1:-1], "go on").code == 0
    begin = posicional("deadline", feed, *day).out.splitlines()[1]
    assert begin.startswith("  ação      quem opera -> posicional run ")
    assert posicional(*shlex.split(begin.partition(" -> ")[2])[1:]).code == 0
    assert "publicado com atraso" in posicional("deadline", feed, *day).out


def test_the_command_for_a_script(tmp_path: Path) -> None:
    """What was told now stands beside the rest; in the language that is asked for."""
    words = ("deadline", PLANOS, "--date", "2026-11-20", "--store", tmp_path, "--json", "--language", "en")
    first, again = posicional(*words).json, posicional(*words).json
    assert first["alert"] == {"condition": "deadline", "number": 1, "over": False}
    assert again["alert"] is None
    assert first["text"] == again["text"]
    assert first["text"].startswith("[planos] 2026-11-20 12:00 LATE: nothing arrived (0 of 7).")


def test_the_command_on_a_store_that_is_none(tmp_path: Path) -> None:
    """Exit code 5, and the alarm all the same."""
    (tmp_path / "dados").write_text("a file")
    said = posicional("deadline", PLANOS, "--date", "2026-11-20", "--store", tmp_path / "dados")
    assert said.code == 5
    assert "SEM RESPOSTA" in said.out
    assert str(tmp_path / "dados") in said.err


def test_the_command_without_a_date(tmp_path: Path) -> None:
    """A deadline just before midnight: yesterday's was missed, today's is not due; the code is about the former."""
    folder = tmp_path / "feed"
    shutil.copytree(PLANOS.parent, folder)
    feed = folder / "feed.yaml"
    feed.write_text(
        feed.read_text(encoding="utf-8").replace('deadline: "12:00"', 'deadline: "23:59"'), encoding="utf-8"
    )
    before = datetime.now(ZoneInfo("America/Sao_Paulo")).date() - timedelta(days=2)
    posicional(
        "hold", feed, "--store", tmp_path / "dados", "--date", str(before), "--why", "the feed is there since then"
    )
    said = posicional("deadline", feed, "--store", tmp_path / "dados")
    lines = [line for line in said.out.splitlines() if line.startswith("[planos]")]
    assert ["ATRASADO" in line for line in lines] == [True, False]
    assert (said.code, "ainda não venceu" in lines[1]) == (3, True)
    words = posicional("deadline", feed, "--store", tmp_path / "dados", "--json").json
    assert [words["standing"], *(other["standing"] for other in words["others"])] == ["nothing arrived", "not due"]
