"""What people say of alerts: that they know of one, or that nobody is to be told for a while.

Whoever acknowledges an alarm is not reminded of it, until something new is in the way. A silence stands beside the
days, for it is about the whole feed: what is due is written down, and what still holds is told when it has passed. The
newest one holds; one that cannot be read is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeGuard

from posicional.contract.feed import Feed
from posicional.day.alerts import is_known, open_alerts, unsent
from posicional.day.decisions import person
from posicional.day.facts import Decision, Fact, Unreadable, read_fact
from posicional.day.journal import Facts, Ledger, sign, write_fact
from posicional.day.keys import AlertKey, DecisionKey, silence_key, silences_prefix
from posicional.errors import UsageError
from posicional.ports import Outside
from posicional.steps.days import place
from posicional.steps.decide import Answer, reason_of

LONGEST = timedelta(days=31)
"""A silence has an end; a feed that nobody is to be told of for longer needs no watch."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Until when nobody is told, why, and who said so."""

    until: datetime
    why: str
    who: str

    @property
    def text(self) -> str:
        """The same in words."""
        return f"nobody is told until {self.until:%Y-%m-%d %H:%M}: {self.why} ({self.who})"


def acknowledge(feed: Feed, day: date, outside: Outside, *, condition: str, why: str = "") -> Answer:
    """Say that somebody knows of an alert, so that nobody is reminded of it. Raises `UsageError`, `StoreError`."""
    ledger = Ledger(outside, feed.name, day)
    facts: Facts | None = None
    while True:
        facts = ledger.read(facts)
        known = open_alerts(facts)
        if condition not in known:
            there = f"open are: {', '.join(known)}" if known else "none is open"
            raise UsageError(f"there is no open alert about {condition}", where=place(feed, day), hint=there)
        alert = known[condition].number
        if is_known(facts, condition):
            return Answer(0, f"already so: {condition} {alert} is acknowledged")
        number = 1 + max((key.number for key in facts.entries if isinstance(key, DecisionKey)), default=0)
        about: dict[str, str | int] = {"condition": condition, "alert": alert}
        fact = Decision(**ledger.sign(), decision="ack", why=" ".join(why.split()), about=about)
        if ledger.write(DecisionKey(number), fact):
            text = f"{condition} {alert} is acknowledged: nobody is reminded of it until something new is in the way"
            return Answer(number, f"decision {number}: {text}")


def alert_notes(feed: Feed, day: date, outside: Outside) -> tuple[str, ...]:
    """What people have not heard of a date though they should, and until when they are told nothing. For a report."""
    facts = Ledger(outside, feed.name, day).read(wanted=lambda key: isinstance(key, AlertKey))
    silence = silence_of(feed, outside)
    return (*unsent(facts, outside.clock.now()), *([silence.text] if silence else []))


def silence_of(feed: Feed, outside: Outside) -> Silence | None:
    """The silence that holds now; None where people are told. Reads one fact at most. Raises `StoreError`."""
    number = _newest(feed, outside)
    if not number:
        return None
    path = silence_key(feed.name, number)
    now = outside.clock.now()
    fact = read_fact(DecisionKey(number), outside.store.read(path), now)
    until = _until(fact)
    if until is None or not _is(fact) or until <= now:
        return None
    return Silence(until.astimezone(feed.timezone), fact.why, person(fact.who))


def silence(feed: Feed, outside: Outside, *, until: datetime, why: str) -> Answer:
    """Tell nobody of this feed until then; at once, where that is now. Raises `UsageError`, `StoreError`."""
    now = outside.clock.now()
    if until > now + LONGEST:
        hint = f"{LONGEST.days} days at the most; say it again before they are over"
        raise UsageError("a silence has an end that somebody can foresee", where=feed.name, hint=hint)
    local = until.astimezone(feed.timezone)
    said = reason_of(why, feed.name)
    while True:
        number = _newest(feed, outside) + 1
        about = {"until": local.isoformat(timespec="minutes")}
        fact = Decision(**sign(outside), decision="silence", why=said, about=about)
        if write_fact(outside, silence_key(feed.name, number), fact):
            break
    if until <= now:
        return Answer(number, "people are told again")
    return Answer(number, f"nobody is told until {local:%Y-%m-%d %H:%M}; what is due is written down")


def _newest(feed: Feed, outside: Outside) -> int:
    prefix = silences_prefix(feed.name)
    names = [found.key.removeprefix(prefix).removesuffix(".json") for found in outside.store.list(prefix)]
    return max((int(name) for name in names if name.isdecimal()), default=0)


def _is(fact: Fact | Unreadable) -> TypeGuard[Decision]:
    return isinstance(fact, Decision) and fact.decision == "silence"


def _until(fact: Fact | Unreadable) -> datetime | None:
    if not _is(fact):
        return None
    try:
        until = datetime.fromisoformat(str(fact.about["until"]))
    except ValueError:
        return None
    return until if until.tzinfo else None
