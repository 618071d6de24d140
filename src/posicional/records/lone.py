"""One record of a file by itself, found by where it begins, so that it can be shown as its layout has it."""

from __future__ import annotations

from dataclasses import replace

from posicional.contract.layout import Field, Layout, RecordKind
from posicional.errors import DataRefused
from posicional.ports import Source
from posicional.records.descriptors import SIZE
from posicional.records.framing import LONGEST
from posicional.records.hashing import read_exactly

_STEP = 1 << 16


def record_at(source: Source, layout: Layout, byte: int) -> bytes:
    """The record whose content begins at `byte`, with its descriptor or line end; a record of `lone(layout)`.

    Raises `DataRefused` where none can begin there, `StoreError`.
    """
    if not 0 <= byte < source.size:
        raise DataRefused("no record begins there", expected=f"a byte below {source.size}", got=str(byte))
    match layout.framing:
        case "newline":
            return _line(source, byte)
        case "fixed":
            return _bytes(source, byte, min(byte + layout.kinds[0].length, source.size))
        case _:
            head = _bytes(source, max(byte - SIZE, 0), byte)
            length = int.from_bytes(head[:2], "big")
            if len(head) < SIZE or length < SIZE or byte - SIZE + length > source.size:
                raise DataRefused("no record begins there", got=f"byte {byte}")
            return head + _bytes(source, byte, byte - SIZE + length)


def lone(layout: Layout, *, reveal: bool) -> Layout:
    """The layout as it is for one record that stands alone: nothing before or behind it is expected.

    `reveal`: no field is personal.
    """
    kinds = tuple(_lone(kind, reveal=reveal) for kind in layout.kinds)
    return replace(layout, kinds=kinds, framing="rdw" if layout.framing == "bdw" else layout.framing)


def _lone(kind: RecordKind, *, reveal: bool) -> RecordKind:
    fields = tuple(map(_revealed, kind.fields)) if reveal else kind.fields
    return replace(kind, fields=fields, checks=(), controls=(), sequence=None, opens="", closes="")


def _revealed(field: Field) -> Field:
    return replace(field, personal=False, fields=tuple(map(_revealed, field.fields)))


def _line(source: Source, byte: int) -> bytes:
    found = bytearray()
    for low in range(byte, min(source.size, byte + LONGEST), _STEP):
        piece = _bytes(source, low, min(low + _STEP, source.size))
        end = piece.find(b"\n") + 1
        found += piece[: end or None]
        if end:
            break
    return bytes(found)


def _bytes(source: Source, low: int, high: int) -> bytes:
    piece = bytearray(high - low)
    if piece:
        with source.open(low, high) as stream:
            read_exactly(stream, memoryview(piece), low)
    return bytes(piece)
