"""Which alert is due about a condition of a day: pure, from those that were due before.

One alert for each condition, numbered: 1 raises it; a later number follows it up when somebody else is to act or
something new is in the way, or reminds of it until somebody acknowledges; the last one says that it is over. Each is
sent through several channels, and again through those that failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from posicional.contract.feed import Severity
from posicional.day.deadline import Situation, Stage
from posicional.day.decisions import decisions_of
from posicional.day.facts import Alert, Fact, Unreadable
from posicional.day.journal import Facts
from posicional.day.keys import AlertKey
from posicional.day.series import Gone
from posicional.day.state import Day
from posicional.day.usual import Unusual

DEADLINE = "deadline"
"""The condition that a business date is not published at its deadline."""
EXPECTED = "expected"
"""That files are not here which should be, before the deadline: an early warning."""
UNUSUAL = "unusual"
"""That a file came and is not as it usually is: its rows, its rejects, or the same content as on the date before."""
REFUSED = "refused"
"""That the newest arrival of a file was refused, also where an older one counts."""
FAILED = "failed"
"""That a run or publication failed and is not tried again by itself, also where readers see an earlier one; or that a
target is down when the deadline is `NEAR`, though it is tried again.
"""

NEAR = timedelta(hours=1)
"""So long before the deadline people are told of what may be over by itself before it."""

CONDITIONS = (DEADLINE, EXPECTED, UNUSUAL, REFUSED, FAILED)
WARNINGS = frozenset({EXPECTED, UNUSUAL})
"""The conditions that nobody is reminded of."""

PATIENCE = timedelta(minutes=2)
"""How long an alert that is due and not sent is left to whoever wrote it."""

BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 240))
"""How long a channel that failed is left alone after the first, second, … attempt; after the last it is given up."""

SELDOM = timedelta(days=1)
"""An alarm that stands for longer than this is reminded of once in so long."""

Actor = Literal["", "senders", "nobody", "operators"]
"""Whose turn it is; nobody's while the machine is at it, and empty where nobody needs to do anything."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as it is now. `about`: what is in the way, each by a name of its own.

    `told_elsewhere`: another condition's alarm says it as well, so that nobody need be reminded of this one.
    """

    name: str
    actor: Actor
    about: frozenset[str]
    told_elsewhere: bool = False

    @property
    def over(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.actor

    @property
    def severity(self) -> Severity:
        """Whether somebody must act, or might want to look."""
        return severity_of(self.name)


def severity_of(condition: str) -> Severity:
    """Whether a condition is an alarm or a warning."""
    return "warning" if condition in WARNINGS else "alarm"


@dataclass(frozen=True, slots=True)
class Raise:
    """Alert `number` is to be written, then sent; `again`: which reminder it is, 0 for none."""

    number: int
    again: int = 0


@dataclass(frozen=True, slots=True)
class Resend:
    """Alert `number` was not sent, or not through all channels: another `attempt`.

    `channels`: those that it did not get through; None where nobody knows.
    """

    number: int
    alert: Alert
    attempt: int
    channels: frozenset[str] | None = None


# --- what can be told of a date ---------------------------------------------------------------------------------------


def conditions(
    day: Day,
    found: Situation,
    now: datetime,
    late: Sequence[str] | None = None,
    unusual: Sequence[Unusual] | None = None,
) -> Iterator[Condition]:
    """All conditions that can be told of a date now; of one that is not among them nothing new is to be said.

    `late`: files that usually are here by now. `unusual`: what is so about those that came. None where nobody looked.
    """
    deadline = at_deadline(day, found)
    yield deadline
    overdue = overdue_files(day, found, late or ())
    if now < found.due and overdue:  # after that the deadline's own alarm says more
        yield _condition(EXPECTED, "senders", [f"overdue {name}" for name in overdue])
    elif _nothing_expected(day, found, looked=late is not None):
        yield _condition(EXPECTED, "senders", ())
    if unusual is not None:
        yield _condition(UNUSUAL, "operators", (_name(day, one) for one in unusual))
    told = not deadline.over and now >= found.due
    refused = () if found.standing == "skipped" else _refused(day, found)
    yield _condition(REFUSED, "senders", refused, told_elsewhere=told)
    stage = found.failed or found.stage
    if stage is None:
        yield Condition(FAILED, "", frozenset())
    elif found.failed or found.stuck or _is_near(found, stage, now):
        hidden = found.failed is not None and found.failed != found.stage
        yield _condition(FAILED, "operators", [_failure(stage)], told_elsewhere=told and not hidden)


def _is_near(found: Situation, stage: Stage, now: datetime) -> bool:
    """Whether an outage may not be over before the deadline of a date that somebody waits for."""
    return stage.outage and found.standing != "skipped" and now >= found.due - NEAR


def _nothing_expected(day: Day, found: Situation, *, looked: bool) -> bool:
    """Whether an early warning is over. Where nobody looked at what is usual, a file that is not here may be late."""
    absent = any(not day.files[name].arrivals for name in found.missing)
    return looked or found.standing == "skipped" or not absent


def overdue_files(day: Day, found: Situation, late: Sequence[str]) -> tuple[str, ...]:
    """The files that should be here: by the contract, or by what is usual; in the order of the feed."""
    return tuple(name for name in day.files if name in found.overdue or name in late)


def _condition(name: str, actor: Actor, about: Iterable[str], *, told_elsewhere: bool = False) -> Condition:
    things = frozenset(about)
    return Condition(name, actor if things else "", things, told_elsewhere)


def _name(day: Day, one: Unusual) -> str:
    """A correction that is unusual as well is something new."""
    arrival = day.files[one.file].current
    return f"{one.what} {one.file} {arrival.number if arrival else 0}"


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


# --- what was told ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at an alert: begun, and what came of it (None: nobody knows yet)."""

    number: int
    due: Fact | Unreadable
    sent: Fact | Unreadable | None


@dataclass(frozen=True, slots=True)
class Told:
    """An alert with the attempts at sending it, the first of which stands for the alert itself."""

    number: int
    attempts: tuple[Attempt, ...]

    @property
    def due(self) -> Alert | None:
        """What was to be told; None where that cannot be read."""
        due = self.attempts[0].due
        return due if self.attempts[0].number == 1 and isinstance(due, Alert) else None

    @property
    def silenced(self) -> bool:
        """Whether it was only written down."""
        return self.due is not None and self.due.silent_until is not None

    @property
    def outcomes(self) -> Mapping[str, str]:
        """Channel -> why it did not take the alert, empty where it did; as the newest attempt says of each."""
        found: dict[str, str] = {}
        for attempt in self.attempts:
            if isinstance(attempt.sent, Alert):
                found |= {one.channel: one.error for one in attempt.sent.channels}
        return found

    @property
    def failed(self) -> Mapping[str, str]:
        """The channels that have not taken it, and why."""
        return {name: error for name, error in self.outcomes.items() if error}

    @property
    def again_at(self) -> datetime | None:
        """When the channels that failed are tried again, at the earliest; None where nobody will."""
        last = self.attempts[-1]
        if not self.failed or last.sent is None or last.number > len(BACKOFF):
            return None
        return last.sent.at + BACKOFF[last.number - 1]


def told(facts: Facts, condition: str) -> tuple[Told, ...]:
    """The alerts about a condition, in their order."""
    due: dict[int, dict[int, Fact | Unreadable]] = {}
    for key, fact in facts.entries.items():
        if isinstance(key, AlertKey) and (key.condition, key.what) == (condition, "due"):
            due.setdefault(key.number, {})[key.attempt] = fact
    return tuple(
        Told(
            number,
            tuple(
                Attempt(one, fact, facts.entries.get(AlertKey(condition, number, "sent", one)))
                for one, fact in sorted(attempts.items())
            ),
        )
        for number, attempts in sorted(due.items())
    )


def first_of(facts: Facts, condition: str) -> datetime | None:
    """When that was told of which an alert is a reminder; None where nothing was."""
    return _first(told(facts, condition))


def _first(alerts: Sequence[Told]) -> datetime | None:
    return next((one.due.at for one in reversed(alerts) if one.due and not one.due.again), None)


def open_alerts(facts: Facts) -> Mapping[str, Told]:
    """Condition -> its newest alert, where that does not say that it is over."""
    newest = {name: alerts[-1] for name in CONDITIONS if (alerts := told(facts, name))}
    return {name: one for name, one in newest.items() if one.due is None or one.due.actor}


def unsent(facts: Facts, now: datetime) -> Iterator[str]:
    """What people have not heard though they should, in words: of the newest alert about each condition.

    What came and went while nobody was to be told is none. An attempt that is overdue for a day is made by nobody.
    """
    for name in CONDITIONS:
        for one in told(facts, name)[-1:]:
            if one.due and one.due.silent_until and one.due.actor:
                until = one.due.silent_until.astimezone(UTC)
                yield f"alert {name} {one.number} was not sent: silent until {until:%Y-%m-%d %H:%M} UTC"
            soon = one.again_at is not None and now < one.again_at + SELDOM
            again = f"the next after {one.again_at:%H:%M} UTC" if soon else "given up"
            for channel, error in one.failed.items():
                tries = len(one.attempts)
                yield f"alert {name} {one.number} has not reached {channel}: {error} (attempt {tries}, {again})"


def acknowledged(facts: Facts, condition: str) -> int:
    """The number of the last alert about a condition that somebody has acknowledged; 0 for none."""
    said = [one.decision for one in decisions_of(facts) if one.decision and one.decision.decision == "ack"]
    return max((int(one.about["alert"]) for one in said if one.about["condition"] == condition), default=0)


def is_known(facts: Facts, condition: str, alerts: Sequence[Told] | None = None) -> bool:
    """Whether somebody has acknowledged what the newest of the alerts says, or reminds of.

    A reminder that was being written at that moment is nothing new.
    """
    alerts = told(facts, condition) if alerts is None else alerts
    raised = next((one.number for one in reversed(alerts) if one.due is None or not one.due.again), 1)
    return acknowledged(facts, condition) >= raised


# --- what is to be told now -------------------------------------------------------------------------------------------


def next_alert(
    facts: Facts, condition: Condition, now: datetime, gone: Gone, every: timedelta, *, silent: bool = False
) -> Raise | Resend | None:
    """What is to be told now; None when all has been. `gone`: whether whoever signed so is known to have ended.

    `every`: how often people are reminded of an alarm. `silent`: nothing is sent now, so that it is only to be written
    down what is new; once that ends, what people know is what they were told before.
    """
    alerts = told(facts, condition.name)
    number = alerts[-1].number if alerts else 0
    heard = [one for one in alerts if silent or not one.silenced]
    if not heard:
        return None if condition.over else Raise(number + 1)
    last = heard[-1]
    if last.due is None or last.due.actor != condition.actor:
        return Raise(number + 1)
    if not condition.over and condition.about - set(last.due.about):
        return Raise(number + 1)
    if silent:
        return None
    if _is_to_be_reminded(condition, heard, last.due, now, every) and not is_known(facts, condition.name, heard):
        return Raise(number + 1, last.due.again + 1)
    return _resend(last, last.due, now, gone) if last.number == number else None


def moments(facts: Facts, every: timedelta) -> Iterator[datetime]:
    """When something may be told again though nothing happens: another attempt, a reminder, the end of a silence."""
    for name in CONDITIONS:
        alerts = told(facts, name)
        last = alerts[-1] if alerts else None
        if last is None or last.due is None:
            continue
        if last.due.silent_until:
            yield last.due.silent_until
        elif last.attempts[-1].sent is None:
            yield last.attempts[-1].due.at + PATIENCE
        if last.again_at:
            yield last.again_at
        if last.due.actor and severity_of(name) == "alarm" and not is_known(facts, name, alerts):
            yield last.due.at + _pause(alerts, last.due, every)


def _pause(heard: Sequence[Told], due: Alert, every: timedelta) -> timedelta:
    """How long people are left alone after an alarm, or the last reminder of it."""
    return every if due.at - (_first(heard) or due.at) < SELDOM else max(every, SELDOM)


def _resend(last: Told, due: Alert, now: datetime, gone: Gone) -> Resend | None:
    """Another attempt at an alert of which nobody knows whether it was sent, or that some channels have not taken."""
    attempt = last.attempts[-1]
    if attempt.sent is None:
        left = now - attempt.due.at >= PATIENCE or (isinstance(attempt.due, Fact) and gone(attempt.due.who))
        failed = frozenset(last.failed) if last.outcomes else None
        return Resend(last.number, due, attempt.number + 1, failed) if left and attempt.number <= len(BACKOFF) else None
    if last.again_at is not None and now >= last.again_at:
        return Resend(last.number, due, attempt.number + 1, frozenset(last.failed))
    return None


def _is_to_be_reminded(
    condition: Condition, heard: Sequence[Told], due: Alert, now: datetime, every: timedelta
) -> bool:
    """Whether it is time to, for an alarm that somebody can end and that no other alarm tells."""
    quiet = condition.over or condition.severity == "warning" or condition.actor == "nobody" or condition.told_elsewhere
    return not quiet and now - due.at >= _pause(heard, due, every)
