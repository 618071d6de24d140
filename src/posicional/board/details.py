"""A file's arrivals and a dataset's rows, as their pages show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from posicional.board.rejects import Rejected, first_rejects
from posicional.board.watched import Watched
from posicional.day.facts import AccountFact, ControlFact, Seen
from posicional.day.keys import INCOMING
from posicional.day.state import fold
from posicional.documents.mapping import LINEAGE
from posicional.records.visible import HIDDEN
from posicional.steps.search import Result, Row

LONGEST = 200
"""Characters of a value that a page shows."""


@dataclass(frozen=True, slots=True)
class Received:
    """One arrival of a file: what came, what became of it, where its bytes went, what of it was rejected."""

    number: int
    at: datetime
    path: str
    size: int
    status: str
    account: AccountFact | None
    controls: tuple[ControlFact, ...]
    problems: tuple[str, ...]
    rejects: tuple[Rejected, ...]


def received(watched: Watched, when: date, name: str, *, reveal: bool) -> list[Received]:
    """Every arrival of a file for a date, in the order of their numbers. Raises `StoreError`."""
    feed, store = watched.feed, watched.outside.store
    facts = watched.facts(when)
    file = fold(feed, facts).files[name]
    found = []
    for one in file.arrivals:
        seen, done = one.seen, file.done(one)
        found.append(
            Received(
                number=one.number,
                at=watched.local(seen.modified if isinstance(seen, Seen) else seen.at),
                path=seen.key.removeprefix(INCOMING) if isinstance(seen, Seen) else "",
                size=seen.size if isinstance(seen, Seen) else 0,
                status=file.status(one),
                account=done.account if done else None,
                controls=done.controls if done else (),
                problems=tuple(problem.text for problem in done.problems) if done else (),
                rejects=tuple(first_rejects(store, done.rejects, file.expected.layout, reveal=reveal)) if done else (),
            )
        )
    return found


def cells(row: Row, found: Result) -> tuple[str, ...]:
    """A row's values as texts, in the order of the columns; personal ones that nothing protects are hidden."""
    return tuple(HIDDEN * 3 if column in found.hidden else _text(row.values.get(column)) for column in columns(found))


def columns(found: Result) -> tuple[str, ...]:
    """The columns of a dataset without those that say where a row came from."""
    return tuple(column for column in found.columns if column not in LINEAGE)


def type_name(type_: Any) -> str:
    """A column's type in few words."""
    return _TYPES.get(str(type_)) or str(type_).replace("decimal128", "decimal").replace(", ", ",")


_TYPES = {
    "date32[day]": "date",
    "timestamp[us]": "timestamp",
    "int64": "integer",
    "int32": "integer",
    "bool": "boolean",
}


def _text(value: object) -> str:
    """A value on one line."""
    text = "" if value is None else value.hex(" ") if isinstance(value, bytes) else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def expected_next(watched: Watched) -> Iterator[tuple[str, str, datetime]]:
    """The files that are still to come, with when: for the date of today and the next one."""
    feed, now = watched.feed, watched.outside.clock.now()
    facts = watched.facts(watched.today)
    missing = fold(feed, facts).missing
    for when, names in ((watched.today, missing), (feed.calendar.next(watched.today), tuple(feed.files))):
        for name in names:
            due = feed.files[name].expected_by or feed.deadline
            at = feed.calendar.due_at(due, when, feed.timezone)
            if at >= now:
                yield feed.name, name, at
