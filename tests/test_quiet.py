"""What people say of alerts: that they know of one, and that nobody is to be told for a while."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commands import posicional
from posicional.contract.feed import SEVERITIES, Feed, Severity
from posicional.day.alerts import DEADLINE
from posicional.day.facts import Alert, Decision
from posicional.day.journal import Ledger
from posicional.day.keys import AlertKey, DecisionKey, silence_key
from posicional.day.state import fold
from posicional.errors import UsageError
from posicional.ports import Notice, Outside
from posicional.steps.alerts import raise_alerts
from posicional.steps.quiet import acknowledge, silence, silence_of
from worlds import DAY, Story, ToldClock, feed_of, file_of, new_store, outside_of, write_feed

NOON = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class Heard:
    """What people hear."""

    notices: list[Notice] = field(default_factory=list)
    name: str = "mail"
    when: frozenset[Severity] = frozenset(SEVERITIES)

    def send(self, notice: Notice) -> None:
        """Hear one."""
        self.notices.append(notice)


@dataclass
class World:
    """A feed of two files at noon, of which nothing has come."""

    feed: Feed
    outside: Outside
    clock: ToldClock
    heard: Heard

    def look(self, after: timedelta) -> list[tuple[str, int, bool]]:
        """What people hear when somebody looks, so long after noon: condition, number, whether it is over."""
        self.clock.time, known = NOON + after, len(self.heard.notices)
        raise_alerts(self.feed, Ledger(self.outside, "f", DAY).read(), self.outside)
        return [(one.condition, one.number, one.over) for one in self.heard.notices[known:]]

    def comes(self, *files: str, run: bool = False) -> None:
        """Files come, and are processed if so wished."""
        story = Story(self.feed, now=self.clock.now())
        story.arrived(*files)
        if run:
            story.entries |= dict(Ledger(self.outside, "f", DAY).read().entries)
            story.run(1)
        ledger = Ledger(self.outside, "f", DAY)
        known = ledger.read().entries
        for key, fact in story.entries.items():
            if key not in known:
                assert ledger.write(key, fact)  # type: ignore[arg-type]  # all readable


@pytest.fixture(params=["memory", "folder"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Noon."""
    clock, heard = ToldClock(NOON), Heard()
    outside = replace(outside_of(new_store(request.param, tmp_path), clock), channels=[heard])
    return World(feed_of(file_of("a"), file_of("b")), outside, clock, heard)


def test_what_somebody_knows_of_is_not_repeated(world: World) -> None:
    """Until then every hour; afterwards only that something new is in the way, which is repeated anew, and the end."""
    assert world.look(timedelta()) == [(DEADLINE, 1, False)]
    assert world.look(HOUR) == [(DEADLINE, 2, False)]
    answer = acknowledge(world.feed, DAY, world.outside, condition=DEADLINE, why="the sender is on it")
    assert answer.text.startswith("decision 1: deadline 2 is acknowledged")
    assert acknowledge(world.feed, DAY, world.outside, condition=DEADLINE).number == 0
    assert world.look(5 * HOUR) == []
    story = Story(world.feed, now=world.clock.now())
    story.seen("b")
    story.done("b", 1, "refused", problems=["cut off"])
    for key, fact in story.entries.items():
        assert Ledger(world.outside, "f", DAY).write(key, fact)  # type: ignore[arg-type]  # all readable
    assert world.look(5 * HOUR) == [(DEADLINE, 3, False), ("refused", 1, False)]
    assert world.look(6 * HOUR) == [(DEADLINE, 4, False)]  # which says of the refused file as well


def test_an_alarm_that_stands_for_days_is_repeated_once_a_day(world: World) -> None:
    """Every hour on the first day; so a ledger of a month holds no thousand of them."""
    world.look(timedelta())
    heard = [world.look(n * HOUR) for n in range(1, 24 * 10)]
    assert sum(map(len, heard[:24])) == 24
    assert sum(map(len, heard[24:])) == 8


def test_the_feed_says_how_often(world: World) -> None:
    """Every six hours, if so wished."""
    world.feed = replace(world.feed, remind_every=6 * HOUR)
    world.look(timedelta())
    assert [bool(world.look(n * HOUR)) for n in range(1, 13)] == ([False] * 5 + [True]) * 2


def test_an_acknowledgement_is_a_decision_and_changes_nothing_else(world: World) -> None:
    """It stands among the day's decisions, and the day is the same."""
    world.look(timedelta())
    before = fold(world.feed, Ledger(world.outside, "f", DAY).read())
    acknowledge(world.feed, DAY, world.outside, condition=DEADLINE)
    facts = Ledger(world.outside, "f", DAY).read()
    said = facts.entries[DecisionKey(1)]
    assert isinstance(said, Decision)
    assert (said.decision, said.about, said.why) == ("ack", {"condition": DEADLINE, "alert": 1}, "")
    after = fold(world.feed, facts)
    assert (after.revision, after.decided.held, after.settled) == (before.revision, None, before.settled)


@pytest.mark.parametrize("condition", ["expected", "nonsense"])
def test_what_is_not_open_cannot_be_acknowledged(world: World, condition: str) -> None:
    """The error names what is."""
    with pytest.raises(UsageError, match=r"no open alert about .* -> none is open"):
        acknowledge(world.feed, DAY, world.outside, condition=condition)
    world.look(timedelta())
    with pytest.raises(UsageError, match=r"-> open are: deadline"):
        acknowledge(world.feed, DAY, world.outside, condition=condition)


def test_in_a_silence_alerts_are_written_down_and_not_sent(world: World) -> None:
    """Once, however often somebody looks; what still holds at its end is told then, as it is by then."""
    silence(world.feed, world.outside, until=NOON + 3 * HOUR, why="the mainframe is being moved")
    assert [world.look(n * HOUR / 2) for n in range(6)] == [[]] * 6
    facts = Ledger(world.outside, "f", DAY).read().entries
    due = facts[AlertKey(DEADLINE, 1, "due")]
    assert isinstance(due, Alert)
    assert due.silent_until == NOON + 3 * HOUR
    assert [str(key) for key in facts] == ["alerts/deadline-0001.due.json"]
    world.comes("a")
    assert world.look(3 * HOUR) == [(DEADLINE, 2, False)]
    assert "falta 1 de 2" in world.heard.notices[0].text
    assert world.look(3 * HOUR + MINUTE) == []


def test_what_came_and_went_in_a_silence_is_never_told(world: World) -> None:
    """Nobody hears of the end of something of which nobody heard."""
    silence(world.feed, world.outside, until=NOON + 3 * HOUR, why="the mainframe is being moved")
    world.look(timedelta())
    world.comes("a", "b", run=True)
    assert world.look(2 * HOUR) == []
    assert world.look(4 * HOUR) == []
    assert AlertKey(DEADLINE, 2, "due") in Ledger(world.outside, "f", DAY).read().entries


def test_the_end_of_what_was_told_before_a_silence_is_told_after_it(world: World) -> None:
    """People were told of an alarm; that it is over they hear when they are told again."""
    world.look(timedelta())
    silence(world.feed, world.outside, until=NOON + 3 * HOUR, why="lunch")
    world.comes("a", "b", run=True)
    assert world.look(2 * HOUR) == []
    assert world.look(3 * HOUR) == [(DEADLINE, 3, True)]


def test_the_newest_silence_holds(world: World) -> None:
    """A shorter one takes the place of a longer one; one until now ends it; one that cannot be read is none."""
    for hours in (24, 1):
        silence(world.feed, world.outside, until=NOON + hours * HOUR, why="moved")
    found = silence_of(world.feed, world.outside)
    assert found is not None
    assert found.text == "nobody is told until 2026-11-22 13:00: moved (ana@maquina)"
    assert silence(world.feed, world.outside, until=NOON, why="done").text == "people are told again"
    assert silence_of(world.feed, world.outside) is None
    silence(world.feed, world.outside, until=NOON + HOUR, why="moved")
    world.outside.store.create(silence_key("f", 5), b"{")
    assert silence_of(world.feed, world.outside) is None
    assert world.look(timedelta()) == [(DEADLINE, 1, False)]


@pytest.mark.parametrize(("hours", "why"), [(24 * 32, "long"), (1, "…")])
def test_a_silence_has_an_end_and_a_reason(world: World, hours: int, why: str) -> None:
    """Of a feed that nobody is to hear of for long nobody would remember that it is silent."""
    with pytest.raises(UsageError):
        silence(world.feed, world.outside, until=NOON + hours * HOUR, why=why)
    assert silence_of(world.feed, world.outside) is None


# The command line.


def test_the_commands(tmp_path: Path) -> None:
    """An alarm, its acknowledgement in the status, a silence in the status, and its end."""
    feed, words = write_feed(tmp_path / "feed").path, ("--store", tmp_path / "dados")
    day = ("--date", "2026-11-20")
    posicional("deadline", feed, *day, *words)
    said = posicional("ack", feed, "deadline", *day, *words)
    assert (said.code, said.out.partition(":")[0]) == (0, "saude 2026-11-20  decision 1")
    assert said.out.endswith("nobody is reminded of it until something new is in the way\n")
    assert posicional("ack", feed, "deadline", *day, *words, "--json").json["decision"] == 0
    assert "  1  ack deadline, alert 1 (" in posicional("status", feed, *day, *words).out
    assert posicional("ack", feed, "refused", *day, *words).code == 2
    quiet = posicional("silence", feed, "--until", "2099-01-01 08:00", "--why", "long", *words)
    assert (quiet.code, "31 days at the most" in quiet.err) == (2, True)
    until = f"{datetime.now(UTC) + 26 * HOUR:%Y-%m-%d %H:%M}"
    assert "nobody is told until" in posicional("silence", feed, "--until", until, "--why", "moved", *words).out
    assert f"nobody is told until {until}: moved (" in posicional("status", feed, *words).out
    assert posicional("status", feed, *words, "--json").json["silent_until"].startswith(until.replace(" ", "T"))
    assert f"nobody is told until {until}: moved (" in posicional("status", feed, *day, *words).out
    ended = posicional("silence", feed, "--until", "now", "--why", "done", *words)
    assert ended.out == "saude  people are told again\n"
    assert "nobody is told" not in posicional("status", feed, *words).out


@pytest.mark.parametrize("until", ["2020-01-01 08:00", "soon", "25:00", "8h"])
def test_a_time_that_is_none(until: str, tmp_path: Path) -> None:
    """The error says what is."""
    feed = write_feed(tmp_path / "feed").path
    said = posicional("silence", feed, "--until", until, "--why", "moved", "--store", tmp_path / "dados")
    assert (said.code, "--until" in said.err) == (2, True)
