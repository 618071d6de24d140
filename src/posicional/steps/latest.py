"""Files with `use: latest`: while a date has none of its own, the newest usable arrival of an earlier date counts.

An earlier date's arrival stands in the ledger of that date, whether the feed has such a business date or not. A
finished day needs none of this: its run's claim says what was taken, so that a newer one does not move it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date, timedelta

from posicional.contract.feed import ExpectedFile, Feed
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import DecisionKey, DoneKey, FactKey, SeenKey
from posicional.day.state import fold
from posicional.ports import Outside


def with_latest(feed: Feed, outside: Outside, facts: Facts) -> Facts:
    """The facts of a day, with those of the earlier dates whose arrivals count there.

    Goes back day by day, `lookback` days at most, and only for a file that needs it. Raises `StoreError`.
    """
    needed = needs(feed, facts)
    found = {file.name: _newest(feed, outside, file, facts.date) for file in needed}
    return dataclasses.replace(facts, earlier={name: one for name, one in found.items() if one is not None})


def needs(feed: Feed, facts: Facts) -> list[ExpectedFile]:
    """The files for which an earlier date is asked: none on a finished day, none that the date has itself."""
    if not any(file.use_latest for file in feed.files.values()):
        return []
    day = fold(feed, facts)
    files = [] if day.settled else day.files.values()
    return [file.expected for file in files if file.expected.use_latest and file.current is None]


def of_file(name: str) -> Callable[[FactKey], bool]:
    """Tells the facts that say how a file stands."""
    return lambda key: isinstance(key, DecisionKey) or (isinstance(key, SeenKey | DoneKey) and key.file == name)


def _newest(feed: Feed, outside: Outside, file: ExpectedFile, day: date) -> Facts | None:
    for back in range(1, feed.lookback + 1):
        facts = Ledger(outside, feed.name, day - timedelta(days=back)).read(wanted=of_file(file.name))
        if facts.entries and fold(feed, facts).files[file.name].current is not None:
            return facts
    return None
