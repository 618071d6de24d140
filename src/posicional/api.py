"""The Python shell: what `posicional.read` and `posicional.dataset` take, put into the words of the rooms below.

These are the public names of the package; `import posicional` loads none of this until one of them is used.
"""

from __future__ import annotations

import os
import uuid
from datetime import date
from typing import TYPE_CHECKING, NoReturn

from posicional.contract.feed import Feed
from posicional.contract.layout import Layout
from posicional.errors import UsageError

if TYPE_CHECKING:
    from posicional.backends.sources import Given
    from posicional.ports import Event, Outside
    from posicional.records.stream import RecordStream
    from posicional.steps.dataset import CurrentParts


def read(
    source: Given,
    layout: Layout | str | os.PathLike[str],
    *,
    table: str | None = None,
    member: str = "",
    date: date | str | None = None,
    max_rejects: int | str = 0,
    allow_empty: bool = False,
) -> RecordStream:
    """Read a positional file as a stream of Arrow batches.

    `source` is a path, the URL of an object (`s3://bucket/key`, `memory://name/key`), bytes, or a file object opened in
    binary mode. `layout` is a `Layout` or the path of its YAML. `table` names the kind of record to read where the
    layout makes several tables, `member` the file to read of an archive that holds several. `date` is the business date
    that a header is checked against. `max_rejects` is how many records may be refused: a count, or a share such as
    `"0.1%"`.

    Raises `ContractError` for a layout with faults and `UsageError` for words that make no sense, both at once; the
    stream raises `DataRefused` behind its last batch where the file as a whole is no good.
    """
    from posicional.backends.sources import open_source
    from posicional.contract.tolerance import parse_tolerance
    from posicional.records.stream import RecordStream

    layout = layout if isinstance(layout, Layout) else Layout.load(os.fspath(layout))
    kind = _kind(layout, table)
    tolerance = parse_tolerance(str(max_rejects))
    day = _day(date) if date is not None else None
    found, name = open_source(source)
    return RecordStream(
        found,
        layout,
        kind=kind,
        path=name,
        member=member,
        date=day,
        tolerance=tolerance.allows,
        allow_empty=allow_empty,
    )


def dataset(
    feed: Feed | str | os.PathLike[str], name: str, date: date | str, *, store: str | os.PathLike[str] | None = None
) -> CurrentParts:
    """Where the Parquet parts of a dataset are, as the day's current run wrote them: `.parts`, `.rows`, `.run`.

    `feed` is a `Feed` or the path of its YAML; `store` (else `POSICIONAL_STORE`) replaces the feed's own. Raises
    `UsageError` for a name that the feed does not have, `NotDone` while no run has made it.
    """
    from posicional.steps.dataset import current_parts

    feed = feed if isinstance(feed, Feed) else Feed.load(os.fspath(feed))
    where = os.fspath(store) if store is not None else os.environ.get("POSICIONAL_STORE") or feed.store
    return current_parts(feed, name, _day(date), _reader_of(where))


def _kind(layout: Layout, table: str | None) -> str:
    """The kind of record that is asked for. Raises `UsageError` that names those there are."""
    kinds = [kind.name for kind in layout.tables("file").values()]
    if table is None and len(kinds) == 1:
        return kinds[0]
    if table in kinds:
        return table
    choices = " or ".join(f"table={name!r}" for name in kinds)
    if table is None:
        raise UsageError(f"the layout makes {len(kinds)} tables", where=layout.name, hint=f"say which: {choices}")
    raise UsageError(f"the layout has no table {table!r}", where=layout.name, hint=f"say {choices}")


def _day(day: date | str) -> date:
    from posicional.contract.calendar import parse_date

    return parse_date(day) if isinstance(day, str) else day


def _reader_of(store: str) -> Outside:
    """The outside of somebody who only looks into a store."""
    from posicional.backends.clock import SystemClock
    from posicional.backends.process import who
    from posicional.backends.store import open_store
    from posicional.ports import Outside

    return Outside(
        store=open_store(store),
        clock=SystemClock(),
        new_id=lambda: uuid.uuid4().hex,
        who=who(),
        engine=_nothing_runs,
        target=None,
        tell=_nobody_listens,
    )


def _nothing_runs() -> NoReturn:
    raise UsageError("looking into a store runs nothing")


def _nobody_listens(event: Event) -> None:
    """Nothing happens that could be told."""
