"""A large file as ranges that are read apart, on all cores, and add up to the same as the whole.

Every range must know the number of its first line and the groups that it begins in: a first pass over all ranges counts
their lines and finds the records that open and close groups. Then each range is decoded into parts of its own, and
notes what its control records say; the notes, taken one range after the other, are checked as those of a file read in
one go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from typing import TypeVar

import numpy as np

from posicional.contract.layout import Layout
from posicional.ports import Source, Together
from posicional.records import framing
from posicional.records.blocks import STRIP, Span, plain_blocks, strips
from posicional.records.controls import Mark, Problems, Segment, Walk, check_balance, kept_controls
from posicional.records.conversion import Account, ControlRecord, Problem
from posicional.records.extent import cuts, extent
from posicional.records.framing import Frame
from posicional.records.hashing import LARGE, PIECE, content_pieces
from posicional.records.kinds import Kinds, numbers
from posicional.records.pages import page_of
from posicional.records.rows import MARGIN

RANGE = LARGE
"""Stored bytes of one range at most: a part of 20 to 40 MB of Parquet."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Scan:
    """What the first pass finds in a range: its lines, and the marks of groups in it.

    `marks`: (kind, number of lines before it). `cuttable` is False where there is no line end for longer than a line
    may be: the whole must then be read in one go, to be refused in one place.
    """

    lines: int
    marks: tuple[tuple[str, int], ...]
    cuttable: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What the second pass leaves of a range: its notes, its first control records, and its account without bytes."""

    span: Span
    items: list[Segment | Mark | Problem]
    controls: list[ControlRecord]
    account: Account


@dataclass(frozen=True, slots=True)
class Total:
    """What a whole file adds up to."""

    problems: Problems
    controls: list[ControlRecord]
    account: Account


def joined(layout: Layout, date: date | None, size: int, ranges: Sequence[Told]) -> Total:
    """The ranges of a file of `size` bytes, one after the other, as if they had been read in one go."""
    problems = Problems()
    walk = Walk(layout, date, problems)
    for item in (item for told in ranges for item in told.items):
        if isinstance(item, Problem):
            problems.add(item.reason, item.text, item.line)
        else:
            walk.take(item)
    walk.finish()
    read = sum(told.span.end - told.span.begin for told in ranges)
    counted = Counter[str]()
    for told in ranges:
        counted.update(asdict(told.account))
    account = Account(**(counted | Counter(bytes=size, ignored=size - read)))
    check_balance(account, problems)
    return Total(problems, kept_controls(layout, [one for told in ranges for one in told.controls]), account)


def threads(workers: int) -> Together:
    """Does the work with so many threads of this process.

    Threads, not processes: what takes the time (numpy, Arrow, hashing) lets go of the interpreter's lock, nothing has
    to be sent anywhere, every kind of store works, and so does Lambda, which has no shared memory.
    """
    return partial(_with_threads, workers)


def _with_threads(workers: int, work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    if workers == 1 or len(items) == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(workers, "range") as pool:
        yield from pool.map(work, items)


def is_large(source: Source) -> bool:
    """Whether a file is read in ranges, if it can be."""
    return source.size > RANGE


def digests_by(together: Together, source: Source) -> list[bytes]:
    """The digests of an object's pieces, taken by others."""
    edges = range(0, source.size, LARGE)
    lows = [(low, min(low + LARGE, source.size)) for low in edges]
    return [digest for some in together(partial(_digests, source), lows) for digest in some]


def _digests(source: Source, edges: tuple[int, int]) -> list[bytes]:
    return content_pieces(source, *edges)


def plan(source: Source, layout: Layout, together: Together) -> tuple[Span, ...]:
    """The ranges in which a file is read; none where it is better read in one go.

    Each is looked through first: a part that was written for a range that turns out to be none would stay.
    """
    grouped = any(kind.opens for kind in layout.kinds)
    rewritten = layout.unit == "chars" and page_of(layout.encoding).utf8
    if not is_large(source) or (grouped and rewritten):
        return ()
    begin, end = extent(source, layout)
    found = cuts(source, layout, begin, end, _step(source.size))
    if not found:
        return ()
    lows = [0, *(at for at, _ in found), source.size]
    edges = [begin, *(record for _, record in found), end]
    spans = [Span(*four) for four in zip(lows, lows[1:], edges, edges[1:], strict=False)]
    scans = list(together(partial(scan, source, layout), spans))
    return tuple(_placed(layout, spans, scans)) if all(one.cuttable for one in scans) else ()


def _step(size: int) -> int:
    """Stored bytes of each range: an even number of equal ones, so that no core is left without work at the end.

    A multiple of what is hashed at once, where a range is larger than that.
    """
    count = -(-size // RANGE)
    step = -(-size // (count + count % 2))
    return step if step < PIECE else -(-step // PIECE) * PIECE


def _placed(layout: Layout, spans: Iterable[Span], scans: Iterable[Scan]) -> Iterator[Span]:
    """The ranges with their first lines and the groups that are open there."""
    walk, line = Walk(layout, None, Problems()), 1
    for span, found in zip(spans, scans, strict=True):
        yield replace(span, line=line, opened=walk.opened)
        for kind, before in found.marks:
            walk.take(Mark(kind, line + before, 0, None))
        line += found.lines


def scan(source: Source, layout: Layout, span: Span) -> Scan:
    """The first pass over one range."""
    if any(kind.opens for kind in layout.kinds):
        return _scan_groups(source, layout, span)
    if layout.framing == "fixed":
        return Scan(-(-(span.end - span.begin) // layout.kinds[0].length), (), cuttable=True)
    lines = without = 0
    cuttable = True
    mask = np.empty(STRIP, bool)
    for strip in strips(source, span.begin, span.end):
        feeds = int(np.count_nonzero(np.equal(strip, framing.LF, out=mask[: len(strip)])))
        lines += feeds
        without = 0 if feeds else without + len(strip)
        cuttable = cuttable and without < PIECE
    return Scan(lines, (), cuttable)


def _scan_groups(source: Source, layout: Layout, span: Span) -> Scan:
    """The same where records open and close groups."""
    slack = max(kind.length for kind in layout.kinds) + 4 * MARGIN
    blocks = plain_blocks(source, None, span, span.end, slack)
    groups = _Groups(layout)
    if layout.framing == "fixed":
        frames = framing.fixed_frames(blocks, layout.kinds[0].length)
    else:
        frames = framing.newline_frames(blocks, frozenset(kind.length for kind in layout.kinds))
    lines, cuttable = 0, True
    marks: list[tuple[str, int]] = []
    try:
        for frame in frames:
            marks += groups.marks(frame)
            lines += frame.count
    except framing.FramingLost:
        cuttable = False
    return Scan(lines, tuple(marks), cuttable)


class _Groups:
    """Finds the records that matter to which groups are open: those that open or close one, and the file's trailer."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._kinds = Kinds(layout, page_of(layout.encoding).blank)

    def marks(self, frame: Frame) -> list[tuple[str, int]]:
        """(kind, record of the range), in the order of the frame."""
        kinds = self._layout.kinds
        found = [
            (int(row), kinds[number].name)
            for number, rows in self._kinds.assign(frame).rows
            if kinds[number].is_control
            for row in numbers(rows).tolist()
        ]
        return [(name, frame.line - 1 + row) for row, name in sorted(found)]
