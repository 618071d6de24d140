"""Whatever happens to a condition, to channels and to whoever tells: in the end everybody knows how it stands, and is
not told it twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from posicional.day.alerts import DEADLINE, Actor, Condition, Raise, Resend, next_alert, told
from posicional.day.facts import Alert, ChannelFact, Decision
from posicional.day.journal import Facts
from posicional.day.keys import AlertKey, DecisionKey
from worlds import DAY

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOON = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
CHANNELS = ("mail", "chat")
STATES: tuple[tuple[Actor, str], ...] = (
    ("senders", "ab"),
    ("senders", "a"),
    ("operators", "run 1"),
    ("nobody", ""),
    ("", ""),
)


@dataclass
class World:
    """A condition, the facts about it, and what each channel has taken: (moment, number, actor, reminder)."""

    now: datetime = NOON
    state: Condition = field(default_factory=lambda: Condition(DEADLINE, "", frozenset()))
    facts: Facts = field(default_factory=lambda: Facts("f", DAY, {}))
    down: frozenset[str] = frozenset()
    silent_until: datetime = NOON
    taken: dict[str, list[tuple[int, str, int]]] = field(default_factory=lambda: {name: [] for name in CHANNELS})

    def write(self, key: AlertKey | DecisionKey, fact: Alert | Decision) -> None:
        """A fact, which nobody has written."""
        assert key not in self.facts.entries
        self.facts = replace(self.facts, entries={**self.facts.entries, key: fact})

    def look(self, *, dies: bool = False) -> None:
        """Somebody looks, and may die between telling and writing it down."""
        silent = self.now < self.silent_until
        found = next_alert(self.facts, self.state, self.now, lambda _who: False, HOUR, silent=silent)
        words = {"writer": "w", "at": self.now, "condition": DEADLINE}
        match found:
            case None:
                return
            case Raise(number, again):
                said = Alert.model_validate(
                    words
                    | {"actor": self.state.actor, "about": sorted(self.state.about), "again": again}
                    | {"silent_until": self.silent_until if silent else None}
                )
                self.write(AlertKey(DEADLINE, number, "due"), said)
                attempt, names = 1, frozenset(CHANNELS)
            case Resend(number, said, attempt, channels):
                assert not silent
                names = frozenset(CHANNELS) if channels is None else channels
                self.write(AlertKey(DEADLINE, number, "due", attempt), Alert.model_validate(words))
        if silent:
            return
        outcomes = []
        for name in sorted(names):
            if name not in self.down:
                self.taken[name].append((number, said.actor, said.again))
            outcomes.append(ChannelFact(channel=name, error="no connection" if name in self.down else ""))
        if not dies:
            self.write(
                AlertKey(DEADLINE, number, "sent", attempt), Alert.model_validate(words | {"channels": outcomes})
            )

    def acknowledge(self) -> None:
        """Somebody knows of the newest alert."""
        if alerts := told(self.facts, DEADLINE):
            number = 1 + sum(isinstance(key, DecisionKey) for key in self.facts.entries)
            about: dict[str, str | int] = {"condition": DEADLINE, "alert": alerts[-1].number}
            self.write(DecisionKey(number), Decision(writer="w", at=self.now, decision="ack", about=about))


EVENTS = st.one_of(
    st.tuples(st.just("state"), st.integers(0, len(STATES) - 1)),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("down"), st.integers(0, 3)),
    st.tuples(st.just("silence"), st.integers(0, 60)),
    st.tuples(st.sampled_from(["look", "dies", "ack"]), st.just(0)),
)


def lived(events: list[tuple[str, int]]) -> World:
    """The world after these events; somebody looks after each change."""
    world = World()
    for what, number in events:
        match what:
            case "state":
                actor, about = STATES[number]
                world.state = Condition(DEADLINE, actor, frozenset(about.split() if " " in about else about))
            case "wait":
                world.now += number * MINUTE
            case "down":
                world.down = frozenset(name for bit, name in enumerate(CHANNELS) if number >> bit & 1)
            case "silence":
                world.silent_until = world.now + number * MINUTE
            case "ack":
                world.acknowledge()
        if what != "ack":
            world.look(dies=what == "dies")
    return world


@given(st.lists(EVENTS, max_size=14))
def test_in_the_end_everybody_knows_how_it_stands(events: list[tuple[str, int]]) -> None:
    """Once all channels are up and no silence holds: whose turn it is, or that it is over where they heard of it."""
    world = lived(events)
    world.down = frozenset()
    for _ in range(200):
        world.now += 10 * MINUTE
        world.look()
    for taken in world.taken.values():
        last = taken[-1][1] if taken else ""
        assert last == world.state.actor


@given(st.lists(EVENTS, max_size=14))
def test_nobody_is_told_twice_without_a_crash(events: list[tuple[str, int]]) -> None:
    """A channel takes each number once, in their order."""
    world = lived([event for event in events if event[0] != "dies"])
    for taken in world.taken.values():
        numbers = [number for number, _, _ in taken]
        assert numbers == sorted(set(numbers))


@given(st.lists(EVENTS, max_size=10))
def test_after_an_acknowledgement_it_is_quiet(events: list[tuple[str, int]]) -> None:
    """Nothing is sent for days, as long as nothing changes and all has arrived."""
    world = lived(events)
    world.down, world.silent_until = frozenset(), world.now
    for _ in range(30):
        world.now += 10 * MINUTE
        world.look()
    world.acknowledge()
    before = {name: len(taken) for name, taken in world.taken.items()}
    for _ in range(72):
        world.now += HOUR
        world.look()
    assert {name: len(taken) for name, taken in world.taken.items()} == before
