"""The reader's laws: what was written comes back; whatever the bytes, it says what the slow reader says, and ends."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from oracle.encoder import encode_file
from oracle.files import broken, good_files
from oracle.layouts import DAY, layouts
from oracle.product import differences, read_fast, small_blocks
from oracle.slow_reader import Reading, read
from posicional.contract.layout import Layout
from posicional.errors import UsageError

FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=800, suppress_health_check=[HealthCheck.too_slow])

block_sizes = st.sampled_from([None, None, (256, 1), (512, 3), (1000, 7)])
"""None: as it is; else bytes of a block and records of a frame."""


def fast(content: bytes, layout: Layout, sizes: tuple[int, int] | None, **given: Any) -> Reading:
    """The product's reading; layouts that it does not know yet are passed over."""
    try:
        with small_blocks(*sizes) if sizes else nullcontext():
            return read_fast(content, layout, **given)
    except UsageError:
        reject()


@st.composite
def framed(draw: st.DrawFn, layout: Layout, raws: list[bytes]) -> bytes:
    """Records as a sender may frame them: either line end, the last one or not, any size of block."""
    line_end = draw(st.sampled_from([b"\n", b"\r\n"]))
    return encode_file(layout, raws, line_end=line_end, last_end=draw(st.booleans()), block=draw(st.integers(1, 3)))


def what_was_written_comes_back(data: st.DataObject) -> None:
    """For every type, usage, encoding, framing and block size."""
    layout = data.draw(layouts())
    written = data.draw(good_files(layout))
    content = data.draw(framed(layout, written.raws))
    reading = fast(content, layout, data.draw(block_sizes), date=DAY, allow_empty=True)
    assert reading.problems == []
    assert reading.rejects == []
    by_line: dict[int, dict[str, Any]] = {control.line: control.values for control in reading.controls}
    by_line |= {row["_line"]: row for table in reading.tables.values() for row in table}
    for line, (kind, values, _) in enumerate(written.records, start=1):
        known = by_line[line]
        assert kind.is_control or {name: known[name] for name in values} == values


def it_says_what_the_slow_reader_says(data: st.DataObject) -> None:
    """Whatever happened to a file."""
    layout = data.draw(layouts())
    written = data.draw(good_files(layout))
    content = data.draw(broken(data.draw(framed(layout, written.raws)), layout))
    assert differences(read(content, layout, date=DAY), fast(content, layout, data.draw(block_sizes), date=DAY)) == []


def any_bytes_are_read_as_the_slow_reader_does(data: st.DataObject) -> None:
    """Even where no sender ever saw the layout."""
    layout = data.draw(layouts())
    content = data.draw(st.lists(st.sampled_from(b"0159 \n\r\x1a\x00A{-.\xff\x40\xf0\x0c")).map(bytes) | st.binary())
    assert differences(read(content, layout, date=DAY), fast(content, layout, data.draw(block_sizes), date=DAY)) == []


LAWS = [what_was_written_comes_back, it_says_what_the_slow_reader_says, any_bytes_are_read_as_the_slow_reader_does]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law(law: Any) -> None:
    """A sample of each law, for every run."""
    FEW(given(st.data())(law))()


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law_at_length(law: Any) -> None:
    """The same laws with many more examples."""
    MANY(given(st.data())(law))()
