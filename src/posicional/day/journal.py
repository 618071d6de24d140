"""The only reader and writer of facts.

A fact is one object, created once. A store may apply a write and report failure, and may refuse a write because of our
own earlier try, so after any refusal or unclear error the fact is read back: ours = won, another's = lost, absent = try
again. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypedDict

from posicional.day.facts import Claim, End, Fact, Unreadable, read_fact
from posicional.day.keys import FactKey, TurnKey, ledger_prefix, parse_key
from posicional.day.series import Busy, C, E, Free, Silent, Turn, standing
from posicional.errors import ObjectExists, ObjectMissing, StoreError
from posicional.ports import Outside

TRIES = (0.0, 0.05, 0.2, 0.8, 2.0)
"""Seconds to wait before each try at a write that neither stands nor was refused by another's."""


class Signature(TypedDict):
    """What makes a fact ours."""

    writer: str
    at: datetime
    who: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts of a day as they stood when the ledger was listed. `strangers` are names that no fact has.

    `earlier`: file -> facts of the earlier date whose arrival counts here (`use: latest`).
    """

    feed: str
    date: date
    entries: Mapping[FactKey, Fact | Unreadable] = field(default_factory=dict)
    strangers: tuple[str, ...] = ()
    earlier: Mapping[str, Facts] = field(default_factory=dict)


EndOf = Callable[[int, Signature, str], End]
"""Makes the end that says that turn n was abandoned, and why."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The facts of one day of one feed, in the store that `outside` names."""

    outside: Outside
    feed: str
    date: date

    @property
    def prefix(self) -> str:
        """Where the facts are."""
        return ledger_prefix(self.feed, self.date)

    def sign(self) -> Signature:
        """A fresh signature: use it for one fact only."""
        return sign(self.outside)

    def read(self, known: Facts | None = None, wanted: Callable[[FactKey], bool] = lambda _key: True) -> Facts:
        """Every fact of the day that is `wanted`. Facts never change, so those in `known` are not read again."""
        entries: dict[FactKey, Fact | Unreadable] = {}
        strangers = []
        for found in self.outside.store.list(self.prefix):
            name = found.key.removeprefix(self.prefix)
            key = parse_key(name)
            if key is None:
                strangers.append(name)
            elif not wanted(key):
                continue
            elif known is not None and isinstance(known.entries.get(key), Fact):
                entries[key] = known.entries[key]
            else:
                entries[key] = read_fact(key, self.outside.store.read(found.key), found.modified)
        return Facts(self.feed, self.date, entries, tuple(strangers))

    def write(self, key: FactKey, fact: Fact) -> bool:
        """Create a fact. True = ours stands; False = another's does. Raises `StoreError` when neither could be had."""
        return write_fact(self.outside, f"{self.prefix}{key}", fact)

    def claim(self, series: str, turns: Sequence[Turn[C, E]], claim: Claim, abandon: EndOf) -> int | None:
        """Take the next number of a series; the number, or None when the facts must be read again first.

        `turns` are the series' turns as just folded. None: the last turn is live, or was silent and has now been ended
        as abandoned (its sleeper's own end then loses), or somebody else was faster.
        """
        match standing(turns, self.outside.clock.now(), self.outside.gone):
            case Silent(number, why):
                self.write(TurnKey(series, number, "end"), abandon(number, self.sign(), why))
            case Free(number):
                return number if self.write(TurnKey(series, number, "claim"), claim) else None
            case Busy():
                pass
        return None


def sign(outside: Outside) -> Signature:
    """A fresh signature: use it for one fact only."""
    return {"writer": outside.new_id(), "at": outside.clock.now(), "who": outside.who}


def write_fact(outside: Outside, path: str, fact: Fact) -> bool:
    """Create a fact. True = ours stands; False = another's does. Raises `StoreError` when neither could be had."""
    store, data = outside.store, fact.to_bytes()
    failure: StoreError | None = None
    for wait in TRIES:
        if wait:
            outside.clock.sleep(wait)
        try:
            store.create(path, data)
        except ObjectExists:
            pass
        except StoreError as error:
            failure = error
        else:
            return True
        try:
            return store.read(path) == data
        except ObjectMissing:
            continue
        except StoreError as error:
            failure = failure or error
    raise failure or StoreError(
        "the store says that the fact exists and that it does not",
        where=path,
        hint="look at the store's state, then run the command again",
    )
