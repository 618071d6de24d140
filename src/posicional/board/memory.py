"""What the board has made of a feed's facts already. It may be thrown away at any time, and is when the process ends.

Facts never change, so those that were read are read no more; a day whose standing no further hour can change is not
thought through again until it has another fact. Which facts there are is asked of the store each time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from posicional.day.facts import Fact
from posicional.day.journal import Facts, Ledger

if TYPE_CHECKING:
    from posicional.board.past import PastDay

DAYS = 400
"""Dates of a feed that are remembered at the most: a year, some tens of megabytes."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The facts of the dates that were looked at last, and what was made of them."""

    _facts: OrderedDict[date, Facts] = field(default_factory=OrderedDict, repr=False)
    _past: dict[date, PastDay] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def facts(self, ledger: Ledger) -> Facts:
        """The facts of a day, of which only new ones are read. Raises `StoreError`."""
        known = self._facts.get(ledger.date)
        facts = ledger.read(known)
        if known is not None and _same(known, facts):
            facts = known
        with self._lock:
            if facts is not known:
                self._past.pop(ledger.date, None)
            self._facts[ledger.date] = facts
            self._facts.move_to_end(ledger.date)
            while len(self._facts) > DAYS:
                forgotten, _ = self._facts.popitem(last=False)
                self._past.pop(forgotten, None)
        return facts

    def past(self, ledger: Ledger, think: Callable[[Facts], tuple[PastDay, bool]]) -> PastDay:
        """What `think` makes of a day's facts, and whether that is the last word while there are no others."""
        facts = self.facts(ledger)
        known = self._past.get(ledger.date)
        if known is not None:
            return known
        made, last = think(facts)
        with self._lock:
            if last and self._facts.get(ledger.date) is facts:
                self._past[ledger.date] = made
        return made


def _same(known: Facts, facts: Facts) -> bool:
    """Whether nothing has come to what is known. A fact that cannot be read may be one day."""
    same = known.entries.keys() == facts.entries.keys() and known.strangers == facts.strangers
    return same and all(isinstance(fact, Fact) for fact in facts.entries.values())
