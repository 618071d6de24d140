"""Telling people: an alert is written down before it is sent, and again when it was, with what became of it.

So whoever looks at the day next knows what has been told, and sends again what may not have been, through the channels
that are left over. One that fails keeps neither the others nor the day. People are told even when the store cannot be
read or written, though then perhaps twice; whoever keeps at it remembers what it could not write down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property, partial

from posicional.backends.notify import tell_all
from posicional.contract.feed import Feed
from posicional.day.alarm import Reminder, unreadable
from posicional.day.alarm_words import Language
from posicional.day.alerts import (
    DEADLINE,
    Condition,
    Raise,
    Resend,
    at_deadline,
    conditions,
    first_of,
    moments,
    next_alert,
    severity_of,
)
from posicional.day.facts import Alert, ChannelFact
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import AlertKey
from posicional.errors import StoreError
from posicional.ports import Channel, Event, Notice, Outside
from posicional.steps.days import place
from posicional.steps.deadline import Deadline, assess, told
from posicional.steps.quiet import silence_of
from posicional.steps.usual import look_early


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What a process has told and could not write down: no fact keeps it from telling that at each of its attempts."""

    told: dict[tuple[date, str], tuple[Condition, datetime]] = field(default_factory=dict)

    def is_new(self, day: date, condition: Condition, now: datetime, every: timedelta) -> bool:
        """Whether it is to be told: it is new, or was told so long ago (`every`) that people are reminded. Notes it."""
        if known := self.told.get((day, condition.name)):
            last, at = known
            more = last.actor != condition.actor or (not condition.over and condition.about - last.about)
            if not more and now - at < every:
                return False
        self.told[day, condition.name] = condition, now
        return True

    def forget(self, day: date, condition: str) -> None:
        """From now on the facts tell what people know."""
        self.told.pop((day, condition), None)


def alert_deadline(
    feed: Feed, day: date, outside: Outside, language: Language = "pt", unwritten: Unwritten | None = None
) -> tuple[Deadline, Notice | None]:
    """Check a business date at its deadline, and tell people what they do not know yet: the notice that was sent.

    `unwritten`: what this process told and could not write down, for one that tries again and again. Raises
    `StoreError` when the ledger cannot be read or written (people are told all the same).
    """
    unwritten = unwritten or Unwritten()
    try:
        facts = Ledger(outside, feed.name, day).read()
        state, found = assess(feed, facts, outside)
        text = told(feed, state, found, outside, language)
    except StoreError as error:
        _tell_unreadable(feed, day, outside, language, error, unwritten)
        raise

    def anew(reminder: Reminder | None) -> str:
        return told(feed, state, found, outside, language, reminder=reminder) if reminder else text

    notice = _Teller(feed, facts, outside, unwritten).tell(at_deadline(state, found), anew)
    return Deadline(feed.name, day, place(feed, day), found, text), notice


def raise_alerts(
    feed: Feed, facts: Facts, outside: Outside, language: Language = "pt", unwritten: Unwritten | None = None
) -> tuple[Notice, ...]:
    """Tell people what they do not know yet of a date whose facts have just been read: the notices that were sent.

    `unwritten`: what this process told and could not write down, for one that tries again and again. All conditions,
    not the deadline's alone. Reads other dates only where something can be said early, and where there is something to
    tell. Raises `StoreError`.
    """
    if not outside.channels:
        return ()
    state, found = assess(feed, facts, outside)
    early = look_early(feed, state, found, outside)
    teller = _Teller(feed, facts, outside, unwritten or Unwritten())

    def text(condition: str, reminder: Reminder | None) -> str:
        return told(feed, state, found, outside, language, condition, early=early, reminder=reminder)

    notices = [
        teller.tell(condition, partial(text, condition.name))
        for condition in conditions(state, found, early.now, early.late, early.unusual)
    ]
    return tuple(notice for notice in notices if notice)


def follow_up(
    feed: Feed, ledger: Ledger, facts: Facts, language: Language = "pt", unwritten: Unwritten | None = None
) -> tuple[datetime, ...]:
    """Tell people what they do not know yet of a date, as `raise_alerts`: when they may have to be told again though
    nothing happens.
    """
    now = ledger.outside.clock.now()
    if raise_alerts(feed, facts, ledger.outside, language, unwritten):
        facts = ledger.read(facts)
    return tuple(moment for moment in moments(facts, feed.remind_every) if moment > now)


Text = Callable[[Reminder | None], str]
"""What people are told, or reminded of."""


@dataclass(frozen=True)
class _Teller:
    """Tells of one date of a feed."""

    feed: Feed
    facts: Facts
    outside: Outside
    unwritten: Unwritten

    @cached_property
    def ledger(self) -> Ledger:
        """Where it is written down."""
        return Ledger(self.outside, self.facts.feed, self.facts.date)

    @cached_property
    def silent_until(self) -> datetime | None:
        """Until when nobody is to be told; looked up only where there is something to tell."""
        try:
            silence = silence_of(self.feed, self.outside)
        except StoreError:  # rather told for nothing than not at all
            return None
        return silence.until if silence else None

    def tell(self, condition: Condition, text: Text) -> Notice | None:
        """Tell people of a condition what they do not know yet: the notice, where one was sent."""
        if not self.outside.channels:
            return None
        upcoming = partial(
            next_alert, self.facts, condition, self.outside.clock.now(), self.outside.gone, self.feed.remind_every
        )
        loud, silent = upcoming(), upcoming(silent=True)
        if loud is None and silent is None:
            return None
        match silent if self.silent_until else loud:
            case Resend(number, due, attempt, channels):
                return self._again(number, due, attempt, channels)
            case Raise(number, again):
                return self._raise(condition, number, again, text)
        return None

    def _raise(self, condition: Condition, number: int, again: int, text: Text) -> Notice | None:
        since = first_of(self.facts, condition.name)
        said = text(Reminder(again, since) if again and since else None)
        due = Alert(
            **self.ledger.sign(),
            condition=condition.name,
            actor=condition.actor,
            about=tuple(sorted(condition.about)),
            text=said,
            again=again,
            silent_until=self.silent_until,
        )
        channels = _interested(self.outside, condition.name)
        try:
            ours = self.ledger.write(AlertKey(condition.name, number, "due"), due)
        except StoreError:
            now, every = self.outside.clock.now(), self.feed.remind_every
            if not self.silent_until and self.unwritten.is_new(self.ledger.date, condition, now, every):
                tell_all(channels, _notice(self.ledger, number, due))
            raise
        self.unwritten.forget(self.ledger.date, condition.name)
        if not ours:  # somebody else is at it
            return None
        if self.silent_until:
            until = f"{self.silent_until:%Y-%m-%d %H:%M}"
            why = f"{condition.name} {number} is written down and not sent: silent until {until}"
            self.outside.tell(Event("silent", why, {"condition": condition.name}))
            return None
        return self._send(number, due, 1, channels)

    def _again(self, number: int, due: Alert, attempt: int, names: frozenset[str] | None) -> Notice | None:
        """Through the channels that are left over, as far as they are known here; one process makes each attempt."""
        channels = [one for one in _interested(self.outside, due.condition) if names is None or one.name in names]
        begun = Alert(**self.ledger.sign(), condition=due.condition, actor=due.actor, about=due.about)
        if not channels or not self.ledger.write(AlertKey(due.condition, number, "due", attempt), begun):
            return None
        return self._send(number, due, attempt, channels)

    def _send(self, number: int, due: Alert, attempt: int, channels: Sequence[Channel]) -> Notice:
        notice = _notice(self.ledger, number, due)
        outcomes = tell_all(channels, notice)
        sent = Alert(
            **self.ledger.sign(),
            condition=due.condition,
            actor=due.actor,
            about=due.about,
            channels=tuple(ChannelFact(channel=name, error=error) for name, error in outcomes.items()),
        )
        for name, error in outcomes.items():
            became = f"not sent through {name}: {error}" if error else f"sent through {name}"
            facts = {"condition": due.condition, "number": number, "channel": name, "sent": not error}
            self.outside.tell(Event("alert", f"{due.condition} {number} {became}", facts))
        self.ledger.write(AlertKey(due.condition, number, "sent", attempt), sent)
        return notice


def _interested(outside: Outside, condition: str) -> list[Channel]:
    return [channel for channel in outside.channels if severity_of(condition) in channel.when]


def _notice(ledger: Ledger, number: int, due: Alert) -> Notice:
    return Notice(
        ledger.feed,
        ledger.date,
        due.condition,
        number,
        over=not due.actor,
        text=due.text,
        severity=severity_of(due.condition),
        again=due.again,
    )


def _tell_unreadable(
    feed: Feed, day: date, outside: Outside, language: Language, error: StoreError, unwritten: Unwritten
) -> None:
    """Nobody knows how the date stands: when it is due, that is told, and no fact will say so."""
    due = feed.calendar.due_at(feed.deadline, day, feed.timezone)
    now, unknown = outside.clock.now(), Condition("unreadable", "operators", frozenset())
    if (
        not feed.calendar.is_business_date(day)
        or now < due
        or not unwritten.is_new(day, unknown, now, feed.remind_every)
    ):
        return
    text = unreadable(feed, day, due, str(error), language)
    tell_all(_interested(outside, DEADLINE), Notice(feed.name, day, DEADLINE, 0, over=False, text=text))
