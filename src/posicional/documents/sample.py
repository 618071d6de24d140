"""A few rows, chosen by a seed, held against what the index gives back for them.

The documents are read as their reader would: JSON, whose numbers, dates and texts must be the values of the row again.
Differences name columns, never values.
"""

from __future__ import annotations

import base64
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from random import Random
from typing import Any

import pyarrow as pa

from posicional.documents.bodies import ids
from posicional.documents.mapping import LINEAGE, OWN

SIZE = 200
"""How many rows are looked at."""

_UNKNOWN = object()


class Sample:
    """Rows that are picked from batches on their way: `size` of `rows` at most, the same ones for the same `seed`."""

    def __init__(self, rows: int, seed: str, size: int = SIZE) -> None:
        # A choice that may be foreseen: it is to be the same again, not a secret.
        self._places = sorted(Random(seed).sample(range(rows), min(size, rows)))  # noqa: S311
        self._picked: list[pa.RecordBatch] = []

    def passing(self, batches: Iterable[pa.RecordBatch], first: int = 0) -> Iterator[pa.RecordBatch]:
        """The same batches, from row `first` (0-based) of all on; what has been picked of them is remembered."""
        next_ = bisect_left(self._places, first)
        for batch in batches:
            mine = []
            while next_ < len(self._places) and self._places[next_] < first + batch.num_rows:
                mine.append(self._places[next_] - first)
                next_ += 1
            if mine:
                self._picked.append(batch.take(pa.array(mine, pa.int64())))
            first += batch.num_rows
            yield batch

    def add(self, other: Sample) -> None:
        """Take in what the same sample has picked of other rows."""
        self._picked += other._picked

    def rows(self, key: Sequence[str], hashed: bytes = b"") -> dict[str, dict[str, Any]]:
        """The rows that were picked, by the ids of their documents."""
        found = {}
        for batch in self._picked:
            columns = {name: _values(batch.column(name)) for name in batch.schema.names}
            for place, name in enumerate(ids(batch, key, hashed).to_pylist()):
                found[name] = {column: values[place] for column, values in columns.items()}
        return found


def _values(column: pa.Array) -> list[Any]:
    """Values as Python has them; those that it cannot have (a day of the year 12000) are not looked at."""
    try:
        return list(column.to_pylist())
    except (OverflowError, ValueError):
        return [_value(each) for each in column]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return _UNKNOWN


def differences(row: Mapping[str, Any], source: Mapping[str, Any], zone: tzinfo) -> Counter[str]:
    """Columns whose value in a document is another than in its row, and words of the document that are no columns.

    `zone` is the one of wall clocks.
    """
    own = source.get(OWN, {})
    places = {name: own.get(LINEAGE[name]) if name in LINEAGE else source.get(name) for name in row}
    wrong = [name for name, got in places.items() if not _same(row[name], got, zone)]
    return Counter([*wrong, *(word for word in source if word not in row and word != OWN)])


def _same(value: Any, got: Any, zone: tzinfo) -> bool:  # noqa: PLR0911 - one line for each type
    """Whether what JSON says is this value again."""
    if value is _UNKNOWN:
        return True
    if value is None or got is None:
        return value is got
    try:
        match value:
            case bool() | int() | str():
                return type(got) is type(value) and bool(got == value)
            case float():
                return float(got) == value
            case Decimal():
                return Decimal(str(got)) == value
            case datetime() if value.tzinfo:
                return datetime.fromisoformat(got) == value
            case datetime():
                return _wall_clock(value, datetime.fromisoformat(got), zone)
            case date():
                return date.fromisoformat(got) == value
            case bytes():
                return base64.b64decode(got, validate=True) == value
    except (ValueError, TypeError, InvalidOperation):
        return False
    return False


def _wall_clock(value: datetime, got: datetime, zone: tzinfo) -> bool:
    """Whether a moment shows this time on the zone's clocks. A time that they show twice, or skip, has two offsets;
    documents have them in whole minutes.
    """
    offsets = [offset for fold in (0, 1) if (offset := value.replace(tzinfo=zone, fold=fold).utcoffset()) is not None]
    minute, offset = timedelta(minutes=1), got.utcoffset()
    near = offset is not None and min(offsets) - minute < offset < max(offsets) + minute
    return near and got.replace(tzinfo=None) == value
