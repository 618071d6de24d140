"""A ruler over records, as mainframe editors have it: positions counted from 1, and where each field lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Span = tuple[str, int, int]
"""A field's name, and its 0-based offsets [begin, end)."""

FILLER = "."


def scale(begin: int, end: int) -> str:
    """The positions of offsets [begin, end): a `+` at every fifth, the tens in full; `begin` is a multiple of ten."""
    marks = ["+" if place % 10 == 5 else "-" for place in range(begin + 1, end + 1)]
    for place in range(begin + 10, end + 1, 10):
        tens = str(place // 10)
        marks[place - begin - len(tens) : place - begin] = tens
    return "".join(marks)


def names(spans: Sequence[Span], begin: int, end: int, length: int) -> str:
    """Under offsets [begin, end): a bar where each field begins, as much of its name as fits, dots for filler."""
    line = [FILLER if place < length else " " for place in range(begin, end)]
    for name, first, last in spans:
        label = ("|" + name).ljust(last - first)[: last - first]
        for place in range(max(first, begin), min(last, end)):
            line[place - begin] = label[place - first]
    return "".join(line).rstrip(" ")


def under(
    rows: Sequence[tuple[str, str]], spans: Sequence[Span], length: int, width: int, *, indent: str = "  "
) -> Iterator[str]:
    """Lines of text: each of `rows` (label, cells) under a ruler, folded to `width` columns.

    A stretch in which no row has anything but blanks is one line.
    """
    gutter = max((len(label) for label, _ in rows), default=0)
    room = max(10, (width - len(indent) - gutter - 1) // 10 * 10)
    end = max([length, *(len(cells) for _, cells in rows)])
    blank: tuple[int, int] | None = None
    for begin in range(0, end, room):
        stop = min(begin + room, end)
        if begin and not any(cells[begin:stop].strip() for _, cells in rows):
            blank = (blank[0] if blank else begin, stop)
            continue
        yield from _blank(blank, indent, gutter)
        blank = None
        yield f"{indent}{'':{gutter}} {scale(begin, stop)}"
        if spans:
            yield f"{indent}{'':{gutter}} {names(spans, begin, stop, length)}"
        for label, cells in rows:
            yield f"{indent}{label:>{gutter}} {cells[begin:stop]}".rstrip(" ")
    yield from _blank(blank, indent, gutter)


def _blank(stretch: tuple[int, int] | None, indent: str, gutter: int) -> Iterator[str]:
    if stretch:
        yield f"{indent}{'':{gutter}} {stretch[0] + 1}-{stretch[1]}: blank"
