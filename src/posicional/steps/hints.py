"""What an event about an object hints at: business dates that should be looked at. Nothing more is taken from it."""

from __future__ import annotations

from datetime import date

from posicional.contract.feed import Feed
from posicional.contract.pattern import ignored
from posicional.day.keys import INCOMING
from posicional.ports import Outside
from posicional.steps.days import Window
from posicional.steps.incoming import incoming


def dates_of(feed: Feed, outside: Outside, key: str) -> tuple[date, ...]:
    """The business dates that an object is of, also one that only says that others are whole; none of another feed's.
    One of a file with `use: latest` is of the newest date as well.

    What lies there is listed only where the date is not in the name. Raises `UsageError` for a name that two files
    claim, `StoreError`.
    """
    path = key.removeprefix(INCOMING)
    if path == key or ignored(path):
        return ()
    dates: set[date] = set()
    in_name = True
    for expected in feed.files.values():
        stem = path
        before, mark, after = expected.marker.partition("{name}")
        if mark and path.startswith(before) and path.endswith(after):
            stem = path[len(before) : len(path) - len(after)]
        whole = expected.parts.marker if expected.parts else None
        match = expected.pattern.match(path) or expected.pattern.match(stem) or (whole.match(path) if whole else None)
        if match is None:
            continue
        if match.date is not None and expected.date_from is None:
            dates.add(match.date)
            if expected.use_latest:  # it may be what the newest date waits for
                dates.add(Window.at(feed, outside.clock.now()).newest)
        else:
            in_name = False
    if not in_name:
        lying = incoming(feed, outside)
        dates |= {
            day
            for day, files in lying.days.items()
            if any(one.key == key for deliveries in files.values() for each in deliveries for one in each.objects)
        }
        dates |= set(lying.unfinished)
    return tuple(sorted(day for day in dates if feed.calendar.is_business_date(day)))
