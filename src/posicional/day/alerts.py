"""Which alert is due about a condition of a day: pure, from those that were due before.

One alert for each condition, numbered: 1 raises it; a later number follows it up when somebody else is to act or
something new is in the way; the last one says that it is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeGuard

from posicional.day.deadline import Situation, Stage
from posicional.day.facts import Alert, Fact, Unreadable
from posicional.day.journal import Facts
from posicional.day.keys import AlertKey, FactKey
from posicional.day.series import Gone
from posicional.day.state import Day

DEADLINE = "deadline"
"""The condition that a business date is not published at its deadline."""
EXPECTED = "expected"
"""That files are not here which should be, before the deadline: an early warning."""
REFUSED = "refused"
"""That the newest arrival of a file was refused, also where an older one counts."""
FAILED = "failed"
"""That a run or publication failed and is not tried again by itself, also where readers see an earlier one; or that a
target is down when the deadline is `NEAR`, though it is tried again.
"""

NEAR = timedelta(hours=1)
"""So long before the deadline people are told of what may be over by itself before it."""

PATIENCE = timedelta(minutes=2)
"""How long an alert that is due and not sent is left to whoever wrote it."""

Actor = Literal["", "senders", "nobody", "operators"]
"""Whose turn it is; nobody's while the machine is at it, and empty where nobody needs to do anything."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as it is now. `about`: what is in the way, each by a name of its own."""

    name: str
    actor: Actor
    about: frozenset[str]

    @property
    def over(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.actor


@dataclass(frozen=True, slots=True)
class Raise:
    """Alert `number` is to be written, then sent."""

    number: int


@dataclass(frozen=True, slots=True)
class Resend:
    """Alert `number` was due and not sent."""

    number: int
    alert: Alert


def conditions(day: Day, found: Situation, now: datetime) -> Iterator[Condition]:
    """All conditions that can be told of a date now; of one that is not among them nothing new is to be said."""
    yield at_deadline(day, found)
    if now < found.due or not found.overdue:  # after that the deadline's own alarm says more
        yield _condition(EXPECTED, "senders", (f"overdue {name}" for name in found.overdue))
    yield _condition(REFUSED, "senders", () if found.standing == "skipped" else _refused(day, found))
    stage = found.stage
    if stage is None:
        yield Condition(FAILED, "", frozenset())
    elif found.stuck or (stage.outage and now >= found.due - NEAR):
        yield _condition(FAILED, "operators", [_failure(stage)])


def _condition(name: str, actor: Actor, about: Iterable[str]) -> Condition:
    things = frozenset(about)
    return Condition(name, actor if things else "", things)


def at_deadline(day: Day, found: Situation) -> Condition:
    """The deadline's condition."""
    actor: Actor = "senders"
    if found.good:
        actor = ""
    elif found.standing == "running":
        actor = "nobody"
    elif found.standing in ("held", "failed", "not processed"):
        actor = "operators"
    return Condition(DEADLINE, actor, frozenset(_about(day, found)))


def _about(day: Day, found: Situation) -> Iterator[str]:
    """A file that is missing and then refused is something new; a second attempt of the machine is not."""
    stage, absent = found.stage, {*found.missing, *found.optional} - {*found.refused, *found.unread}
    yield from _refused(day, found)
    yield from (f"missing {name}" for name in absent)
    if found.standing == "held":
        yield "held"
    elif found.standing in ("failed", "not processed"):
        yield _failure(stage) if stage else "run"


def _failure(stage: Stage) -> str:
    """What failed. While its target is down each further attempt is nothing new."""
    return f"{stage.series}: outage" if stage.outage else f"{stage.series} {stage.number}"


def _refused(day: Day, found: Situation) -> Iterator[str]:
    """Each refused arrival: one that is refused again is something new."""
    for name in found.refused:
        arrival = day.files[name].refused
        yield f"refused {name} {arrival.number if arrival else 0}"


def next_alert(facts: Facts, condition: Condition, now: datetime, gone: Gone) -> Raise | Resend | None:
    """What is to be told now; None when all has been. `gone`: whether whoever signed so is known to have ended."""
    number, told, sent = _last(facts, condition.name)
    if told is None:
        return None if condition.over else Raise(1)
    if not isinstance(told, Alert) or told.actor != condition.actor or condition.about - set(told.about):
        return Raise(number + 1)
    left = not sent and (now - told.at >= PATIENCE or gone(told.who))
    return Resend(number, told) if left else None


def _last(facts: Facts, name: str) -> tuple[int, Fact | Unreadable | None, bool]:
    """Number and fact of the last alert about a condition, and whether it was sent; a fact that is there says so."""
    due = {key.number: fact for key, fact in facts.entries.items() if _is(key, name, "due")}
    number = max(due, default=0)
    return number, due.get(number), AlertKey(name, number, "sent") in facts.entries


def _is(key: FactKey, name: str, what: str) -> TypeGuard[AlertKey]:
    return isinstance(key, AlertKey) and (key.condition, key.what) == (name, what)
