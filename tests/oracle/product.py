"""The product's reader, run over bytes in memory, and what it says put in the words of the slow reader."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oracle.slow_reader import ControlSeen, Reading, Reject, no_rejects
from posicional.contract.layout import Field, Layout
from posicional.records import blocks, framing, reader
from posicional.records.conversion import Conversion

CATEGORIES = {
    "unknown kind": "kind",
    "matches two kinds": "ambiguous",
    "too short": "short",
    "too long": "long",
    "framing lost": "frame",
    "not in the encoding": "encoding",
    "required": "required",
    "not a number": "value",
    "not a date": "value",
    "not a time": "value",
    "not a timestamp": "value",
    "not a boolean": "value",
    "too many digits": "digits",
    "not allowed": "enum",
    "out of range": "range",
}
"""The reasons in the product's rejects, and the slow reader's category of each."""

LINEAGE = {"_file": pa.string(), "_line": pa.int64(), "_byte": pa.int64(), "_group": pa.int64()}


@dataclass(frozen=True)
class Bytes:
    """A source in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:
        """A stream over [start, stop)."""
        return io.BytesIO(self.data[start : len(self.data) if stop is None else stop])


@dataclass
class Parts:
    """A sink in memory: what was closed stands in `made`."""

    made: dict[str, bytes] = field(default_factory=dict)

    def open(self, name: str) -> BinaryIO:
        """A stream for a new part."""
        return _Part(self, name)


class _Part(io.BytesIO):
    def __init__(self, parts: Parts, name: str) -> None:
        super().__init__()
        self._parts, self._name = parts, name

    def close(self) -> None:
        if not self.closed:
            assert self._name not in self._parts.made, "a part is written once"
            self._parts.made[self._name] = self.getvalue()
        super().close()


def read_fast(
    data: bytes,
    layout: Layout,
    *,
    file: str = "file",
    key: str = "file.txt",
    date: date | None = None,
    allows: Callable[[int, int], bool] = no_rejects,
    allow_empty: bool = False,
) -> Reading:
    """Convert a file with the product, and read its Parquet back. The columns' types are checked here."""
    sink, refused = Parts(), Parts()
    found = reader.convert(
        Bytes(data), layout, sink, refused, file=file, path=key, date=date, tolerance=allows, allow_empty=allow_empty
    )  # fmt: skip
    return reading_of(found, layout, file, sink.made, refused.made)


def reading_of(
    found: Conversion, layout: Layout, file: str, made: dict[str, bytes], refused: dict[str, bytes]
) -> Reading:
    """A conversion and its parts in the slow reader's words."""
    assert {part.name for part in found.parts} == set(made), "every part is named, and nothing else is written"
    assert {part.name for part in found.rejects} == set(refused)
    tables: dict[str, list[Any]] = {table: [] for table in layout.tables(file)}
    for part in found.parts:
        assert part.bytes == len(made[part.name])
        table = pq.read_table(pa.BufferReader(made[part.name]))
        assert table.num_rows == part.rows
        grouped = any(kind.opens for kind in layout.kinds)
        check_types(table.schema, layout.tables(file)[part.table].fields, grouped=grouped)
        tables[part.table] += table.to_pylist()
    assert {table: len(rows) for table, rows in tables.items()} == dict(found.tables)
    rejects = [row for part in found.rejects for row in pq.read_table(pa.BufferReader(refused[part.name])).to_pylist()]
    return Reading(
        tables,
        [
            Reject(r["line"], r["byte"], r["kind"] or "", r["field"] or "", CATEGORIES[r["reason"]], r["raw"])
            for r in rejects
        ],
        [ControlSeen(c.kind, c.line, c.byte, dict(c.values)) for c in found.controls],
        found.account,
        [(problem.reason, problem.line) for problem in found.problems],
    )


def check_types(schema: pa.Schema, fields: tuple[Field, ...], *, grouped: bool) -> None:
    """A table has the columns that the design says, and no others."""
    expected = {one.name: arrow_type(one) for one in fields} | LINEAGE
    if not grouped:
        del expected["_group"]
    assert {name: _plain(schema.field(name).type) for name in schema.names} == expected


def _plain(kind: pa.DataType) -> pa.DataType:
    """A type without the dictionary that Parquet may have brought back."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def arrow_type(one: Field) -> pa.DataType:
    """The Arrow type of a field, by the design."""
    if one.type == "group":
        return pa.list_(pa.struct([pa.field(inner.name, arrow_type(inner)) for inner in one.fields]))
    plain = {
        "string": pa.string(),
        "date": pa.date32(),
        "time": pa.string(),
        "timestamp": pa.timestamp("us"),
        "boolean": pa.bool_(),
        "bytes": pa.binary(),
    }
    if one.type == "integer":
        kind = pa.int64() if one.digits <= 18 else pa.decimal128(one.digits, 0)
    elif one.type == "decimal":
        kind = pa.decimal128(one.digits, one.scale)
    else:
        kind = plain[one.type]
    return pa.list_(kind) if one.repeat > 1 else kind


@contextmanager
def small_blocks(piece: int, rows: int) -> Iterator[None]:
    """The product reads blocks of `piece` bytes and frames of `rows` records, as it does with files beyond memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "PIECE", piece)
        patch.setattr(framing, "FRAME_ROWS", rows)
        yield


def differences(slow: Reading, fast: Reading) -> list[str]:
    """Where the product disagrees with the slow reader: nothing, when all is well."""
    found = []
    if not fast.account.balanced:
        found.append(f"the account is not balanced: {fast.account}")
    if slow.account != fast.account:
        found.append(f"account: expected {slow.account}, got {fast.account}")
    expected = {problem for problem, _ in slow.problems}
    if expected != {problem for problem, _ in fast.problems}:
        found.append(f"problems: expected {slow.problems}, got {fast.problems}")
    for table, rows in slow.tables.items():
        found += _compared(f"table {table}", rows, fast.tables[table])
    found += _compared("rejects", *_alike(_sorted(slow.rejects), _sorted(fast.rejects)))
    found += _compared("controls", [_plain_values(c) for c in slow.controls], [_plain_values(c) for c in fast.controls])
    return found


def _sorted(rejects: list[Reject]) -> list[Reject]:
    """By place. Bytes that are no text at all may also be told as no number, no date: the one as true as the other."""
    told = [replace(one, reason="value") if one.field and one.reason == "encoding" else one for one in rejects]
    return sorted(told, key=lambda reject: reject.byte)


def _alike(slow: list[Reject], fast: list[Reject]) -> tuple[list[Reject], list[Reject]]:
    """Of a file whose framing is lost the product keeps the first bytes only, as many as it has at hand."""
    if slow and fast and slow[-1].reason == fast[-1].reason == "frame" and fast[-1].raw:
        slow = [*slow[:-1], replace(slow[-1], raw=slow[-1].raw[: len(fast[-1].raw)])]
    return slow, fast


def _plain_values(control: ControlSeen) -> tuple[str, int, int, dict[str, Any]]:
    values = {name: value for name, value in control.values.items() if not isinstance(value, (list, bytes))}
    return control.kind, control.line, control.byte, values


def _compared(what: str, slow: list[Any], fast: list[Any]) -> list[str]:
    if len(slow) != len(fast):
        return [f"{what}: expected {len(slow)}, got {len(fast)}: {slow!r} but {fast!r}"]
    return [f"{what}: expected {a!r}, got {b!r}" for a, b in zip(slow, fast, strict=True) if a != b]
