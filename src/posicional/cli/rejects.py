"""Rejects on the terminal: where, what was expected, and the value itself unless it is personal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from posicional.contract.layout import Field, Layout

SHOWN = 5
"""Rejects that are named; all of them are in the rejects' file."""


def show_rejects(parts: Sequence[Path], layout: Layout, name: str) -> None:
    """Print the first rejects, a line each: `contratos line 1042 (byte 125961), inicio 41-48: not a date: …`."""
    import pyarrow.parquet as pq

    total = shown = 0
    for part in parts:
        file = pq.ParquetFile(part)
        total += file.metadata.num_rows
        first = next(file.iter_batches(batch_size=SHOWN)) if shown < SHOWN else None
        for row in first.to_pylist()[: SHOWN - shown] if first else ():
            click.echo(f"{name} {_line(row, layout)}", err=True)
            shown += 1
    if total > shown:
        click.echo(f"… and {total - shown:,} more rejects", err=True)


def _line(row: dict[str, Any], layout: Layout) -> str:
    where = f"line {row['line']} (byte {row['byte']})"
    if not row["field"]:
        kind = f", {row['kind']}" if row["kind"] else ""
        return f"{where}{kind}: {row['reason']}, expected {row['expected']}"
    field = _field(layout, row["kind"], row["field"])
    value = "" if field is None else f": {_value(row, field, layout)}"
    return f"{where}, {row['field']} {row['start']}-{row['stop']}: {row['reason']}{value}"


def _field(layout: Layout, kind: str | None, name: str) -> Field | None:
    first = name.partition(".")[0]
    return next((f for k in layout.kinds if k.name == kind for f in k.fields if f.name == first), None)


def _value(row: dict[str, Any], field: Field, layout: Layout) -> str:
    """What stands in the field, as text where it is text; hidden where the field is personal."""
    from posicional.records.pages import page_of
    from posicional.records.visible import spelling

    if field.holds_personal:
        return "(personal, hidden)"
    page = page_of(layout.encoding)
    start, stop = row["start"] - 1, row["stop"]
    if layout.unit == "chars" and (text := page.decode(page.inner(row["raw"]))) is not None:
        return spelling(text[start:stop], page, is_text=True)
    raw: bytes = row["raw"][start:stop]
    is_text = field.usage == "display" and field.type != "bytes"
    return spelling(page.inner(raw) if is_text else raw, page, is_text=is_text)
