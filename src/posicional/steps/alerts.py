"""Telling people: an alert is written down before it is sent, and again when it was.

So whoever looks at the day next knows what has been told, and sends again what may not have been. People are told even
when the store cannot be read or written, though then perhaps twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

from posicional.contract.feed import Feed
from posicional.day.alarm import unreadable
from posicional.day.alarm_words import Language
from posicional.day.alerts import DEADLINE, Condition, Raise, Resend, at_deadline, conditions, next_alert
from posicional.day.facts import Alert
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import AlertKey
from posicional.errors import StoreError
from posicional.ports import Event, Notice, Notifier, Outside
from posicional.steps.days import place
from posicional.steps.deadline import Deadline, assess, told


def alert_deadline(
    feed: Feed, day: date, outside: Outside, language: Language = "pt"
) -> tuple[Deadline, Notice | None]:
    """Check a business date at its deadline, and tell people what they do not know yet: the notice that was sent.

    Raises `NotifyError`, and `StoreError` when the ledger cannot be read or written (people are told all the same).
    """
    try:
        facts = Ledger(outside, feed.name, day).read()
        state, found = assess(feed, facts, outside)
        text = told(feed, state, found, outside, language)
    except StoreError as error:
        _tell_unreadable(feed, day, outside, language, error)
        raise
    checked = Deadline(feed.name, day, place(feed, day), found, text)
    return checked, _alert(facts, at_deadline(state, found), outside, lambda: text)


def raise_alerts(feed: Feed, facts: Facts, outside: Outside, language: Language = "pt") -> tuple[Notice, ...]:
    """Tell people what they do not know yet of a date whose facts have just been read: the notices that were sent.

    All conditions, not the deadline's alone. Reads no other date unless there is something to tell. Raises
    `NotifyError`, `StoreError`.
    """
    state, found = assess(feed, facts, outside)
    now = outside.clock.now()
    text = partial(told, feed, state, found, outside, language)
    notices = [
        _alert(facts, condition, outside, partial(text, condition.name)) for condition in conditions(state, found, now)
    ]
    return tuple(notice for notice in notices if notice)


def _alert(facts: Facts, condition: Condition, outside: Outside, text: Callable[[], str]) -> Notice | None:
    if outside.notify is None:
        return None
    ledger = Ledger(outside, facts.feed, facts.date)
    match next_alert(facts, condition, outside.clock.now(), outside.gone):
        case None:
            return None
        case Resend(number, due):
            _send(ledger, outside.notify, number, due)
        case Raise(number):
            due = Alert(
                **ledger.sign(),
                condition=condition.name,
                actor=condition.actor,
                about=tuple(sorted(condition.about)),
                text=text(),
            )
            try:
                ours = ledger.write(AlertKey(condition.name, number, "due"), due)
            except StoreError:
                outside.notify.send(_notice(ledger, number, due))
                raise
            if not ours:  # somebody else is at it
                return None
            _send(ledger, outside.notify, number, due)
    return _notice(ledger, number, due)


def _send(ledger: Ledger, notify: Notifier, number: int, due: Alert) -> None:
    notify.send(_notice(ledger, number, due))
    sent = Alert(**ledger.sign(), condition=due.condition, actor=due.actor, about=due.about)
    ledger.write(AlertKey(due.condition, number, "sent"), sent)
    ledger.outside.tell(Event("alert", f"{due.condition} {number} sent", {"condition": due.condition}))


def _notice(ledger: Ledger, number: int, due: Alert) -> Notice:
    return Notice(ledger.feed, ledger.date, due.condition, number, over=not due.actor, text=due.text)


def _tell_unreadable(feed: Feed, day: date, outside: Outside, language: Language, error: StoreError) -> None:
    """Nobody knows how the date stands: when it is due, that is told every time."""
    due = feed.calendar.due_at(feed.deadline, day, feed.timezone)
    if outside.notify is None or not feed.calendar.is_business_date(day) or outside.clock.now() < due:
        return
    text = unreadable(feed, day, due, str(error), language)
    outside.notify.send(Notice(feed.name, day, DEADLINE, 0, over=False, text=text))
