"""Rejected records under a ruler of their fields, from the rejects that a conversion kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from posicional.contract.layout import Layout, RecordKind
from posicional.day.facts import PartFact
from posicional.errors import StoreError
from posicional.ports import Store

SHOWN = 20
"""Rejects that a page shows; all of them are in the rejects' Parquet."""

LONGEST = 4000
"""Characters of a record that a page shows."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be decoded. `ruler`: lines of text, the record under the names of its fields."""

    line: int
    byte: int
    field: str
    start: int
    stop: int
    reason: str
    expected: str
    ruler: tuple[str, ...]


def first_rejects(store: Store, parts: Sequence[PartFact], layout: Layout, *, reveal: bool) -> Iterator[Rejected]:
    """The first rejects of an arrival; personal characters are hidden unless `reveal`. Raises `StoreError`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    left = SHOWN
    for part in parts:
        if left <= 0:
            return
        try:
            data = store.source(store.head(part.key)).open().read()
            rows = next(pq.ParquetFile(pa.BufferReader(data)).iter_batches(batch_size=left), None)
        except pa.ArrowException:
            raise StoreError("the rejects cannot be read", where=part.key) from None
        for row in rows.to_pylist() if rows else ():
            left -= 1
            yield _rejected(row, layout, reveal=reveal)


def _rejected(row: dict[str, Any], layout: Layout, *, reveal: bool) -> Rejected:
    from posicional.records.visible import cells_of

    kind = next((one for one in layout.kinds if one.name == row["kind"]), None)
    cells = cells_of(row["raw"][: 4 * LONGEST], layout)[:LONGEST]
    if not reveal:
        cells = _hidden(cells, [kind] if kind else layout.kinds)
    return Rejected(
        line=row["line"],
        byte=row["byte"],
        field=row["field"] or "",
        start=row["start"] or 0,
        stop=row["stop"] or 0,
        reason=row["reason"],
        expected=row["expected"],
        ruler=tuple(_ruler(cells, kind)),
    )


def has_personal(layout: Layout) -> bool:
    """Whether any field of the layout is personal."""
    return any(field.holds_personal for kind in layout.kinds for field in kind.fields)


def _hidden(cells: str, kinds: Sequence[RecordKind]) -> str:
    """The record without its personal characters. Where its kind is not known, those of every kind are hidden; where
    its length is wrong, fields may have moved, so all that is not blank is.
    """
    from posicional.records.visible import HIDDEN

    moved = not any(len(cells) == kind.length for kind in kinds)
    spans = [(field.start, field.stop) for kind in kinds for field in kind.fields if field.holds_personal]
    if not spans:
        return cells
    return "".join(
        HIDDEN if char != " " and (moved or any(start <= place < stop for start, stop in spans)) else char
        for place, char in enumerate(cells)
    )


def _ruler(cells: str, kind: RecordKind | None) -> Iterator[str]:
    """The record, the positions over it and the names under it; a browser scrolls what is long."""
    from posicional.records.ruler import names, scale

    end = max(len(cells), kind.length if kind else 0)
    yield scale(0, end)
    yield cells
    if kind:
        spans = [(field.name, field.start, field.stop) for field in kind.fields]
        yield names(spans, 0, end, kind.length)
