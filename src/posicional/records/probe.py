"""Single fields of chosen records, looked at one by one: what `layout try` and its causes are made of.

Reading a file finds the first fault of each record. A probe takes records out of their file and decodes any field of
them, where it is declared or a few positions beside, with the reader's own columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from posicional.contract.layout import Field, Layout, RecordKind
from posicional.records.columns import Bad
from posicional.records.decode import column_of
from posicional.records.pages import HALF, Page, page_of
from posicional.records.rows import MARGIN, Bytes, Index, Ints, Rows, Work

ASIDE = 3
"""How many positions beside its place a field may be looked for."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of a record. `field` is by itself: at 0, once. It stands at each of `starts` (0-based, layout's unit).

    `name` is dotted inside a group. `figure`: no field of the record, but one that a control names by its positions.
    """

    name: str
    field: Field
    starts: tuple[int, ...]
    personal: bool
    figure: bool = False

    @property
    def where(self) -> str:
        """The positions as people count them: 1-based, inclusive, all occurrences."""
        return f"{self.starts[0] + 1}-{self.starts[-1] + self.field.width}"

    @property
    def is_text(self) -> bool:
        """Whether characters stand there; else they are bytes that no character stands for."""
        return self.field.usage == "display" and self.field.type != "bytes"


def leaves_of(kind: RecordKind) -> tuple[Leaf, ...]:
    """All values of a kind of record, in the order of their positions; then the figures that only controls name."""
    own = [leaf for field in kind.fields for leaf in _leaves(field, "", (0,), personal=False)]
    named = {field.name for field in kind.fields}
    figures = [c.field for c in kind.controls] + ([kind.sequence.field] if kind.sequence else [])
    own += [Leaf(f.name, _alone(f), (f.start,), personal=False, figure=True) for f in figures if f.name not in named]
    return tuple(own)


def _leaves(field: Field, above: str, bases: tuple[int, ...], *, personal: bool) -> Iterator[Leaf]:
    name = f"{above}.{field.name}" if above else field.name
    personal = personal or field.personal
    starts = tuple(base + field.start + n * field.width for base in bases for n in range(field.repeat))
    if field.type == "group":
        for inner in field.fields:
            yield from _leaves(inner, name, starts, personal=personal)
    else:
        yield Leaf(name, _alone(field), starts, personal)


def _alone(field: Field) -> Field:
    return replace(field, start=0, repeat=1)


class Cells:
    """Records side by side, a cell for each position in the layout's unit, blanks behind the shorter ones."""

    def __init__(self, contents: Sequence[bytes], layout: Layout, width: int = 0) -> None:
        self.count = len(contents)
        self.page = page_of(layout.encoding)
        self._pads = layout.short == "pad"
        self._outer: Bytes | None = None
        if layout.unit == "chars" and self.page.utf8:
            texts = [content.decode(errors="replace") for content in contents]
            self.page, contents = _one_byte(texts)
        self.lengths: Ints = np.array([len(content) for content in contents], np.int64)
        self.width = max([width, *self.lengths.tolist()])
        joined = b"".join(_framed(content, self.width, self.page.blank) for content in contents)
        shape = (self.count, self.width + 2 * ASIDE)
        self._inner = np.frombuffer(self.page.inner(joined), np.uint8).reshape(shape)
        if self.page.table is not None:
            self._outer = np.frombuffer(joined, np.uint8).reshape(shape)

    def take(self, leaf: Leaf, shift: int = 0, field: Field | None = None) -> Probed:
        """Decode a value of all records, `shift` positions beside its place, or as another `field` of its width."""
        field = field or leaf.field
        starts = [start + shift for start in leaf.starts]
        inner = _occurrences(self._inner, starts, field.width)
        count = self.count * len(starts)
        work, plain = Work(max(count, 1)), bool(inner.max(initial=0) < HALF)
        lengths = (self.lengths[:, None] - np.array(starts)).reshape(-1) if self._pads else None
        raw, outer = None, None
        if self._outer is not None:
            outer = _occurrences(self._outer, starts, field.width)
            raw = Rows(_flat(outer), MARGIN, field.width, count, False, self.page, work)
        rows = Rows(_flat(inner), MARGIN, field.width, count, plain, self.page, work, raw, lengths)
        column = column_of(field)
        column.begin(count)
        bad = column.take(rows, 0)
        return Probed(self.page, inner, outer, tuple(bad), column.finish(count))


@dataclass(frozen=True, slots=True)
class Probed:
    """A value of some records, decoded. Occurrence k of record i is number i * occurrences + k.

    `inner` and `outer` (None: the same) are the bytes it was made of; `values` are anything where it is bad.
    """

    page: Page
    inner: Bytes
    outer: Bytes | None
    bad: tuple[Bad, ...]
    values: pa.Array

    @property
    def wrong(self) -> Index:
        """The numbers of all bad values, ascending."""
        return np.sort(np.concatenate([np.empty(0, np.intp), *(one.rows for one in self.bad)]))

    def spelled(self, leaf: Leaf, rows: Index) -> Counter[str | bytes]:
        """How some of the values are spelled, and how often: text, or bytes where there is no text."""
        text = leaf.is_text
        cells = np.ascontiguousarray((self.inner if text or self.outer is None else self.outer)[rows])
        found: Counter[str | bytes] = Counter()
        if not cells.size:
            return found
        distinct, counts = np.unique(cells.view(f"V{cells.shape[1]}"), return_counts=True)
        for one, count in zip(distinct.tolist(), counts.tolist(), strict=True):
            decoded = self.page.decode(one) if text else None
            found[one if decoded is None else decoded] += count
        return found

    def text(self, leaf: Leaf, row: int) -> str | bytes:
        """One value as it is spelled."""
        return next(iter(self.spelled(leaf, np.array([row]))))


def _framed(content: bytes, width: int, blank: int) -> bytes:
    pad = bytes([blank])
    return pad * ASIDE + content.ljust(width + ASIDE, pad)


def _occurrences(cells: Bytes, starts: Sequence[int], width: int) -> Bytes:
    """What stands at each of `starts` of every record: a (records * starts, width) matrix, blanks beyond the edge."""
    made = np.full((len(cells), len(starts), width), cells[:, :1].reshape(-1, 1, 1), np.uint8)
    for number, start in enumerate(starts):
        begin = max(start + ASIDE, 0)
        piece = cells[:, begin : begin + width]
        made[:, number, : piece.shape[1]] = piece
    return made.reshape(-1, width)


def _flat(cells: Bytes) -> Bytes:
    data = np.zeros(cells.size + 2 * MARGIN, np.uint8)
    data[MARGIN : MARGIN + cells.size] = cells.reshape(-1)
    return data


def _one_byte(texts: list[str]) -> tuple[Page, list[bytes]]:
    """Texts with one byte for each character. Beyond 128 different ones that are not ASCII, the rarest share one."""
    seen = Counter(char for text in texts if not text.isascii() for char in text if not char.isascii())
    known = [char for char, _ in seen.most_common(HALF - 1)]
    page = Page("characters", None, (*known, *[None] * (HALF - len(known))), ord(" "))
    places = {char: HALF + number for number, char in enumerate(known)}
    return page, [bytes(ord(c) if c.isascii() else places.get(c, 255) for c in text) for text in texts]
