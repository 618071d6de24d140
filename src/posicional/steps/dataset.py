"""Where a dataset's current parts are: nobody lists a data prefix to find data."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import date

from posicional.contract.feed import Feed
from posicional.day.facts import DatasetFact, RunEnd
from posicional.day.journal import Ledger
from posicional.day.state import Run, fold
from posicional.errors import NotDone, UsageError
from posicional.ports import Outside


@dataclass(frozen=True, slots=True)
class CurrentParts:
    """The parts (paths or URLs) of a dataset as run `run` wrote them, and their rows."""

    run: int
    rows: int
    parts: tuple[str, ...]


def current_parts(feed: Feed, name: str, day: date, outside: Outside) -> CurrentParts:
    """The parts of dataset `name` that count for a date.

    Raises `UsageError` for a name that the feed does not have, `NotDone` while no run has made it.
    """
    if name not in feed.datasets:
        near = difflib.get_close_matches(name, feed.datasets, 1)
        raise UsageError(
            f"{feed.name} has no dataset {name!r}",
            where=str(feed.path),
            hint=f"did you mean {near[0]}?" if near else f"it has {', '.join(feed.datasets)}",
        )
    run, made = current_dataset(feed, name, day, outside)
    return CurrentParts(run.number, made.rows, tuple(outside.store.locate(part.key) for part in made.parts))


def current_dataset(feed: Feed, name: str, day: date, outside: Outside) -> tuple[Run, DatasetFact]:
    """The run that counts for a date, and what it says of a dataset of the feed. Raises `NotDone`."""
    run = fold(feed, Ledger(outside, feed.name, day).read()).run
    made = run.end.datasets.get(name) if run and isinstance(run.end, RunEnd) else None
    if run is None or made is None:
        text = feed.calendar.format_date(day)
        raise NotDone(f"no run has made {name} for {text} yet", where=feed.name, hint="posicional status says why")
    return run, made
