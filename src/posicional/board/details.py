"""A file's arrivals and a dataset's rows, as their pages show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from posicional.board.look import Watched
from posicional.board.rejects import Rejected, first_rejects
from posicional.day.facts import AccountFact, ControlFact, Seen
from posicional.day.journal import Ledger
from posicional.day.keys import INCOMING
from posicional.day.state import fold
from posicional.records.visible import HIDDEN
from posicional.steps.dataset import current_dataset
from posicional.steps.latest import with_latest

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 20
"""Rows of a dataset that a page shows."""

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
    facts = with_latest(feed, watched.outside, Ledger(watched.outside, feed.name, when).read())
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


@dataclass(frozen=True, slots=True)
class Preview:
    """A dataset as its current run made it: where its parts are, its columns (name, type), its first rows as text."""

    run: int
    count: int
    parts: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]


def preview(watched: Watched, when: date, name: str) -> Preview:
    """The current parts of a dataset, and what stands in the first. Raises `NotDone`, `StoreError`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    store = watched.outside.store
    run, made = current_dataset(watched.feed, name, when, watched.outside)
    data = store.source(store.head(made.parts[0].key)).open().read()
    file = pq.ParquetFile(pa.BufferReader(data))
    batch = next(file.iter_batches(batch_size=ROWS), None)
    plain = {column for column, (word, _) in watched.feed.datasets[name].protect.items() if word == "plain"}
    rows = tuple(tuple(_text(value, column in plain) for column, value in row.items()) for row in _rows(batch))
    columns = tuple((field.name, str(field.type)) for field in file.schema_arrow)
    return Preview(run, made.rows, tuple(store.locate(part.key) for part in made.parts), columns, rows)


def _rows(batch: pa.RecordBatch | None) -> list[dict[str, Any]]:
    return batch.to_pylist() if batch else []


def _text(value: object, personal: bool) -> str:
    """A value on one line; hidden where it is a personal one that nothing protects in the dataset."""
    if personal and value is not None:
        return HIDDEN * 3
    text = "" if value is None else value.hex(" ") if isinstance(value, bytes) else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def expected_next(watched: Watched) -> Iterator[tuple[str, str, datetime]]:
    """The files that are still to come, with when: for the date of today and the next one."""
    feed, now = watched.feed, watched.outside.clock.now()
    facts = with_latest(feed, watched.outside, Ledger(watched.outside, feed.name, watched.today).read())
    missing = fold(feed, facts).missing
    for when, names in ((watched.today, missing), (feed.calendar.next(watched.today), tuple(feed.files))):
        for name in names:
            due = feed.files[name].expected_by or feed.deadline
            at = feed.calendar.due_at(due, when, feed.timezone)
            if at >= now:
                yield feed.name, name, at
