"""Where to begin to look: the first of the records that had a file refused. Its place and the reason, not its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posicional.day.facts import PartFact, ProblemFact
from posicional.errors import StoreError
from posicional.ports import Store

LARGEST = 16 << 20
"""Bytes of a part that is read for its first record."""

OF_A_RECORD = ("too short", "too long")
"""Reasons that say more with what was expected."""


def first_reject(store: Store, parts: Sequence[PartFact], *, alone: bool) -> ProblemFact | None:
    """The first reject as a problem of its file; None where its part is too large, or cannot be read, for that.

    `alone`: the arrival is one object, which need not be named. A refusal is told without it rather than not at all.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    part = next(iter(parts), None)
    if part is None or part.bytes > LARGEST:
        return None
    try:
        data = store.source(store.head(part.key)).open().read()
        row = next(pq.ParquetFile(pa.BufferReader(data)).iter_batches(batch_size=1)).to_pylist()[0]
    except (pa.ArrowException, StoreError):
        return None
    where = "" if alone else f"{row['file']}: "
    return ProblemFact(reason="rejects", text=f"{where}{_text(row)}", line=row["line"])


def _text(row: dict[str, Any]) -> str:
    if row["field"]:
        return f"line {row['line']}, {row['field']} {row['start']}-{row['stop']}: {row['reason']}"
    expected = f", expected {row['expected']}" if row["reason"] in OF_A_RECORD else ""
    return f"line {row['line']}: {row['reason']}{expected}"
