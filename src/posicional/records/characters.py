"""Positions in characters: frames of UTF-8 text rewritten so that every character is one byte again.

A frame that is all ASCII stays as it is. In others the characters beyond ASCII get the bytes 128-255, by a page that is
made for the frame; a frame with more than 128 different ones is halved until each part has few enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from posicional.records.framing import Frame
from posicional.records.pages import HALF, Page
from posicional.records.rows import MARGIN, Bytes, Index, Ints

_BLANK = ord(" ")
_LATIN = Page("latin-1", None, tuple(map(chr, range(HALF, 256))), _BLANK)


def in_characters(frame: Frame, slack: int) -> Iterator[Frame]:
    """The frame in one-byte characters, in one part or several; `slack` bytes are free behind each part's records.

    Records that are not UTF-8 have no positions: they are named `undecodable`, and blanks stand in their place. So is a
    single record with more than 128 different characters beyond ASCII.
    """
    if frame.ascii:
        yield frame
        return
    low = int(frame.starts[0])
    starts = frame.starts - low
    ends = starts + frame.lengths
    span = frame.data[low : low + int(ends[-1])].copy()
    change = np.zeros(len(span) + 1, np.int8)
    np.add.at(change, starts, 1)
    np.subtract.at(change, ends, 1)
    span[np.cumsum(change[:-1], dtype=np.int8) <= 0] = _BLANK  # line ends and descriptors are no text
    wrong = _undecodable(span, starts, ends)
    for row in wrong.tolist():
        span[starts[row] : ends[row]] = _BLANK
    yield from _parts(frame, span, slice(0, frame.count), wrong, slack)


def _parts(frame: Frame, span: Bytes, rows: slice, wrong: Index, slack: int) -> Iterator[Frame]:
    """The records `rows` rewritten. `span` holds the frame's bytes from its first record on, all of it UTF-8."""
    part = _some(frame, rows)
    starts = part.starts - frame.starts[0]
    ends = starts + part.lengths
    begin = int(starts[0])
    own = span[begin : int(ends[-1])]
    made = _one_byte(own.tobytes().decode())
    if made is None and part.count > 1:
        middle = (rows.start + rows.stop) // 2
        yield from _parts(frame, span, slice(rows.start, middle), wrong, slack)
        yield from _parts(frame, span, slice(middle, rows.stop), wrong, slack)
        return
    place = np.concatenate([[0], np.cumsum((own & 0xC0) != 0x80)])  # characters in front of each byte
    lengths = place[ends - begin] - place[starts - begin]
    undecodable = wrong[(wrong >= rows.start) & (wrong < rows.stop)] - rows.start
    if made is None:
        made, undecodable = (np.full(int(place[-1]), _BLANK, np.uint8), _LATIN), np.zeros(1, np.intp)
    cells, page = made
    data = np.zeros(MARGIN + len(cells) + slack, np.uint8)
    data[MARGIN : MARGIN + len(cells)] = cells
    moved = place[starts - begin] + MARGIN
    gaps = np.diff(moved)
    even = bool((lengths == lengths[0]).all()) and bool((gaps == gaps[0]).all() if len(gaps) else True)
    stride = (int(gaps[0]) if len(gaps) else int(lengths[0])) if even else 0
    yield Frame(
        data=data,
        starts=moved,
        lengths=int(lengths[0]) if stride else lengths,
        extents=part.extents,
        stride=stride,
        at=0,
        line=part.line,
        ascii=False,
        page=page,
        origin=part,
        undecodable=undecodable if len(undecodable) else None,
    )


def _some(frame: Frame, rows: slice) -> Frame:
    """A frame of some of the records."""
    lengths = frame.lengths if isinstance(frame.lengths, int) else frame.lengths[rows]
    extents = frame.extents if isinstance(frame.extents, int) else frame.extents[rows]
    return replace(frame, starts=frame.starts[rows], lengths=lengths, extents=extents, line=frame.line + rows.start)


def _one_byte(text: str) -> tuple[Bytes, Page] | None:
    """The text with one byte for each character, and the page that says which; None if too many differ."""
    try:
        return np.frombuffer(text.encode("latin-1"), np.uint8), _LATIN
    except UnicodeEncodeError:
        points = np.frombuffer(text.encode("utf-32-le"), "<u4")
    known = np.unique(points[points >= HALF])
    if len(known) > HALF:
        return None
    cells = np.where(points < HALF, points, HALF + np.searchsorted(known, points)).astype(np.uint8)
    high = [chr(point) for point in known.tolist()]
    return cells, Page("characters", None, (*high, *[None] * (HALF - len(high))), _BLANK)


def _undecodable(span: Bytes, starts: Ints, ends: Ints) -> Index:
    """The records that are not UTF-8."""
    offsets = np.append(starts, len(span)).astype(np.int32)
    texts = pa.Array.from_buffers(pa.string(), len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(span)])
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        bounds = zip(starts.tolist(), ends.tolist(), strict=True)
        return np.flatnonzero([not _is_utf8(span[start:end].tobytes()) for start, end in bounds])
    return np.empty(0, np.intp)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
