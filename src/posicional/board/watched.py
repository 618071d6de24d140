"""A feed as the board looks at it, and what the board remembers of its days."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from posicional.backends.remember import Remembering
from posicional.board.memory import Memory
from posicional.contract.feed import Feed
from posicional.day.journal import Facts, Ledger
from posicional.ports import Outside
from posicional.steps.latest import with_latest


@dataclass(frozen=True, slots=True)
class Watched:
    """A feed with the outside it is looked at through."""

    feed: Feed
    outside: Outside
    memory: Memory = field(default_factory=Memory, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The feed's name."""
        return self.feed.name

    @property
    def today(self) -> date:
        """The business date of today; the one before, where today is none."""
        today = self.outside.clock.now().astimezone(self.feed.timezone).date()
        calendar = self.feed.calendar
        return today if calendar.is_business_date(today) else calendar.previous(today)

    def local(self, moment: datetime) -> datetime:
        """A moment in the feed's zone."""
        return moment.astimezone(self.feed.timezone)

    def ledger(self, when: date) -> Ledger:
        """The ledger of a date."""
        return Ledger(self.outside, self.feed.name, when)

    def look_anew(self, when: date) -> None:
        """Ask the store which facts a date has, though it may be long over."""
        if isinstance(self.outside.store, Remembering):
            self.outside.store.list_anew(self.ledger(when).prefix)

    def facts(self, when: date) -> Facts:
        """The facts of a date, with those of earlier ones that count there. Raises `StoreError`."""
        return with_latest(self.feed, self.outside, self.memory.facts(self.ledger(when)))
